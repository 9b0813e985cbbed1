# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Whose decision on a file holds, of several places that have had it since the same commit, or since the same time.

Forks share the commit that brought a file, and may say unlike things of it today. That commit has one tree, so it is asked
(``histories``): a place holds before others of that commit where it is worth today what it was worth then. All else is a change
of licence, by whom nobody can tell. Where that leaves several, or none, the strictest of them holds.
"""

from __future__ import annotations

import polars as pl

from codecommons.lake import Lake
from codecommons.license.histories import as_it_came
from codecommons.license.policy import CONFLICT, VERDICTS, Policy

_STRICTNESS = {verdict: at for at, verdict in enumerate((*VERDICTS, CONFLICT))}


def holding(lake: Lake, claims: pl.DataFrame, judging: Policy) -> pl.DataFrame:
    """Leave out decisions that others hold before.

    Args:
        lake: the lake.
        claims: the places that have had a text since the same time: text (whatever names it), content and path (binary),
            revision (binary: the commit that brought it, null where none did), verdict of the decision there, null without one;
            and what else is to be kept.
        judging: the policy that decided.

    Returns:
        Some of the rows, of each text at least one, in no order; those of one text have the same verdict. No decision is the
        strictest of all.
    """
    claims = claims.with_columns(strictness=_strictness("verdict"))
    unlike = pl.col("strictness").n_unique().over("text") > 1
    contested = claims.filter(unlike)
    if contested.height:
        claims = pl.concat([claims.filter(~unlike), _as_they_came(lake, contested, judging)])
    return claims.filter(pl.col("strictness") == pl.col("strictness").max().over("text")).drop("strictness")


def _strictness(verdict: str) -> pl.Expr:
    return pl.col(verdict).replace_strict(_STRICTNESS, default=len(_STRICTNESS), return_dtype=pl.Int8)


def _as_they_came(lake: Lake, claims: pl.DataFrame, judging: Policy) -> pl.DataFrame:
    """Of each commit that brought a text the claims that say what held then; all of them, where none does or nobody can tell."""
    then = as_it_came(lake, claims.select("revision", "content", "path").drop_nulls(), judging)
    strictest = then.group_by("revision", "content").agg(then=_strictness("verdict").max())
    claims = claims.join(strictest, on=["revision", "content"], how="left", maintain_order="left")
    # What is in no history, such as a release, is all of one time.
    holds = (pl.col("then") == pl.col("strictness")).fill_null(value=False) | pl.col("revision").is_null()
    return claims.filter(holds | ~holds.any().over("text", "revision")).drop("then")
