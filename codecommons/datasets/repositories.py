# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Repositories that are nearly the same: forks, mirrors, and versions of one package, by the contents they have in common.

A repository is what one anchor of one origin (a release, a head revision) brings into a dataset. Two are alike by the Jaccard
similarity of their sets of contents, each content counting once, exactly. Candidates come from a join on prefixes (Bayardo et
al., "Scaling up all pairs similarity search", 2007): with contents in order of rarity, two sets of similarity t share one of the
first ``n - ceil(t n) + 1`` contents of each, so that a licence text that a million repositories hold brings none together.
"""

from __future__ import annotations

import polars as pl

# Rounding must not lose a pair that reaches the threshold exactly.
_SLACK = 1e-9


def similar_repositories(rows: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """The pairs of repositories that are at least so similar.

    Args:
        rows: repository (any key), content; a row a file.
        threshold: over 0, up to 1.

    Returns:
        a, b (a < b), similarity; sorted.
    """
    held = rows.select("repository", "content").unique()
    held = held.with_columns(shared_by=pl.len().over("content"), size=pl.len().over("repository"))
    held = held.sort("repository", "shared_by", "content").with_columns(place=pl.int_range(pl.len()).over("repository"))
    prefix = pl.col("size") - (pl.col("size") * threshold - _SLACK).ceil().cast(pl.Int64) + 1
    first = held.filter((pl.col("place") < prefix) & (pl.col("shared_by") > 1)).select("repository", "content", "size")
    candidates = (
        first.join(first, on="content", suffix="_b")
        .filter(pl.col("repository") < pl.col("repository_b"))
        .filter(pl.min_horizontal("size", "size_b") >= threshold * pl.max_horizontal("size", "size_b") - _SLACK)
        .select(a="repository", b="repository_b", sizes=pl.col("size") + pl.col("size_b"))
        .unique()
    )
    sides = held.select("repository", "content")
    common = (
        candidates.join(sides, left_on="a", right_on="repository")
        .join(sides, left_on=["b", "content"], right_on=["repository", "content"], how="semi")
        .group_by("a", "b", "sizes")
        .agg(common=pl.len())
    )
    found = common.select("a", "b", similarity=pl.col("common") / (pl.col("sizes") - pl.col("common")))
    return found.filter(pl.col("similarity") >= threshold - _SLACK).sort("a", "b")
