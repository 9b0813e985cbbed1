# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A table of texts as trees: each row a file, the rows of one origin a tree.

It goes in two steps, so that rows may stand in any order and memory stays bounded. Reading hashes and stages the contents, and
writes what is left of each row, its facts, to the staging area. Then the facts are taken up a range of origins at a time, and
every origin's become directories. What comes out depends on the set of rows alone.

What a row declares of its text (licences, date, language) is kept in table ``declaration``. It is no part of the text, yet
decisions are made per tree. So the files of a tree of which anything is declared lie in one top folder that is named after all
the declarations, as a package's lie in one that is named after its version: with other declarations it is another tree.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from codecommons import strict
from codecommons.archive.feeds import LeftOut, numbered_lines, parse
from codecommons.archive.objects import TAKEN_DOWN, Rows
from codecommons.archive.packages import parse_time
from codecommons.archive.source import unexpected
from codecommons.archive.tally import Note, Tally
from codecommons.archive.tree import TOO_LARGE, listed_tree
from codecommons.archive.unpack import clean_path, unpacked
from codecommons.errors import ItemError
from codecommons.lake import StagedFile, StagingArea
from codecommons.lake.storage import lake_errors
from codecommons.report import Count
from codecommons.settings import Settings
from codecommons.swhid import FILE_PERMS, content_id, hash_content, origin_id

# Part of every state's digest: raised when the same rows give other trees.
VERSION = 2
# Facts of a row are about as large as this; a range of origins is as many as fit a batch.
_FACT_BYTES = 512
# Encoded bytes of the row groups of one task.
_TASK_BYTES = 64 << 20
_MOST_ROWS = 1024
_LONGEST_ORIGIN = 4096
_LONGEST_WORD = 4096
_LONGEST_NAME = 200
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FACTS = pa.schema(
    [
        ("key", pa.binary()),
        ("origin", pa.string()),
        ("path", pa.binary()),
        ("content", pa.binary()),
        ("length", pa.int64()),
        ("skipped", pa.bool_()),
        ("licenses", pa.list_(pa.string())),
        ("date", pa.timestamp("us", "UTC")),
        ("language", pa.string()),
        ("row_id", pa.string()),
    ]
)


@dataclass(frozen=True)
class Columns:
    """Which column of a table is what; a column that is not named is one of that name, if there is one.

    Attributes:
        text: what becomes a file's content; text or bytes.
        origin: where it is from, a URL; rows without one are from the table itself.
        path: of the file, from the root of its origin's tree. A row without one is named after its id, or else after its content.
        license: what the row says of its licence; of a list everything holds.
        date: when the text is from.
        language: of the text.
        id: the row's identifier.
    """

    text: str | None = None
    origin: str | None = None
    path: str | None = None
    license: str | None = None
    date: str | None = None
    language: str | None = None
    id: str | None = None

    def find(self, there: Sequence[str]) -> dict[str, str]:
        """What is what in a table with these columns; ``path`` may also be called ``name``.

        Raises:
            ItemError: ``missing-column``: one that was named, or the text, is not there.
        """
        found: dict[str, str] = {}
        for one in fields(self):
            named = getattr(self, one.name)
            if named is not None and named not in there:
                raise ItemError(
                    "missing-column", f"it has no column {named!r} to be the {one.name}; {strict.nearest(named, there)}"
                )
            for name in (named,) if named else (one.name, "name") if one.name == "path" else (one.name,):
                if name in there:
                    found.setdefault(one.name, name)
        if "text" not in found:
            raise ItemError(
                "missing-column", f"it has no column 'text'; name one, as in ?text=body; {strict.nearest('text', there)}"
            )
        return found


@dataclass(frozen=True)
class Part:
    """What one task reads: a file, or some row groups of one.

    Attributes:
        name: how an error calls it.
        path: the file.
        columns: which column is what.
        origin: of rows that name none.
        area: where rows go.
        groups: row groups of a Parquet file.
    """

    name: str
    path: Path
    columns: Columns
    origin: str
    area: StagingArea
    groups: tuple[int, ...] = ()

    def __str__(self) -> str:
        """How an error names it."""
        return self.name


@dataclass
class Facts:
    """What reading a part came to.

    Attributes:
        path: of the file with the facts, on the lake's file system; None when there are none.
        rows: how many.
        left_out: rows that were left out, by reason.
        remarks: reason -> how many rows something is to be said of, which are kept.
        staged: staged rows.
        error: why it can't be read, or not to its end.
    """

    path: str | None = None
    rows: int = 0
    left_out: dict[str, Count] = field(default_factory=dict)
    remarks: dict[str, int] = field(default_factory=dict)
    staged: list[StagedFile] = field(default_factory=list)
    error: ItemError | None = None


