# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What Dagster knows to be broken, for ``codecommons.alerts`` to tell.

Three things say so: the checks of ``lake_state`` have the lake's own troubles, every other check its last verdict, and runs that
failed without leaving a word in the lake (their process died, a mart broke) speak for themselves. Stages' own checks are left
out, as the lake's log says the same with the command to run next.

One sensor polls all that with a cursor. Dagster's run failure sensors go on to the next run when their body raises: an alert that
could not be delivered would be lost.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import asdict
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEventType
from dagster._core.launcher import WorkerStatus

from assets.lake_state import BROKEN, NAME, TROUBLES
from assets.outcomes import by_hand
from assets.tags import LOGGED
from codecommons.alerts import ERROR, WARNING, Trouble, targets, tell, tidy
from codecommons.report import STAGES
from codecommons.settings import Settings
from codecommons_dagster.environments import sensor_status

# Of one tick: what is left comes with the next.
_MOST_EVENTS, _MOST_RUNS = 2000, 200
# Whether a run is run again by itself is written a moment after it has failed.
SETTLES = dt.timedelta(seconds=5)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
# What to run again after a run of a job has failed.
_NEXT = {
    "slice": "codecommons ingest --day {slice}",
    "dataset": "codecommons dataset build {slice}",
    "follow": "codecommons follow",
    "gc": "codecommons gc",
    "takedown": "codecommons opt-out takedown",
    "watch": "codecommons status",
}
_COMMAND = re.compile(r"(?:Next: |next: |run: |`)(codecommons [^`;\n]+)")


@dg.sensor(minimum_interval_seconds=60, default_status=sensor_status("alerts"))
def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Tells what is broken, once, and when it is green again, where `CODECOMMONS_ALERT_…` says; what can't be delivered waits."""
    settings = Settings.from_environment()
    places, wrong = targets(settings)
    if not places:
        why = "; ".join(wrong) or "no CODECOMMONS_ALERT_… is set"
        return dg.SensorResult(cursor=context.cursor, skip_reason=f"Nobody is to be told: {why}.")
    state: dict[str, Any] = json.loads(context.cursor or "{}")
    red = {key: Trouble(**one) for key, one in state.get("red", {}).items()}
    checks = _look_at_checks(context.instance, state.get("checks"), red, settings)
    runs = _look_at_runs(context.instance, state.get("runs"), red, settings)
    told, problems = tell(settings, red, state.get("told", {}), places)
    after = {"checks": checks, "runs": runs, "red": {key: asdict(one) for key, one in red.items()}, "told": told}
    said = "; ".join([*wrong, *problems]) or f"{len(red)} broken; everybody is told."
    return dg.SensorResult(cursor=json.dumps(after, sort_keys=True), skip_reason=said)


def _look_at_checks(instance: dg.DagsterInstance, after: int | None, red: dict[str, Trouble], settings: Settings) -> int | None:
    """Bring what is red up to date with the verdicts since the last look; returns where to go on."""
    wanted = dg.EventRecordsFilter(DagsterEventType.ASSET_CHECK_EVALUATION, after_cursor=after)
    for record in instance.event_log_storage.get_event_records(wanted, limit=_MOST_EVENTS, ascending=True):
        after = record.storage_id
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        said = event.asset_check_evaluation_data
        asset, severe = said.asset_key.to_user_string(), said.severity == dg.AssetCheckSeverity.ERROR
        if asset == NAME:
            if said.check_name == BROKEN:
                _replace(red, said.metadata[TROUBLES].value, settings)
            continue
        # The last verdict counts, of whichever day: nobody looks again at a day that is over.
        key = f"check/{asset}/{said.check_name}"
        red.pop(key, None)
        if not said.passed and not (asset in STAGES and severe):
            cause = said.description or f"check {said.check_name} failed"
            advice = _COMMAND.search(cause)
            red[key] = tidy(
                Trouble(
                    key,
                    ERROR if severe else WARNING,
                    said.partition or "",
                    asset,
                    "",
                    f"{said.check_name}: {cause}",
                    advice[1] if advice else f"see the checks of {asset}, put that right, and materialize it again",
                    _link(settings, f"assets/{asset}?view=checks&checkDetail={said.check_name}"),
                )
            )
    return after


