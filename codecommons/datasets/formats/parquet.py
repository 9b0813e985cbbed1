# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Parquet: a row is a row. What every reader of tables loads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from codecommons.datasets.format import Columns, Files, Part, ShardFormat, Terms
from codecommons.datasets.repository_form import DOCUMENT, MOST_BYTES, edges_of, marked, piece, record_schema, records
from codecommons.datasets.rows import readable, repository
from codecommons.datasets.shards import GROUP_BYTES, GROUP_ROWS, ROWS_KEY, UNREADABLE, WRITER
from codecommons.datasets.specification import PATH, Format, Specification
from codecommons.errors import UsageError
from codecommons.settings import Settings


class Parquet(ShardFormat):
    """A row group is one of ``shards.groups``, or some documents; the footer names the rows."""

    options = ("document", "metadata")
    media_types = ("application/x-parquet",)

    def endings(self, asked: Format) -> tuple[str, ...]:
        """See ``ShardFormat``."""
        return (".parquet",)

    def offsets(self, asked: Format) -> pa.Schema:
        """See ``ShardFormat``."""
        names = ("document", "start", "end") if asked.document == DOCUMENT else ()
        return pa.schema([pa.field(name, pa.int64()) for name in names])

    def columns(self, every: Mapping[str, pa.DataType], asked: Format) -> dict[str, pa.DataType]:
        """See ``ShardFormat``."""
        schema = pa.schema(list(every.items()))
        schema = record_schema(schema) if asked.document == DOCUMENT else schema
        return dict(zip(schema.names, schema.types, strict=True))

    def examples(self, manifest: pl.DataFrame, asked: Format) -> int:
        """See ``ShardFormat``."""
        return manifest.select("shard", "document").n_unique() if asked.document == DOCUMENT else manifest.height

    def check(self, settings: Settings, asked: Specification) -> None:
        """See ``ShardFormat``."""
        if asked.format.document != DOCUMENT:
            if asked.format.metadata != Format.metadata:
                raise UsageError(f"format: metadata is for document: {DOCUMENT}; leave it out")
            return
        if asked.rows != "files" or asked.order == PATH:
            raise UsageError(f"format: document: {DOCUMENT} is a tree of files; let order be tree or dependencies")
        if "starcoder2" not in asked.escape:
            raise UsageError(f"format: document: {DOCUMENT} puts StarCoder 2's tokens before files; let escape have starcoder2")
        if asked.shard.cap_bytes > MOST_BYTES:
            raise UsageError(
                f"format: document: {DOCUMENT} makes texts of up to shard: cap_bytes; let that be {MOST_BYTES} at most"
            )

    def writer(self) -> str:
        """See ``ShardFormat``."""
        return f"pyarrow {pa.__version__}"

    def rules(self, terms: Terms) -> list[Any]:
        """See ``ShardFormat``."""
        documents = [[DOCUMENT, 1, terms.asked.metadata]] if terms.asked.document == DOCUMENT else []
        return [WRITER, pa.__version__, GROUP_BYTES, GROUP_ROWS, *documents]

    def write(self, files: Files, schema: pa.Schema, tables: Iterable[pa.Table], identity: str, terms: Terms) -> None:
        """See ``ShardFormat``."""
        if terms.asked.document == DOCUMENT:
            tables, schema = records(tables, schema, terms, GROUP_BYTES), record_schema(schema)
        with pq.ParquetWriter(files[0], schema, **WRITER) as writer:
            for table in tables:
                writer.write_table(table)
            writer.add_key_value_metadata({ROWS_KEY: identity})

    def identity(self, files: Files) -> str | None:
        """See ``ShardFormat``."""
        found = (pq.read_metadata(files[0]).metadata or {}).get(ROWS_KEY)
        return found.decode() if found else None

    def places(self, files: Files, rows: pl.DataFrame, terms: Terms) -> pl.DataFrame:
        """See ``ShardFormat``."""
        if terms.asked.document != DOCUMENT:
            return pl.DataFrame()
        found = pl.DataFrame(pq.ParquetFile(files[0]).read(columns=["files"], use_threads=False)).with_row_index("document")
        return found.explode("files").unnest("files").select(self.offsets(terms.asked).names).cast(pl.Int64)

    def swhids(self, files: Files, column: str = "swhid") -> Iterator[pl.Series]:
        """See ``ShardFormat``."""
        parquet = pq.ParquetFile(files[0])
        if "files" in parquet.schema_arrow.names:
            for batch in parquet.iter_batches(columns=["files"], use_threads=False) if column == "swhid" else ():
                yield pl.DataFrame(batch)["files"].explode().struct.field("swhid")
        elif column == "swhid" or column in parquet.schema_arrow.names:
            for batch in parquet.iter_batches(columns=[column], use_threads=False):
                yield pl.DataFrame(batch)[column]

    def read(self, files: Files, expected: pl.DataFrame, terms: Terms, columns: Columns) -> Iterator[Part]:
        """See ``ShardFormat``."""
        try:
            parquet = pq.ParquetFile(files[0])
        except UNREADABLE as error:
            yield Part(expected[:0], None, f"it can't be read: {error}")
            return
        if terms.asked.document == DOCUMENT:
            yield from _documents(parquet, marked(expected, terms), columns)
            return
        counts = [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]
        if sum(counts) != expected.height:
            yield Part(expected[:0], None, f"it has {sum(counts)} rows, not {expected.height} as the manifest says")
            return
        at = 0
        for group, count in enumerate(counts):
            part = expected[at : at + count]
            at += count
            try:
                found = pl.DataFrame(parquet.read_row_group(group, columns=list(columns)))
                yield Part(part, found.rename({"text": "stored"}))
            except UNREADABLE as error:
                yield Part(part, None, str(error))

    def stored(self, rows: pl.DataFrame, texts: Sequence[Sequence[bytes]], terms: Terms) -> list[bytes]:
        """See ``ShardFormat``; of a document a row's part is from the end of the row before to the end of this one."""
        if terms.asked.document != DOCUMENT:
            return super().stored(rows, texts, terms)
        names = [repository(origin) for origin in rows["origin"]]
        every = zip(edges_of(rows), names, readable(rows["path"]), texts, strict=True)
        return [piece(edge, name, path, text.decode()).encode() for edge, name, path, (text,) in every]

    def explains(self, asked: Format) -> bool:
        """See ``ShardFormat``."""
        return asked.document == DOCUMENT

    def loading(self, asked: Format) -> str:
        """See ``ShardFormat``."""
        if asked.document == DOCUMENT:
            whose = "" if asked.metadata == "all" else "; half of them have neither the name nor paths"
            return (
                'Load it with `datasets.load_dataset("parquet", data_files="data/*.parquet")` or '
                '`polars.scan_parquet("data/*.parquet")`. A record is the files of one tree that are in the shard, '
                f"`<repo_name>name<file_sep>path⏎code<file_sep>path⏎code…`{whose}. `files` says of each file what a row "
                "says, and where in `text` it is; `manifest.parquet` has a line a file, with the number of its record in the "
                "shard (`document`)."
            )
        return (
            'Load it with `datasets.load_dataset("parquet", data_files="data/*.parquet")` or '
            '`polars.scan_parquet("data/*.parquet")`.'
        )


