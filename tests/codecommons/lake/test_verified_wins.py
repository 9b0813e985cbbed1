# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Of two rows about one object, the one whose identifier was verified is kept, whoever came first."""

import hashlib
from itertools import permutations

import polars as pl
import pyarrow as pa
import pytest

from codecommons.engine.local import InlineEngine
from codecommons.lake import Committed, Lake
from codecommons.lake.files import data_files
from codecommons.lake.schemas import TABLES
from codecommons.settings import Settings

IDS = [hashlib.sha1(b"%d" % number).digest() for number in range(300)]
PROVED = [(identifier, None, "yes", None) for identifier in IDS]
CLAIMED = [(identifier, None, "not-possible", "because") for identifier in IDS]


def put(lake: Lake, table: str, rows: list[tuple]) -> Committed:
    fields = TABLES[table].fields
    columns = [pa.array(column, one.type) for column, one in zip(zip(*rows, strict=True), fields, strict=True)]
    with lake.staging("test") as area:
        writer = area.writer("test")
        writer.add(table, pa.Table.from_arrays(columns, schema=pa.schema(fields)))
        return lake.commit(area, [writer.close()], InlineEngine())[table]


def rows(lake: Lake, table: str) -> list[tuple]:
    return lake.scan(table).select([field.name for field in TABLES[table].fields]).collect().sort(pl.all()).rows()


@pytest.mark.parametrize("order", list(permutations([CLAIMED[:200], PROVED[100:250], CLAIMED[150:]])))
def test_the_verified_row_stays_in_whatever_order_they_come(any_lake: Lake, order: tuple[list[tuple], ...]) -> None:
    for some in order:
        put(any_lake, "directory", some)
    assert rows(any_lake, "directory") == sorted([*CLAIMED[:100], *PROVED[100:250], *CLAIMED[250:]])


def test_both_rows_in_one_commit_give_the_verified_one(lake: Lake) -> None:
    put(lake, "directory", [*CLAIMED, *PROVED])
    assert rows(lake, "directory") == sorted(PROVED)


def test_a_replaced_row_is_no_new_row(lake: Lake) -> None:
    assert put(lake, "directory", CLAIMED[:200]).rows_new == 200
    assert put(lake, "directory", PROVED[100:]).rows_new == 100
    assert put(lake, "directory", PROVED).rows_new == 0
    assert rows(lake, "directory") == sorted(PROVED)


def test_replacing_is_one_transaction_that_touches_only_files_that_hold_a_replaced_row(lake: Lake) -> None:
    put(lake, "directory", CLAIMED[:100])
    put(lake, "directory", CLAIMED[100:200])
    before = lake.delta("directory")
    files = {file.path for file in data_files(before)}
    [one] = [row for row in PROVED[:100] if row[0] == min(row[0] for row in PROVED[:100])]
    put(lake, "directory", [one])
    after = lake.delta("directory")
    assert after.version() == before.version() + 1
    assert len(files - {file.path for file in data_files(after)}) == 1


def test_nothing_is_rewritten_when_nothing_is_replaced(lake: Lake) -> None:
    put(lake, "directory", PROVED)
    version = lake.delta("directory").version()
    put(lake, "directory", CLAIMED)
    put(lake, "directory", PROVED)
    assert lake.delta("directory").version() == version


def test_rows_replaced_in_small_batches_are_the_same(settings: Settings) -> None:
    import dataclasses

    lake = Lake.open(dataclasses.replace(settings, batch_bytes=2_000))
    put(lake, "directory", CLAIMED)
    put(lake, "directory", PROVED[::2])
    assert rows(lake, "directory") == sorted([*PROVED[::2], *CLAIMED[1::2]])


def test_an_unverified_row_does_not_keep_the_object_itself_out(lake: Lake) -> None:
    put(lake, "directory", [*CLAIMED[:1], *PROVED[1:2]])
    missing = lake.keys_missing("directory", pl.DataFrame({"id": IDS[:3]}))
    assert missing["id"].to_list() == [IDS[0], IDS[2]]


def test_branches_of_a_snapshot_add_up(lake: Lake) -> None:
    master = (IDS[0], b"refs/heads/master", IDS[1], "revision")
    pull = (IDS[0], b"refs/pull/1/head", IDS[2], "revision")
    put(lake, "snapshot_branch", [master])
    put(lake, "snapshot_branch", [master, pull])
    assert rows(lake, "snapshot_branch") == [master, pull]