@dataclass(frozen=True)
class Span:
    """A range of origins whose trees one task makes.

    Attributes:
        name: how an error calls it.
        paths: files with facts.
        low: the first key; ``high`` is past the last, None for the last of all.
        state: digest of what is loaded.
        declared_by: the collection, as declarations name it.
        area: where rows go.
    """

    name: str
    paths: tuple[str, ...]
    low: bytes
    high: bytes | None
    state: bytes
    declared_by: str
    area: StagingArea

    def __str__(self) -> str:
        """How an error names it."""
        return self.name


@dataclass
class Grown:
    """Trees that were made: (origin, root, tally), what was left out on the way, and staged rows."""

    trees: list[tuple[str, bytes, Tally]] = field(default_factory=list)
    left_out: dict[str, Count] = field(default_factory=dict)
    staged: list[StagedFile] = field(default_factory=list)


def parts(name: str, path: Path, columns: Columns, origin: str, area: StagingArea) -> list[Part]:
    """Cut a file into what tasks read.

    Raises:
        ItemError: ``corrupt`` or ``missing-column``.
    """
    whole = Part(name, path, columns, origin, area)
    if not _is_parquet(path):
        return [whole]
    with _parquet_errors():
        metadata = pq.read_metadata(path)
    columns.find(metadata.schema.to_arrow_schema().names)
    runs: list[list[int]] = [[]]
    size = 0
    for group in range(metadata.num_row_groups):
        more = metadata.row_group(group).total_byte_size
        if runs[-1] and size + more > _TASK_BYTES:
            runs.append([])
            size = 0
        runs[-1].append(group)
        size += more
    return [Part(name, path, columns, origin, area, tuple(run)) for run in runs]


def read_part(part: Part) -> Facts:
    """Stage the contents of a part's rows, and write their facts; runs in a worker."""
    settings = part.area.storage.settings
    rows, facts = Rows(part.area, part.name), Facts()
    left_out = LeftOut()
    target = part.area.storage.path(part.area.folder, f"facts-{uuid.uuid4().hex}.parquet")
    waiting: list[tuple[Any, ...]] = []
    with _FactsFile(part.area, target) as sink:
        try:
            records = _parquet_rows(part, settings) if _is_parquet(part.path) else _json_rows(part, settings, left_out)
            with unexpected(part.name):
                for record, length in records:
                    try:
                        waiting.append(_fact(record, part.origin, rows, facts))
                    except ItemError as error:
                        _add(facts.left_out, error.reason, Count(1, length))
                    if len(waiting) * _FACT_BYTES >= settings.batch_bytes:
                        sink.write(waiting)
        except ItemError as error:
            facts.error = error
        sink.write(waiting)
    for reason, count in left_out.counts.items():
        _add(facts.left_out, reason, count)
    facts.path, facts.rows, facts.staged = (target if sink.rows else None), sink.rows, rows.close()
    return facts


