# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The jobs: what people and the command line launch. A job has one kind of partition, so a whole demo takes three."""

from __future__ import annotations

from typing import Any

import dagster as dg

from assets import deduped, enriched_context, lake_state, license_qualified, listing, opt_out, raw_archive_slice, training_shards
from assets.expectation_checks import CHECK_KEYS
from assets.tags import WITHOUT_EXPECTATIONS

# A run that fails over its input fails again when it is run again; the daemon is told not to try.
NO_RETRY = {"dagster/retry_on_asset_or_op_failure": "false"}

_slices = [asset for module in (raw_archive_slice, enriched_context, license_qualified, deduped) for asset in module.ASSETS]
_datasets = training_shards.ASSETS


def _with_own_checks(assets: list[dg.AssetsDefinition]) -> dg.AssetSelection:
    """Assets, and the checks that their own steps make."""
    keys = [key for asset in assets for key in asset.check_keys]
    return dg.AssetSelection.assets(*assets).without_checks() | dg.AssetSelection.checks(*keys)


def _with_expectations(assets: list[dg.AssetsDefinition]) -> dg.AssetSelection:
    closed = {key for asset in assets for key in asset.keys}
    return _with_own_checks(assets) | dg.AssetSelection.checks(*(key for key in CHECK_KEYS if key.asset_key in closed))


slice_job = dg.define_asset_job(
    "slice",
    _with_expectations(_slices),
    tags=NO_RETRY,
    description="A day through the four slice stages, with every check between.",
)
ingest_job = dg.define_asset_job(
    "ingest",
    _with_own_checks(_slices),
    tags={**NO_RETRY, WITHOUT_EXPECTATIONS: "true"},
    description="As `slice`, with the stages' own checks but without Great Expectations, in seconds: `codecommons ingest`.",
)
dataset_job = dg.define_asset_job(
    "dataset",
    _with_expectations(_datasets),
    tags=NO_RETRY,
    description="One dataset from its specification: `codecommons dataset build`.",
)
follow_job = dg.define_asset_job(
    "follow",
    _with_own_checks(listing.ASSETS),
    tags=NO_RETRY,
    description="What `sources.yaml` follows is listed, and what is new becomes input of its day: `codecommons follow`.",
)
opt_out_job = dg.define_asset_job(
    "opt_outs",
    _with_own_checks(opt_out.ASSETS),
    tags=NO_RETRY,
    description="Opt-out requests in the inbox are taken in, challenges looked for, and releases compared with the ledger.",
)
watch_job = dg.define_asset_job(
    "watch",
    _with_own_checks(lake_state.ASSETS),
    tags={**NO_RETRY, "dagster/priority": "10"},
    description="What is broken now: `codecommons status`, as checks that stand.",
)
STAGE_JOBS = [follow_job, slice_job, ingest_job, dataset_job, opt_out_job, watch_job]


def marts_job(assets: list[dg.AssetsDefinition]) -> Any:
    """The job over the marts, which are known only once dbt's manifest has been read."""
    description = "The DuckDB catalogue, dbt's marts and their tests."
    return dg.define_asset_job("marts", _with_own_checks(assets), tags=NO_RETRY, description=description)
