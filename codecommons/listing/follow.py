# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is followed is listed, and what is new becomes input of a slice.

For each followed source: its lister's pages become rows of ``listed_origin`` and the cursor moves; then what waits becomes rows
of ``slice_input``, up to the day's limit; then the items are marked as taken. Every step may be repeated: a process that dies
anywhere is made good by the next one.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from codecommons import archive
from codecommons.archive.packages import PackageSource
from codecommons.archive.source import Source, base_item, sources, unexpected
from codecommons.credentials import without_credentials
from codecommons.errors import CodeCommonsError, ItemError, LakeError, UsageError
from codecommons.lake import Lake
from codecommons.listing import store
from codecommons.listing.followed import configuration, followed
from codecommons.listing.lister import Context, Listed, Lister, ListingError, Options, listers
from codecommons.listing.network import host_of, leads_inside
from codecommons.listing.store import Cursor, Row

_LOG = logging.getLogger(__name__)
# Listed entries of one commit, and items that are looked up between two marks.
_LISTED_AT_ONCE, _TAKEN_AT_ONCE = 5000, 100
_EXAMPLES = 10
# Of what a place says and we don't understand.
_LONGEST_SHOWN = 500
# A schedule's tick comes some minutes earlier or later than the one before.
_SLACK = dt.timedelta(minutes=30)
# Reasons for which an item that could not be looked up is tried again on other days, and on how many.
_PASSING, _MOST_TRIES = {"unreachable", "npm-missing"}, 7


@dataclass
class FollowReport:
    """What following one source came to.

    Attributes:
        name: in ``sources.yaml``.
        lister: which lister.
        listed: entries that were seen.
        new: those that were new or had moved.
        taken: slice -> items that became its input.
        waiting: items that are left for another day.
        examples: some of what is new.
        problems: entries that can't be ingested, one line each, and how many there are beyond those shown.
        error: why the listing did not come to its end; None when it did.
    """

    name: str
    lister: str
    listed: int = 0
    new: int = 0
    taken: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    examples: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    error: str | None = None


