# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What killed processes left behind, and what commits have replaced: files that no reader and no writer needs any more.

A file is garbage only when it has been untouched for ``AGE`` and nobody who is alive can want it. A writer's sign of life is its
staging folder, in which it writes now and then since when it is at work; what it has written to the tables is younger than
that. A reader holds a version of a table that was the newest when it began, within ``AGE``. All times are those of the storage:
the clock of this machine may be wrong, and that of another one wrong in another way.

Rows of slice-scoped tables of an attempt that another has replaced go, too, unless a published release was made from it; they
leave the newest version of their table, and their files are garbage a day later.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from codecommons.errors import LakeError
from codecommons.lake import commits
from codecommons.lake.files import DataFile, data_files
from codecommons.lake.staging import SIGN_OF_LIFE
from codecommons.lake.storage import Storage, lake_errors

if TYPE_CHECKING:
    from codecommons.lake.lake import Lake

AGE = dt.timedelta(hours=24)


@dataclass(frozen=True)
class Garbage:
    """Something that can go.

    Attributes:
        path: from the root of the lake: a staging folder, or a data file of a table.
        bytes: its size.
        files: how many files it is.
    """

    path: str
    bytes: int
    files: int = 1


@dataclass(frozen=True)
class Superseded:
    """Rows of a slice-scoped table of an attempt that another has replaced.

    Attributes:
        table: its name.
        attempt: slice, source and attempt.
        files: where the rows are.
    """

    table: str
    attempt: tuple[str, ...]
    files: tuple[DataFile, ...]


def garbage(lake: Lake, now: dt.datetime | None = None) -> list[Garbage]:
    """Find what nobody needs any more, by path; nothing is changed.

    Args:
        lake: the lake.
        now: the time by the lake's storage, which is asked unless it is given.

    Raises:
        LakeError: the lake can't be read. A damaged table is left as it is.
    """
    storage = lake.storage
    cutoff = (now or clock(storage)) - AGE
    abandoned, begun = _staging(storage, cutoff)
    with ThreadPoolExecutor(8) as threads:
        names = [table.name for table in lake.stored()]
        found = list(threads.map(partial(_unreferenced, storage, cutoff=min([cutoff, *begun])), names))
    return sorted([*abandoned, *chain.from_iterable(found)], key=lambda one: one.path)


def free(lake: Lake, found: list[Garbage]) -> None:
    """Remove what ``garbage`` found; what is gone already is no error.

    Raises:
        LakeError: something can't be removed.
    """
    for one in found:
        path = lake.path(one.path)
        with lake_errors(f"removing {path}"):
            if lake.fs.exists(path):
                lake.fs.rm(path, recursive=True)


def clock(storage: Storage) -> dt.datetime:
    """The time by the clock that files are dated with.

    Raises:
        LakeError: nothing can be written there.
    """
    path = storage.path("_staging", f"clock-{uuid.uuid4().hex}")
    with lake_errors(f"writing {path}"):
        storage.fs.pipe_file(path, b"")
        now = modified(storage.fs.info(path))
        storage.fs.rm(path)
    return now


def superseded(lake: Lake, kept: Collection[tuple[str, str, str]] = (), now: dt.datetime | None = None) -> list[Superseded]:
    """Attempts whose rows no reader sees any more, by table; nothing is changed.

    Args:
        lake: the lake.
        kept: attempts (slice, source, attempt) that are needed all the same, such as those that releases were made from.
        now: see ``garbage``.

    Raises:
        LakeError: the lake can't be read.
    """
    storage = lake.storage
    cutoff = (now or clock(storage)) - AGE
    # Somebody at work writes news before the log says so.
    cutoff = min([cutoff, *_staging(storage, cutoff)[1]])
    wanted = {*kept, *lake.log.live().iter_rows()}
    found = []
    for table in (table for table in lake.tables().values() if table.scope == "slice"):
        files: dict[tuple[str, ...], list[DataFile]] = {}
        for file in lake.files(table):
            files.setdefault(tuple(value for _, value in file.partition), []).append(file)
        written = {path: modified(info) for path, info in files_below(storage, storage.path(table.name)).items()} if files else {}
        for attempt, some in sorted(files.items()):
            old = all(written.get(storage.path(table.name, unquote(file.path)), cutoff) < cutoff for file in some)
            if old and attempt not in wanted:
                found.append(Superseded(table.name, attempt, tuple(some)))
    return found


