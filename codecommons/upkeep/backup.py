# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Copies of a lake, and a lake from a copy.

A backup is a folder, local or on S3, that holds files as they lie in the lake, and one list a backup of those it consists of
(``backups/NAME.json``, written last). Data files never change and have names of their own, so the next backup copies what is new
and no more; what does change (``lake.json``, what people write) lies in ``backups/NAME``. What is listed is consistent while
others write: the version of every table is fixed first, the log of slices before all others and what is pointed to after what
points to it, so that whatever a reader can see in the copy has all below it.

Of the home, what only people could write again is in it too: specifications, policies, and what is followed. Keys, requests to
opt out and caches are not.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from codecommons.datasets.releases import NOTE
from codecommons.errors import LakeError, UsageError
from codecommons.lake import Lake
from codecommons.lake.files import data_files, open_table
from codecommons.lake.garbage import files_below
from codecommons.lake.schemas import COMMIT_ORDER, Table
from codecommons.lake.storage import Storage, lake_errors
from codecommons.settings import BUCKET, Settings

_LISTS, _FILES, _MARKER, _BEGUN = "backups", "files", "codecommons-backup.json", "restoring.json"
_HOME = ("datasets", "policies", "sources.yaml")
_LOGGED = re.compile(r"(\d{20})\.(?:json|checkpoint\.parquet|checkpoint\.[\w.-]*parquet)")
_NAMED = re.compile(r"[\dTZ-]*", re.ASCII)
_CHUNK = 8 << 20
_AT_ONCE = 8


@dataclass(frozen=True)
class Backup:
    """One backup.

    Attributes:
        name: when it was begun, UTC: ``2026-01-31T120000Z``.
        where: the folder, or ``s3://…``.
        files: how many it consists of, and their ``bytes``.
        copied: how many of them were not there before, and their ``copied_bytes``.
    """

    name: str
    where: str
    files: int
    bytes: int
    copied: int = 0
    copied_bytes: int = 0


@dataclass(frozen=True)
class _File:
    """A file to copy: its path (``lake/…`` or ``home/…``), its size, and its sha256 once it is known.

    ``own`` is the backup in whose folder it lies, where that of all backups has another file of that path.
    """

    path: str
    bytes: int
    sha256: str = ""
    own: str = ""


def backup(lake: Lake, where: str, now: dt.datetime | None = None, tell: Callable[[str], None] = lambda _: None) -> Backup:
    """Copy a lake to a folder or an S3 prefix; what a backup before has copied is not copied again.

    Args:
        lake: the lake; others may go on writing to it.
        where: the folder, or ``s3://bucket/prefix``.
        now: what the backup is named after.
        tell: is told of each step.

    Raises:
        UsageError: there is something else at ``where``, or the backups of another lake, or it is in the lake.
        LakeError: something can't be read or written; run it again, and it goes on.
    """
    target = _place(lake.settings, where)
    _refuse_inside(lake.settings, target)
    source = open_table(lake.storage, lake.tables()["slice_log"]).metadata().id
    _mark(target, str(source))
    name = (now or dt.datetime.now(dt.UTC)).strftime("%Y-%m-%dT%H%M%SZ")
    tell("listing what belongs to it")
    files = list(_files(lake))
    known = {file.path: file for one in _lists(target) for file in _read(target, one)}
    with lake_errors(f"reading {where}"):
        there = {
            path.removeprefix(f"{target.path(_FILES)}/"): info["size"]
            for path, info in target.fs.find(target.path(_FILES), detail=True).items()
        }
    other = _gone_another_way(lake, files, known)
    kept: dict[str, _File] = {}
    new: list[_File] = []
    for file in files:
        before = known.get(file.path, file)
        if before is file or _changes(file):
            new.append(file)
        elif before.bytes != file.bytes or file.path in other:  # what was copied before belongs to the backups before
            new.append(replace(file, own=name))
        elif not before.own and there.get(file.path) != file.bytes:
            new.append(file)
        else:
            kept[file.path] = before
    tell(f"copying {len(new):,} of {len(files):,} files")
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        copied = list(threads.map(partial(_copy_there, lake, target, name), new))
    every = kept | {file.path: file for file in copied}
    document = {
        "name": name,
        "lake": lake.settings.lake,
        "bucket_bits": lake.settings.bucket_bits,
        "files": [[*astuple(file)[: 4 if file.own else 3]] for _, file in sorted(every.items())],
    }
    with lake_errors(f"writing to {where}"):
        target.fs.pipe_file(target.path(_LISTS, f"{name}.json"), json.dumps(document).encode())
    return Backup(name, where, len(every), sum(f.bytes for f in every.values()), len(copied), sum(file.bytes for file in copied))


def backups(settings: Settings, where: str) -> list[Backup]:
    """The backups at a place, oldest first.

    Raises:
        UsageError: there is none.
        LakeError: they can't be read.
    """
    place = _place(settings, where)
    found = []
    for name in _lists(place):
        files = _read(place, name)
        found.append(Backup(name, where, len(files), sum(file.bytes for file in files)))
    if not found:
        raise UsageError(f"there is no backup at {where}; `codecommons lake backup {where}` makes one")
    return found


