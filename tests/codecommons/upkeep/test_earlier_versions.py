# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A lake with data whose tables an earlier version made: it is read, added to, verified, merged, backed up and restored."""

import dataclasses
import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake, SliceInput, commits
from codecommons.lake.schemas import TABLES
from codecommons.listing import store
from codecommons.listing.store import Cursor
from codecommons.status import status
from codecommons.upkeep import backup, compact, repair, restore, verify

DAY = "2026-01-31"
# A column that tables might have got later, beside the key of each.
LATER = {"slice_input": "detail", "slice_log": "detail", "cursor": "waiting", "quarantine": "kept", "directory": "raw_manifest"}


@pytest.fixture
def earlier(settings, monkeypatch):
    """A lake of a version that did not know these columns, with a row in each of the tables."""
    with monkeypatch.context() as patch:
        for name, column in LATER.items():
            table = TABLES[name]
            patch.setitem(TABLES, name, dataclasses.replace(table, fields=tuple(f for f in table.fields if f.name != column)))
        lake = Lake.open(settings)
        add(lake, "slice_input", {"slice": DAY, "source": "pypi", "item": "old", "version": "1"})
        add(lake, "slice_log", dict.fromkeys(names("slice_log"), "") | {"slice": DAY, "source": "pypi", "attempt": "a"})
        add(lake, "cursor", {"instance": "mine", "lister": "urls", "configuration": "c", "cursor": "{}"})
        rows = pa.Table.from_pylist([{"item": "old"}], pa.schema(TABLES["quarantine"].fields))
        lake.write_news({"quarantine": rows}, DAY, "pypi", "a")
        put_directory(lake, 1)
    return settings


def names(table):
    return [field.name for field in TABLES[table].fields]


def add(lake, table, row):
    rows = pa.Table.from_pylist([row], pa.schema(TABLES[table].fields))
    commits.commit_loop(
        lake.storage, TABLES[table], lambda _: [commits.write_file(lake.storage, TABLES[table], (), rows).add()], {}
    )


def put_directory(lake, number):
    with lake.staging("test") as area:
        writer = area.writer("test")
        fields = pa.schema(TABLES["directory"].fields)
        row = {"id": bytes([number]) * 20, "verified": "not-possible", "verified_reason": "test"}
        writer.add("directory", pa.Table.from_pylist([row], fields))
        lake.commit(area, [writer.close()], InlineEngine())


def test_a_lake_with_data_of_an_earlier_version_goes_on_in_this_one(earlier, tmp_path):
    lake, engine = Lake.open(earlier), InlineEngine()
    assert [row.detail for row in lake.log.inputs(DAY, "pypi")] == [None]
    lake.log.add_input([SliceInput(DAY, "pypi", "new", "2", detail="said")])
    assert [(row.item, row.detail) for row in lake.log.inputs(DAY, "pypi")] == [("new", "said"), ("old", None)]
    lake.log.record(DAY, "npm", "deduped", "failed", failing_check="c", detail="why")
    assert sorted(lake.log.verdicts()["detail"].to_list(), key=str) == [None, "why"]
    before = store.cursors(lake)["mine"]
    assert before.waiting == 0
    moved = store.move(lake, before, dataclasses.replace(before, day=DAY, waiting=3))
    assert store.cursors(lake) == {"mine": moved}
    assert store.move(lake, None, Cursor("other", "urls", "c")).waiting == 0
    put_directory(lake, 2)
    assert lake.scan("directory").collect().height == 2
    assert lake.scan("quarantine").collect().select("item", "kept").rows() == [("old", None)]

    def whole(one):
        return verify(one, engine, everything=True).faults

    assert whole(lake) == []
    status(lake)
    compact(lake, engine, most=1)
    assert whole(lake) == []
    backup(lake, str(tmp_path / "backups"))
    restored = dataclasses.replace(earlier, home=tmp_path / "restored", lake=str(tmp_path / "restored" / "lake"))
    restore(restored, str(tmp_path / "backups"))
    assert whole(Lake.open(restored)) == []
    assert Lake.open(restored).log.inputs(DAY, "pypi") == lake.log.inputs(DAY, "pypi")
    with lake.sql() as connection:
        assert connection.sql("select item, detail from slice_input order by item").fetchall() == [("new", "said"), ("old", None)]


@pytest.mark.parametrize("name", ["slice_input", "quarantine", "directory"])
def test_a_table_that_came_from_an_old_backup_is_named_and_gets_its_columns(lake, name):
    """Whoever puts one folder back, as `status` says of a damaged table, may have one of an earlier version."""
    column, folder = LATER[name], Path(lake.path(name))
    old = DeltaTable(str(folder))
    rows = old.to_pyarrow_table().drop_columns([column])
    write_deltalake(str(folder), rows, mode="overwrite", schema_mode="overwrite", partition_by=TABLES[name].partition_by)
    known = json.loads(Path(lake.path("lake.json")).read_text())["tables"][name]
    assert column in known, "the lake believes that they are there"
    opened, engine = Lake.open(lake.settings), InlineEngine()
    [fault] = verify(opened, engine).faults
    assert (fault.table, fault.columns, fault.next) == (name, (column,), "codecommons lake repair")
    assert f"lacks columns of this version: {column}" in fault.what
    [damaged] = status(opened)["damaged"]
    assert damaged["what"] == fault.what
    done = repair(opened, engine)
    assert (done.passed, done.taken) == (True, {})
    assert verify(Lake.open(lake.settings), engine, everything=True).faults == []
    lake.log.add_input([SliceInput(DAY, "pypi", "new", "2", detail="said")])
    assert [row.detail for row in lake.log.inputs(DAY, "pypi")] == ["said"]