def spans(name: str, facts: Sequence[Facts], state: bytes, declared_by: str, area: StagingArea) -> list[Span]:
    """Cut what was read into ranges of origins that fit a batch."""
    paths = tuple(one.path for one in facts if one.path)
    count = max(1, sum(one.rows for one in facts) * _FACT_BYTES // area.storage.settings.batch_bytes)
    bounds = [((1 << 64) * at // count).to_bytes(8, "big") for at in range(count)]
    return [
        Span(f"{name}: trees from {low.hex()}", paths, low, high, state, declared_by, area)
        for low, high in zip(bounds, [*bounds[1:], None], strict=True)
        if paths
    ]


def grow(span: Span) -> Grown:
    """Make the trees of a range of origins; runs in a worker."""
    storage = span.area.storage
    mine = pl.col("key") >= span.low
    if span.high is not None:
        mine &= pl.col("key") < span.high
    uris = [path if not storage.remote else f"s3://{path}" for path in span.paths]
    with lake_errors(f"reading {span.paths[0]}"):
        facts = pl.scan_parquet(uris, storage_options=storage.options or None).filter(mine).collect()
    grown, rows = Grown(), Rows(span.area, span.name)
    for origin, group in groupby(_settled(facts, grown.left_out).select(_SETTLED).iter_rows(), itemgetter(0)):
        files = [_File(*row[1:]) for row in group]
        declared = [file for file in files if file.licenses or file.date or file.language]
        top = _top_folder(declared, span.declared_by) if declared else b""
        root = listed_tree(((top + file.path, FILE_PERMS, file.content) for file in files), rows)
        rows.declarations(root, ((top + one.path, *one[4:], span.declared_by) for one in declared))
        here = [file.length for file in files if not file.skipped]
        tally = Tally(Count(len(here), sum(here)))
        for file in (file for file in files if file.skipped):
            tally.skip(file.length, TAKEN_DOWN if file.content in rows.refused else None)
        rows.collection_tree(span.state, origin, root, tally)
        grown.trees.append((origin, root, tally))
    grown.staged = rows.close()
    return grown


def remarks(facts: Sequence[Facts], left_out: Mapping[str, Count]) -> Iterator[Note]:
    """What is to be said of a table: one line a reason."""
    for reason, count in sorted(left_out.items()):
        if reason != "repeated":
            yield Note(reason, f"{count.rows:,} rows were left out: {_REASONS[reason]}")
    counts: dict[str, int] = {}
    for one in facts:
        for reason, rows in one.remarks.items():
            counts[reason] = counts.get(reason, 0) + rows
    for reason, number in sorted(counts.items()):
        yield Note(reason, f"{number:,} rows: {_REASONS[reason]}", kept=reason not in (TAKEN_DOWN, TOO_LARGE))


_REASONS = {
    "bad-date": "the date can't be read; they are kept without it",
    "bad-origin": "the origin is no text that can be a URL",
    "bad-path": "the path is absolute, leaves the tree, or is none that a file system takes",
    "line-too-long": "a line is longer than a content may be",
    "no-text": "there is no text",
    "not-json": "it is no JSON",
    "not-utf8": "it is not UTF-8; bytes that are no text belong in a binary column",
    TAKEN_DOWN: "the text was taken down; its bytes are not taken again",
    "path-conflict": "another row of the origin has the path with another text, or needs it as a folder",
    TOO_LARGE: "the text is over the size limit; its hashes are kept, its bytes are not",
    "wrong-type": "the text, the path or the row itself is of a type that can't be one",
}


# Reading.


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


@contextmanager
def _parquet_errors() -> Iterator[None]:
    """Say in one line what Arrow raises on a damaged file."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ItemError("corrupt", f"it is damaged ({(str(error).splitlines() or ['no reason given'])[0]})") from error


def _parquet_rows(part: Part, settings: Settings) -> Iterator[tuple[dict[str, Any], int]]:
    with _parquet_errors():
        # A text that many rows share stands once in its page: so it does in memory, where it could be a bomb.
        schema = pq.read_schema(part.path)
        found = part.columns.find(schema.names)
        kind = schema.field(found["text"]).type
        shared = [found["text"]] if _is_text(kind) else []
        file = pq.ParquetFile(part.path, read_dictionary=shared, pre_buffer=False)
    total = 0
    with file:
        for group in part.groups:
            metadata = file.metadata.row_group(group)
            average = max(1, metadata.total_byte_size // max(1, metadata.num_rows))
            most = max(1, min(_MOST_ROWS, settings.batch_bytes // (4 * average)))
            with _parquet_errors():
                batches = file.iter_batches(most, row_groups=[group], columns=sorted(set(found.values())), use_threads=False)
            while True:
                with _parquet_errors():
                    batch = next(batches, None)
                    if batch is None:
                        break
                    columns = {what: _values(batch.column(name), what) for what, name in found.items()}
                for row in zip(*columns.values(), strict=True):
                    record = dict(zip(columns, row, strict=True))
                    length = len(record["text"]) if isinstance(record["text"], (bytes, str)) else 0
                    total += length
                    if total > settings.max_archive_bytes:
                        raise ItemError("bomb", f"its texts have more than {settings.max_archive_bytes:,} bytes")
                    yield record, length


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.binary(), pa.large_string(), pa.large_binary())


def _values(column: pa.Array, what: str) -> list[Any]:
    """A column's values: strings as bytes that were not looked at, dates as times."""
    if pa.types.is_dictionary(column.type):
        distinct = _values(column.dictionary, what)
        return [None if at is None else distinct[at] for at in column.indices.to_pylist()]
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        plain = column.view(pa.large_binary() if pa.types.is_large_string(kind) else pa.binary()).to_pylist()
        return [value if value is None else _Text(value) for value in plain]
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        moments = column.cast(pa.timestamp("us", kind.tz if pa.types.is_timestamp(kind) else None), safe=False)
        return [value if value is None else _Microseconds(value) for value in moments.cast(pa.int64()).to_pylist()]
    return column.to_pylist()


class _Text(bytes):
    """Bytes of a column of text, which nobody has checked to be UTF-8."""


class _Microseconds(int):
    """A moment, since 1970."""


def _json_rows(part: Part, settings: Settings, left_out: LeftOut) -> Iterator[tuple[dict[str, Any], int]]:
    """The rows of JSON lines; a key that an object lacks is null in it, but one that all lack is a missing column."""
    named = {one.name: getattr(part.columns, one.name) or one.name for one in fields(part.columns)}
    seen: set[str] = set()
    for _, raw in numbered_lines(unpacked(part.path, settings), left_out, 2 * settings.max_content_bytes):
        try:
            record = parse(raw)
        except ItemError as error:
            left_out.add(error.reason, error.detail, 0, len(raw))
            continue
        if len(seen) < _MOST_ROWS:
            seen.update(record)
        row = {what: record.get(name) for what, name in named.items()}
        if part.columns.path is None and "path" not in record:
            row["path"] = record.get("name")
        yield row, len(raw)
    if seen:
        part.columns.find(sorted(seen))


# From a record to its facts.


def _fact(record: Mapping[str, Any], default: str, rows: Rows, facts: Facts) -> tuple[Any, ...]:
    """Hash and stage a record's text; raises ``ItemError`` with the reason why it is left out."""
    text = _content(record["text"])
    origin = _origin(record.get("origin"), default)
    identifier = _word(record.get("id"))
    path = _path(record.get("path"))
    content = content_id(text)
    skipped = len(text) > rows.settings.max_content_bytes
    if skipped:
        rows.skipped_content(content, TOO_LARGE, hash_content(text), len(text))
        facts.remarks[TOO_LARGE] = facts.remarks.get(TOO_LARGE, 0) + 1
    else:
        rows.content(content, text)
        if content in rows.refused:
            skipped = True
            facts.remarks[TAKEN_DOWN] = facts.remarks.get(TAKEN_DOWN, 0) + 1
    date, readable = _date(record.get("date"))
    if not readable:
        facts.remarks["bad-date"] = facts.remarks.get("bad-date", 0) + 1
    return (
        origin_id(origin),
        origin,
        path or _default_name(identifier, content),
        content,
        len(text),
        skipped,
        _licenses(record.get("license")),
        date,
        _word(record.get("language")),
        identifier,
    )


def _content(value: Any) -> bytes:
    if value is None:
        raise ItemError("no-text", "")
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, _Text):
        _decoded(value)
        return bytes(value)
    if isinstance(value, bytes):
        return value
    raise ItemError("wrong-type", "")


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ItemError("not-utf8", "") from None


def _origin(value: Any, default: str) -> str:
    if value is None:
        return default
    text = _decoded(value) if isinstance(value, bytes) else value
    if not isinstance(text, str) or not text.strip() or not text.isprintable() or len(text) > _LONGEST_ORIGIN:
        raise ItemError("bad-origin", "")
    return text.strip()


def _path(value: Any) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, (str, bytes)):
        raise ItemError("wrong-type", "")
    path = clean_path(value.encode() if isinstance(value, str) else bytes(value))
    if path is None:
        raise ItemError("bad-path", "")
    return path


def _default_name(identifier: str | None, content: bytes) -> bytes:
    """A name for a row without a path: its id, written so that any file system takes it, or the hash of its content."""
    name = quote(identifier, safe=" ()+,;=@~") if identifier else ""
    return (name if name and len(name) <= _LONGEST_NAME else content.hex()).encode() + b".txt"


def _licenses(value: Any) -> list[str] | None:
    """What a row says of its licence, each part once.

    A part of a list that says nothing is not as if it weren't there, and one that is no text is not read for words in it: what
    that left would be a licence that nobody declared.
    """
    if isinstance(value, (list, tuple)):
        return sorted({_license(one) or json.dumps(None) for one in value}) or None
    word = _license(value)
    return [word] if word else None


def _license(value: Any) -> str | None:
    if isinstance(value, (list, tuple, dict)):
        written = json.dumps(value, sort_keys=True, default=str)
        return f"no text, sha256:{hashlib.sha256(written.encode()).hexdigest()}"
    return _word(value)


def _word(value: Any) -> str | None:
    """A short text; whatever else is there is written so that it is there and means nothing."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    text = (value if isinstance(value, str) else "" if value is None else json.dumps(value, sort_keys=True, default=str)).strip()
    if len(text) > _LONGEST_WORD:
        return f"{len(text)} characters, sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    return text or None


def _date(value: Any) -> tuple[dt.datetime | None, bool]:
    """A date of any kind in UTC, and whether it could be read."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    try:
        if value is None or value == "":
            return None, True
        if isinstance(value, _Microseconds):
            moment: dt.datetime | None = _EPOCH + dt.timedelta(microseconds=value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            moment = dt.datetime.fromtimestamp(value, dt.UTC)
        else:
            moment = parse_time(value.strip()) if isinstance(value, str) else None
        return (moment.astimezone(dt.UTC), True) if moment else (None, False)
    except (OverflowError, ValueError, OSError):
        return None, False


class _FactsFile:
    """A Parquet file of facts, sorted within each row group so that a range of origins is found by its statistics."""

    def __init__(self, area: StagingArea, target: str) -> None:
        self._fs, self._target = area.storage.fs, target
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0

    def __enter__(self) -> _FactsFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            with lake_errors(f"writing {self._target}"):
                self._writer.close()
                self._opened.close()

    def write(self, facts: list[tuple[Any, ...]]) -> None:
        """Write some facts, and empty the list."""
        if not facts:
            return
        facts.sort(key=lambda fact: fact[0])
        arrays = [pa.array(column, one.type) for column, one in zip(zip(*facts, strict=True), _FACTS, strict=True)]
        with lake_errors(f"writing {self._target}"):
            if self._writer is None:
                self._opened = self._fs.open(self._target, "wb")
                self._writer = pq.ParquetWriter(self._opened, _FACTS, compression="zstd", compression_level=1)
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=_FACTS), row_group_size=1 << 14)
        self.rows += len(facts)
        facts.clear()


