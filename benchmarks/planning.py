# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What planning a dataset takes in a large lake: ``python -m benchmarks.planning [--times N …]``.

The rows are those of the lake that the settings name (``make demo``), each so often under made-up identifiers and origins, but
without the bytes, which a plan does not read: files, annotations, decisions and pairs are as real ones are distributed. Each plan
runs in a process of its own, the second time in one that has imported everything.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from benchmarks.accuracy import put
from benchmarks.processes import machine, tree_cpu_seconds
from codecommons.annotate.annotator import current
from codecommons.datasets import plan
from codecommons.datasets.candidates import SAME_TEXT, SIGNALS
from codecommons.datasets.specification import parse
from codecommons.dedup.tables import TABLES as DEDUP_TABLES
from codecommons.engine import local_engine
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.report import STAGES, Measure
from codecommons.settings import Settings

RESULT, PAGE = Path("benchmarks/results/planning.json"), Path("docs/performance.md")
SPECIFICATION = Path("examples/datasets/permissive-all.yaml")
AIM_FILES, AIM_SECONDS = 10_000_000, 2.0
# Table -> the columns that name objects, which every copy has of its own.
OBJECTS = {
    "snapshot": ("id",),
    "snapshot_branch": ("snapshot_id", "target"),
    "release": ("id", "target"),
    "tree_file": ("root", "content"),
    "content": ("sha1_git",),
    "license_resolution": ("root", "content"),
    "license_judgement": (),
    "annotation_path_facts": (),
    "signature": ("content",),
    "duplicate_pair": ("a", "b"),
    "band": ("content",),
    "annotation_normalized_text": ("content", "normalized"),
}
# Bytes of an identifier that tell the copies apart; the others are the original's, and so is its bucket.
_COPY = 3


@dataclass(frozen=True)
class Planned:
    """One plan.

    Attributes:
        files: candidates in the lake; ``rows`` of the dataset.
        seconds: by the clock; ``cpu_seconds`` of all threads.
        peak_memory: bytes, largest sum of PSS.
    """

    files: int
    rows: int
    seconds: float
    cpu_seconds: float
    peak_memory: int


@dataclass(frozen=True)
class Result:
    """Plans of one dataset in ever larger lakes."""

    environment: str
    dataset: str
    plans: list[Planned]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    def to_markdown(self) -> str:
        """A table."""
        lines = [
            f"`dataset plan {self.dataset}`, {self.environment}.",
            "",
            "| files in the lake | rows | seconds | CPU seconds | µs of CPU a file | peak MB |",
            "|---:|---:|---:|---:|---:|---:|",
        ]
        for one in self.plans:
            each, peak = one.cpu_seconds / one.files * 1e6, one.peak_memory / 1e6
            figures = f"{one.seconds:.1f} | {one.cpu_seconds:.1f} | {each:.1f} | {peak:,.0f}"
            lines.append(f"| {one.files:,} | {one.rows:,} | {figures} |")
        return "\n".join(lines)


def run(settings: Settings, times: Sequence[int]) -> Result:
    """Plan in lakes that are so many times as large as the one that the settings name.

    Raises:
        UsageError: that one is empty.
    """
    plans = []
    with tempfile.TemporaryDirectory(prefix="codecommons-", dir=settings.home) as place:
        for number in times:
            own = replace(settings, home=Path(place), lake=f"{place}/lake-{number}")
            multiply(Lake.open(settings), own, number)
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                pool.submit(_plan, own).result()
                plans.append(pool.submit(_plan, own).result())
    return Result(machine(), SPECIFICATION.stem, plans)


def _plan(settings: Settings) -> Planned:
    lake, asked = Lake.open(settings), parse(SPECIFICATION.read_bytes(), SPECIFICATION.stem)
    with Measure() as measured:
        cpu = tree_cpu_seconds()
        planned = plan(lake, asked)
        cpu = tree_cpu_seconds() - cpu
    return Planned(planned.candidates, planned.rows, measured.seconds, cpu, measured.peak_memory)


def multiply(source: Lake, settings: Settings, times: int) -> Lake:
    """A new lake with what a plan reads of another one, so many times.

    Raises:
        UsageError: there is nothing in the other one.
    """
    lake = Lake.open(settings)
    annotators = current(settings)
    content = {annotators[name].table.name: ("content",) for name in (*SIGNALS, SAME_TEXT)}
    for table in (*DEDUP_TABLES, *(annotators[name].table for name in (*SIGNALS, SAME_TEXT))):
        source.register(table)
        lake.register(table)
    news = source.scan("origin_visit_status").collect()
    if not news.height:
        raise UsageError(f"the lake {source.settings.lake} is empty; run `make demo`, or name another CODECOMMONS_HOME")
    for name, columns in (content | OBJECTS).items():
        schema = pa.schema(lake.tables()[name].fields)
        rows = source.scan(name).select(schema.names).collect()
        with lake.staging("benchmark") as area:
            writer = area.writer("benchmark")
            for number in range(times if columns else 1):
                writer.add(name, rows.with_columns(_renamed(column, number) for column in columns).to_arrow().cast(schema))
            lake.commit(area, [writer.close()], local_engine(settings))
    schema = pa.schema(lake.tables()["origin_visit_status"].fields)
    for (day, named), visits in news.group_by("slice", "source", maintain_order=True):
        every = [visits.with_columns(_renamed("snapshot", n), pl.col("origin") + f"-{n:06}") for n in range(times)]
        attempt = hashlib.sha256(f"{day} {named} {times}".encode()).hexdigest()[:16]
        table = pl.concat(every).select(schema.names).to_arrow().cast(schema)
        lake.write_news({"origin_visit_status": table}, str(day), str(named), attempt)
        for stage in STAGES[:-1]:
            lake.log.record(str(day), str(named), stage, "passed", attempt)
    return lake


def _renamed(column: str, number: int) -> pl.Expr:
    """Identifiers of a copy: bytes, or of a normalised text the hexadecimal digits of it."""
    mine, digits = pl.lit(f"{number:0{2 * _COPY}x}"), 40 - 2 * _COPY
    if column == "normalized":
        return pl.concat_str(pl.col(column).str.slice(0, digits), mine).alias(column)
    return pl.concat_str(pl.col(column).bin.encode("hex").str.slice(0, digits), mine).str.decode("hex").alias(column)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description="Planning a dataset in a large lake.")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 4, 16], help="copies of every file (default: %(default)s)")
    result = run(Settings.from_environment(), parser.parse_args().times)
    print(result.to_markdown())
    PAGE.write_text(put(PAGE.read_text(), "Planning", result.to_markdown()))
    RESULT.write_text(json.dumps(result.to_json(), indent=2) + "\n")
