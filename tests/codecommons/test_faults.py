# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Whatever disturbs the way of a slice, running it again gives the rows of an undisturbed run (design.md, invariant 5).

``make faults`` tries far more, a hundred kills among them; its table is in docs/faults.md.
"""

import json

import pytest

from benchmarks.faults.kills import kill_at_random
from benchmarks.faults.tries import KINDS
from benchmarks.faults.world import World, settings_of
from codecommons.lake import Lake
from codecommons.lake.garbage import files_below
from codecommons.report import STAGES

SEED = 20260131


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World.make(tmp_path_factory.mktemp("faults"), repository=False)


def test_ten_processes_killed_at_random_points_cost_no_row_and_no_byte(world):
    done = kill_at_random(world, times=10, seed=SEED, in_a_row=8)
    assert done.differs == []
    assert done.killed == 10
    assert len(done.after) > 2, "they must die in several stages for this test to mean anything"


@pytest.mark.parametrize("kind", ["two-at-once", "poison"])
def test_two_operators_at_once_and_archives_that_mean_harm_cost_no_row(world, kind):
    [tried] = KINDS[kind](world, SEED, 1)
    assert (tried.unexpected, tried.details) == (0, "")
    assert tried.times > 0


def test_what_the_stages_of_an_undisturbed_run_say_of_their_cost_adds_up(world):
    lake = Lake.open(settings_of(world.folder / "undisturbed"))
    reports = {report.stage: report for report in lake.reports()}
    assert set(reports) == set(STAGES)

    added = 0
    for table in lake.stored():
        if table.scope != "log":  # the lake's own bookkeeping, which goes on when a stage has been measured
            log = files_below(lake.storage, lake.path(table.name, "_delta_log"))
            entries = [json.loads(line) for path in log if path.endswith(".json") for line in lake.fs.cat_file(path).splitlines()]
            added += sum(entry["add"]["size"] for entry in entries if "add" in entry)
    published = sum(info["size"] for info in files_below(lake.storage, lake.path("datasets")).values())
    assert published > 0
    assert sum(report.details["stored_bytes"] for report in reports.values()) == added + published

    seconds = sum(report.seconds for report in reports.values())
    assert sum(report.details["cpu_seconds"] for report in reports.values()) > 0
    assert 0 < seconds < world.seconds
    first = reports[STAGES[0]]
    assert {(reports[stage].rows_in, reports[stage].bytes_in) for stage in STAGES[1:-1]} == {(first.rows_kept, first.bytes_kept)}
    assert all(report.conserved and report.peak_memory > 0 for report in reports.values())
