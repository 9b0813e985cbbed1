# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What Dagster costs beside the work: loading, memory of its servers, seconds a run and a step, and a month in one run.

    python -m benchmarks.orchestration [PART]…

Every part runs in processes of its own, over small slices in a home that is removed afterwards. They compile to byte code what
they import, whatever the environment says, and nothing is measured before that is done: it takes longer than what is measured.

What came out is kept in ``benchmarks/results/orchestration.json`` and in docs/performance.md; other parts stay as they were.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.accuracy import put
from benchmarks.processes import machine
from codecommons.report import STAGES, tree_memory

TODAY = dt.datetime.now(dt.UTC).date()
DAYS = [(TODAY - dt.timedelta(days=back)).isoformat() for back in range(30, 0, -1)]
ROUNDS = 3
SETTLED_SECONDS = 60
RESULT, PAGE = Path("benchmarks/results/orchestration.json"), Path("docs/performance.md")
Figures = dict[str, Any]
# What each part says of its figures.
SAYS = {
    "load": "**Loading**: the bare imports of Dagster and dagster-dbt take {bare_cpu:.1f} CPU seconds ({bare:.1f} by the clock), "
    "our definitions {cpu:.1f} more ({wall:.1f}; aim: 3). {lakes} lake was opened for it.",
    "memory": "**Memory**: webserver, daemon, code server and who started them take {megabytes:.0f} MB together (sum of PSS; "
    "aim: 900), {settled} s after they came up, which took {up:.0f} s.",
    "steps": "**A run**, `ingest` of a small slice in {steps} steps: {run_cpu:.1f} CPU seconds ({run:.1f} by the clock); the "
    "entry functions alone {direct_cpu:.1f} ({direct:.1f}). That is {more_cpu:.1f} ({more:.1f}) a run more (aim: 15), loading "
    "included, and {step:.2f} s by the clock a step beside its work (aim: 1). Great Expectations, apart: {expectations:.1f} s "
    "in {suites} steps, {first_suite:.1f} of them in the first, which imports it; dbt: {dbt:.1f} s.",
    "month": "**A month**, {days} small slices one of which fails, as the daemon runs such a backfill: {runs} run, which ends "
    "failed, and {done} days done; {cpu:.0f} CPU seconds ({wall:.0f} by the clock).",
}

_LOAD = """
import time
begun = time.process_time(), time.perf_counter()
import dagster, dagster_dbt
bare = time.process_time(), time.perf_counter()
from codecommons_dagster.definitions import defs
dagster.Definitions.validate_loadable(defs())
ours = time.process_time(), time.perf_counter()
print(*(after - before for one, other in ((begun, bare), (bare, ours)) for before, after in zip(one, other)))
"""
_DIRECT = """
import sys
from codecommons import annotate, archive, dedup, license
from codecommons.engine import local_engine
from codecommons.lake import Lake
from codecommons.settings import Settings
lake = Lake.open(Settings.from_environment())
engine = local_engine(lake.settings)
for stage in (archive.ingest_slice, annotate.annotate_slice, license.qualify_slice, dedup.compare_slice):
    for source in lake.log.sources(sys.argv[1]):
        stage(lake, engine, sys.argv[1], source)
"""
_RUN = """
import sys
from codecommons.settings import Settings
from codecommons_dagster.instance import instance, run_job
settings = Settings.from_environment()
run = run_job(settings, sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
assert run, run.failures
with instance(settings) as recorder:
    for step in recorder.get_run_step_stats(run.run_id):
        print("step", step.step_key, step.end_time - step.start_time)
"""
_MONTH = """
import sys
import dagster as dg
from assets import outcomes
from codecommons.lake import Lake
from codecommons.settings import Settings
from codecommons_dagster.instance import instance
settings = Settings.from_environment()
outcomes.WAITS = ()  # what may pass is not waited for
tags = {"dagster/asset_partition_range_start": sys.argv[1], "dagster/asset_partition_range_end": sys.argv[2]}
with instance(settings) as recorder:
    # With our executor, as a launched run has it.
    job = dg.build_reconstructable_job("codecommons_dagster.instance", "_stage_job", ("ingest",))
    quiet = {"loggers": {"progress": {"config": {"level": "CRITICAL"}}}}
    done = dg.execute_job(job, instance=recorder, run_config=quiet, tags=tags)
    log = Lake.open(settings).log
    days = [day for day in log.slices() if "passed" in [one["verdict"] for one in [log.verdict(day, "path", "deduped")] if one]]
    print(len(recorder.get_run_records()), done.success, len(days))
"""


