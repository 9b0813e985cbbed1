# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which of several similar rows stays. Runs inside one dataset, over rows that passed every other rule.

A winner outside the subset could wipe out its whole group, so nothing outside takes part (design section 7).
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter

import polars as pl

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
    edges = (
        known.select(kept=pl.min_horizontal("one", "other"), rank=pl.max_horizontal("one", "other"), similarity="similarity")
        .filter(pl.col("kept") != pl.col("rank"))
        .sort("rank", pl.col("similarity"), "kept", descending=[False, True, False])
    )
    gone: dict[int, tuple[int, float]] = {}
    for rank, partners in groupby(edges.select("rank", "kept", "similarity").iter_rows(), key=itemgetter(0)):
        # Partners come before this row in the order, so what became of them is settled.
        winner = next(((kept, similarity) for _, kept, similarity in partners if kept not in gone), None)
        if winner:
            gone[rank] = winner
    rows = [(rank, kept, similarity) for rank, (kept, similarity) in gone.items()]
    return pl.DataFrame(rows, schema=DROPPED, orient="row")
