# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Stage 1: Software Heritage objects and content bytes, one step per source, so that a failing source leaves the others green."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from assets.listing import INPUT
from assets.metadata import table_metadata, verdicts
from assets.outcomes import Outcome, check_specs, fail, plain_errors, try_again_what_may_pass, work_through
from assets.partitions import BACKFILL, SLICES
from assets.specs import stage_spec, table_spec
from assets.stages import POOL, Event, close_stage
from codecommons.archive.checks import CHECKS
from codecommons.archive.source import Source, sources
from codecommons.lake import Lake
from codecommons.lake.schemas import TABLES
from codecommons.settings import Settings
from resources import EngineResource, LakeResource

STAGE = "raw_archive_slice"


def tables(source: Source) -> list[dg.AssetSpec]:
    """What a source writes, as assets."""
    return [table_spec(source.name, TABLES[name], STAGE, deps=[INPUT]) for name in source.tables]


def source_step(source: Source) -> dg.AssetsDefinition:
    """The step that brings one source's part of a slice in."""
    specs = tables(source)

    @dg.multi_asset(name=f"archive_{source.name}", specs=specs, backfill_policy=BACKFILL, pool=POOL)
    def step(
        context: dg.AssetExecutionContext, lake: LakeResource, engine: EngineResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        from codecommons.archive import ingest_slice

        with plain_errors(context):
            opened = lake.open()
            with engine.open() as workers:
                outcomes = work_through(context, opened, workers, STAGE, ingest_slice, only=source.name)
            try_again_what_may_pass(context, outcomes)
            for spec in specs:
                metadata = {**table_metadata(opened, spec.key.path[-1]), **verdicts(outcomes)}
                yield dg.MaterializeResult(asset_key=spec.key, metadata=metadata)
        fail(context, outcomes)

    return step


def closing_step(sources: Sequence[Source]) -> dg.AssetsDefinition:
    """The step that closes the stage: what the lake recorded for every source of each slice."""
    checks = check_specs(STAGE, CHECKS, SLICES)
    deps = [spec.key for source in sources for spec in tables(source)]
    closing = stage_spec(
        STAGE, "Everything a day brought, from every source, as Software Heritage objects with their bytes.", deps
    )

    @dg.multi_asset(name=STAGE, specs=[closing], check_specs=checks, backfill_policy=BACKFILL)
    def step(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[Event]:
        with plain_errors(context):
            opened = lake.open()
            yield from close_stage(context, opened, recorded(opened, context.partition_keys), [closing], checks)

    return step


def recorded(lake: Lake, days: Sequence[str]) -> list[Outcome]:
    """What the lake's log says of every source that has input for the days."""
    reports = {(report.slice, report.source): report for report in lake.reports() if report.stage == STAGE}
    return [
        Outcome(day, source, reports.get((day, source)), _problem(day, source, lake.log.verdict(day, source, STAGE)))
        for day in days
        for source in lake.log.sources(day)
    ]


def _problem(day: str, source: str, row: dict[str, Any] | None) -> str | None:
    if row is None:
        return f"{STAGE} of {source} ({day}): it has not run; run: codecommons ingest --day {day}"
    return None if row["verdict"] == "passed" else f"{STAGE} of {source} ({day}): {row['failing_check']}: {row['detail']}"


SOURCES = list(sources(Settings.from_environment()).values())
ASSETS = [*map(source_step, SOURCES), closing_step(SOURCES)]
