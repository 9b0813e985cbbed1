# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Puts the code location together. Assets, checks and resources are declared elsewhere; nothing is implemented here."""

from __future__ import annotations

from typing import Any

import dagster as dg

from assets import (
    deduped,
    enriched_context,
    expectation_checks,
    lake_state,
    license_qualified,
    listing,
    opt_out,
    raw_archive_slice,
    training_shards,
)
from assets.pages import with_pages
from codecommons.settings import Settings
from codecommons_dagster.alerts import alerts
from codecommons_dagster.history import history_job
from codecommons_dagster.jobs import STAGE_JOBS, marts_job
from codecommons_dagster.maintenance import compact_job, gc_job, repair_job, takedown_job
from codecommons_dagster.progress import progress
from codecommons_dagster.schedules import SCHEDULES, fresh_marts
from codecommons_dagster.sensors import SENSORS
from resources import EngineResource, LakeResource

STAGE_MODULES = (listing, raw_archive_slice, enriched_context, license_qualified, deduped, training_shards, opt_out, lake_state)

# In process, since a spawned step costs seconds; and a step starts when the outputs it needs are there even if the step that
# yielded them failed afterwards over other slices (see assets.outcomes).
EXECUTOR = dg.in_process_executor.configured({"step_dependency_config": {"require_upstream_step_success": False}})


def build_stages(**resources: Any) -> dg.Definitions:
    """Listing, the five stages and the opt-out ledger, without the marts: what the command line runs.

    Args:
        **resources: resources to use instead of ours, by name (``lake``, ``engine``).
    """
    return dg.Definitions(
        assets=with_pages([asset for module in STAGE_MODULES for asset in module.ASSETS], Settings.from_environment()),
        asset_checks=expectation_checks.CHECKS,
        resources={"lake": LakeResource(), "engine": EngineResource(), **resources},
        jobs=[*STAGE_JOBS, gc_job, compact_job, repair_job, takedown_job, history_job],
        schedules=SCHEDULES,
        sensors=[*SENSORS, alerts],
        executor=EXECUTOR,
        loggers={"progress": progress, "console": dg.colored_console_logger},
    )


def build_marts(**resources: Any) -> dg.Definitions:
    """The catalogue and dbt's marts; parses the dbt project first where set-up hasn't.

    Raises:
        CodeCommonsError: dbt can't parse the project, or DuckDB lacks an extension.
    """
    from assets.marts import build_marts as marts
    from codecommons_dagster.setup import prepare
    from resources.catalogue import catalogue
    from resources.dbt import DbtResource

    settings = Settings.from_environment()
    dbt = prepare(settings)
    assets = with_pages(marts(dbt.project, dbt.target), settings)
    return dg.Definitions(
        assets=assets,
        resources={"duckdb": catalogue(settings), "dbt": DbtResource.of(dbt.project, dbt.environment), **resources},
        jobs=[marts_job(assets)],
        schedules=[fresh_marts],
    )


def build_defs(**resources: Any) -> dg.Definitions:
    """The whole code location, fresh.

    Args:
        **resources: resources to use instead of ours, by name (``lake``, ``engine``, ``duckdb``, ``dbt``).
    """
    ours = {name: value for name, value in resources.items() if name in ("lake", "engine")}
    theirs = {name: value for name, value in resources.items() if name not in ours}
    return dg.Definitions.merge(build_stages(**ours), build_marts(**theirs))
