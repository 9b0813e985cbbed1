# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Tables are opened once, and whoever reads them sees all the same what others have done."""

import dataclasses
import shutil

import pyarrow as pa

from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.lake.commits import try_commit
from codecommons.lake.schemas import TABLES
from codecommons.lake.snapshots import newest
from codecommons.lake.storage import Storage

ORIGIN = TABLES["origin"]


def put(lake, *urls):
    with lake.staging("test") as area:
        writer = area.writer("task")
        ids = pa.array([url.encode().ljust(20, b".") for url in urls], pa.binary())
        writer.add("origin", pa.table({"id": ids, "url": list(urls)}))
        lake.commit(area, [writer.close()], InlineEngine())


def urls(lake):
    return sorted(lake.scan("origin").collect()["url"])


def test_what_somebody_else_commits_is_seen_at_once_and_nothing_is_opened_before(any_settings):
    reader, writer = Lake.open(any_settings), Lake.open(any_settings)
    put(writer, "a")
    assert urls(reader) == ["a"]
    before = newest(reader.storage, ORIGIN)
    assert newest(reader.storage, ORIGIN) is before
    for url in "bcdefghijkl":  # more than Delta has between two checkpoints
        put(writer, url)
        assert urls(reader)[-1] == url
    assert newest(reader.storage, ORIGIN) is not before
    writer.compact(InlineEngine(), "origin", 1)
    assert urls(reader) == list("abcdefghijkl")
    assert len(reader.files("origin")) < len(before.files) + 11


def test_a_table_that_stands_in_for_another_of_the_same_version_is_seen(settings):
    lake = Lake.open(settings)
    folder, copy = lake.storage.path("origin"), settings.home / "copy"
    shutil.copytree(folder, copy)
    put(lake, "old")
    assert urls(lake) == ["old"]
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    put(Lake.open(settings), "new")
    assert urls(lake) == ["new"]


def test_who_changes_a_table_does_not_move_it_under_those_who_read_it(lake):
    put(lake, "a")
    put(lake, "b")
    shared = newest(lake.storage, ORIGIN)
    version, mine = shared.delta.version(), lake.delta("origin")
    mine.delete("url = 'a'")
    assert mine.version() > version == shared.delta.version()
    assert urls(lake) == ["b"]


def test_a_commit_leaves_the_version_that_it_was_made_on_where_it_is(lake):
    put(lake, "a")
    shared = newest(lake.storage, ORIGIN)
    version = shared.delta.version()
    put(lake, "b")
    assert shared.delta.version() == version
    assert newest(lake.storage, ORIGIN).delta.version() == version + 1
    assert not try_commit(shared.delta, ORIGIN, [shared.files[0].remove()], {}), "it is not the newest one any more"
    assert urls(lake) == ["a", "b"]


def test_a_log_without_its_entries_is_opened_each_time(lake):
    put(lake, "a")
    lake.delta("origin").create_checkpoint()
    for entry in lake.fs.glob(lake.path("origin", "_delta_log", "*.json")):
        lake.fs.rm(entry)
    first = newest(lake.storage, ORIGIN)
    assert first.entry is None
    assert newest(lake.storage, ORIGIN) is not first
    assert urls(lake) == ["a"]


def test_lakes_that_a_process_opens_one_after_the_other_share_their_connection_to_s3(settings_on_s3):
    first, again = Lake.open(settings_on_s3), Lake.open(settings_on_s3)
    assert first.storage.fs is again.storage.fs, "each of its own takes 15 MB, and a server opens the lake every minute"
    other = dataclasses.replace(settings_on_s3, storage_options=(("AWS_ACCESS_KEY_ID", "another"),))
    assert Storage(other).fs is not first.storage.fs
