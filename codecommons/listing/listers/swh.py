# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Exports of Software Heritage's graph below one folder or bucket, as they appear: ``<root>/2025-10-08/…``.

A new export brings the days since the one before: one item a day, which is what the export says was visited on that day.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from codecommons import strict
from codecommons.archive.export.selection import Selection, read_selection
from codecommons.archive.export.tables import export_errors, open_place
from codecommons.errors import UsageError
from codecommons.listing.days import days, days_from
from codecommons.listing.lister import Context, Listed, Lister, ListingError, Options, Page
from codecommons.settings import Settings

_NAME = re.compile(r"(\d{4}-\d\d-\d\d)\b[\w.-]*")


def _selection(value: Any, where: str) -> str:
    text = strict.text(value, where)
    try:
        selection = read_selection(f"/export?{text}")
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    if selection.since or selection.until or selection.visits != "latest-full":
        raise UsageError(f"{where} is {value!r}; since, until and visits are said by the day that an item is for")
    return text


@dataclass(frozen=True, kw_only=True)
class ExportsOptions(Options):
    """Where exports appear, what is taken of each, and the first day of interest (that of the newest export, unless given).

    Attributes:
        root: an absolute path or ``s3://bucket/prefix``; exports are the folders in it whose names begin with a day.
        select: as after the ``?`` of ``swh:URI?…``, without a window.
        since: the first day.
    """

    root: str = strict.rule(strict.text)
    select: str | None = strict.rule(_selection, None)
    since: str | None = strict.rule(strict.day, None)


class Exports(Lister[ExportsOptions]):
    """Days of exports."""

    options = ExportsOptions
    dated = True

    def pages(self, options: ExportsOptions, cursor: Mapping[str, Any], context: Context) -> Iterator[Page]:
        """See ``Lister.pages``. Cursor: ``next``, the first day that no export has covered."""
        found = exports(options, context.settings)
        if context.today:
            start = cursor.get("next") or options.since or (found[-1][0] if found else context.day)
        else:
            start = context.day
            found = [one for one in found if one[0] >= start][:1]
        for last, name in found:
            entries = tuple(_day(options, name, day) for day in days(start, min(last, context.day)))
            start = max(start, days_from(last, 1))
            yield Page(entries, {"next": start})

    def appeared(self, options: ExportsOptions, settings: Settings) -> list[str]:
        """See ``Lister.appeared``."""
        return [name for _, name in exports(options, settings)]


LISTER = Exports()


def exports(options: ExportsOptions, settings: Settings) -> list[tuple[str, str]]:
    """Exports that are there, oldest first: (day, name of the folder).

    Raises:
        ListingError: the folder or bucket can't be listed.
    """
    uri = options.root.rstrip("/")
    selection: Selection = read_selection(f"{uri}?{options.select}" if options.select else uri)
    try:
        with export_errors(uri):
            fs, path = open_place(selection.uri, selection, settings)
            names = sorted(str(one).rstrip("/").rpartition("/")[2] for one in fs.ls(path, detail=False))
    except (OSError, UsageError) as error:
        raise ListingError(f"{uri} can't be listed: {error}") from error
    found = ((match[1], name) for name in names if (match := _NAME.fullmatch(name)))
    return sorted(one for one in found if _is_day(one[0]))


def _day(options: ExportsOptions, name: str, day: str) -> Listed:
    words = [options.select] if options.select else []
    return Listed(
        f"swh:{options.root.rstrip('/')}/{name}?{'&'.join([*words, f'since={day}', f'until={days_from(day, 1)}'])}",
        due=day,
        own=True,
    )


def _is_day(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True
