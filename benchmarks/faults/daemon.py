# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Dagster's daemon, killed (-9) in the middle of a backfill and started again."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.faults.world import DATASET, STAGES, World, settings_of, state
from codecommons.archive import add_inputs
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]
DAYS = ("2026-01-29", "2026-01-30", "2026-01-31")
_MOST_SECONDS = 1500


def restarted(world: World, after: int) -> str:
    """Kill the daemon once the log of slices has so many rows, start another, and say what is wrong in the end."""
    home, right = world.fresh(f"daemon-{after}"), world.fresh(f"daemon-{after}-undisturbed")
    settings = dataclasses.replace(settings_of(home), first_day=dt.date.fromisoformat(DAYS[0]))
    for one in (settings, settings_of(right)):
        (one.home / "datasets" / f"{DATASET}.yaml").unlink(missing_ok=True)  # a sensor would build it, sooner or later
        for number, day in enumerate(DAYS):
            folder = world.folder / f"day-{number}"
            folder.mkdir(exist_ok=True)
            (folder / "day.py").write_text(f"DAY = {day!r}\n" * 20)
            add_inputs(Lake.open(one), [f"path:{folder}"], day)
    for day in DAYS:
        for stage in STAGES:
            stage(Lake.open(settings_of(right)), InlineEngine(), day, "path")
    environment = _environment(settings)
    command = ["job", "backfill", "--noprompt", "-w", str(_ROOT / "workspace.yaml"), "-j", "ingest"]
    asked = subprocess.run(
        [sys.executable, "-m", "dagster", *command, "--from", DAYS[0], "--to", DAYS[-1]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
    )
    if asked.returncode:
        return f"no backfill could be started: {asked.stderr.strip()[-500:]}"
    begun = time.monotonic()
    with _daemon(environment, home) as daemon:
        while Lake.open(settings).log.verdicts().height < after:
            if daemon.poll() is not None or time.monotonic() - begun > _MOST_SECONDS:
                return "the daemon did not get so far"
            time.sleep(0.2)
    with _daemon(environment, home):
        while time.monotonic() - begun < _MOST_SECONDS and not _over(settings):
            time.sleep(2)
    verdicts = Lake.open(settings).log.verdicts()
    passed = verdicts.filter(verdicts["verdict"] == "passed").height
    if passed != len(DAYS) * len(STAGES):
        return f"{passed} of {len(DAYS) * len(STAGES)} stages have passed"
    found, expected = state(settings), state(settings_of(right))
    return ", ".join(name for name in expected if not _equal(found.get(name), expected[name]))


def _equal(one: object, other: object) -> bool:
    return one.equals(other) if hasattr(one, "equals") else one == other


def _environment(settings: Settings) -> dict[str, str]:
    from codecommons_dagster.instance import instance

    with instance(settings):
        pass
    own = {"CODECOMMONS_HOME": str(settings.home), "CODECOMMONS_WORKERS": "0", "CODECOMMONS_FIRST_DAY": DAYS[0]}
    path = os.pathsep.join([str(_ROOT), *sys.path])
    return {**os.environ, **own, "DAGSTER_HOME": str(settings.dagster_home), "PYTHONPATH": path}


@contextmanager
def _daemon(environment: dict[str, str], home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon, which is killed in the end; what it has started goes on, or ends when it finds that nobody is there any more."""
    command = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(_ROOT / "workspace.yaml")]
    with (home / "daemon.log").open("ab") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as daemon:
        try:
            yield daemon
        finally:
            daemon.send_signal(signal.SIGKILL)


def _over(settings: Settings) -> bool:
    """Whether the backfill has ended, and all of its runs."""
    from codecommons_dagster.instance import instance

    with instance(settings) as recorder:
        runs = recorder.get_runs()
        every = all(backfill.status.value not in ("REQUESTED", "CANCELING") for backfill in recorder.get_backfills())
        return bool(runs) and every and all(run.is_finished for run in runs)
