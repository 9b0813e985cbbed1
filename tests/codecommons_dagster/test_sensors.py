# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A new specification becomes a partition and a run, a new export is followed, and what was followed is brought in."""

import datetime as dt
import json

import dagster as dg
import pytest

from assets import opt_out
from assets.tags import BY_HAND, FAILURE
from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine import local_engine
from codecommons.lake import Lake, SliceInput
from codecommons.settings import Settings
from codecommons_dagster.build import build_stages
from codecommons_dagster.sensors import (
    MOST_TRIES,
    TRY,
    failures_that_may_pass,
    lake_changed,
    neighbours,
    new_datasets,
    new_exports,
    new_opt_outs,
    slices_of_followed,
)
from resources import LakeResource


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    folder = tmp_path / "datasets"
    folder.mkdir()
    return folder


def tick(instance, cursor=None):
    result = new_datasets(dg.build_sensor_context(instance=instance, cursor=cursor))
    for request in result.dynamic_partitions_requests:
        instance.add_dynamic_partitions("dataset", request.partition_keys)
    return result


def test_a_new_specification_becomes_a_partition_and_a_run(folder, dagster_instance):
    (folder / "verilog.yaml").write_text("languages: [Verilog]\n")
    result = tick(dagster_instance)
    assert [request.partition_key for request in result.run_requests] == ["verilog"]
    assert dagster_instance.get_dynamic_partitions("dataset") == ["verilog"]


def test_a_specification_is_built_once_and_again_when_it_says_something_else(folder, dagster_instance):
    (folder / "verilog.yaml").write_text("languages: [Verilog]\n")
    first = tick(dagster_instance)
    (folder / "verilog.yaml").write_text("# the same\nlanguages: [Verilog]\n")
    second = tick(dagster_instance, first.cursor)
    assert second.run_requests == []
    (folder / "verilog.yaml").write_text("languages: [Verilog, SystemVerilog]\n")
    third = tick(dagster_instance, second.cursor)
    assert [request.partition_key for request in third.run_requests] == ["verilog"]
    assert third.run_requests[0].run_key != first.run_requests[0].run_key


def test_a_dataset_that_was_built_by_hand_is_taken_as_it_is(folder, dagster_instance):
    (folder / "mine.yaml").write_text("languages: [C]\n")
    dagster_instance.add_dynamic_partitions("dataset", ["mine"])
    result = tick(dagster_instance)
    assert result.run_requests == []
    assert "mine" in json.loads(result.cursor)


def test_a_specification_that_can_not_be_read_is_told_about_and_holds_no_other_back(folder, dagster_instance):
    (folder / "bad.yaml").write_text("langauges: [C]\n")
    result = tick(dagster_instance)
    assert result.run_requests == []
    assert "langauges" in result.skip_reason.skip_message
    (folder / "good.yaml").write_text("languages: [C]\n")
    assert [request.partition_key for request in tick(dagster_instance).run_requests] == ["good"]


def look(cursor=None):
    return new_exports(dg.build_sensor_context(cursor=cursor))


def names_of(result):
    return [request.run_config["ops"]["listing"]["config"]["names"] for request in result.run_requests]


def test_a_new_export_is_followed_once(tmp_path, monkeypatch):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    assert look().skip_reason.skip_message == "Nothing has appeared."
    root = tmp_path / "exports"
    (root / "2026-01-10").mkdir(parents=True)
    (tmp_path / "list").write_text("")
    (tmp_path / "sources.yaml").write_text(
        f"exports: {{lister: swh, root: {root}}}\ngone: {{lister: swh, root: {tmp_path / 'gone'}}}\n"
        f"list: {{lister: urls, list: {tmp_path / 'list'}}}\n"
    )
    first = look()
    assert names_of(first) == [["exports"]]
    again = look(first.cursor)
    assert names_of(again) == []
    assert "gone" in again.skip_reason.skip_message, "what can't be looked at is told about"
    (root / "2026-01-20-teaser").mkdir()
    (root / "not-an-export").mkdir()
    third = look(again.cursor)
    assert names_of(third) == [["exports"]]
    assert {request.run_key for request in first.run_requests}.isdisjoint(request.run_key for request in third.run_requests)
    assert names_of(look(third.cursor)) == []


