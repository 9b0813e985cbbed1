# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.datasets.election import elect
from codecommons.datasets.inputs import Inputs
from codecommons.datasets.selection import Funnel, _one_copy
from codecommons.datasets.specification import Deduplicate
from codecommons.dedup.earlier import Known
from codecommons.dedup.tables import TABLES
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.settings import Settings

RANKS = {"content": pl.Binary, "rank": pl.UInt32}


def ranks(count):
    return pl.DataFrame({"content": [bytes([n]) for n in range(count)], "rank": range(count)}, schema=RANKS)


def pairs(*edges):
    rows = [(bytes([a]), bytes([b]), similarity) for a, b, similarity in edges]
    return pl.DataFrame(rows, schema={"a": pl.Binary, "b": pl.Binary, "similarity": pl.Float64}, orient="row")


def test_the_preferred_of_a_pair_stays_and_the_other_names_it(elect_known):
    assert elect_known(ranks(3), pairs((2, 0, 0.9))).rows() == [(2, 0, 0.9)]


def test_nothing_is_transitive_the_ends_of_a_chain_both_stay(elect_known):
    assert elect_known(ranks(3), pairs((0, 1, 0.8), (1, 2, 0.8))).rows() == [(1, 0, 0.8)]


def test_the_most_similar_kept_row_is_named_and_the_preferred_one_among_equals(elect_known):
    assert elect_known(ranks(3), pairs((0, 2, 0.8), (1, 2, 0.9))).rows() == [(2, 1, 0.9)]
    assert elect_known(ranks(3), pairs((0, 2, 0.9), (1, 2, 0.9))).rows() == [(2, 0, 0.9)]


def test_a_content_outside_the_dataset_wipes_out_nobody(elect_known):
    assert elect_known(ranks(2), pairs((1, 9, 0.99), (0, 9, 0.99))).height == 0


edges = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19), st.sampled_from([0.7, 0.8, 0.9])), max_size=60)


@settings(max_examples=200, deadline=None)
@given(edges, st.integers(1, 20))
def test_no_kept_pair_is_accepted_and_every_dropped_row_has_a_kept_partner(elect_known, edges, count):
    distinct = {(min(a, b), max(a, b)): (a, b, similarity) for a, b, similarity in edges if a != b}
    gone = {rank: (kept, similarity) for rank, kept, similarity in elect_known(ranks(count), pairs(*distinct.values())).rows()}
    inside = {pair: edge[2] for pair, edge in distinct.items() if pair[1] < count}
    assert not [pair for pair in inside if pair[0] not in gone and pair[1] not in gone]
    for rank, (kept, similarity) in gone.items():
        assert kept not in gone
        assert kept < rank
        assert inside[kept, rank] == similarity


crowds = st.lists(st.sets(st.integers(0, 19), min_size=2), max_size=4)


@settings(max_examples=300, deadline=None)
@given(edges, st.integers(1, 20), crowds, st.sampled_from([1, 2, 3, 20]), st.permutations(range(20)))
def test_in_crowds_that_nobody_compared_those_stay_who_would_if_everybody_had_been_compared(
    elect_known, edges, count, crowds, anchors, order
):
    crowds = [sorted(member for member in crowd if member < count) for crowd in crowds]
    together = {(low, high) for crowd in crowds for low in crowd for high in crowd if low < high}
    distinct = {(min(a, b), max(a, b)): similarity for a, b, similarity in edges if a != b and max(a, b) < count}
    order = [place for place in order if place < count]  # by preference, the place of each content
    ranked = pl.DataFrame({"content": [bytes([one]) for one in order], "rank": range(count)}, schema_overrides=RANKS)
    unknown, known = (
        pairs(*((a, b, s) for (a, b), s in distinct.items() if ((a, b) in together) == wanted)) for wanted in (1, 0)
    )
    place = {one: at for at, one in enumerate(order)}
    asked = []

    def compare(left, right):
        both = {tuple(sorted((order[a], order[b]))) for a, b in zip(left, right, strict=True)}
        assert both <= together
        assert both.isdisjoint(asked)
        asked.extend(both)
        return np.array([distinct.get(tuple(sorted((order[a], order[b]))), 0.0) for a, b in zip(left, right, strict=True)])

    rows = [(band, place[member]) for band, crowd in enumerate(crowds) for member in crowd]
    members = pl.DataFrame(rows, schema={"band": pl.UInt64, "place": pl.UInt32}, orient="row")
    gone = elect(ranked, Known(known.with_columns(accepted=True).lazy(), members, anchors, compare), 0.7)
    for rank, kept, similarity in gone.rows():
        assert kept not in gone["rank"]
        assert kept < rank
        assert distinct[tuple(sorted((order[rank], order[kept])))] == similarity
    everything = elect_known(ranked, pl.concat([known, unknown]))
    leading = [sorted(place[one] for one in crowd if place[one] not in gone["rank"]) for crowd in crowds]
    if all(len(crowd) <= anchors for crowd in leading):
        assert set(gone["rank"]) == set(everything["rank"])
    for crowd in leading:
        for leader in crowd[:anchors]:
            assert not [one for one in crowd if one > leader and tuple(sorted((order[one], order[leader]))) in distinct]


def test_a_hundred_thousand_copies_of_a_file_leave_one_and_each_of_the_others_names_it(tmp_path):
    lake = Lake.open(Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0))
    for table in TABLES:
        lake.register(table)
    rows = pl.DataFrame({"n": range(100_000)}).select(
        content=pl.lit(b"\x01" * 20),
        origin=pl.format("pkg:pypi/p{}", "n"),
        anchor=pl.lit("swh:1:rel:" + "0" * 40),
        path=pl.lit(b"copy.py"),
        verdict=pl.lit("permissive"),
        anchor_date=pl.lit(5, pl.Int64),
        since=pl.lit(5, pl.Int64),
        stars=pl.col("n") // 2,
        length=pl.lit(10, pl.Int64),
        language=pl.lit("Python"),
        source=pl.lit("pypi"),
    )
    funnel = Funnel(rows)
    _one_copy(
        funnel, Deduplicate(), lake, InlineEngine(), Inputs("", ({"slice": "2026-01-01", "source": "pypi"},), (), "", {}, "", "")
    )
    # Of the two with most stars, by name.
    assert funnel.rows["origin"].to_list() == ["pkg:pypi/p99998"]
    [exact, near] = funnel.drops
    assert (exact.height, near.height) == (99_999, 0)
    [[evidence]] = exact["evidence"].unique().to_list()
    assert "origin=pkg:pypi/p99998;" in evidence
