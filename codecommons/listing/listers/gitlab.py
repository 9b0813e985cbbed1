# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A GitLab group with its subgroups, or a whole instance, through its API (v4).

An instance is listed in order of identifiers (keyset pagination), and from the second time on only what had some activity since
the first page of the listing before was made, by the server's own clock. A group is listed whole each time: its API can't tell.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from codecommons import strict
from codecommons.listing import forge
from codecommons.listing.forge import ForgeOptions
from codecommons.listing.lister import Context, Lister, Page
from codecommons.listing.web import Web, token_header

_API = "/api/v4"


@dataclass(frozen=True, kw_only=True)
class GitLabOptions(ForgeOptions):
    """An instance, or one ``group`` of it (its full path)."""

    group: str | None = strict.rule(strict.text, None)
    page_size: int = strict.rule(strict.whole(1, 100), 100)


class GitLab(Lister[GitLabOptions]):
    """Projects, by their last activity."""

    options = GitLabOptions

    def pages(self, options: GitLabOptions, cursor: Mapping[str, Any], context: Context) -> Iterator[Page]:
        """See ``Lister.pages``. Cursor: ``since`` (of the next listing), and while one is under way ``next`` and ``began``."""
        since, began = cursor.get("since"), cursor.get("began")
        first = cursor.get("next") or _first(options, since)
        with Web(options.url, context.wait, token_header(options.token, {"PRIVATE-TOKEN": "{}"})) as web:
            for said, answer, following in forge.pages(web, first, lambda url: _after(url, options.page_size)):
                if began is None and answer is not None and answer.date is not None:
                    began = answer.date.strftime("%Y-%m-%dT%H:%M:%SZ")
                found = forge.repositories(said, options.url) if answer is not None else []
                here = {"next": following, "since": since, "began": began} if following else {"since": began}
                yield Page(
                    forge.listed(found, "http_url_to_repo", "last_activity_at"),
                    {name: value for name, value in here.items() if value},
                )


LISTER = GitLab()


def _first(options: GitLabOptions, since: str | None) -> str:
    query = {"order_by": "id", "sort": "asc", "simple": "true", "visibility": "public", "per_page": str(options.page_size)}
    if options.group is not None:
        path = f"/groups/{quote(options.group.strip('/'), safe='')}/projects"
        query |= {"include_subgroups": "true", "with_shared": "false"}
    else:
        path = "/projects"
        query |= {"pagination": "keyset"}
        if since:
            # A second early: activity is told to the millisecond, the server's date to the second.
            moment = dt.datetime.fromisoformat(since) - dt.timedelta(seconds=1)
            query |= {"last_activity_after": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return f"{options.url}{_API}{path}?{urlencode(query)}"


def _after(url: str, size: int) -> str | None:
    """A page further on, where a page that the server can't make would have ended."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    for name, step in (("id_after", size), ("page", 1)):
        if query.get(name, "").isdecimal():
            query[name] = str(int(query[name]) + step)
            return urlunsplit(parts._replace(query=urlencode(query)))
    return None
