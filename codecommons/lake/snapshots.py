# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Tables as readers see them: opened once, and again only after somebody has committed.

To open a table is to replay its log, which takes 2 ms of a folder and several requests of S3, and a stage looks at some hundred
tables. Whether a version is still the newest shows without: its entry of the log is the file that it was, and none comes after.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from codecommons.lake.damage import require_whole
from codecommons.lake.files import DataFile, data_files, open_table
from codecommons.lake.schemas import Table
from codecommons.lake.storage import Storage, lake_errors

# Digits of a version in the name of its entry; S3 gives names in order, and this one comes just before ".json".
_DIGITS, _BEFORE = 20, ".jsom"


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A version of a table, shared by all who read it and all who commit on top of it, which leaves ``delta`` where it is.

    Who compacts or deletes in Delta's own way opens his own (``Lake.delta``), as that one moves.

    Attributes:
        storage: the lake's files.
        table: its declaration.
        delta: the table at that version.
        entry: what tells its entry in the log from another one of that number, as of a lake that was restored; None where it
            could not be seen.
    """

    storage: Storage
    table: Table
    delta: DeltaTable
    entry: str | None

    @cached_property
    def files(self) -> list[DataFile]:
        """The files of this version, by path."""
        return data_files(self.delta)

    @cached_property
    def columns(self) -> frozenset[str]:
        """Names of the columns that it has."""
        return frozenset(field.name for field in self.delta.schema().fields)

    @cached_property
    def rows(self) -> pl.DataFrame:
        """Every row, as ``whole_table``: of a small table."""
        return whole_table(self.storage, self.table, self.delta)

    def scan(self) -> pl.LazyFrame:
        """Every row, not read yet.

        Raises:
            LakeError: a file is missing or cut short.
        """
        require_whole(self.storage, self.table, self.files)
        with lake_errors(f"table {self.table.name} in {self.storage.settings.lake}"):
            return pl.scan_delta(self.delta, storage_options=self.storage.options or None)

    def files_of(self, partition: Mapping[str, str]) -> list[DataFile]:
        """The files of one partition."""
        return [file for file in self.files if partition.items() <= dict(file.partition).items()]


def newest(storage: Storage, table: Table) -> Snapshot:
    """The table at its newest version, for reading and for commits on top of it (``commits.try_commit``).

    Raises:
        LakeError: it is missing or can't be read.
    """
    known = storage.snapshots.get(table.name)
    if known is None or known.table != table or known.entry is None or _entry(storage, table, known.delta) != known.entry:
        delta = open_table(storage, table)
        known = storage.snapshots[table.name] = Snapshot(storage, table, delta, _entry(storage, table, delta))
    return known


def whole_table(storage: Storage, table: Table, delta: DeltaTable) -> pl.DataFrame:
    """Every row of a small table at a version; a column that files of an earlier version of ours lack is null there.

    Raises:
        LakeError: a file is damaged or can't be read.
    """
    there = data_files(delta)
    require_whole(storage, table, there)
    schema = pl.Schema(pl.DataFrame(pa.schema(table.fields).empty_table()).schema)
    if not there:
        return pl.DataFrame(schema=schema)
    files = [storage.uri(table.name, file.path) for file in there]
    with lake_errors(f"table {table.name} in {storage.settings.lake}"):
        options = storage.options or None
        return pl.scan_parquet(
            files, schema=schema, missing_columns="insert", extra_columns="ignore", storage_options=options
        ).collect()


def _entry(storage: Storage, table: Table, delta: DeltaTable) -> str | None:
    """What the newest entry of a table's log is, where that is the one of this version; else None.

    Raises:
        LakeError: the storage can't be reached.
    """
    name = f"{delta.version():0{_DIGITS}}"
    log = storage.path(table.name, "_delta_log")
    if not storage.remote:
        try:
            if os.path.lexists(f"{log}/{delta.version() + 1:0{_DIGITS}}.json"):
                return None
            # Not a Path: it would cost more than the look.
            found = os.stat(f"{log}/{name}.json")  # noqa: PTH116
        except OSError:  # cleaned up, after a checkpoint
            return None
        return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"
    bucket, _, prefix = log.partition("/")
    with lake_errors(f"table {table.name} in {storage.settings.lake}"):
        answer = storage.fs.call_s3(
            "list_objects_v2", Bucket=bucket, Prefix=f"{prefix}/", StartAfter=f"{prefix}/{name}{_BEFORE}", MaxKeys=2
        )
    there = {one["Key"].rpartition("/")[2]: f"{one['ETag']} {one['LastModified']}" for one in answer.get("Contents", ())}
    later = [one for one in there if one[:_DIGITS].isdigit() and not one.startswith(name)]
    return None if later else there.get(f"{name}.json")