def test_neighbouring_days_are_brought_in_together_a_month_at_most():
    assert list(neighbours([])) == []
    assert list(neighbours(["2026-01-03", "2026-01-01", "2026-01-02", "2026-01-05"])) == [
        ("2026-01-01", "2026-01-03"),
        ("2026-01-05", "2026-01-05"),
    ]
    year = [f"2026-{month:02}-{day:02}" for month in (1, 3) for day in range(1, 32)]
    assert list(neighbours([*year, "2026-02-01"])) == [
        ("2026-01-01", "2026-01-31"),
        ("2026-02-01", "2026-02-01"),
        ("2026-03-01", "2026-03-31"),
    ]


@pytest.mark.parametrize("by_hand", [False, True])
def test_what_a_run_has_added_is_brought_in_unless_somebody_does_that_already(tmp_path, monkeypatch, dagster_instance, by_hand):
    from codecommons_dagster.build import build_stages

    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    (tmp_path / "list").write_text("pypi:a==1\n")
    (tmp_path / "sources.yaml").write_text(
        f"broken: {{lister: urls, list: {tmp_path / 'gone'}}}\nmine: {{lister: urls, list: {tmp_path / 'list'}}}\n"
    )
    today = dt.datetime.now(dt.UTC).date().isoformat()
    result = (
        build_stages()
        .resolve_job_def("follow")
        .execute_in_process(partition_key=today, instance=dagster_instance, tags={BY_HAND: "true"} if by_hand else {})
    )
    assert result.success, "a source that can't be listed is a red check and holds nothing back"
    [check] = result.get_asset_check_evaluations()
    assert not check.passed
    assert "broken on" in check.description
    assert "codecommons follow broken" in check.description
    context = dg.build_run_status_sensor_context(
        "slices_of_followed", result.get_run_success_event(), dagster_instance, result.dagster_run
    )
    requests = list(slices_of_followed(context))
    if by_hand:
        assert isinstance(requests[0], dg.SkipReason)
    else:
        assert [request.partition_key for request in requests] == [today]


REQUEST = "scope: origin\nvalues: [https://github.com/jane/tool]\nclaimant: {contact: jane@example.org}\n"


def test_a_request_in_the_inbox_is_taken_in_by_a_run_that_shows_it_and_nobody_else(folder, dagster_instance):
    def look(cursor=None):
        return new_opt_outs(dg.build_sensor_context(instance=dagster_instance, cursor=cursor))

    inbox = folder.parent / "opt-out" / "inbox"
    inbox.mkdir(parents=True)
    first = look()
    assert first.run_requests == []
    (inbox / "jane.yaml").write_text(REQUEST)
    (inbox / "nonsense.yaml").write_text("nothing: [")
    second = look(first.cursor)
    assert len(second.run_requests) == 1
    assert look(second.cursor).run_requests == []

    run = dg.materialize([opt_out.opt_out], instance=dagster_instance, resources={"lake": LakeResource()})
    [made] = run.asset_materializations_for_node("opt_out")
    assert "|origin|quarantined|1|" in made.metadata["requests"].value
    assert "jane" not in str(made.metadata)
    passed = {check.check_name: check.passed for check in run.get_asset_check_evaluations()}
    assert passed == {
        "ledger_intact": True,
        "requests_understood": False,
        "releases_up_to_date": True,
        "marts_up_to_date": True,
    }
    assert len(look(second.cursor).run_requests) == 1, "the ledger has grown"

    Lake.open(Settings.from_environment()).delta("opt_out_ledger").update(updates={"digest": "'00'"})
    broken = dg.materialize(
        [opt_out.opt_out], instance=dagster_instance, resources={"lake": LakeResource()}, raise_on_error=False
    )
    assert not broken.success
    assert [(check.check_name, check.passed) for check in broken.get_asset_check_evaluations()] == [("ledger_intact", False)]


