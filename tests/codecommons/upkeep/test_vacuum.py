# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Attempts that others have replaced go, those that releases were made from stay, and a wrong clock costs nobody anything."""

import datetime as dt
import json
import os
import time
from pathlib import Path

import pyarrow as pa

from codecommons.lake import Lake
from codecommons.lake.garbage import garbage, superseded
from codecommons.lake.schemas import TABLES
from codecommons.upkeep import removable, vacuum

DAY, STAGE = "2026-01-31", "raw_archive_slice"


def attempt(lake: Lake, name: str) -> None:
    rows = [{"item": name, "stage": STAGE, "reason": "missing"}]
    lake.write_news({"quarantine": pa.Table.from_pylist(rows, pa.schema(TABLES["quarantine"].fields))}, DAY, "pypi", name)
    lake.log.record(DAY, "pypi", STAGE, "passed", name)


def attempts(lake: Lake) -> set[str]:
    return {dict(row)["attempt"] for row in (file.partition for file in data_files(lake))}


def data_files(lake: Lake):
    from codecommons.lake.files import data_files

    return data_files(lake.delta("quarantine"))


def in_hours(hours: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)


def publish(lake: Lake, attempt: str) -> None:
    """As much of a release as says what it was made from."""
    inputs = {"as_of": DAY, "slices": [{"slice": DAY, "source": "pypi", "stage": STAGE, "attempt": attempt}]}
    document = {"name": "all", "fingerprint": "0" * 64, "inputs": inputs}
    lake.fs.pipe_file(lake.path("datasets", "all", "000000000000", "fingerprint.json"), json.dumps(document).encode())


def test_replaced_attempts_go_a_day_later_but_for_those_that_releases_were_made_from(any_lake: Lake) -> None:
    for name in ("first", "published", "live"):
        attempt(any_lake, name)
    publish(any_lake, "published")
    assert removable(any_lake) == []
    found = removable(any_lake, in_hours(25))
    assert [one.path for one in found if one.path.startswith("quarantine/20")] == [f"quarantine/{DAY} pypi first"]
    vacuum(any_lake, in_hours(25))
    assert attempts(any_lake) == {"published", "live"}
    assert any_lake.scan("quarantine").collect()["item"].to_list() == ["live"]
    assert superseded(any_lake, now=in_hours(25))[0].attempt == (DAY, "pypi", "published"), "which only the release holds"


def test_an_attempt_under_way_is_not_taken_for_a_replaced_one(lake: Lake) -> None:
    attempt(lake, "live")
    with lake.staging("long"):
        rows = [{"item": "new", "stage": STAGE, "reason": "missing"}]
        lake.write_news({"quarantine": pa.Table.from_pylist(rows, pa.schema(TABLES["quarantine"].fields))}, DAY, "pypi", "new")
        assert superseded(lake) == []


def test_a_machine_whose_clock_is_days_ahead_removes_nothing_of_those_who_work(lake: Lake, monkeypatch) -> None:
    """The clock of the storage counts: that of who collects garbage may be wrong, and so may that of who works."""

    class Ahead(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + dt.timedelta(days=3)

    monkeypatch.setattr(dt, "datetime", Ahead)
    monkeypatch.setattr(time, "time", lambda real=time.time: real() + 3 * 86400)
    with lake.staging("other") as area:
        orphan = Path(lake.path("origin", "bucket=0", "part-not-yet-committed.parquet"))
        orphan.parent.mkdir(parents=True, exist_ok=True)
        orphan.write_bytes(b"half a file")
        lake.fs.pipe_file(lake.path(area.folder, "0.arrow"), b"staged")
        attempt(lake, "live")
        assert garbage(lake) == []
        assert superseded(lake) == []
    # The other way round: files of long ago are garbage, although this machine believes that they are of tomorrow.
    long_ago = orphan.stat().st_mtime - 2 * 86400
    os.utime(orphan, (long_ago, long_ago))
    assert [one.path for one in garbage(lake)] == ["origin/bucket=0/part-not-yet-committed.parquet"]
