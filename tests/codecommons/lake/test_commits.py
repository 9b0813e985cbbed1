# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Rows get into the lake exactly once, whoever brings them, on a folder and on S3."""

import dataclasses
import hashlib
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codecommons.annotate import current
from codecommons.engine.local import InlineEngine, PoolEngine
from codecommons.errors import LakeError
from codecommons.lake import Lake, StagedFile, StagingArea
from codecommons.lake.files import data_files
from codecommons.lake.lake import MOST_FILES
from codecommons.lake.merging import ROW_GROUP_BYTES
from codecommons.lake.ranges import bucket_range, buckets
from codecommons.lake.schemas import TABLES, Table
from codecommons.settings import Settings

DAY = "2026-01-31"


def blobs(seed: int, count: int) -> dict[bytes, bytes]:
    source = random.Random(seed)
    data = [source.randbytes(source.choice([0, 10, 100, 20_000])) for _ in range(count)]
    return {hashlib.sha1(b"blob %d\0" % len(one) + one).digest(): one for one in data}


def content_rows(found: dict[bytes, bytes]) -> dict[str, pa.Table]:
    ids = pa.array(list(found), pa.binary())
    text = pa.array(["yes"] * len(found))
    none = pa.nulls(len(found), pa.string())
    lengths = pa.array([len(one) for one in found.values()], pa.int64())
    content = pa.table(
        {
            "sha1_git": ids,
            "sha1": ids,
            "sha256": ids,
            "blake2s256": ids,
            "length": lengths,
            "status": text,
            "verified": text,
            "verified_reason": none,
        }
    )
    return {"content": content, "content_data": pa.table({"sha1_git": ids, "data": pa.array(list(found.values()), pa.binary())})}


def stage(task: tuple[StagingArea, str, list[dict[bytes, bytes]]]) -> list[StagedFile]:
    area, name, batches = task
    writer = area.writer(name)
    for found in batches:
        for table, rows in content_rows(found).items():
            writer.add(table, rows)
    return writer.close()


def put(lake: Lake, batches: Iterable[dict[bytes, bytes]], engine=None) -> dict:
    engine = engine or InlineEngine()
    with lake.staging("test") as area:
        tasks = [(area, f"task {n}", [found]) for n, found in enumerate(batches)]
        return lake.commit(area, list(engine.map(stage, tasks)), engine)


def held(lake: Lake) -> pl.DataFrame:
    return lake.scan("content_data").select("sha1_git", "data").collect().sort("sha1_git")


def expected(*found: dict[bytes, bytes]) -> pl.DataFrame:
    merged = {key: value for one in found for key, value in one.items()}
    return pl.DataFrame(
        {"sha1_git": list(merged), "data": list(merged.values())}, schema={"sha1_git": pl.Binary, "data": pl.Binary}
    ).sort("sha1_git")


def test_rows_are_there_once_however_often_and_in_however_many_tasks_they_come(any_lake):
    first, second = blobs(1, 120), blobs(2, 120)
    result = put(any_lake, [first, second, first])
    assert result["content"].rows_in == 2 * len(first) + len(second)
    assert result["content"].rows_new == len(first | second)
    assert put(any_lake, [second, first])["content"].rows_new == 0
    assert put(any_lake, [second | blobs(3, 10)])["content"].rows_new == len(blobs(3, 10).keys() - second.keys() - first.keys())
    assert held(any_lake).equals(expected(first, second, blobs(3, 10)))


def test_a_commit_adds_one_file_a_bucket_and_the_staging_folder_goes(any_lake):
    put(any_lake, [blobs(1, 100), blobs(2, 100)])
    files = data_files(any_lake.delta("content_data"))
    assert sorted(dict(file.partition)["bucket"] for file in files) == ["0", "1"]
    left = any_lake.fs.ls(any_lake.path("_staging")) if any_lake.fs.exists(any_lake.path("_staging")) else []
    assert left == []


def test_contents_stream_in_order_in_bounded_batches_and_rehash(any_lake):
    found = blobs(4, 150)
    put(any_lake, [found])
    ids = pl.DataFrame({"sha1_git": [*list(found)[::2], b"\0" * 20]})
    got = [row for batch in any_lake.contents(ids, batch_bytes=50_000) for row in batch.to_pylist()]
    assert [row["sha1_git"] for row in got] == sorted(list(found)[::2])
    assert all(found[row["sha1_git"]] == row["data"] for row in got)
    assert max(sum(len(d) for d in batch["data"].to_pylist()) for batch in any_lake.contents(ids, batch_bytes=50_000)) <= 50_000
    as_they_lie = [row for batch in any_lake.contents_as_they_lie(ids) for row in batch.to_pylist()]
    assert sorted(as_they_lie, key=lambda row: row["sha1_git"]) == got


