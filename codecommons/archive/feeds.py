# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What feeds have in common: a file of records, JSON objects, becomes rows of a raw table of the slice.

A feed brings no trees: its records go to a table that keeps all that was in them, for the second stage to
parse in depth. A file is pinned by its sha256 and kept in the cache when it is listed. What it holds that can't be read as a
record is counted and quarantined, one row a reason; the rest of the file goes on. A day holds the newest state of each file.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from abc import abstractmethod
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa

from codecommons.archive.cache import find_archive
from codecommons.archive.fetching import bring, bring_folder, expand, is_folder, name_of
from codecommons.archive.objects import Rows
from codecommons.archive.source import Item, Outcome, Source, Work, base_item, newest_states, sources, unexpected
from codecommons.archive.tally import Note, Tally
from codecommons.archive.unpack import members, unpacked
from codecommons.errors import CodeCommonsError, ItemError
from codecommons.lake import Lake, NewsFile, SliceInput, StagedFile, StagingArea, news
from codecommons.lake.files import DataFile
from codecommons.lake.news import NewsWriter
from codecommons.lake.schemas import TABLES
from codecommons.report import Count
from codecommons.settings import Settings
from codecommons.swhid import DIRECTORY_PERMS

# A longer line is no record: GitHub's largest payloads are 25 MB, OSV's records less than 3.
LONGEST_LINE = 32 << 20
# How many of the lines that were left out for one reason are named.
_EXAMPLES = 5
_LONGEST_REASON = 500
# Errors that end a file but leave what came before them.
_CUT = ("truncated", "corrupt")
_EXTID_TYPE = "feed-file"
# By their names: archives of records, and the files of a folder that are records.
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
FOLDER_SUFFIXES = (".json",)


class Feed(Source):
    """A feed of records; a subclass says where its files are and what its table's columns are."""

    visit_type = "feed"
    unit = "records"
    # Raised when the same file gives other rows.
    version = 2

    @property
    def table(self) -> str:
        """The table of its records."""
        return self.tables[0]

    @abstractmethod
    def place(self, item: str, settings: Settings) -> str:
        """Where the file of an item is.

        Raises:
            ItemError: nobody has said where.
        """

    @abstractmethod
    def row(self, item: str, record: dict[str, Any], raw: bytes) -> tuple[Any, ...]:
        """The table's columns without ``item``, from one record; the first of them that is named in the table's key is its id.

        Raises:
            ItemError: it is no record of this feed.
        """

    def key(self, values: tuple[Any, ...]) -> str:
        """What no two records of a file have in common, of a row without ``item``."""
        return str(values[0])

    def wanted(self, item: str, values: tuple[Any, ...]) -> bool:
        """Whether a record is one that the item asks for."""
        return True

    def records(self, file: FeedFile, left_out: LeftOut) -> Iterator[tuple[int, bytes]]:
        """The raw records of a file, numbered from 1; what is none goes to ``left_out``.

        One a line, or one a file of an archive or folder, or, of a ``.json``, the whole of it.

        Raises:
            ItemError: the file is damaged, after the records before the damage; or it is a bomb.
        """
        if file.name.endswith(ARCHIVES):
            left_out.noun = "file"
            return _documents(file, left_out)
        if file.name.endswith(".json"):
            left_out.noun = "record"
            return _whole(file, left_out)
        return numbered_lines(unpacked(file.path, file.settings), left_out)

    def resolve(self, wanted: SliceInput, settings: Settings) -> SliceInput:
        """Bring the file into the cache; a folder as an archive of its records."""
        where = self.place(base_item(wanted.item), settings)
        if is_folder(where):
            sha256 = bring_folder(map(Path, expand(where, FOLDER_SUFFIXES, settings)), Path(where), settings)[1]
            wanted = replace(wanted, detail=json.dumps({"kind": "folder"}))
        else:
            sha256 = bring(where, settings)[1]
        if wanted.sha256 and wanted.sha256 != sha256:
            raise ItemError("wrong-hash", f"its sha256 is {sha256}, expected {wanted.sha256}; nothing of it was taken")
        return replace(wanted, version=sha256, sha256=sha256)

    def load(self, work: Work, inputs: list[SliceInput]) -> Outcome:
        """See ``Source.load``."""
        settings = work.lake.settings
        files = work.lake.files(self.table)
        rows = newest_states(inputs)
        done = {row.item: read for row in rows if (read := _done(work, self, row, files))}
        tasks: list[_Task] = []
        for row in rows:
            if row.item not in done:
                try:
                    tasks.append(_Task(self.name, *self._file(row, settings), work.area))
                except ItemError as error:
                    done[row.item] = _kept(work, self, row, files, error)
        for task, read in zip(tasks, work.engine.map(_read_file, tasks, name=str), strict=True):
            done[task.row.item] = _kept(work, self, task.row, files, read.item.error) if read.item.error else read
        reads = [done[row.item] for row in rows]
        return Outcome(
            [read.item for read in reads],
            [],
            [read.staged for read in reads],
            news=[read.news for read in reads if read.news],
        )

    def _file(self, row: SliceInput, settings: Settings) -> tuple[SliceInput, Path]:
        """The file of an item, out of the cache or got again; an hour that could not be listed is looked for once more."""
        unresolved = json.loads(row.detail or "{}").get("unresolved")
        if unresolved:
            raise ItemError(*unresolved)
        path = find_archive(row.sha256, settings) if row.version else None
        if path is not None:
            return row, path
        try:
            with unexpected(f"{self.name}:{row.item}"):
                row = self.resolve(row, settings)
        except ItemError as error:
            if row.version and error.reason == "wrong-hash":
                raise ItemError(
                    "changed", "it has changed since it was listed; ingest it again to have it as it is now"
                ) from error
            raise
        path = find_archive(row.sha256, settings)
        assert path is not None
        return row, path

    def rows_key(self, row: SliceInput, settings: Settings) -> str:
        """What the rows of a file are a function of: whose item it is, and a digest of bytes, reader and limits."""
        limits = (settings.max_archive_bytes, settings.max_archive_ratio, settings.max_archive_members, LONGEST_LINE)
        facts = (self.name, base_item(row.item), row.sha256, self.version, *limits)
        return item_key(row.item) + hashlib.sha256("\n".join(map(str, facts)).encode()).hexdigest()[:32]


