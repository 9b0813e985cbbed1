# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which of several similar rows stays. Runs inside one dataset, over rows that passed every other rule.

A winner outside the subset could wipe out its whole group, so nothing outside takes part (design section 7).

Of texts in a crowded band the lake knows only what its anchors are like, and whom a dataset prefers need not be one of them. So
the rows that stay are compared with those that lead a band: the first of it, in order of preference, that stay. Leaders turn out
to be alike, others come in their place and are compared in turn, until nobody is left to compare. Then no two rows stay that are
alike and share a band, and whoever goes is like one who stays: only one set of rows is so, that which taking one row after the
other would leave had everybody been compared with everybody. A band in which many are unlike has no more leaders than anchors;
what follows them there and is alike may stay. Whoever goes is like one who stays in any case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from codecommons.compiled import compiled
from codecommons.dedup.candidates import new_pairs
from codecommons.dedup.earlier import Known

DROPPED = pl.Schema({"rank": pl.UInt32, "kept": pl.UInt32, "similarity": pl.Float64})
# A band has one leader at first, as in most all others are like it, and so many times more whenever nobody is left to compare.
_WIDER = 4
# Each time that many are compared, some who would lead go. Boilerplate takes two or three; nobody can make it take for ever.
ROUNDS = 64

Ranks = NDArray[np.int64]
# Of each pair the rank of the row that comes later, that of the other one, and their similarity, by the first.
_Edges = tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.float64]]


@dataclass(frozen=True)
class Crowds:
    """Rows in crowded bands, of which nobody knows whether they are alike.

    Attributes:
        bands: of each of them a number of its band.
        members: its rank. All are sorted by both.
        leaders: how many of a band are compared with all others of it, at most.
        threshold: similarity from which two are alike, over 0.
        compare: takes two arrays of ranks, which make pairs, each once, and gives the similarity of every pair.
    """

    bands: Ranks
    members: Ranks
    leaders: int
    threshold: float
    compare: Callable[[Ranks, Ranks], NDArray[np.float64]]


def elect(ranks: pl.DataFrame, known: Known, threshold: float) -> pl.DataFrame:
    """Take rows in order, keep a row unless a kept row is an accepted pair of it.

    Nothing is transitive here: of a chain a~b~c, in which a and c are no pair, a and c stay.

    Args:
        ranks: (content binary, rank uint32), both unique; rank 0 is preferred over all.
        known: what the lake knows of these rows, in this order; of pairs, a content that has no rank doesn't matter.
        threshold: similarity from which an accepted pair counts.

    Returns:
        One row per row that goes: its rank, the rank of the kept row most similar to it (the preferred one among equals) and
        their similarity. By rank.

    Raises:
        LakeError: texts can't be read.
    """
    edges = _edges(ranks, known.pairs.filter("accepted", pl.col("similarity") >= threshold))
    rank_of = ranks["rank"].cast(pl.Int64).to_numpy()
    place_of = np.zeros(_count(ranks), np.int64)
    place_of[rank_of] = np.arange(ranks.height)
    crowds = known.crowds.with_columns(rank=rank_of[known.crowds["place"].to_numpy()]).sort("band", "rank")
    bands, members = crowds["band"].rle_id().cast(pl.Int64).to_numpy(), crowds["rank"].to_numpy()

    def compare(one: Ranks, other: Ranks) -> NDArray[np.float64]:
        return known.compare(place_of[one], place_of[other])

    return _dropped(*_settled(edges, _count(ranks), Crowds(bands, members, known.anchors, threshold, compare)))


