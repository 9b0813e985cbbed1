# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Stage 4: exact identity, and near-duplicate pairs that were verified."""

from collections.abc import Iterator, Sequence

import dagster as dg

from assets import drawing
from assets.outcomes import check_specs
from assets.partitions import BACKFILL, SLICES
from assets.specs import stage_spec, table_spec
from assets.stages import POOL, Event, run_stage
from codecommons.dedup.tables import TABLES
from codecommons.lake import Lake
from codecommons.report import StageReport
from resources import EngineResource, LakeResource

STAGE = "deduped"
CHECKS = {
    "conservation": "Every file is a content of its own or repeats one.",
    "every_text_compared": "Every text of the slice has a signature, and was compared.",
    "pairs_are_sound": "Every pair is there once, smaller identifier first, accepted exactly from the threshold on.",
    "no_empty_success": "What was decided on has arrived here.",
}

_tables = [table_spec(STAGE, table, STAGE, deps=["license_qualified"]) for table in TABLES]
_specs = [
    *_tables,
    stage_spec(
        STAGE,
        "Every text of the slice was compared with every text of the lake that shares a band with it.",
        [spec.key for spec in _tables],
    ),
]
_checks = check_specs(STAGE, CHECKS, SLICES)


@dg.multi_asset(name=STAGE, specs=_specs, check_specs=_checks, backfill_policy=BACKFILL, pool=POOL)
def deduped(context: dg.AssetExecutionContext, lake: LakeResource, engine: EngineResource) -> Iterator[Event]:
    """Compare what the slice brought with all that is there."""
    from codecommons.dedup import compare_slice

    yield from run_stage(context, lake, engine, compare_slice, _specs, _checks, _pictures)


def _pictures(lake: Lake, reports: Sequence[StageReport]) -> dict[str, str]:
    """How large clusters are, and what some pairs look like."""
    from codecommons.dedup.overview import differences

    sizes: dict[str, int] = {}
    for report in reports:
        for name, row in report.details.get("cluster_sizes", {}).items():
            sizes[name] = sizes.get(name, 0) + row["clusters"]
    examples = [one for report in reports for one in report.details.get("examples", [])]
    if not sizes:
        return {}
    # The details of a report come back with their keys in order of the alphabet, in which 10 is before 2.
    ordered = sorted(sizes.items(), key=lambda item: int(item[0].removeprefix("over ").split()[0].replace(",", "")))
    # Each source counts the clusters that its files are in.
    label = "clusters by size" if len(reports) == 1 else "clusters by size (one that spans sources counts for each)"
    pairs = {f"a pair, {at} of {len(examples)}": text for at, text in enumerate(differences(lake, examples), 1)}
    return {label: drawing.histogram(dict(ordered)), **pairs}


ASSETS = [deduped]
