# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""From rows that workers find to files that a commit adds: dedup by key, anti-join with the lake, one file a bucket.

Workers write what they find to a staging folder, sorted by key, as plain Arrow files: they live for minutes, and packing them
would cost more than all else. Then one task per (table, partition, bucket) goes through
the key space in ranges small enough for the batch size, drops what the lake holds already, and writes one sorted file. What
comes out depends on the set of rows alone, not on who found them, in which order, or in how many batches.

In tables whose rows say whether their identifier was ``verified``, a row that says ``yes`` replaces one that doesn't, whichever
came first: files that hold such a row are merged as if they were staged, and taken out of the table by the same commit.
"""

from __future__ import annotations

import bisect
import contextlib
import datetime as dt
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from codecommons.lake.commits import DataFile, partition_folder
from codecommons.lake.schemas import Table
from codecommons.lake.storage import Storage, lake_errors

# Row groups of about 4 MB: a reader that wants one content reads no more than that.
ROW_GROUP_BYTES = 4 << 20
# A merge reads whole batches of every staged file; at the ends of its range it throws most of one away.
_STAGED_BATCH_BYTES = 1 << 20
# What an open area writes now and then (see ``garbage``): the file, and how often.
SIGN_OF_LIFE, SIGN_OF_LIFE_SECONDS = "alive", 600.0
# 20-byte keys held at once when looking for what is known: about 100 MB with Polars' overhead.
KEYS_AT_ONCE = 1_000_000


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
    """

    storage: Storage
    tables: Mapping[str, Table]
    folder: str = field(default_factory=lambda: f"_staging/{uuid.uuid4().hex}")

    def __enter__(self) -> StagingArea:
        """The folder is made by the first file."""
        self._closed = threading.Event()
        self._living = threading.Thread(target=self._live, args=(dt.datetime.now(dt.UTC),), daemon=True)
        self._living.start()
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Who gives signs of life is the process that opened it."""
        return {"storage": self.storage, "tables": self.tables, "folder": self.folder}

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

    def flush(self) -> None:
        """Write what is waiting: one file a table."""
        for name, batches in sorted(self._waiting.items()):
            self._write(self._area.tables[name], pa.concat_tables(batches))
        self._waiting.clear()
        self._bytes = 0

    def close(self) -> list[StagedFile]:
        """Write the rest; the list travels back to the driver."""
        self.flush()
        return self._staged

    def _write(self, table: Table, rows: pa.Table) -> None:
        rows = _in_order(rows.combine_chunks(), [*table.partition, table.bucket_key])
        path = self._area.storage.path(self._area.folder, f"{table.name}-{self._prefix}-{len(self._staged):04}.arrow")
        batches = rows.to_batches(max_chunksize=_group_rows(rows, _STAGED_BATCH_BYTES))
        with (
            lake_errors(f"writing {path}"),
            self._area.storage.create(path) as sink,
            pa.ipc.new_file(sink, rows.schema) as file,
        ):
            for batch in batches:
                file.write_batch(batch)
        ranges = tuple(
            (found["min"].as_py(), found["max"].as_py()) for found in (pc.min_max(batch[table.bucket_key]) for batch in batches)
        )
        partitions = _partitions(table, rows, self._area.storage.settings.bucket_bits)
        self._staged.append(StagedFile(table, path, rows.num_rows, rows.nbytes, partitions, ranges))


def _in_order(rows: pa.Table, order: list[str]) -> pa.Table:
    """Rows sorted by some columns, equal ones in the order they came in; those of a loader are sorted already."""
    first = rows[order[0]].combine_chunks()
    if len(order) == 1 and pc.all(pc.less_equal(first[:-1], first[1:])).as_py():
        return rows
    return rows.take(pc.sort_indices(rows.select(order), sort_keys=[(name, "ascending") for name in order]))


def _partitions(table: Table, rows: pa.Table, bits: int) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The partitions of a table that rows go to, sorted."""
    where = buckets(rows[table.bucket_key], bits)
    if not table.partition:
        return tuple((("bucket", bucket),) for bucket in sorted(map(str, np.unique(where))))
    parts = pl.DataFrame(rows.select(list(table.partition))).with_columns(bucket=pl.Series(where)).unique()
    return tuple(sorted(tuple((name, str(value)) for name, value in row.items()) for row in parts.to_dicts()))


