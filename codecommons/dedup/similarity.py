# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Exact similarity of texts over their sets of shingles."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from codecommons.annotate.columns import buffers
from codecommons.compiled import compiled
from codecommons.dedup.configuration import Configuration
from codecommons.shingles import SHINGLE, shingle_hashes, word_table


def shingle_sets(texts: pa.Array, configuration: Configuration) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The distinct shingles of UTF-8 texts.

    Returns:
        All sets behind each other, each sorted; and where each starts and the last one ends.
    """
    offsets, data = buffers(texts)
    table = word_table()
    scratch = np.empty(int(np.diff(offsets).max(initial=0)) + 1, np.uint64)
    sets = []
    for text in range(len(texts)):
        words = shingle_hashes(data, offsets[text], offsets[text + 1], table, configuration.empties, scratch)
        hashes = np.sort(scratch[: max(0, words - SHINGLE + 1)])
        sets.append(hashes[np.flatnonzero(np.diff(hashes, prepend=~hashes[:1]))])
    ends = np.cumsum([0, *map(len, sets)])
    return np.concatenate([np.empty(0, np.uint64), *sets]), ends.astype(np.int64)


@compiled(nogil=True)
def jaccard(
    shingles: NDArray[np.uint64], offsets: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64], floor: float
) -> NDArray[np.float64]:
    """Jaccard similarity of pairs of sets.

    Args:
        shingles: see ``shingle_sets``.
        offsets: see ``shingle_sets``.
        left: one set of each pair, by number.
        right: the other.
        floor: what the caller cares for; a pair that can't reach it gets 0.

    Returns:
        One value a pair, between 0 and 1; 0 when either set is empty.
    """
    result = np.zeros(len(left), np.float64)
    for pair in range(len(left)):
        x, x_end = offsets[left[pair]], offsets[left[pair] + 1]
        y, y_end = offsets[right[pair]], offsets[right[pair] + 1]
        total = (x_end - x) + (y_end - y)
        # |A & B| >= needed is the same as J >= floor; one shingle of slack keeps rounding out of it.
        needed = floor / (1.0 + floor) * total - 1.0
        common = 0
        while x < x_end and y < y_end and common + min(x_end - x, y_end - y) >= needed:
            a, b = shingles[x], shingles[y]
            common += a == b
            x += a <= b
            y += b <= a
        if total and common >= needed:
            result[pair] = common / (total - common)
    return result
