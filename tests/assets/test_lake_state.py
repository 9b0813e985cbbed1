# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What stands as checks of the lake: each feed's freshness, and everything that `codecommons status` tells."""

import datetime as dt

import dagster as dg
import pytest

from assets.lake_state import lake_state
from codecommons.lake import Lake, SliceInput
from codecommons.listing import follow
from codecommons.listing.lister import listers
from codecommons.settings import Settings
from resources import LakeResource

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    lake = Lake.open(Settings.from_environment())
    (tmp_path / "list").write_text("")
    (tmp_path / "sources.yaml").write_text(f"mine: {{lister: urls, list: {tmp_path / 'list'}}}\n")
    return lake


def looked(instance):
    done = dg.materialize([lake_state], instance=instance, resources={"lake": LakeResource()})
    return {check.check_name: check for check in done.get_asset_check_evaluations()}


def listed(lake, days_ago):
    when = NOW - dt.timedelta(days=days_ago)
    [report] = follow(lake, when.date().isoformat(), ["mine"], now=when)
    assert report.error is None


def test_a_feed_is_fresh_late_or_lost_and_no_other_one_with_it(lake, dagster_instance):
    checks = looked(dagster_instance)
    assert {name for name in checks if name.endswith("_is_fresh")} == {f"{name}_is_fresh" for name in listers(lake.settings)}
    assert "never listed to its end. Next: codecommons follow mine" in checks["urls_is_fresh"].description
    for days_ago, passed, severity in ((5, False, "ERROR"), (3, False, "WARN"), (1, True, "WARN")):
        listed(lake, days_ago)
        checks = looked(dagster_instance)
        assert (checks["urls_is_fresh"].passed, checks["urls_is_fresh"].severity.value) == (passed, severity)
        assert checks["folder_is_fresh"].passed
    assert checks["nothing_is_broken"].passed


def test_what_nobody_can_read_makes_every_feed_red(lake, dagster_instance):
    (lake.settings.home / "sources.yaml").write_text("mine: {lister: none}\n")
    checks = looked(dagster_instance)
    assert not checks["urls_is_fresh"].passed
    assert not checks["pypi_is_fresh"].passed


def test_stale_slices_are_yellow_and_damage_is_red(lake, dagster_instance):
    lake.log.add_input([SliceInput("2026-01-31", "pypi", "six==1.16.0", "1.16.0")])
    checks = looked(dagster_instance)
    assert "2026-01-31 raw_archive_slice of pypi: its input is recorded" in checks["nothing_is_stale"].description
    assert "Next: codecommons ingest --day 2026-01-31" in checks["nothing_is_stale"].description
    lake.log.add_input([SliceInput(f"2026-01-{day}", "pypi", "six==1.16.0", "1.16.0") for day in range(10, 30)])
    checks = looked(dagster_instance)
    many = "2026-01-10 to 2026-01-31 (21 days) raw_archive_slice of pypi: its input is recorded and it has not run"
    backfill = "backfill [2026-01-10...2026-01-31] of job slice in the web interface, or codecommons ingest --day for each"
    assert checks["nothing_is_stale"].description == f"{many}. Next: {backfill}"
    assert checks["nothing_is_stale"].metadata["count"].value == 21
    assert checks["nothing_is_stale"].severity == dg.AssetCheckSeverity.WARN
    assert checks["nothing_is_broken"].passed
    for path in (lake.settings.home / "lake" / "content" / "_delta_log").glob("*.json"):
        path.write_text("nonsense")
    checks = looked(dagster_instance)
    assert not checks["nothing_is_broken"].passed
    assert "restore" in checks["nothing_is_broken"].description
