# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What of a content may lie in the home beside the lake: archives and repositories it came in, marts, pictures in Dagster."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from codecommons.archive.repository import present
from codecommons.archive.scratch import remove_abandoned
from codecommons.errors import CodeCommonsError
from codecommons.lake.erasing import Erased
from codecommons.lake.storage import lake_errors
from codecommons.settings import Settings

# Folders of the cache that are emptied, as an archive doesn't say what is in it, and plans count every file; what is derived from
# our own rules stays.
_EMPTIED = ("archives", "downloads", "plans")
_REPOSITORIES = ("git", "bundles")
# A picture of what differs in a pair of texts, as it stands in an event of Dagster's (see ``dedup.overview.differences``).
_DIFF = re.compile(r"```diff\\n.*?```", re.DOTALL)
_ERASED_DIFF = r"```diff\\n(erased)\\n```"


def at_work(settings: Settings) -> list[str]:
    """Folders of work in the cache whose processes are alive, sorted."""
    remove_abandoned(settings)
    return sorted(path.name for path in (settings.cache / "scratch").glob("*") if path.is_dir())


def clear(settings: Settings, contents: pl.Series) -> Iterator[tuple[str, Erased]]:
    """Clear the home of what may hold contents (sha1_git), place by place; all of it is made or fetched again when it is needed.

    Raises:
        LakeError: something can't be removed.
    """
    ids = set(contents)
    for name in _EMPTIED:
        yield f"cache/{name}", _removed([settings.cache / name])
    for name in _REPOSITORIES:
        repositories = sorted(path for path in (settings.cache / name).glob("*") if path.is_dir())
        yield f"cache/{name}", _removed([path for path in repositories if _holds(path, ids)])
    # What DuckDB had no room for, of processes that were killed; and half a download.
    leftovers = [*settings.cache.glob("duckdb-*"), settings.cache / "scratch", settings.home / "scratch"]
    yield "scratch", _removed(leftovers)
    catalogue = settings.catalogue
    yield "marts", _removed([settings.marts, *catalogue.parent.glob(f"{catalogue.name}*")])
    yield "dagster", _erase_pictures(settings.dagster_home)


def _holds(repository: Path, ids: set[bytes]) -> bool:
    """Whether a repository has one of the objects, reachable or not; one that git can't open might, and half a fetch."""
    try:
        return next(repository.rglob("tmp_*"), None) is not None or bool(present(repository, ids))
    except (CodeCommonsError, OSError, ValueError):
        return True


def _removed(paths: list[Path]) -> Erased:
    gone = Erased()
    for path in sorted(paths):
        with lake_errors(f"removing {path}"):
            files = [one for one in path.rglob("*") if one.is_file() and not one.is_symlink()] if path.is_dir() else [path]
            there = [one.lstat().st_size for one in files if one.exists()]
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        gone += Erased(0, len(there), sum(there))
    return gone


def _erase_pictures(dagster_home: Path) -> Erased:
    """Take texts out of the pictures of pairs that runs have left in Dagster's SQLite files."""
    changed = 0
    for file in sorted(dagster_home.rglob("*.db")):
        with lake_errors(f"writing {file}"), contextlib.closing(sqlite3.connect(file, timeout=60)) as database:
            here = sum(_erase_column(database, *place) for place in _text_columns(database))
            if here:
                database.commit()
                database.execute("vacuum")
                database.execute("pragma wal_checkpoint(truncate)")
            changed += here
    return Erased(changed)


def _text_columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
    named = [(table, row) for table in tables for row in database.execute(f'pragma table_info("{table}")')]
    return [(table, row[1]) for table, row in named if row[2].upper().startswith(("TEXT", "VARCHAR"))]


def _erase_column(database: sqlite3.Connection, table: str, column: str) -> int:
    database.execute("pragma secure_delete = on")
    where = f'from "{table}" where "{column}" like ?'
    found = database.execute(f'select rowid, "{column}" {where}', ("%```diff%",)).fetchall()
    new = [(_DIFF.sub(_ERASED_DIFF, text), at) for at, text in found]
    changed = [one for one, (_, text) in zip(new, found, strict=True) if one[0] != text]
    database.executemany(f'update "{table}" set "{column}" = ? where rowid = ?', changed)
    return len(changed)