def test_code_that_opts_itself_out_is_looked_after_though_nobody_has_asked_for_anything(folder, dagster_instance):
    def look(cursor=None):
        return new_opt_outs(dg.build_sensor_context(instance=dagster_instance, cursor=cursor))

    lake = Lake.open(Settings.from_environment())
    engine = local_engine(lake.settings)

    def archive(day):
        add_inputs(lake, [f"path:{project}"], day)
        assert ingest_slice(lake, engine, day, "path").rows_kept

    project = folder.parent / "project"
    project.mkdir()
    (project / "a.py").write_text("print('a')\n")
    before = look()
    archive("2026-01-31")
    silent = look(before.cursor)
    assert (before.run_requests, silent.run_requests) == ([], [])
    (project / ".ai-train.json").write_text('{"train": false}')
    archive("2026-02-01")
    marked = look(silent.cursor)
    assert len(marked.run_requests) == 1
    assert look(marked.cursor).run_requests == []


def test_the_lake_is_looked_at_when_its_log_moves_and_by_one_run_at_a_time(folder, dagster_instance):
    lake = Lake.open(Settings.from_environment())
    watch = build_stages().resolve_job_def("watch")

    def look(cursor):
        context = dg.build_sensor_context(instance=dagster_instance, cursor=cursor)
        return lake_changed(context), context.cursor

    request, first = look(None)
    assert request.run_key == first
    assert isinstance(look(first)[0], dg.SkipReason)
    lake.log.add_input([SliceInput("2026-01-31", "pypi", "six==1.16.0", "1.16.0")])
    run = dagster_instance.create_run_for_job(watch)
    skipped, kept = look(first)
    assert (skipped.skip_message, kept) == ("A look is under way.", first)
    dagster_instance.report_run_failed(run)
    assert look(first)[0].run_key != first


def test_what_failed_in_a_way_that_may_pass_is_run_again_later_and_later_and_nothing_else(folder, dagster_instance, monkeypatch):
    job = build_stages().resolve_job_def("slice")
    clock = dt.datetime.now(dt.UTC)

    class Later(dt.datetime):
        @classmethod
        def now(cls, zone=None):
            return clock + dt.timedelta(hours=hours)

    def asked():
        with monkeypatch.context() as patch:
            patch.setattr("codecommons_dagster.sensors.dt.datetime", Later)
            found = list(failures_that_may_pass(dg.build_sensor_context(instance=dagster_instance)))
        return [(one.partition_key, one.tags[TRY]) for one in found if isinstance(one, dg.RunRequest)]

    def failed(day, kind, tries=0):
        tags = {"dagster/partition": day, FAILURE: kind, **({TRY: str(tries)} if tries else {})}
        dagster_instance.report_run_failed(dagster_instance.create_run_for_job(job, tags=tags))

    failed("2026-01-01", "passing")
    failed("2026-01-02", "permanent")
    hours = 0
    assert asked() == []
    hours = 1.1
    assert asked() == [("2026-01-01", "1")]
    failed("2026-01-01", "passing", 3)
    hours = 7
    assert asked() == [], "after three tries it waits eight hours"
    hours = 9
    assert asked() == [("2026-01-01", "4")]
    run = dagster_instance.create_run_for_job(build_stages().resolve_job_def("ingest"), tags={"dagster/partition": "2026-01-01"})
    assert asked() == [], "somebody is at it"
    dagster_instance.report_run_failed(run)
    failed("2026-01-01", "passing", MOST_TRIES)
    hours = 100
    assert asked() == []
