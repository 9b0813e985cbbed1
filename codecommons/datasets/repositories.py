# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Repositories that are nearly the same: forks, mirrors, and versions of one package, by the contents they have in common.

A repository is what one anchor of one origin (a release, a head revision) brings into a dataset. Two are alike by the Jaccard
similarity of their sets of contents, each content counting once, exactly. Candidates come from a join on prefixes (Bayardo et
al., "Scaling up all pairs similarity search", 2007): with contents in order of rarity, two sets of similarity t share one of the
first ``n - ceil(t n) + 1`` contents of each, so that a licence text that a million repositories hold brings none together.

Each is looked up only among those that stay: of thousands of forks that are one, so that no pair of forks is ever made.
"""

from __future__ import annotations

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
    numbers = sizes["repository"].to_numpy()
    ends = np.cumsum(sizes["len"].cast(pl.Int64).to_numpy())
    kept, similarity = _elect(ends, held["rarity"].cast(pl.Int64).to_numpy(), rarity.height, threshold)
    gone = np.flatnonzero(kept >= 0)
    return pl.DataFrame(
        {"repository": numbers[gone], "kept": numbers[kept[gone]], "similarity": similarity[gone]}, schema=STOOD_FOR
    )


@compiled(nogil=True)
def _elect(
    ends: NDArray[np.int64], contents: NDArray[np.int64], different: int, threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of every set the set that stands for it, -1 for itself, and their similarity.

    The contents of a set lie before its end, ascending, and are less than ``different``.
    """
    kept, similarity = np.full(len(ends), -1, np.int64), np.zeros(len(ends), np.float64)
    asked_by = np.full(len(ends), -1, np.int64)
    # By content, a chain of those sets that stay and have it in their prefix.
    heads = np.full(different, -1, np.int64)
    links, owners = np.empty(len(contents), np.int64), np.empty(len(contents), np.int64)
    begin = 0
    for one in range(len(ends)):
        size = ends[one] - begin
        prefix = begin + size - int(np.ceil(size * threshold - _SLACK)) + 1
        for at in range(begin, min(prefix, ends[one])):
            entry = heads[contents[at]]
            while entry >= 0:
                other = owners[entry]
                entry = links[entry]
                if asked_by[other] == one:
                    continue
                asked_by[other] = one
                start = ends[other - 1] if other else 0
                common = _common(contents, begin, ends[one], start, ends[other])
                alike = common / (size + ends[other] - start - common)
                if alike >= threshold - _SLACK and (alike > similarity[one] or (alike == similarity[one] and other < kept[one])):
                    kept[one], similarity[one] = other, alike
        if kept[one] < 0:
            for at in range(begin, min(prefix, ends[one])):
                owners[at], links[at] = one, heads[contents[at]]
                heads[contents[at]] = at
        begin = ends[one]
    return kept, similarity


@compiled(nogil=True)
def _common(contents: NDArray[np.int64], left: int, left_end: int, right: int, right_end: int) -> int:
    """How many contents two sets have in common."""
    count = 0
    while left < left_end and right < right_end:
        if contents[left] == contents[right]:
            count += 1
        step = contents[left] <= contents[right]
        right += contents[right] <= contents[left]
        left += step
    return count
