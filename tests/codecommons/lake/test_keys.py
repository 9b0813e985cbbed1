# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a table holds is found out range by range, and comes out as if all of it had been read at once."""

import hashlib
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.lake.schemas import HASH, Table

SAID = Table(
    "annotation_said",
    "Test.",
    (pa.field("digest", pa.string()), pa.field("content", HASH), pa.field("name", pa.binary())),
    ("digest", "content", "name"),
    partition=("digest",),
)


def said(numbers: range, digest: str, name: bytes = b"a") -> pl.DataFrame:
    ids = [hashlib.sha1(b"%d" % number).digest() for number in numbers]
    return pl.DataFrame({"digest": [digest] * len(ids), "content": ids, "name": [name] * len(ids)})


def put(lake: Lake, table: str, *rows: pa.Table) -> None:
    for some in rows:
        with lake.staging("test") as area:
            writer = area.writer("task")
            writer.add(table, some)
            lake.commit(area, [writer.close()], InlineEngine())


@pytest.mark.parametrize("at_once", [3, 1 << 20])
def test_keys_are_missing_that_no_row_has_whatever_is_read_at_once(any_lake: Lake, monkeypatch, at_once: int) -> None:
    monkeypatch.setattr("codecommons.lake.keys._AT_ONCE", at_once)
    any_lake.register(SAID)
    there = pl.concat([said(range(0, 90, 2), "one"), said(range(30), "two"), said(range(5), "one", b"b")])
    put(any_lake, SAID.name, there[:60].to_arrow(), there[60:].to_arrow())
    asked = pl.concat([said(range(99), "one"), said(range(99), "two"), said(range(9), "one", b"b"), said(range(3), "never")])
    asked = asked.sample(fraction=1, shuffle=True, seed=1)
    expected = asked.join(there, on=SAID.key, how="anti", maintain_order="left")
    assert any_lake.keys_missing(SAID, asked).equals(expected)
    assert any_lake.keys_missing(SAID, there).height == any_lake.keys_missing(SAID, asked.clear()).height == 0


def test_only_buckets_that_are_asked_for_are_read(lake: Lake) -> None:
    ids = [bytes([top]) + bytes(19) for top in (0, 64, 128, 192)]
    put(lake, "origin", pa.table({"id": pa.array(ids, pa.binary()), "url": ["a", "b", "c", "d"]}))
    for path in Path(lake.path("origin")).glob("bucket=[123]/*.parquet"):
        path.unlink()
    asked = pl.DataFrame({"id": [ids[0], bytes(19) + b"x"]})
    assert lake.keys_missing("origin", asked)["id"].to_list() == [bytes(19) + b"x"]
