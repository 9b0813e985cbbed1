# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import os
import shutil
import time

import numpy as np
import polars as pl
import pytest

from codecommons.datasets import counting, facts, plan
from codecommons.datasets.election import winners
from codecommons.datasets.specification import specification

ASKED = {
    "all": "{}",
    "exact": "deduplicate: {threshold: null}",
    "marked": "deduplicate: {keep: all}",
    "latest": "deduplicate: {order: [latest, shortest_path]}",
    "permissive": "{license: {accept: [non_permissive, permissive]}, deduplicate: {order: [permissive, popular]}}",
    "where": "where: path like '%.py' and (license = 'MIT' or origin like '%beta') and length > 3",
    "named": "names: ['*.py', 'READ*']",
    "patterns": "sources: [npm, 'pkg:pypi/al*']",
    "languages": "languages: [Python]",
    "filtered": "{filters: {set: stack-v2, max_line: 40}, exclude: [test, generated]}",
    "redacted": "redact: {secrets: 0.5}",
    "split": "shard: {bits: 3, cap_bytes: 1048576}",
    "nothing": "languages: [COBOL]",
}


@pytest.fixture
def chosen(monkeypatch):
    """Plans in the way that builds choose rows."""

    def planned(lake, asked):
        with monkeypatch.context() as patch:
            patch.setattr(counting, "countable", lambda _: False)
            return plan(lake, asked)

    return planned


@pytest.mark.parametrize("name", ASKED)
def test_what_is_counted_is_what_a_build_chooses(module_shop, chosen, name):
    asked = specification(module_shop.settings, module_shop.specify(name, ASKED[name]))
    assert counting.countable(asked)
    assert plan(module_shop.lake, asked) == chosen(module_shop.lake, asked)


def test_a_lake_that_has_changed_is_counted_anew(shop, chosen, monkeypatch):
    asked = specification(shop.settings, shop.specify("all", "{}"))
    made, files = [], facts.files
    monkeypatch.setattr(facts, "files", lambda *arguments: made.append(1) or files(*arguments))
    first = plan(shop.lake, asked)
    assert plan(shop.lake, asked) == first
    assert made == [1]
    # A dataset of other rows is counted over the same.
    other = specification(shop.settings, shop.specify("python", "languages: [Python]"))
    assert plan(shop.lake, other) == chosen(shop.lake, other)
    assert made == [1]
    shop.add("pkg:npm/more", {"more.py": b"more = 1\n"}, source="npm", day="2026-01-03")
    shop.passed()
    after = plan(shop.lake, asked)
    assert made == [1, 1]
    assert (after.rows, after.candidates) == (first.rows + 1, first.candidates + 1)
    assert after == chosen(shop.lake, asked)
    for number in range(facts.MOST):
        monkeypatch.setattr(facts, "code_version", lambda number=number: str(number))
        assert plan(shop.lake, asked) == after
    folder = shop.settings.cache / "plans"
    assert len(list(folder.iterdir())) == facts.MOST

    for name, age in ((".killed", 2 * 86_400), (".at-work", 60)):
        (folder / name).mkdir()
        (folder / name / "files.arrow").write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    monkeypatch.setattr(facts, "code_version", lambda: "another")
    plan(shop.lake, asked)
    assert [path.name for path in folder.glob(".*")] == [".at-work"]


@pytest.mark.parametrize("file", ["files.arrow", "names.arrow", "pairs.arrow", "note.json"])
def test_what_was_cut_short_is_made_again(module_shop, file):
    asked = specification(module_shop.settings, module_shop.specify("all", "{}"))
    first = plan(module_shop.lake, asked)
    whole = {place / file: (place / file).read_bytes() for place in (module_shop.settings.cache / "plans").iterdir()}
    for path, data in whole.items():
        path.write_bytes(data[: len(data) // 2])
    assert plan(module_shop.lake, asked) == first
    assert any(path.read_bytes() == data for path, data in whole.items()), "and takes the place of the damaged one"
    assert plan(module_shop.lake, asked) == first


@pytest.mark.parametrize("file", ["files.arrow", "names.arrow", "pairs.arrow", "note.json"])
def test_a_flipped_byte_anywhere_is_found_and_the_facts_are_made_again(module_shop, file, monkeypatch):
    asked = specification(module_shop.settings, module_shop.specify("all", "{}"))
    shutil.rmtree(module_shop.settings.cache / "plans", ignore_errors=True)
    first = plan(module_shop.lake, asked)
    [place] = (module_shop.settings.cache / "plans").iterdir()
    path = place / file
    whole = path.read_bytes()
    made, files = [], facts.files
    monkeypatch.setattr(facts, "files", lambda *arguments: made.append(1) or files(*arguments))
    for at in range(0, len(whole), -(-len(whole) // 3)):
        data = bytearray(whole)
        data[at] ^= 4
        path.write_bytes(data)
        made.clear()
        assert plan(module_shop.lake, asked) == first
        assert made == [1]
        assert path.read_bytes() == whole


def test_where_nothing_can_be_kept_plans_are_the_same(module_shop):
    asked = specification(module_shop.settings, module_shop.specify("all", "{}"))
    first = plan(module_shop.lake, asked)
    folder = module_shop.settings.cache / "plans"
    folder.rename(folder.with_name("aside"))
    folder.write_text("in the way")
    try:
        assert plan(module_shop.lake, asked) == first
    finally:
        folder.unlink()
        folder.with_name("aside").rename(folder)


def test_the_kept_row_most_similar_to_one_that_goes_is_named_and_of_equals_the_preferred_one():
    pairs = np.array([(0, 1, 0.8), (1, 2, 0.99), (2, 3, 0.8), (3, 0, 0.9), (4, 0, 0.8), (2, 4, 0.8), (5, 5, 1.0), (2, 6, 0.9)])
    found, score = winners(pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64), pairs[:, 2], 7)
    # 1 goes for 0; so 2, which is only like 1, stays; 3 is more like 0; 4 is as like 0 as 2.
    assert found.tolist() == [-1, 0, -1, 0, 0, -1, 2]
    assert score.tolist() == [0, 0.8, 0, 0.9, 0.8, 0, 0.9]


def test_texts_are_numbered_in_their_order(tmp_path):
    origins = ["b", None, "a", "é", "zz"] + [f"n{number}" for number in range(300)]
    texts = {"origin": origins, "anchor": origins, "license": origins}
    rows = pl.DataFrame(texts | {"content": [b"1"] * 305, "path": [b"\xff"] * 305, "length": range(305)})
    pairs = pl.DataFrame(schema={"similarity": pl.Float64, "a": pl.UInt32, "b": pl.UInt32})
    facts.write(tmp_path, rows, 1, pairs, "no")
    found = facts.read(tmp_path)
    assert found.rows["origin"].cast(pl.String).to_list() == origins
    assert found.rows["origin"].dtype.categories.is_sorted()
    assert found.shown(np.array([2, 0])).select("path", "license").rows() == [(b"\xff", "a"), (b"\xff", "b")]
    assert found.uncompared == "no"
