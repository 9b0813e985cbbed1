# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Erasing rows for good: from the newest version of a table, from older ones, and from what its log tells of them.

Everything else in a lake only grows, and files that were replaced stay for a day (``garbage``). This is for what must not be
there any more: whoever still reads an older version of the table fails. Nobody may be writing to the table (see ``at_work``), as
a file that is written and not yet committed looks like one that was left behind.
"""

from __future__ import annotations

import functools
import operator
import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from codecommons.lake import commits
from codecommons.lake.files import DataFile, data_files, open_table
from codecommons.lake.garbage import AGE, clock, files_below, modified
from codecommons.lake.ranges import buckets
from codecommons.lake.schemas import Table
from codecommons.lake.storage import Storage, lake_errors

_LOGGED = re.compile(r"(\d{20})\.(?:json|crc|checkpoint\..*parquet|checkpoint\.parquet)")


@dataclass(frozen=True)
class Erased:
    """What went.

    Attributes:
        rows: of the newest version.
        files: data files and entries of the log, of whatever version.
        bytes: their size.
    """

    rows: int = 0
    files: int = 0
    bytes: int = 0

    def __add__(self, other: Erased) -> Erased:
        """Both."""
        return Erased(self.rows + other.rows, self.files + other.files, self.bytes + other.bytes)


def at_work(storage: Storage) -> list[str]:
    """Staging folders in which something was written within a day: of processes at work, or of killed ones; sorted."""
    root, cutoff = storage.path("_staging"), clock(storage) - AGE
    found = {path.removeprefix(f"{root}/").partition("/")[0]: modified(info) for path, info in sorted_files(storage, root)}
    return sorted(name for name, written in found.items() if written >= cutoff)


def sorted_files(storage: Storage, folder: str) -> list[tuple[str, Mapping[str, object]]]:
    """Every file below a folder with what the storage says of it, the one that was written last at the end."""
    return sorted(files_below(storage, folder).items(), key=lambda one: (modified(one[1]), one[0]))


def empty(storage: Storage, folder: str) -> Erased:
    """Remove a folder of the lake that is no table, such as what processes have staged; nobody may be at work."""
    root = storage.path(folder)
    there = files_below(storage, root)
    with lake_errors(f"removing {root}"):
        if storage.fs.exists(root):
            storage.fs.rm(root, recursive=True)
    return Erased(0, len(there), sum(info["size"] for info in there.values()))


def erase(storage: Storage, name: str, keys: Mapping[str, pl.Series], instead: pa.Table | None = None) -> Erased:
    """Take rows out of a table and remove every file that may hold them. Killed anywhere, it can be run again.

    Args:
        storage: the lake's files.
        name: of the table.
        keys: column (binary) -> values: a row that has one of them goes.
        instead: rows that take their place, with the columns of the table but ``bucket``; they come in the same commit.

    Raises:
        LakeError: the table can't be read or written.
    """
    rows = _take_out(storage, name, keys, instead)
    return Erased(rows) + _remove_unreferenced(storage, name) + _shorten_log(storage, name)


def columns_of(storage: Storage, name: str) -> list[str]:
    """The columns of a stored table."""
    return [field.name for field in open_table(storage, _stored(name)).schema().fields]


def _stored(name: str) -> Table:
    return Table(name, "", (), (), "log")


def _take_out(storage: Storage, name: str, keys: Mapping[str, pl.Series], instead: pa.Table | None) -> int:
    removed = 0
    wanted = {column: pa.array(ids.unique().sort().to_list(), pa.binary()) for column, ids in keys.items() if len(ids)}
    clauses = [
        (ds.field(column) >= ids[0]) & (ds.field(column) <= ids[-1]) & ds.field(column).isin(ids)
        for column, ids in wanted.items()
    ]

    def prepare(delta: DeltaTable) -> list[AddAction | RemoveAction]:
        nonlocal removed
        removed = 0
        actions: list[AddAction | RemoveAction] = []
        where = functools.reduce(operator.or_, clauses) if clauses else None
        for file in data_files(delta):
            hits = 0 if where is None else _dataset(storage, name, file).count_rows(filter=where, use_threads=False)
            if hits:
                removed += hits
                left = _without(storage, name, file, wanted)
                actions += [file.remove(), *([left.add()] if left else [])]
        if instead is not None:
            actions += [file.add() for file in _placed(storage, name, instead)]
        return actions

    delta = open_table(storage, _stored(name))
    fields = pa.schema(delta.schema())
    table = Table(name, "", tuple(fields), (), "log", tuple(delta.metadata().partition_columns))
    commits.commit_loop(storage, table, prepare, {"what": "erasure"})
    return removed


def _dataset(storage: Storage, name: str, file: DataFile) -> ds.Dataset:
    return ds.dataset(storage.path(name, file.path), format="parquet", filesystem=storage.arrow_fs, partitioning=None)


def _without(storage: Storage, name: str, file: DataFile, wanted: Mapping[str, pa.Array]) -> DataFile | None:
    """Write a file again without some rows, a row group at a time; None when nothing is left of it."""
    path = f"{commits.partition_folder(file.partition)}part-{uuid.uuid4().hex}.parquet"
    target = storage.path(name, path)
    rows = 0
    with lake_errors(f"writing {target}"), pq.ParquetFile(storage.path(name, file.path), filesystem=storage.arrow_fs) as old:
        if old.metadata.num_rows == _hits(old, wanted):
            return None
        plain = [one.name for one in old.schema_arrow if not pa.types.is_nested(one.type) and one.name not in {*wanted, "data"}]
        with (
            storage.create(target) as sink,
            pq.ParquetWriter(
                sink,
                old.schema_arrow,
                compression="zstd",
                compression_level=1,
                store_schema=False,
                use_dictionary=plain or False,
                write_page_checksum=True,
            ) as writer,
        ):
            for group in range(old.num_row_groups):
                table = old.read_row_group(group, use_threads=False)
                kept = table.filter(pc.invert(_mask(table, wanted)))
                if kept.num_rows:
                    writer.write_table(kept)
                    rows += kept.num_rows
        return DataFile(path, file.partition, rows, storage.fs.size(target))


def _hits(file: pq.ParquetFile, wanted: Mapping[str, pa.Array]) -> int:
    tables = (file.read_row_group(group, columns=list(wanted), use_threads=False) for group in range(file.num_row_groups))
    return sum(pc.sum(_mask(table, wanted)).as_py() or 0 for table in tables)


def _mask(table: pa.Table, wanted: Mapping[str, pa.Array]) -> pa.ChunkedArray:
    return functools.reduce(pc.or_, (pc.is_in(table[column], value_set=ids) for column, ids in wanted.items()))


def _placed(storage: Storage, name: str, rows: pa.Table) -> list[DataFile]:
    """Write rows as one file a bucket, by their first column."""
    if not rows.num_rows:
        return []
    where = buckets(rows.column(0), storage.settings.bucket_bits)
    return [
        commits.write_file(storage, _stored(name), (("bucket", str(bucket)),), rows.filter(pa.array(where == bucket)))
        for bucket in sorted(set(where.tolist()))
    ]


def _remove_unreferenced(storage: Storage, name: str) -> Erased:
    """Remove the data files that the newest version has not: those of older ones, and what killed writers left."""
    root = storage.path(name)
    there = files_below(storage, root)  # first, so that a file which is committed meanwhile is not among them
    wanted = {file.path.rpartition("/")[2] for file in data_files(open_table(storage, _stored(name)))}
    data = [path for path in there if not path.removeprefix(f"{root}/").startswith("_")]
    return _remove(storage, there, [path for path in data if path.rpartition("/")[2] not in wanted])


def _shorten_log(storage: Storage, name: str) -> Erased:
    """Let the log begin at the newest version: older entries may tell the smallest and largest values of files that are gone."""
    delta = open_table(storage, _stored(name))
    root, version = storage.path(name, "_delta_log"), delta.version()
    there = files_below(storage, root)
    numbers = {path: int(found[1]) for path in there if (found := _LOGGED.fullmatch(path.rpartition("/")[2]))}
    old = [path for path, number in numbers.items() if number < version]
    left = [path for path in there if path.endswith(".tmp")]
    if old:
        with lake_errors(f"table {name} in {storage.settings.lake}"):
            delta.create_checkpoint()
    return _remove(storage, there, [*old, *left])


def _remove(storage: Storage, there: Mapping[str, Mapping[str, int]], paths: Collection[str]) -> Erased:
    for path in sorted(paths):
        with lake_errors(f"removing {path}"):
            if storage.fs.exists(path):
                storage.fs.rm(path)
    return Erased(0, len(paths), sum(there[path]["size"] for path in paths))
