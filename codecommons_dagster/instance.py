# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The persistent Dagster instance under the lake's home, and runs in this process that it records, so that the UI shows them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg
import sqlalchemy.exc
import yaml
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from codecommons.errors import LakeError, UsageError
from codecommons.lake.storage import lake_errors
from codecommons.report import STAGES
from codecommons.settings import Settings
from codecommons_dagster.launcher import worker_tags
from codecommons_dagster.ui import LOCATION

_EVALUATED = dg.DagsterEventType.ASSET_CHECK_EVALUATION.value
# What `dg.execute_job` does not record: where the job is. The interface can't re-execute a run of which nobody has said that.
_REPOSITORY = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(LOCATION), SINGLETON_REPOSITORY_NAME)

# dagster.yaml. SQLite suits one user and two runs at a time; deploy/dagster.yaml has the same for more, on Postgres.
CONFIGURATION: dict[str, Any] = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    # A run waits until its pools are free, `engine` as often as the machine carries (`set_pools`). A backfill takes one place.
    "concurrency": {
        "pools": {"granularity": "run", "default_limit": 1},
        "runs": {"max_concurrent_runs": 2, "tag_concurrency_limits": [{"key": "dagster/backfill", "limit": 1}]},
    },
    "run_launcher": {"module": "codecommons_dagster.launcher", "class": "WatchfulRunLauncher"},
    "run_monitoring": {
        "enabled": True,
        "start_timeout_seconds": 600,
        "max_runtime_seconds": 21600,
        "poll_interval_seconds": 60,
        "free_slots_after_run_end_seconds": 300,
    },
    # Of runs whose process died; of those that failed in a step only where the step says that it may pass (assets.outcomes).
    "run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False},
    "freshness": {"enabled": True},
    "code_servers": {"local_startup_timeout": 180, "reload_timeout": 180},
    "retention": {
        "schedule": {"purge_after_days": 30},
        "sensor": {"purge_after_days": {"skipped": 7, "failure": 30, "success": 30}},
    },
}


