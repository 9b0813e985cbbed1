# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Releases that hold what has been opted out since they were made."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pyarrow.parquet as pq

from codecommons.datasets.releases import list_releases
from codecommons.lake import Lake
from codecommons.lake.storage import lake_errors
from codecommons.optout.reach import Excluded


@dataclass(frozen=True)
class Stale:
    """The newest release of a dataset, which has to be made again.

    Attributes:
        name: of the dataset.
        fingerprint: of the release.
        rows: how many of its rows are out by now.
    """

    name: str
    fingerprint: str
    rows: int


def opted_out(excluded: Excluded, trees: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of a release that are left out, with the reason in the column ``opt_out``.

    Args:
        excluded: what is left out of these trees.
        trees: every tree that counts (see ``archive.views.visited_trees``).
        rows: with content (binary), origin, anchor and path (binary).
    """
    roots = trees.select("origin", "anchor", "root").unique()
    return excluded.marked(rows.join(roots, on=["origin", "anchor"], how="left")).filter(pl.col("opt_out").is_not_null())


def stale(lake: Lake, excluded: Excluded, trees: pl.DataFrame) -> list[Stale]:
    """The newest releases that hold what is left out now, by name.

    Raises:
        LakeError: a release can't be read.
    """
    newest = {one.name: one for one in list_releases(lake)}
    found = []
    for name, one in sorted(newest.items()):
        path = lake.path(one.folder, "manifest.parquet")
        with lake_errors(f"reading {path}"), lake.fs.open(path) as file:
            rows = pl.DataFrame(pq.read_table(file, columns=["content", "origin", "anchor", "path"]))
        if left := opted_out(excluded, trees, rows).height:
            found.append(Stale(name, one.fingerprint, left))
    return found
