"""The jobs: what people and the command line launch. A job has one kind of partition, hence three steps to a whole demo."""

from __future__ import annotations

import dagster as dg

from assets.expectation_checks import CHECK_KEYS
from assets.outcomes import WITHOUT_EXPECTATIONS
from codecommons.report import STAGES

SLICE_STAGES = STAGES[:-1]
_slice_stages = dg.AssetSelection.groups(*SLICE_STAGES)

# A run that fails over its input fails again when it is run again; the daemon is told not to try.
_NO_RETRY = {"dagster/retry_on_asset_or_op_failure": "false"}

slice_job = dg.define_asset_job(
    "slice", _slice_stages, tags=_NO_RETRY, description="A day through the four slice stages, with every check between them."
)
ingest_job = dg.define_asset_job(
    "ingest",
    _slice_stages - dg.AssetSelection.checks(*CHECK_KEYS),
    tags=_NO_RETRY,
    description="As `slice`, with the stages' own checks but without Great Expectations: takes seconds. What `codecommons ingest` runs.",
)
dataset_job = dg.define_asset_job(
    "dataset",
    dg.AssetSelection.groups(STAGES[-1]),
    tags=_NO_RETRY,
    description="One dataset from its specification. What `codecommons dataset build` runs.",
)
marts_job = dg.define_asset_job(
    "marts", dg.AssetSelection.groups("marts"), tags=_NO_RETRY, description="The DuckDB catalogue and dbt's marts."
)

STAGE_JOBS = [slice_job, ingest_job, dataset_job]
MARTS_JOB = marts_job
