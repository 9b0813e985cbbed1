# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Compaction: fewer files, the same rows in the order of their keys, and readers that go on."""

import dataclasses
import random
import threading

import polars as pl
import pyarrow as pa
import pytest

from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.lake.files import data_files
from codecommons.lake.garbage import garbage


def put(lake: Lake, numbers: list[int]) -> None:
    with lake.staging("test") as area:
        writer = area.writer("task")
        ids = pa.array([random.Random(n).randbytes(20) for n in numbers], pa.binary())
        writer.add("origin", pa.table({"id": ids, "url": [f"u{n}" for n in numbers]}))
        writer.add(
            "directory_entry",
            pa.table(
                {
                    "directory_id": pa.concat_arrays([ids, ids]),
                    "name": pa.array([b"a"] * len(numbers) + [b"b"] * len(numbers), pa.binary()),
                    "type": ["file"] * 2 * len(numbers),
                    "target": pa.concat_arrays([ids, ids]),
                    "perms": pa.array([0o100644] * 2 * len(numbers), pa.int32()),
                }
            ),
        )
        lake.commit(area, [writer.close()], InlineEngine())


def files(lake: Lake, table: str) -> dict[str, bytes]:
    """The data files of a table by bucket, which has one."""
    found = {dict(file.partition)["bucket"]: lake.path(table, file.path) for file in data_files(lake.delta(table))}
    assert len(found) == len(data_files(lake.delta(table)))
    return {bucket: lake.fs.cat_file(path) for bucket, path in sorted(found.items())}


def test_the_result_is_a_function_of_the_rows_and_not_of_the_commits_they_came_in(any_lake, settings, fresh_lake):
    other = fresh_lake(settings)
    for numbers in ([1, 2, 3, 4, 5, 6, 7], [8, 9], [10, 11, 12]):
        put(any_lake, numbers)
    for numbers in ([12, 8, 1], [2, 11, 10, 9], [3, 4], [7, 6, 5]):
        put(other, numbers)
    before = any_lake.scan("directory_entry").sort(pl.all()).collect()
    for lake in (any_lake, other):
        for table in ("origin", "directory_entry"):
            some, fewer = lake.compact(InlineEngine(), table, most=1)
            assert some > fewer > 0
    assert any_lake.scan("directory_entry").sort(pl.all()).collect().equals(before)
    for table in ("origin", "directory_entry"):
        assert files(any_lake, table) == files(other, table)
        assert any_lake.compact(InlineEngine(), table, most=1) == (0, 0), "there is nothing left to do"


def test_who_reads_while_files_are_merged_goes_on(lake: Lake):
    for number in range(0, 60, 3):
        put(lake, [number, number + 1, number + 2])
    held, wrong = lake.scan("directory_entry"), []
    merged = threading.Event()

    def read() -> None:
        while not merged.is_set():
            wrong.extend({lake.scan("directory_entry").select(pl.len()).collect().item()} - {120})

    reader = threading.Thread(target=read)
    reader.start()
    lake.compact(InlineEngine(), "directory_entry", most=1)
    merged.set()
    reader.join()
    assert wrong == []
    assert held.select(pl.len()).collect().item() == 120, "who began before the merge has the files of then"
    assert garbage(lake) == [], "and keeps them for a day"


@pytest.mark.parametrize("meanwhile", ["added", "taken out"])
def test_what_others_commit_meanwhile_is_neither_lost_nor_brought_back(settings, fresh_lake, monkeypatch, meanwhile):
    lake = fresh_lake(dataclasses.replace(settings, bucket_bits=0))
    put(lake, [1, 2, 3])
    put(lake, [4, 5, 6])
    exchange = Lake._exchange

    def late(self: Lake, name: str, one: object) -> None:
        monkeypatch.setattr(Lake, "_exchange", exchange)
        if meanwhile == "added":
            put(self, [7])
        else:
            from codecommons.lake.erasing import erase

            erase(self.storage, "origin", {"id": self.scan("origin").filter(pl.col("url") == "u1").collect()["id"]})
        exchange(self, name, one)

    monkeypatch.setattr(Lake, "_exchange", late)
    lake.compact(InlineEngine(), "origin", most=1)
    urls = {f"u{n}" for n in ([1, 2, 3, 4, 5, 6, 7] if meanwhile == "added" else [2, 3, 4, 5, 6])}
    assert sorted(lake.scan("origin").collect()["url"]) == sorted(urls)
