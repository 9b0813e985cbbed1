# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Stage 2: what annotators say, once per content or path and for ever."""

from collections.abc import Iterator

import dagster as dg

from assets.outcomes import check_specs
from assets.partitions import BACKFILL, SLICES
from assets.specs import stage_spec, table_spec
from assets.stages import POOL, Event, run_stage
from codecommons.annotate import current
from codecommons.annotate.feed import readers
from codecommons.lake.schemas import TABLES, VULNERABILITIES
from codecommons.settings import Settings
from resources import EngineResource, LakeResource

STAGE = "enriched_context"
CHECKS = {
    "conservation": "Every file that came in was annotated or left out for a stated reason.",
    "everything_annotated": "Every annotator has a row for every input of the slice.",
    "no_empty_success": "What the archive kept has arrived here.",
}

_annotators = current(Settings.from_environment())
_tables = [table_spec(STAGE, one.table, STAGE, deps=["raw_archive_slice"], version=one.digest) for one in _annotators.values()]
_tables += [
    table_spec(STAGE, TABLES[name], STAGE, deps=["raw_archive_slice"], version=str(reader.version))
    for reader in readers(Settings.from_environment()).values()
    for name in reader.tables
]
_tables += [table_spec(STAGE, table, STAGE, deps=["raw_archive_slice"]) for table in VULNERABILITIES if table.scope == "content"]
_closing = stage_spec(
    STAGE, "Every file of the slice has its annotations, computed once per content.", [spec.key for spec in _tables]
)
_specs = [*_tables, _closing]
_checks = check_specs(STAGE, CHECKS, SLICES)


@dg.multi_asset(name=STAGE, specs=_specs, check_specs=_checks, backfill_policy=BACKFILL, pool=POOL)
def enriched_context(context: dg.AssetExecutionContext, lake: LakeResource, engine: EngineResource) -> Iterator[Event]:
    """One output per annotator and per table of feeds, and the stage itself."""
    from codecommons.annotate import annotate_slice

    yield from run_stage(context, lake, engine, annotate_slice, _specs, _checks)


ASSETS = [enriched_context]
