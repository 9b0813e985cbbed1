# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The trees that visits saw, and which of them a dataset takes files from."""

from __future__ import annotations

import polars as pl

from codecommons.archive.objects import Branches
from codecommons.lake import Lake

# The head of a snapshot is the first of these that names an object, if need be through aliases. The Stack v2 (SC2 section 2.1)
# takes the last two where it does not know the default branch, which is what HEAD is; an export may lack HEAD.
HEADS = (b"HEAD", b"refs/heads/master", b"refs/heads/main")
# How often an alias may name an alias.
MOST_ALIASES = 8
_HEAD_TYPES = ("revision", "release", "directory")
_ANCHOR_DATE = pl.Struct({"seconds": pl.Int64, "microseconds": pl.Int32})


def slice_roots(lake: Lake, day: str, source: str) -> pl.DataFrame:
    """The trees that the live visits of a slice show: every release of a package, the head of a repository or folder.

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
    head = heads(branches)
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
            _anchored(head.filter(pl.col("target_type") == "revision"), revisions.collect(), "rev"),
            _anchored(head.filter(pl.col("target_type") == "directory"), _directories(head), "dir"),
        ]
    ).unique()
    kept = [name for name in visits.columns if name not in ("origin", "visit", "snapshot")]
    return visits.join(found, left_on="snapshot", right_on="snapshot_id").select(
        "origin", "visit", "snapshot", "anchor", "anchor_date", "root", *kept
    )


def visited_trees(lake: Lake, used: pl.DataFrame | None = None) -> pl.DataFrame:
    """Every tree that a visit saw.

    Args:
        lake: the lake.
        used: columns slice and source of the visits that count; all of them unless given.

    Returns:
        slice, source, origin, visit, snapshot (binary), anchor (SWHID), root (binary), anchor_date (int64, seconds since 1970;
        null when missing or impossible: not after 1970-01-01, or after the day of the visit), current (bool): whether the dataset
        takes files from it, true once per (origin, anchor). Of a package that is every release, at its first visit; of a
        repository the head of its latest full visit. The other trees only count as occurrences.
    """
    seconds = pl.col("anchor_date").struct.field("seconds")
    end_of_day = pl.col("slice").str.to_date().dt.offset_by("1d").dt.epoch("s")
    visits = lake.scan("origin_visit_status").select("origin", "visit", "snapshot", "slice", "source", "status")
    if used is not None:
        visits = visits.join(used.lazy(), on=["slice", "source"], how="semi")
    seen = anchors(lake, visits.collect())
    seen = seen.with_columns(anchor_date=pl.when((seconds > 0) & (seconds < end_of_day)).then(seconds)).sort(
        "origin", "slice", "visit", "anchor"
    )
    time, full = pl.struct("slice", "visit"), pl.col("status") == "full"
    first = pl.int_range(pl.len()).over("origin", "anchor") == 0
    latest = full & (time == time.filter(full).last().over("origin"))
    seen = seen.with_columns(
        current=pl.when(pl.col("anchor").str.starts_with("swh:1:rel:")).then(first).otherwise(latest.fill_null(False))
    )
    return seen.select("slice", "source", "origin", "visit", "snapshot", "anchor", "root", "anchor_date", "current")


def heads(branches: pl.DataFrame) -> pl.DataFrame:
    """The head of each snapshot, by the rule of ``HEADS``; the view ``lake.anchor`` has the same one.

    Args:
        branches: columns of table ``snapshot_branch``; of each snapshot at least those in ``HEADS``, and what aliases name.

    Returns:
        ``snapshot_id, target_type`` (revision, release or directory) ``, target``, at most one row a snapshot, sorted.
    """
    name = pl.col("name")
    rank = pl.when(name == HEADS[0]).then(0).when(name == HEADS[1]).then(1).otherwise(2)
    at = branches.filter(name.is_in(HEADS)).select("snapshot_id", "target_type", "target", rank=rank)
    for _ in range(MOST_ALIASES):
        alias = at.filter(pl.col("target_type") == "alias").select("snapshot_id", "rank", name="target")
        if not alias.height:
            break
        followed = alias.join(branches, on=["snapshot_id", "name"]).select("snapshot_id", "target_type", "target", "rank")
        at = pl.concat([at.filter(pl.col("target_type") != "alias"), followed])
    found = at.filter(pl.col("target_type").is_in(_HEAD_TYPES)).sort("snapshot_id", "rank").unique("snapshot_id", keep="first")
    return found.sort("snapshot_id").select("snapshot_id", "target_type", "target")


def head_of(branches: Branches) -> tuple[str, bytes] | None:
    """The head of one snapshot, as ``heads``: target type and target; None where there is none."""
    for name in HEADS:
        found = branches.get(name)
        for _ in range(MOST_ALIASES):
            if found is None or found[0] != "alias":
                break
            found = branches.get(found[1])
        if found is not None and found[0] in _HEAD_TYPES:
            return found
    return None


def _anchored(branches: pl.DataFrame, objects: pl.DataFrame, kind: str) -> pl.DataFrame:
    joined = branches.join(objects, left_on="target", right_on="id")
    anchor = pl.concat_str(pl.lit(f"swh:1:{kind}:"), pl.col("target").bin.encode("hex"))
    return joined.select("snapshot_id", anchor=anchor, anchor_date=pl.col("date").cast(_ANCHOR_DATE), root="root")


def _directories(heads: pl.DataFrame) -> pl.DataFrame:
    ids = heads.filter(pl.col("target_type") == "directory")["target"].unique()
    return pl.DataFrame({"id": ids, "date": pl.Series([None] * len(ids), dtype=_ANCHOR_DATE), "root": ids})
