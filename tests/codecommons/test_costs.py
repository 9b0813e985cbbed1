# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What work costs, and what days that are still to come will cost."""

import dataclasses
import json
import subprocess
import sys

import pyarrow as pa
import pytest

from codecommons.costs import Cost, cost_of, estimate
from codecommons.engine import local_engine
from codecommons.errors import UsageError
from codecommons.lake import Lake, SliceInput
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


def test_what_stages_say_adds_up_to_the_bytes_in_the_lake_and_the_seconds_of_the_process(tmp_path):
    from benchmarks.faults.world import DATASET, DAY, World, run, settings_of
    from codecommons.lake.garbage import files_below

    (tmp_path / "project").mkdir()
    for name in "abc":
        (tmp_path / "project" / f"{name}.py").write_text("".join(f"{name}_{n} = {n}\n" for n in range(200)))
    (tmp_path / "project" / "LICENSE").write_text("SPDX-License-Identifier: MIT\n")
    (tmp_path / "prepared").mkdir()
    items = (f"path:{tmp_path / 'project'}",)
    settings = settings_of(World(tmp_path, items, {}, 0, 0.0).furnish(tmp_path / "home"))
    with Measure() as measured:
        run(settings, items)
    lake = Lake.open(settings)
    reports = {report.stage: report for report in lake.reports()}
    assert [(one.slice, one.source) for one in reports.values() if one.stage == STAGES[-1]] == [(DAY, DATASET)]

    added = 0
    for table in lake.stored():
        if table.scope != "log":
            log = files_below(lake.storage, lake.path(table.name, "_delta_log"))
            entries = [json.loads(line) for path in log if path.endswith(".json") for line in lake.fs.cat_file(path).splitlines()]
            added += sum(entry["add"]["size"] for entry in entries if "add" in entry)
    published = sum(info["size"] for info in files_below(lake.storage, lake.path("datasets")).values())
    assert published > 0
    assert sum(report.details["stored_bytes"] for report in reports.values()) == added + published

    for total, part in ((measured.seconds, "seconds"), (measured.cpu_seconds, "cpu_seconds")):
        told = sum(report.seconds if part == "seconds" else report.details[part] for report in reports.values())
        assert 0.6 * total < told <= total
    assert max(report.peak_memory for report in reports.values()) <= measured.peak_memory * 1.1
    kept = (reports[STAGES[0]].rows_kept, reports[STAGES[0]].bytes_kept)
    assert {(reports[stage].rows_in, reports[stage].bytes_in) for stage in STAGES[1:-1]} == {kept}
    assert all(report.conserved for report in reports.values())
