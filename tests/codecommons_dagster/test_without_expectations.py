# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A backfill of `ingest` from the interface leaves Great Expectations out, as its job and the command do."""

import pytest

from assets.expectation_checks import CHECK_KEYS
from codecommons import archive
from codecommons.lake import Lake
from codecommons.report import STAGES
from codecommons.settings import Settings
from codecommons_dagster.build import build_stages

DAYS = ("2026-01-30", "2026-01-31")


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CODECOMMONS_WORKERS", "0")
    lake = Lake.open(Settings.from_environment())
    for day in DAYS:
        (tmp_path / day).mkdir()
        (tmp_path / day / "day.py").write_text(f"DAY = {day!r}\n")
        archive.add_inputs(lake, [f"path:{tmp_path / day}"], day)
    return lake


def backfilled(instance, name):
    """A range of days as the interface starts it: it names the job's assets and no checks, and Dagster takes all of theirs."""
    job = build_stages().resolve_job_def(name)
    backfill = job.get_subset(asset_selection=job.asset_layer.executable_asset_keys)
    tags = {"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[1]}
    return backfill.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def test_a_backfill_of_ingest_has_the_steps_of_great_expectations_and_none_does_anything(lake, dagster_instance):
    done = backfilled(dagster_instance, "ingest")
    assert done.success
    steps = {event.step_key for event in done.all_events if event.is_step_success}
    assert {f"{stage}_expectations" for stage in STAGES[:-1]} <= steps, "else Dagster adds them no more, and so need not we"
    told = {(check.asset_key, check.check_name) for check in done.get_asset_check_evaluations()}
    assert not {(key.asset_key, key.name) for key in CHECK_KEYS} & told
    assert {lake.log.verdict(day, "path", STAGES[3])["verdict"] for day in DAYS} == {"passed"}
