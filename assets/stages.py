# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the steps of all stages have in common: do the work slice by slice, show it, hand over what passed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import dagster as dg

from assets.metadata import cost_metadata, reports_before, stage_metadata, table_metadata
from assets.outcomes import (
    Outcome,
    Work,
    by_partition,
    checks_of,
    evaluations,
    hand_over,
    plain_errors,
    try_again_what_may_pass,
    work_through,
)
from codecommons.lake import Lake
from codecommons.report import StageReport
from resources import EngineResource, LakeResource

# Steps that start an engine, which takes all cores that it may: as many runs have one at a time as the machine carries.
POOL = "engine"
More = Callable[[Lake, Sequence[StageReport]], dict[str, str]]
Event = dg.AssetCheckEvaluation | dg.MaterializeResult[None] | dg.Output[None]


def run_stage(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    engine: EngineResource,
    work: Work,
    specs: Sequence[dg.AssetSpec],
    checks: Sequence[dg.AssetCheckSpec],
    more: More = lambda _, __: {},
) -> Iterator[Event]:
    """Run a stage for every slice of the run in one step; the last of ``specs`` is the asset that closes it.

    ``more`` says what is shown of a partition beside what every stage shows: Markdown by label, from the lake and the reports.

    Raises:
        dg.Failure: something failed; what passed has been handed over before.
    """
    with plain_errors(context):
        opened = lake.open()
        stage = specs[-1].key.path[-1]
        with engine.open() as workers:
            outcomes = work_through(context, opened, workers, stage, work)
        yield from close_stage(context, opened, outcomes, specs, checks, more)


def close_stage(
    context: dg.AssetExecutionContext,
    lake: Lake,
    outcomes: Sequence[Outcome],
    specs: Sequence[dg.AssetSpec],
    checks: Sequence[dg.AssetCheckSpec],
    more: More = lambda _, __: {},
) -> Iterator[Event]:
    """Show what became of each slice on the closing asset, the last of ``specs``; the others are tables.

    Raises:
        dg.Failure: something failed; what passed has been handed over before.
    """
    *tables, closing = specs
    for partition, group in by_partition(outcomes).items():
        shown = {
            label: dg.MetadataValue.md(text) for label, text in more(lake, [one.report for one in group if one.report]).items()
        }
        costs = cost_metadata([one.report for one in group if one.report], lake.settings)
        metadata = {**stage_metadata(group, reports_before(lake, group)), **costs, **shown}
        context.add_asset_metadata(metadata, closing.key, partition_key=partition)
    try_again_what_may_pass(context, outcomes)
    results = [(outcome.partition, outcome.source, check) for outcome in outcomes for check in checks_of(outcome)]
    yield from evaluations(closing.key.path[-1], context.partition_keys, results, checks)
    materialized: list[dg.MaterializeResult[None]] = [
        dg.MaterializeResult(asset_key=spec.key, metadata=table_metadata(lake, spec.key.path[-1])) for spec in tables
    ]
    yield from hand_over(context, outcomes, [*materialized, dg.MaterializeResult(asset_key=closing.key)], checks)