def item_key(item: str) -> str:
    """How the names of files with an item's rows begin."""
    return hashlib.sha256(base_item(item).encode()).hexdigest()[:12] + "-"


@dataclass
class LeftOut:
    """What of a file was left out: counts by reason, and which lines (or what else ``noun`` says) were the first."""

    noun: str = "line"
    counts: dict[str, Count] = field(default_factory=dict)
    examples: dict[str, list[int]] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, detail: str, number: int, length: int) -> None:
        """Count one line."""
        self.counts[reason] = self.counts.get(reason, Count()) + Count(1, length)
        self.details.setdefault(reason, detail)
        lines = self.examples.setdefault(reason, [])
        if len(lines) < _EXAMPLES:
            lines.append(number)

    def notes(self) -> Iterator[Note]:
        """One remark a reason."""
        for reason, count in sorted(self.counts.items()):
            first = ", ".join(map(str, self.examples[reason]))
            where = f"{self.noun} {first}" if count.rows == 1 else f"{count.rows:,} {self.noun}s, the first being {first}"
            yield Note(reason, f"{where}: {self.details[reason]}")


def numbered_lines(chunks: Iterable[bytes], left_out: LeftOut, longest: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Cut chunks into lines, numbered from 1; empty ones, and a byte order mark before the first, are passed over.

    Args:
        chunks: the bytes of a file.
        left_out: takes lines that are too long.
        longest: bytes of a line, at most; ``LONGEST_LINE`` unless given.

    Raises:
        ItemError: what reading the chunks raises, after the lines before it.
    """
    longest = longest or LONGEST_LINE
    number, rest, lost = 0, b"", 0
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        if lost or len(rest) + len(first) > longest:
            lost, rest = lost + len(rest) + len(first), b""
        else:
            rest += first
        for following in others:
            number += 1
            if number == 1:
                rest = rest.removeprefix(BOM_UTF8)
            if lost or len(rest) > longest:
                left_out.add("line-too-long", f"it has more than {longest:,} bytes", number, lost or len(rest))
                lost = 0
            elif rest.strip():
                yield number, rest
            rest = following
    if number == 0:
        rest = rest.removeprefix(BOM_UTF8)
    if lost or len(rest) > longest:
        left_out.add("line-too-long", f"it has more than {longest:,} bytes", number + 1, lost or len(rest))
    elif rest.strip():
        yield number + 1, rest


def moment(value: Any, what: str) -> dt.datetime | None:
    """A time as feeds write it, ISO 8601, in UTC; None for none.

    Raises:
        ItemError: ``wrong-type``: it is something else.
    """
    if value is None:
        return None
    try:
        read = dt.datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (TypeError, ValueError, OverflowError):
        raise ItemError("wrong-type", f"{what} is no time") from None


def typed(value: Any, kind: type, what: str) -> Any:
    """A value that must be of one type, or absent.

    Raises:
        ItemError: ``wrong-type``.
    """
    if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        raise ItemError("wrong-type", f"{what} is of type {type(value).__name__}")
    return value


@dataclass(frozen=True)
class FeedFile:
    """A file in the cache.

    Attributes:
        path: where it is.
        name: what it was called, in lower case; of a folder, that of the archive it was packed into.
        settings: the limits.
    """

    path: Path
    name: str
    settings: Settings


def _documents(file: FeedFile, left_out: LeftOut) -> Iterator[tuple[int, bytes]]:
    number = 0

    def refused(error: ItemError) -> None:
        nonlocal number
        number += 1
        left_out.add(error.reason, error.detail, number, 0)

    for member in members(file.path, file.settings, refused):
        if member.perms == DIRECTORY_PERMS or not member.path.lower().endswith(b".json"):
            continue
        number += 1
        if member.data is None:
            left_out.add("too-large", f"it has more than {file.settings.max_content_bytes:,} bytes", number, member.length)
        else:
            yield number, member.data.removeprefix(BOM_UTF8)


def _whole(file: FeedFile, left_out: LeftOut) -> Iterator[tuple[int, bytes]]:
    """A file that is one record, or a list of them."""
    read = bytearray()
    for chunk in unpacked(file.path, file.settings):
        read += chunk
        if len(read) > file.settings.max_content_bytes:
            raise ItemError("too-large", f"it has more than {file.settings.max_content_bytes:,} bytes; JSON lines may have more")
    data = bytes(read).removeprefix(BOM_UTF8)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = None
    if isinstance(value, list):
        yield from ((number, orjson.dumps(record)) for number, record in enumerate(value, 1))
    else:
        yield 1, data


@dataclass(frozen=True)
class _Task:
    """A file for one worker."""

    source: str
    row: SliceInput
    path: Path
    area: StagingArea

    def __str__(self) -> str:
        """How an error names it."""
        return f"{self.source}:{self.row.item}"


@dataclass
class _Read:
    """What reading a file came to."""

    item: Item
    news: NewsFile | None = None
    staged: list[StagedFile] = field(default_factory=list)


def _read_file(task: _Task) -> _Read:
    """Turn a file into rows; runs in a worker."""
    settings, item = task.area.storage.settings, task.row.item
    feed = sources(settings)[task.source]
    assert isinstance(feed, Feed)
    key = feed.rows_key(task.row, settings)
    size = task.path.stat().st_size
    try:
        with unexpected(str(task)), NewsWriter(task.area, feed.table, key) as writer:
            tally = _write(feed, task, writer)
    except ItemError as error:
        return _Read(Item(item, item, "failed", error=error, size=size))
    rows = Rows(task.area, str(task))
    rows.loaded(_extid(key), _EXTID_TYPE, feed.version, None, None, tally)
    return _Read(Item(item, item, "loaded", tally, size=size), writer.file(), rows.close())


def _write(feed: Feed, task: _Task, writer: NewsWriter) -> Tally:
    settings, item = task.area.storage.settings, base_item(task.row.item)
    folder = json.loads(task.row.detail or "{}").get("kind") == "folder"
    file = FeedFile(task.path, ".tar" if folder else name_of(feed.place(item, settings)).lower(), settings)
    schema = pa.schema(TABLES[feed.table].fields)
    tally, left_out = Tally(), LeftOut()
    seen: set[str] = set()
    waiting: list[tuple[Any, ...]] = []
    size = others = other_bytes = 0

    def flush() -> None:
        nonlocal size
        if waiting:
            columns = zip(*waiting, strict=True)
            arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
            writer.add(pa.Table.from_arrays(arrays, schema=schema))
            tally.kept += Count(len(waiting), size)
            waiting.clear()
            size = 0

    try:
        for number, raw in feed.records(file, left_out):
            if number > settings.max_archive_members:
                raise ItemError("bomb", f"it has more than {settings.max_archive_members:,} {left_out.noun}s")
            try:
                values = _values(feed, item, parse(raw), raw)
            except ItemError as error:
                left_out.add(error.reason, error.detail, number, len(raw))
                continue
            key = feed.key(values)
            if key in seen:
                left_out.add("duplicate", "a record of the same identifier came before", number, len(raw))
                continue
            seen.add(key)
            if not feed.wanted(item, values):
                others, other_bytes = others + 1, other_bytes + len(raw)
                continue
            waiting.append((item, *values))
            size += len(raw)
            if size >= settings.batch_bytes:
                flush()
    except ItemError as error:
        if error.reason not in _CUT:
            raise
        tally.notes.append(Note(error.reason, f"{error.detail}; what came before was taken"))
    flush()
    tally.notes += left_out.notes()
    tally.dropped = dict(left_out.counts)
    if others:
        tally.dropped["not-asked-for"] = Count(others, other_bytes)
    if not tally.total.rows and not tally.notes:
        tally.notes.append(Note("empty-file", "there is no record in it"))
    return tally


def _values(feed: Feed, item: str, record: dict[str, Any], raw: bytes) -> tuple[Any, ...]:
    """The row of one record.

    Raises:
        ItemError: why there is none: ``unreadable`` for whatever else a stranger's record makes a feed do.
    """
    try:
        return feed.row(item, record, raw)
    except CodeCommonsError:
        raise
    except Exception as error:
        raise ItemError("unreadable", f"{type(error).__name__}: {error}"[:_LONGEST_REASON]) from error


def parse(raw: bytes) -> dict[str, Any]:
    """Read one record.

    Raises:
        ItemError: ``not-json``, ``not-utf8`` or ``wrong-type``: it is no JSON object.
    """
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        try:
            raw.decode()
        except UnicodeDecodeError:
            raise ItemError("not-utf8", "it is not UTF-8") from None
        raise ItemError("not-json", f"it is no JSON: {error.msg}") from None
    if not isinstance(record, dict):
        raise ItemError("wrong-type", "it is no JSON object")
    return record


def _extid(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _done(work: Work, feed: Feed, row: SliceInput, files: Iterable[DataFile]) -> _Read | None:
    """What was read before, from whatever slice, and whose rows are there."""
    if not row.sha256:
        return None
    key = feed.rows_key(row, work.lake.settings)
    tally = _tally(work.lake, key)
    found = news.find(work.lake.storage, TABLES[feed.table], files, key)
    if tally is None or (tally.kept.rows and found is None):
        return None
    return _Read(Item(row.item, row.item, "reused", tally), found)


def _kept(work: Work, feed: Feed, row: SliceInput, files: Iterable[DataFile], error: ItemError) -> _Read:
    """An item that failed keeps the rows that the slice has of it."""
    mine = (pl.col("slice") == work.day) & (pl.col("source") == feed.name)
    live = set(work.lake.log.live().filter(mine).select("slice", "source", "attempt").iter_rows())
    there = [file for file in files if tuple(value for _, value in file.partition) in live]
    found = news.find(work.lake.storage, TABLES[feed.table], there, item_key(row.item))
    if found is None:
        return _Read(Item(row.item, row.item, "failed", error=error))
    tally = _tally(work.lake, found.key) or Tally(Count(found.rows))
    return _Read(Item(row.item, row.item, "kept", tally, error=error), found)


def _tally(lake: Lake, key: str) -> Tally | None:
    rows = lake.scan("extid").filter(pl.col("extid") == _extid(key)).collect().to_dicts()
    return Tally.from_extid(rows[0]) if rows else None
