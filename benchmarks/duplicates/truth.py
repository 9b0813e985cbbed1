# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

r"""All near-duplicate pairs of some texts, exactly, by a way that shares nothing with the product's.

Words come from Python's own ``re`` (``\w+`` of the lower-cased text) and get numbers, and so do pairs of numbers up to shingles:
nothing is hashed, so nothing can collide. Pairs come from a join on prefixes (Bayardo et al., "Scaling up all pairs similarity
search", 2007): with shingles in order of rarity, two sets of similarity t share one of the first ``n - ceil(t n) + 1`` of each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numba import njit, types
from numba.typed import List
from numpy.typing import NDArray

SHINGLE = 5
_WORD = re.compile(r"\w+")
_PAIR = types.UniTuple(types.int64, 2)  # type: ignore[no-untyped-call] # numba has no types


def exact_pairs(texts: Iterable[str], threshold: float) -> NDArray[np.int64]:
    """The pairs of texts whose sets of shingles have a Jaccard similarity of at least ``threshold``.

    Returns:
        Row numbers, smaller first, one row a pair, sorted.
    """
    sets, offsets = _shingle_sets(texts)
    pairs = np.array(_join(sets, offsets, threshold), np.int64).reshape(-1, 2)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _shingle_sets(texts: Iterable[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All sets behind each other, each in order of rarity, and where each begins."""
    numbers: dict[str, int] = {}
    words, owners = [], []
    for text, found in enumerate(_WORD.findall(one.lower()) for one in texts):
        words.append(np.fromiter((numbers.setdefault(word, len(numbers)) for word in found), np.int64, len(found)))
        owners.append(np.full(len(found), text))
    word, owner = np.concatenate(words), np.concatenate(owners)
    count = len(words)
    shingle = word
    for more in range(1, SHINGLE):
        # A number for each (shingle so far, next word).
        _, shingle = np.unique(shingle[: len(word) - more] * len(numbers) + word[more:], return_inverse=True)
    inside = owner[: len(shingle)] == owner[SHINGLE - 1 :]
    shingle, owner = shingle[inside], owner[: len(shingle)][inside]
    owner, shingle = np.unique(np.stack([owner, shingle]), axis=1)
    rarity = np.bincount(shingle)
    rank = np.empty(len(rarity), np.int64)
    rank[np.argsort(rarity, kind="stable")] = np.arange(len(rarity))
    shingle = rank[shingle]
    order = np.lexsort((shingle, owner))
    return shingle[order], np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=count))])


@njit
def _join(sets: NDArray[np.int64], offsets: NDArray[np.int64], threshold: float) -> List:
    found = List.empty_list(_PAIR)
    size = sets.max() + 1 if len(sets) else 0
    head = np.full(size, -1, np.int64)  # by shingle: the last posting
    following = np.full(len(sets), -1, np.int64)
    text_of = np.empty(len(sets), np.int64)
    postings = 0
    seen = np.full(len(offsets) - 1, -1, np.int64)
    for right in range(len(offsets) - 1):
        start, end = offsets[right], offsets[right + 1]
        prefix = (end - start) - int(np.ceil(threshold * (end - start) - 1e-9)) + 1 if end > start else 0
        for at in range(start, start + prefix):
            posting = head[sets[at]]
            while posting >= 0:
                left = text_of[posting]
                posting = following[posting]
                if seen[left] == right:
                    continue
                seen[left] = right
                x, y, common = offsets[left], start, 0
                while x < offsets[left + 1] and y < end:
                    common += sets[x] == sets[y]
                    if sets[x] <= sets[y]:
                        if sets[x] == sets[y]:
                            y += 1
                        x += 1
                    else:
                        y += 1
                union = (offsets[left + 1] - offsets[left]) + (end - start) - common
                if common >= threshold * union - 1e-9:
                    found.append((left, right))
            text_of[postings] = right
            following[postings] = head[sets[at]]
            head[sets[at]] = postings
            postings += 1
    return found
