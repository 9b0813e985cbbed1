# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import hashlib

import polars as pl
import pyarrow as pa
import pytest

from codecommons.datasets.rows import MARKS, ROW, assign, qualified, repository, row_schema, row_text
from codecommons.datasets.shards import rows_digest
from codecommons.datasets.specification import Redact
from codecommons.swhid import Swhid, content_id

# What a row has before its text is read.
COLUMNS = {
    name: kind for name, kind in [*zip(ROW.names, ROW.types, strict=True), *MARKS.items()] if name not in ("text", "redactions")
}


def rows(*files):
    columns = {"origin": pl.String, "path": pl.Binary, "content": pl.Binary, "anchor": pl.String, "length": pl.Int64}
    return pl.DataFrame(
        [(origin, path, path, "swh:1:rel:0", length) for origin, path, length in files], schema=columns, orient="row"
    )


def test_an_origin_goes_to_the_bucket_of_its_hash_whoever_else_is_there():
    origins = [f"pkg:pypi/p{n}" for n in range(50)]
    everyone = assign(rows(*((origin, b"a", 1) for origin in origins)), 4, 1 << 30)
    for origin in origins:
        bucket = hashlib.sha256(origin.encode()).hexdigest()[0]
        assert everyone.filter(origin=origin)["shard"].item() == bucket
        assert assign(rows((origin, b"a", 1)), 4, 1 << 30)["shard"].item() == bucket


def test_rows_stand_in_order_of_origin_and_path():
    mixed = assign(rows(("b", b"2", 1), ("a", b"\xff", 1), ("b", b"1", 1), ("a", b"z", 1)), 0, 1 << 30)
    assert mixed.select("origin", "path").rows() == [("a", b"z"), ("a", b"\xff"), ("b", b"1"), ("b", b"2")]


def test_a_split_origin_keeps_its_parts_when_a_file_comes():
    files = [("big", b"f%d" % n, 100) for n in range(40)]
    before = assign(rows(*files), 0, 900)
    after = assign(rows(*files, ("big", b"new", 1), ("small", b"s", 1)), 0, 900)
    assert before["shard"].n_unique() > 1
    same = after.join(before, on=["origin", "path"], suffix="_before")
    assert (same["shard"] == same["shard_before"]).all()
    assert after.filter(origin="small")["shard"].item() == "0"


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("pkg:pypi/requests", "pypi/requests"),
        ("pkg:npm/%40types/node", "npm/%40types/node"),
        ("https://forge.example/eve/gamma.git", "eve/gamma"),
        ("https://forge.example/gamma", "gamma"),
        ("file:///home/eve/gamma", "eve/gamma"),
    ],
)
def test_a_repository_has_a_readable_name(origin, name):
    assert repository(origin) == name


def test_identifiers_made_by_column_are_those_that_are_made_one_by_one():
    paths = [b"a/b.py", b"", b"a;b%\n.py", b"\xff", "ü ~/+,=:@".encode(), b"'\"<>", b"a b"]
    origins = ["pkg:npm/%40a/b", "https://h/a;b", None, "x", "x", "x", "x"]
    visits, anchors = ["swh:1:snp:" + "0" * 40, None] * 3 + [None], ["swh:1:rel:" + "1" * 40] * 5 + [None] * 2
    columns = {
        "content": [bytes([n] * 20) for n in range(7)],
        "origin": origins,
        "visit": visits,
        "anchor": anchors,
        "path": paths,
    }
    rows = pl.DataFrame(columns)
    found = rows.select(qualified("content", "origin", "anchor", "path", "visit")).to_series().to_list()
    assert found == [
        str(Swhid("cnt", content, origin=origin, visit=visit, anchor=anchor, path=b"/" + path))
        for content, origin, visit, anchor, path in rows.iter_rows()
    ]


def test_text_is_given_only_for_bytes_that_rehash_and_decode():
    data = "naïve".encode("latin-1")
    assert row_text(data, content_id(data), "iso8859-1") == "naïve".encode()
    assert row_text(data, content_id(data), "utf-8") is None
    assert row_text(data, content_id(b"other"), "iso8859-1") is None
    assert row_text(data, content_id(data), "no-such-codec") is None


def test_any_other_value_in_any_column_and_any_other_order_is_another_digest_of_rows():
    kinds = {
        name: pl.Int64 if kind == pa.int64() else pl.Float64 if kind == pa.float64() else pl.String
        for name, kind in COLUMNS.items()
    }
    first = {name: 1 if kind != pl.String else b"1" if name == "path" else "1" for name, kind in kinds.items()}
    second = {name: 2 if kind != pl.String else b"2" if name == "path" else "2" for name, kind in kinds.items()}
    schema = kinds | {"path": pl.Binary}
    both = pl.DataFrame([first, second], schema=schema)
    changed = [pl.DataFrame([first, second | {name: first[name]}], schema=schema) for name in COLUMNS]
    changed += [pl.DataFrame([first, second | {name: None}], schema=schema) for name in COLUMNS if name != "path"]

    def digested(one, secrets=None, escape=(), rules=(1,)):
        return rows_digest(one, row_schema(one.columns), Redact(secrets), escape, rules)

    digests = [digested(one) for one in (both, both.reverse(), both[:1], both.drop("copies"), *changed)]
    assert len(set(digests)) == len(digests) == 2 * len(COLUMNS) + 3
    assert digested(pl.concat([both[:1], both[1:]], rechunk=False)) == digests[0]
    asked = [digested(both, 0.5), digested(both, 0.6), digested(both, escape=("bars",)), digested(both, rules=(2,))]
    assert len({*digests, *asked}) == len(digests) + len(asked)
