# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Feeds that have something for every day that is over, known without asking anybody."""

from __future__ import annotations

import datetime as dt
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from codecommons import strict
from codecommons.listing.lister import Context, Listed, Lister, Options, Page


@dataclass(frozen=True, kw_only=True)
class DaysOptions(Options):
    """From which day on (the day before the first listing, unless given)."""

    since: str | None = strict.rule(strict.day, None)


AnyDays = TypeVar("AnyDays", bound=DaysOptions)


class Daily(Lister[AnyDays]):
    """A feed; see the module."""

    dated = True

    @abstractmethod
    def requests(self, options: AnyDays, day: str) -> list[str]:
        """What a day consists of."""

    def pages(self, options: AnyDays, cursor: Mapping[str, Any], context: Context) -> Iterator[Page]:
        """See ``Lister.pages``. Cursor: ``next``, the first day that was not listed."""
        last = days_from(context.day, -1 if context.today else 0)
        first = cursor.get("next") or options.since or last if context.today else last
        for day in days(first, last):
            yield Page(
                tuple(Listed(request, due=day, own=True) for request in self.requests(options, day)), {"next": days_from(day, 1)}
            )


def days_from(day: str, count: int) -> str:
    """The day so many days later."""
    return (dt.date.fromisoformat(day) + dt.timedelta(days=count)).isoformat()


def days(first: str, last: str) -> Iterator[str]:
    """Every day from the first to the last, that included."""
    while first <= last:
        yield first
        first = days_from(first, 1)
