# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""When things run by themselves."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from codecommons.errors import CodeCommonsError
from codecommons.lake import Lake
from codecommons.listing import due, followed
from codecommons.listing.followed import NAME
from codecommons.listing.lister import lister_names
from codecommons.settings import Settings
from codecommons_dagster.environments import schedule_status
from codecommons_dagster.history import history_job
from codecommons_dagster.jobs import follow_job, slice_job
from codecommons_dagster.maintenance import gc_job

# Minutes between the hourly schedules of two listers, so that not all of them start at once.
_APART = 4
_SAY_WHAT_MOVED = ("slice_log", "stage_report", "opt_out_ledger")


def follow_schedule(lister: str, minute: int) -> dg.ScheduleDefinition:
    """The schedule of one lister: a slow or broken one holds up no other, and can be switched off by itself."""

    @dg.schedule(
        name=f"follow_{lister}",
        job=follow_job,
        cron_schedule=f"{minute} * * * *",
        execution_timezone="UTC",
        default_status=schedule_status("follow"),
        description=f"Every hour: what `sources.yaml` follows by `{lister}` and is due.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Listing is the run's work, as a tick has a minute at most."""
        settings = Settings.from_environment()
        mine = {name for name, options in followed(settings).items() if options.lister == lister}
        if not mine:
            return dg.SkipReason(f"Nothing is followed by {lister}; {settings.home / NAME} says what is (see examples/{NAME}).")
        names = [name for name in due(Lake.open(settings)) if name in mine]
        if not names:
            return dg.SkipReason(f"Everything that is followed by {lister} was listed lately, and nothing waits.")
        tick = context.scheduled_execution_time.astimezone(dt.UTC)
        return dg.RunRequest(
            run_key=tick.isoformat(),
            partition_key=tick.date().isoformat(),
            run_config={"ops": {"listing": {"config": {"names": names, "only_due": True}}}},
        )

    return schedule


@dg.schedule(job=slice_job, cron_schedule="30 0 * * *", execution_timezone="UTC", default_status=schedule_status("newest_slice"))
def newest_slice(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Just after midnight UTC: the day that has ended, if anything is recorded for it."""
    day = (context.scheduled_execution_time.astimezone(dt.UTC).date() - dt.timedelta(days=1)).isoformat()
    try:
        if not Lake.open(Settings.from_environment()).log.sources(day):
            return dg.SkipReason(f"No input is recorded for {day}; `codecommons ingest SOURCE… --day {day}` records some.")
    except CodeCommonsError:
        pass  # a tick that fails is not tried again, and the day would be passed over; a run is, and says what was wrong
    return dg.RunRequest(run_key=day, partition_key=day)


@dg.schedule(job=history_job, cron_schedule="15 4 * * *", execution_timezone="UTC", default_status=schedule_status("old_runs"))
def old_runs(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Every night: forgets runs that nobody will look at any more."""
    return dg.RunRequest(run_key=context.scheduled_execution_time.astimezone(dt.UTC).date().isoformat())


@dg.schedule(job=gc_job, cron_schedule="45 1 * * 0", execution_timezone="UTC", default_status=schedule_status("garbage"))
def garbage(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Every Sunday: frees what killed runs left, and what others have replaced a day ago or earlier."""
    return dg.RunRequest(run_key=context.scheduled_execution_time.astimezone(dt.UTC).date().isoformat())


@dg.schedule(
    job_name="marts", cron_schedule="45 2 * * *", execution_timezone="UTC", default_status=schedule_status("fresh_marts")
)
def fresh_marts(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Every night, if the lake has moved since: what people query, and what stages cost."""
    try:
        lake = Lake.open(Settings.from_environment())
        # Whatever changes a mart is recorded in one of them; what has been made of the same versions is not made again.
        return dg.RunRequest(run_key="-".join(str(lake.delta(name).version()) for name in _SAY_WHAT_MOVED))
    except CodeCommonsError:  # the run will say so
        return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())


FOLLOW_SCHEDULES = [
    follow_schedule(name, 5 + _APART * number % 55) for number, name in enumerate(lister_names(Settings.from_environment()))
]
# `fresh_marts` is with the marts, whose job is known only once dbt's manifest has been read.
SCHEDULES = [*FOLLOW_SCHEDULES, newest_slice, old_runs, garbage]
