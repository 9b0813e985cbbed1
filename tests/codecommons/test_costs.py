# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What work costs, and what days that are still to come will cost."""

import dataclasses
import subprocess
import sys

import pyarrow as pa
import pytest

from codecommons.costs import Cost, cost_of, estimate
from codecommons.engine import local_engine
from codecommons.errors import UsageError
from codecommons.lake import SliceInput
from codecommons.lake.stages import close_stage
from codecommons.report import STAGES, CheckResult, Measure, StageReport

DAYS = ["2026-01-30", "2026-01-31"]
GREEN = [CheckResult("fine", True, "it is")]


def spend(lake, day, source, seconds, cpu_seconds, stored_bytes):
    for stage in STAGES[:-1]:
        details = {"cpu_seconds": cpu_seconds, "stored_bytes": stored_bytes}
        close_stage(lake, StageReport(stage, day, source, seconds=seconds, details=details), GREEN)


def test_an_hour_of_a_core_and_a_gigabyte_cost_what_the_prices_say(settings):
    priced = dataclasses.replace(settings, core_hour=0.05, gigabyte_month=0.02)
    report = StageReport("deduped", DAYS[0], "pypi", seconds=1800.0, details={"cpu_seconds": 3600.0, "stored_bytes": 5 * 10**9})
    assert cost_of(report, priced) == Cost(1800.0, 3600.0, 5e9, 0.05, 0.1)


def test_a_run_from_before_cpu_time_was_measured_counts_a_core_for_its_seconds(settings):
    assert cost_of(StageReport("deduped", DAYS[0], "pypi", seconds=7.0), settings).cpu_seconds == 7.0


def test_days_to_come_are_estimated_by_what_an_item_of_their_source_took_in_every_run_of_every_stage(lake):
    lake.log.add_input([SliceInput(DAYS[0], "pypi", name) for name in "ab"])
    lake.log.add_input([SliceInput(DAYS[1], "pypi", name) for name in "abc"] + [SliceInput(DAYS[1], "npm", "d")])
    for seconds in (1.0, 3.0):
        spend(lake, DAYS[0], "pypi", seconds, 2 * seconds, 500)
    found = estimate(lake, *DAYS)
    assert (found.days, found.items, found.open, found.basis, found.unknown) == (2, 6, 4, 2, ("npm",))
    each = found.stages["enriched_context"]
    assert (each.seconds, each.cpu_seconds, each.stored_bytes) == (6.0, 12.0, 1500)
    assert found.total.cpu_seconds == 4 * 12.0
    assert estimate(lake, DAYS[0], DAYS[0]).open == 0
    with pytest.raises(UsageError, match="nothing is recorded from 2025-05-01 to 2025-05-02"):
        estimate(lake, "2025-05-01", "2025-05-02")


def test_cpu_time_of_children_and_bytes_of_commits_are_measured(lake, settings):
    with Measure() as measured:
        subprocess.run([sys.executable, "-c", "sum(range(10_000_000))"], check=True)
        with lake.staging("test") as area:
            writer = area.writer("one")
            writer.add("origin", pa.table({"id": [b"\x01" * 20], "url": ["a"]}))
            lake.commit(area, [writer.close()], local_engine(settings))
    assert measured.cpu_seconds > 0.1
    [file] = lake.fs.glob(lake.path("origin", "**", "*.parquet"))
    assert measured.stored_bytes == lake.fs.size(file)
