# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The hours of GH Archive: twenty-four files a day, known without asking anybody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from codecommons import strict
from codecommons.listing.lister import Context, Listed, Lister, Options, Page


@dataclass(frozen=True, kw_only=True)
class HoursOptions(Options):
    """From which day on (the day before the first listing, unless given)."""

    since: str | None = strict.rule(strict.day, None)


class GHArchive(Lister[HoursOptions]):
    """Hours of days that are over."""

    options = HoursOptions
    dated = True

    def pages(self, options: HoursOptions, cursor: Mapping[str, Any], context: Context) -> Iterator[Page]:
        """See ``Lister.pages``. Cursor: ``next``, the first day that was not listed."""
        last = dt.date.fromisoformat(context.day) - dt.timedelta(days=context.today)
        first = dt.date.fromisoformat(cursor.get("next") or options.since or last.isoformat()) if context.today else last
        while first <= last:
            day, first = first.isoformat(), first + dt.timedelta(days=1)
            hours = tuple(Listed(f"gharchive:{day}-{hour}", due=day) for hour in range(24))
            yield Page(hours, {"next": first.isoformat()})


LISTER = GHArchive()
