# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a forge says of a whole repository: the last resort, for files of which nobody in their tree says anything.

A forge speaks of repositories and a tree may be in many, so this is no decision on a tree (``resolve``): it is joined to files by
their origin when a dataset is built, as of the dataset's day. The newest observation of a repository up to that day counts; where
it names no licence, or one that isn't SPDX's, the forge has said nothing. Code that is somebody else's (``foreign``) never
takes it.
"""

from __future__ import annotations

import polars as pl

from codecommons.lake.places import place
from codecommons.license.expressions import licenses
from codecommons.license.policy import FIRST, NEVER, NO_ASSERTION, NO_LICENSE, Policy
from codecommons.license.resolve import NOTHING

FORGE = "forge"


def last_resort(files: pl.LazyFrame, observed: pl.DataFrame, judging: Policy) -> pl.LazyFrame:
    """Give files the licence of their repository where the policy asks the forge.

    Args:
        files: columns origin, license, verdict, rule (``kind/rule``), evidence (list of text), of the decision in the file's own
            tree, null without one.
        observed: the newest that forges say of repositories (``annotate.forge.repositories.newest``).
        judging: the policy: whether it asks the forge last, first or never, and what a licence is worth.

    Returns:
        The same rows and columns; where the forge decides, rule is ``forge/…`` and its address and event stand first in the
        evidence.
    """
    said = _said(observed)
    if judging.forge == NEVER or not said.height:
        return files
    if judging.forge != FIRST:
        said = said.filter(pl.col("said") != NO_ASSERTION)
    worth = {one: judging.judge(one) for one in said["said"].unique()}
    answers = said.with_columns(
        forge_verdict=pl.col("said").replace_strict({one: it.verdict for one, it in worth.items()}, return_dtype=pl.String),
        forge_rule=pl.col("said").replace_strict(
            {one: f"{FORGE}/{it.rule}" for one, it in worth.items()}, return_dtype=pl.String
        ),
    )
    silent = pl.col("rule") == f"{NOTHING}/{NO_LICENSE}"
    first = pl.col("rule").is_not_null() & (pl.col("said") != NO_ASSERTION) if judging.forge == FIRST else pl.lit(value=False)
    decides = pl.col("said").is_not_null() & (silent | first)
    places = files.select("origin").unique().collect(engine="streaming")["origin"].drop_nulls()
    at = pl.DataFrame({"origin": places, "place": pl.Series([place(one) for one in places], dtype=pl.String)})
    answers = at.join(answers, on="place").with_columns(where=pl.format("{}, {}", "origin", "event")).drop("place", "event")
    columns = files.collect_schema().names()
    none = pl.lit([], dtype=pl.List(pl.String))
    return (
        files.join(answers.lazy(), on="origin", how="left")
        .with_columns(
            license=pl.when(decides).then("said").otherwise("license"),
            verdict=pl.when(decides).then("forge_verdict").otherwise("verdict"),
            rule=pl.when(decides).then("forge_rule").otherwise("rule"),
            evidence=pl.when(decides)
            .then(pl.concat_list(pl.concat_list("where"), pl.col("evidence").fill_null(none)))
            .otherwise("evidence"),
        )
        .select(columns)
    )


def licensed(places: pl.DataFrame, observed: pl.DataFrame, judging: Policy) -> pl.DataFrame:
    """Give what is not in any tree, such as discussions, the licence of its repository.

    Args:
        places: column origin.
        observed: as for ``last_resort``.
        judging: the policy.

    Returns:
        The same rows with license, verdict, rule (``forge/…``) and evidence (the repository's address and event).
    """
    said = _said(observed)
    known = said.filter(pl.col("said") != NO_ASSERTION)
    origins = places["origin"].unique().drop_nulls()
    at = pl.DataFrame({"origin": origins, "place": pl.Series([place(one) for one in origins], dtype=pl.String)})
    worth = {one: judging.judge(one) for one in ("", *known["said"].unique())}
    verdicts, rules = {one: it.verdict for one, it in worth.items()}, {one: f"{FORGE}/{it.rule}" for one, it in worth.items()}
    spoken = pl.col("said").fill_null("")
    answers = at.join(known, on="place", how="left").select(
        "origin",
        license="said",
        verdict=spoken.replace_strict(verdicts, return_dtype=pl.String),
        rule=spoken.replace_strict(rules, return_dtype=pl.String),
        evidence=pl.concat_list(pl.format("{}, {}", "origin", "event")).list.drop_nulls(),
    )
    return places.join(answers, on="origin", how="left", maintain_order="left")


def _said(observed: pl.DataFrame) -> pl.DataFrame:
    """Where forges name a licence: place, said (an SPDX identifier as ScanCode's index spells it, or ``NOASSERTION``), event."""
    spelled = {
        one: NO_ASSERTION if one == NO_ASSERTION else _identifier(one) for one in observed["license"].drop_nulls().unique()
    }
    said = pl.col("license").replace_strict(spelled, default=None, return_dtype=pl.String)
    return observed.select("place", "event", said=said).drop_nulls("said")


def _identifier(said: str) -> str | None:
    one = licenses().get(said.lower())
    return None if one is None or one.exception else one.identifier
