# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import itertools
import random
import resource
import time

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.datasets.repositories import elect_repositories

SETS = st.lists(st.sets(st.integers(0, 15), max_size=10), max_size=12)


def rows(sets):
    files = [(number, bytes([content])) for number, contents in enumerate(sets) for content in sorted(contents)]
    return pl.DataFrame(files, schema={"repository": pl.UInt32, "content": pl.Binary}, orient="row")


@pytest.fixture(scope="session")
def by_pairs(elect_known):
    """The election among all pairs that reach the threshold, each compared."""

    def elected(sets, threshold):
        similar = [
            (bytes([a]), bytes([b]), len(sets[a] & sets[b]) / len(sets[a] | sets[b]))
            for a, b in itertools.combinations(range(len(sets)), 2)
            if sets[a] & sets[b] and len(sets[a] & sets[b]) >= threshold * len(sets[a] | sets[b]) - 1e-9
        ]
        ranks = pl.DataFrame(
            {"content": [bytes([number]) for number in range(len(sets))], "rank": range(len(sets))},
            schema={"content": pl.Binary, "rank": pl.UInt32},
        )
        pairs = pl.DataFrame(similar, schema={"a": pl.Binary, "b": pl.Binary, "similarity": pl.Float64}, orient="row")
        return elect_known(ranks, pairs).rows()

    return elected


@settings(max_examples=300, deadline=None)
@given(SETS, st.sampled_from([0.3, 0.5, 0.75, 0.8, 1.0]))
def test_it_is_the_election_among_exactly_the_pairs_that_reach_the_threshold(by_pairs, sets, threshold):
    assert elect_repositories(rows(sets), threshold).rows() == by_pairs(sets, threshold)


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_so_it_is_with_more_contents_than_a_set_has_bits(threshold, by_pairs):
    draw = random.Random(7)
    sets = [set(draw.sample(range(250), draw.randint(20, 60))) for _ in range(40)]
    for one in list(sets):
        sets.append({*draw.sample(sorted(one), len(one) - draw.randint(0, 9)), *draw.sample(range(250), draw.randint(0, 9))})
    found = elect_repositories(rows(sets), threshold).rows()
    assert found == by_pairs(sets, threshold)
    assert len(found) > 5


def test_a_file_that_everybody_has_brings_nobody_together():
    sets = [{0, *range(10 * number + 1, 10 * number + 6)} for number in range(20)]
    assert not elect_repositories(rows([{one % 256 for one in each} for each in sets]), 0.5).height


def test_a_file_that_occurs_twice_in_a_repository_counts_once():
    twice = pl.concat([rows([{1, 2}, {1, 2}]), rows([{1}])])
    assert elect_repositories(twice, 0.9).rows() == [(1, 0, pytest.approx(1.0))]


def test_a_licence_text_that_a_hundred_thousand_small_repositories_hold_costs_each_one_look():
    numbers = pl.DataFrame({"repository": range(100_000)}, schema={"repository": pl.UInt32})
    own = numbers.select("repository", content=pl.col("repository").cast(pl.String).cast(pl.Binary))
    start = time.process_time()
    gone = elect_repositories(pl.concat([own, numbers.with_columns(content=pl.lit(b"licence"))]), 0.5)
    assert not gone.height
    # Five thousand million pairs share it; looking at each took 67 s.
    assert time.process_time() - start < 20


def test_repositories_of_ten_of_the_same_forty_files_are_told_apart_by_their_bits():
    count = 20_000
    chosen = np.argsort(np.random.default_rng(1).random((count, 40)), axis=1)[:, :10]
    files = pl.DataFrame({"repository": np.repeat(np.arange(count, dtype=np.uint32), 10), "content": chosen.ravel()})
    start = time.process_time()
    gone = elect_repositories(files.with_columns(pl.col("content").cast(pl.String).cast(pl.Binary)), 0.7)
    assert 0 < gone.height < count // 100
    # A hundred million pairs share their rarest file; comparing each took a quarter of a minute, a look at its bits 0.3 s.
    assert time.process_time() - start < 5


def test_thousands_of_forks_are_looked_up_among_those_that_stay_and_make_no_pair_of_forks():
    forks, files = 20_000, 20
    numbers = pl.DataFrame({"repository": range(forks)}, schema={"repository": pl.UInt32})
    common = pl.DataFrame({"file": range(files)})
    same = numbers.join(common, how="cross").select("repository", content=pl.col("file").cast(pl.String).cast(pl.Binary))
    # Every fork has a file of its own; pairs of them would be 200 million.
    own = numbers.select("repository", content=(b"own " + pl.col("repository").cast(pl.String).cast(pl.Binary)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gone = elect_repositories(pl.concat([same, own]), 0.9)
    assert gone.height == forks - 1
    assert gone["kept"].unique().to_list() == [0]
    assert set(gone["similarity"]) == {files / (files + 2)}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # KiB
