# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is broken now, on lakes that are broken in known ways."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow as pa
import pytest

from codecommons import archive
from codecommons.annotate import annotate_slice
from codecommons.dedup import compare_slice
from codecommons.engine import local_engine
from codecommons.lake import Lake, SliceInput, snapshots
from codecommons.lake.schemas import TABLES
from codecommons.lake.slices import digest_of
from codecommons.license import qualify_slice
from codecommons.report import STAGES
from codecommons.status import render, status

DAY = "2026-01-31"
SIX = SliceInput(DAY, "pypi", "six==1.16.0")


def passed(lake: Lake, stage: str, attempt: str = "a") -> None:
    lake.log.record(DAY, "pypi", stage, "passed", attempt, input_digest=digest_of(lake.log.inputs(DAY, "pypi")))


def test_an_empty_lake_is_healthy(lake: Lake) -> None:
    state = status(lake)
    assert state["healthy"]
    assert (state["failed"], state["stale"], state["quarantine"]) == ([], [], [])


def test_a_failed_stage_is_named_with_its_check_and_the_command_to_run(lake: Lake) -> None:
    lake.log.add_input([SIX])
    passed(lake, STAGES[0])
    lake.log.record(DAY, "pypi", STAGES[1], "failed", failing_check="everything_annotated", detail="3 files lack a language")
    lake.log.record(DAY, "demo", STAGES[4], "failed", failing_check="completed", detail="no rows")
    state = status(lake)
    assert not state["healthy"]
    assert [(row["stage"], row["check"], row["next"]) for row in state["failed"]] == [
        (STAGES[4], "completed", "codecommons dataset build demo"),
        (STAGES[1], "everything_annotated", f"codecommons ingest --day {DAY}"),
    ]
    assert state["stale"] == [], "what waits behind a failure is no second trouble"
    assert "3 files lack a language" in render(state)


def test_a_slice_whose_input_grew_or_that_stopped_half_way_is_stale(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "hello.py").write_text("print('hello')\n")
    engine = local_engine(lake.settings)
    archive.add_inputs(lake, [str(tmp_path / "one")], DAY)

    def stale() -> list[tuple[str, str]]:
        state = status(lake)
        assert state["healthy"], "nothing has failed"
        return [(row["stage"], row["why"]) for row in state["stale"]]

    assert stale() == [(STAGES[0], "its input is recorded and it has not run")]
    archive.ingest_slice(lake, engine, DAY, "path")
    assert stale() == [(STAGES[1], f"it has not run since {STAGES[0]} passed")]
    for stage in (annotate_slice, qualify_slice, compare_slice):
        stage(lake, engine, DAY, "path")
    assert stale() == []
    (tmp_path / "one" / "more.py").write_text("print('more')\n")
    archive.add_inputs(lake, [str(tmp_path / "one")], DAY)
    assert stale() == [(STAGES[0], "input was added since it ran")]
    archive.ingest_slice(lake, engine, DAY, "path")
    assert stale() == [(STAGES[1], f"{STAGES[0]}, or what the stage works with, has changed since it ran")]


def test_a_day_that_has_not_come_is_told_and_can_be_forgotten(lake: Lake) -> None:
    """A machine whose clock was wrong has brought it in; the newest visit of an origin would be that one until the day."""
    day = "2999-01-01"
    lake.log.add_input([dataclasses.replace(SIX, slice=day)])
    for stage in STAGES[:-1]:
        lake.log.record(day, "pypi", stage, "passed", "a")
    [row] = status(lake)["failed"]
    assert (row["slice"], row["check"], row["next"]) == (day, "clock", f"codecommons forget pypi:{SIX.item} --day {day}")
    archive.forget_inputs(lake, [f"pypi:{SIX.item}"], day)
    state = status(lake)
    assert (state["healthy"], state["slices"], lake.log.verdicts().height) == (True, 0, 0)


