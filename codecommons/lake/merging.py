# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""From staged rows to files that a commit adds: dedup by key, anti-join with the lake, one file a bucket.

There is one merge per (table, partition, bucket). It goes through the key space in ranges small enough for the batch size,
drops what the lake holds already, and writes one sorted file. What comes out depends on the set of rows alone, not on who found
them, in which order, or in how many batches.

In tables whose rows say whether their identifier was ``verified``, a row that says ``yes`` replaces one that doesn't, whichever
came first: files that hold such a row are merged as if they were staged, and taken out of the table by the same commit.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from codecommons.lake.commits import partition_folder
from codecommons.lake.files import DataFile
from codecommons.lake.ranges import bucket_range, dataset_of, in_range, read_columns
from codecommons.lake.schemas import Table
from codecommons.lake.staging import StagedFile, staged_batches
from codecommons.lake.storage import Storage, lake_errors

# Row groups of about 4 MB: a reader that wants one content reads no more than that.
ROW_GROUP_BYTES = 4 << 20
# Bundles of merges, so that all workers end together.
_BUNDLES_A_WORKER = 8
# 20-byte keys held at once when looking for what is known: about 100 MB with Polars' overhead.
KEYS_AT_ONCE = 1_000_000
# How much more than its bytes a row takes of which nearly every column is compared: as much as ten times.
_WEIGHT_OF_MANY = 4


@dataclass(frozen=True)
class MergeTask:
    """What one worker merges: all that was staged for one bucket of one table, against the files of one version."""

    storage: Storage
    table: Table
    partition: tuple[tuple[str, str], ...]
    staged: tuple[StagedFile, ...]
    known: tuple[DataFile, ...]

    def __str__(self) -> str:
        """How an error names it."""
        return f"merging {self.table.name} {partition_folder(self.partition)}"

    @cached_property
    def bucket(self) -> int:
        """The number of the bucket."""
        return int(dict(self.partition)["bucket"])

    @cached_property
    def bytes(self) -> int:
        """About how much was staged for it: rows of a file are taken to be spread evenly over its buckets."""
        shares = len({part for file in self.staged for part in file.partitions}) or 1
        return sum(file.bytes for file in self.staged) // shares

    def paths(self, files: Iterable[DataFile]) -> list[str]:
        """Where files of the table are, on the lake's file system."""
        return [self.storage.path(self.table.name, file.path) for file in files]


@dataclass(frozen=True)
class Merged:
    """The file a merge wrote, if anything was new, and those it stands for, whose rows are in it or were replaced."""

    task: MergeTask
    file: DataFile | None
    rows_in: int
    rows_new: int
    bytes_new: int
    replaced: tuple[DataFile, ...] = ()

    @property
    def files(self) -> int:
        """How many files the partition has with it."""
        return len(self.task.known) - len(self.replaced) + bool(self.file)


@dataclass(frozen=True)
class Bundle:
    """Merges that one worker does one after the other: most tables of a commit are far too small for a task of their own."""

    tasks: tuple[MergeTask, ...]

    def __str__(self) -> str:
        """How an error names it."""
        return str(self.tasks[0]) + (f" and {len(self.tasks) - 1} more" if len(self.tasks) > 1 else "")


def bundles(tasks: Iterable[MergeTask], workers: int) -> list[Bundle]:
    """Cut merges into bundles, the largest first: some a worker, so that all end together."""
    order = sorted(tasks, key=lambda task: -task.bytes)
    most = sum(task.bytes for task in order) // (_BUNDLES_A_WORKER * max(1, workers))
    found: list[list[MergeTask]] = []
    size = most + 1
    for task in order:
        if size + task.bytes > most:
            found.append([])
            size = 0
        found[-1].append(task)
        size += task.bytes
    return [Bundle(tuple(some)) for some in found]


def merge_all(bundle: Bundle) -> list[Merged]:
    """Do the merges of a bundle; errors as of ``merge``."""
    return [merge(task) for task in bundle.tasks]


