# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The main job on a small real repository: recorded Dagster runs through all five stages."""

import datetime as dt
import subprocess

import dagster as dg
import pyarrow as pa
import pytest

from codecommons import archive
from codecommons.engine import local_engine
from codecommons.lake import Lake
from codecommons.report import STAGES
from codecommons.settings import Settings
from codecommons_dagster.instance import instance, run_job

DAY = dt.datetime.now(dt.UTC).date().isoformat()
MIT = """MIT License

Copyright (c) 2026 A

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without
limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the
Software, and to permit persons to whom the Software is furnished to do so, subject to the following
conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions
of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED
TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL
THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
DEALINGS IN THE SOFTWARE.
"""


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "LICENSE").write_text(MIT)
    (folder / "area.py").write_text("def area(width, height):\n    return width * height\n")
    (folder / "copy.py").write_text("def area(width, height):\n    return width * height\n")
    sums = [f"total += width_{number} * height_{number}\n" for number in range(40)]
    (folder / "sums.py").write_text("".join(sums))
    (folder / "sums_too.py").write_text("".join([*sums, "print(total)\n"]))
    git = ["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "One"]):
        subprocess.run([*git, *command], check=True)
    return folder


@pytest.fixture
def lake(tmp_path, monkeypatch, repository):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CODECOMMONS_WORKERS", "0")
    lake = Lake.open(Settings.from_environment())
    archive.add_inputs(lake, [f"git:{repository}"], DAY)
    folder = lake.settings.home / "datasets"
    folder.mkdir()
    (folder / "python.yaml").write_text("languages: [Python]\n")
    return lake


def metadata_of(settings, finished, asset):
    [made] = [
        event.step_materialization_data.materialization
        for event in events(settings, finished, dg.DagsterEventType.ASSET_MATERIALIZATION)
        if event.asset_key.path == [asset]
    ]
    return made.metadata


def events(settings, finished, kind):
    with instance(settings) as recorder:
        return [
            record.event_log_entry.dagster_event for record in recorder.get_records_for_run(finished.run_id, of_type=kind).records
        ]


def test_a_repository_goes_through_all_five_stages_in_recorded_runs_and_a_second_time_nothing_is_computed(lake):
    settings = lake.settings
    slice_run = run_job(settings, "slice", DAY)
    assert slice_run, slice_run.failures
    dataset_run = run_job(settings, "dataset", "python")
    assert dataset_run, dataset_run.failures
    opt_out_run = run_job(settings, "opt_outs")
    assert opt_out_run, opt_out_run.failures

    reports = {report.stage: report for report in lake.reports()}
    assert set(reports) == set(STAGES)
    assert reports["raw_archive_slice"].rows_kept == 5
    assert reports["deduped"].rows_kept == 4
    assert reports["training_shards"].rows_kept == 2
    pictures = metadata_of(settings, slice_run, "deduped")
    assert pictures["clusters by size"].value.startswith("![histogram](data:image/svg")
    assert "+print(total)" in pictures["a pair, 1 of 1"].value

    evaluated = [
        event.asset_check_evaluation_data for run in (slice_run, dataset_run, opt_out_run) for event in checks(settings, run)
    ]
    assert all(check.passed for check in evaluated)
    emitted = {(check.asset_key.to_user_string(), check.check_name) for check in evaluated}
    # Listing and the state of the lake are jobs of their own.
    declared = {
        (check.asset_key.to_user_string(), check.name)
        for check in declared_checks()
        if check.asset_key.path[0] not in ("listing", "lake_state")
    }
    assert emitted == declared
    for report in reports.values():
        assert {(report.stage, check.name) for check in report.checks} <= declared

    # A second time nothing is computed, and no table changes but the one that counts runs.
    before = {name: lake.delta(name).version() for name in lake.tables() if name != "stage_report"}
    assert run_job(settings, "ingest", DAY)
    assert run_job(settings, "dataset", "python")
    assert {report.stage: report.computed for report in lake.reports()} == dict.fromkeys(STAGES, 0)
    assert {name: lake.delta(name).version() for name in lake.tables() if name != "stage_report"} == before


def test_a_broken_expectation_shuts_the_gate_in_this_run_and_in_every_other(lake, decision_rows):
    assert run_job(lake.settings, "ingest", DAY)
    root = archive.slice_roots(lake, DAY, "git")["root"][0]
    with lake.staging("test") as area:
        writer = area.writer("one")
        for table, row in decision_rows("wishful@000000000000", root, b"area.py", b"", rule="hope/hope").items():
            writer.add(table, pa.Table.from_pylist([row], schema=pa.schema(lake.tables()[table].fields)))
        lake.commit(area, [writer.close()], local_engine(lake.settings))

    run = run_job(lake.settings, "slice", DAY)
    assert len(run.failures) == 1
    assert "decisions_have_reasons" in run.failures[0]
    assert "column=unproved" in run.failures[0]
    assert lake.log.verdict(DAY, "git", "license_qualified")["failing_check"] == "decisions_have_reasons"
    assert not {event.step_key for event in events(lake.settings, run, dg.DagsterEventType.STEP_START)} & {"deduped"}

    assert f"then run: codecommons ingest --day {DAY}" in run.failures[0]

    # A run without expectations, from wherever, doesn't open the gate; `codecommons ingest` makes a run with them.
    quick = dg.build_reconstructable_job("codecommons_dagster.instance", "_stage_job", ("ingest",))
    done = dg.execute_job(quick, dg.DagsterInstance.ephemeral(), tags={"dagster/partition": DAY}, raise_on_error=False)
    assert {event.step_key for event in done.all_events if event.is_step_failure} == {"license_qualified"}
    assert lake.log.verdict(DAY, "git", "license_qualified")["verdict"] == "failed"
    again = run_job(lake.settings, "ingest", DAY)
    assert "decisions_have_reasons" in again.failures[0]
    assert "license_qualified_expectations" in {
        event.step_key for event in events(lake.settings, again, dg.DagsterEventType.STEP_START)
    }


def checks(settings, finished):
    return events(settings, finished, dg.DagsterEventType.ASSET_CHECK_EVALUATION)


def declared_checks():
    from codecommons_dagster.build import build_stages

    return build_stages().resolve_asset_graph().asset_check_keys
