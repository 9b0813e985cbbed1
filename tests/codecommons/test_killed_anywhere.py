# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Killing the process (-9) at any point and running again gives the rows of an undisturbed run (design.md, invariant 5).

``make faults`` kills a hundred; its table is in docs/faults.md.
"""

from benchmarks.faults.kills import kill_at_random
from benchmarks.faults.world import World


def test_ten_processes_killed_at_random_points_cost_no_row_and_no_byte(tmp_path):
    done = kill_at_random(World.make(tmp_path, repository=False), times=10, seed=20260131)
    assert done.differs == []
    assert done.killed == 10
    assert len(done.after) > 2, "they must die in several stages for this test to mean anything"