def merge(task: MergeTask) -> Merged:
    """Write the staged rows whose key the lake does not hold as one file, sorted by key.

    Raises:
        LakeError: a file can't be read or written.
    """
    storage, table = task.storage, task.table
    bits = storage.settings.bucket_bits
    known_rows = sum(file.rows for file in task.known)
    weight = _WEIGHT_OF_MANY if table.many else 1
    parts = max(1, -(-task.bytes * weight // storage.settings.batch_bytes), -(-known_rows // KEYS_AT_ONCE))
    ranges = [bucket_range(task.bucket, bits, part, parts) for part in range(parts)]
    with lake_errors(f"{task} in {storage.settings.lake}"):
        old_files = _files_to_replace(task, ranges)
    old = dataset_of(storage, task.paths(old_files), table)
    known = dataset_of(storage, task.paths(file for file in task.known if file not in old_files), table)
    path = f"{partition_folder(task.partition)}part-{uuid.uuid4().hex}.parquet"
    schema = _stored_schema(table)
    sink: pq.ParquetWriter | None = None
    rows_in = rows_new = bytes_new = 0
    with lake_errors(f"{task} in {storage.settings.lake}"):
        try:
            for low, high in ranges:
                found = _staged_batches(task, low, high)
                rows_in += sum(batch.num_rows for batch in found)
                if old is not None:
                    kept = read_columns(old, schema.names, in_range(table.bucket_key, low, high))
                    bytes_new -= kept.nbytes
                    found = [*kept.to_batches(), *found]
                for new in _row_groups(found, _new_rows(table, found, known, low, high)):
                    if sink is None:
                        opened = storage.create(storage.path(table.name, path))
                        sink = _parquet(opened, schema, table)
                    sink.write_table(new)
                    rows_new += new.num_rows
                    bytes_new += new.nbytes
        finally:
            if sink is not None:
                sink.close()
                opened.close()
        if sink is None:
            return Merged(task, None, rows_in, 0, 0)
        size = storage.fs.size(storage.path(table.name, path))
    file = DataFile(path, task.partition, rows_new, size)
    return Merged(task, file, rows_in, rows_new - sum(one.rows for one in old_files), max(0, bytes_new), old_files)


def rewrite(task: MergeTask) -> Merged:
    """Write the rows of all files of a bucket as one, sorted by key: what comes out depends on the set of rows alone.

    Raises:
        LakeError: a file can't be read or written.
    """
    storage, table, schema = task.storage, task.table, _stored_schema(task.table)
    path = f"{partition_folder(task.partition)}part-{uuid.uuid4().hex}.parquet"
    target, rows = storage.path(table.name, path), 0
    with lake_errors(f"compacting {table.name} {partition_folder(task.partition)} in {storage.settings.lake}"):
        paths = task.paths(task.known)
        sizes = [pq.read_metadata(one, filesystem=storage.arrow_fs) for one in paths]
        unpacked = sum(one.row_group(at).total_byte_size for one in sizes for at in range(one.num_row_groups))
        parts = max(1, -(-unpacked // storage.settings.batch_bytes))
        every = dataset_of(storage, paths, table)
        with storage.create(target) as sink, _parquet(sink, schema, table) as writer:
            for part in range(parts):
                low, high = bucket_range(task.bucket, storage.settings.bucket_bits, part, parts)
                found = read_columns(every, schema.names, in_range(table.bucket_key, low, high)).to_batches()
                for group in _row_groups(found, _new_rows(table, found, None, low, high)):
                    writer.write_table(group)
                    rows += group.num_rows
        file = DataFile(path, task.partition, rows, storage.fs.size(target))
    return Merged(task, file, rows, 0, 0, task.known)


def _files_to_replace(task: MergeTask, ranges: Iterable[tuple[bytes, bytes | None]]) -> tuple[DataFile, ...]:
    """Files of the lake with a row that a staged one, being verified, replaces; by path."""
    table = task.table
    if not table.proves or not task.known:
        return ()
    paths = {task.storage.path(table.name, file.path): file for file in task.known}
    known = dataset_of(task.storage, list(paths), table)
    assert known is not None
    # The statistics of files in which everything is verified rule them out unread.
    doubtful = ds.field("verified") != "yes"
    if not known.count_rows(filter=doubtful, use_threads=False):
        return ()
    key = table.bucket_key
    old: set[str] = set()
    for low, high in ranges:
        weak = read_columns(known, [key, "__filename"], in_range(key, low, high) & doubtful)
        if weak.num_rows:
            proved = _columns(_staged_batches(task, low, high), [key, "verified"]).filter(pc.field("verified") == "yes")
            better = pl.DataFrame(weak).join(pl.DataFrame(proved), on=key, how="semi")
            old.update(better["__filename"].unique().to_list())
    return tuple(paths[path] for path in sorted(old))


def _new_rows(
    table: Table, found: Sequence[pa.RecordBatch], known: ds.Dataset | None, low: bytes, high: bytes | None
) -> np.ndarray:
    """Which rows have a key that is not known, each once, in order of the key; of several one that is verified, if any is.

    Rows are numbered over all batches.
    """
    key = [name for name in table.key if name not in table.partition]
    if not found:
        return np.empty(0, np.int64)
    if table.many:
        # Identical rows of a key may have come from several tasks; a row is a small thing in these tables.
        schema = found[0].schema
        flat = [*key, *(f.name for f in schema if f.name not in key and not pa.types.is_nested(f.type))]
        keys = pl.DataFrame(_columns(found, flat)).with_row_index("row").unique(flat, keep="first").sort(flat).select("row", *key)
    elif table.proves:
        keys = pl.DataFrame(_columns(found, [*key, "verified"])).with_row_index("row")
        keys = keys.with_columns(doubtful=pl.col("verified") != "yes").drop("verified")
        keys = keys.sort([*key, "doubtful", "row"]).unique(key, keep="first", maintain_order=True)
    else:
        keys = pl.DataFrame(_columns(found, key)).with_row_index("row")
        keys = keys.sort([*key, "row"]).unique(key, keep="first", maintain_order=True)
    if known is not None:
        seen = pl.DataFrame(read_columns(known, key, in_range(table.bucket_key, low, high))).unique()
        keys = keys.join(seen, on=key, how="anti", maintain_order="left")
    return keys["row"].to_numpy().astype(np.int64)


def _row_groups(found: Sequence[pa.RecordBatch], rows: np.ndarray) -> Iterator[pa.Table]:
    """The rows of these numbers, in their order, in tables of about ``ROW_GROUP_BYTES``.

    Each is copied together on its own: memory of this size is used again and again, while that of a whole range would be
    fresh from the system each time, which cost as much as packing it (270 MB: 0.6 s).
    """
    if not len(rows):
        return
    ends = np.cumsum([batch.num_rows for batch in found])
    groups = -(-sum(batch.nbytes for batch in found) // ROW_GROUP_BYTES)
    for group in np.array_split(rows, min(len(rows), max(1, groups))):
        where = np.searchsorted(ends, group, "right")
        parts, places, before = [], np.empty(len(group), np.int64), 0
        for at in np.unique(where):
            mine = where == at
            inside = group[mine] - (ends[at] - found[at].num_rows)
            first, last = int(inside.min()), int(inside.max()) + 1
            parts.append(found[at].slice(first, last - first))
            places[mine] = inside - first + before
            before += last - first
        yield pa.Table.from_batches(parts).combine_chunks().take(pa.array(places))


def _columns(found: Sequence[pa.RecordBatch], names: list[str]) -> pa.Table:
    return pa.Table.from_batches([batch.select(names) for batch in found])


def _stored_schema(table: Table) -> pa.Schema:
    """The columns in a table's files: all but those of its partitions."""
    return pa.schema([f for f in table.fields if f.name not in table.partition])


def _staged_batches(task: MergeTask, low: bytes, high: bytes | None) -> list[pa.RecordBatch]:
    """Rows of the task's partition with a key in the range, of all staged files."""
    return staged_batches(task.storage, task.staged, _stored_schema(task.table).names, low, high, task.partition[:-1])


def _parquet(sink: pa.NativeFile, schema: pa.Schema, table: Table) -> pq.ParquetWriter:
    # A dictionary of what never repeats, keys and contents, is built for nothing. Level 1 takes two thirds of the time of
    # level 3 and gives files a tenth larger (270 MB of source code: 0.8 s and 74 MB, 1.3 s and 68 MB).
    unique = {"data"} if table.many else {"data", *table.key}
    dictionary: Any = [name for name in schema.names if name not in unique and not pa.types.is_nested(schema.field(name).type)]
    return pq.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        compression_level=1,
        store_schema=False,
        use_dictionary=dictionary or False,
        write_page_checksum=True,  # a flipped bit is found by who looks for it (``upkeep.verify``)
    )