def test_while_a_reader_works_on_a_batch_of_contents_there_is_one_copy_of_it(lake):
    content = b"a row of text\n" * 20_000
    put(lake, [{sha1_git: sha1_git + content for sha1_git in blobs(4, 64)}])
    ids = lake.scan("content").select("sha1_git", "length").collect()
    before = pa.total_allocated_bytes()
    batches = lake.contents(ids, batch_bytes=4 << 20)
    for batch in batches:
        assert pa.total_allocated_bytes() - before < 1.5 * batch.nbytes


def test_a_commit_that_loses_a_race_merges_again_and_doubles_nothing(any_settings):
    """Another process commits overlapping rows after our merge and before our commit."""
    mine, theirs = blobs(1, 60), blobs(1, 40) | blobs(2, 20)

    class RacingEngine(InlineEngine):
        raced = False

        def map(self, function: Callable, tasks: Iterable, name: Callable = str):
            results = list(super().map(function, tasks, name))
            if function.__name__ == "merge_all" and not self.raced:
                self.raced = True
                put(Lake.open(any_settings), [theirs])
            return iter(results)

    lake = Lake.open(any_settings)
    engine = RacingEngine()
    result = put(lake, [mine], engine)
    assert engine.raced
    assert result["content_data"].rows_new == len(mine.keys() - theirs.keys())
    assert held(lake).equals(expected(mine, theirs))


def test_small_merges_share_a_task_and_a_large_one_has_its_own(any_settings):
    class CountingEngine(InlineEngine):
        tasks: list[str]

        def map(self, function: Callable, tasks: Iterable, name: Callable = str):
            self.tasks = [str(task) for task in tasks]
            return super().map(function, tasks, name)

    engine = CountingEngine(workers=2)
    lake = Lake.open(any_settings)
    put(lake, [blobs(1, 200)], engine)
    small = [task for task in engine.tasks if " and " in task]
    assert len(small) == 1, "eight merges of a few kilobytes are one task"
    assert {task.split("merging ")[1].split("/")[0] for task in engine.tasks if task not in small} == {
        f"content_data bucket={bucket}" for bucket in range(1 << lake.settings.bucket_bits)
    }
    assert held(lake).equals(expected(blobs(1, 200)))


def test_a_reader_of_one_content_reads_one_row_group_of_a_few_megabytes(tmp_path):
    lake = Lake.open(Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0, bucket_bits=1))
    contents = [random.Random(number).randbytes(400_000) for number in range(100)]
    found = {hashlib.sha1(b"blob %d\0" % len(one) + one).digest(): one for one in contents}
    everything = list(found.items())
    put(lake, [dict(everything[at::3]) for at in range(3)])
    keys: list[bytes] = []
    for file in data_files(lake.delta("content_data")):
        parquet = pq.ParquetFile(lake.path("content_data", file.path))
        sizes = [parquet.metadata.row_group(at).total_byte_size for at in range(parquet.num_row_groups)]
        assert len(sizes) > 3
        assert max(sizes) < 2 * ROW_GROUP_BYTES
        mine = parquet.read(["sha1_git"])["sha1_git"].to_pylist()
        assert mine == sorted(mine)
        keys += mine
    assert sorted(keys) == sorted(found)
    assert held(lake).equals(expected(found))


def _many_commits(settings: Settings, seed: int) -> None:
    lake = Lake.open(settings)
    for at in range(6):
        put(lake, [blobs(at, 30), blobs(1000 * seed + at, 10)])


