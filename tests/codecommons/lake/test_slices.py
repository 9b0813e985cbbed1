# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""slice_input says what a slice is, slice_log is the only switch, and no two writers overwrite each other."""

import multiprocessing

import polars as pl
import pyarrow as pa
import pytest

from codecommons.errors import GateError, UsageError
from codecommons.lake import Lake, SliceInput, close_stage
from codecommons.lake.slices import digest_of
from codecommons.lake.stages import InputGrewError
from codecommons.report import CheckResult, StageReport
from codecommons.settings import Settings

DAY = "2026-01-31"
GREEN = [CheckResult("rows are conserved", True, "3 in, 3 out")]
RED = [CheckResult("rows are conserved", False, "3 in, 2 out: look at item six==1.16.0")]


def quarantined(*items: str) -> dict[str, pa.Table]:
    count = len(items)
    return {
        "quarantine": pa.table(
            {
                "item": list(items),
                "stage": ["raw_archive_slice"] * count,
                "reason": ["truncated"] * count,
                "detail": ["cut off"] * count,
                "path": pa.nulls(count, pa.binary()),
                "length": pa.nulls(count, pa.int64()),
                "kept": [False] * count,
            }
        )
    }


def items(lake: Lake) -> list[str]:
    return sorted(lake.scan("quarantine").collect()["item"].to_list())


def close(lake: Lake, checks=GREEN, news=None, **more) -> StageReport:
    return close_stage(lake, StageReport("raw_archive_slice", DAY, "pypi"), checks, news, **more)


def test_replacing_a_slice_is_one_switch_and_readers_see_only_the_live_attempt(any_lake):
    close(any_lake, news=quarantined("a", "b"), input_digest="one")
    assert items(any_lake) == ["a", "b"]
    close(any_lake, news=quarantined("c"), input_digest="two")
    assert items(any_lake) == ["c"]
    close(any_lake, news=quarantined("a", "b"), input_digest="one")
    assert items(any_lake) == ["a", "b"], "an attempt that was made before is switched back to, not written again"


def test_a_failed_stage_keeps_its_last_good_rows_and_blocks_the_next_stage(any_lake):
    close(any_lake, news=quarantined("a"))
    any_lake.log.require_passed(DAY, "pypi", "raw_archive_slice")
    close(any_lake, RED, news=quarantined("bad"), input_digest="two")
    assert items(any_lake) == ["a"]
    with pytest.raises(GateError, match=r"rows are conserved.*six==1\.16\.0"):
        any_lake.log.require_passed(DAY, "pypi", "raw_archive_slice")
    with pytest.raises(GateError, match="has not run"):
        any_lake.log.require_passed(DAY, "npm", "raw_archive_slice")


def test_an_undisturbed_rerun_adds_no_row_and_every_run_is_reported(any_lake):
    for _ in range(3):
        close(any_lake, news=quarantined("a", "b"))
    assert items(any_lake) == ["a", "b"]
    assert any_lake.scan("stage_report").collect()["run"].sort().to_list() == [1, 2, 3]
    assert len(any_lake.reports()) == 1


def test_input_that_is_recorded_stays_as_it_was_and_new_input_is_added(any_lake):
    assert any_lake.log.add_input([SliceInput(DAY, "pypi", "a", "1"), SliceInput(DAY, "pypi", "a", "9")]) == 1
    assert any_lake.log.add_input([SliceInput(DAY, "pypi", "a", "2"), SliceInput(DAY, "npm", "b", "1")]) == 1
    assert [row.version for row in any_lake.log.inputs(DAY, "pypi")] == ["1"]
    assert any_lake.log.sources(DAY) == ["npm", "pypi"]
    with pytest.raises(UsageError, match="a slice is a day"):
        SliceInput("January", "pypi", "a")


def test_a_verdict_over_input_that_has_grown_meanwhile_is_not_recorded(any_lake):
    any_lake.log.add_input([SliceInput(DAY, "pypi", "a")])
    seen = digest_of(any_lake.log.inputs(DAY, "pypi"))
    any_lake.log.add_input([SliceInput(DAY, "pypi", "b")])
    with pytest.raises(InputGrewError):
        close(any_lake, expected_input=seen)
    assert any_lake.log.verdict(DAY, "pypi", "raw_archive_slice") is None


def _record(settings: Settings, source: str) -> None:
    lake = Lake.open(settings)
    for day in range(1, 9):
        slice_day = f"2026-01-{day:02}"
        lake.log.add_input([SliceInput(slice_day, source, f"{source}-{day}")])
        close_stage(lake, StageReport("raw_archive_slice", slice_day, source), GREEN, quarantined(f"{source}-{day}"))


def test_processes_that_close_slices_at_once_overwrite_none_of_each_others_verdicts(tmp_path):
    settings = Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0)
    lake = Lake.open(settings)
    context = multiprocessing.get_context("forkserver")
    processes = [context.Process(target=_record, args=(settings, source)) for source in ("pypi", "npm", "git")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert lake.log.verdicts().height == 24
    assert lake.scan("quarantine").select(pl.len()).collect().item() == 24
    assert lake.scan("slice_input").select(pl.len()).collect().item() == 24
