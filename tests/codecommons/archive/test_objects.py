# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from dataclasses import replace

import polars as pl
import pytest

from codecommons.archive.objects import Rows
from codecommons.engine.local import InlineEngine
from codecommons.errors import ItemError
from codecommons.lake import Lake
from codecommons.swhid import content_id, hash_content


@pytest.mark.parametrize("batch_bytes", [1, 2000, 32 << 20])
def test_an_attempt_that_fails_leaves_nothing_whatever_the_batches(batch_bytes, settings, tmp_path):
    lake = Lake.open(replace(settings, batch_bytes=batch_bytes))

    def put(rows, *contents):
        for content in contents:
            rows.content(content_id(content), content)

    def fail(rows):
        put(rows, b"bad", b"y" * 3000, b"shared", b"later")
        raise ItemError("bomb", "it is one")

    with lake.staging("test") as area:
        rows = Rows(area, "test")
        put(rows, b"before")
        with rows.all_or_nothing():
            put(rows, b"good", b"x" * 3000, b"shared")
        with pytest.raises(ItemError), rows.all_or_nothing():
            fail(rows)
        with rows.all_or_nothing():
            put(rows, b"later")
        lake.commit(area, [rows.close()], InlineEngine())
    found = {bytes(row) for row in lake.scan("content_data").collect()["data"]}
    assert found == {b"before", b"good", b"x" * 3000, b"shared", b"later"}
    assert lake.scan("content").select(pl.len()).collect().item() == 5


@pytest.mark.parametrize("batch_bytes", [1 << 12, 32 << 20])
def test_every_content_is_stored_with_the_hashes_of_its_bytes(batch_bytes, settings):
    lake = Lake.open(replace(settings, batch_bytes=batch_bytes))
    contents = {content_id(data): data for data in (bytes([size % 251]) * size for size in (*range(0, 200, 3), 70_000, 5 << 20))}
    with lake.staging("test") as area:
        rows = Rows(area, "test")
        for identifier, data in contents.items():
            rows.content(identifier, data)
        lake.commit(area, [rows.close()], InlineEngine())
    stored = lake.scan("content").select("sha1_git", "sha1", "sha256", "blake2s256", "length").collect().rows()
    assert sorted(stored) == sorted((*hash_content(data), len(data)) for data in contents.values())