def test_processes_that_bring_the_same_contents_at_once_lose_and_double_nothing(tmp_path):
    settings = Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0)
    Lake.open(settings)
    context = multiprocessing.get_context("forkserver")
    processes = [context.Process(target=_many_commits, args=(settings, seed)) for seed in (1, 2, 3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    wanted = [blobs(at, 30) for at in range(6)] + [blobs(1000 * seed + at, 10) for seed in (1, 2, 3) for at in range(6)]
    assert held(Lake.open(settings)).equals(expected(*wanted))


def test_small_files_are_compacted_above_the_bound_and_no_row_changes(tmp_path):
    lake = Lake.open(Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0, bucket_bits=0))
    everything = [blobs(seed, 3) for seed in range(100, 100 + MOST_FILES + 2)]
    for found in everything:
        put(lake, [found])
    assert len(data_files(lake.delta("content_data"))) <= MOST_FILES
    assert held(lake).equals(expected(*everything))


def test_the_rows_are_the_same_for_any_number_of_workers_and_any_batch_size(tmp_path):
    batches = [blobs(seed, 80) for seed in range(6)]
    seen = []
    for workers, batch_bytes in ((0, 64 << 20), (0, 30_000), (2, 100_000)):
        settings = Settings(
            home=tmp_path, lake=str(tmp_path / f"{workers}-{batch_bytes}"), workers=workers, batch_bytes=batch_bytes
        )
        lake = Lake.open(settings)
        put(lake, batches, PoolEngine(workers) if workers else None)
        seen.append(lake.scan("content").collect().sort("sha1_git"))
    assert seen[0].equals(seen[1])
    assert seen[0].equals(seen[2])


@given(st.lists(st.binary(min_size=20, max_size=20)), st.integers(0, 8), st.integers(1, 7))
def test_every_key_is_in_exactly_one_range_of_its_own_bucket(keys, bits, parts):
    numbers = buckets(pa.array(keys, pa.binary()), bits)
    for key, bucket in zip(keys, numbers, strict=True):
        ranges = [(b, bucket_range(b, bits, part, parts)) for b in range(1 << bits) for part in range(parts)]
        home = [b for b, (low, high) in ranges if low <= key and (high is None or key < high)]
        assert home == [bucket]


@pytest.mark.parametrize("damage", ["log", "file"])
def test_a_damaged_table_gives_one_clear_error(tmp_path, damage):
    lake = Lake.open(Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0))
    put(lake, [blobs(1, 20)])
    pattern = "_delta_log/*.json" if damage == "log" else "bucket=*/*.parquet"
    for file in (tmp_path / "lake" / "content_data").glob(pattern):
        file.write_bytes(b"not what it was")
    with pytest.raises(LakeError, match="content_data"):
        put(lake, [blobs(1, 30)])


def test_an_unwritable_folder_gives_one_clear_error(tmp_path):
    (tmp_path / "lake").write_text("a file where the lake should be")
    with pytest.raises(LakeError, match="CODECOMMONS_HOME"):
        Lake.open(Settings(home=tmp_path, lake=str(tmp_path / "lake")))


FULL_DISK = """
import pathlib, sys, random
sys.path.insert(0, sys.argv[1])
from test_commits import Lake, Settings, LakeError, blobs, put, held, expected
home = pathlib.Path(sys.argv[2])
lake = Lake.open(Settings(home=home, lake=str(home / "lake"), workers=0))
first = blobs(1, 50)
put(lake, [first])
try:
    put(lake, [{random.Random(n).randbytes(20): random.Random(n).randbytes(1 << 20) for n in range(12)}])
except LakeError as error:
    print(error)
assert held(Lake.open(lake.settings)).equals(expected(first)), "what was committed must still be there"
put(lake, [blobs(2, 5)])
assert held(lake).equals(expected(first, blobs(2, 5))), "and the lake must still be usable"
"""


def test_a_full_disk_gives_one_clear_error_and_loses_nothing(tmp_path):
    """On a real file system of 6 MB, mounted for one process."""
    home = tmp_path / "small"
    home.mkdir()
    script = tmp_path / "fill.py"
    script.write_text(FULL_DISK)
    mount = f"mount -t tmpfs -o size=6m tmpfs {home} && exec {sys.executable} {script} {Path(__file__).parent} {home}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", mount], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
    except FileNotFoundError:
        pytest.skip("unshare is not installed, so no small file system can be mounted")
    if "unshare failed" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert "the disk is full" in done.stdout
    assert len(done.stdout.strip().splitlines()) == 1


def test_a_path_that_delta_would_misread_is_refused(tmp_path):
    with pytest.raises(LakeError, match="%"):
        Lake.open(Settings(home=tmp_path, lake=str(tmp_path / "x%20y")))


