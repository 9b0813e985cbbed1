# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which of several similar rows stays. Runs inside one dataset, over rows that passed every other rule.

A winner outside the subset could wipe out its whole group, so nothing outside takes part (design section 7).
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from codecommons.compiled import compiled

DROPPED = pl.Schema({"rank": pl.UInt32, "kept": pl.UInt32, "similarity": pl.Float64})


def elect(ranks: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Take rows in order, keep a row unless a kept row is an accepted pair of it.

    Nothing is transitive here: of a chain a~b~c, in which a and c are no pair, a and c stay.

    Args:
        ranks: (content binary, rank uint32), both unique; rank 0 is preferred over all.
        pairs: (a, b, similarity) of accepted pairs, in either direction; contents that have no rank don't matter.

    Returns:
        One row per row that goes: its rank, the rank of the kept row most similar to it (the preferred one among equals) and
        their similarity. By rank.
    """
    known = (
        pairs.select("a", "b", "similarity")
        .join(ranks.select(a="content", one="rank"), on="a")
        .join(ranks.select(b="content", other="rank"), on="b")
    )
    most = ranks.select(pl.max("rank").fill_null(0)).item() + 1
    found, score = winners(known["one"].to_numpy(), known["other"].to_numpy(), known["similarity"].to_numpy(), most)
    rank = np.flatnonzero(found >= 0)
    return pl.DataFrame({"rank": rank, "kept": found[rank], "similarity": score[rank]}, schema_overrides=DROPPED)


def winners(one: NDArray[Any], other: NDArray[Any], similarity: NDArray[Any], rows: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same on numbers.

    Args:
        one: of each pair one rank.
        other: the other.
        similarity: theirs.
        rows: more than any rank.

    Returns:
        Of each rank that of the kept row most similar to it, -1 for a row that stays; and their similarity.
    """
    apart = one != other
    one, other, similarity = one[apart], other[apart], similarity[apart]
    kept, rank = np.minimum(one, other).astype(np.int64), np.maximum(one, other).astype(np.int64)
    # Partners come before a row in the order, so what became of them is settled.
    order = np.argsort(rank, kind="stable")
    found, score = np.full(rows, -1, np.int64), np.zeros(rows)
    _elect(rank[order], kept[order], similarity[order].astype(np.float64), found, score)
    return found, score


@compiled(nb.void(nb.int64[::1], nb.int64[::1], nb.float64[::1], nb.int64[::1], nb.float64[::1]), nogil=True)
def _elect(rank: Any, kept: Any, similarity: Any, found: Any, score: Any) -> None:
    """Go through pairs by rank; of the partners that stay, the most similar wins, the preferred one among equals."""
    for at in range(len(rank)):
        row, partner = rank[at], kept[at]
        better = found[row] < 0 or similarity[at] > score[row] or (similarity[at] == score[row] and partner < found[row])
        if found[partner] < 0 and better:
            found[row], score[row] = partner, similarity[at]
