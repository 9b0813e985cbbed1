# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What rows point to, and whether it is there.

A reference is a column whose values are keys of other tables. Commits bring what is pointed to first, so at no moment does a
sound lake have a row that points to nothing; only origins that are themselves incomplete (a shallow clone, a part of an export)
may name trees and commits that nobody has here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from codecommons.archive.scratch import scratch_folder
from codecommons.lake import Lake
from codecommons.lake.files import data_files, open_table
from codecommons.lake.schemas import Table
from codecommons.lake.storage import JOIN_AS_WRITTEN, lake_errors

_CONTENTS = ("content.sha1_git", "skipped_content.sha1_git")
# Entries are committed before directories: those of a directory that is not there itself are what a killed run left.
_LISTED = "directory_id in (select id from directory)"
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@dataclass(frozen=True)
class Reference:
    """One column that names rows of other tables.

    Attributes:
        table: whose column it is.
        column: the column.
        targets: ``table.column`` that it names; one of them must have it.
        where: which rows; SQL.
        may_lack: whether an incomplete origin explains that nothing is there.
    """

    table: str
    column: str
    targets: tuple[str, ...]
    where: str = "true"
    may_lack: bool = False

    def __str__(self) -> str:
        """How a report names it."""
        return f"{self.table}.{self.column} to {' or '.join(self.targets)}"


REFERENCES = (
    Reference("content", "sha1_git", ("content_data.sha1_git",)),
    Reference("directory_entry", "target", _CONTENTS, f"type = 'file' and {_LISTED}", may_lack=True),
    Reference("directory_entry", "target", ("directory.id",), f"type = 'dir' and {_LISTED}", may_lack=True),
    Reference(
        "directory",
        "id",
        ("directory_entry.directory_id",),
        f"verified = 'yes' and raw_manifest is null and id <> unhex('{_EMPTY_TREE}')",
    ),
    Reference("tree_file", "content", _CONTENTS),
    Reference("revision", "directory", ("directory.id",), may_lack=True),
    Reference("release", "target", ("revision.id",), "target_type = 'revision'", may_lack=True),
    Reference("release", "target", ("directory.id",), "target_type = 'directory'", may_lack=True),
    Reference("snapshot_branch", "target", ("revision.id",), "target_type = 'revision'", may_lack=True),
    Reference("snapshot_branch", "target", ("release.id",), "target_type = 'release'", may_lack=True),
    Reference("snapshot_branch", "target", ("directory.id",), "target_type = 'directory'", may_lack=True),
    Reference("origin_visit_status", "snapshot", ("snapshot.id",)),
    Reference("origin_visit", "origin", ("origin.url",)),
    Reference("extid", "target", ("release.id",), "target_type = 'release'"),
    Reference("extid", "target", ("snapshot.id",), "target_type = 'snapshot'"),
    Reference("introduced", "revision", ("revision.id",)),
    Reference("introduced", "content", _CONTENTS, may_lack=True),
    Reference("origin_revision", "revision", ("revision.id",)),
    Reference("origin_revision", "origin", ("origin.id",)),
    Reference("license_resolution", "root", ("tree_file.root",)),
    Reference("license_resolution", "content", _CONTENTS),
    Reference("signature", "content", ("content.sha1_git",)),
    Reference("duplicate_pair", "a", ("content.sha1_git",)),
    Reference("duplicate_pair", "b", ("content.sha1_git",)),
    Reference("vulnerability_verdict", "statement", ("vulnerability_statement.statement",)),
)


@dataclass(frozen=True)
class Dangling:
    """Rows that point to nothing.

    Attributes:
        reference: which column.
        values: how many distinct values name nothing.
        example: one of them: hex, or a URL.
    """

    reference: Reference
    values: int
    example: str


def dangling(lake: Lake, references: Sequence[Reference] = REFERENCES) -> Iterator[Dangling]:
    """Look for references of live rows that lead nowhere; what does not fit into memory goes to the disk.

    Raises:
        LakeError: a table can't be read.
    """
    stored = {table.name: table for table in lake.stored()}
    annotated = [Reference(name, "content", ("content.sha1_git",)) for name in sorted(stored) if _has_content(lake, name, stored)]
    wanted = [one for one in (*references, *annotated) if _tables(one) <= stored.keys()]
    with _asking(lake, sorted(set().union(*map(_tables, wanted)))) as sql:
        for one in wanted:
            found = sql.execute(_query(one)).fetchone()
            assert found is not None
            if found[0]:
                example = found[1].hex() if isinstance(found[1], bytes) else str(found[1])
                yield Dangling(one, found[0], example)


def _has_content(lake: Lake, name: str, stored: dict[str, Table]) -> bool:
    if not name.startswith("annotation_"):
        return False
    fields = open_table(lake.storage, stored[name]).schema().fields
    return any(field.name == "content" for field in fields)


def _tables(one: Reference) -> set[str]:
    return {one.table, *map(_table, one.targets), *(("directory",) if _LISTED in one.where else ())}


def _table(target: str) -> str:
    return target.partition(".")[0]


def _query(one: Reference) -> str:
    """How many distinct values of a column none of its targets has, and the smallest."""
    left = f"(select distinct {one.column} as value from {one.table} where {one.column} is not null and {one.where})"
    for target in one.targets:
        table, _, column = target.partition(".")
        left = f"(from {left} anti join (select distinct {column} as value from {table}) using (value))"
    return f"select count(*), min(value) from {left}"


@contextmanager
def _asking(lake: Lake, names: Sequence[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB over the live rows of some tables."""
    settings = lake.settings
    live = set(lake.log.live().iter_rows())
    with (
        lake_errors(f"following references in the lake {settings.lake}"),
        scratch_folder("duckdb", settings) as spill,
        duckdb.connect(config={"memory_limit": settings.sql_memory, "threads": 2, "temp_directory": str(spill)}) as sql,
    ):
        sql.execute("set enable_progress_bar = false")
        sql.execute(JOIN_AS_WRITTEN)
        for name in names:
            delta = open_table(lake.storage, Table(name, "", (), ()))
            fields = pa.schema(delta.schema())
            partitions = set(delta.metadata().partition_columns)
            files = data_files(delta)
            if {"slice", "source", "attempt"} <= partitions:
                files = [file for file in files if tuple(value for _, value in file.partition) in live]
            schema = pa.schema([(field.name, _plain(field.type)) for field in fields if field.name not in partitions])
            paths = [lake.path(name, file.path) for file in files]
            local = (
                sql.read_parquet(paths, union_by_name=True, hive_partitioning=False)
                if paths and not lake.storage.remote
                else None
            )
            if local is not None and set(schema.names) <= set(local.columns):
                local.create_view(name)
            else:  # DuckDB's own reader needs more than a file system to reach S3, and knows no column that every file lacks
                sql.register(name, ds.dataset(paths, schema=schema, format="parquet", filesystem=lake.storage.arrow_fs))
        yield sql


def _plain(kind: pa.DataType) -> pa.DataType:
    """Delta's schema says views and large types where the files have plain ones."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or str(kind) == "string_view":
        return pa.string()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or str(kind) == "binary_view":
        return pa.binary()
    return kind
