# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""When things run by themselves."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from codecommons.lake import Lake
from codecommons.listing import due, followed
from codecommons.listing.followed import NAME
from codecommons.settings import Settings
from codecommons_dagster.jobs import follow_job, slice_job


@dg.schedule(job=follow_job, cron_schedule="5 * * * *", execution_timezone="UTC", default_status=dg.DefaultScheduleStatus.RUNNING)
def followed_sources(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Every hour: what `sources.yaml` follows and is due. Listing is the run's work, as a tick has a minute at most."""
    settings = Settings.from_environment()
    if not followed(settings):
        return dg.SkipReason(f"Nothing is followed; {settings.home / NAME} says what is (see examples/{NAME}).")
    names = due(Lake.open(settings))
    if not names:
        return dg.SkipReason("Everything that is followed was listed lately, and nothing waits.")
    tick = context.scheduled_execution_time.astimezone(dt.UTC)
    return dg.RunRequest(
        run_key=tick.isoformat(),
        partition_key=tick.date().isoformat(),
        run_config={"ops": {"listing": {"config": {"names": names, "only_due": True}}}},
    )


@dg.schedule(job=slice_job, cron_schedule="30 0 * * *", execution_timezone="UTC", default_status=dg.DefaultScheduleStatus.RUNNING)
def newest_slice(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Just after midnight UTC: the day that has ended, if anything is recorded for it."""
    day = (context.scheduled_execution_time.astimezone(dt.UTC).date() - dt.timedelta(days=1)).isoformat()
    sources = Lake.open(Settings.from_environment()).log.sources(day)
    if not sources:
        return dg.SkipReason(f"No input is recorded for {day}; `codecommons ingest SOURCE… --day {day}` records some.")
    return dg.RunRequest(run_key=day, partition_key=day)
