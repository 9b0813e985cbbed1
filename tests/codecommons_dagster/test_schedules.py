"""The daily schedule makes the day that has ended, the hourly ones follow what is due; they say why when they don't."""

import datetime as dt

import dagster as dg
import pytest

from codecommons.lake import Lake, SliceInput
from codecommons.listing import follow
from codecommons.listing.lister import listers
from codecommons.settings import Settings
from codecommons_dagster.alerts import alerts
from codecommons_dagster.environments import RUNS_IN, schedule_status, sensor_status, switched_on
from codecommons_dagster.schedules import FOLLOW_SCHEDULES, SCHEDULES, fresh_marts, newest_slice
from codecommons_dagster.sensors import SENSORS

AFTER_MIDNIGHT = dt.datetime(2026, 2, 1, 0, 30, tzinfo=dt.UTC)


def tick():
    return newest_slice(dg.build_schedule_context(scheduled_execution_time=AFTER_MIDNIGHT))


def test_the_day_that_has_ended_is_made_when_it_has_input(tmp_path, monkeypatch):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    Lake.open(Settings.from_environment()).log.add_input([SliceInput("2026-01-31", "pypi", "six==1.16.0", "1.16.0")])
    assert tick().partition_key == "2026-01-31"


def test_a_day_without_input_is_skipped_and_the_reason_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    assert "codecommons ingest SOURCE… --day 2026-01-31" in tick().skip_message


def test_a_lake_that_can_not_be_read_at_that_moment_costs_no_day(tmp_path, monkeypatch):
    """Dagster tries no tick of a schedule again: the run is asked for, which is tried again and says what was wrong."""
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    monkeypatch.setenv("CODECOMMONS_LAKE", str(tmp_path / "lake"))
    (tmp_path / "lake").write_text("no folder")
    assert tick().partition_key == "2026-01-31"
    assert fresh_marts(dg.build_schedule_context(scheduled_execution_time=AFTER_MIDNIGHT)).run_key


def test_marts_are_made_again_in_the_night_after_the_lake_has_moved_and_only_then(tmp_path, monkeypatch):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    nights = [dg.build_schedule_context(scheduled_execution_time=AFTER_MIDNIGHT + dt.timedelta(days=day)) for day in range(3)]
    first, second = (fresh_marts(night).run_key for night in nights[:2])
    Lake.open(Settings.from_environment()).log.record("2026-01-31", "pypi", "raw_archive_slice", "passed", "a")
    assert first == second != fresh_marts(nights[2]).run_key


def hour(lister="urls"):
    now = dt.datetime.now(dt.UTC)
    [schedule] = [one for one in FOLLOW_SCHEDULES if one.name == f"follow_{lister}"]
    return schedule(dg.build_schedule_context(scheduled_execution_time=now)), now.date().isoformat()


def test_what_is_due_is_followed_by_the_schedule_of_its_lister_and_what_was_listed_lately_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    assert "Nothing is followed by urls" in hour()[0].skip_message
    (tmp_path / "list").write_text("")
    entry = f"{{lister: urls, list: {tmp_path / 'list'}}}"
    (tmp_path / "sources.yaml").write_text(f"one: {entry}\ntwo: {entry}\n")
    assert "Nothing is followed by folder" in hour("folder")[0].skip_message
    request, today = hour()
    assert request.partition_key == today
    assert request.run_config["ops"]["listing"]["config"] == {"names": ["one", "two"], "only_due": True}
    lake = Lake.open(Settings.from_environment())
    follow(lake, today, ["one"])
    assert hour()[0].run_config["ops"]["listing"]["config"]["names"] == ["two"]
    follow(lake, today, ["two"])
    assert "listed lately" in hour()[0].skip_message


def test_every_lister_has_a_schedule_at_a_minute_of_its_own():
    assert {one.name for one in FOLLOW_SCHEDULES} == {f"follow_{name}" for name in listers(Settings.from_environment())}
    minutes = [int(one.cron_schedule.split()[0]) for one in FOLLOW_SCHEDULES]
    assert len(set(minutes)) == len(minutes)
    assert all(0 <= minute < 60 for minute in minutes)


@pytest.mark.parametrize(
    ("environment", "runs"),
    [
        ("production", set(RUNS_IN)),
        ("staging", set(RUNS_IN) - {"follow", "new_exports", "slices_of_followed", "old_runs", "garbage"}),
        ("development", set()),
    ],
)
def test_each_environment_runs_by_itself_what_is_declared_for_it(monkeypatch, environment, runs):
    monkeypatch.setenv("CODECOMMONS_ENVIRONMENT", environment)
    assert {name for name in RUNS_IN if switched_on(name)} == runs
    assert {schedule_status(name) == dg.DefaultScheduleStatus.RUNNING for name in runs} <= {True}


def test_everything_that_runs_by_itself_is_declared_and_what_is_not_is_refused():
    ours = {"follow" if one in FOLLOW_SCHEDULES else one.name for one in (*SCHEDULES, fresh_marts, *SENSORS, alerts)}
    assert ours == set(RUNS_IN)
    for one in (*SCHEDULES, fresh_marts, *SENSORS, alerts):
        assert one.default_status.value == "RUNNING", "production is what a lake is unless somebody says otherwise"
    with pytest.raises(KeyError, match="surprise"):
        sensor_status("surprise")