def main() -> int:
    """Read the command line."""
    parts: dict[str, Callable[[], Figures]] = {"load": load, "memory": memory, "steps": steps, "month": month}
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orchestration", description="What Dagster costs.")
    parser.add_argument("parts", nargs="*", choices=[[], *parts], help=f"some of {', '.join(parts)} (default: all)")
    kept: dict[str, Figures] = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    for name in parser.parse_args().parts or parts:
        busy = os.getloadavg()[0]
        kept[name] = {**parts[name](), "machine": machine(), "load": busy}
        print(_said(name, kept[name]), flush=True)
        RESULT.write_text(json.dumps(dict(sorted(kept.items())), indent=2) + "\n")
        said = "\n".join(f"- {_said(one, kept[one])}" for one in parts if one in kept)
        PAGE.write_text(put(PAGE.read_text(), "Dagster", said))
    return 0


def _said(name: str, figures: Figures) -> str:
    return SAYS[name].format(**figures) + f" On {figures['machine']}, at a load of {figures['load']:.0f}."


def load() -> Figures:
    """Seconds to load the definitions, over the bare imports of Dagster and dagster-dbt; the quickest of some rounds."""
    with tempfile.TemporaryDirectory(prefix="codecommons-") as home:
        _python("-m", "codecommons_dagster.setup", home=home)
        _python("-c", _LOAD, home=home)
        rounds = [[float(one) for one in _python("-c", _LOAD, home=home).split()] for _ in range(ROUNDS)]
        opened = Path(home, "lake").exists()
    bare_cpu, bare, cpu, wall = (min(column) for column in zip(*rounds, strict=True))
    return {"bare": bare, "bare_cpu": bare_cpu, "wall": wall, "cpu": cpu, "lakes": "A" if opened else "No"}


