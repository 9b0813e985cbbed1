# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Processes killed (-9) at random points, again and again, until one comes through."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults.world import World, files_in, settings_of
from codecommons.lake import Lake
from codecommons.report import STAGES

# Kills in a row of one lake, at most: then somebody is let through, and its rows are compared.
IN_A_ROW = 8
_LOOK = 0.01


@dataclass
class Kills:
    """What came of it.

    Attributes:
        killed: how many processes were.
        after: the last stage that had passed then -> how many.
        lakes: how many lakes they worked on.
        differs: what was not as in the undisturbed lake, a line a lake.
    """

    killed: int = 0
    after: Counter[str] = field(default_factory=Counter)
    lakes: int = 0
    differs: list[str] = field(default_factory=list)


def kill_at_random(world: World, times: int, seed: int, in_a_row: int = IN_A_ROW) -> Kills:
    """Kill a number of processes, each when it has made a random number of files; then let the next one come through.

    Of several in a row each goes on where the one before was killed, and so dies in what is left of the way.
    """
    dice, done = random.Random(seed), Kills()
    while done.killed < times:
        home = world.fresh(f"killed-{seed}-{done.lakes}")
        done.lakes += 1
        empty = files_in(home)
        for _ in range(min(times - done.killed, dice.randint(1, in_a_row))):
            # A run that is resumed stages again what was not committed: nobody knows how many files are left to be made.
            left = max(1, world.files - (files_in(home) - empty))
            more = dice.randint(1, left)
            if _killed(world, home, files_in(home) + more):
                done.killed += 1
                done.after[_reached(home)] += 1
        wrong = world.finish(settings_of(home))
        print(f"{done.killed} killed in {done.lakes} lakes{f', other rows in {wrong}' if wrong else ''}", flush=True)
        if wrong:
            done.differs.append(f"lake {done.lakes} of seed {seed}: {', '.join(wrong)}")
    return done


def _killed(world: World, home: Path, files: int) -> bool:
    """Start a process, kill it when the lake has so many files; whether it was still alive then."""
    with world.started(home) as process:
        while process.is_alive() and files_in(home) < files:
            time.sleep(_LOOK)
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
    return process.exitcode == -signal.SIGKILL


def _reached(home: Path) -> str:
    passed = set(Lake.open(settings_of(home)).log.verdicts()["stage"])
    return next((stage for stage in reversed(STAGES) if stage in passed), "nothing")
