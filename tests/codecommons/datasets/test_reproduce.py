# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Releases made again, and two releases side by side."""

import dataclasses
import itertools
import json
import re
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from codecommons.annotate import current
from codecommons.annotate.annotators import encoding, language, secrets
from codecommons.archive.views import visited_trees
from codecommons.datasets import build, list_releases, releases_differ, reproduce, verify
from codecommons.datasets.election import DROPPED
from codecommons.dedup import WORDS
from codecommons.engine.local import InlineEngine
from codecommons.errors import GateError
from codecommons.license import policy
from codecommons.optout import desk
from codecommons.optout.requests import Request, Submission
from codecommons.swhid import content_id

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


def test_a_fork_that_comes_for_a_repository_that_was_withdrawn_and_those_that_make_room_for_it_are_elected_anew(world):
    files = [f"{number} = {number}\n".encode() for number in range(8)]
    held = {"a": files[:4], "b": files[:6], "c": files[2:]}  # b is like a and like c, which are not alike
    for at, (name, texts) in enumerate(held.items()):
        own = {f"{number}.py": text for number, text in enumerate(texts)}
        world.add(f"https://forge.example/{name}", own, source="git", date=1_400_000_000 + at)
    world.passed()
    build(
        world.lake,
        ENGINE,
        world.specify("forks", "{deduplicate: {repositories: 0.5, threshold: null}, filters: {min_length: 0}}"),
    )
    opt_out(world, "https://forge.example/a")
    found = reproduce(world.lake, ENGINE, "forks")
    assert found.problems == ()
    assert (found.rows, len(found.withdrawn)) == (6, 4)
    assert {(row.rule, re.search("forge.example/(.)", row.swhid)[1]) for row in found.elected} == {
        ("near_repository", "b"),
        ("near_repository", "c"),
    }


def test_a_copy_that_was_withdrawn_changes_what_is_told_of_the_one_that_stays(world):
    for number, name in enumerate("ab"):
        world.add(f"pkg:pypi/{name}", {"a.py": b"a = 1\n"}, date=1_400_000_000 + number)
    world.passed()
    build(world.lake, ENGINE, world.specify("marked", "{deduplicate: {keep: all}, filters: {min_length: 0}}"))
    opt_out(world, "pkg:pypi/b")
    found = reproduce(world.lake, ENGINE, "marked")
    assert (found.rows, found.withdrawn, found.problems) == (1, (), ())
    assert len(found.told) > 0


@pytest.fixture
def crowd(world):
    """Releases texts by order of preference that share a band with others, which no dataset wants: more than are compared."""

    def bring(alike: dict[int, tuple[int, slice]]) -> None:
        """All are unlike; but some are as another one with other words in a part of it."""
        unlike = sorted((" ".join(f"u{n}x{k}" for k in range(40)).encode() for n in range(4 * WORDS.anchors)), key=content_id)
        compared, wanted = unlike[: WORDS.anchors], unlike[WORDS.anchors : 2 * WORDS.anchors + 4]
        for place, (model, part) in alike.items():
            for number in itertools.count():
                words = wanted[model].split()
                words[part] = [b"other%d" % number] * 6
                wanted[place] = b" ".join(words)
                if content_id(wanted[place]) > content_id(compared[-1]):  # else the lake would have compared it
                    break
        world.add("pkg:pypi/anchors", {f"{n}.py": text for n, text in enumerate(compared)}, verdict="copyleft", license="GPL-2.0")
        for number, text in enumerate(wanted):
            world.add(f"pkg:pypi/p{number}", {"a.py": text}, date=1_400_000_000 + number)
        key, value = WORDS.key(world.settings), b"a crowd!"
        world.rows["crowded_band"].append({"configuration": key, "value": value})
        world.rows["band"] += [{"configuration": key, "value": value, "content": content_id(one)} for one in (*compared, *wanted)]
        world.passed()
        build(world.lake, ENGINE, world.specify("crowd", LINES))

    return bring


FIRST, LAST = slice(0, 6), slice(-6, None)
IN_A_CROWD = {
    "one more leads: the first of two that are alike, so that the second goes": (
        {WORDS.anchors + 1: (WORDS.anchors, FIRST)},
        WORDS.anchors + 2,
        {WORDS.anchors + 1},
    ),
    "two come in the place of one, so that another one leads no more, and who is like that comes, too": (
        {1: (0, FIRST), 2: (0, LAST), WORDS.anchors + 3: (WORDS.anchors + 1, FIRST)},
        WORDS.anchors + 3,
        {1, 2, WORDS.anchors + 3},
    ),
}


@pytest.mark.parametrize(("alike", "stay", "moved"), IN_A_CROWD.values(), ids=IN_A_CROWD)
def test_in_a_crowd_of_unlike_texts_a_removal_changes_who_is_compared_and_that_is_told_as_its_consequence(
    world, crowd, alike, stay, moved
):
    crowd(alike)
    assert reproduce(world.lake, ENGINE, "crowd").problems == ()
    opt_out(world, "pkg:pypi/p0")
    found = reproduce(world.lake, ENGINE, "crowd")
    assert (found.rows, found.problems) == (stay, ())
    assert {int(re.search("pypi/p([0-9]+);", row.swhid)[1]) for row in found.elected} == moved


def test_in_a_crowd_a_row_that_changes_without_a_removal_is_a_failure(world, crowd, monkeypatch):
    crowd({WORDS.anchors + 1: (WORDS.anchors, FIRST)})
    monkeypatch.setattr("codecommons.datasets.selection.elect", lambda ranks, known, threshold: DROPPED.to_frame())
    assert reproduce(world.lake, ENGINE, "crowd").problems == ()
    known = pl.DataFrame({"rank": [WORDS.anchors + 1], "kept": [WORDS.anchors], "similarity": [0.8]}, DROPPED)
    monkeypatch.setattr("codecommons.datasets.selection.elect", lambda ranks, *_: known)
    [problem] = reproduce(world.lake, ENGINE, "crowd").problems
    assert "is not there any more: near_duplicate" in problem


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


def test_a_release_is_made_again_from_its_own_annotations_and_decisions_after_rules_have_changed(released, monkeypatch):
    pinned = list_releases(released.lake, "all")[0].document["inputs"]
    for module in (encoding, language, secrets):
        monkeypatch.setattr(module, "ANNOTATOR", dataclasses.replace(module.ANNOTATOR, version=module.ANNOTATOR.version + 1))
    assert current(released.settings)["secrets"].digest != pinned["annotators"]["secrets"]
    assert policy(released.settings, "permissive").key(released.settings) != pinned["policy"]
    found = reproduce(released.lake, ENGINE, "all")
    assert (found.problems, found.withdrawn, found.elected) == ((), (), ())
    assert found.rows == list_releases(released.lake, "all")[0].document["result"]["rows"]
    with pytest.raises(GateError, match="its code or configuration has changed since"):
        build(released.lake, ENGINE, "all")
