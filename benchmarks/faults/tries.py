# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Every kind of fault by name, and what trying it came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.faults.kills import kill_at_random
from benchmarks.faults.world import World


@dataclass(frozen=True)
class Tried:
    """One row of the table.

    Attributes:
        fault: what was done.
        times: how often.
        outcome: what came of it when it came out as it should.
        unexpected: how often it did not.
        details: what was wrong then.
    """

    fault: str
    times: int
    outcome: str
    unexpected: int = 0
    details: str = ""


def kills(world: World, seed: int, times: int) -> Iterator[Tried]:
    """Processes killed at random points."""
    done = kill_at_random(world, times, seed)
    reached = ", ".join(f"{count} after {stage}" for stage, count in done.after.most_common())
    yield Tried(
        f"kill -9 at a random point of a slice through all stages and a dataset, up to five in a row ({reached})",
        done.killed,
        f"run again: every row and byte of the undisturbed lake, in all {done.lakes} lakes",
        len(done.differs),
        "; ".join(done.differs),
    )


KINDS: dict[str, Callable[[World, int, int], Iterator[Tried]]] = {"kills": kills}
