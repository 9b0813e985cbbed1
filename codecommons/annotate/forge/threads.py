# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What one event adds to an issue or a pull request.

Events of 2015 and later say what a thread is called, what its first text is and who opened it in each of them; since 2025-10-07
those of pull requests don't, and are not ``complete``. So an event becomes a row with all that it says, and a thread is told from
whichever of its events there are. A comment that comes again, edited, has the same ``text_id``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codecommons.annotate.forge.bots import bot
from codecommons.annotate.forge.people import person, without_names
from codecommons.annotate.forge.values import names, part, text, time, truth, whole
from codecommons.errors import ItemError

ISSUE, PULL_REQUEST = "issue", "pull_request"
# Event -> where the text is, and what it is called.
_TEXTS = {
    "IssueCommentEvent": ("comment", "comment"),
    "PullRequestReviewCommentEvent": ("comment", "review_comment"),
    "PullRequestReviewEvent": ("review", "review"),
}
EVENTS = frozenset(("IssuesEvent", "PullRequestEvent", *_TEXTS))


def thread_event(kind: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """What an event adds to its thread.

    Args:
        kind: its type, one of ``EVENTS``.
        event: the record as the forge wrote it.

    Returns:
        The columns of table ``thread_event`` that the payload fills; those that are left out are null.

    Raises:
        ItemError: ``no-thread``: it doesn't say which thread it belongs to.
    """
    payload = part(event, "payload")
    is_pull = kind.startswith("PullRequest")
    about = part(payload, "pull_request" if is_pull else "issue")
    number = whole(about, "number") or whole(payload, "number")
    if not number:
        raise ItemError("no-thread", f"the {kind} has no number of an issue or pull request")
    actor, opener, title = text(part(event, "actor"), "login"), _account(about), text(about, "title")
    row: dict[str, Any] = {
        "number": number,
        "kind": PULL_REQUEST if is_pull or isinstance(about.get("pull_request"), dict) else ISSUE,
        "action": text(payload, "action"),
        "actor": person(actor) if actor else None,
        "title": None if title is None else without_names(title),
        "body": None if title is None else without_names(text(about, "body") or ""),
        "opened_at": time(about, "created_at"),
        "labels": names(about, "labels", "name"),
        "comments": whole(about, "comments"),
        "review_comments": whole(about, "review_comments"),
        "merged": True if payload.get("action") == "merged" else truth(about, "merged"),
        "base": text(part(about, "base"), "sha"),
        "head": text(part(about, "head"), "sha"),
    }
    if opener:
        row |= {"opener": person(opener[0]), "opener_bot": bot(*opener)}
    author: tuple[str, str | None] | None = (actor, None) if actor else None
    if kind in _TEXTS:
        name, text_kind = _TEXTS[kind]
        said = part(payload, name)
        author = _account(said)
        row |= _said(said, text_kind) | {"association": text(said, "author_association")}
    else:
        row["association"] = text(about, "author_association")
    if author:
        row |= {"author": person(author[0]), "bot": bot(*author)}
    return row


def _account(record: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """Login and type of whose something is."""
    user = part(record, "user")
    login = text(user, "login")
    return (login, text(user, "type")) if login else None


def _said(said: Mapping[str, Any], kind: str) -> dict[str, Any]:
    body, hunk = text(said, "body"), text(said, "diff_hunk")
    return {
        "text_kind": kind,
        "text_id": whole(said, "id"),
        "text_at": time(said, "created_at") or time(said, "submitted_at"),
        "text": None if body is None else without_names(body),
        "review_state": text(said, "state"),
        "review_id": whole(said, "pull_request_review_id"),
        "in_reply_to": whole(said, "in_reply_to_id"),
        "path": text(said, "path"),
        "line": whole(said, "line"),
        "diff_hunk": hunk,
        "commit": text(said, "commit_id"),
    }
