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

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction

from codecommons.errors import LakeError
from codecommons.lake.files import DataFile, open_table
from codecommons.lake.schemas import Table
from codecommons.lake.snapshots import newest
from codecommons.lake.storage import Storage, cut_off, lake_errors, whole_answer
from codecommons.report import Stored

ATTEMPTS = 60


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
        whole_answer(change)
    except CommitFailedError:
        whole_answer(change)


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

    Or when the storage broke off in the middle of an answer, so that nobody can say: whoever looks again sees what is there.

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
    except (OSError, DeltaError) as error:
        if not cut_off(error):
            raise
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
        delta = newest(storage, table).delta
        with lake_errors(f"committing to table {table.name} in {storage.settings.lake}"):
            actions = prepare(delta)
            if not actions:
                return False
            if try_commit(delta, table, actions, note):
                return True
        time.sleep(min(0.01 * 1.3**attempt, 1.0))
    raise LakeError(f"table {table.name}: {ATTEMPTS} commits in a row lost against other writers; run the same command again")
