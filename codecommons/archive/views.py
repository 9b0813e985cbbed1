# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The trees of a slice, and every file of the lake as a person would look for it."""

from __future__ import annotations

import polars as pl

from codecommons.lake import Lake

_ANCHOR_DATE = pl.Struct({"seconds": pl.Int64, "microseconds": pl.Int32})


def slice_roots(lake: Lake, day: str, source: str) -> pl.DataFrame:
    """The trees that the live visits of a slice show: every release of a package, HEAD of a repository or folder.

    Returns:
        One row per visit and tree, sorted: ``origin`` (text), ``visit`` (int64), ``snapshot`` (binary), ``anchor`` (SWHID of the
        release, revision or, for a folder, directory), ``anchor_date`` (struct of seconds and microseconds, or null),
        ``root`` (binary, the directory).
    """
    visits = lake.scan("origin_visit_status").filter((pl.col("slice") == day) & (pl.col("source") == source))
    return anchors(lake, visits.select("origin", "visit", "snapshot").collect()).sort("origin", "visit", "anchor")


def anchors(lake: Lake, visits: pl.DataFrame) -> pl.DataFrame:
    """The trees of visits (columns origin, visit, snapshot, and what else is to be kept); columns as ``slice_roots``."""
    visits = visits.filter(pl.col("snapshot").is_not_null())
    branches = lake.scan("snapshot_branch").filter(pl.col("snapshot_id").is_in(visits["snapshot"].unique().to_list())).collect()
    named = branches.filter(pl.col("target_type") != "alias")
    head = branches.filter((pl.col("name") == b"HEAD") & (pl.col("target_type") == "alias")).select("snapshot_id", name="target")
    heads = pl.concat([named.filter(pl.col("name") == b"HEAD"), named.join(head, on=["snapshot_id", "name"], how="semi")])
    targets = named["target"].unique().to_list()
    releases = (
        lake.scan("release")
        .filter(pl.col("id").is_in(targets) & (pl.col("target_type") == "directory"))
        .select("id", "date", root="target")
    )
    revisions = lake.scan("revision").filter(pl.col("id").is_in(targets)).select("id", "date", root="directory")
    found = pl.concat(
        [
            _anchored(named.filter(pl.col("target_type") == "release"), releases.collect(), "rel"),
            _anchored(heads.filter(pl.col("target_type") == "revision"), revisions.collect(), "rev"),
            _anchored(heads.filter(pl.col("target_type") == "directory"), _directories(heads), "dir"),
        ]
    ).unique()
    kept = [name for name in visits.columns if name not in ("origin", "visit", "snapshot")]
    return visits.join(found, left_on="snapshot", right_on="snapshot_id").select(
        "origin", "visit", "snapshot", "anchor", "anchor_date", "root", *kept
    )


def file_view(lake: Lake, as_of: str | None = None) -> pl.LazyFrame:
    """Every file of every tree.

    Args:
        lake: the lake.
        as_of: a day: only what counts on it. Of an origin whose state changes (a repository, a folder) that is the latest
            full visit up to the day; the releases of a package add up over its full visits.

    Returns:
        ``origin, visit, slice, snapshot, anchor, root`` as in ``slice_roots``, ``path`` (bytes), ``perms``, ``content`` (bytes).
    """
    visits = lake.scan("origin_visit_status").collect()
    trees = anchors(lake, visits.select("origin", "visit", "snapshot", "slice", "status"))
    if as_of is not None:
        trees = trees.filter((pl.col("slice") <= as_of) & (pl.col("status") == "full")).sort("visit")
        accumulates = pl.col("anchor").str.starts_with("swh:1:rel:")
        packages = trees.filter(accumulates).unique(["origin", "anchor"], keep="last", maintain_order=True)
        states = trees.filter(~accumulates).filter(pl.col("visit") == pl.col("visit").max().over("origin"))
        trees = pl.concat([packages, states])
    files = lake.scan("tree_file").select("root", "path", "perms", "content")
    trees = trees.select("origin", "visit", "slice", "snapshot", "anchor", "root")
    return (
        trees.lazy()
        .join(files, on="root")
        .select("origin", "visit", "slice", "snapshot", "anchor", "root", "path", "perms", "content")
    )


def _anchored(branches: pl.DataFrame, objects: pl.DataFrame, kind: str) -> pl.DataFrame:
    joined = branches.join(objects, left_on="target", right_on="id")
    anchor = pl.concat_str(pl.lit(f"swh:1:{kind}:"), pl.col("target").bin.encode("hex"))
    return joined.select("snapshot_id", anchor=anchor, anchor_date=pl.col("date").cast(_ANCHOR_DATE), root="root")


def _directories(heads: pl.DataFrame) -> pl.DataFrame:
    ids = heads.filter(pl.col("target_type") == "directory")["target"].unique()
    return pl.DataFrame({"id": ids, "date": pl.Series([None] * len(ids), dtype=_ANCHOR_DATE), "root": ids})
