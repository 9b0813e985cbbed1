# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What shows that a claimant may ask for what they ask: a ladder, of which each scope needs another rung (``standing.NEEDED``).

``claimed``    somebody says so
``account``    the request came from the account under which the code is: an operator sees that, and says which account it was
``challenge``  the newest archived tree of every origin concerned holds ``.codecommons-opt-out`` with the request's identifier
``human``      a person looked into it and says what they saw
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import polars as pl

from codecommons.lake import Lake
from codecommons.optout import markers
from codecommons.optout.reach import origins_of
from codecommons.optout.requests import FORM_FORGE, Request, key_of

_ACCOUNT_HOSTS = (urlsplit(FORM_FORGE).netloc, "gitlab.com", "codeberg.org", "bitbucket.org")


def account_of(text: str) -> str:
    """A forge account as HOST/NAME; a name alone is one of the issue form's forge."""
    text = text.strip().removeprefix("https://").removeprefix("@").rstrip("/").lower()
    return text if "/" in text else f"{_ACCOUNT_HOSTS[0]}/{text}"


def by_account(request: Request, account: str) -> str | None:
    """The evidence that everything asked for is under an account; None when something is not."""
    asked = request.values if request.within is None else (request.within,)
    if request.scope not in ("origin", "owner", "path") or not account:
        return None
    mine = account_of(account)
    if mine.partition("/")[0] not in _ACCOUNT_HOSTS or not all("/".join(key_of(one).split("/")[:2]) == mine for one in asked):
        return None
    return f"account {mine}"


def by_challenge(lake: Lake, request: Request, identifier: str, trees: pl.DataFrame) -> tuple[list[str], list[str]]:
    """Look for a request's identifier in the newest archived trees of the origins that it is about.

    Returns:
        SWHIDs of the anchors that have it, and origins that have not, or are not archived; both sorted.
    """
    if request.scope not in ("origin", "owner", "path"):
        return [], [f"scope {request.scope}"]
    newest = markers.newest(trees)
    known = sorted(newest["origin"].to_list())
    concerned = origins_of(request, known)
    asked = request.values if request.within is None else (request.within,)
    lacking = [value for value in asked if not origins_of(Request("origin", (value,)), concerned)]
    files = markers.at_root(lake, newest.filter(pl.col("origin").is_in(concerned)), (markers.CHALLENGE,))
    pattern = rb"(?m)^[ \t]*" + identifier.encode() + rb"[ \t]*\r?$"
    proved = {origin for origin, data in files.select("origin", "data").iter_rows() if data and re.search(pattern, data)}
    anchors = newest.filter(pl.col("origin").is_in(sorted(proved)))["anchor"].to_list()
    return sorted(anchors), sorted({*lacking, *(origin for origin in concerned if origin not in proved)})
