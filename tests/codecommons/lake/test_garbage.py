# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What nobody needs goes, and nothing else, on a folder and on S3."""

import datetime as dt
import multiprocessing
import os
import pickle
import signal
import time
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.lake.garbage import free, garbage
from codecommons.lake.lake import MOST_FILES
from codecommons.settings import Settings


def origins(*numbers: int) -> pa.Table:
    return pa.table({"id": pa.array([n.to_bytes(20) for n in numbers], pa.binary()), "url": [f"u{n}" for n in numbers]})


def put(lake: Lake, *numbers: int) -> None:
    with lake.staging("test") as area:
        writer = area.writer("task")
        writer.add("origin", origins(*numbers))
        lake.commit(area, [writer.close()], InlineEngine())


def held(lake: Lake) -> list[str]:
    return sorted(lake.scan("origin").collect()["url"].to_list())


def in_hours(hours: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)


def stage_and_wait(settings: Settings) -> None:
    """What a run does until it is killed: staged rows, and a data file that no commit names."""
    lake = Lake.open(settings)
    with lake.staging("dataset-mine") as area:
        writer = area.writer("task")
        writer.add("origin", origins(1))
        writer.close()
        lake.fs.pipe_file(lake.path("origin", "bucket=0", "part-never-committed.parquet"), b"half a file")
        time.sleep(120)


def test_what_a_killed_process_left_is_freed_after_a_day_and_not_before(settings: Settings, lake: Lake) -> None:
    process = multiprocessing.get_context("forkserver").Process(target=stage_and_wait, args=(settings,))
    process.start()
    orphan = Path(lake.path("origin", "bucket=0", "part-never-committed.parquet"))
    while process.is_alive() and not orphan.exists():
        time.sleep(0.01)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    put(lake, 2)
    assert garbage(lake) == garbage(lake, in_hours(23)) == []
    found = garbage(lake, in_hours(25))
    assert [one.path.partition("-")[0] for one in found] == ["_staging/dataset", "origin/bucket=0/part"]
    assert sum(one.bytes for one in found) > len(b"half a file")
    free(lake, found)
    free(lake, found)  # somebody else may have been there
    assert not orphan.exists()
    assert list(Path(lake.path("_staging")).iterdir()) == []
    assert held(lake) == ["u2"]


def test_a_process_at_work_loses_nothing_however_long_it_takes(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codecommons.lake.staging.SIGN_OF_LIFE_SECONDS", 0.05)
    orphan = Path(lake.path("origin", "bucket=0", "part-not-yet-committed.parquet"))
    with lake.staging("long") as area:
        folder = Path(lake.path(area.folder))
        writer = area.writer("task")
        writer.add("origin", origins(1))
        staged = writer.close()
        orphan.parent.mkdir(parents=True, exist_ok=True)
        orphan.write_bytes(b"half a file")
        while not (folder / "alive").exists():
            time.sleep(0.01)
        # A day and more goes by: everything is old but the sign of life.
        for path in (*folder.glob("*.arrow"), orphan):
            os.utime(path, (time.time(), in_hours(-30).timestamp()))
        assert pickle.loads(pickle.dumps(area)).folder == area.folder, "it still travels to workers"
        area._closed.set()
        area._living.join()
        (folder / "alive").write_text(in_hours(-31).isoformat())
        assert garbage(lake) == []
        lake.commit(area, [staged], InlineEngine())
    assert not folder.exists(), "the sign of life goes with the folder"
    assert held(lake) == ["u1"]
    assert [one.path for one in garbage(lake)] == ["origin/bucket=0/part-not-yet-committed.parquet"]


def test_a_reader_who_began_within_the_day_keeps_the_files_of_its_version(lake: Lake) -> None:
    for number in range(MOST_FILES + 2):
        put(lake, number << 100)
    before = lake.delta("origin").version()
    frame = pl.scan_delta(lake.storage.uri("origin"), version=before - 2)
    free(lake, garbage(lake, in_hours(23)))
    assert frame.select(pl.len()).collect().item() > MOST_FILES - 2
    files = set(Path(lake.path("origin")).rglob("*.parquet"))
    free(lake, garbage(lake, in_hours(25)))
    gone = files - set(Path(lake.path("origin")).rglob("*.parquet"))
    assert len(gone) > MOST_FILES, "what compaction replaced a day ago is needed by nobody"
    assert len(held(lake)) == MOST_FILES + 2


def test_a_folder_and_s3_are_tidied_alike(any_lake: Lake) -> None:
    put(any_lake, 1, 2)
    any_lake.fs.pipe_file(any_lake.path("origin", "bucket=0", "part-x.parquet"), b"half")
    any_lake.fs.pipe_file(any_lake.path("_staging", "pypi-2026-01-31-0a", "origin.arrow"), b"half")
    found = garbage(any_lake, in_hours(25))
    assert [(one.path, one.bytes) for one in found] == [("_staging/pypi-2026-01-31-0a", 4), ("origin/bucket=0/part-x.parquet", 4)]
    free(any_lake, found)
    assert garbage(any_lake, in_hours(25)) == []
    assert held(any_lake) == ["u1", "u2"]


def test_of_a_damaged_table_nothing_is_touched(lake: Lake) -> None:
    put(lake, 1)
    for path in Path(lake.path("origin", "_delta_log")).glob("*.json"):
        path.write_text("garbage")
    assert garbage(lake, in_hours(25)) == []
