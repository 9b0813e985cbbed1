# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A run that is run again says what became of itself, and a failure that may pass is found among any number of other runs."""

import datetime as dt

import dagster as dg
import pytest
from dagster._core.errors import DagsterInvariantViolationError
from dagster._core.execution.api import execute_run
from dagster._core.launcher import LaunchRunContext

from assets.outcomes import give_up
from assets.tags import FAILURE, LOGGED, PASSING, PERMANENT
from codecommons_dagster import sensors
from codecommons_dagster.build import build_stages
from codecommons_dagster.instance import CONFIGURATION
from codecommons_dagster.jobs import NO_RETRY

RETRY = "dagster/retry_on_asset_or_op_failure"


@dg.op
def fails(context: dg.OpExecutionContext) -> None:
    give_up(context, "a red check", passing=False, logged=False)


@dg.job(tags=NO_RETRY, executor_def=dg.in_process_executor)
def failing() -> None:
    fails()


@pytest.fixture(scope="module")
def jobs():
    return {job.name: job for job in build_stages().resolve_all_job_defs()}


@pytest.fixture
def instance(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path), {"run_launcher": CONFIGURATION["run_launcher"]}) as instance:
        yield instance


def launched_again(instance, job, tags):
    """As the daemon does with a run that has failed: another one, with all of its tags. No code server starts a process here."""
    first = instance.create_run_for_job(job, tags=tags)
    inherited = {**first.tags, "dagster/parent_run_id": first.run_id, "dagster/root_run_id": first.run_id}
    again = instance.create_run_for_job(job, tags=inherited, parent_run_id=first.run_id, root_run_id=first.run_id)
    with pytest.raises(DagsterInvariantViolationError, match="requires a workspace"):
        instance.run_launcher.launch_run(LaunchRunContext(dagster_run=again, workspace=None))
    return first.run_id, again.run_id


def test_a_run_that_is_run_again_forgets_what_the_tags_say_of_the_failure_before_it(instance):
    failed = {FAILURE: PASSING, LOGGED: "true", RETRY: "true", "mine": "stays"}
    first, again = (instance.get_run_by_id(one).tags for one in launched_again(instance, failing, failed))
    assert (first[FAILURE], first[LOGGED], first[RETRY]) == (PASSING, "true", "true"), "of itself it says what it said"
    assert (again[FAILURE], again[LOGGED], again[RETRY], again["mine"]) == ("none", "none", "false", "stays")
    sound = instance.get_run_by_id(launched_again(instance, failing, {"mine": "stays"})[1]).tags
    assert {FAILURE, LOGGED} & set(sound) == set(), "what nobody has said is not said now"


def test_what_fails_for_good_after_something_that_might_have_passed_is_not_tried_for_days(instance):
    _, again = launched_again(instance, failing, {FAILURE: PASSING, LOGGED: "true", RETRY: "true"})
    run = instance.get_run_by_id(again)
    assert not execute_run(dg.reconstructable(failing), run, instance).success
    tags = instance.get_run_by_id(again).tags
    assert (tags[FAILURE], tags[LOGGED], tags[RETRY]) == (PERMANENT, "false", "false")


def test_a_failure_that_may_pass_is_found_behind_any_number_of_looks_at_the_lake(dagster_instance, jobs, monkeypatch):
    monkeypatch.setattr(sensors, "_MOST_RUNS", 3)
    tags = {"dagster/partition": "2026-01-31", FAILURE: PASSING}
    dagster_instance.report_run_failed(dagster_instance.create_run_for_job(jobs["slice"], tags=tags))
    for _ in range(4):
        dagster_instance.create_run_for_job(jobs["watch"])

    class Later(dt.datetime):
        @classmethod
        def now(cls, zone=None):
            return super().now(zone) + dt.timedelta(hours=1.1)

    monkeypatch.setattr("codecommons_dagster.sensors.dt.datetime", Later)
    [asked] = sensors.failures_that_may_pass(dg.build_sensor_context(instance=dagster_instance))
    assert asked.partition_key == "2026-01-31"
