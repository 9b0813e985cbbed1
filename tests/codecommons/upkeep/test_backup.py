# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A lake that was restored is the lake that was backed up, wherever either lies."""

import dataclasses
import datetime as dt
import json
import multiprocessing
import random
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from codecommons.engine.local import InlineEngine
from codecommons.errors import LakeError, UsageError
from codecommons.lake import Lake
from codecommons.settings import Settings
from codecommons.upkeep import backup, backups, restore, verify

NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


def put(lake: Lake, *numbers: int) -> None:
    """Origins, and revisions' facts that name them: what points to something is committed last."""
    with lake.staging("test") as area:
        writer = area.writer("task")
        ids = pa.array([random.Random(n).randbytes(20) for n in numbers], pa.binary())
        facts = {"id": ids, "raw_manifest": pa.nulls(len(numbers), pa.binary()), "verified": ["not-possible"] * len(numbers)}
        writer.add("directory", pa.table({**facts, "verified_reason": ["test"] * len(numbers)}))
        names = {"root": ids, "path": pa.array([b"a"] * len(numbers), pa.binary())}
        writer.add("skipped_content", skipped(ids))
        writer.add("tree_file", pa.table({**names, "perms": pa.array([0o100644] * len(numbers), pa.int32()), "content": ids}))
        lake.commit(area, [writer.close()], InlineEngine())


def skipped(ids: pa.Array) -> pa.Table:
    none = pa.nulls(len(ids), pa.binary())
    columns = {"sha1_git": ids, "sha1": none, "sha256": none, "blake2s256": none, "length": pa.nulls(len(ids), pa.int64())}
    return pa.table({**columns, "status": ["absent"] * len(ids), "reason": ["too-large"] * len(ids)})


def rows(lake: Lake) -> dict[str, pl.DataFrame]:
    found = {}
    for name in lake.tables():
        frame = lake.scan(name).collect()
        found[name] = frame.sort([column for column, kind in frame.schema.items() if not kind.is_nested()])
    return found


def same(one: Lake, other: Lake) -> bool:
    left, right = rows(one), rows(other)
    return left.keys() == right.keys() and all(left[name].equals(right[name]) for name in left)


def elsewhere(settings: Settings, home: Path) -> Settings:
    return dataclasses.replace(settings, home=home, lake=str(home / "lake"), storage_options=())


def test_the_restored_lake_is_the_one_that_was_backed_up_and_the_next_backup_copies_what_is_new(any_lake, tmp_path):
    put(any_lake, 1, 2, 3)
    any_lake.fs.pipe_file(any_lake.path("datasets", "all", "000000000000", "fingerprint.json"), b"{}")
    (any_lake.settings.home / "policies").mkdir()
    (any_lake.settings.home / "policies" / "mine.yaml").write_text("mine")
    where = str(tmp_path / "backups")
    first = backup(any_lake, where, NOW)
    assert first.copied == first.files > 50
    put(any_lake, 3, 4)
    (any_lake.settings.home / "policies" / "mine.yaml").write_text("Mine")
    second = backup(any_lake, where, NOW + dt.timedelta(days=1))
    assert 0 < second.copied < 30 < first.files
    assert backup(any_lake, where, NOW + dt.timedelta(days=2)).copied == 2, "only what may change under its name"
    assert [one.name[:10] for one in backups(any_lake.settings, where)] == ["2026-01-31", "2026-02-01", "2026-02-02"]
    settings = elsewhere(any_lake.settings, tmp_path / "restored")
    restore(settings, where)
    assert same(Lake.open(settings), any_lake)
    assert (settings.home / "policies" / "mine.yaml").read_text() == "Mine"
    assert verify(Lake.open(settings), InlineEngine(), everything=True).files > 0
    put(Lake.open(settings), 5)  # and it goes on from there
    earlier = elsewhere(any_lake.settings, tmp_path / "earlier")
    restore(earlier, where, "2026-01-31")
    assert (earlier.home / "policies" / "mine.yaml").read_text() == "mine"
    assert Lake.open(earlier).scan("tree_file").collect().height == 3


def test_a_backup_and_the_lake_it_becomes_may_lie_on_s3(lake, bucket, tmp_path):
    put(lake, 1, 2)
    settings = bucket.settings(tmp_path / "restored", f"restored-{tmp_path.name}")
    lake = Lake.open(dataclasses.replace(lake.settings, export_options=settings.storage_options))
    where = f"s3://{bucket.name}/backups-{tmp_path.name}"
    backup(lake, where, NOW)
    restore(settings, where)
    assert same(Lake.open(settings), lake)
    with pytest.raises(UsageError, match="restoring overwrites nothing"):
        restore(settings, where)


def writing(settings: Settings) -> None:
    lake = Lake.open(settings)
    for number in range(10_000):
        put(lake, number)


def test_a_backup_that_is_made_while_others_write_holds_nothing_that_points_to_nothing(lake, tmp_path):
    process = multiprocessing.get_context("forkserver").Process(target=writing, args=(lake.settings,))
    process.start()
    try:
        while lake.delta("tree_file").version() < 3:
            pass
        backup(lake, str(tmp_path / "backups"), NOW)
    finally:
        process.kill()
        process.join()
    settings = elsewhere(lake.settings, tmp_path / "restored")
    restore(settings, str(tmp_path / "backups"))
    copy = Lake.open(settings)
    assert copy.scan("tree_file").collect().height > 2
    assert verify(copy, InlineEngine(), everything=True).faults == []


def test_nothing_is_overwritten_and_nothing_of_half_a_copy_counts(lake, tmp_path):
    put(lake, 1, 2)
    where, settings = tmp_path / "backups", elsewhere(lake.settings, tmp_path / "restored")
    with pytest.raises(UsageError, match="there is no backup at"):
        restore(settings, str(where))
    backup(lake, str(where), NOW)
    with pytest.raises(UsageError, match="restoring overwrites nothing"):
        restore(lake.settings, str(where))
    with pytest.raises(UsageError, match="there is no backup 2027"):
        restore(settings, str(where), "2027")
    with pytest.raises(UsageError, match="lie in each other"):
        backup(lake, str(tmp_path / "home" / "lake" / "backups"), NOW)
    with pytest.raises(UsageError, match="is not empty and holds no backups"):
        backup(lake, str(busy(tmp_path)), NOW)
    another = Lake.open(elsewhere(lake.settings, tmp_path / "another"))
    with pytest.raises(UsageError, match="backups of another lake"):
        backup(another, str(where), NOW)
    # A file that rotted in the backup is named, and what was copied before it is no lake; once it is back, restoring goes on.
    [list_] = (where / "backups").glob("*.json")
    rotten = where / "files" / next(path for path, *_ in json.loads(list_.read_text())["files"] if path.endswith(".parquet"))
    sound = rotten.read_bytes()
    rotten.write_bytes(bytes(len(sound)))
    with pytest.raises(LakeError, match=rf"{rotten.name} is not what it was"):
        restore(settings, str(where))
    assert not Path(settings.lake, "lake.json").exists()
    rotten.write_bytes(sound)
    for path in Path(settings.lake).rglob(rotten.name):
        path.unlink()
    restore(settings, str(where))
    assert same(Lake.open(settings), lake)


def busy(folder: Path) -> Path:
    (folder / "busy").mkdir()
    (folder / "busy" / "file").write_text("somebody's")
    return folder / "busy"
