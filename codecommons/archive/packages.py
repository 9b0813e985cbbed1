# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What package registries have in common: one archive a version, and a synthetic release for it as Software Heritage makes them.

A visit of a package holds the versions that its slice names, and nothing else, so a slice is a function of its input. The
root directory is the one that contains the archive's members (``requests-2.31.0/`` or ``package/`` is an entry of it), as
in Software Heritage's package loaders; so is everything else that identifiers depend on: a branch is
``releases/VERSION``, HEAD is an alias of the version that a registry shows first, if that is one branch, and an archive
without the file that says what it is (``PKG-INFO``, ``package.json``) gives no release.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from codecommons.archive.objects import Rows
from codecommons.archive.source import LOADER_VERSION, Item, Outcome, Source, Visit, Work, sources, unexpected
from codecommons.archive.tally import Note, Tally
from codecommons.archive.tree import Tree, build_tree
from codecommons.archive.unpack import Member, members
from codecommons.errors import ItemError
from codecommons.lake import Lake, SliceInput, StagedFile, StagingArea
from codecommons.settings import Settings
from codecommons.swhid import Date, Release

NO_METADATA = "no-metadata"
_EXTID_TYPE = "package-archive"
# Packed bytes of the archives of one task, unless a single one is larger: some tasks a worker, so that all end together,
# but no more than this, as every task makes a file a table.
_TASK_BYTES, _TASKS_A_WORKER = 8 << 20, 4
R = TypeVar("R")