def test_a_lake_of_an_earlier_version_gets_the_columns_it_lacks(settings, monkeypatch):
    now = TABLES["quarantine"]
    monkeypatch.setitem(TABLES, "quarantine", dataclasses.replace(now, fields=now.fields[:-1]))
    old = Lake.open(settings)
    rows = [{"item": "old", "reason": "missing"}]
    old.write_news({"quarantine": pa.Table.from_pylist(rows, pa.schema(TABLES["quarantine"].fields))}, DAY, "pypi", "a")
    old.log.record(DAY, "pypi", "raw_archive_slice", "passed", "a")
    monkeypatch.undo()
    lake = Lake.open(settings)
    assert Lake.open(settings).delta("quarantine").version() == lake.delta("quarantine").version(), "once is enough"
    news = pa.Table.from_pylist([{"item": "new", "kept": True}], pa.schema(now.fields))
    lake.write_news({"quarantine": news}, DAY, "npm", "a")
    lake.log.record(DAY, "npm", "raw_archive_slice", "passed", "a")
    expected = [("new", True), ("old", None)]
    assert sorted(lake.scan("quarantine").select("item", "kept").collect().rows()) == expected
    with lake.sql() as connection:
        assert connection.sql("select item, kept from quarantine order by item").fetchall() == expected


def test_an_annotators_table_gets_the_columns_that_a_new_version_says_more_in(settings):
    table = current(settings)["license_evidence"].table
    older = dataclasses.replace(table, fields=table.fields[:-2])
    old = Lake.open(settings)
    old.register(older)
    row = {name: None for name in older.schema.names if name != "bucket"} | {
        "digest": "old",
        "content": b"c" * 20,
        "name": b"LICENSE",
    }
    with old.staging("test") as area:
        area.tables = {**area.tables, older.name: older}
        writer = area.writer("test")
        writer.add(older.name, pa.Table.from_pylist([row], pa.schema(older.fields)))
        old.commit(area, [writer.close()], InlineEngine())
    missing = table.fields[-2].name
    with Lake.open(settings).sql() as connection:
        assert connection.sql(f"select name, {missing} from lake.{table.name}").fetchall() == [(b"LICENSE", None)]
        assert connection.sql(f"from {table.name}").fetchall() == []
    lake = Lake.open(settings)
    lake.register(table)
    assert lake.scan(table).select("name", missing).collect().rows() == [(b"LICENSE", None)]
    with lake.sql() as connection:
        assert connection.sql(f"select name, {missing} from lake.{table.name}").fetchall() == [(b"LICENSE", None)]


def test_many_at_once_may_open_a_new_lake_and_make_the_same_tables_and_columns(settings):
    fields = [pa.field(name, pa.string()) for name in ("key", "value")]
    older = [Table(f"made_{number}", "Made by many.", tuple(fields[:1]), ("key",)) for number in range(12)]
    newer = [dataclasses.replace(table, fields=tuple(fields)) for table in older]
    together = threading.Barrier(4)
    failed = []

    def make():
        try:
            for tables in (older, newer):
                together.wait()
                lake = Lake.open(settings)
                for table in tables:
                    together.wait()
                    lake.register(table)
        except Exception as error:  # shown below: a thread has nobody to raise to
            failed.append(error)
            together.abort()

    threads = [threading.Thread(target=make) for _ in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [error for error in failed if not isinstance(error, threading.BrokenBarrierError)] == []
    lake = Lake.open(settings)
    assert all(set(lake.delta(table).schema().to_arrow().names) >= {"key", "value"} for table in newer)


def test_an_endpoint_that_does_not_answer_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        variables = {
            "CODECOMMONS_HOME": str(tmp_path),
            "CODECOMMONS_LAKE": "s3://lakes/none",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{nobody.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        with pytest.raises(LakeError, match=r"Could not connect to the endpoint URL.*; is the endpoint right"):
            Lake.open(Settings.from_environment(variables))


def test_a_lake_may_lie_under_a_path_with_blanks_and_accents(tmp_path):
    folder = tmp_path / "a b" / "é&ü#1"
    lake = Lake.open(Settings(home=folder, lake=str(folder / "lake"), workers=0))
    everything = blobs(1, 20) | blobs(2, 5)
    put(lake, [blobs(1, 20)])
    put(lake, [everything])
    assert held(lake).equals(expected(everything))
    with lake.sql() as connection:
        assert connection.sql("select count(*) from content").fetchall() == [(len(everything),)]


@pytest.mark.parametrize("name", ["100%", "a*", "what?", "[1]"])
def test_a_path_that_readers_take_for_something_else_is_refused_before_anything_is_there(name, settings):
    with pytest.raises(LakeError, match="choose another"):
        Lake.open(dataclasses.replace(settings, lake=str(settings.home / name)))
    assert not settings.home.exists()
