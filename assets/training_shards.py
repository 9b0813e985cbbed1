# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Stage 5: datasets. One partition is one specification; a materialisation is one release, or the proof that nothing changed."""

from collections.abc import Iterator
from functools import partial

import dagster as dg

from assets.outcomes import attempt, check_specs, plain_errors
from assets.partitions import DATASETS
from assets.specs import stage_spec, table_spec
from assets.stages import POOL, Event, close_stage
from codecommons.datasets import CHECKS
from codecommons.lake.schemas import DATASETS as TABLES
from resources import EngineResource, LakeResource

STAGE = "training_shards"

_deduped = dg.AssetDep("deduped", partition_mapping=dg.AllPartitionMapping())
_tables = [table_spec(STAGE, table, STAGE, deps=[_deduped], partitions=DATASETS) for table in TABLES]
_closing = stage_spec(
    STAGE,
    "A dataset's newest release: shards, manifest, fingerprint and documents.",
    [spec.key for spec in _tables],
    DATASETS,
    ("parquet",),
)
_specs = [*_tables, _closing]
_checks = check_specs(STAGE, CHECKS, DATASETS)


@dg.multi_asset(name=STAGE, specs=_specs, check_specs=_checks, backfill_policy=dg.BackfillPolicy.multi_run(), pool=POOL)
def training_shards(context: dg.AssetExecutionContext, lake: LakeResource, engine: EngineResource) -> Iterator[Event]:
    """Build each dataset of the run from its specification."""
    from codecommons.datasets import build

    with plain_errors(context):
        opened = lake.open()
        with engine.open() as workers:
            outcomes = [
                attempt(context, opened, STAGE, name, name, partial(build, opened, workers, name))
                for name in context.partition_keys
            ]
        yield from close_stage(context, opened, outcomes, _specs, _checks)


ASSETS = [training_shards]
