"""The daily schedule makes the day that has ended, the hourly one follows what is due; both say why when they don't."""

import datetime as dt

import dagster as dg

from codecommons.lake import Lake, SliceInput
from codecommons.listing import follow
from codecommons.settings import Settings
from codecommons_dagster.schedules import followed_sources, newest_slice

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


def hour():
    now = dt.datetime.now(dt.UTC)
    return followed_sources(dg.build_schedule_context(scheduled_execution_time=now)), now.date().isoformat()


def test_what_is_due_is_followed_and_what_was_listed_lately_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    assert "Nothing is followed" in hour()[0].skip_message
    (tmp_path / "list").write_text("")
    entry = f"{{lister: urls, list: {tmp_path / 'list'}}}"
    (tmp_path / "sources.yaml").write_text(f"one: {entry}\ntwo: {entry}\n")
    request, today = hour()
    assert request.partition_key == today
    assert request.run_config["ops"]["listing"]["config"] == {"names": ["one", "two"], "only_due": True}
    lake = Lake.open(Settings.from_environment())
    follow(lake, today, ["one"])
    assert hour()[0].run_config["ops"]["listing"]["config"]["names"] == ["two"]
    follow(lake, today, ["two"])
    assert "listed lately" in hour()[0].skip_message
