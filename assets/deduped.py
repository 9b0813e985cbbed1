# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Stage 4: exact identity, and near-duplicate pairs that were verified."""

from collections.abc import Iterator

import dagster as dg

from assets.outcomes import check_specs
from assets.partitions import BACKFILL, SLICES
from assets.specs import stage_spec, table_spec
from assets.stages import Event, run_stage
from codecommons.dedup.tables import TABLES
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


@dg.multi_asset(name=STAGE, specs=_specs, check_specs=_checks, backfill_policy=BACKFILL)
def deduped(context: dg.AssetExecutionContext, lake: LakeResource, engine: EngineResource) -> Iterator[Event]:
    """Compare what the slice brought with all that is there."""
    from codecommons.dedup import compare_slice

    yield from run_stage(context, lake, engine, compare_slice, _specs, _checks)


ASSETS = [deduped]
