# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Recording a run takes one engine a database, and statements that were compiled once."""

import dagster as dg

from codecommons_dagster import sqlite
from codecommons_dagster.history import history_job
from codecommons_dagster.instance import instance


def test_dagsters_own_storages_use_one_engine_a_database_and_what_they_record_is_there(settings):
    before = sqlite._kept.cache_info()
    with instance(settings) as recorder:
        done = history_job.execute_in_process(instance=recorder)
    now = sqlite._kept.cache_info()
    databases = list(settings.dagster_home.rglob("*.db"))
    assert now.misses - before.misses <= len(databases)
    assert now.hits - before.hits > 10 * len(databases), "looks into databases go through it"
    with instance(settings) as recorder:
        assert recorder.get_run_by_id(done.run_id).status == dg.DagsterRunStatus.SUCCESS
        assert [one for one in recorder.all_logs(done.run_id) if one.is_dagster_event and one.dagster_event.is_job_success]


def test_databases_of_one_name_in_other_homes_and_other_options_have_engines_of_their_own(tmp_path):
    urls = [f"sqlite:///{tmp_path / name / 'runs.db'}" for name in ("one", "other")]
    made = [sqlite._engine(url, connect_args={"timeout": seconds}) for url in urls for seconds in (1, 2)]
    assert len({id(engine) for engine in made}) == 4
    assert sqlite._engine(urls[0], connect_args={"timeout": 1}) is made[0]
