# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What near-duplicates cost a language, a source or an origin, and the alarm for filters that eat nearly all of one."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from codecommons.datasets.rules import GROUPS
from codecommons.datasets.specification import Deduplicate

# A group of fewer files may well be copies of one.
ALARMING = 100
LOST = pl.Schema(
    {"kind": pl.String, "name": pl.String, "files": pl.UInt32, "lost": pl.UInt32, "instead": pl.String, "to_it": pl.UInt32}
)


def losses(kept: pl.DataFrame, gone: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """How many files of each group reached the rules about copies, and how many of them near-duplicates left out.

    A file whose bytes stay in another row is not lost: of a fork that goes as a whole, most are only copies. A file whose bytes
    stay nowhere is, also where its own row was a copy of one that went.

    Args:
        kept: the rows that stay, with content and the columns ``rules.GROUPS``.
        gone: those that a rule about copies left out, also with instead, which says what stays instead; null where it is the same
            bytes.

    Returns:
        One row a group, as ``LOST``: kind, name, files (each content once), lost; instead, what stays for more of the lost ones
        than anything else does (null: none is lost), and to_it, for how many. Sorted.
    """
    stays = kept.select("content", *GROUPS, instead=pl.lit(None, pl.String))
    left_out = pl.concat([stays.clear(), *(one.select(stays.columns) for one in gone)])
    gone_for_good = ~pl.col("content").is_in(kept["content"].implode())
    reached = pl.concat([stays, left_out.with_columns(instead=pl.when(gone_for_good).then("instead"))])
    lost = pl.col("instead").is_not_null()
    named = [
        reached.unique([kind, "content"], keep="first", maintain_order=True)
        .group_by(pl.col(kind).fill_null("unknown").alias("name"), "instead")
        .len("to_it")
        .sort("name", -pl.col("to_it").cast(pl.Int64), "instead")
        .group_by("name", maintain_order=True)
        .agg(
            pl.lit(kind).alias("kind"),
            pl.sum("to_it").alias("files"),
            pl.col("to_it").filter(lost).sum().alias("lost"),
            pl.col("instead").filter(lost).first(),
            pl.col("to_it").filter(lost).first().fill_null(0),
        )
        for kind in GROUPS
    ]
    return pl.concat(named).select(LOST.names()).cast(LOST).sort("kind", "name")


def alarms(asked: Deduplicate, lost: pl.DataFrame) -> list[str]:
    """One line for each group that lost more than its specification allows, the worst first.

    Args:
        asked: how much a group may lose.
        lost: what ``losses`` returned.
    """
    allowed = pl.DataFrame(asked.most_lost, schema={"kind": pl.String, "most": pl.Float64}, orient="row")
    judged = lost.filter(pl.col("files") >= ALARMING).join(allowed, on="kind")
    judged = judged.with_columns(share=pl.col("lost") / pl.col("files")).filter(pl.col("share") > pl.col("most"))
    return [
        f"{one['kind']} {one['name']} loses {one['lost']:,} of {one['files']:,} files ({one['share']:.1%}) to near-duplicates, "
        f"{one['to_it']:,} of them to {one['instead']}; {one['most']:.0%} are allowed"
        for one in judged.sort("share", "kind", "name", descending=[True, False, False]).to_dicts()
    ]
