# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""From a record to its facts: the text is hashed and staged, and what is left of the row is written down for the trees."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from codecommons.archive.collection.records import Microseconds, Part, Text, records
from codecommons.archive.feeds import LeftOut
from codecommons.archive.objects import TAKEN_DOWN, Rows
from codecommons.archive.packages import parse_time
from codecommons.archive.source import unexpected
from codecommons.archive.tally import Note
from codecommons.archive.tree import TOO_LARGE
from codecommons.archive.unpack import clean_path
from codecommons.errors import ItemError
from codecommons.lake import StagedFile, StagingArea
from codecommons.lake.storage import lake_errors
from codecommons.report import Count
from codecommons.swhid import content_id, hash_content, origin_id

# Facts of a row are about as large as this; a range of origins is as many as fit a batch.
FACT_BYTES = 512
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
    remarks: Counter[str] = field(default_factory=Counter)
    staged: list[StagedFile] = field(default_factory=list)
    error: ItemError | None = None


def read_part(part: Part) -> Facts:
    """Stage the contents of a part's rows, and write their facts; runs in a worker."""
    settings = part.area.storage.settings
    rows, facts = Rows(part.area, part.name), Facts()
    left_out = LeftOut()
    target = part.area.storage.path(part.area.folder, f"facts-{uuid.uuid4().hex}.parquet")
    waiting: list[tuple[Any, ...]] = []
    with _FactsFile(part.area, target) as sink:
        try:
            found = records(part, settings, left_out)
            with unexpected(part.name):
                for record, length in found:
                    try:
                        waiting.append(_fact(record, part.origin, rows, facts))
                    except ItemError as error:
                        add(facts.left_out, error.reason, Count(1, length))
                    if len(waiting) * FACT_BYTES >= settings.batch_bytes:
                        sink.write(waiting)
        except ItemError as error:
            facts.error = error
        sink.write(waiting)
    for reason, count in left_out.counts.items():
        add(facts.left_out, reason, count)
    facts.path, facts.rows, facts.staged = (target if sink.rows else None), sink.rows, rows.close()
    return facts


def remarks(facts: Sequence[Facts], left_out: Mapping[str, Count]) -> Iterator[Note]:
    """What is to be said of a table: one line a reason."""
    for reason, count in sorted(left_out.items()):
        if reason != "repeated":
            yield Note(reason, f"{count.rows:,} rows were left out: {_REASONS[reason]}")
    for reason, number in sorted(sum((one.remarks for one in facts), Counter()).items()):
        yield Note(reason, f"{number:,} rows: {_REASONS[reason]}", kept=reason not in (TAKEN_DOWN, TOO_LARGE))


def add(counts: dict[str, Count], reason: str, count: Count) -> None:
    """Count what was left out for a reason; nothing happens for no rows."""
    if count.rows:
        counts[reason] = counts.get(reason, Count()) + count


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
        facts.remarks[TOO_LARGE] += 1
    else:
        rows.content(content, text)
        if content in rows.refused:
            skipped = True
            facts.remarks[TAKEN_DOWN] += 1
    date, readable = _date(record.get("date"))
    if not readable:
        facts.remarks["bad-date"] += 1
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
    if isinstance(value, Text):
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
        if isinstance(value, Microseconds):
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
