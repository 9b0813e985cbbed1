# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Releases made again, and two releases side by side."""

import json
import re
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from codecommons.archive.views import visited_trees
from codecommons.datasets import build, list_releases, releases_differ, reproduce, verify
from codecommons.engine.local import InlineEngine
from codecommons.optout import desk
from codecommons.optout.requests import Request, Submission

ENGINE = InlineEngine()
NOON = "2026-01-03T12:00:00+00:00"
LINES = "{shard: {bits: 4}, redact: {secrets: 0.5}, filters: {min_length: 0}}"


def opt_out(world, *values, scope="origin"):
    [one] = desk.submit(world.lake, Submission((Request(scope, values, None),), {"contact": "someone@example.org"}), NOON)
    return desk.verify(world.lake, one.id, visited_trees(world.lake), "checked by a test")


@pytest.fixture
def released(shop):
    build(shop.lake, ENGINE, shop.specify("all", LINES))
    return shop


def test_a_release_is_made_again_byte_for_byte_even_when_its_specification_says_something_else_by_now(released):
    released.specify("all", "{languages: [C]}")
    found = reproduce(released.lake, ENGINE, "all")
    assert (found.problems, found.withdrawn, found.elected) == ((), (), ())
    assert found.rows == list_releases(released.lake, "all")[0].document["result"]["rows"] > 5
    assert verify(released.lake, "all").passed


def test_after_a_removal_it_differs_in_what_was_withdrawn_and_in_what_was_elected_instead(released):
    one = opt_out(released, "pkg:pypi/alpha")
    found = reproduce(released.lake, ENGINE, "all")
    assert found.passed
    assert len(found.withdrawn) > 1
    assert {row.rule for row in found.withdrawn} == {"opt_out"}
    assert all(
        "origin=pkg:pypi/alpha;" in row.swhid and row.evidence[0].startswith(f"opt-out {one.id}") for row in found.withdrawn
    )
    # The near-duplicate in the repository had lost against the copy that went.
    [elected] = found.elected
    assert ("origin=https://forge.example/eve/gamma;" in elected.swhid, elected.rule) == (True, "near_duplicate")


def test_who_comes_in_the_place_of_one_that_was_withdrawn_may_push_out_another_in_whose_place_a_third_comes(world):
    texts = [f"{number} = {number}\n".encode() for number in range(4)]
    for number, text in enumerate(texts):
        world.add(f"pkg:pypi/p{number}", {"a.py": text}, date=1_400_000_000 + number)
    for one, other in pairwise(texts):
        world.pair(one, other, 0.8)
    world.passed()
    build(world.lake, ENGINE, world.specify("chain", LINES))
    opt_out(world, "pkg:pypi/p0")
    found = reproduce(world.lake, ENGINE, "chain")
    assert (found.rows, found.problems) == (2, ())
    assert ["p0;" in row.swhid for row in found.withdrawn] == [True]
    assert sorted(re.search("p[0-3];", row.swhid)[0] for row in found.elected) == ["p1;", "p2;", "p3;"]


def test_whatever_else_differs_is_a_failure_and_named(released):
    [one] = list_releases(released.lake, "all")
    path = Path(released.settings.lake, one.folder, "fingerprint.json")
    document = json.loads(path.read_text())
    document["result"]["shards"][0]["name"] = "0-" + "0" * 64 + ".parquet"
    path.write_text(json.dumps(document))
    assert any("differs, with the same rows" in problem for problem in reproduce(released.lake, ENGINE, "all").problems)
    document["inputs"]["specification"]["filters"] = {"min_length": 10}
    path.write_text(json.dumps(document))
    found = reproduce(released.lake, ENGINE, "all")
    assert not found.passed
    assert any("is not there any more: min_length" in problem for problem in found.problems)


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "tokens, vocabulary: 512"])
def test_what_differs_beside_what_was_withdrawn_is_a_failure_and_named(shop, kind):
    asked = "{shard: {bits: 4}, redact: {secrets: 0.5}, format: {kind: %s}}"
    build(shop.lake, ENGINE, shop.specify("all", asked % kind))
    opt_out(shop, "pkg:pypi/alpha")
    assert reproduce(shop.lake, ENGINE, "all").problems == ()
    [one] = list_releases(shop.lake, "all")
    root = Path(shop.settings.lake, one.folder)
    manifest = pl.read_parquet(root / "manifest.parquet")
    # A licence of a row that stayed in a shard that lost another one, and a shard that lost none.
    came = pl.col("origin") == "https://forge.example/eve/gamma"
    there = manifest.filter(came)["shard"].unique()
    odd = manifest.with_columns(license=pl.when(came).then(pl.lit("Zlib")).otherwise("license"))
    odd.write_parquet(root / "manifest.parquet")
    document = json.loads((root / "fingerprint.json").read_text())
    for shard in document["result"]["shards"]:
        if (
            shard["name"] not in there
            and not manifest.filter(pl.col("shard") == shard["name"])["origin"].is_in(["pkg:pypi/alpha"]).any()
        ):
            shard["sha256"] = "0" * 64
            changed = shard["name"]
    (root / "fingerprint.json").write_text(json.dumps(document))
    problems = reproduce(shop.lake, ENGINE, "all").problems
    assert f"data/{changed} differs, with the same rows" in problems
    assert any("origin=https://forge.example/eve/gamma;" in one and "described otherwise" in one for one in problems)


def test_two_releases_side_by_side_say_what_came_what_went_and_by_which_rule(released):
    released.add("pkg:pypi/delta", {"delta.py": b"print('new')\n"}, day="2026-01-05", date=1_600_000_000)
    released.passed()
    opt_out(released, "pkg:npm/beta")
    build(released.lake, ENGINE, "all")
    first, second = list_releases(released.lake, "all")
    found = releases_differ(released.lake, first, second)
    assert [("origin=pkg:pypi/delta;" in row.swhid, row.rule) for row in found.came] == [(True, "not_there")]
    assert {("origin=pkg:npm/beta;" in row.swhid, row.rule) for row in found.went} == {(True, "opt_out")}
    assert found.stayed + len(found.went) == first.document["result"]["rows"]
    assert found.stayed + len(found.came) == second.document["result"]["rows"]
    back = releases_differ(released.lake, second, first)
    assert ([row.swhid for row in back.went], len(back.came)) == ([row.swhid for row in found.came], len(found.went))
