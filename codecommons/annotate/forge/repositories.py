# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What events say of repositories: pull requests carry those they are between, forks the one that was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from codecommons.annotate.forge.values import names, part, text, time, truth, url, whole
from codecommons.lake import Lake
from codecommons.lake.places import place

EVENTS = frozenset(("ForkEvent", "PullRequestEvent", "PullRequestReviewEvent", "PullRequestReviewCommentEvent"))


def observations(kind: str, event: Mapping[str, Any], origin: str | None) -> Iterator[dict[str, Any]]:
    """What an event says of repositories; nothing where it has no more of them than their names, as since 2025-10-07.

    Args:
        kind: its type, one of ``EVENTS``.
        event: the record as the forge wrote it.
        origin: the address of the repository where it happened, which a fork is made from.

    Yields:
        The columns of table ``repository_observation`` that the payload fills.
    """
    payload = part(event, "payload")
    if kind == "ForkEvent":
        yield from _observed(part(payload, "forkee"), "fork", origin)
        return
    pull = part(payload, "pull_request")
    base, head = part(pull, "base", "repo"), part(pull, "head", "repo")
    yield from _observed(base, "base", None)
    if head.get("id") != base.get("id"):
        yield from _observed(head, "head", None)


def newest(lake: Lake, slices: pl.DataFrame) -> pl.DataFrame:
    """What the newest event of some slices says of each repository, under every name that their events have of it.

    A repository that was renamed is the same one, by its number. A name that several have had goes by what was said under it.

    Args:
        lake: the lake.
        slices: columns slice and source.

    Returns:
        place (``lake.places.place`` of the repository's address; unique, sorted), license (as the forge spells it, or null),
        stars, and event (its id and time, as text).
    """
    seen = lake.scan("repository_observation").join(slices.lazy(), on=["slice", "source"], how="semi")
    order = ["origin", "observed_at", pl.col("id").str.len_bytes(), "id", "part"]
    last = seen.sort(order).unique("origin", keep="last", maintain_order=True)
    found = last.select("origin", "license", "stars", "observed_at", "id").collect().sort("observed_at", "origin")
    event = pl.format("event {} of {}", "id", pl.col("observed_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    told = _placed(found).select("place", "license", "stars", "observed_at", event=event)
    told = told.unique("place", keep="last", maintain_order=True)
    named = _names(lake, slices)
    numbered = (
        told.join(named, on="place", how="inner", maintain_order="left").drop("place").sort("observed_at", maintain_order=True)
    )
    of_number = numbered.unique("repository_id", keep="last", maintain_order=True)
    under_all = named.join(of_number, on="repository_id").select(told.columns)
    alone = told.join(named, on="place", how="anti")
    return pl.concat([alone, under_all]).drop("observed_at").sort("place")


def _names(lake: Lake, slices: pl.DataFrame) -> pl.DataFrame:
    """Names that one repository alone has had, by its number: place (unique), repository_id."""
    said = [
        lake.scan(name)
        .join(slices.lazy(), on=["slice", "source"], how="semi")
        .select("origin", "repository_id")
        .drop_nulls()
        .unique()
        for name in ("repository_observation", "thread_event")
    ]
    found = pl.concat(said).unique().collect(engine="streaming")
    names = _placed(found).select("place", "repository_id").unique()
    return names.filter(pl.len().over("place") == 1).sort("place")


def _placed(found: pl.DataFrame) -> pl.DataFrame:
    places = pl.Series("place", [place(origin) for origin in found["origin"]], dtype=pl.String)
    return found.with_columns(places)


def _observed(said: Mapping[str, Any], where: str, parent: str | None) -> Iterator[dict[str, Any]]:
    identifier, name, address = whole(said, "id"), text(said, "full_name"), url(said, "html_url")
    if identifier is None or not name or not address:
        return
    license = part(said, "license")
    yield {
        "repository_id": identifier,
        "repository": name,
        "origin": address,
        "part": where,
        "description": text(said, "description"),
        "homepage": url(said, "homepage"),
        "language": text(said, "language"),
        "license": text(license, "spdx_id"),
        "license_key": text(license, "key"),
        "topics": names(said, "topics"),
        "default_branch": text(said, "default_branch"),
        "fork": truth(said, "fork"),
        "forked_from": parent,
        "archived": truth(said, "archived"),
        "stars": whole(said, "stargazers_count"),
        "watchers": whole(said, "subscribers_count"),
        "forks": whole(said, "forks_count"),
        "open_issues": whole(said, "open_issues_count"),
        "size": whole(said, "size"),
        "created_at": time(said, "created_at"),
        "updated_at": time(said, "updated_at"),
        "pushed_at": time(said, "pushed_at"),
    }
