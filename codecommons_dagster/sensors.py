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

from assets.outcomes import BY_HAND
from assets.partitions import BACKFILL, DATASETS
from codecommons.datasets.specification import names, specification
from codecommons.errors import CodeCommonsError
from codecommons.listing import followed
from codecommons.listing.lister import listers
from codecommons.settings import Settings
from codecommons_dagster.instance import followed_in
from codecommons_dagster.jobs import dataset_job, follow_job, opt_out_job, slice_job


@dg.sensor(job=dataset_job, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
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


@dg.sensor(job=follow_job, minimum_interval_seconds=600, default_status=dg.DefaultSensorStatus.RUNNING)
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


@dg.sensor(job=opt_out_job, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def new_opt_outs(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Looks after opt-outs when a request lies in the inbox, the ledger has grown, or what was archived may hold a challenge."""
    from codecommons.lake import Lake
    from codecommons.optout import ledger
    from codecommons.optout.standing import OPEN

    settings = Settings.from_environment()
    try:
        there = ledger.waiting(settings)
        lake = Lake.open(settings)
        book = ledger.read(lake)
        unverified = any(one.state in OPEN and one.state != "verified" for one in book.standings.values())
        archived = sorted(map(str, lake.log.verdicts().rows())) if unverified else []
    except CodeCommonsError as error:
        return dg.SensorResult(cursor=context.cursor, skip_reason=str(error))
    files = [(str(path), path.lstat().st_mtime_ns) for path in there]
    state = hashlib.sha256(repr((files, book.head, archived)).encode()).hexdigest()[:16]
    if state == context.cursor or not (there or book.entries):
        return dg.SensorResult(cursor=state, skip_reason="Nobody has asked for anything new.")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=state)], cursor=state)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[follow_job],
    request_job=slice_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def slices_of_followed(context: dg.RunStatusSensorContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Brings in every slice that a run of `follow` has added to, neighbouring days in one run.

    `codecommons follow` does that itself.
    """
    run = context.dagster_run
    reports = followed_in(context.instance, run.run_id) if BY_HAND not in run.tags else []
    slices = {day for report in reports for day in report["taken"]}
    if not slices:
        yield dg.SkipReason("Nothing became input.")
    for first, last in neighbours(slices):
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        yield dg.RunRequest(
            f"{first}-{run.run_id}", partition_key=None if last > first else first, tags=tags if last > first else {}
        )


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
