# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How the five stages grow: a quarter, a half and all of 500 packages and four git histories, each in a new lake.

``make bench-scale``; half an hour to an hour on two cores, and some 20 GB of disk. Archives come into the user's cache first,
which is not measured. What is read off: whether a stage that gets twice as much takes twice as long, and what it takes of memory.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.corpus import lend_cache
from benchmarks.git import make_history
from benchmarks.main_job import DAY, SLICE_STAGES, StageCost, bound, fetched, rounded, timed
from benchmarks.processes import machine
from codecommons import archive, datasets
from codecommons.engine import local_engine
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.report import STAGES
from codecommons.settings import Settings

PACKAGES = Path(__file__).with_name("scale-packages.txt")
SPECIFICATION = Path("examples/datasets/permissive-all.yaml")
RESULTS = Path(__file__).with_name("results") / "scale.json"
HISTORIES, COMMITS = 4, 5_000
_LAST = ("MB/s a core", "grows with power")


@dataclass(frozen=True)
class Share:
    """What one share took.

    Attributes:
        parts: one of how many.
        packages: that came in; ``histories`` likewise, of 5,000 commits each.
        contents: distinct ones in the lake afterwards; ``content_bytes`` theirs.
        tables: bytes of each folder of the lake: tables by name, and ``datasets`` with their shards.
        stages: what the stages took, with everything that their checks read.
    """

    parts: int
    packages: int
    histories: int
    contents: int
    content_bytes: int
    tables: dict[str, int]
    stages: list[StageCost]

    @property
    def lake_bytes(self) -> int:
        """All of the lake."""
        return sum(self.tables.values())


def measure(settings: Settings, shares: tuple[int, ...], say: Any) -> list[Share]:
    """Run every share, the smallest first.

    Raises:
        UsageError: none of the archives can be had.
    """
    home = settings.home / "benchmark-scale"
    wanted = archive.read_package_list(PACKAGES)
    found = []
    for parts in shares:
        shutil.rmtree(home, ignore_errors=True)
        (home / "datasets").mkdir(parents=True)
        shutil.copy(SPECIFICATION, home / "datasets")
        lend_cache(settings, home)
        own = replace(settings, home=home, lake=str(home / "lake"))
        try:
            found.append(_share(own, wanted[::parts], max(1, HISTORIES // parts), parts, say))
        finally:
            shutil.rmtree(home)
    return found


def _share(settings: Settings, packages: list[str], histories: int, parts: int, say: Any) -> Share:
    lake, engine = Lake.open(settings), local_engine(settings)
    say(f"1/{parts}: {len(packages)} archives into the cache")
    archives = fetched(lake, packages, say)
    for number in range(histories):
        repository = settings.home / f"history-{number}.git"
        make_history(repository, COMMITS, seed=number + 1)
        archive.add_inputs(lake, [f"git:{repository}"], DAY)
    costs = []
    for stage, function in zip(STAGES, SLICE_STAGES, strict=False):
        calls = [bound(function, lake, engine, DAY, source) for source in lake.log.sources(DAY)]
        costs.append(timed(stage, calls, say))
    costs.append(timed(STAGES[-1], [bound(datasets.build, lake, engine, name) for name in datasets.names(settings)], say))
    engine.close()
    contents, size = lake.scan("content").select(pl.len(), pl.col("length").sum()).collect().row(0)
    return Share(parts, len(archives), histories, contents, int(size), _tables(Path(settings.lake)), costs)


def _tables(lake: Path) -> dict[str, int]:
    used: Counter[str] = Counter()
    for path in lake.rglob("*"):
        if path.is_file():
            used[path.relative_to(lake).parts[0]] += path.stat().st_size
    return dict(sorted(used.items()))


def slope(small: StageCost, large: StageCost) -> float:
    """By which power of its bytes a stage's CPU seconds grow: 1 is in proportion."""
    return math.log(large.cpu_seconds / small.cpu_seconds) / math.log(large.bytes / small.bytes)


def to_markdown(shares: list[Share]) -> str:
    """The table of docs/scale.md."""
    lines = [
        f"{machine()}.",
        "",
        "| share | packages | histories | contents | GB of them | GB of lake | minutes | peak MB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for one in shares:
        minutes, peak = sum(cost.wall_seconds for cost in one.stages) / 60, max(cost.peak_memory for cost in one.stages) / 1e6
        lines.append(
            f"| 1/{one.parts} | {one.packages} | {one.histories} | {one.contents:,} | {one.content_bytes / 1e9:.2f} "
            f"| {one.lake_bytes / 1e9:.2f} | {minutes:.1f} | {peak:,.0f} |"
        )
    names = [f"1/{one.parts}" for one in shares]
    lines += [
        "",
        "| " + " | ".join(["stage", *(f"CPU s, {name}" for name in names), *(f"MB, {name}" for name in names), *_LAST]) + " |",
        f"|---|{'---:|' * (2 * len(shares) + 2)}",
    ]
    for at, stage in enumerate(STAGES):
        costs = [one.stages[at] for one in shares]
        seconds = " | ".join(f"{cost.cpu_seconds:.1f}" for cost in costs)
        peaks = " | ".join(f"{cost.peak_memory / 1e6:,.0f}" for cost in costs)
        rate = costs[-1].bytes / costs[-1].cpu_seconds / 1e6
        grows = f"{slope(costs[0], costs[-1]):.2f}" if len(costs) > 1 else ""
        lines.append(f"| {stage} | {seconds} | {peaks} | {rate:.1f} | {grows} |")
    return "\n".join(lines)


def main() -> int:
    """Read the command line, measure, and keep the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--shares", default="4,2,1", help="one of how many of all packages and histories, smallest share first")
    arguments = parser.parse_args()
    begun = time.perf_counter()

    def say(text: str) -> None:
        print(f"{time.perf_counter() - begun:7.0f} s  {text}", file=sys.stderr, flush=True)

    try:
        shares = measure(Settings.from_environment(), tuple(map(int, arguments.shares.split(","))), say)
    except UsageError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    RESULTS.write_text(
        json.dumps(rounded({"environment": machine(), "shares": [asdict(one) for one in shares]}), indent=1) + "\n"
    )
    print(to_markdown(shares))
    return 0


if __name__ == "__main__":
    sys.exit(main())
