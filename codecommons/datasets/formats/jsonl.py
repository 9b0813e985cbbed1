# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""JSON lines in zstd: a row is a line, with the columns that a row of Parquet has.

Every few megabytes begins a zstd frame of its own, so that a reader can begin in the middle. Behind them stand two frames that
readers skip: the digest of the rows, and the table of frames that seekable readers know.

Source: Zstandard Seekable Format 0.1.0 (zstd, contrib/seekable_format).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

import orjson
import polars as pl
import pyarrow as pa
import zstandard

from codecommons.datasets.format import Columns, Files, Part, ShardFormat, Terms
from codecommons.datasets.shards import GROUP_BYTES, GROUP_ROWS, UNREADABLE, groups
from codecommons.datasets.specification import Format

_LEVEL = 3
# Magic numbers of frames that are skipped; the second belongs to tables of frames.
_SKIPPED, _TABLE = 0x184D2A50, 0x184D2A5E
_TABLE_END = 0x8F92EAB1
_HEAD, _ENTRY, _FOOT = struct.Struct("<II"), struct.Struct("<II"), struct.Struct("<IBI")
_DIGITS = 64
# A changed frame may be longer than its rows can make it: an escape makes six bytes of one, columns repeat what the SWHID
# says, and a row has some more of them.
_ESCAPED, _REPEATED, _MORE = 6, 4, 1 << 12
# Bytes of a frame that are read at once, so that what is before a fault is had.
_BITE = 1 << 12


class _Frame(NamedTuple):
    """Where a frame begins, how long it is, and how long it was."""

    start: int
    size: int
    content: int


class JsonLines(ShardFormat):
    """A frame is one of ``shards.groups``."""

    media_types = ("application/jsonlines", "application/zstd")

    def endings(self, asked: Format) -> tuple[str, ...]:
        """See ``ShardFormat``."""
        return (".jsonl.zst",)

    def offsets(self, asked: Format) -> pa.Schema:
        """See ``ShardFormat``."""
        return pa.schema([pa.field("frame", pa.int64()), pa.field("row_in_frame", pa.int64())])

    def writer(self) -> str:
        """See ``ShardFormat``."""
        return f"zstd {'.'.join(map(str, zstandard.ZSTD_VERSION))}, polars {pl.__version__}"

    def rules(self, terms: Terms) -> list[Any]:
        """See ``ShardFormat``."""
        return ["jsonl", 1, self.writer(), _LEVEL, GROUP_BYTES, GROUP_ROWS]

    def write(self, files: Files, schema: pa.Schema, tables: Iterable[pa.Table], identity: str, terms: Terms) -> None:
        """See ``ShardFormat``."""
        compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        entries = []
        for table in tables:
            # Every line has all columns, as an absent one of many would make readers guess.
            lines = io.BytesIO()
            pl.DataFrame(table).write_ndjson(lines)
            frame = compressor.compress(lines.getbuffer())
            files[0].write(frame)
            entries.append(_ENTRY.pack(len(frame), lines.tell()))
        files[0].write(_HEAD.pack(_SKIPPED, _DIGITS) + identity.encode())
        entries.append(_ENTRY.pack(_HEAD.size + _DIGITS, 0))
        end = _FOOT.pack(len(entries), 0, _TABLE_END)
        files[0].write(_HEAD.pack(_TABLE, len(entries) * _ENTRY.size + len(end)) + b"".join(entries) + end)

    def identity(self, files: Files) -> str | None:
        """See ``ShardFormat``."""
        frames = _frames(files[0])
        if not frames:
            return None
        files[0].seek(frames[-1].start + _HEAD.size)
        return files[0].read(_DIGITS).decode()

    def places(self, files: Files, rows: pl.DataFrame, terms: Terms) -> pl.DataFrame:
        """See ``ShardFormat``."""
        frames = [(frame.start, group.height) for frame, group in zip(_frames(files[0]), groups(rows), strict=False)]
        found = [(start, row) for start, height in frames for row in range(height)]
        return pl.DataFrame(found, schema={"frame": pl.Int64, "row_in_frame": pl.Int64}, orient="row")

    def swhids(self, files: Files, column: str = "swhid") -> Iterator[pl.Series]:
        """See ``ShardFormat``."""
        files[0].seek(0)
        with zstandard.ZstdDecompressor().stream_reader(files[0], read_across_frames=True, closefd=False) as reader:
            batch: list[str] = []
            for line in io.BufferedReader(reader, 1 << 20):
                row = orjson.loads(line)
                batch.append(row["swhid"] if column == "swhid" else row.get(column))
                if len(batch) == GROUP_ROWS:
                    yield pl.Series(batch, dtype=pl.String)
                    batch = []
        yield pl.Series(batch, dtype=pl.String)

    def read(self, files: Files, expected: pl.DataFrame, terms: Terms, columns: Columns) -> Iterator[Part]:
        """See ``ShardFormat``."""
        files[0].seek(0, io.SEEK_END)
        size = files[0].tell()
        starts = expected["frame"].unique(maintain_order=True).to_list()
        for start, end in zip(starts, [*starts[1:], size], strict=True):
            part = expected.filter(frame=start)
            files[0].seek(start)
            found, fault = _rows(files[0].read(max(0, end - start)), part, columns)
            yield Part(part[: found.height], found)
            if found.height < part.height:
                yield Part(part[found.height :], None, fault)

    def explains(self, asked: Format) -> bool:
        """See ``ShardFormat``: a loader of Croissant files that reads no zstd has to be told."""
        return True

    def loading(self, asked: Format) -> str:
        """See ``ShardFormat``."""
        return (
            'Load it with `datasets.load_dataset("json", data_files="data/*.jsonl.zst")` or '
            '`polars.scan_ndjson("data/*.jsonl.zst")`. A file is several zstd frames; `manifest.parquet` says in which one a row '
            "is (`frame`, a byte offset) and as which line of it (`row_in_frame`). `mlcroissant` validates what is said of these "
            "files and does not load them, as it reads no zstd."
        )