def _documents(parquet: pq.ParquetFile, expected: pl.DataFrame, columns: Columns) -> Iterator[Part]:
    """The files of records that are documents."""
    at, rows = 0, 0
    for group in range(parquet.num_row_groups):
        count = parquet.metadata.row_group(group).num_rows
        part = expected.filter(pl.col("document").is_between(at, at + count - 1))
        at, rows = at + count, rows + part.height
        try:
            found = pl.DataFrame(parquet.read_row_group(group, columns=["text", "files"]))
            files = found.select("files").explode("files").unnest("files").select(name for name in columns if name != "text")
            if files.height != part.height:
                raise ValueError(f"they are {files.height} files, not {part.height}")
            ends = part.group_by("document", maintain_order=True).agg("end")["end"]
            stored = [piece for text, some in zip(found["text"], ends, strict=True) for piece in _pieces(text or "", some)]
            yield Part(part, files.with_columns(stored=pl.Series(stored, dtype=pl.String)))
        except UNREADABLE as error:
            yield Part(part, None, str(error))
    if rows != expected.height or expected["document"].max() != (at - 1 if at else None):
        yield Part(expected[:0], None, f"it has {at} records, not those that the manifest says")


def _pieces(text: str, ends: Iterable[int]) -> Iterator[str]:
    """A text in parts that end there; the last is all that is left."""
    places = [0, *ends]
    places[-1] = max(len(text), *places)
    return (text[start:end] for start, end in pairwise(places))


FORMAT = Parquet()
