# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What planning a dataset takes in a large lake: ``python -m benchmarks.planning [--times N …]``.

The rows are those of the lake that the settings name (``make demo``), each so often under made-up identifiers and origins, but
without the bytes, which a plan does not read: files, annotations, decisions and pairs are as real ones are distributed. In every
lake there are two plans, in a process that has imported everything: the first plan after a lake has changed also makes what plans
count (``datasets.facts``), the others map it. For a lake that is too large to be made here, only that is made so large.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks.accuracy import put
from benchmarks.processes import machine, tree_cpu_seconds
from codecommons.annotate.annotator import current
from codecommons.datasets import comparisons, facts, plan
from codecommons.datasets.inputs import SAME_TEXT, SIGNALS
from codecommons.datasets.specification import parse
from codecommons.dedup.tables import TABLES as DEDUP_TABLES
from codecommons.engine import local_engine
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.report import STAGES, Measure
from codecommons.settings import Settings

RESULT, PAGE = Path("benchmarks/results/planning.json"), Path("docs/performance.md")
SPECIFICATION = Path("examples/datasets/permissive-all.yaml")
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
    "crowded_band": (),
    "annotation_normalized_text": ("content", "normalized"),
}
# Bytes of an identifier that tell the copies apart; the others are the original's, and so is its bucket.
_COPY = 3


@dataclass(frozen=True)
class Planned:
    """One plan.

    Attributes:
        files: candidates in the lake; ``rows`` of the dataset.
        first: the plan after a change of the lake: seconds by the clock, and CPU seconds of all threads; None where the facts
            alone were multiplied.
        seconds: of a plan after that, by the clock; ``cpu_seconds`` likewise.
        peak_memory: bytes, largest sum of PSS, files that are mapped included; ``first_peak_memory`` of the first plan.
    """

    files: int
    rows: int
    first: tuple[float, float] | None
    seconds: float
    cpu_seconds: float
    peak_memory: int
    first_peak_memory: int | None


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
            f"`dataset plan {self.dataset}`, {self.environment}. Seconds by the clock (CPU seconds).",
            "",
            "| files in the lake | rows | first plan after a change | peak MB | every other plan | peak MB |",
            "|---:|---:|---:|---:|---:|---:|",
        ]
        for one in self.plans:
            first = f"{one.first[0]:.1f} ({one.first[1]:.1f})" if one.first else "not made"
            peak = f"{one.first_peak_memory / 1e6:,.0f}" if one.first_peak_memory else ""
            later = f"{one.seconds:.2f} ({one.cpu_seconds:.2f}) | {one.peak_memory / 1e6:,.0f}"
            lines.append(f"| {one.files:,} | {one.rows:,} | {first} | {peak} | {later} |")
        return "\n".join(lines)


def run(settings: Settings, times: Sequence[int], facts_times: Sequence[int]) -> Result:
    """Plan in lakes that are so many times as large as the one that the settings name.

    Args:
        settings: of that lake.
        times: sizes of lakes that are made.
        facts_times: sizes of which only what plans count is made.

    Raises:
        UsageError: that one is empty.
    """
    plans = []
    with tempfile.TemporaryDirectory(prefix="codecommons-", dir=settings.home) as place:
        for number in times:
            own = replace(settings, home=Path(f"{place}/{number}"), lake=f"{place}/{number}/lake")
            multiply(Lake.open(settings), own, number)
            plans.append(_planned(own))
        own = replace(settings, home=Path(f"{place}/small"), lake=f"{place}/small/lake")
        multiply(Lake.open(settings), own, 1)
        for number in facts_times:
            plans.append(_planned(own, number))
    return Result(machine(), SPECIFICATION.stem, plans)


def _planned(settings: Settings, facts_times: int = 0) -> Planned:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(_plan, settings).result()  # imports, compiles
        shutil.rmtree(settings.cache / "plans")
        candidates, rows, *first, first_peak = pool.submit(_plan, settings).result()
    if facts_times:
        (place,) = (settings.cache / "plans").iterdir()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            pool.submit(multiply_facts, place, facts_times).result()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(_plan, settings).result()
        candidates, rows, seconds, cpu, peak = pool.submit(_plan, settings).result()
    if facts_times:
        shutil.rmtree(settings.cache / "plans")
        return Planned(candidates, rows, None, seconds, cpu, peak, None)
    return Planned(candidates, rows, (first[0], first[1]), seconds, cpu, peak, first_peak)


def _plan(settings: Settings) -> tuple[int, int, float, float, int]:
    """Candidates, rows, seconds, CPU seconds and peak memory."""
    lake, asked = Lake.open(settings), parse(SPECIFICATION.read_bytes(), SPECIFICATION.stem)
    with Measure() as measured:
        cpu = tree_cpu_seconds()
        planned = plan(lake, asked)
        cpu = tree_cpu_seconds() - cpu
    return planned.candidates, planned.rows, measured.seconds, cpu, measured.peak_memory


def multiply_facts(place: Path, times: int) -> None:
    """Make what plans count so many times as large, in place: every row under other contents, origins and anchors.

    Every copy has crowded bands of its own, in which as much was compared as in the original's.
    """
    known = facts.read(place)
    ids, each = np.repeat(np.arange(known.rows.height), times), np.tile(np.arange(times), known.rows.height)
    columns: dict[str, pa.Array] = {}
    names = []
    for column in known.rows.get_columns():
        values = column.to_physical()[ids]
        if isinstance(column.dtype, pl.Enum):
            texts = column.dtype.categories
            if column.name in ("origin", "anchor"):
                values = values.cast(pl.UInt32) * times + pl.Series(each, dtype=pl.UInt32)
                texts = pl.Series([f"{text}-{number:06}" for text in texts for number in range(times)] + [facts.UNKNOWN])
            names.append(pl.DataFrame({"value": texts}).with_columns(column=pl.lit(column.name)))
        if column.name == "content_id":
            values = values * times + pl.Series(each, dtype=pl.UInt32)
        columns[column.name] = values.rechunk().to_arrow()
    for name in ("content", "path"):
        columns[name] = known.bytes[name].take(pa.array(ids)).combine_chunks()
    copies = pl.DataFrame({"copy": np.arange(times, dtype=np.uint32)})
    pairs = known.pairs.join(copies, how="cross").select(
        pl.col("a") * times + pl.col("copy"), pl.col("b") * times + pl.col("copy"), "similarity"
    )
    crowds = known.crowds.join(copies, how="cross").select(
        pl.col("band") * times + pl.col("copy"), pl.col("content_id") * times + pl.col("copy")
    )
    compared, scores = comparisons.read(known)
    low, high = (np.add.outer(end * times, np.arange(times)).ravel() for end in np.divmod(compared, known.contents))
    contents = known.contents * times
    facts.put(
        place,
        pa.table(columns),
        pl.concat(names),
        contents,
        pairs,
        known.uncompared,
        crowds.sort("band", "content_id"),
        known.anchors,
    )
    comparisons.put(facts.read(place), low * contents + high, np.repeat(scores, times))


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
    parser.add_argument("--facts-times", type=int, nargs="*", default=[404], help="copies of facts alone (default: %(default)s)")
    asked = parser.parse_args()
    result = run(Settings.from_environment(), asked.times, asked.facts_times)
    print(result.to_markdown())
    PAGE.write_text(put(PAGE.read_text(), "Planning", result.to_markdown()))
    RESULT.write_text(json.dumps(result.to_json(), indent=2) + "\n")
