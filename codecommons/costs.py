# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What work costs: figures of a stage's report times the prices of the settings, and what days will take by what others took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.lake.schemas import SLICE_INPUT
from codecommons.report import STAGES, StageReport
from codecommons.settings import Settings

SLICE_STAGES = STAGES[:-1]


@dataclass(frozen=True)
class Cost:
    """What some work takes.

    Attributes:
        seconds: by the clock; ``cpu_seconds`` of all processes.
        stored_bytes: added to the lake, as packed in its files.
        cost: CPU hours at their price, in the money of ``CODECOMMONS_CORE_HOUR``.
        cost_a_month: what is stored, at its price for a month.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    stored_bytes: float = 0.0
    cost: float = 0.0
    cost_a_month: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Add every figure."""
        return Cost(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))

    def __mul__(self, times: float) -> Cost:
        """Multiply every figure."""
        return Cost(*(one * times for one in vars(self).values()))


@dataclass(frozen=True)
class Estimate:
    """What bringing in some days will take.

    Attributes:
        days: that have input; ``items`` what it is of those, ``open`` how many of them have not come through the last stage yet.
        stages: what each stage will take for the open ones.
        unknown: sources that no slice has brought anything of, so that nobody can say what an item of theirs takes.
        basis: how many items of earlier slices the figures go by.
    """

    days: int
    items: int
    open: int
    stages: dict[str, Cost]
    unknown: tuple[str, ...]
    basis: int

    @property
    def total(self) -> Cost:
        """All stages."""
        return sum(self.stages.values(), Cost())


def cost_of(report: StageReport, settings: Settings) -> Cost:
    """What a stage's run cost; one from before CPU time was measured counts a core for all of its seconds."""
    cpu = float(report.details.get("cpu_seconds", report.seconds))
    stored = float(report.details.get("stored_bytes", 0))
    return Cost(report.seconds, cpu, stored, cpu / 3600 * settings.core_hour, stored / 1e9 * settings.gigabyte_month)


def estimate(lake: Lake, first: str, last: str) -> Estimate:
    """What the recorded input from one day to another will take, by what an item of the same source took on other days.

    Work that other slices share is avoided in the lake and not foreseen here: it is rather less.

    Raises:
        UsageError: nothing is recorded for these days.
    """
    counts = lake.scan(SLICE_INPUT).group_by("slice", "source").agg(items=pl.len()).collect()
    items = {(day, source): count for day, source, count in counts.iter_rows()}
    asked = {key: count for key, count in items.items() if first <= key[0] <= last}
    if not asked:
        raise UsageError(f"nothing is recorded from {first} to {last}; `codecommons ingest SOURCE… --day DAY` records some")
    passed = lake.log.verdicts().filter((pl.col("stage") == SLICE_STAGES[-1]) & (pl.col("verdict") == "passed"))
    done = set(passed.select("slice", "source").iter_rows())
    todo = {key: count for key, count in asked.items() if key not in done}
    spent = _spent(lake, [key for key in items if key in done])
    known = {source: sum(items[key] for key in spent if key[1] == source) for source in {source for _, source in spent}}
    stages = {stage: Cost() for stage in SLICE_STAGES}
    for (_, source), count in todo.items():
        for stage in SLICE_STAGES if source in known else ():
            took = sum((costs[stage] for key, costs in spent.items() if key[1] == source), Cost())
            stages[stage] += took * (count / known[source])
    unknown = sorted({source for _, source in todo} - set(known))
    days = len({day for day, _ in asked})
    basis = sum(known[source] for source in {source for _, source in todo} & set(known))
    return Estimate(days, sum(asked.values()), sum(todo.values()), stages, tuple(unknown), basis)


def _spent(lake: Lake, done: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Cost]]:
    """What every stage of a slice and source took over all of its runs."""
    costs = {key: {stage: Cost() for stage in SLICE_STAGES} for key in done}
    for report in _runs(lake):
        key = (report.slice, report.source)
        if key in costs and report.stage in SLICE_STAGES:
            costs[key][report.stage] += cost_of(report, lake.settings)
    return costs


def _runs(lake: Lake) -> Iterable[StageReport]:
    return map(StageReport.from_row, lake.scan("stage_report").collect().iter_rows(named=True))