def winners(
    one: NDArray[Any], other: NDArray[Any], similarity: NDArray[Any], rows: int, crowds: Crowds | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """``elect`` on numbers.

    Args:
        one: of each pair one rank.
        other: the other.
        similarity: theirs.
        rows: more than any rank.
        crowds: rows that pairs don't tell everything of.

    Returns:
        Of each rank that of the kept row most similar to it, -1 for a row that stays; and their similarity.
    """
    apart = one != other
    if not apart.all():
        one, other, similarity = one[apart], other[apart], similarity[apart]
    later, earlier = np.maximum(one, other).astype(np.uint32), np.minimum(one, other).astype(np.uint32)
    return _settled(_by_rank(later, earlier, similarity.astype(np.float64, copy=False)), rows, crowds)


def _settled(edges: _Edges, rows: int, crowds: Crowds | None) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Of each row the one that stays instead, or -1, and how similar it is."""
    winners, similarity = np.empty(rows, np.int32), np.empty(rows, np.float64)
    _elect(*edges, winners, similarity)
    if crowds is None or not len(crowds.members):
        return winners, similarity
    asked = np.empty(0, np.int64)
    leaders = 1
    for _ in range(ROUNDS):
        stay = winners[crowds.members] < 0
        wanted = np.setdiff1d(_led(crowds.bands[stay], crowds.members[stay], leaders, rows), asked, assume_unique=True)
        if not len(wanted):
            if leaders >= crowds.leaders:
                break
            leaders = min(leaders * _WIDER, crowds.leaders)
            continue
        asked = np.union1d(asked, wanted)
        earlier, later = wanted // rows, wanted % rows
        score = crowds.compare(earlier, later)
        alike = score >= crowds.threshold
        if alike.any():
            more = _by_rank(later[alike].astype(np.uint32), earlier[alike].astype(np.uint32), score[alike])
            at = np.searchsorted(edges[0], more[0])
            edges = (np.insert(edges[0], at, more[0]), np.insert(edges[1], at, more[1]), np.insert(edges[2], at, more[2]))
            _elect(*edges, winners, similarity)
    return winners, similarity


def _by_rank(later: NDArray[np.uint32], earlier: NDArray[np.uint32], similarity: NDArray[np.float64]) -> _Edges:
    order = np.argsort(later, kind="stable")
    return later[order], earlier[order], similarity[order]


def _led(bands: NDArray[np.int64], members: NDArray[np.int64], leaders: int, count: int) -> NDArray[np.int64]:
    """Pairs of a leader and a row after it in a band: ``leader * count + row``, sorted, each once."""
    found = new_pairs(bands, members, np.ones(len(bands), bool), leaders)
    return np.unique(np.concatenate([np.empty(0, np.int64), *(low * count + high for low, high in found)]))


def _edges(ranks: pl.DataFrame, pairs: pl.LazyFrame) -> _Edges:
    """Pairs of contents as pairs of ranks.

    They become numbers before they are collected: as contents they take six times the memory.
    """
    ranked = ranks.lazy()
    both = (
        pairs.select("a", "b", "similarity")
        .join(ranked.select(a="content", one="rank"), on="a")
        .join(ranked.select(b="content", other="rank"), on="b")
        .filter(pl.col("one") != pl.col("other"))
    )
    later, earlier = pl.max_horizontal("one", "other"), pl.min_horizontal("one", "other")
    edges = both.select(rank=later, kept=earlier, similarity="similarity").collect(engine="streaming").sort("rank")
    return edges["rank"].to_numpy(), edges["kept"].to_numpy(), edges["similarity"].to_numpy()


def _count(ranks: pl.DataFrame) -> int:
    """One more than the last rank: some may be missing."""
    return int(ranks.select((pl.col("rank").cast(pl.Int64) + 1).max().fill_null(0)).item())


@compiled(nogil=True)
def _elect(
    ranks: NDArray[np.uint32],
    kept: NDArray[np.uint32],
    similarity: NDArray[np.float64],
    winners: NDArray[np.int32],
    closest: NDArray[np.float64],
) -> None:
    """Say of each row which one stays instead, or -1, and how similar it is; edges come by rank."""
    winners[:] = -1
    closest[:] = 0
    for edge in range(len(ranks)):
        row, partner, score = ranks[edge], np.int32(kept[edge]), similarity[edge]
        # Partners come before this row in the order, so what became of them is settled.
        if winners[partner] < 0 and (
            winners[row] < 0 or score > closest[row] or (score == closest[row] and partner < winners[row])
        ):
            winners[row] = partner
            closest[row] = score


def _dropped(winners: NDArray[np.int32], similarity: NDArray[np.float64]) -> pl.DataFrame:
    gone = np.flatnonzero(winners >= 0)
    return pl.DataFrame({"rank": gone, "kept": winners[gone], "similarity": similarity[gone]}, schema_overrides=DROPPED)
