# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Repositories that are nearly the same: forks, mirrors, and versions of one package, by the contents they have in common.

A repository is what one anchor of one origin (a release, a head revision) brings into a dataset. Two are alike by the Jaccard
similarity of their sets of contents, each content counting once, exactly. Candidates come from a join on prefixes (Bayardo et
al., "Scaling up all pairs similarity search", 2007): with contents in order of rarity, two sets of similarity t share one of the
first ``n - ceil(t n) + 1`` contents of each, so that a licence text that a million repositories hold brings none together.

Each is looked up only among those that stay: of thousands of forks that are one, so that no pair of forks is ever made. What two
sets can have in common at most is known from their sizes and from where their first common content lies in them (Xiao et al.,
"Efficient similarity joins for near duplicate detection", 2008), and then from 128 bits of each (Sandes et al., "Bitmap filter",
2020), before they are compared: tens of thousands of different choices from the same few files are looked at in their place, one
after the other, at a nanosecond each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from codecommons.compiled import compiled

STOOD_FOR = pl.Schema({"repository": pl.UInt32, "kept": pl.UInt32, "similarity": pl.Float64})
# Rounding must not lose a pair that reaches the threshold exactly.
_SLACK = 1e-9


def elect_repositories(rows: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """Take repositories in order, keep one unless a kept one is at least so similar; as ``election.elect`` does with files.

    Args:
        rows: repository (its place in the order of preference, from 0), content; a row a file.
        threshold: over 0, up to 1.

    Returns:
        One row per repository that goes: its place, the place of the kept one most similar to it (the preferred one among
        equals) and their similarity; as ``STOOD_FOR``. By place.
    """
    held = rows.select("repository", "content").unique()
    if not held.height:
        return STOOD_FOR.to_frame()
    rarity = held.group_by("content").len().sort("len", "content").select("content").with_row_index("rarity")
    held = held.join(rarity, on="content").sort("repository", "rarity")
    sizes = held.group_by("repository", maintain_order=True).len()
    numbers, ends = sizes["repository"].to_numpy(), np.cumsum(sizes["len"].cast(pl.Int64).to_numpy())
    contents = held["rarity"].cast(pl.Int64).to_numpy()
    kept, similarity = _elect(ends, contents, *_buckets(ends, contents), threshold)
    gone = np.flatnonzero(kept >= 0)
    return pl.DataFrame(
        {"repository": numbers[gone], "kept": numbers[kept[gone]], "similarity": similarity[gone]}, schema=STOOD_FOR
    )


def _buckets(ends: NDArray[np.int64], contents: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Where a set is looked up: by content, size of the set, and how many of its contents are left from there on.

    Two sets whose first common content is there have as many in common at most: a licence text that a hundred thousand
    repositories of two files hold brings none of them together, and costs each a look at one bucket.

    Returns:
        Of each place in ``contents`` its bucket; of each bucket where its room begins, its size and what is left; of each content
        its first bucket.
    """
    sizes = np.diff(ends, prepend=0)
    size = np.repeat(sizes, sizes)
    left = np.repeat(ends, sizes) - np.arange(len(contents))
    order = np.lexsort((left, size, contents))
    keys = np.stack([contents, size, left])[:, order]
    new = np.append(True, (np.diff(keys, axis=1) != 0).any(axis=0))
    bucket = np.empty(len(contents), np.int64)
    bucket[order] = np.cumsum(new) - 1
    first = np.searchsorted(keys[0][new], np.arange(int(contents.max()) + 2))
    return bucket, np.flatnonzero(new), keys[1][new], keys[2][new], first


@compiled(nogil=True)
def _elect(
    ends: NDArray[np.int64],
    contents: NDArray[np.int64],
    buckets: NDArray[np.int64],
    rooms: NDArray[np.int64],
    bucket_sizes: NDArray[np.int64],
    bucket_left: NDArray[np.int64],
    first_buckets: NDArray[np.int64],
    threshold: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of every set the set that stands for it, -1 for itself, and their similarity.

    The contents of a set lie before its end, ascending.
    """
    kept, similarity = np.full(len(ends), -1, np.int64), np.zeros(len(ends), np.float64)
    asked_by = np.full(len(ends), -1, np.int64)
    # By bucket, in its room, those sets that stay and have its content in their prefix, and their bits.
    filled = np.zeros(len(rooms), np.int64)
    owners, bits = np.empty(len(contents), np.int64), np.empty((len(contents), 2), np.uint64)
    mine = np.zeros(2, np.uint64)
    begin = 0
    for one in range(len(ends)):
        size = ends[one] - begin
        prefix = min(ends[one], begin + size - int(np.ceil(size * threshold - _SLACK)) + 1)
        mine[:] = 0
        for at in range(begin, ends[one]):
            mine[contents[at] >> 6 & 1] |= np.uint64(1) << np.uint64(contents[at] & 63)
        for at in range(begin, prefix):
            for bucket in range(first_buckets[contents[at]], first_buckets[contents[at] + 1]):
                room = rooms[bucket]
                if not filled[bucket]:
                    continue
                together = size + bucket_sizes[bucket]
                needed = int(np.ceil(together * threshold / (1 + threshold) - _SLACK))
                if min(ends[one] - at, bucket_left[bucket]) < needed:
                    continue
                # Every bit that differs is of a content that one of the two lacks.
                most = together - 2 * needed
                for entry in range(room, room + filled[bucket]):
                    if _ones(mine[0] ^ bits[entry, 0]) + _ones(mine[1] ^ bits[entry, 1]) > most:
                        continue
                    other = owners[entry]
                    if asked_by[other] == one:
                        continue
                    asked_by[other] = one
                    start = ends[other - 1] if other else 0
                    common = _common(contents, begin, ends[one], start, ends[other], needed)
                    alike = common / (together - common)
                    if alike >= threshold - _SLACK and (
                        alike > similarity[one] or (alike == similarity[one] and other < kept[one])
                    ):
                        kept[one], similarity[one] = other, alike
        if kept[one] < 0:
            for at in range(begin, prefix):
                entry = rooms[buckets[at]] + filled[buckets[at]]
                owners[entry] = one
                bits[entry, 0], bits[entry, 1] = mine[0], mine[1]
                filled[buckets[at]] += 1
        begin = ends[one]
    return kept, similarity


@compiled(nogil=True)
def _ones(word: Any) -> int:
    """How many bits of a word are set."""
    word = word - (word >> np.uint64(1) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + (word >> np.uint64(2) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int(word * np.uint64(0x0101010101010101) >> np.uint64(56))


@compiled(nogil=True)
def _common(contents: NDArray[np.int64], left: int, left_end: int, right: int, right_end: int, needed: int) -> int:
    """How many contents two sets have in common, or fewer where it is clear that they are not as many as needed."""
    count = 0
    while left < left_end and right < right_end and count + min(left_end - left, right_end - right) >= needed:
        if contents[left] == contents[right]:
            count += 1
        step = contents[left] <= contents[right]
        right += contents[right] <= contents[left]
        left += step
    return count