def test_what_slices_consist_of_is_read_as_often_for_a_month_as_for_a_day(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    whole = snapshots.whole_table
    monkeypatch.setattr(
        snapshots, "whole_table", lambda storage, table, delta: read.append(table.name) or whole(storage, table, delta)
    )

    def reads() -> int:
        read.clear()
        status(lake)
        return len(read)

    lake.log.add_input([SIX])
    passed(lake, STAGES[0])
    for_a_day = reads()
    lake.log.add_input([SliceInput(f"2026-01-{day:02}", "pypi", "six==1.16.0") for day in range(1, 31)])
    assert reads() == for_a_day
    assert "stale   2026-01-01 to 2026-01-30 (30 days) pypi raw_archive_slice: its input" in render(status(lake)), "in one line"


def test_quarantined_items_are_counted_by_reason_and_are_no_failure(lake: Lake) -> None:
    rows = [{"item": f"six=={n}", "stage": STAGES[0], "reason": "missing-package", "detail": f"no six {n}"} for n in (2, 1)]
    rows.append({"item": "six==3", "stage": STAGES[0], "reason": "name-not-utf8", "detail": "kept as bytes", "kept": True})
    news = pa.Table.from_pylist(rows, schema=pa.schema(TABLES["quarantine"].fields))
    lake.write_news({"quarantine": news}, DAY, "pypi", "a")
    passed(lake, STAGES[0])
    state = status(lake)
    assert state["healthy"]
    assert state["quarantine"] == [
        {"reason": "missing-package", "stage": STAGES[0], "items": 2, "example": "six==1", "detail": "no six 1"}
    ]
    assert "left out  2 in raw_archive_slice: missing-package, such as six==1 (no six 1)" in render(state)


def spoil(lake: Lake, table: str, how: str) -> None:
    """Damage a table as disks, crashes and people do."""
    log, files = (Path(lake.path(table)).rglob(pattern) for pattern in ("*.json", "*.parquet"))
    for path in log if how == "log" else files:
        if how == "missing":
            path.unlink()
        elif how == "cut":
            path.write_bytes(path.read_bytes()[:-1])
        elif how == "pages":  # between the magic bytes at the beginning and the footer at the end
            data = path.read_bytes()
            path.write_bytes(data[:24] + bytes(byte ^ 0x5A for byte in data[24 : len(data) // 2]) + data[len(data) // 2 :])
        else:
            path.write_bytes(b"garbage" * (path.stat().st_size // 7) + b"garbage"[: path.stat().st_size % 7])


@pytest.mark.parametrize("how", ["log", "file", "missing", "pages", "cut"])
@pytest.mark.parametrize("table", ["slice_log", "slice_input", "quarantine"])
def test_a_damaged_table_is_told_of_and_hides_nothing_else(lake: Lake, table: str, how: str) -> None:
    lake.log.add_input([SIX])
    rows = [{"item": "six==9", "stage": STAGES[0], "reason": "missing-package", "detail": "no six 9"}]
    lake.write_news({"quarantine": pa.Table.from_pylist(rows, schema=pa.schema(TABLES["quarantine"].fields))}, DAY, "pypi", "a")
    passed(lake, STAGES[0])
    lake.log.record(DAY, "pypi", STAGES[1], "failed", failing_check="completed", detail="a reason")
    spoil(lake, table, how)
    state = status(Lake.open(lake.settings))  # somebody who has read nothing yet
    assert not state["healthy"]
    [damage] = state["damaged"]
    assert f"table {table} in {lake.settings.lake}" in damage["what"]
    assert "\n" not in damage["what"] + damage["next"]
    assert "restore" in damage["next"]
    assert [row["detail"] for row in state["failed"]] == ([] if table == "slice_log" else ["a reason"])
    assert state["slices"] == (0 if table == "slice_input" else 1)
    assert len(state["quarantine"]) == (table == "slice_input")
    assert damage["what"] in render(state)


def test_the_table_that_is_damaged_is_named_though_a_reader_of_several_names_another(lake: Lake) -> None:
    """Polars did so of an object that S3 had lost: the last path of the query stood in brackets behind the one that was gone."""
    lake.log.add_input([SIX])
    passed(lake, STAGES[0])
    spoil(lake, "slice_log", "missing")
    gone = FileNotFoundError(f"Object at location slice_log/x not found (path: {lake.settings.lake}/slice_input/y.parquet)")
    assert str(lake.told(gone)).startswith(f"table slice_log in {lake.settings.lake} is damaged")


def test_damage_that_no_query_meets_is_found_all_the_same(lake: Lake) -> None:
    passed(lake, STAGES[0])
    for table in ("slice_log", "content"):
        spoil(lake, table, "log")
    assert [damage["what"].split()[1] for damage in status(lake)["damaged"]] == ["content", "slice_log"]
