# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Where workers put the rows they find, until a commit merges them into the tables.

A worker writes to a folder of the commit's own, sorted by key, as plain Arrow files: they live for minutes, and packing them
would cost more than all else.
"""

from __future__ import annotations

import bisect
import contextlib
import datetime as dt
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from codecommons.lake.ranges import buckets
from codecommons.lake.schemas import Table
from codecommons.lake.storage import Storage, lake_errors

# A merge reads whole batches of every staged file; at the ends of its range it throws most of one away.
_STAGED_BATCH_BYTES = 1 << 20
# What an open area writes now and then (see ``garbage``): the file, and how often.
SIGN_OF_LIFE, SIGN_OF_LIFE_SECONDS = "alive", 600.0


@dataclass(frozen=True)
class StagedFile:
    """Rows of one table that a worker found, in one Arrow file sorted by key.

    Attributes:
        table: whose rows they are.
        path: of the file, on the lake's file system.
        rows: how many; ``bytes`` their size in memory.
        partitions: the partitions of the table that they go to.
        ranges: smallest and largest key (binary) of each record batch.
    """

    table: Table
    path: str
    rows: int
    bytes: int
    partitions: tuple[tuple[tuple[str, str], ...], ...]
    ranges: tuple[tuple[Any, Any], ...]


@dataclass
class StagingArea:
    """A folder in the lake's storage that lives as long as one commit. Picklable.

    While it is open it gives a sign of life now and then, so that nobody takes it for one that a killed process left.

    Attributes:
        storage: the lake's files.
        tables: by name.
        folder: below the lake's root.
        refused: contents (sha1_git) that were taken down: their bytes are not staged.
    """

    storage: Storage
    tables: Mapping[str, Table]
    folder: str = field(default_factory=lambda: f"_staging/{uuid.uuid4().hex}")
    refused: frozenset[bytes] = frozenset()

    def __enter__(self) -> StagingArea:
        """The folder is there before anything is read for it: who erases something must see that somebody is at work."""
        begun = dt.datetime.now(dt.UTC)
        with lake_errors(f"writing {self.storage.path(self.folder)}"):
            self._give_sign(begun)
        self._closed = threading.Event()
        self._living = threading.Thread(target=self._live, args=(begun,), daemon=True)
        self._living.start()
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Who gives signs of life is the process that opened it."""
        return {"storage": self.storage, "tables": self.tables, "folder": self.folder, "refused": self.refused}

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Remove what was staged: it is in the lake now, or worthless."""
        self._closed.set()
        self._living.join()
        target = self.storage.path(self.folder)
        if self.storage.fs.exists(target):
            self.storage.fs.rm(target, recursive=True)

    def _live(self, begun: dt.datetime) -> None:
        while not self._closed.wait(SIGN_OF_LIFE_SECONDS):
            # A disk that is full for a while stops the work where it writes, and not here.
            with contextlib.suppress(OSError):
                self._give_sign(begun)

    def _give_sign(self, begun: dt.datetime) -> None:
        self.storage.fs.pipe_file(self.storage.path(self.folder, SIGN_OF_LIFE), begun.isoformat().encode())

    def writer(self, task: str) -> Writer:
        """A writer for one task; ``task`` only helps to read the folder."""
        return Writer(self, task)


class Writer:
    """Collects rows of any table and writes them out when a batch is full."""

    def __init__(self, area: StagingArea, task: str) -> None:
        """Nothing is written before a batch is full or the writer closes."""
        self._area = area
        self._prefix = f"{''.join(c if c.isalnum() else '-' for c in task)[:60]}-{uuid.uuid4().hex[:12]}"
        self._waiting: dict[str, list[pa.Table]] = defaultdict(list)
        self._bytes = 0
        self._staged: list[StagedFile] = []

    def add(self, table: str, rows: pa.Table | pa.RecordBatch) -> None:
        """Take rows of ``table``, with every column of its declaration but ``bucket``; all rows of a key at once."""
        if not rows.num_rows:
            return
        fields = self._area.tables[table].fields
        batch = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        batch = batch.select([f.name for f in fields]).cast(pa.schema(fields))
        self._waiting[table].append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= self._area.storage.settings.batch_bytes:
            self.flush()

    def write(self, table: str, pieces: Iterable[pa.Table]) -> None:
        """Write rows that are in order of the key already as one file of ``table``, piece by piece."""
        self._write(self._area.tables[table], pieces)

    def flush(self) -> None:
        """Write what is waiting: one file a table."""
        for name, batches in sorted(self._waiting.items()):
            table = self._area.tables[name]
            self._write(table, [_in_order(pa.concat_tables(batches).combine_chunks(), [*table.partition, table.bucket_key])])
        self._waiting.clear()
        self._bytes = 0

    def close(self) -> list[StagedFile]:
        """Write the rest; the list travels back to the driver."""
        self.flush()
        return self._staged

    def _write(self, table: Table, pieces: Iterable[pa.Table]) -> None:
        storage, schema = self._area.storage, pa.schema(table.fields)
        path = storage.path(self._area.folder, f"{table.name}-{self._prefix}-{len(self._staged):04}.arrow")
        rows = size = 0
        partitions: set[tuple[tuple[str, str], ...]] = set()
        ranges = []
        with (
            lake_errors(f"writing {path}"),
            storage.create(path) as sink,
            pa.ipc.new_file(sink, schema) as file,
        ):
            for piece in pieces:
                partitions.update(_partitions(table, piece, storage.settings.bucket_bits))
                for batch in piece.to_batches(max_chunksize=_batch_rows(piece)):
                    file.write_batch(batch)
                    found = pc.min_max(batch[table.bucket_key])
                    ranges.append((found["min"].as_py(), found["max"].as_py()))
                rows += piece.num_rows
                size += piece.nbytes
        self._staged.append(StagedFile(table, path, rows, size, tuple(sorted(partitions)), tuple(ranges)))


def staged_batches(
    storage: Storage,
    files: Iterable[StagedFile],
    columns: Sequence[str],
    low: bytes,
    high: bytes | None,
    partition: Sequence[tuple[str, str]] = (),
) -> list[pa.RecordBatch]:
    """Staged rows whose key (``Table.bucket_key``) is in a half-open range.

    They are copied, so that a local file is mapped no longer than it is looked at: of each the system maps far more than is
    read, and there are as many as the slice has batches (290 files: 240 MB for a range of 16).

    Args:
        storage: the lake's files.
        files: what writers returned.
        columns: those that are wanted.
        low: the smallest key.
        high: what all keys are below; None for no end.
        partition: columns and the value that they must have.

    Raises:
        LakeError: a file can't be read.
    """
    found: list[pa.RecordBatch] = []
    for file in files:
        hits = [at for at, (least, most) in enumerate(file.ranges) if most >= low and (high is None or least < high)]
        if not hits:
            continue
        with lake_errors(f"reading {file.path}"):
            reader = pa.ipc.open_file(storage.open_staged(file.path))
            for batch in map(reader.get_batch, hits):
                for name, value in partition:
                    batch = batch.filter(pc.equal(batch[name], pa.scalar(value).cast(batch[name].type)))
                keys = batch[file.table.bucket_key]
                first = _first_at(keys, low)
                last = _first_at(keys, high) if high else batch.num_rows
                if last > first:
                    mine = batch.slice(first, last - first).select(list(columns))
                    found.append(
                        pa.RecordBatch.from_arrays([pa.concat_arrays([column]) for column in mine.columns], schema=mine.schema)
                    )
    return found


def _first_at(keys: pa.Array, bound: bytes) -> int:
    """Index of the first of the sorted keys that is not below ``bound``."""
    return bisect.bisect_left(range(len(keys)), bound, key=lambda at: keys[at].as_py())


def _in_order(rows: pa.Table, order: list[str]) -> pa.Table:
    """Rows sorted by some columns, equal ones in the order they came in; those of a loader are sorted already."""
    first = rows[order[0]].combine_chunks()
    if len(order) == 1 and pc.all(pc.less_equal(first[:-1], first[1:])).as_py():
        return rows
    return rows.take(pc.sort_indices(rows.select(order), sort_keys=[(name, "ascending") for name in order]))


def _partitions(table: Table, rows: pa.Table, bits: int) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The partitions of a table that rows go to."""
    where = buckets(rows[table.bucket_key], bits)
    if not table.partition:
        return tuple((("bucket", bucket),) for bucket in map(str, np.unique(where)))
    parts = pl.DataFrame(rows.select(list(table.partition))).with_columns(bucket=pl.Series(where)).unique()
    return tuple(tuple((name, str(value)) for name, value in row.items()) for row in parts.to_dicts())


def _batch_rows(rows: pa.Table) -> int:
    """Rows that make about ``_STAGED_BATCH_BYTES``."""
    return max(1, int(rows.num_rows * min(1.0, _STAGED_BATCH_BYTES / max(1, rows.nbytes))) + 1)