def buckets(keys: pa.ChunkedArray | pa.Array, bits: int) -> np.ndarray:
    """The top ``bits`` bits of each binary key (an int32 a row)."""
    if not len(keys):
        return np.empty(0, np.int32)
    first = pl.Series(pc.binary_slice(keys, 0, 2)).bin.reinterpret(dtype=pl.UInt16, endianness="big")
    return (first.to_numpy() >> (16 - bits)).astype(np.int32)


def bucket_range(bucket: int, bits: int, part: int = 0, parts: int = 1) -> tuple[bytes, bytes | None]:
    """The half-open range of keys of one of ``parts`` equal parts of a bucket; None is past the last key."""
    width = 1 << (64 - bits)
    low = bucket * width + width * part // parts
    high = bucket * width + width * (part + 1) // parts
    return low.to_bytes(8, "big"), None if high >> 64 else high.to_bytes(8, "big")


def in_range(column: str, low: bytes, high: bytes | None) -> pc.Expression:
    """A filter on a binary column that Parquet statistics can prune."""
    condition = ds.field(column) >= pa.scalar(low, pa.binary())
    return condition if high is None else condition & (ds.field(column) < pa.scalar(high, pa.binary()))


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


def merge(task: MergeTask) -> Merged:
    """Write the staged rows whose key the lake does not hold as one file, sorted by key.

    Raises:
        LakeError: a file can't be read or written.
    """
    storage, table = task.storage, task.table
    bits = storage.settings.bucket_bits
    shares = len({part for file in task.staged for part in file.partitions}) or 1
    staged_bytes = sum(file.bytes for file in task.staged) // shares
    known_rows = sum(file.rows for file in task.known)
    parts = max(1, -(-staged_bytes // storage.settings.batch_bytes), -(-known_rows // KEYS_AT_ONCE))
    ranges = [bucket_range(task.bucket, bits, part, parts) for part in range(parts)]
    with lake_errors(f"{task} in {storage.settings.lake}"):
        old_files = _files_to_replace(task, ranges)
    old = dataset_of(storage, task.paths(old_files), table)
    known = dataset_of(storage, task.paths(file for file in task.known if file not in old_files), table)
    path = f"{partition_folder(task.partition)}part-{uuid.uuid4().hex}.parquet"
    sink: pq.ParquetWriter | None = None
    rows_in = rows_new = bytes_new = 0
    with lake_errors(f"{task} in {storage.settings.lake}"):
        try:
            for low, high in ranges:
                found = _read_staged(task, low, high)
                rows_in += found.num_rows
                if old is not None:
                    kept = read_columns(old, found.schema.names, in_range(table.bucket_key, low, high))
                    bytes_new -= kept.nbytes
                    found = pa.concat_tables([kept, found])
                new = _new_rows(table, found, known, low, high)
                if not new.num_rows:
                    continue
                if sink is None:
                    opened = storage.create(storage.path(table.name, path))
                    sink = _parquet(opened, new.schema, table)
                sink.write_table(new, row_group_size=_group_rows(new))
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
            proved = _read_staged(task, low, high).select([key, "verified"]).filter(pc.field("verified") == "yes")
            better = pl.DataFrame(weak).join(pl.DataFrame(proved), on=key, how="semi")
            old.update(better["__filename"].unique().to_list())
    return tuple(paths[path] for path in sorted(old))


def _new_rows(table: Table, found: pa.Table, known: ds.Dataset | None, low: bytes, high: bytes | None) -> pa.Table:
    """Rows of ``found`` whose key is not known, each once, in order of the key; of several one that is verified, if any is."""
    key = [name for name in table.key if name not in table.partition]
    keys = pl.DataFrame(found.select(key)).with_row_index("row")
    if table.many:
        # Identical rows of a key may have come from several tasks; a row is a small thing in these tables.
        flat = [*key, *(f.name for f in found.schema if f.name not in key and not pa.types.is_nested(f.type))]
        keys = pl.DataFrame(found.select(flat)).with_row_index("row").unique(flat, keep="first").sort(flat).select("row", *key)
    elif table.proves:
        keys = keys.with_columns(doubtful=pl.Series(pc.not_equal(found["verified"], "yes")))
        keys = keys.sort([*key, "doubtful", "row"]).unique(key, keep="first", maintain_order=True)
    else:
        keys = keys.sort([*key, "row"]).unique(key, keep="first", maintain_order=True)
    if known is not None:
        seen = pl.DataFrame(read_columns(known, key, in_range(table.bucket_key, low, high))).unique()
        keys = keys.join(seen, on=key, how="anti", maintain_order="left")
    return found.take(keys["row"].to_arrow())


def _read_staged(task: MergeTask, low: bytes, high: bytes | None) -> pa.Table:
    """Rows of the task's partition with a key in the range, of all staged files."""
    key = task.table.bucket_key
    schema = pa.schema([f for f in task.table.fields if f.name not in task.table.partition])
    batches: list[pa.RecordBatch] = []
    for file in task.staged:
        hits = [at for at, (least, most) in enumerate(file.ranges) if most >= low and (high is None or least < high)]
        if not hits:
            continue
        opened = task.storage.open_staged(file.path)
        reader = pa.ipc.open_file(opened)
        for batch in map(reader.get_batch, hits):
            for name, value in task.partition[:-1]:
                batch = batch.filter(pc.equal(batch[name], pa.scalar(value).cast(batch[name].type)))
            first = _first_at(batch[key], low)
            batches.append(
                batch.slice(first, (_first_at(batch[key], high) if high else batch.num_rows) - first).select(schema.names)
            )
    return pa.Table.from_batches(batches, schema).combine_chunks()


def _first_at(keys: pa.Array, bound: bytes) -> int:
    """Index of the first of the sorted keys that is not below ``bound``."""
    return bisect.bisect_left(range(len(keys)), bound, key=lambda at: keys[at].as_py())


def _parquet(sink: pa.NativeFile, schema: pa.Schema, table: Table) -> pq.ParquetWriter:
    # A dictionary of what never repeats, keys and contents, is built for nothing. Level 1 takes two thirds of the time of
    # level 3 and gives files a tenth larger (270 MB of source code: 0.8 s and 74 MB, 1.3 s and 68 MB).
    unique = {"data"} if table.many else {"data", *table.key}
    dictionary: Any = [name for name in schema.names if name not in unique and not pa.types.is_nested(schema.field(name).type)]
    return pq.ParquetWriter(
        sink, schema, compression="zstd", compression_level=1, store_schema=False, use_dictionary=dictionary or False
    )


def dataset_of(storage: Storage, paths: list[str], table: Table) -> ds.Dataset | None:
    """Data files of a table as one data set; None for no files."""
    if not paths:
        return None
    return ds.dataset(paths, schema=pa.schema(table.fields), format="parquet", filesystem=storage.arrow_fs)


def read_columns(dataset: ds.Dataset | None, columns: list[str], where: pc.Expression) -> pa.Table:
    """Some columns of the rows that a filter lets through, read one row group after the other."""
    assert dataset is not None
    return dataset.to_table(
        columns=columns, filter=where, use_threads=False, batch_readahead=1, fragment_readahead=1
    ).combine_chunks()


def _group_rows(rows: pa.Table, size: int = ROW_GROUP_BYTES) -> int:
    """Rows that make about ``size`` bytes."""
    return max(1, int(rows.num_rows * min(1.0, size / max(1, rows.nbytes))) + 1)


def slices_of(ids: pl.DataFrame, batch_bytes: int, most: int = 8192) -> Iterator[pl.DataFrame]:
    """Cut ids (columns sha1_git, length; sorted) into runs of at most ``batch_bytes`` and ``most`` rows, never empty."""
    start = total = 0
    lengths = ids["length"].to_list()
    for at, length in enumerate(lengths):
        if at > start and (total + length > batch_bytes or at - start >= most):
            yield ids[start:at]
            start, total = at, 0
        total += length
    if start < len(lengths):
        yield ids[start:]