class PackageSource(Source):
    """A registry of versioned packages."""

    # The file whose contents name the author, one level below the root.
    document: bytes

    @abstractmethod
    def split(self, item: str) -> tuple[str, str]:
        """Name and version of an item."""

    @abstractmethod
    def origin(self, name: str) -> str:
        """The package's purl."""

    @abstractmethod
    def fetch(self, wanted: SliceInput, settings: Settings) -> Path:
        """Bring a resolved item's archive into the cache, verified against its sha256.

        Raises:
            ItemError: it can't be had, or is another archive.
        """

    @abstractmethod
    def release(self, row: SliceInput, tree: Tree) -> tuple[bytes, bytes]:
        """Author and message of the release of a resolved item.

        Raises:
            ItemError: ``no-metadata``: the archive doesn't say what it is.
        """

    @abstractmethod
    def version_key(self, version: str) -> Any:
        """A sort key: the registry's own order of versions."""

    def is_stable(self, version: str) -> bool:
        """Whether a registry would show the version first; it shows a pre-release only when there is nothing else."""
        return True

    def tag(self, version: str) -> str:
        """The name of the release."""
        return version

    def is_local(self, text: str) -> bool:
        """See ``Source.is_local``: a name and a version mean what the registry has."""
        return False

    def origin_of(self, row: SliceInput) -> str:
        """The purl of a resolved item, where it takes more than the name."""
        return self.origin(self.split(row.item)[0])

    def branch(self, row: SliceInput) -> str:
        """The branch of a resolved item, without ``releases/``."""
        return row.version or self.split(row.item)[1]

    def packed_bytes(self, archive: Path) -> int:
        """Size of what was fetched."""
        return archive.stat().st_size

    def unpacked(self, archive: Path, settings: Settings) -> AbstractContextManager[Iterable[Member]]:
        """The members of what was fetched; leaving the context cleans up.

        Raises:
            ItemError: it can't be read or is not safe to be.
        """
        return nullcontext(members(archive, settings))

    def date(self, row: SliceInput, tree: Tree) -> Date | None:
        """Date of the release: when the version was uploaded, in whole seconds."""
        uploaded = upload_time(row)
        moment = parse_time(uploaded) if isinstance(uploaded, str) else None
        if moment is None:
            what = f"the index doesn't say when {row.item} was uploaded; its release has no date"
            tree.tally.notes.append(Note("no-upload-time", what, kept=True))
            return None
        return Date(int(moment.timestamp()))

    def load(self, work: Work, inputs: list[SliceInput]) -> Outcome:
        """See ``Source.load``."""
        settings = work.lake.settings
        errors: dict[str, ItemError] = {}
        pinned = list(_each(inputs, lambda row: self._pin(row, settings), errors, self.at_once))
        resolved_rows = {row.item: row for row in pinned}
        inputs = [resolved_rows.get(row.item, row) for row in inputs]
        known = _known(work.lake, {row.item: self._extid(row, settings) for row in pinned})
        unknown = [row for row in pinned if row.item not in known]
        fetched = list(_each(unknown, lambda row: (row, self._fetch(row, settings)), errors, self.at_once))
        archives = [_Archive(row, path, self.packed_bytes(path), self._extid(row, settings)) for row, path in fetched]
        results = list(work.engine.map(_load_archives, _tasks(self.name, archives, work.area, work.engine.workers), name=str))
        loaded = {one.item: one for some, _ in results for one in some}
        before = _last_good(work.lake, work.day, self.name)
        items = [self._item(row, known, loaded, errors, before) for row in inputs]
        return Outcome(items, self._visits(inputs, items), [staged for _, staged in results])

    def _pin(self, row: SliceInput, settings: Settings) -> SliceInput:
        """An item that could not be looked up when it was listed is looked up now; a version never changes."""
        if row.sha256 and upload_time(row) is not _UNKNOWN:
            return row
        with unexpected(f"{self.name}:{row.item}"):
            return self.resolve(row, settings)

    def _fetch(self, row: SliceInput, settings: Settings) -> Path:
        with unexpected(f"{self.name}:{row.item}"):
            return self.fetch(row, settings)

    def _extid(self, row: SliceInput, settings: Settings) -> bytes:
        """What the release is a function of."""
        facts = (
            self.origin_of(row),
            self.tag(row.version or self.split(row.item)[1]),
            row.sha256,
            row.detail,
            settings.max_content_bytes,
            LOADER_VERSION,
        )
        return hashlib.sha256("\n".join(map(str, facts)).encode()).digest()

    def _item(
        self,
        row: SliceInput,
        known: Mapping[str, tuple[bytes, Tally]],
        loaded: Mapping[str, _Loaded],
        errors: Mapping[str, ItemError],
        before: Mapping[tuple[str, bytes], tuple[bytes, Tally]],
    ) -> Item:
        origin = self.origin_of(row)
        if row.item in known:
            release, tally = known[row.item]
            return Item(row.item, origin, "reused", tally, release)
        one = loaded.get(row.item)
        if one is not None and one.tally is not None:
            return Item(row.item, origin, "loaded", one.tally, one.release, size=one.size)
        error = one.error if one is not None else errors[row.item]
        good = before.get((origin, self._branch(row)))
        if good is not None:
            return Item(row.item, origin, "kept", good[1], good[0], error)
        return Item(row.item, origin, "failed", error=error, size=one.size if one else 0)

    def _branch(self, row: SliceInput) -> bytes:
        return b"releases/" + self.branch(row).encode()

    def _visits(self, inputs: list[SliceInput], items: list[Item]) -> list[Visit]:
        versions: dict[str, dict[str, dict[bytes, bytes]]] = defaultdict(lambda: defaultdict(dict))
        failed: set[str] = set()
        for row, item in zip(inputs, items, strict=True):
            found = versions[item.origin]
            if item.anchor is not None:
                found[row.version or self.split(row.item)[1]][self._branch(row)] = item.anchor
            if item.error is not None and item.error.reason != NO_METADATA:
                failed.add(item.origin)
        visits = []
        for origin, found in sorted(versions.items()):
            branches: dict[bytes, tuple[str, bytes] | None] = {
                branch: ("release", release) for some in found.values() for branch, release in some.items()
            }
            if found:
                first = max(found, key=lambda version: (self.is_stable(version), self.version_key(version), version))
                *others, branch = found[first]
                if not others:
                    branches[b"HEAD"] = ("alias", branch)
            status = "full" if origin not in failed else "partial" if found else "failed"
            visits.append(Visit(origin, branches if found or status == "full" else None, status))
        return visits


class _Unknown:
    """Nobody has asked the registry yet, which is not the same as a registry that doesn't say."""

    def __str__(self) -> str:
        return "?"


_UNKNOWN = _Unknown()


def upload_time(row: SliceInput) -> str | _Unknown | None:
    """When the version was uploaded, ``2014-01-01T15:40:33Z``; None when the registry doesn't say."""
    value: str | _Unknown | None = json.loads(row.detail or "{}").get("upload_time", _UNKNOWN)
    return value


def resolved(row: SliceInput, version: str, sha256: str, uploaded: dt.datetime | None, **facts: str) -> SliceInput:
    """The row with what the registry said. Whole seconds, as Software Heritage's releases have them."""
    text = uploaded.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if uploaded else None
    return replace(row, version=version, sha256=sha256, detail=json.dumps({"upload_time": text, **facts}))


def parse_time(text: str) -> dt.datetime | None:
    """Read ISO 8601; a time without zone is UTC, and nonsense is None, as is what UTC has no year for."""
    try:
        moment = dt.datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return moment


