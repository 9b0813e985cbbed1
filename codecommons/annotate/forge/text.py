# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The text that StarCoder2 was trained on, of a thread.

An issue is ``<issue_start>Title: …``, its first text, ``<issue_comment>username_1: …`` for each comment and ``<issue_closed>``
where it was closed. A pull request is ``<pr>Title: …`` with ``<pr_status>``, ``<pr_comment>``, ``<pr_review>`` and
``<pr_review_comment>``; the base files and the diff, which events don't have, are in the repository, between the commits ``base``
and ``head``. Where a text has one of these marks written in it, a space is put into it, so that no reader takes it for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from codecommons.annotate.marks import plain

END = "<|endoftext|>"


def text_form(thread: Mapping[str, Any], bots: bool = False) -> str:
    """A row of the view ``thread`` as one text.

    Args:
        thread: its columns kind, repository, title and messages.
        bots: whether what bots say is in it.

    Returns:
        The text; every message is in it, in order, but those without a text that change nothing.
    """
    said = [one for one in thread["messages"] or () if bots or one["bot"] is None or one["action"] in _STATES]
    parts = _pull_request(thread, said) if thread["kind"] == "pull_request" else _issue(thread, said)
    return "".join(parts) + END


_STATES = frozenset(("opened", "closed", "reopened", "merged"))


def _issue(thread: Mapping[str, Any], messages: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    yield f"<issue_start>Title: {plain(thread['title'])}"
    for one in messages:
        match one["action"]:
            case "opened":
                yield f"\n{_line(one)}"
            case "closed":
                yield "<issue_closed>"
            case "comment":
                yield f"<issue_comment>{_line(one)}"


def _pull_request(thread: Mapping[str, Any], messages: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    yield f"<pr>Title: {plain(thread['title'])}"
    opened = False
    for one in messages:
        user = _user(one)
        match one["action"]:
            case "opened":
                opened = True
                yield f"\n{_line(one)}\n<pr_status>opened\n<repo_name>{plain(thread['repository'])}"
            case "comment":
                yield f"\n<pr_comment>{_line(one)}\n<pr_event_id>{one['id']}"
            case "review":
                yield f"\n<pr_review>{_line(one)}\n<pr_event_id>{one['id']}\n<pr_review_state>{plain(one['review_state'])}"
            case "review_comment":
                yield f"\n<pr_review_comment>\n<pr_event_id>{one['id']}{_where(one)}\n{_line(one)}"
            case "closed" | "merged" | "reopened" as state:
                status = "closed" if state == "merged" else state
                yield f"\n<pr>{user}\n<pr_status>{status}\n<pr_is_merged>{state == 'merged' or one['merged'] is True}"
    if not opened:
        yield f"\n<repo_name>{plain(thread['repository'])}"
    yield "\n"


def _where(one: Mapping[str, Any]) -> Iterable[str]:
    parts = [
        ("pr_in_reply_to_review_id", one["review"]),
        ("pr_in_reply_to_comment_id", one["in_reply_to"]),
        ("pr_file", one["path"]),
        ("pr_diff_hunk", one["diff_hunk"]),
        ("pr_diff_hunk_comment_line", one["line"]),
    ]
    return "".join(f"\n<{name}>{plain(str(value))}" for name, value in parts if value is not None)


def _line(one: Mapping[str, Any]) -> str:
    return f"{_user(one)}: {plain(one['text'])}"


def _user(one: Mapping[str, Any]) -> str:
    return one["user"] or "ghost"
