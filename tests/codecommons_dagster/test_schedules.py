"""The daily schedule makes the day that has ended, and says why when it doesn't."""

import datetime as dt

import dagster as dg

from codecommons.lake import Lake, SliceInput
from codecommons.settings import Settings
from codecommons_dagster.schedules import newest_slice

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
