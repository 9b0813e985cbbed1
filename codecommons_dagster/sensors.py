# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What runs when something appears."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator

import dagster as dg

from assets.outcomes import by_hand
from assets.partitions import BACKFILL, DATASETS
from assets.tags import FAILURE, PASSING
from codecommons.datasets.specification import names, specification
from codecommons.errors import CodeCommonsError
from codecommons.listing import followed
from codecommons.listing.lister import listers
from codecommons.report import STAGES
from codecommons.settings import Settings
from codecommons_dagster.environments import sensor_status
from codecommons_dagster.instance import followed_in
from codecommons_dagster.jobs import dataset_job, follow_job, ingest_job, opt_out_job, slice_job, watch_job

# A tag of runs of what failed before: how many were tried.
TRY = "codecommons/try"
MOST_TRIES = 7
# Days, and runs of a job, that are looked at for what may be tried again.
_LOOKS_BACK, _MOST_RUNS = 8, 500
_PARTITION = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@dg.sensor(job=dataset_job, minimum_interval_seconds=30, default_status=sensor_status("new_datasets"))
def new_datasets(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Turns each new or changed specification in the home's ``datasets`` folder into a partition and a run that builds it.

    A dataset that somebody built before the sensor first saw it is taken as it is. A file that can't be read is told about
    and tried again at the next tick.
    """
    settings = Settings.from_environment()
    seen: dict[str, str] = json.loads(context.cursor or "{}")
    built = set(context.instance.get_dynamic_partitions(DATASETS.name or ""))
    wanted, unreadable = [], []
    for name in names(settings):
        try:
            digest = specification(settings, name).digest
        except CodeCommonsError as error:
            unreadable.append(str(error))
            continue
        if seen.get(name, digest if name in built else None) != digest:
            wanted.append(dg.RunRequest(run_key=f"{name}-{digest}", partition_key=name))
        seen[name] = digest
    return dg.SensorResult(
        run_requests=wanted,
        dynamic_partitions_requests=[
            DATASETS.build_add_request([request.partition_key for request in wanted if request.partition_key])
        ],
        cursor=json.dumps(seen, sort_keys=True),
        skip_reason="; ".join(unreadable) or None if not wanted else None,
    )


@dg.sensor(job=follow_job, minimum_interval_seconds=600, default_status=sensor_status("new_exports"))
def new_exports(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Follows a source at once when something has appeared in it that only appears now and then, such as a new export.

    What can't be looked at is told about and looked at again at the next tick.
    """
    settings = Settings.from_environment()
    seen: dict[str, list[str]] = json.loads(context.cursor or "{}")
    entries = followed(settings)
    known = listers(settings) if entries else {}
    wanted, unreachable = [], []
    for name, options in entries.items():
        try:
            there = known[options.lister].appeared(options, settings)
        except CodeCommonsError as error:
            unreachable.append(f"{name}: {error}")
            continue
        new = sorted(set(there) - set(seen.get(name, ())))
        if new:
            config = {"ops": {"listing": {"config": {"names": [name]}}}}
            today = dt.datetime.now(dt.UTC).date().isoformat()
            wanted.append(dg.RunRequest(f"{name}-{new[-1]}", run_config=config, partition_key=today))
            seen[name] = sorted({*seen.get(name, ()), *new})
    return dg.SensorResult(
        run_requests=wanted,
        cursor=json.dumps({name: seen[name] for name in seen if name in entries}, sort_keys=True),
        skip_reason=None if wanted else "; ".join(unreachable) or "Nothing has appeared.",
    )


@dg.sensor(job=opt_out_job, minimum_interval_seconds=60, default_status=sensor_status("new_opt_outs"))
def new_opt_outs(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Looks after opt-outs when a request lies in the inbox, the ledger has grown, or what was archived may hold a challenge.

    Or a marker: code that opts itself out needs no request.
    """
    from codecommons.lake import Lake
    from codecommons.optout import ledger, markers
    from codecommons.optout.standing import OPEN

    settings = Settings.from_environment()
    asked_before, _, archived_before = (context.cursor or "").partition("-")
    try:
        there = ledger.waiting(settings)
        lake = Lake.open(settings)
        book = ledger.read(lake)
        asked = _digest([(str(path), path.lstat().st_mtime_ns) for path in there], book.head)
        archived = _digest(lake.log.verdicts().filter(stage=STAGES[0]).rows())
        unverified = any(one.state in OPEN and one.state != "verified" for one in book.standings.values())
        found = archived != archived_before and (unverified or markers.archived(lake))
    except (CodeCommonsError, FileNotFoundError) as error:  # a run takes the inbox in
        return dg.SensorResult(cursor=context.cursor, skip_reason=str(error))
    state = f"{asked}-{archived}"
    if not found and (asked == asked_before or not (there or book.entries)):
        return dg.SensorResult(cursor=state, skip_reason="Nobody has asked for anything new.")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=state)], cursor=state)


def _digest(*of: object) -> str:
    return hashlib.sha256(repr(of).encode()).hexdigest()[:16]


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[follow_job],
    request_job=slice_job,
    minimum_interval_seconds=30,
    default_status=sensor_status("slices_of_followed"),
)
def slices_of_followed(context: dg.RunStatusSensorContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Brings in every slice that a run of `follow` has added to, neighbouring days in one run.

    `codecommons follow` does that itself.
    """
    run = context.dagster_run
    reports = [] if by_hand(run) else followed_in(context.instance, run.run_id)
    slices = {day for report in reports for day in report["taken"]}
    if not slices:
        yield dg.SkipReason("Nothing became input.")
    for first, last in neighbours(slices):
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        yield dg.RunRequest(
            f"{first}-{run.run_id}", partition_key=None if last > first else first, tags=tags if last > first else {}
        )


@dg.sensor(job=watch_job, minimum_interval_seconds=60, default_status=sensor_status("lake_changed"))
def lake_changed(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Looks what is broken when the lake's log has moved, and every hour, as some things break by nobody's doing.

    One look at a time: what moves meanwhile is looked at after it.
    """
    from codecommons.lake import Lake

    try:
        lake = Lake.open(Settings.from_environment())
        versions = [str(lake.delta(name).version()) for name in ("slice_log", "slice_input", "cursor")]
    except CodeCommonsError as error:  # the run will say so, and alerts with it
        versions = [str(error)]
    state = hashlib.sha256(f"{versions} {dt.datetime.now(dt.UTC):%Y-%m-%d %H}".encode()).hexdigest()[:16]
    if state == context.cursor:
        return dg.SkipReason("Nothing has moved since the last look.")
    if context.instance.get_runs_count(dg.RunsFilter(job_name=watch_job.name, statuses=_UNDER_WAY)):
        return dg.SkipReason("A look is under way.")
    context.update_cursor(state)
    return dg.RunRequest(run_key=state)


@dg.sensor(jobs=[slice_job, dataset_job], minimum_interval_seconds=600, default_status=sensor_status("failures_that_may_pass"))
def failures_that_may_pass(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Runs a slice or dataset again whose failure may pass: after an hour, two, four … a day, seven times in all.

    Steps and the daemon have tried it before for some minutes. A failure over the input itself is never run again.
    """
    now = dt.datetime.now(dt.UTC)
    latest: set[tuple[str, ...]] = set()
    asked = 0
    since = now - dt.timedelta(days=_LOOKS_BACK)
    found: list[dg.RunRecord] = []
    for job in (slice_job, ingest_job, dataset_job):  # and not those of `watch`, of which a busy lake has a thousand a day
        wanted = dg.RunsFilter(job_name=job.name, created_after=since)
        found += context.instance.get_run_records(wanted, limit=_MOST_RUNS)
    for record in sorted(found, key=lambda one: one.storage_id, reverse=True):
        run = record.dagster_run
        partition = {tag: run.tags[tag] for tag in _PARTITION if tag in run.tags}
        about = ("slice" if run.job_name == "ingest" else run.job_name, *partition.values())
        if about in latest:
            continue
        latest.add(about)
        tries = int(run.tags.get(TRY, "0"))
        ended = dt.datetime.fromtimestamp(record.end_time or now.timestamp(), dt.UTC)
        due = run.is_failure and run.tags.get(FAILURE) == PASSING and now - ended >= _wait(tries)
        if due and tries < MOST_TRIES and run.job_name in (slice_job.name, dataset_job.name):
            asked += 1
            key = partition.pop("dagster/partition", None)
            yield dg.RunRequest(
                run.run_id,
                job_name=run.job_name,
                partition_key=key,
                run_config=run.run_config,
                tags={**partition, TRY: str(tries + 1)},
            )
    if not asked:
        yield dg.SkipReason("Nothing failed that may pass by now.")


def _wait(tries: int) -> dt.timedelta:
    return dt.timedelta(hours=min(24, 2**tries))


def neighbours(days: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Ranges of days that follow each other, none longer than a backfill's run."""
    most = dt.timedelta(days=BACKFILL.max_partitions_per_run or 1)
    first = last = None
    for day in sorted(map(dt.date.fromisoformat, days)):
        if first is not None and last is not None and (day - last > dt.timedelta(days=1) or day - first >= most):
            yield first.isoformat(), last.isoformat()
            first = None
        first, last = first or day, day
    if first is not None and last is not None:
        yield first.isoformat(), last.isoformat()


SENSORS = [new_datasets, new_exports, new_opt_outs, slices_of_followed, lake_changed, failures_that_may_pass]
