# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""News that are too many to hold: rows of slice-scoped tables that workers write as Parquet files.

One file holds the rows of one item. It waits in the staging folder until its attempt is known, is moved to that attempt's
partition then, and becomes part of the table with all the others of the attempt, in one commit. Its name says what its rows are a
function of, so that another attempt, of whatever slice, copies the file and reads nothing again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from codecommons.lake.commits import partition_folder
from codecommons.lake.files import DataFile
from codecommons.lake.merging import ROW_GROUP_BYTES
from codecommons.lake.schemas import Table
from codecommons.lake.staging import StagingArea
from codecommons.lake.storage import Storage, lake_errors


@dataclass(frozen=True)
class NewsFile:
    """Rows of a slice-scoped table in a Parquet file.

    Attributes:
        table: whose rows they are.
        key: what they are a function of: letters, digits and ``-``; equal keys mean equal rows.
        path: of the file, on the lake's file system.
        rows: how many.
        live: whether the file belongs to an attempt already, which keeps it.
    """

    table: str
    key: str
    path: str
    rows: int
    live: bool = False


class NewsWriter:
    """Writes the rows of one item, as a context manager; a file that is not finished is never seen."""

    def __init__(self, area: StagingArea, table: str, key: str) -> None:
        """Nothing is written before the first rows."""
        self._storage = area.storage
        self._table = area.tables[table]
        self._key = key
        self._path = area.storage.path(area.folder, f"{table}-{key}-{uuid.uuid4().hex}.parquet")
        self._sink: pq.ParquetWriter | None = None
        self._rows = 0

    def __enter__(self) -> NewsWriter:
        """The file is made by the first rows."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Finish the file."""
        if self._sink is not None:
            with lake_errors(f"writing {self._path}"):
                self._sink.close()
                self._opened.close()

    def add(self, rows: pa.Table) -> None:
        """Take rows, with every column of the table's declaration, in the order they are to have."""
        if not rows.num_rows:
            return
        schema = pa.schema(self._table.fields)
        with lake_errors(f"writing {self._path}"):
            if self._sink is None:
                self._opened = self._storage.fs.open(self._path, "wb")
                self._sink = pq.ParquetWriter(
                    self._opened,
                    schema,
                    compression="zstd",
                    compression_level=3,
                    store_schema=False,
                    use_dictionary=False,
                    write_page_checksum=True,
                )
            groups = max(1, rows.nbytes // ROW_GROUP_BYTES)
            self._sink.write_table(rows.select(schema.names).cast(schema), row_group_size=-(-rows.num_rows // groups))
        self._rows += rows.num_rows

    def file(self) -> NewsFile | None:
        """The finished file; None where there were no rows."""
        return NewsFile(self._table.name, self._key, self._path, self._rows) if self._rows else None


def find(storage: Storage, table: Table, files: Iterable[DataFile], prefix: str) -> NewsFile | None:
    """Among files of a table, one whose key begins with ``prefix``; the first of several by path."""
    for file in files:
        key = file.path.rpartition("/")[2].removeprefix("part-").rpartition("-")[0]
        if key.startswith(prefix):
            return NewsFile(table.name, key, storage.path(table.name, file.path), file.rows, live=True)
    return None


def place(storage: Storage, table: Table, partition: tuple[tuple[str, str], ...], news: NewsFile) -> DataFile:
    """Bring a file to where its attempt's rows are: a staged one is moved, a live one is copied."""
    path = f"{partition_folder(partition)}part-{news.key}-{uuid.uuid4().hex}.parquet"
    target = storage.path(table.name, path)
    with lake_errors(f"writing {target}"):
        storage.fs.makedirs(target.rpartition("/")[0], exist_ok=True)
        if news.live:
            storage.fs.cp_file(news.path, target)
        else:
            storage.fs.mv(news.path, target)
        return DataFile(path, partition, news.rows, storage.fs.size(target))