def memory() -> Figures:
    """Bytes (sum of PSS) of ``make ui`` a while after it came up: webserver, daemon, code server, and who started them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="codecommons-") as home:
        _python("-m", "codecommons_dagster.setup", home=home)
        _python("-c", _LOAD, home=home)
        command = [sys.executable, "-m", "codecommons_dagster.ui", "--port", str(port)]
        with subprocess.Popen(command, env=_environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            begun = time.perf_counter()
            while not _answers(port):
                time.sleep(0.5)
            up = time.perf_counter() - begun
            time.sleep(SETTLED_SECONDS)
            found = tree_memory(process.pid)
            process.send_signal(signal.SIGINT)
            process.wait(60)
    return {"megabytes": found / 1e6, "settled": SETTLED_SECONDS, "up": up}


def steps() -> Figures:
    """Seconds of a run and its steps, over the same slice by the entry functions alone; expectations and dbt apart."""
    day = DAYS[-1]
    with tempfile.TemporaryDirectory(prefix="codecommons-") as alone, tempfile.TemporaryDirectory(prefix="codecommons-") as home:
        for one in (alone, home):
            _record(Path(one), [day])
        _python("-m", "codecommons_dagster.setup", home=home)
        with tempfile.TemporaryDirectory(prefix="codecommons-") as first:
            _record(Path(first), [day])
            _python("-c", _RUN, "slice", day, home=first)
        direct, _ = _timed("-c", _DIRECT, day, home=alone)
        whole, told = _timed("-c", _RUN, "ingest", day, home=home)
        of_steps = _seconds(told)
        expectations = _seconds(_timed("-c", _RUN, "slice", day, home=home)[1])
        marts = _seconds(_timed("-c", _RUN, "marts", home=home)[1])
        worked = _worked(home)
    over = (sum(of_steps.values()) - worked) / len(of_steps)
    checked = {name: seconds for name, seconds in expectations.items() if name.endswith("_expectations")}
    ran = {"steps": len(of_steps), "run": whole[0], "run_cpu": whole[1], "direct": direct[0], "direct_cpu": direct[1]}
    more = {"more": whole[0] - direct[0], "more_cpu": whole[1] - direct[1], "step": over}
    suites = {"suites": len(checked), "expectations": sum(checked.values()), "first_suite": max(checked.values())}
    return {**ran, **more, **suites, "dbt": sum(marts.values())}


def month() -> Figures:
    """A backfill of thirty small days, one of which fails, as the daemon runs it: ranges of what `BACKFILL` says."""
    from assets.partitions import BACKFILL

    runs = -(-len(DAYS) // (BACKFILL.max_partitions_per_run or len(DAYS)))
    with tempfile.TemporaryDirectory(prefix="codecommons-") as home:
        _record(Path(home), DAYS, failing=DAYS[14])
        (wall, cpu), told = _timed("-c", _MONTH, DAYS[0], DAYS[-1], home=home)
    recorded, success, done = told.split()[-3:]
    if (recorded, success, done) != ("1", "False", str(len(DAYS) - 1)):
        raise SystemExit(f"month: {recorded} runs recorded, success {success}, {done} of {len(DAYS)} days done")
    return {"days": len(DAYS), "runs": runs, "done": int(done), "wall": wall, "cpu": cpu}


def _record(home: Path, days: list[str], failing: str | None = None) -> None:
    """Note a small folder as the input of each day; that of a failing one is a repository that goes away."""
    from codecommons import archive
    from codecommons.lake import Lake
    from codecommons.settings import Settings

    lake = Lake.open(Settings.from_environment(_environment(str(home))))
    for number, day in enumerate(days):
        folder = home / "projects" / day
        folder.mkdir(parents=True)
        (folder / "area.py").write_text(f"# SPDX-License-Identifier: MIT\n\n\ndef area(width):\n    return width * {number}\n")
        if day == failing:
            git = ["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@example.org"]
            for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "One"]):
                subprocess.run([*git, *command], check=True)
        archive.add_inputs(lake, [f"git:{folder.as_uri()}" if day == failing else f"path:{folder}"], day)
    if failing:  # neither the repository nor its mirror can be had any more
        shutil.rmtree(home / "projects" / failing)
        shutil.rmtree(lake.settings.cache / "git")


def _worked(home: str) -> float:
    """Seconds that the slice stages' own reports of their first runs tell."""
    from codecommons.lake import Lake
    from codecommons.settings import Settings

    rows: Any = Lake.open(Settings.from_environment(_environment(home))).scan("stage_report").collect()
    return float(sum(row["seconds"] for row in rows.iter_rows(named=True) if row["run"] == 1 and row["stage"] in STAGES))


def _seconds(told: str) -> dict[str, float]:
    steps = (line.split() for line in told.splitlines() if line.startswith("step "))  # dbt says more
    return {name: float(seconds) for _, name, seconds in steps}


def _environment(home: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**own, "CODECOMMONS_HOME": home, "CODECOMMONS_WORKERS": "0"}


def _python(*arguments: str, home: str) -> str:
    done = subprocess.run([sys.executable, *arguments], env=_environment(home), stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _timed(*arguments: str, home: str) -> tuple[tuple[float, float], str]:
    """Wall and CPU seconds of a process, and what it printed."""
    wall, before = time.perf_counter(), os.times()
    told = _python(*arguments, home=home)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return (time.perf_counter() - wall, cpu), told


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=60):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
