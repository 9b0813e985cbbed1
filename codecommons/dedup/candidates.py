# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""From texts that share a band to pairs worth comparing.

In a band of at most ``anchors`` members all are compared with each other; in a larger one every member is compared with the
``anchors`` members of smallest identifier, and with no others. Which pairs that makes depends on the set of members alone.
A slice adds newcomers to bands. Every pair that the larger set has and the smaller had not holds a newcomer (a newcomer that
becomes an anchor meets the whole band), so only those pairs are made; pairs of members that stopped being anchors are taken out
afterwards (``crowds``).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from codecommons.compiled import compiled

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def new_pairs(
    groups: NDArray[np.int64], members: NDArray[np.int64], newcomer: NDArray[np.bool_], anchors: int, most: int = 1 << 21
) -> Iterator[Pairs]:
    """Pair the newcomers of every group.

    Args:
        groups: which group a row belongs to, sorted.
        members: the member of each row, a rank in the order of identifiers; ascending within a group.
        newcomer: whether the member is new.
        anchors: members of smallest rank that a larger group is compared with.
        most: pairs to yield at once, about.

    Yields:
        Ranks of the smaller and of the larger member, each pair once.
    """
    counts = _count_pairs(groups, newcomer, anchors)
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + most, side="right")))
        total = int(ends[stop - 1] - done)
        if total:
            low, high = np.empty(total, np.int64), np.empty(total, np.int64)
            _fill_pairs(groups, members, newcomer, anchors, start, stop, low, high)
            yield _unique(low, high)
        start = stop


def _unique(low: NDArray[np.int64], high: NDArray[np.int64]) -> Pairs:
    span = int(high.max()) + 1
    both = np.unique(low * span + high)
    return both // span, both % span


@compiled(nogil=True)
def _count_pairs(groups: NDArray[np.int64], newcomer: NDArray[np.bool_], anchors: int) -> NDArray[np.int64]:
    """How many pairs each row makes with the anchors before it."""
    counts = np.zeros(len(groups), np.int64)
    start = 0
    new_anchors = 0
    for row in range(len(groups)):
        if groups[row] != groups[start]:
            start = row
            new_anchors = 0
        rank = row - start
        counts[row] = min(rank, anchors) if newcomer[row] else new_anchors
        if newcomer[row] and rank < anchors:
            new_anchors += 1
    return counts


@compiled(nogil=True)
def _fill_pairs(
    groups: NDArray[np.int64],
    members: NDArray[np.int64],
    newcomer: NDArray[np.bool_],
    anchors: int,
    begin: int,
    end: int,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> None:
    start = begin
    while start > 0 and groups[start - 1] == groups[begin]:
        start -= 1
    at = 0
    for row in range(begin, end):
        if groups[row] != groups[start]:
            start = row
        for anchor in range(start, min(row, start + anchors)):
            if newcomer[row] or newcomer[anchor]:
                low[at] = members[anchor]
                high[at] = members[row]
                at += 1
