# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Whatever disturbs the way of a slice, running it again gives the rows of an undisturbed run (design.md, invariant 5).

``make faults`` tries far more, a hundred kills among them; its table is in docs/faults.md.
"""

import pytest

from benchmarks.faults.kills import kill_at_random
from benchmarks.faults.tries import KINDS
from benchmarks.faults.world import World

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
