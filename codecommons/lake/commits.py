# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Delta transactions that can't double a row.

delta-rs would silently rebase a blind append onto whatever was committed meanwhile. So every commit here carries the
version it was prepared against (``max_commit_retries=0``); on conflict the caller looks at what came in between.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from codecommons.errors import LakeError
from codecommons.lake.schemas import Table
from codecommons.lake.storage import Storage, lake_errors
from codecommons.report import Stored

ATTEMPTS = 60


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a table: path from the table's folder, its partition, rows and size."""

    path: str
    partition: tuple[tuple[str, str], ...]
    rows: int
    bytes: int

    def add(self) -> AddAction:
        """The action that makes it part of the table."""
        stats = json.dumps({"numRecords": self.rows})
        return AddAction(self.path, self.bytes, dict(self.partition), 0, True, stats)

    def remove(self) -> RemoveAction:
        """The action that takes it out of the table."""
        return RemoveAction(self.path, True, 0, self.bytes, dict(self.partition))


class _Opened(DeltaTable):
    """A table whose files are named as on the disk: delta-rs escapes blanks and accents, and Polars leaves it so."""

    def file_uris(self, *arguments: Any, **named: Any) -> list[str]:
        """See ``DeltaTable.file_uris``."""
        root = self.table_uri.removeprefix("file://")
        found = super().file_uris(*arguments, **named)
        return [unquote(root) + uri.removeprefix(root) if uri.startswith(root) else uri for uri in found]


def open_table(storage: Storage, table: Table) -> DeltaTable:
    """The table at its newest version.

    Raises:
        LakeError: it is missing or its log can't be read.
    """
    with lake_errors(f"table {table.name} in {storage.settings.lake}"):
        return _Opened(storage.uri(table.name), storage_options=storage.options)


def create_table(storage: Storage, table: Table) -> None:
    """Create an empty table; nothing happens when it is there."""

    def create() -> None:
        DeltaTable.create(
            storage.uri(table.name),
            table.schema,
            mode="ignore",
            partition_by=table.partition_by,
            name=table.name,
            description=table.description,
            storage_options=storage.options,
        )

    with lake_errors(f"creating table {table.name} in {storage.settings.lake}"):
        _once_more(create)


def add_columns(storage: Storage, table: Table) -> None:
    """Give a table that an earlier version made the columns it lacks; rows that are there say null."""

    def add() -> None:
        delta = open_table(storage, table)
        there = {field.name for field in delta.schema().fields}
        new = [field for field in Schema.from_arrow(table.schema).fields if field.name not in there]
        if new:
            delta.alter.add_columns(new)

    with lake_errors(f"adding columns to table {table.name} in {storage.settings.lake}"):
        _once_more(add)


def _once_more(change: Callable[[], None]) -> None:
    """Change a table; when somebody else was faster, look again: what is wanted may be there by now."""
    try:
        change()
    except CommitFailedError:
        change()


def data_files(delta: DeltaTable, partition: Mapping[str, str] | None = None) -> list[DataFile]:
    """The files of a version, those of one partition if given, by path."""
    actions = pa.table(delta.get_add_actions(flatten=True))
    names = [name for name in actions.column_names if name.startswith("partition.")]
    files = []
    for row in actions.select(["path", "size_bytes", "num_records", *names]).to_pylist():
        values = tuple((name.removeprefix("partition."), str(row[name])) for name in names)
        if partition is None or partition.items() <= dict(values).items():
            files.append(DataFile(row["path"], values, row["num_records"], row["size_bytes"]))
    return sorted(files, key=lambda file: file.path)


def added_files(log: bytes) -> set[str]:
    """Paths of the files that one entry of a table's log adds."""
    actions = (json.loads(line) for line in log.splitlines() if line.strip())
    return {action["add"]["path"] for action in actions if "add" in action}


def partition_folder(partition: Iterable[tuple[str, str]]) -> str:
    """Delta's folder of a partition, such as ``digest=0a1b/bucket=3/``. Values are ours: no escaping is needed."""
    return "".join(f"{name}={value}/" for name, value in partition)


def write_file(storage: Storage, table: Table, partition: tuple[tuple[str, str], ...], rows: pa.Table) -> DataFile:
    """Write rows (without partition columns) as one Parquet file of the table, not yet part of it."""
    path = f"{partition_folder(partition)}part-{uuid.uuid4().hex}.parquet"
    target = storage.path(table.name, path)
    with lake_errors(f"writing {target}"):
        with storage.fs.open(target, "wb") as sink:
            pq.write_table(rows, sink, compression="zstd", compression_level=3, write_page_checksum=True)
        return DataFile(path, partition, rows.num_rows, storage.fs.size(target))


def try_commit(delta: DeltaTable, table: Table, actions: list[AddAction | RemoveAction], note: Mapping[str, str]) -> bool:
    """Commit on top of exactly the version of ``delta``; False when another commit was there first.

    Args:
        delta: the table at the version the actions were prepared against.
        table: its declaration.
        actions: files to add and remove in one transaction.
        note: custom metadata of the commit, for ``history()``.
    """
    properties = CommitProperties(custom_metadata=dict(note), max_commit_retries=0)
    try:
        delta.create_write_transaction(actions, "append", table.schema, table.partition_by, commit_properties=properties)
    except CommitFailedError:
        return False
    Stored.bytes += sum(action.size for action in actions if isinstance(action, AddAction))
    return True


def commit_loop(
    storage: Storage, table: Table, prepare: Callable[[DeltaTable], list[AddAction | RemoveAction]], note: Mapping[str, str]
) -> bool:
    """Prepare against the newest version and commit, again and again until nobody was faster.

    Args:
        storage: the lake's files.
        table: the table.
        prepare: given the newest version, what to do; an empty list means there is nothing to do.
        note: custom metadata of the commit.

    Returns:
        Whether anything was committed.

    Raises:
        LakeError: the table can't be read or written, or others were faster every time.
    """
    for attempt in range(ATTEMPTS):
        delta = open_table(storage, table)
        with lake_errors(f"committing to table {table.name} in {storage.settings.lake}"):
            actions = prepare(delta)
            if not actions:
                return False
            if try_commit(delta, table, actions, note):
                return True
        time.sleep(min(0.01 * 1.3**attempt, 1.0))
    raise LakeError(f"table {table.name}: {ATTEMPTS} commits in a row lost against other writers; run the same command again")
