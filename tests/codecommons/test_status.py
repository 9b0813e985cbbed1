"""What is broken now, on lakes that are broken in known ways."""

from __future__ import annotations

import pyarrow as pa

from codecommons.lake import Lake, SliceInput
from codecommons.lake.schemas import TABLES
from codecommons.lake.slices import digest_of
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


def test_a_slice_whose_input_grew_or_that_stopped_half_way_is_stale(lake: Lake) -> None:
    lake.log.add_input([SIX])
    assert [row["why"] for row in status(lake)["stale"]] == ["its input is recorded and it has not run"]
    passed(lake, STAGES[0])
    assert [(row["stage"], row["why"]) for row in status(lake)["stale"]] == [
        (STAGES[1], f"it has not run since {STAGES[0]} passed")
    ]
    for stage in STAGES[1:4]:
        passed(lake, stage)
    assert status(lake)["stale"] == []
    lake.log.add_input([SliceInput(DAY, "pypi", "six==1.17.0")])
    state = status(lake)
    assert [(row["stage"], row["why"]) for row in state["stale"]] == [(STAGES[0], "input was added since it ran")]
    assert state["healthy"], "nothing has failed"


def test_quarantined_items_are_counted_by_reason_and_are_no_failure(lake: Lake) -> None:
    rows = [{"item": f"six=={n}", "stage": STAGES[0], "reason": "missing-package", "detail": f"no six {n}"} for n in (2, 1)]
    news = pa.Table.from_pylist(rows, schema=pa.schema(TABLES["quarantine"].fields))
    lake.write_news({"quarantine": news}, DAY, "pypi", "a")
    passed(lake, STAGES[0])
    state = status(lake)
    assert state["healthy"]
    assert state["quarantine"] == [
        {"reason": "missing-package", "stage": STAGES[0], "items": 2, "example": "six==1", "detail": "no six 1"}
    ]
    assert "left out  2 in raw_archive_slice: missing-package, such as six==1 (no six 1)" in render(state)
