# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Releases that hold what has been opted out since they were made."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from codecommons.datasets.releases import list_releases, manifest_of
from codecommons.lake import Lake
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


# What has to be known of a manifest's rows.
COLUMNS = ("content", "before_content", "revision_id", "origin", "anchor", "path")


def opted_out(lake: Lake, excluded: Excluded, trees: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of a release that are left out, with the reason in the column ``opt_out``.

    Args:
        lake: the lake, which knows who made a commit.
        excluded: what is left out of these trees.
        trees: every tree that counts (see ``archive.views.visited_trees``).
        rows: with those ``COLUMNS`` that their release has.
    """
    rows = rooted(trees, rows)
    if excluded.people.height and "revision_id" in rows.columns:
        made = lake.scan("revision").select("author", "committer", revision_id="id")
        ids = rows.lazy().select("revision_id").drop_nulls().unique()
        rows = rows.join(made.join(ids, on="revision_id", how="semi").collect(), on="revision_id", how="left")
    return excluded.marked(rows).filter(pl.col("opt_out").is_not_null())


def rooted(trees: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Add ``root``, the tree by which a row was decided: that of its anchor; of a commit that of its repository's head.

    Args:
        trees: as for ``opted_out``.
        rows: with origin and anchor; of commits revision_id is not null.
    """
    found = rows.join(
        trees.select("origin", "anchor", "root").unique(), on=["origin", "anchor"], how="left", maintain_order="left"
    )
    if "revision_id" not in rows.columns:
        return found
    heads = trees.filter("current", pl.col("anchor").str.starts_with("swh:1:rev:")).select("origin", head="root").unique("origin")
    found = found.join(heads, on="origin", how="left", maintain_order="left")
    of_commit = pl.col("revision_id").is_not_null() & pl.col("head").is_not_null()
    return found.with_columns(root=pl.when(of_commit).then("head").otherwise("root")).drop("head")


def stale(lake: Lake, excluded: Excluded, trees: pl.DataFrame) -> list[Stale]:
    """The newest releases that hold what is left out now, by name.

    Raises:
        LakeError: a release can't be read.
    """
    newest = {one.name: one for one in list_releases(lake)}
    found = []
    for name, one in sorted(newest.items()):
        if left := opted_out(lake, excluded, trees, manifest_of(lake, one, *COLUMNS)).height:
            found.append(Stale(name, one.fingerprint, left))
    return found
