# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Old runs are forgotten, but never the last word on a slice, nor what must be provable."""

import datetime as dt
from functools import partial
from pathlib import Path

import dagster as dg

from codecommons_dagster.history import forgettable, history_job

NOW = dt.datetime.now(dt.UTC)


def add_to(instance, job, outcome, day=None):
    """A run that has ended so, unless it is under way."""
    tags = {"dagster/partition": day} if day else {}
    run = instance.create_run_for_job(dg.JobDefinition(name=job, graph_def=history_job.graph), tags=tags)
    if outcome is not None:
        instance.report_dagster_event(dg.DagsterEvent(outcome.value, job, message=""), run.run_id)
    return run.run_id


def test_only_what_is_neither_recent_nor_the_last_word_can_go(dagster_instance):
    instance, add = dagster_instance, partial(add_to, dagster_instance)
    success, failure = dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE
    old = [add("slice", success, "2026-01-01"), add("slice", failure, "2026-01-01")]
    add("slice", success, "2026-01-01"), add("slice", failure, "2026-01-01")
    add("slice", success, "2026-01-02")
    add("takedown", success), add("takedown", success)
    add("gc", None), add("gc", success)
    looks = [add("watch", success) for _ in range(3)]

    def gone(days_later):
        return set(forgettable(instance, NOW + dt.timedelta(days=days_later), 90))

    assert gone(1) == set()
    assert gone(4) == set(looks[:-1])
    assert gone(100) == {*old, *looks[:-1]}


def test_the_job_removes_them_with_what_their_processes_printed(tmp_path, monkeypatch):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    monkeypatch.setenv("CODECOMMONS_KEEP_RUNS", "0")
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        first, last = (add_to(instance, "slice", dg.DagsterEventType.RUN_SUCCESS, "2026-01-01") for _ in range(2))
        printed = [Path(instance.storage_directory(), run, "compute_logs") for run in (first, last)]
        for folder in printed:
            folder.mkdir(parents=True)
            (folder / "step.out").write_text("said\n")
        assert history_job.execute_in_process(instance=instance).success
        assert instance.get_run_by_id(first) is None
        assert [folder.exists() for folder in printed] == [False, True]
        assert instance.get_runs_count() == 2