def let_go(lake: Lake, found: Sequence[Superseded]) -> None:
    """Take the rows of superseded attempts out of the newest version of their tables.

    Raises:
        LakeError: a table can't be read or written.
    """
    for name in sorted({one.table for one in found}):
        paths = {file.path for one in found if one.table == name for file in one.files}

        def prepare(delta: DeltaTable, paths: set[str] = paths) -> list[AddAction | RemoveAction]:
            live = set(lake.log.live().iter_rows())  # one may have come to life again
            files = [file for file in data_files(delta) if file.path in paths]
            return [file.remove() for file in files if tuple(value for _, value in file.partition) not in live]

        commits.commit_loop(lake.storage, lake.tables()[name], prepare, {"what": "superseded attempts"})


def _staging(storage: Storage, cutoff: dt.datetime) -> tuple[list[Garbage], list[dt.datetime]]:
    """Staging folders whose writer is gone, and when those who are not began."""
    folders: dict[str, list[Mapping[str, Any]]] = {}
    root = storage.path("_staging")
    for path, info in files_below(storage, root).items():
        folders.setdefault(path.removeprefix(f"{root}/").partition("/")[0], []).append(info)
    abandoned, begun = [], []
    for name, files in folders.items():
        times = [modified(info) for info in files]
        if max(times) < cutoff:
            abandoned.append(Garbage(f"_staging/{name}", sum(info["size"] for info in files), len(files)))
        else:
            begun.append(_begun(storage, f"{root}/{name}", min(times)))
    return abandoned, begun


def _begun(storage: Storage, folder: str, oldest: dt.datetime) -> dt.datetime:
    """When a writer that is alive began: as it says, or at its oldest file."""
    try:
        return min(oldest, dt.datetime.fromisoformat(storage.fs.cat_file(f"{folder}/{SIGN_OF_LIFE}").decode()))
    except (FileNotFoundError, ValueError):
        return oldest


def _unreferenced(storage: Storage, table: str, cutoff: dt.datetime) -> list[Garbage]:
    try:
        return list(_replaced(storage, table, cutoff))
    except LakeError:  # a damaged table: nobody can tell what of it is wanted
        return []


def _replaced(storage: Storage, table: str, cutoff: dt.datetime) -> Iterator[Garbage]:
    """Data files that no version of a table names which was the newest at some time since the cutoff."""
    root = storage.path(table)
    there = files_below(storage, root)
    log = {path: info for path, info in there.items() if path.startswith(f"{root}/_delta_log/") and path.endswith(".json")}
    versions = {int(path.rpartition("/")[2].removesuffix(".json")): path for path in log}
    if not versions:
        return
    oldest = max((version for version, path in versions.items() if modified(log[path]) < cutoff), default=min(versions))
    with lake_errors(f"table {table} in {storage.settings.lake}"):
        delta = DeltaTable(storage.uri(table), version=oldest, storage_options=storage.options)
        wanted = {file.path for file in data_files(delta)}
        for version in (version for version in versions if version > oldest):
            wanted |= commits.added_files(storage.fs.cat_file(versions[version]))
    # Every data file has a name of its own, and a log may write the folders before it in another way.
    names = {path.rpartition("/")[2] for path in wanted}
    for path, info in there.items():
        below, name = path.removeprefix(f"{root}/"), path.rpartition("/")[2]
        if name.endswith(".parquet") and not below.startswith("_") and name not in names and modified(info) < cutoff:
            yield Garbage(f"{table}/{below}", info["size"])


def files_below(storage: Storage, folder: str) -> dict[str, Mapping[str, Any]]:
    """Every file below a folder, by path, with what the storage says of it."""
    with lake_errors(f"reading {folder}"):
        found: dict[str, Mapping[str, Any]] = storage.fs.find(folder, detail=True)
    return found


def modified(info: Mapping[str, Any]) -> dt.datetime:
    """When a file was written last: S3 says it as a time, a disk as seconds."""
    written: dt.datetime | None = info.get("LastModified")
    return written or dt.datetime.fromtimestamp(info["mtime"], dt.UTC)