@dataclass(frozen=True)
class _Archive:
    """One archive to load."""

    row: SliceInput
    path: Path
    size: int
    extid: bytes


@dataclass(frozen=True)
class _Task:
    """Archives for one worker: a large one, or some small ones, whose rows share files."""

    source: str
    archives: tuple[_Archive, ...]
    area: StagingArea

    def __str__(self) -> str:
        """How an error names it."""
        return f"{self.source}: {', '.join(one.row.item for one in self.archives)}"


@dataclass
class _Loaded:
    item: str
    size: int
    release: bytes | None = None
    tally: Tally | None = None
    error: ItemError | None = None


def _tasks(source: str, archives: list[_Archive], area: StagingArea, workers: int) -> list[_Task]:
    """Cut into tasks, the largest archive first, so that no worker is left alone with it at the end."""
    most = min(_TASK_BYTES, sum(one.size for one in archives) // (_TASKS_A_WORKER * max(1, workers)))
    tasks: list[_Task] = []
    waiting: list[_Archive] = []
    for one in sorted(archives, key=lambda one: (-one.size, one.row.item)):
        if waiting and sum(other.size for other in waiting) + one.size > most:
            tasks.append(_Task(source, tuple(waiting), area))
            waiting = []
        waiting.append(one)
    return [*tasks, _Task(source, tuple(waiting), area)] if waiting else tasks


def _load_archives(task: _Task) -> tuple[list[_Loaded], list[StagedFile]]:
    """Turn archives into staged rows; runs in a worker."""
    source = sources(task.area.storage.settings)[task.source]
    assert isinstance(source, PackageSource)
    rows = Rows(task.area, str(task))
    loaded = []
    for archive in task.archives:
        try:
            with unexpected(f"{task.source}:{archive.row.item}"), rows.all_or_nothing():
                loaded.append(_load_archive(source, archive, rows))
        except ItemError as error:
            loaded.append(_Loaded(archive.row.item, archive.size, error=error))
    return loaded, rows.close()


def _load_archive(source: PackageSource, archive: _Archive, rows: Rows) -> _Loaded:
    row = archive.row
    with source.unpacked(archive.path, rows.settings) as found:
        tree = build_tree(found, rows, source.document)
    author, message = source.release(row, tree)
    name = source.tag(row.version or source.split(row.item)[1]).encode()
    release = rows.release(Release(tree.root, "directory", name, author, source.date(row, tree), message))
    rows.loaded(archive.extid, _EXTID_TYPE, LOADER_VERSION, release, "release", tree.tally)
    return _Loaded(row.item, archive.size, release, tree.tally)


def _each(
    rows: Iterable[SliceInput], function: Callable[[SliceInput], R], errors: dict[str, ItemError], at_once: int
) -> Iterator[R]:
    """Apply a function that waits for others to every row, some at once; failures go to ``errors``."""

    def attempt(row: SliceInput) -> R | ItemError:
        try:
            return function(row)
        except ItemError as error:
            return error

    rows = list(rows)
    with ThreadPoolExecutor(at_once) as pool:
        for row, result in zip(rows, pool.map(attempt, rows), strict=True):
            if isinstance(result, ItemError):
                errors[row.item] = result
            else:
                yield result


def _known(lake: Lake, extids: Mapping[str, bytes]) -> dict[str, tuple[bytes, Tally]]:
    """Items that were loaded before, from wherever: their release and what it came to."""
    found = lake.scan("extid").filter(pl.col("extid").is_in(list(extids.values()))).collect() if extids else pl.DataFrame()
    by_extid = {row["extid"]: (row["target"], Tally.from_extid(row)) for row in found.to_dicts()}
    return {item: by_extid[extid] for item, extid in extids.items() if extid in by_extid}


def _last_good(lake: Lake, day: str, source: str) -> dict[tuple[str, bytes], tuple[bytes, Tally]]:
    """The releases of the slice's live visits: (origin, branch) -> release and what it came to."""
    visits = (
        lake.scan("origin_visit_status")
        .filter((pl.col("slice") == day) & (pl.col("source") == source))
        .select("origin", "snapshot")
        .collect()
    )
    if not visits.height:
        return {}
    branches = lake.scan("snapshot_branch").filter(
        pl.col("snapshot_id").is_in(visits["snapshot"].drop_nulls().to_list()) & (pl.col("target_type") == "release")
    )
    found = (
        visits.lazy().join(branches, left_on="snapshot", right_on="snapshot_id").join(lake.scan("extid"), on="target").collect()
    )
    return {(row["origin"], row["name"]): (row["target"], Tally.from_extid(row)) for row in found.to_dicts()}