def restore(settings: Settings, where: str, name: str | None = None, tell: Callable[[str], None] = lambda _: None) -> Backup:
    """Make the lake of these settings from a backup; every file is checked against the digest it was copied with.

    Args:
        settings: name the lake, which must not be there, and the home.
        where: the folder or ``s3://…`` of the backup.
        name: of the backup, or how it begins; the newest by default.
        tell: is told of each step.

    Raises:
        UsageError: there is something where the lake should be, or no such backup.
        LakeError: a file of the backup is missing or not what it was; nothing of it counts as a lake then.
    """
    every = backups(settings, where)
    found = [one for one in every if one.name.startswith(name or "")]
    if not found:
        raise UsageError(f"there is no backup {name} at {where}; there are {', '.join(one.name for one in every)}")
    chosen = found[-1]
    place, target = _place(settings, where), Storage(settings)
    _refuse_inside(settings, place)
    begun = json.dumps({"backup": where, "name": chosen.name}).encode()
    with lake_errors(f"opening {settings.lake}"):
        there = files_below(target, target.path())
        half = target.path(_BEGUN)
        if there and not (half in there and target.fs.cat_file(half) == begun):
            raise UsageError(
                f"there is something at {settings.lake}, and restoring overwrites nothing; move it away, or let CODECOMMONS_HOME "
                "or CODECOMMONS_LAKE name another place"
            )
        target.fs.pipe_file(half, begun)
    sizes = {path.removeprefix(f"{target.path()}/"): info["size"] for path, info in there.items()}
    files = _read(place, chosen.name)
    # What makes it a lake comes last, so that half of one is none.
    last = [file for file in files if file.path == "lake/lake.json"]
    todo = [file for file in files if file not in last and sizes.get(file.path.removeprefix("lake/")) != file.bytes]
    tell(f"copying {len(todo):,} of {len(files):,} files")
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(partial(_copy_back, place, target, settings, chosen.name), todo))
    for file in last:
        _copy_back(place, target, settings, chosen.name, file)
    with lake_errors(f"removing {half}"):
        target.fs.rm(half)
    return replace(chosen, copied=len(todo) + len(last), copied_bytes=sum(file.bytes for file in (*todo, *last)))


def _place(settings: Settings, where: str) -> Storage:
    """The files of a backup; on S3 with the keys of the environment."""
    if where.startswith("s3://"):
        bucket = where.removeprefix("s3://").partition("/")[0]
        if not BUCKET.fullmatch(bucket):
            raise UsageError(f"{where}: {bucket!r} is no name of a bucket; write s3://BUCKET/PREFIX or a folder")
        given = dict(settings.storage_options) or dict(settings.export_options)
        return Storage(replace(settings, lake=where.rstrip("/"), storage_options=tuple(sorted(given.items()))))
    if "://" in where:
        raise UsageError(f"{where} is neither a folder nor s3://BUCKET/PREFIX")
    return Storage(replace(settings, lake=str(Path(where).expanduser().absolute()), storage_options=()))


def _refuse_inside(settings: Settings, place: Storage) -> None:
    one, other = f"{settings.lake.rstrip('/')}/", f"{place.settings.lake.rstrip('/')}/"
    if one.startswith(other) or other.startswith(one):
        raise UsageError(f"{place.settings.lake} and the lake {settings.lake} lie in each other; a backup lies somewhere else")


def _mark(target: Storage, source: str) -> None:
    """Make the place one for backups of this lake, if it is empty.

    Raises:
        UsageError: it is not, and isn't.
    """
    where, marker = target.settings.lake, target.path(_MARKER)
    with lake_errors(f"opening {where}"):
        if target.fs.exists(marker):
            said = json.loads(target.fs.cat_file(marker))
            if said.get("lake") != source:
                raise UsageError(f"{where} holds the backups of another lake; choose another place")
            return
        if files_below(target, target.path()):
            raise UsageError(f"{where} is not empty and holds no backups; choose an empty place")
        target.fs.pipe_file(marker, json.dumps({"what": "backups of a lake of CodeCommons", "lake": source}).encode())


def _lists(place: Storage) -> list[str]:
    with lake_errors(f"reading {place.settings.lake}"):
        return sorted(path.rpartition("/")[2].removesuffix(".json") for path in place.fs.glob(place.path(_LISTS, "*.json")))


def _read(place: Storage, name: str) -> list[_File]:
    path = place.path(_LISTS, f"{name}.json")
    with lake_errors(f"reading {path}"):
        text = place.fs.cat_file(path)
    try:
        files = [_File(*row) for row in json.loads(text)["files"]]
        if odd := next((file.path for file in files if not _ours(file.path) or not _NAMED.fullmatch(file.own)), None):
            raise ValueError(odd)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LakeError(f"{path} is damaged: it does not list the files of a backup; use another backup") from error
    return files


def _ours(path: str) -> bool:
    """Whether a path leads into the lake or to what people write in the home: a list may come from anywhere."""
    kind, first, *_ = parts = path.split("/")
    return not {"", ".", ".."} & set(parts) and (kind == "lake" or (kind == "home" and first in _HOME))