def follow(
    lake: Lake,
    day: str,
    names: Collection[str] = (),
    only_due: bool = False,
    dry_run: bool = False,
    now: dt.datetime | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> list[FollowReport]:
    """List what is followed and record what is new as input of slices; nothing is fetched but what pins it.

    What has a day of its own (a version and its upload, an hour of a feed) becomes input of that day, anything else of ``day``.
    On a day that is over only the former is listed, and the cursors stay: today's state is no past day's.

    Args:
        lake: the lake.
        day: the day, ``2026-01-31``, not after today (UTC).
        names: what to follow, of ``sources.yaml``; all of it unless given.
        only_due: leave alone what was listed less than its ``every`` ago and has nothing waiting.
        dry_run: list and tell, but write nothing.
        now: the time, UTC; the clock's unless given.
        wait: how to wait some seconds.

    Returns:
        A report for each, in the order of ``sources.yaml``. One that can't be listed says why and stops no other; what has no
        days of its own is left out on a day that is over, unless it is named.

    Raises:
        UsageError: ``sources.yaml`` or a name makes no sense, or the day is none.
        LakeError: the lake can't be read or written.
    """
    now = now or dt.datetime.now(dt.UTC)
    entries = followed(lake.settings, names)
    if dt.date.fromisoformat(day) > now.date():
        raise UsageError(f"{day} has not begun; what is followed is listed today or for a day that is over")
    context = Context(day, day == now.date().isoformat(), lake.settings, wait)
    known, known_listers, reports = store.cursors(lake), listers(lake.settings), []
    for name, options in entries.items():
        if not (names or context.today or known_listers[options.lister].dated):
            continue
        if not only_due or is_due(options, known.get(name), now):
            reports.append(_Following(lake, context, name, options, known.get(name), now).run(dry_run, only_due))
    return reports


def is_due(options: Options, cursor: Cursor | None, now: dt.datetime) -> bool:
    """Whether a source is to be listed, or has something waiting from an earlier day."""
    if cursor is None or _is_listing_due(options, cursor, now):
        return True
    return cursor.waiting > 0 and cursor.day is not None and cursor.day < now.date().isoformat()


def _is_listing_due(options: Options, cursor: Cursor, now: dt.datetime) -> bool:
    mine = cursor.configuration == configuration(options) and cursor.completed is not None
    return not mine or now - (cursor.completed or now) >= dt.timedelta(hours=options.every) - _SLACK


def due(lake: Lake, now: dt.datetime | None = None) -> list[str]:
    """What is to be followed now (UTC; by the clock unless given), by name.

    Raises:
        UsageError: ``sources.yaml`` makes no sense.
    """
    entries = followed(lake.settings)
    known, now = store.cursors(lake) if entries else {}, now or dt.datetime.now(dt.UTC)
    return [name for name, options in entries.items() if is_due(options, known.get(name), now)]


def overdue(lake: Lake) -> list[tuple[str, Options, dt.datetime | None]]:
    """Sources whose last whole listing is older than two of their rounds, or never came to an end: name, options, when it did.

    Raises:
        UsageError: ``sources.yaml`` makes no sense.
    """
    entries = followed(lake.settings)
    known, now = store.cursors(lake) if entries else {}, dt.datetime.now(dt.UTC)
    ended = {name: known[name].completed if name in known else None for name in entries}
    return [
        (name, options, ended[name])
        for name, options in entries.items()
        if (last := ended[name]) is None or now - last > 2 * dt.timedelta(hours=options.every)
    ]


class _Following:
    """One followed source in one run."""

    def __init__(
        self,
        lake: Lake,
        context: Context,
        name: str,
        options: Options,
        cursor: Cursor | None,
        now: dt.datetime,
    ) -> None:
        self.lake, self.context, self.options, self.now = lake, context, options, now
        self.sources = sources(lake.settings)
        self.changing = {name for name, source in self.sources.items() if source.changes}
        self.lister: Lister = listers(lake.settings)[options.lister]
        self.report = FollowReport(name, options.lister)
        said = [one for value in vars(options).values() for one in (value if isinstance(value, tuple) else (value,))]
        self.named = {host for one in said if isinstance(one, str) and (host := host_of(one))}
        self.stored = cursor
        fresh = Cursor(name, options.lister, configuration(options))
        mine = cursor is not None and (cursor.lister, cursor.configuration) == (fresh.lister, fresh.configuration)
        self.cursor = cursor if cursor is not None and mine else fresh

    def run(self, dry_run: bool, only_due: bool) -> FollowReport:
        """List, then take."""
        report = self.report
        if not self.context.today and not self.lister.dated:
            report.error = (
                f"{report.lister} tells what there is today, which is no state of {self.context.day}; nothing was listed"
            )
            return report
        complete = False
        try:
            listing = not only_due or self.stored is None or _is_listing_due(self.options, self.cursor, self.now)
            with unexpected(report.name):
                complete = self._list(dry_run) if listing else True
        except LakeError:
            raise
        except CodeCommonsError as error:
            report.error = str(error)
        if dry_run:
            report.waiting = self._waiting(0).count
            return report
        try:
            with unexpected(report.name):
                self._take()
        except LakeError:
            raise
        except CodeCommonsError as error:
            report.error = report.error or str(error)
        report.waiting = self._waiting(0).count
        if self.context.today and complete:
            ended = replace(self.cursor, waiting=report.waiting, day=self.context.day)
            self._move(replace(ended, completed=self.now) if listing else ended)
        return report

    def _list(self, dry_run: bool) -> bool:
        """Go through the pages; returns whether they came to their end."""
        pages = self.lister.pages(self.options, self.cursor.value, self.context)
        rows: list[Row] = []
        cursor, left = self.cursor, self.options.max_pages
        try:
            for page in pages:
                left -= 1
                self.report.listed += len(page.entries)
                rows += filter(None, map(self._row, page.entries))
                cursor = self.cursor.at(page.cursor)
                if len(rows) >= _LISTED_AT_ONCE:
                    self._keep(rows, cursor, dry_run)
                    rows = []
                if not left:
                    break
        finally:
            self._keep(rows, cursor, dry_run)
        if not left:
            raise ListingError(f"{self.options.max_pages} pages were listed (max_pages); the next listing goes on there")
        return True

    def _keep(self, rows: list[Row], cursor: Cursor, dry_run: bool) -> None:
        name, lister = self.report.name, self.report.lister
        if dry_run:
            new = store.unknown(self.lake, lister, name, rows, self.changing) if rows else []
        else:
            new = store.add_listed(self.lake, lister, name, rows, self.changing)
            if self.context.today:
                self._move(cursor)
        good = [row for row in new if row.problem is None]
        self.report.new += len(good)
        self.report.examples += [f"{row.source}:{row.item}" for row in good[: _EXAMPLES - len(self.report.examples)]]
        bad = [f"{row.url}: {row.problem}" for row in new if row.problem is not None]
        self.report.problems += bad[: _EXAMPLES - len(self.report.problems)]

    def _move(self, cursor: Cursor) -> None:
        self.cursor = self.stored = store.move(self.lake, self.stored, cursor)

    def _row(self, entry: Listed) -> Row | None:
        """The row of an entry; None for one that belongs to another day than the one that is listed."""
        context, request = self.context, entry.request
        if entry.due is not None and (
            entry.due < context.settings.first_day.isoformat() or (not context.today and entry.due != context.day)
        ):
            return None
        moment = entry.last_update.astimezone(dt.UTC) if entry.last_update else None
        try:
            if entry.problem is not None:
                raise UsageError(entry.problem)
            with unexpected(without_credentials(request[:_LONGEST_SHOWN])):
                asked = archive.parse_request(request, self.context.settings, self.sources, foreign=not entry.own)
                if not (entry.own or self.options.own_network) and leads_inside(asked.item, self.named):
                    raise UsageError(
                        f"it leads into this machine's own network ({host_of(asked.item)}), where others have no say; "
                        f"write own_network: true in the entry {self.report.name} if it is meant"
                    )
                source = self.sources[asked.source]
                url = origin_of(source, asked.item)
        except (UsageError, ItemError) as error:
            shown, problem = (
                without_credentials(text[:_LONGEST_SHOWN]).encode(errors="replace").decode() for text in (request, str(error))
            )
            return Row(shown, "", "", shown, moment, entry.due, context.day, problem=problem)
        return Row(url, source.visit_type, asked.source, asked.item, moment, entry.due, context.day, sha256=asked.sha256)

    def _waiting(self, most: int) -> store.Waiting:
        name, lister, day = self.report.name, self.report.lister, self.context.day
        return store.waiting(self.lake, lister, name, day, self.changing, most, dated=not self.context.today)

    def _take(self) -> None:
        name, lister, day = self.report.name, self.report.lister, self.context.day
        if recorded := store.recorded(self.lake, lister, name, day, self.changing):
            store.add_taken(self.lake, lister, name, recorded)
        left = self.options.max_items - store.taken_on(self.lake, lister, name, day)
        found = self._waiting(max(0, left))
        hopeless = {item for item, days in found.failed.items() if days >= _MOST_TRIES}
        for slice_, batch in _batches(found.rows, day):
            taken = self._add(batch, slice_, hopeless)
            store.add_taken(self.lake, lister, name, taken)
            count = sum(row.problem is None for row in taken)
            if count:
                self.report.taken[slice_] = self.report.taken.get(slice_, 0) + count
            _LOG.info("%s: %d of %d items recorded for %s", name, count, len(batch), slice_)

    def _add(self, rows: Sequence[Row], slice_: str, hopeless: Collection[tuple[str, str]]) -> list[Row]:
        """Record rows as input of a slice; returns what is done with, which is not what can't be reached today and may be yet."""
        requests = [archive.Request(row.source, row.item, row.sha256) for row in rows]
        try:
            with unexpected(f"{self.report.name}: {len(rows)} items from {rows[0].url}"):
                added = archive.add_inputs(self.lake, requests, slice_)
        except UsageError as error:
            if len(rows) > 1:
                return self._add_singly(rows, slice_, hopeless)
            self.report.problems.append(f"{rows[0].url}: {error}")
            return [replace(rows[0], slice=slice_, problem=str(error))]
        except ItemError as error:
            if len(rows) > 1:
                return self._add_singly(rows, slice_, hopeless)
            # Not for ever: it may be no fault of the item's.
            self.report.problems.append(f"{rows[0].url}: {error}")
            return []
        passing = {
            (one.source, base_item(one.item))
            for one in added
            if one.source in self.changing and one.version is None and _reason(one.detail) in _PASSING
        }
        return [replace(row, slice=slice_) for row in rows if (row.source, row.item) not in passing.difference(hopeless)]

    def _add_singly(self, rows: Sequence[Row], slice_: str, hopeless: Collection[tuple[str, str]]) -> list[Row]:
        return [done for row in rows for done in self._add([row], slice_, hopeless)]


def origin_of(source: Source, item: str) -> str:
    """The URL that an item's visits will have, as far as the item tells."""
    if isinstance(source, PackageSource):
        return source.origin(source.split(item)[0])
    origin = getattr(source, "origin", None)
    return str(origin(item)) if callable(origin) else f"{source.name}:{item}"


def _reason(detail: str | None) -> str | None:
    unresolved = json.loads(detail or "{}").get("unresolved")
    return unresolved[0] if unresolved else None


def _batches(rows: Iterable[Row], day: str) -> Iterator[tuple[str, list[Row]]]:
    """Rows of one slice, some at a time, in their order."""
    batch: list[Row] = []
    for row in rows:
        if batch and ((batch[0].due or day) != (row.due or day) or len(batch) == _TAKEN_AT_ONCE):
            yield batch[0].due or day, batch
            batch = []
        batch.append(row)
    if batch:
        yield batch[0].due or day, batch
