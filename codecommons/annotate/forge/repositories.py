# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What events say of repositories: pull requests carry those they are between, forks the one that was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from codecommons.annotate.forge.values import names, part, text, time, truth, url, whole

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
