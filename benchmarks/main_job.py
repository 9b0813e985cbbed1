# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The main job, stage by stage, in a lake of its own, from archives that are in the user's cache already."""

from __future__ import annotations

import importlib
import multiprocessing
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.corpus import lend_cache
from benchmarks.limit import Pass, measure
from benchmarks.processes import machine, tree_cpu_seconds
from codecommons import annotate, archive, datasets, dedup, license
from codecommons.archive.packages import PackageSource
from codecommons.archive.source import sources
from codecommons.engine import Engine, local_engine
from codecommons.errors import ItemError, UsageError
from codecommons.lake import Lake, SliceInput
from codecommons.report import STAGES, StageReport
from codecommons.settings import Settings

DAY = "2026-01-31"
SLICE_STAGES = (archive.ingest_slice, annotate.annotate_slice, license.qualify_slice, dedup.compare_slice)
# Every eighth archive: some of each kind, and done in half a minute.
_QUICK = 8


@dataclass(frozen=True)
class StageCost:
    """What one stage cost over all its sources or datasets.

    Attributes:
        stage: its name.
        files: that came in; ``bytes`` theirs.
        wall_seconds: from call to return.
        cpu_seconds: of the whole process tree; the first stage finds its workers started, as the limit does.
        peak_memory: bytes, sum of PSS over the process tree.
        again_seconds: wall seconds of the same call once more, when there is nothing left to do.
    """

    stage: str
    files: int
    bytes: int
    wall_seconds: float
    cpu_seconds: float
    peak_memory: int
    again_seconds: float


