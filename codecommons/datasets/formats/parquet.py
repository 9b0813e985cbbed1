# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Parquet: a row is a row. What every reader of tables loads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from codecommons.datasets.format import Columns, Files, Part, ShardFormat, Terms
from codecommons.datasets.shards import GROUP_BYTES, GROUP_ROWS, ROWS_KEY, UNREADABLE, WRITER
from codecommons.datasets.specification import Format


class Parquet(ShardFormat):
    """A row group is one of ``shards.groups``; the footer names the rows."""

    media_types = ("application/x-parquet",)

    def endings(self, asked: Format) -> tuple[str, ...]:
        """See ``ShardFormat``."""
        return (".parquet",)

    def writer(self) -> str:
        """See ``ShardFormat``."""
        return f"pyarrow {pa.__version__}"

    def rules(self, terms: Terms) -> list[Any]:
        """See ``ShardFormat``."""
        return [WRITER, pa.__version__, GROUP_BYTES, GROUP_ROWS]

    def write(self, files: Files, schema: pa.Schema, tables: Iterable[pa.Table], identity: str, terms: Terms) -> None:
        """See ``ShardFormat``."""
        with pq.ParquetWriter(files[0], schema, **WRITER) as writer:
            for table in tables:
                writer.write_table(table)
            writer.add_key_value_metadata({ROWS_KEY: identity})

    def identity(self, files: Files) -> str | None:
        """See ``ShardFormat``."""
        found = (pq.read_metadata(files[0]).metadata or {}).get(ROWS_KEY)
        return found.decode() if found else None

    def places(self, files: Files, rows: pl.DataFrame) -> pl.DataFrame:
        """See ``ShardFormat``."""
        return pl.DataFrame()

    def swhids(self, files: Files, column: str = "swhid") -> Iterator[pl.Series]:
        """See ``ShardFormat``."""
        parquet = pq.ParquetFile(files[0])
        if column == "swhid" or column in parquet.schema_arrow.names:
            for batch in parquet.iter_batches(columns=[column], use_threads=False):
                yield pl.DataFrame(batch)[column]

    def read(self, files: Files, expected: pl.DataFrame, terms: Terms, columns: Columns) -> Iterator[Part]:
        """See ``ShardFormat``."""
        try:
            parquet = pq.ParquetFile(files[0])
        except UNREADABLE as error:
            yield Part(expected[:0], None, f"it can't be read: {error}")
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

    def loading(self, asked: Format) -> str:
        """See ``ShardFormat``."""
        return (
            'Load it with `datasets.load_dataset("parquet", data_files="data/*.parquet")` or '
            '`polars.scan_parquet("data/*.parquet")`.'
        )


FORMAT = Parquet()
