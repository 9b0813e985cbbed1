# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What two sets of rows differ in: what came, what went, and by which rule.

A row is a content, or a change of one, at a path of an origin.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from codecommons.datasets.releases import Release
from codecommons.datasets.rows import swhid_of
from codecommons.lake import Lake

KEY = ["content", "before_content", "origin", "path"]
ABSENT = "not_there"


@dataclass(frozen=True)
class Moved:
    """A row that only one side has.

    Attributes:
        swhid: with its qualifiers.
        rule: which left it out of the other side; ``ABSENT``: it was no candidate there.
        evidence: of that, as texts.
        kept: SWHID of the content that stands for it there, for duplicates.
    """

    swhid: str
    rule: str
    evidence: tuple[str, ...]
    kept: str | None


@dataclass(frozen=True)
class Difference:
    """What two sets of rows differ in, by SWHID.

    Attributes:
        came: rows that only the second has, each with what had left it out of the first.
        went: rows that only the first has, each with what leaves it out of the second.
        stayed: how many both have.
    """

    came: tuple[Moved, ...]
    went: tuple[Moved, ...]
    stayed: int


def difference(first: pl.DataFrame, first_drops: pl.DataFrame, second: pl.DataFrame, second_drops: pl.DataFrame) -> Difference:
    """Compare rows.

    Args:
        first: columns swhid, content, before_content (null but of commits), origin, path (binary).
        first_drops: what was left out of it: content, before_content, origin, path, rule, evidence, kept.
        second: as ``first``.
        second_drops: what was left out of that.
    """
    stayed = first.join(second, on=KEY, how="semi", nulls_equal=True).height
    return Difference(_moved(second, first, first_drops), _moved(first, second, second_drops), stayed)


def _moved(rows: pl.DataFrame, other: pl.DataFrame, drops: pl.DataFrame) -> tuple[Moved, ...]:
    why = drops.select(*KEY, "rule", "evidence", "kept").sort(*KEY, "rule").unique(KEY, keep="first", maintain_order=True)
    why = why.with_columns(kept=swhid_of("cnt", "kept"))
    gone = rows.join(other, on=KEY, how="anti", nulls_equal=True).join(why, on=KEY, how="left", nulls_equal=True).sort("swhid")
    return tuple(
        Moved(swhid, rule or ABSENT, tuple(evidence or ()), kept)
        for swhid, rule, evidence, kept in gone.select("swhid", "rule", "evidence", "kept").iter_rows()
    )


def releases_differ(lake: Lake, first: Release, second: Release) -> Difference:
    """Compare two releases, of one dataset or of two.

    Raises:
        LakeError: the lake can't be read.
    """
    return difference(*rows_and_drops(lake, first), *rows_and_drops(lake, second))


def rows_and_drops(lake: Lake, one: Release) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of a release, and what it left out, as ``difference`` wants them.

    Raises:
        LakeError: the lake can't be read.
    """
    mine = (pl.col("dataset") == one.name) & (pl.col("fingerprint") == one.fingerprint)
    rows = lake.scan("dataset_row").filter(mine).select("swhid", *KEY)
    drops = lake.scan("dataset_drop").filter(mine).select(*KEY, "rule", "evidence", "kept")
    return rows.collect(engine="streaming"), drops.collect(engine="streaming")