@dataclass(frozen=True)
class Result:
    """Everything one run measured; the limit is the faster of two passes, one before the job and one after it.

    Attributes:
        environment: machine and versions.
        workers: processes of the main job, and of the limit.
        limit: what the limit took.
        stages: what the stages took.
        core_limit: CPU seconds of the limit in a single process; ``core_ingest`` those of the first stage in another one,
            without a pool.
    """

    environment: str
    workers: int
    limit: Pass
    stages: list[StageCost]
    core_limit: float
    core_ingest: float

    @property
    def ingest(self) -> StageCost:
        """The stage that the limit is for."""
        return self.stages[0]

    @property
    def share_of_limit(self) -> float:
        """Throughput of ``ingest`` per CPU second, as a share of the limit's."""
        return self.limit.cpu_seconds / self.ingest.cpu_seconds

    @property
    def share_of_limit_wall(self) -> float:
        """Throughput of ``ingest`` per wall second, as a share of the limit's on as many cores."""
        return self.limit.wall_seconds / self.ingest.wall_seconds

    @property
    def share_of_limit_core(self) -> float:
        """Throughput of ``ingest`` on one core, as a share of the limit's."""
        return self.core_limit / self.core_ingest

    def to_json(self) -> dict[str, Any]:
        """As plain values, with the shares."""
        names = ("share_of_limit", "share_of_limit_wall", "share_of_limit_core")
        shares = {name: getattr(self, name) for name in names}
        return rounded({**asdict(self), **shares})

    def to_markdown(self) -> str:
        """The table of the README."""
        unpacked, limit = self.limit.bytes, self.limit.cpu_seconds
        rows = [(cost.stage, f"{cost.files:,}", cost) for cost in self.stages]
        wall, cpu, again = (sum(getattr(cost, f"{name}_seconds") for cost in self.stages) for name in ("wall", "cpu", "again"))
        rows.append(("all five", "", StageCost("", 0, 0, wall, cpu, max(cost.peak_memory for cost in self.stages), again)))
        size = f"{self.limit.packed_bytes / 1e6:.0f} MB; {self.limit.files:,} files and {unpacked / 1e6:.0f} MB in them"
        lines = [
            f"{self.limit.archives} archives ({size}), {self.workers} workers, {self.environment}.",
            "",
            "| stage | files in | seconds | MB/s | CPU seconds | peak MB | seconds, run again |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        for stage, files, cost in rows:
            speed, peak = unpacked / cost.wall_seconds / 1e6, cost.peak_memory / 1e6
            figures = f"{cost.wall_seconds:.1f} | {speed:,.0f} | {cost.cpu_seconds:.1f} | {peak:,.0f} | {cost.again_seconds:.1f}"
            lines.append(f"| {stage} | {files} | {figures} |")
        lines += [
            "",
            f"The limit of `{self.ingest.stage}`, unpacking and four hashes in plain `tarfile` and `hashlib` on as many "
            f"cores, takes {limit:.1f} CPU seconds ({unpacked / limit / 1e6:.0f} MB/s a core). We reach "
            f"**{self.share_of_limit:.0%}** of it per CPU second, {self.share_of_limit_wall:.0%} by the clock; a single process "
            f"without a pool reaches **{self.share_of_limit_core:.0%}** of the limit of one core.",
        ]
        return "\n".join(lines)


def run(settings: Settings, packages: Path, specifications: Path, quick: bool, say: Callable[[str], None]) -> Result:
    """Measure the limit, then the main job, then the limit again.

    Args:
        settings: the user's; only the cache of archives is shared, the lake is a new one beside it.
        packages: the list.
        specifications: folder of dataset specifications.
        quick: every eighth archive only.
        say: takes a line of progress.

    Raises:
        UsageError: none of the archives can be had.
    """
    home = settings.home / "benchmark"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(specifications, home / "datasets")
    lend_cache(settings, home)
    own = replace(settings, home=home, lake=str(home / "lake"))
    try:
        lake = Lake.open(own)
        wanted = archive.read_package_list(packages)[:: _QUICK if quick else 1]
        say(f"{len(wanted)} archives into the cache")
        archives = fetched(lake, wanted, say)
        say("the limit")
        before = measure(archives, settings.workers)
        engine = local_engine(own)
        list(engine.map(_ready, [own] * own.workers))
        stages = _main_job(lake, engine, say)
        say("the limit again")
        limit = min(before, measure(archives, settings.workers), key=lambda one: one.cpu_seconds)
        say("one core")
        core_limit, core_ingest = measure(archives, 1).cpu_seconds, _ingest_on_one_core(lake, own)
    finally:
        shutil.rmtree(home)
    return Result(machine(), settings.workers, limit, stages, core_limit, core_ingest)


def fetched(lake: Lake, wanted: Sequence[str], say: Callable[[str], None]) -> list[Path]:
    """Make packages the day's input, and their archives part of the cache; without those that can't be had.

    Raises:
        UsageError: none can.
    """
    rows = archive.add_inputs(lake, wanted, DAY)
    known = sources(lake.settings)
    found: list[Path] = []

    def fetch(row: Any) -> Path | ItemError:
        source = known[row.source]
        assert isinstance(source, PackageSource)
        try:
            return source.fetch(row, lake.settings)
        except ItemError as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        for row, result in zip(rows, pool.map(fetch, rows), strict=True):
            if isinstance(result, ItemError):
                say(f"without {row.source}:{row.item}: {result.detail}")
            else:
                found.append(result)
    if not found:
        raise UsageError("none of the archives can be had; is the package index configured?")
    return found


def _ready(settings: Settings) -> None:
    """Start a worker and have it import what loading needs, as the limit's workers are started before they are measured."""
    sources(settings)
    importlib.import_module("codecommons.swhid.blake2s")
    time.sleep(0.5)  # so that no worker takes two of these


def _ingest_on_one_core(lake: Lake, settings: Settings) -> float:
    """CPU seconds that the first stage takes in a process of its own, which has imported what it needs, in another new lake."""
    rows = [row for source in lake.log.sources(DAY) for row in lake.log.inputs(DAY, source)]
    alone = replace(settings, lake=f"{settings.lake}-alone", workers=1)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(_ready, alone).result()
        return pool.submit(_ingest, alone, rows).result()


def _ingest(settings: Settings, rows: Sequence[SliceInput]) -> float:
    lake, engine = Lake.open(settings), local_engine(settings)
    lake.log.add_input(rows)
    begun = time.process_time()
    for source in lake.log.sources(DAY):
        archive.ingest_slice(lake, engine, DAY, source)
    return time.process_time() - begun


def _main_job(lake: Lake, engine: Engine, say: Callable[[str], None]) -> list[StageCost]:
    names = datasets.names(lake.settings)
    jobs: list[tuple[str, list[Callable[[], StageReport]]]] = [
        (stage, [bound(function, lake, engine, DAY, source) for source in lake.log.sources(DAY)])
        for stage, function in zip(STAGES, SLICE_STAGES, strict=False)
    ]
    jobs.append((STAGES[-1], [bound(datasets.build, lake, engine, name) for name in names]))
    first = [timed(stage, calls, say) for stage, calls in jobs]
    again = [timed(f"{stage} again", calls, say) for stage, calls in jobs]
    return [replace(cost, again_seconds=second.wall_seconds) for cost, second in zip(first, again, strict=True)]


def bound(function: Callable[..., StageReport], *arguments: Any) -> Callable[[], StageReport]:
    """A call that waits to be timed."""
    return lambda: function(*arguments)


def timed(stage: str, calls: Sequence[Callable[[], StageReport]], say: Callable[[str], None]) -> StageCost:
    """What all calls of a stage cost together."""
    say(stage)
    wall, cpu = time.perf_counter(), tree_cpu_seconds()
    reports = [call() for call in calls]
    wall, cpu = time.perf_counter() - wall, tree_cpu_seconds() - cpu
    files, size = sum(report.rows_in for report in reports), sum(report.bytes_in for report in reports)
    return StageCost(stage, files, size, wall, cpu, max(report.peak_memory for report in reports), 0.0)


def rounded(value: Any) -> Any:
    """Plain values with three decimals."""
    match value:
        case dict():
            return {key: rounded(one) for key, one in value.items()}
        case list():
            return [rounded(one) for one in value]
        case float():
            return round(value, 3)
    return value