@dataclass(frozen=True)
class Finished:
    """A run that has ended; true when it succeeded.

    Attributes:
        run_id: what the UI finds it by.
        failures: what the steps that failed said, in order; what several of them said, once.
        warnings: what checks said that did not pass and stop nothing, in order.
    """

    run_id: str
    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether the run succeeded."""
        return not self.failures


def instance(settings: Settings) -> dg.DagsterInstance:
    """The instance of these settings; made, and its ``dagster.yaml`` written, where there is none.

    Raises:
        LakeError: the folder can't be written.
    """
    configuration = settings.dagster_home / "dagster.yaml"
    if not configuration.is_file():
        with lake_errors(f"writing {configuration}"):
            settings.dagster_home.mkdir(parents=True, exist_ok=True)
            configuration.write_text(yaml.safe_dump(CONFIGURATION, sort_keys=False))
    return dg.DagsterInstance.from_config(str(settings.dagster_home))


def engines(settings: Settings, cores: int, memory: int) -> int:
    """How many runs with an engine a machine carries at a time.

    Args:
        settings: how many workers an engine has.
        cores: of the machine.
        memory: of the machine, in bytes; a worker takes up to 1 GB, and a run without any as much.
    """
    return max(1, min(cores // max(1, settings.workers), memory // ((settings.workers + 1) * 1_000_000_000)))


def set_pools(recorder: dg.DagsterInstance, settings: Settings) -> int:
    """Set the pool ``engine`` to what this machine carries, and return that."""
    from assets.stages import POOL

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = engines(settings, len(os.sched_getaffinity(0)), memory)
    recorder.event_log_storage.set_concurrency_slots(POOL, limit)
    return limit


@contextmanager
def _recording(settings: Settings) -> Iterator[None]:
    """Say in one line that the instance's database can't be opened or written."""
    try:
        yield
    except sqlalchemy.exc.OperationalError as error:
        said = str(error.orig)
        full = "full" in said or "I/O" in said
        advice = "free some room, then run the same command again; nothing committed is lost"
        if not full:
            advice = "make it writable, or choose another folder with CODECOMMONS_HOME"
        raise LakeError(f"the run can't be recorded in {settings.dagster_home} ({said}): {advice}") from error


def _stage_job(name: str) -> dg.JobDefinition:
    from codecommons_dagster.build import build_stages

    return build_stages().resolve_job_def(name)


def _marts_job(name: str) -> dg.JobDefinition:
    from codecommons_dagster.build import build_defs

    return build_defs().resolve_job_def(name)


def run_job(
    settings: Settings,
    job: str,
    partition: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> Finished:
    """Run a job in this process and record it.

    Args:
        settings: whose instance records the run.
        job: ``follow``, ``slice``, ``ingest`` (but ``slice`` where expectations shut a gate: only they open it), ``dataset``,
            ``opt_outs``, ``marts``, ``gc``, ``compact``, ``repair`` or ``takedown``.
        partition: the slice or the dataset; None for the last six.
        config: of the job's steps.

    Raises:
        UsageError: the partition doesn't exist, such as a day before the lake's first.
        LakeError: the run can't be recorded: the disk is full, or the folder can't be written.
    """
    from assets.expectation_checks import expectations_shut
    from assets.listing import INPUT
    from assets.partitions import DATASETS, SLICES
    from assets.tags import BY_HAND
    from codecommons.lake import Lake

    with _recording(settings), instance(settings) as recorder:
        if job == "dataset" and partition:
            recorder.add_dynamic_partitions(DATASETS.name or "", [partition])
        elif partition and not SLICES.has_partition_key(partition):
            first, last = SLICES.get_first_partition_key(), SLICES.get_last_partition_key()
            raise UsageError(f"{partition} is no slice of this lake: slices go from {first} to {last} (CODECOMMONS_FIRST_DAY)")
        if job == "ingest" and partition:
            # `codecommons ingest` has just added to it; else the interface warns that what the first stage needs is not there.
            recorder.report_runless_asset_event(dg.AssetMaterialization(INPUT, partition=partition))
        if job == "ingest" and partition and expectations_shut(Lake.open(settings), partition):
            job = "slice"
        definition = dg.build_reconstructable_job(__name__, "_marts_job" if job == "marts" else "_stage_job", (job,))
        level = "INFO" if sys.stderr.isatty() else "CRITICAL"
        run = recorder.create_run_for_job(
            definition.get_definition(),
            run_config={"loggers": {"progress": {"config": {"level": level}}}, **(config or {})},
            tags={BY_HAND: "true", **worker_tags(), **({"dagster/partition": partition} if partition else {})},
            remote_job_origin=RemoteJobOrigin(_REPOSITORY, job),
            job_code_origin=definition.get_python_origin(),
        )
        result = execute_run(definition, run, recorder, raise_on_error=False)
        failed = [event for event in result.all_events if event.is_step_failure]
        # What closes the first stage repeats what the steps of the sources have said.
        told = [event for event in failed if event.step_key != STAGES[0]] or failed
        checked = [one.asset_check_evaluation_data for one in result.all_events if one.event_type_value == _EVALUATED]
        warned = [one.description or "" for one in checked if not one.passed and one.severity == dg.AssetCheckSeverity.WARN]
        return Finished(result.run_id, tuple(dict.fromkeys(map(_failure, told))), tuple(warned))


def followed_in(recorder: dg.DagsterInstance, run_id: str) -> list[dict[str, Any]]:
    """What a run of ``follow`` came to: the fields of a ``FollowReport`` for each source and day."""
    found: list[dict[str, Any]] = []
    for record in recorder.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records:
        made = record.event_log_entry.asset_materialization
        if made is not None and "reports" in made.metadata:
            reports: Any = made.metadata["reports"].value
            found += reports
    return found


def run_follow(settings: Settings, day: str, names: Sequence[str]) -> tuple[Finished, list[dict[str, Any]]]:
    """Run job ``follow`` in this process and record it; the daemon leaves it to the caller to bring in what is new.

    Returns:
        The run, and what it came to (see ``followed_in``).
    """
    config = {"listing": {"config": {"names": list(names)}}}
    finished = run_job(settings, "follow", day, {"ops": config})
    with instance(settings) as recorder:
        return finished, followed_in(recorder, finished.run_id)


def run_upkeep(settings: Settings, job: str, config: Mapping[str, Any] | None = None) -> tuple[Finished, Any]:
    """Run a job of one op in this process and record it: ``compact``, ``repair`` or ``takedown``.

    Returns:
        The run, and what it came to, as JSON values: table -> files before and after, the fields of a ``Repaired``, or those of a
        ``Takedown`` each; empty where it failed.
    """
    finished = run_job(settings, job, None, config)
    told: Any = {}
    with instance(settings) as recorder:
        for record in recorder.get_records_for_run(finished.run_id, of_type=dg.DagsterEventType.STEP_OUTPUT).records:
            metadata: Any = record.event_log_entry.get_dagster_event().step_output_data.metadata
            told = next(iter(metadata.values())).value
    return finished, told


def _failure(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error and error.cause:
        error = error.cause
    return f"step {event.step_key}: {error.message.strip() if error else 'failed'}"
