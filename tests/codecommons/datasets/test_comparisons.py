# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import shutil

import numpy as np
import polars as pl
import pytest

from codecommons.datasets import comparisons, facts
from codecommons.datasets.comparisons import Comparisons

# Similarity of two contents, by what they are called.
ALIKE = {(1, 2): 0.8, (1, 3): 0.0, (2, 3): 0.9, (3, 4): 0.75}


def made(folder, uncompared=""):
    """Facts of five contents, the first of which is in two rows."""
    contents = [0, 0, 1, 2, 3, 4]
    texts = {name: [str(one) for one in contents] for name in ("origin", "anchor", "license")}
    rows = pl.DataFrame(texts | {"content": [bytes([one]) * 20 for one in contents], "path": [b"x"] * 6, "length": contents})
    rows = rows.with_columns(content_id=pl.Series(contents, dtype=pl.UInt32))
    pairs = pl.DataFrame(schema={"similarity": pl.Float64, "a": pl.UInt32, "b": pl.UInt32})
    facts.write(folder, rows, 5, pairs, uncompared)
    return facts.read(folder)


@pytest.fixture
def known(tmp_path):
    return made(tmp_path)


class Plan:
    """Asks for pairs of contents, and notes which of them had to be compared."""

    def __init__(self, known):
        self.compared = []
        self.comparisons = Comparisons(known, self.compare)

    def compare(self, texts, left, right):
        names = [text[0] for text in texts.to_pylist()]
        pairs = [tuple(sorted((names[one], names[other]))) for one, other in zip(left, right, strict=True)]
        self.compared += pairs
        return np.array([ALIKE[pair] for pair in pairs])

    def asks(self, *pairs):
        # Content n is in row n + 1.
        one, other = (np.array(end, np.int64) + 1 for end in zip(*pairs, strict=True))
        assert self.comparisons.of(one, other).tolist() == [ALIKE[min(pair), max(pair)] for pair in pairs]
        self.comparisons.keep()
        return self.compared


def test_what_one_plan_compared_no_later_one_compares_and_the_rest_is_compared(known):
    assert Plan(known).asks((2, 3), (1, 2)) == [(2, 3), (1, 2)]
    assert Plan(known).asks((3, 1), (3, 2), (2, 1)) == [(1, 3)]
    assert Plan(known).asks((1, 3), (3, 4), (2, 1)) == [(3, 4)]
    assert Plan(known).asks(*ALIKE) == []


def test_two_plans_at_once_find_the_same_and_what_both_compared_is_kept(known):
    one, other = Plan(known), Plan(known)
    assert one.asks((1, 2), (2, 3)) == [(1, 2), (2, 3)]
    assert other.asks((1, 2), (3, 4)) == [(1, 2), (3, 4)]
    assert Plan(known).asks((1, 2), (2, 3), (3, 4)) == []


def test_a_flipped_byte_anywhere_or_a_missing_end_is_found_and_pairs_are_compared_again(known):
    Plan(known).asks(*ALIKE)
    whole = (known.place / "compared").read_bytes()
    broken = [whole[: len(whole) // 2], b"", *(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :] for at in range(len(whole)))]
    for data in broken:
        (known.place / "compared").write_bytes(data)
        assert Plan(known).asks(*ALIKE) == [*ALIKE]
        assert (known.place / "compared").read_bytes() == whole


def test_what_was_compared_for_other_facts_counts_for_nothing_here(known, tmp_path):
    Plan(known).asks((1, 2))
    assert Plan(made(tmp_path, "other")).asks((1, 2)) == [(1, 2)]


def test_of_more_than_are_kept_those_stay_that_were_asked_for_last(known, monkeypatch):
    monkeypatch.setattr(comparisons, "MOST", 1)
    Plan(known).asks((1, 2), (1, 3))
    Plan(known).asks((2, 3))
    assert Plan(known).asks((2, 3)) == []
    assert Plan(known).asks((1, 2)) == [(1, 2)]


def test_where_nothing_can_be_kept_plans_compare_each_time(known):
    shutil.rmtree(known.place)
    assert [Plan(known).asks((1, 2)) for _ in range(2)] == [[(1, 2)]] * 2
    assert not known.place.exists()
