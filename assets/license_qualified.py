# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Stage 3: one decision per file in its own tree, per policy."""

from collections.abc import Iterator

import dagster as dg

from assets.outcomes import check_specs
from assets.partitions import BACKFILL, SLICES
from assets.specs import stage_spec, table_spec
from assets.stages import POOL, Event, run_stage
from codecommons.lake.schemas import LICENSE_JUDGEMENT, LICENSE_RESOLUTION
from resources import EngineResource, LakeResource

STAGE = "license_qualified"
CHECKS = {
    "conservation": "Every file that came in has a verdict.",
    "one_decision_a_file": "Every file of every tree has exactly one decision under each policy.",
    "reason_and_evidence": "Every decision names its rule and its evidence.",
    "policy_honoured": "Every verdict is what its policy says of the expression.",
    "no_empty_success": "What was annotated has arrived here.",
}

_resolution = table_spec(STAGE, LICENSE_RESOLUTION, STAGE, deps=["enriched_context"])
_judgement = table_spec(STAGE, LICENSE_JUDGEMENT, STAGE, deps=[_resolution.key])
_specs = [
    _resolution,
    _judgement,
    stage_spec(
        STAGE,
        "Every file of the slice has a verdict under every policy, with the rule, the evidence, and what the licence asks for.",
        [_resolution.key, _judgement.key],
    ),
]
_checks = check_specs(STAGE, CHECKS, SLICES)


@dg.multi_asset(name=STAGE, specs=_specs, check_specs=_checks, backfill_policy=BACKFILL, pool=POOL)
def license_qualified(context: dg.AssetExecutionContext, lake: LakeResource, engine: EngineResource) -> Iterator[Event]:
    """Decide on every tree of the slice that has no decision under the current policies."""
    from codecommons.license import qualify_slice

    yield from run_stage(context, lake, engine, qualify_slice, _specs, _checks)


ASSETS = [license_qualified]
