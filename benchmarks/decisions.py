# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Licence decisions: files a minute, from annotations to verdicts under every policy, and of one policy that has changed.

The trees are those of the benchmark's archives, each several times under made-up identifiers, so that there are as many files as
in a large slice; what annotators say of them is real. ``python -m benchmarks.decisions [--times N]``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from benchmarks.accuracy import put
from benchmarks.corpus import PACKAGES, lend_cache
from benchmarks.processes import machine, tree_cpu_seconds
from codecommons import archive
from codecommons.annotate import annotate_slice
from codecommons.engine import Engine, local_engine
from codecommons.lake import Lake
from codecommons.license import policies
from codecommons.license.stage import judge_statements, resolve_trees
from codecommons.settings import Settings

RESULT, PAGE = Path("benchmarks/results/decisions.json"), Path("docs/performance.md")
DAY = "2026-01-31"
AIM = 1_000_000


@dataclass(frozen=True)
class Decisions:
    """What deciding took.

    Attributes:
        environment: the machine; ``workers`` processes of it.
        files: files that were decided on, in ``trees`` trees.
        policies: how many judged each file, in ``ways`` ways of resolving.
        seconds: by the clock, for all of it; ``cpu_seconds`` of the process tree.
        statements: distinct ones, which is what a policy looks at.
        again_seconds: one policy that has changed, over all files.
    """

    environment: str
    workers: int
    files: int
    trees: int
    policies: int
    ways: int
    seconds: float
    cpu_seconds: float
    statements: int
    again_seconds: float

    def to_json(self) -> dict[str, Any]:
        """As plain values, with the rate."""
        return {**asdict(self), "files_a_minute": round(60 * self.files / self.seconds)}

    def to_markdown(self) -> str:
        """Some sentences."""
        rate = 60 * self.files / self.seconds
        return (
            f"{self.files:,} files in {self.trees:,} trees, resolved in {self.ways} ways, judged under {self.policies} policies, "
            f"take {self.seconds:.1f} s with {self.workers} workers: **{rate / 1e6:.1f} million files a minute** (aim "
            f"{AIM / 1e6:.0f}), {self.cpu_seconds:.1f} CPU seconds. A policy that has changed looks at the {self.statements:,} "
            f"distinct statements about them: {self.again_seconds:.1f} s. {self.environment}."
        )


def run(settings: Settings, times: int) -> Decisions:
    """Fill a lake and decide.

    Raises:
        UsageError: none of the archives can be had.
    """
    with tempfile.TemporaryDirectory(prefix="codecommons-") as place:
        home = Path(place)
        lend_cache(settings, home)
        own = Settings(home, str(home / "lake"), workers=settings.workers)
        lake, engine = Lake.open(own), local_engine(own)
        archive.add_inputs(lake, archive.read_package_list(PACKAGES), DAY)
        for source in lake.log.sources(DAY):
            archive.ingest_slice(lake, engine, DAY, source)
            annotate_slice(lake, engine, DAY, source)
        roots = _multiply(lake, engine, times)
        files = lake.scan("tree_file").join(roots.lazy(), on="root", how="semi").select(pl.len()).collect().item()
        known = policies(own)
        ways = sorted({policy.resolution for policy in known.values()})
        start, cpu = time.perf_counter(), tree_cpu_seconds()
        for way in ways:
            resolve_trees(lake, engine, "benchmark", way, roots)
        for policy in known.values():
            judge_statements(lake, engine, "benchmark", policy, roots)
        seconds, cpu_seconds = time.perf_counter() - start, tree_cpu_seconds() - cpu
        changed = replace(known["permissive"], version=known["permissive"].version + 1)
        start = time.perf_counter()
        statements = judge_statements(lake, engine, "benchmark", changed, roots).height
        again = time.perf_counter() - start
        engine.close()
        return Decisions(
            machine(), own.workers, files, roots.height, len(known), len(ways), seconds, cpu_seconds, statements, again
        )


def _multiply(lake: Lake, engine: Engine, times: int) -> pl.DataFrame:
    """Write every tree so often, under identifiers of their own (column root)."""
    rows = lake.scan("tree_file").drop("bucket").collect()
    found = rows["root"].unique().sort()
    copies = list[bytes]()
    with lake.staging("benchmark") as area:
        writer = area.writer("benchmark")
        for number in range(times):
            names = {root: hashlib.sha1(b"%d %s" % (number, root), usedforsecurity=False).digest() for root in found}
            mine = rows.with_columns(root=pl.col("root").replace_strict(names, return_dtype=pl.Binary)).sort("root", "path")
            writer.add("tree_file", mine.to_arrow().cast(pa.schema(lake.tables()["tree_file"].fields)))
            copies += names.values()
        lake.commit(area, [writer.close()], engine)
    return pl.DataFrame({"root": pl.Series(copies, dtype=pl.Binary)}).sort("root")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decisions", description="Licence decisions: files a minute.")
    parser.add_argument("--times", type=int, default=20, help="copies of each tree (default: %(default)s)")
    result = run(Settings.from_environment(), parser.parse_args().times)
    print(result.to_markdown())
    PAGE.write_text(put(PAGE.read_text(), "Licence decisions", result.to_markdown()))
    RESULT.write_text(json.dumps(result.to_json(), indent=2) + "\n")
