# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Tables of Delta, and the files that a version of one consists of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from codecommons.lake.schemas import Table
from codecommons.lake.storage import Storage, lake_errors, whole_answer


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
        return whole_answer(lambda: _Opened(storage.uri(table.name), storage_options=storage.options))


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
