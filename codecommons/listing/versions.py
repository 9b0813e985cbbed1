# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Registries that say of a name which versions it has and when each was uploaded: a version belongs to the day of its upload."""

from __future__ import annotations

import datetime as dt
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from codecommons import strict
from codecommons.errors import ItemError
from codecommons.listing.lister import Context, Listed, Lister, ListingError, Options, Page


@dataclass(frozen=True, kw_only=True)
class NamesOptions(Options):
    """Names of packages, and from which day of their history on (the day they are first listed, unless given)."""

    names: tuple[str, ...] = strict.rule(strict.texts)
    since: str | None = strict.rule(strict.day, None)


class Registry(Lister[NamesOptions]):
    """A registry of versioned packages; see the module."""

    options = NamesOptions
    dated = True

    @abstractmethod
    def versions(self, name: str) -> Iterable[tuple[str, dt.datetime | None]]:
        """Requests for the versions of a package, and when each was uploaded, where the registry says so.

        Raises:
            ItemError: it has no such package, or can't be reached.
        """

    def pages(self, options: NamesOptions, cursor: Mapping[str, Any], context: Context) -> Iterator[Page]:
        """See ``Lister.pages``. Cursor: ``since``, and ``after``, the name that the listing stopped behind."""
        since = options.since or cursor.get("since") or context.day
        names = sorted(set(options.names))
        failed: list[str] = []
        for at, name in enumerate(names):
            if name <= cursor.get("after", ""):
                continue
            try:
                entries = [
                    Listed(request, moment, _day(moment)) for request, moment in sorted(self.versions(name), key=itemgetter(0))
                ]
            except ItemError as error:
                gone = error.reason == "missing-package"
                entries = [Listed(name, problem=str(error))] if gone else []
                failed += [] if gone else [f"{name}: {error}"]
            here = {"since": since} | ({"after": name} if at + 1 < len(names) else {})
            yield Page(tuple(one for one in entries if one.due is None or one.due >= since), here)
        if failed:
            raise ListingError(f"{len(failed)} of {len(names)} names can't be listed, such as {failed[0]}")


def _day(moment: dt.datetime | None) -> str | None:
    return moment.astimezone(dt.UTC).date().isoformat() if moment else None
