# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import itertools

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.datasets.repositories import similar_repositories

SETS = st.lists(st.sets(st.integers(0, 15), max_size=10), max_size=8)


def rows(sets):
    files = [(number, bytes([content])) for number, contents in enumerate(sets) for content in sorted(contents)]
    return pl.DataFrame(files, schema={"repository": pl.UInt32, "content": pl.Binary}, orient="row")


@settings(max_examples=150, deadline=None)
@given(SETS, st.sampled_from([0.3, 0.5, 0.75, 0.8, 1.0]))
def test_exactly_the_pairs_that_reach_the_threshold_are_found(sets, threshold):
    wanted = [
        (a, b, len(sets[a] & sets[b]) / len(sets[a] | sets[b]))
        for a, b in itertools.combinations(range(len(sets)), 2)
        if sets[a] & sets[b] and len(sets[a] & sets[b]) >= threshold * len(sets[a] | sets[b]) - 1e-9
    ]
    assert similar_repositories(rows(sets), threshold).rows() == wanted


def test_a_file_that_everybody_has_brings_nobody_together():
    sets = [{0, *range(10 * number + 1, 10 * number + 6)} for number in range(20)]
    assert not similar_repositories(rows([{one % 256 for one in each} for each in sets]), 0.5).height


def test_a_file_that_occurs_twice_in_a_repository_counts_once():
    twice = pl.concat([rows([{1, 2}, {1, 2}]), rows([{1}])])
    assert similar_repositories(twice, 0.9).rows() == [(0, 1, pytest.approx(1.0))]