def _files(lake: Lake) -> Iterator[_File]:
    """Every file of a consistent state of the lake, and what people wrote in the home."""
    for path in sorted(lake.fs.glob(lake.path("datasets", "*", "*", "fingerprint.json"))):
        folder = path.rpartition("/")[0]
        for file, info in files_below(lake.storage, folder).items():
            yield _File(f"lake/{file.removeprefix(f'{lake.path()}/')}", info["size"])
    for table in _in_order(lake.stored()):
        yield from _of_table(lake, table)
    yield _File("lake/lake.json", lake.fs.size(lake.path("lake.json")))
    home = lake.settings.home
    for name in _HOME:
        for one in sorted((home / name).rglob("*")) if (home / name).is_dir() else [home / name]:
            if one.is_file():
                yield _File(f"home/{one.relative_to(home).as_posix()}", one.stat().st_size)


def _in_order(tables: Iterable[Table]) -> list[Table]:
    """What points to something before what it points to."""
    # A text that has a signature has all its pairs.
    rank = {name: at for at, name in enumerate(("slice_log", "signature", "", *reversed(COMMIT_ORDER)))}
    return sorted(tables, key=lambda table: (rank.get(table.name, rank[""]), table.name))


def _of_table(lake: Lake, table: Table) -> Iterator[_File]:
    """The data files of a table's newest version, and its log up to there."""
    delta = open_table(lake.storage, table)
    version = delta.version()
    for file in data_files(delta):
        yield _File(f"lake/{table.name}/{file.path}", file.bytes)
    for path, info in files_below(lake.storage, lake.path(table.name, "_delta_log")).items():
        found = _LOGGED.fullmatch(path.rpartition("/")[2])
        if found and int(found[1]) <= version:
            yield _File(f"lake/{path.removeprefix(f'{lake.path()}/')}", info["size"])


def _gone_another_way(lake: Lake, files: Iterable[_File], known: Mapping[str, _File]) -> set[str]:
    """Entries of logs that are others than what was copied under their names: the lake was restored from an earlier backup since.

    Entries are numbered, and those of two lakes that were one are of the same size more often than not. From the first that is
    another one on all are, so most of the time one of each table is looked at.
    """
    logs: dict[str, list[_File]] = defaultdict(list)
    for file in files:
        if "/_delta_log/" in file.path and file.path in known and known[file.path].bytes == file.bytes:
            logs[file.path.rpartition("/")[0]].append(file)

    def differs(file: _File) -> bool:
        path = lake.path(file.path.removeprefix("lake/"))
        with lake_errors(f"reading {path}"):
            return hashlib.sha256(lake.fs.cat_file(path)).hexdigest() != known[file.path].sha256

    def others(entries: list[_File]) -> list[str]:
        entries.sort(key=lambda file: file.path)
        return [file.path for file in entries if differs(file)] if differs(entries[-1]) else []

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return set(chain.from_iterable(threads.map(others, logs.values())))


def _changes(file: _File) -> bool:
    """Whether a file may be another one later under the same name."""
    return file.path.startswith("home/") or file.path.rpartition("/")[2] in ("lake.json", NOTE)


def _where(file: _File, name: str) -> str:
    """Where a file of a backup lies."""
    return f"{_LISTS}/{file.own or name}/{file.path}" if file.own or _changes(file) else f"{_FILES}/{file.path}"


def _copy_there(lake: Lake, target: Storage, name: str, file: _File) -> _File:
    kind, _, path = file.path.partition("/")
    source = lake.storage if kind == "lake" else Storage(replace(lake.settings, lake=str(lake.settings.home), storage_options=()))
    copied = _copy(source, path, target, _where(file, name), file)
    if copied.bytes != file.bytes and not _changes(file):
        raise LakeError(
            f"{source.path(path)} has {copied.bytes:,} bytes, not {file.bytes:,}: it is damaged, and no backup is made; "
            "`codecommons lake repair` puts it right, then run the same command again"
        )
    return copied


def _copy_back(place: Storage, target: Storage, settings: Settings, name: str, file: _File) -> None:
    kind, _, path = file.path.partition("/")
    if kind == "home":
        if (settings.home / path).exists():  # what somebody has there by now is theirs
            return
        target = Storage(replace(settings, lake=str(settings.home), storage_options=()))
    if _copy(place, _where(file, name), target, path, file).sha256 != file.sha256:
        there = place.path(_where(file, name))
        raise LakeError(f"{there} is not what it was when it was backed up; restore an earlier backup, or bring that file back")


def _copy(source: Storage, path: str, target: Storage, name: str, file: _File) -> _File:
    """Copy a file piece by piece; says its size and digest as they were read."""
    digest, size = hashlib.sha256(), 0
    there = target.path(name)
    with lake_errors(f"copying {source.path(path)} to {there}"):
        if not target.remote:
            Path(there).parent.mkdir(parents=True, exist_ok=True)
        with source.fs.open(source.path(path), "rb") as opened, target.fs.open(there, "wb") as sink:
            while chunk := opened.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                sink.write(chunk)
    return replace(file, bytes=size, sha256=digest.hexdigest())
