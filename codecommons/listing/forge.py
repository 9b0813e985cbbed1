# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What forges have in common: an API with pages of repositories, each with a URL to clone and when something last happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from codecommons import strict
from codecommons.archive.fetching import is_web
from codecommons.archive.packages import parse_time
from codecommons.listing.lister import Listed, ListingError, Options, variable
from codecommons.listing.web import Answer, StatusError, Web, http_url

# Pages in a row that a server can't make, as a repository in them breaks it, before that counts as the server's end.
_MOST_BROKEN = 10


@dataclass(frozen=True, kw_only=True)
class ForgeOptions(Options):
    """A forge.

    Attributes:
        url: its address, without the API's path.
        token: the environment variable that holds a token; only public repositories are listed all the same.
        page_size: repositories of one page.
    """

    url: str = strict.rule(http_url)
    token: str | None = strict.rule(variable, None)
    page_size: int = strict.rule(strict.whole(1, 100), 50)


def pages(web: Web, first: str, skip: Callable[[str], str | None]) -> Iterator[tuple[Any, Answer | None, str | None]]:
    """Follow the links to the next page.

    Args:
        web: the server.
        first: URL of the first page.
        skip: URL of the page after one that the server can't make (status 500), from its URL; None when nobody can tell.

    Yields:
        What a page says (None for one that was skipped), the answer, and the URL of the next page.

    Raises:
        ListingError: a page can't be had.
    """
    url: str | None = first
    broken = 0
    while url:
        try:
            said, answer = web.json(url)
        except StatusError as error:
            following = skip(url)
            broken += 1
            if error.status != 500 or following is None or broken > _MOST_BROKEN:
                raise
            yield None, None, following
            url = following
            continue
        broken = 0
        if answer.following == url:
            raise ListingError(f"{url} names itself as the next page")
        yield said, answer, answer.following
        url = answer.following


def repositories(said: Any, url: str) -> list[Mapping[str, Any]]:
    """The repositories of a page.

    Raises:
        ListingError: it has another form.
    """
    if isinstance(said, Mapping) and isinstance(said.get("data"), list):
        said = said["data"]
    if not isinstance(said, list) or not all(isinstance(one, Mapping) for one in said):
        raise ListingError(f"{url} answers with something else than a list of repositories")
    return said


def listed(found: Iterable[Mapping[str, Any]], clone: str, update: str) -> tuple[Listed, ...]:
    """Public repositories as git items: what a server names is only taken when it is to be had over http(s).

    Args:
        found: the repositories.
        clone: the field of the URL to clone.
        update: the field of the time of the last change.
    """
    entries = []
    for one in found:
        if one.get("private") is True or one.get("visibility", "public") != "public":
            continue
        url, moment = one.get(clone), one.get(update)
        if isinstance(url, str) and is_web(url):
            entries.append(Listed(f"git:{url}", parse_time(moment) if isinstance(moment, str) else None))
    return tuple(entries)
