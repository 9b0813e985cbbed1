# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A Gitea or Forgejo organisation, or a whole instance, through its API (v1).

An instance is listed by its last updates, the newest first, and only down to what was there when the listing before began, by the
server's own clock: what moves while it is listed is seen by the next one. An organisation is listed whole each time.
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
from codecommons.listing.lister import Context, Listed, Lister, Page
from codecommons.listing.web import Web, token_header

_API = "/api/v1"


@dataclass(frozen=True, kw_only=True)
class GiteaOptions(ForgeOptions):
    """An instance, or one ``organization`` of it."""

    organization: str | None = strict.rule(strict.text, None)


class Gitea(Lister[GiteaOptions]):
    """Repositories, by their last update."""

    options = GiteaOptions

    def pages(self, options: GiteaOptions, cursor: Mapping[str, Any], context: Context) -> Iterator[Page]:
        """See ``Lister.pages``. Cursor: ``since`` (of the next listing), and while one is under way ``next`` and ``began``."""
        since, began = cursor.get("since"), cursor.get("began")
        first = cursor.get("next") or _first(options)
        with Web(options.url, context.wait, token_header(options.token, {"Authorization": "token {}"})) as web:
            for said, answer, following in forge.pages(web, first, _after):
                if began is None and answer is not None and answer.date is not None:
                    began = answer.date.isoformat()
                found = forge.repositories(said, options.url) if answer is not None else []
                entries = forge.listed(found, "clone_url", "updated_at")
                if options.organization is None and since and _reaches(entries, dt.datetime.fromisoformat(since)):
                    following = None
                here = {"next": following, "since": since, "began": began} if following else {"since": began}
                yield Page(entries, {name: value for name, value in here.items() if value})
                if following is None:
                    return


LISTER = Gitea()


def _reaches(entries: tuple[Listed, ...], since: dt.datetime) -> bool:
    return any(one.last_update is not None and one.last_update < since for one in entries)


def _first(options: GiteaOptions) -> str:
    query = {"limit": str(options.page_size), "page": "1"}
    if options.organization is not None:
        return f"{options.url}{_API}/orgs/{quote(options.organization, safe='')}/repos?{urlencode(query)}"
    query |= {"sort": "updated", "order": "desc", "private": "false"}
    return f"{options.url}{_API}/repos/search?{urlencode(query)}"


def _after(url: str) -> str | None:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if not query.get("page", "").isdecimal():
        return None
    query["page"] = str(int(query["page"]) + 1)
    return urlunsplit(parts._replace(query=urlencode(query)))
