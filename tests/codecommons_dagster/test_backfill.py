# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A backfill replays what is recorded: in any order, again and again, whatever the world looks like today."""

import datetime as dt
import random
import subprocess

import dagster as dg
import polars as pl
import pytest

from assets import raw_archive_slice
from assets.tags import WITHOUT_EXPECTATIONS
from codecommons import listing
from codecommons.archive.inputs import add_inputs
from codecommons.lake import Lake
from codecommons.report import STAGES
from codecommons.settings import Settings

DAYS = ["2026-01-29", "2026-01-30", "2026-01-31"]
WORK = ("stage_report",)  # how often and how fast is no data


@pytest.fixture
def defs():
    from codecommons_dagster.build import build_stages

    keys = [key for asset in raw_archive_slice.ASSETS for key in asset.keys if key.path[0] in ("git", "path", STAGES[0])]
    # The stage with its own checks alone: Great Expectations takes seconds, and looks at other things.
    own = [key for asset in raw_archive_slice.ASSETS for key in asset.check_keys]
    selection = dg.AssetSelection.assets(*keys).without_checks() | dg.AssetSelection.checks(*own)
    stage = dg.define_asset_job("stage", selection, tags={WITHOUT_EXPECTATIONS: "true"})
    return dg.Definitions.merge(build_stages(), dg.Definitions(jobs=[stage]))


def git(path, *arguments):
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(path), *who, *arguments], check=True, capture_output=True)


def backfill(defs, instance, days):
    """As the daemon runs a backfill of the first stage: a run for each range of days."""
    job = defs.resolve_job_def("stage")
    for first, last in days:
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        assert job.execute_in_process(instance=instance, tags=tags).success


def rows(lake):
    found = {}
    for name in sorted(set(lake.tables()) - set(WORK)):
        frame = lake.scan(name).collect()
        found[name] = frame.sort([column for column, kind in frame.schema.items() if not kind.is_nested()])
    return found


def same(one, other):
    return [name for name in one if not one[name].equals(other[name])]


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """A lake whose three days were listed while a repository went on, and made by nobody yet."""
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CODECOMMONS_WORKERS", "0")
    path = tmp_path / "mirrors" / "one"
    path.mkdir(parents=True)
    git(path, "init", "-q", "-b", "main")
    lake = Lake.open(Settings.from_environment())
    (tmp_path / "home" / "sources.yaml").write_text(f"mirrors: {{lister: folder, path: {path.parent}}}\n")
    for day in DAYS:
        (path / "day.py").write_text(f"DAY = {day!r}\n")
        git(path, "add", "-A")
        git(path, "commit", "-qm", day)
        [report] = listing.follow(lake, day, now=dt.datetime.fromisoformat(f"{day}T12:00:00+00:00"))
        assert report.taken == {day: 1}
    (path / "day.py").write_text("DAY = None  # today\n")
    git(path, "commit", "-qam", "today")
    return lake


def test_days_are_backfilled_in_one_run_or_in_any_order_with_the_same_rows(
    recorded, defs, dagster_instance, tmp_path, monkeypatch
):
    backfill(defs, dagster_instance, [(DAYS[0], DAYS[-1])])
    once = rows(recorded)
    visits = once["origin_visit_status"]
    assert visits["slice"].sort().to_list() == DAYS
    assert visits["snapshot"].n_unique() == 3, "each day has the references that were recorded on it"
    contents = recorded.scan("content_data").select(pl.col("data").bin.size()).collect().height
    assert contents == 3, "what was committed today is in none of them"
    backfill(defs, dagster_instance, [(DAYS[0], DAYS[-1])])
    assert same(once, rows(recorded)) == []

    monkeypatch.setenv("CODECOMMONS_LAKE", str(tmp_path / "other"))
    other = Lake.open(Settings.from_environment())
    other.log.add_input([row for day in DAYS for row in recorded.log.inputs(day, "git")])
    shuffled = random.Random(7).sample(DAYS, 3)
    assert shuffled != DAYS
    backfill(defs, dagster_instance, [(day, day) for day in shuffled])
    apart = {"listed_origin", "cursor"}
    assert [name for name in same(once, rows(other)) if name not in apart] == []


def test_what_is_added_to_a_day_later_is_in_its_next_backfill(recorded, defs, dagster_instance, tmp_path):
    backfill(defs, dagster_instance, [(DAYS[0], DAYS[0])])
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "more.py").write_text("print(1)\n")
    add_inputs(recorded, [f"path:{tmp_path / 'more'}"], DAYS[0])
    backfill(defs, dagster_instance, [(DAYS[0], DAYS[0])])
    assert recorded.scan("origin_visit").collect()["origin"].n_unique() == 2


def test_a_backfill_of_the_listing_leaves_days_that_are_over_alone(recorded, defs, dagster_instance):
    before = recorded.log.inputs(DAYS[1], "git")
    tags = {"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[-1]}
    assert defs.resolve_job_def("follow").execute_in_process(instance=dagster_instance, tags=tags).success
    assert recorded.log.inputs(DAYS[1], "git") == before