def _replace(red: dict[str, Trouble], found: Any, settings: Settings) -> None:
    """The lake's troubles are these now, and no others."""
    for key in [key for key in red if key.startswith("lake/")]:
        del red[key]
    for one in found:
        trouble = Trouble(**one)
        red[trouble.key] = tidy(
            Trouble(**{**one, "link": _link(settings, f"assets/{trouble.stage if trouble.stage in STAGES else NAME}")})
        )


def _look_at_runs(instance: dg.DagsterInstance, after: float | None, red: dict[str, Trouble], settings: Settings) -> float | None:
    """The same with runs that have ended; one that is run again by itself is not the last word."""
    now = dt.datetime.now(dt.UTC)
    # A second is looked at again, since many runs may have ended in it; the order is the same, and so is what comes out.
    since = now - dt.timedelta(days=1) if after is None else dt.datetime.fromtimestamp(after - 1, dt.UTC)
    wanted = dg.RunsFilter(statuses=_ENDED, updated_after=since)
    for record in instance.get_run_records(wanted, limit=_MOST_RUNS, order_by="update_timestamp", ascending=True):
        if now - record.update_timestamp < SETTLES:
            break
        after = record.update_timestamp.timestamp()
        run = record.dagster_run
        key = _key(run)
        again = run.tags.get("dagster/will_retry") == "true" and run.remote_job_origin is not None
        if again:
            continue
        red.pop(key, None)
        if run.is_failure and not by_hand(run) and run.tags.get(LOGGED) != "true":
            red[key] = _trouble(run, _cause(instance, run), settings)
    return after


def broken_runs(instance: dg.DagsterInstance, settings: Settings) -> list[Trouble]:
    """What `codecommons status --runs` adds: runs that failed without a word in the lake, or died with no daemon to notice it."""
    red: dict[str, Trouble] = {}
    before: float | None = None
    after: float | None = 0.0
    while after is not None and after != before:
        before, after = after, _look_at_runs(instance, after, red, settings)
    launcher = instance.run_launcher
    if launcher.supports_check_run_worker_health:
        for record in instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
            run = record.dagster_run
            health = launcher.check_run_worker_health(run)
            later = instance.get_run_records(dg.RunsFilter(created_after=record.create_timestamp))
            if health.status == WorkerStatus.NOT_FOUND and _key(run) not in {_key(one.dagster_run) for one in later}:
                red[_key(run)] = _trouble(run, health.msg or "its process is gone", settings)
    return list(red.values())


def _about(run: dg.DagsterRun) -> str:
    """The slice, the days or the dataset of a run."""
    first, last = (run.tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
    return run.tags.get("dagster/partition") or (f"{first} to {last}" if first else "")


def _key(run: dg.DagsterRun) -> str:
    return f"run/{_job(run)}/{_about(run)}"


def _job(run: dg.DagsterRun) -> str:
    """Its job; `ingest` is `slice` without expectations."""
    return "slice" if run.job_name == "ingest" else run.job_name


def _trouble(run: dg.DagsterRun, cause: str, settings: Settings) -> Trouble:
    about = _about(run)
    command = _NEXT.get(_job(run), "") if "to" not in about.split() else ""
    said = _COMMAND.search(cause)
    return tidy(
        Trouble(
            _key(run),
            ERROR,
            about,
            f"run of {run.job_name}",
            "",
            cause,
            (said[1] if said else command.format(slice=about))
            or f"re-execute run {run.run_id[:8]} from failure in the web interface",
            _link(settings, f"runs/{run.run_id}"),
        )
    )


def _cause(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """What the steps that failed said; of a run without such a step, what ended it."""
    kinds = {DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE}
    said: dict[str, list[str]] = {"step": [], "run": []}
    for entry in instance.all_logs(run.run_id, of_type=kinds):
        event = entry.dagster_event
        if event is not None and event.is_step_failure:
            data = event.step_failure_data
            told = data.user_failure_data.description if data.user_failure_data else None
            error = data.error
            while error and error.cause:
                error = error.cause
            said["step"].append(told or f"{event.step_key}: {error.message if error else event.message}")
        elif event is not None:
            said["run"].append(event.message or "it failed")
    return "; ".join(dict.fromkeys(said["step"] or said["run"])) or "its process ended without a word"


def _link(settings: Settings, path: str) -> str:
    """A page of the web interface; empty where nobody has said where that is."""
    home = dict(settings.alert_options).get("CODECOMMONS_UI", "").rstrip("/")
    return f"{home}/{path}" if home else ""
