# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Run monitoring finds runs whose process is gone, and leaves the others alone. The processes are real, and so is their end."""

import json
import logging
import socket
import subprocess
import sys
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from codecommons_dagster import launcher
from codecommons_dagster.history import history_job
from codecommons_dagster.instance import CONFIGURATION
from codecommons_dagster.launcher import WORKER, Process, started, worker_tags


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    """An instance as a home has it."""
    folder = tmp_path_factory.mktemp("dagster")
    overrides = {name: CONFIGURATION[name] for name in ("run_launcher", "run_monitoring", "run_retries")}
    with dg.DagsterInstance.local_temp(str(folder), overrides) as instance:
        yield instance


@pytest.fixture
def process():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def under_way(instance, tags, pid=None):
    run = instance.create_run_for_job(history_job, tags=tags)
    if pid is not None:
        instance.report_engine_event(f"Started process for run (pid: {pid}).", run, EngineEventData.in_process(pid))
    instance.report_dagster_event(DagsterEvent("PIPELINE_START", history_job.name, message=""), run.run_id)
    return run.run_id


def monitored(instance, run_id):
    """What became of a run when the daemon has looked at all that are under way."""
    context = SimpleNamespace(instance=instance, create_request_context=lambda: None)
    assert [error for error in execute_run_monitoring_iteration(context, logging.getLogger("test")) if error] == []
    return instance.get_run_by_id(run_id)


def test_a_run_of_a_command_that_was_killed_is_found_and_the_daemon_would_run_it_again(instance, process):
    there = Process(**{**vars(Process.this()), "pid": process.pid, "started": started(process.pid)})
    run_id = under_way(instance, {WORKER: str(there)})
    assert monitored(instance, run_id).status == dg.DagsterRunStatus.STARTED
    process.kill()
    process.wait()
    dead = monitored(instance, run_id)
    assert dead.status == dg.DagsterRunStatus.FAILURE
    assert dead.tags["dagster/will_retry"] == "true"
    [event] = [one for one in instance.all_logs(run_id) if one.get_dagster_event().is_job_failure]
    assert f"process {process.pid} of the command that ran it is gone" in event.message


def test_a_command_that_is_run_again_in_the_interface_is_not_looked_for_where_the_command_was(instance, process):
    gone = {**vars(Process.this()), "pid": 2**22 + 1}
    server = {GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": "/nonexistent"})}
    run_id = under_way(instance, {WORKER: str(Process(**gone)), **server}, process.pid)
    assert monitored(instance, run_id).status == dg.DagsterRunStatus.STARTED
    process.kill()
    process.wait()
    assert monitored(instance, run_id).status == dg.DagsterRunStatus.FAILURE


def test_a_run_of_a_code_server_that_died_with_it_is_found(instance, process):
    server = {GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": "/nonexistent"})}
    run_id = under_way(instance, server, process.pid)
    assert monitored(instance, run_id).status == dg.DagsterRunStatus.STARTED
    process.kill()
    process.wait()
    assert monitored(instance, run_id).status == dg.DagsterRunStatus.FAILURE


def test_the_number_of_a_process_that_is_another_one_by_now_does_not_count(instance):
    later = {**vars(Process.this()), "started": Process.this().started - 1}
    run_id = under_way(instance, {WORKER: str(Process(**later))})
    assert monitored(instance, run_id).status == dg.DagsterRunStatus.FAILURE
    rebooted = {**vars(Process.this()), "boot": "another"}
    assert not Process(**rebooted).alive()


def test_what_nobody_here_can_see_is_left_alone(instance):
    elsewhere = {**vars(Process.this()), "host": "another-machine", "pid": 1}
    run_id = under_way(instance, {WORKER: str(Process(**elsewhere))})
    assert monitored(instance, run_id).status == dg.DagsterRunStatus.STARTED
    instance.report_run_canceled(instance.get_run_by_id(run_id))


def test_a_code_server_elsewhere_that_stays_silent_is_taken_for_gone_after_a_while(instance, monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", 0))
        server = {GRPC_INFO_TAG: json.dumps({"host": "127.0.0.2", "port": probe.getsockname()[1]})}
    run_id = under_way(instance, server, 1)
    assert monitored(instance, run_id).status == dg.DagsterRunStatus.STARTED
    monkeypatch.setattr(launcher, "PATIENCE_SECONDS", 0)
    assert monitored(instance, run_id).status == dg.DagsterRunStatus.FAILURE


def test_this_process_is_recorded_so_that_it_is_found_again():
    assert Process.parse(worker_tags()[WORKER]) == Process.this()
    assert Process.this().alive()
    assert started(2**22 + 1) is None
