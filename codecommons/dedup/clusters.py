# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Clusters: what pairs connect. For people to look at, and to share out memory; nothing is ever left out because of a cluster."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from codecommons.compiled import compiled

# Upper ends of the classes that cluster sizes are counted in.
_SIZES = (2, 3, 5, 10, 20, 50, 100, 1000)


@compiled(nogil=True)
def components(left: NDArray[np.int64], right: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The connected component of each pair, named by its smallest member.

    Args:
        left: one member of each pair, a number below ``count``.
        right: the other.
        count: how many members there are.
    """
    parent = np.arange(count)
    for pair in range(len(left)):
        x, y = left[pair], right[pair]
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        while parent[y] != y:
            parent[y] = parent[parent[y]]
            y = parent[y]
        parent[max(x, y)] = min(x, y)
    result = np.empty(len(left), np.int64)
    for pair in range(len(left)):
        x = left[pair]
        while parent[x] != x:
            x = parent[x]
        result[pair] = x
    return result


def cluster_sizes(pairs: pl.DataFrame) -> dict[str, int]:
    """How many clusters of which size some pairs (columns a, b) make, as ``{"2": 40, "4 to 5": 2}``: without empty classes."""
    members = pl.concat([pairs["a"], pairs["b"]]).unique().sort()
    places = pl.DataFrame({"member": members}).with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    left, right = (
        pairs.join(places, left_on=side, right_on="member", maintain_order="left")["place"].to_numpy() for side in ("a", "b")
    )
    found = pl.DataFrame({"cluster": np.tile(components(left, right, len(members)), 2), "member": np.concatenate([left, right])})
    sizes = found.unique().group_by("cluster").len()["len"].to_numpy()
    classes = np.searchsorted(_SIZES, sizes)
    return {_label(at): int((classes == at).sum()) for at in range(len(_SIZES) + 1) if (classes == at).any()}


def _label(at: int) -> str:
    if at == len(_SIZES):
        return f"over {_SIZES[-1]:,}"
    low, high = (_SIZES[at - 1] + 1 if at else _SIZES[0]), _SIZES[at]
    return str(high) if low == high else f"{low} to {high:,}"