def _frames(file: IO[bytes]) -> list[_Frame]:
    """The table of frames at a file's end, the one with the digest last; empty if there is none that can be believed."""
    size = file.seek(0, io.SEEK_END)
    if size < _HEAD.size + _FOOT.size:
        return []
    file.seek(size - _FOOT.size)
    count, _, end = _FOOT.unpack(file.read(_FOOT.size))
    start = size - _FOOT.size - count * _ENTRY.size - _HEAD.size
    if end != _TABLE_END or start < 0:
        return []
    file.seek(start)
    if _HEAD.unpack(file.read(_HEAD.size)) != (_TABLE, count * _ENTRY.size + _FOOT.size):
        return []
    found, at = [], 0
    for packed, content in _ENTRY.iter_unpack(file.read(count * _ENTRY.size)):
        found.append(_Frame(at, packed, content))
        at += packed
    return found if at == start else []


def _rows(frame: bytes, expected: pl.DataFrame, columns: Columns) -> tuple[pl.DataFrame, str]:
    """The rows of a frame as far as they can be read, as ``Part.found``, and what is wrong with the first that can't."""
    rows: list[dict[str, Any]] = []
    fault = "the frame ends before them"
    most = _ESCAPED * expected.select(pl.col("length") + _REPEATED * pl.col("swhid").str.len_bytes() + _MORE).sum().item()
    reader, line = zstandard.ZstdDecompressor().decompressobj(), b""
    try:
        for at in range(0, len(frame), _BITE):
            *lines, line = (line + reader.decompress(frame[at : at + _BITE])).split(b"\n")
            rows += [{name: orjson.loads(one)[name] for name in columns} for one in lines]
            if (most := most - sum(map(len, lines))) < len(line):
                raise ValueError("they are longer than they can be")
            if reader.eof:
                break
    except UNREADABLE as error:
        fault = str(error)
    try:
        found = pl.DataFrame(rows[: expected.height], schema=dict(columns))
    except UNREADABLE as error:
        found, fault = pl.DataFrame(schema=dict(columns)), str(error)
    return found.rename({"text": "stored"}), fault


FORMAT = JsonLines()