# From facts to trees.


class _File(NamedTuple):
    path: bytes
    content: bytes
    length: int
    skipped: bool
    licenses: list[str] | None
    date: dt.datetime | None
    language: str | None
    row_id: str | None


_SETTLED = ("origin", *_File._fields)
_PLACE = ["origin", "path"]


def _settled(facts: pl.DataFrame, left_out: dict[str, Count]) -> pl.DataFrame:
    """One row a path, by origin: of several texts the newest stands, of equal ones everything that is declared of them."""
    order = [*_PLACE, "date", "content", "row_id", "language"]
    facts = facts.sort(order, descending=[name == "date" for name in order], nulls_last=True)
    first = facts.unique(_PLACE, keep="first", maintain_order=True)
    stands = first.select(*_PLACE, "content")
    same = facts.join(stands, on=[*_PLACE, "content"], how="semi", maintain_order="left")
    _leave_out(left_out, "path-conflict", facts.join(stands, on=[*_PLACE, "content"], how="anti"))
    _leave_out(left_out, "repeated", same.with_row_index().filter(~pl.struct(_PLACE).is_first_distinct()))
    licenses = same.explode("licenses").drop_nulls("licenses").group_by(_PLACE).agg(pl.col("licenses").unique().sort())
    files = first.drop("licenses").join(licenses, on=_PLACE, how="left", maintain_order="left")
    folders = _folders(files.select(_PLACE).rows())
    blocked = pl.Series([place in folders for place in files.select(_PLACE).iter_rows()], dtype=pl.Boolean)
    _leave_out(left_out, "path-conflict", files.filter(blocked))
    return files.filter(~blocked)


def _folders(places: Sequence[tuple[str, bytes]]) -> set[tuple[str, bytes]]:
    """The folders that files need, by origin."""
    found: set[tuple[str, bytes]] = set()
    for origin, path in places:
        folder = path.rpartition(b"/")[0]
        while folder and (origin, folder) not in found:
            found.add((origin, folder))
            folder = folder.rpartition(b"/")[0]
    return found


def _leave_out(counts: dict[str, Count], reason: str, rows: pl.DataFrame) -> None:
    _add(counts, reason, Count(rows.height, int(rows["length"].sum())))


def _top_folder(declared: Sequence[_File], declared_by: str) -> bytes:
    """The folder that says which declarations a tree came with."""
    digest = hashlib.sha256(declared_by.encode())
    for one in sorted(declared, key=itemgetter(0)):
        written = [one.path.hex(), one.licenses, one.date.isoformat() if one.date else None, one.language, one.row_id]
        digest.update(json.dumps(written, separators=(",", ":")).encode() + b"\n")
    return f"declared-{digest.hexdigest()[:16]}/".encode()


def _add(counts: dict[str, Count], reason: str, count: Count) -> None:
    if count.rows:
        counts[reason] = counts.get(reason, Count()) + count
