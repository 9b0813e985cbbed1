# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How long runs are remembered: Dagster forgets ticks by itself (``retention`` in ``dagster.yaml``), but never a run.

What the interface shows of a partition is an event of the run that made it, and goes with it: the newest run of a job and
partition therefore stays, and the newest that succeeded.
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from codecommons.settings import Settings

# Days for which runs of what happens every hour are of any interest.
DAYS = {"watch": 3, "follow": 14}
# What must be provable for ever.
FOREVER = frozenset({"takedown"})
_AT_ONCE = 500
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_PARTITION = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def forgettable(instance: dg.DagsterInstance, now: dt.datetime, days: int) -> Iterator[str]:
    """Identifiers of runs that nobody will look at any more.

    Args:
        instance: whose runs.
        now: the time, UTC.
        days: how long runs are remembered, unless ``DAYS`` says less of their job.
    """
    newest: set[tuple[object, ...]] = set()
    for record in _ended(instance):
        run = record.dagster_run
        about = (run.job_name, *(run.tags.get(tag) for tag in _PARTITION))
        keys = {about} | ({(*about, "succeeded")} if run.is_success else set())
        kept = days if run.job_name not in DAYS else min(days, DAYS[run.job_name])
        old = now - record.create_timestamp.astimezone(dt.UTC) > dt.timedelta(days=kept)
        if old and keys <= newest and run.job_name not in FOREVER:
            yield run.run_id
        newest |= keys


def _ended(instance: dg.DagsterInstance) -> Iterator[dg.RunRecord]:
    """Runs that have ended, the newest first."""
    cursor = None
    while records := instance.get_run_records(dg.RunsFilter(statuses=_ENDED), limit=_AT_ONCE, cursor=cursor):
        yield from records
        cursor = records[-1].dagster_run.run_id


@dg.op(description="Removes the history of runs that are neither recent nor the last word on anything.")
def forget_old_runs(context: dg.OpExecutionContext) -> None:
    """Forget runs, with what their processes printed."""
    days = Settings.from_environment().keep_runs
    gone = list(forgettable(context.instance, dt.datetime.now(dt.UTC), days))
    for run_id in gone:
        context.instance.compute_log_manager.delete_logs(prefix=[run_id])
        context.instance.delete_run(run_id)
    context.log.info("%d runs were forgotten; those of the last %d days are kept", len(gone), days)
    context.add_output_metadata({"forgotten": len(gone)})


@dg.job(
    name="history",
    description="Forgets old runs (`CODECOMMONS_KEEP_RUNS` days), but the last word on every slice.",
    tags={"dagster/max_retries": "0"},
)
def history_job() -> None:
    """One step."""
    forget_old_runs()
