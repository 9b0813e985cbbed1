# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A file of what to ingest, one a line: URLs of git repositories, or items of any source, such as ``pypi:requests==2.31.0``.

A list behind a URL is written by others, so it can only name what is on the web and in registries, nothing of this machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from codecommons import strict
from codecommons.archive.fetching import is_web
from codecommons.listing.lister import Context, Listed, Lister, Options, Page
from codecommons.listing.places import Found, is_url, lines, opened, place

_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class UrlsOptions(Options):
    """The list: a path or a URL; ``#`` starts a comment in it."""

    list: str = strict.rule(place)


class Urls(Lister[UrlsOptions]):
    """What somebody has written down."""

    options = UrlsOptions

    def pages(self, options: UrlsOptions, cursor: Mapping[str, Any], context: Context) -> Iterator[Page]:
        """See ``Lister.pages``. No cursor: nobody says what has changed behind the lines of a list."""
        with opened(options.list, {}, context) as found:
            assert found is not None
            entries: list[Listed] = []
            for entry in _entries(found, options.list, context):
                entries.append(entry)
                if len(entries) == _AT_ONCE:
                    yield Page(tuple(entries), {})
                    entries = []
            yield Page(tuple(entries), {})


LISTER = Urls()


def _entries(found: Found, name: str, context: Context) -> Iterator[Listed]:
    own = not is_url(name)
    for line in lines(found, name, context):
        words = line.decode(errors="replace").partition(" #")[0].split()
        if not words or words[0].startswith("#"):
            continue
        request = f"git:{words[0]}" if is_web(words[0]) else words[0]
        yield Listed(" ".join([request, *words[1:]]), own=own)
