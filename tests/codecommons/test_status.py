# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is broken now, on lakes that are broken in known ways."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from codecommons import archive
from codecommons.annotate import annotate_slice
from codecommons.dedup import compare_slice
from codecommons.engine import local_engine
from codecommons.lake import Lake, SliceInput
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
