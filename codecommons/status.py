# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is broken now, and the command that puts each thing right.

Six kinds of trouble, in the order in which they matter: tables that are damaged, stages that failed, stages that have not seen
all of their input (``stale``), followed sources that were not listed in time, licence policies that can't be read (which decide
nothing), and items that were left out (quarantined).
Quarantined items are no failure: the slice went on without them. Whatever a damaged table hides, the rest is told. All but those
are ``troubles``, which people can be alerted of.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from codecommons.alerts import ERROR, WARNING, Trouble
from codecommons.annotate import current as annotators
from codecommons.annotate.feed import Reader, readers
from codecommons.dedup.configuration import configured
from codecommons.errors import CodeCommonsError, UsageError, no_panic
from codecommons.lake.damage import Damage
from codecommons.lake.slices import SliceInput, digest_of
from codecommons.lake.stages import digest
from codecommons.lake.storage import ADVICE
from codecommons.license import policies, unreadable
from codecommons.listing import overdue
from codecommons.listing.followed import NAME
from codecommons.report import STAGES

if TYPE_CHECKING:
    from codecommons.lake import Lake
    from codecommons.settings import Settings

T = TypeVar("T")
Row = dict[str, Any]
SLICE_STAGES = STAGES[:-1]
# Rounds after which a source that was not listed to its end is no matter for tomorrow; it is late after two.
LOST_AFTER = 4


def status(lake: Lake) -> Row:
    """Look at the whole lake.

    Returns:
        ``healthy`` (nothing is damaged and nothing failed), ``lake``, ``slices`` (how many), ``damaged`` rows (what, next),
        ``failed`` rows (slice, source, stage, check, detail, next), ``stale`` rows (slice, source, stage, why, next), ``feeds``
        rows (what is followed and was not listed in time: name, lister, rounds since, why, next), ``policies`` rows (which can't
        be read: name, why) and ``quarantine`` rows (reason, stage, items, example, detail).

    Raises:
        LakeError: the lake can't be reached.
    """
    damaged = lake.damage()

    def unless_damaged(read: Callable[[], list[T]]) -> list[T]:
        """What a reader returns, or nothing, a damaged table being told of once."""
        try:
            with no_panic():
                return read()
        except Exception as error:
            if any(one.columns for one in damaged):  # which may be what it asked for
                return []
            reason = lake.told(error)
            if not isinstance(reason, CodeCommonsError):
                raise
            table = str(reason).partition(" in ")[0]
            if not any(one.what.startswith(f"{table} in ") for one in damaged):
                damaged.append(Damage(table, str(reason).removesuffix(f"; {ADVICE}"), ADVICE))
            return []

    verdicts = unless_damaged(lambda: lake.log.verdicts().to_dicts())
    log = {(row["slice"], row["source"], row["stage"]): row for row in verdicts}
    # A dataset moves on with its day: what it came to on an earlier one is past.
    latest = {row["source"]: row["slice"] for row in verdicts if row["stage"] == STAGES[-1]}
    failed = [
        {
            "slice": row["slice"],
            "source": row["source"],
            "stage": row["stage"],
            "check": row["failing_check"],
            "detail": row["detail"],
            "next": _next_command(row["slice"], row["source"], row["stage"]),
        }
        for row in log.values()
        if row["verdict"] == "failed" and (row["stage"] != STAGES[-1] or row["slice"] == latest[row["source"]])
    ]
    inputs = unless_damaged(lambda: list(lake.log.inputs_of_slices()))
    failed += unless_damaged(lambda: _to_come(lake, {(day, source) for day, source, _ in inputs}))
    made_with, feeds = _made_with(lake.settings), readers(lake.settings)
    # Without the log every stage of every slice would look as if it had never run.
    known = inputs if verdicts or not damaged else []
    stale = [row for day, source, rows in known for row in _stale(log, made_with, feeds, day, source, rows)]
    return {
        "quarantine": unless_damaged(lambda: _quarantine(lake)),
        "feeds": unless_damaged(lambda: _feeds(lake)),
        "policies": [{"name": name, "why": why} for name, why in unreadable(lake.settings).items()],
        "healthy": not (damaged or failed),
        "lake": lake.settings.lake,
        "slices": len({day for day, _, _ in inputs}),
        "damaged": [{"what": one.what, "next": one.next} for one in damaged],
        "failed": failed,
        "stale": stale,
    }


def _to_come(lake: Lake, slices: Iterable[tuple[str, str]]) -> list[Row]:
    """Slices of days that have not come: what a machine saw whose clock was wrong is the newest of its origins until then."""
    tomorrow = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)).isoformat()
    told = []
    for day, source in sorted(one for one in slices if one[0] > tomorrow):
        first, *others = lake.log.inputs(day, source)
        why = "its day has not come, as the clock of the machine that recorded it was wrong, or this one's is"
        command = f"codecommons forget {source}:{first.item}{' …' if others else ''} --day {day}"
        told.append({"slice": day, "source": source, "stage": STAGES[0], "check": "clock", "detail": why, "next": command})
    return told


def _stale(
    log: dict[tuple[str, str, str], Row],
    made_with: dict[str, Any],
    feeds: dict[str, Reader],
    day: str,
    source: str,
    inputs: Iterable[SliceInput],
) -> list[Row]:
    """The first stage of a slice and source that has not seen what stands before it; those behind it follow in the same run."""
    before: Row | None = None

    def stands_on(stage: str, attempt: str) -> str:
        if stage == STAGES[1] and source in feeds:
            return feeds[source].stands_on(attempt)
        return digest([attempt, made_with[stage]])

    for stage in SLICE_STAGES:
        row = log.get((day, source, stage))
        if row is not None and row["verdict"] == "failed":
            return []
        if row is None:
            why = f"it has not run since {before['stage']} passed" if before else "its input is recorded and it has not run"
        elif before is None and not row["input_digest"].startswith(digest_of(inputs)):
            why = "input was added since it ran"
        elif before is not None and row["input_digest"] != stands_on(stage, before["attempt"]):
            why = f"{before['stage']}, or what the stage works with, has changed since it ran"
        else:
            before = row
            continue
        return [{"slice": day, "source": source, "stage": stage, "why": why, "next": _next_command(day, source, stage)}]
    return []


def _made_with(settings: Settings) -> dict[str, Any]:
    """What each stage's outcome depends on beside the stage before: its part of the stage's input digest."""
    return {
        STAGES[1]: {name: annotator.digest for name, annotator in annotators(settings).items()},
        STAGES[2]: sorted(policy.key(settings) for policy in policies(settings).values()),
        STAGES[3]: configured(settings).key(settings),
    }


def _feeds(lake: Lake) -> list[Row]:
    """What is followed and was not listed to its end for two of its rounds, and a ``sources.yaml`` that makes no sense."""
    try:
        late = overdue(lake)
    except UsageError as error:
        return [{"name": NAME, "lister": "all", "rounds": LOST_AFTER, "why": str(error), "next": "codecommons follow --dry-run"}]
    now = dt.datetime.now(dt.UTC)
    return [
        {
            "name": name,
            "lister": options.lister,
            "rounds": (now - ended) // dt.timedelta(hours=options.every) if ended else None,
            "why": f"it was last listed to its end on {ended:%Y-%m-%d at %H:%M}" if ended else "it was never listed to its end",
            "next": f"codecommons follow {name}",
        }
        for name, options, ended in late
    ]


def _quarantine(lake: Lake) -> list[Row]:
    with lake.sql() as connection:
        cursor = connection.execute(
            """select reason, stage, count(*) as items, min(item) as example, arg_min(detail, item) as detail
            from quarantine where kept is not true group by reason, stage order by items desc, reason, stage"""
        )
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def by_days(stale: Iterable[Row]) -> list[Row]:
    """Rows of ``stale``, those of several days that are stale in the same way as one: their days, and how to run them all.

    After an upgrade that is every day of a lake.
    """
    alike: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in stale:
        alike[row["source"], row["stage"], row["why"]].append(row)
    return [rows[0] if len(rows) == 1 else {**rows[0], **_days(rows)} for rows in alike.values()]


def _days(rows: Iterable[Row]) -> Row:
    days = sorted(row["slice"] for row in rows)
    everything = f"backfill [{days[0]}...{days[-1]}] of job slice in the web interface, or codecommons ingest --day for each"
    return {"slice": f"{days[0]} to {days[-1]} ({len(days)} days)", "next": everything}


def _next_command(day: str, source: str, stage: str) -> str:
    return f"codecommons dataset build {source}" if stage == STAGES[-1] else f"codecommons ingest --day {day}"


def troubles(state: Row) -> list[Trouble]:
    """What ``status`` returned, as troubles that people can be told of; their keys begin with ``lake/``."""
    told = [
        Trouble(f"lake/damaged/{row['what'].partition(':')[0]}", ERROR, "", "lake", "", row["what"], row["next"])
        for row in state["damaged"]
    ]
    told += [
        Trouble(
            f"lake/failed/{row['stage']}/{row['slice']}/{row['source']}", ERROR,
            row["slice"], row["stage"], row["source"], f"{row['check']}: {row['detail']}", row["next"],
        )
        for row in state["failed"]
    ]  # fmt: skip
    told += [
        Trouble(
            f"lake/stale/{row['stage']}/{row['slice']}/{row['source']}", WARNING,
            row["slice"], row["stage"], row["source"], row["why"], row["next"],
        )
        for row in state["stale"]
    ]  # fmt: skip
    told += [
        Trouble(
            f"lake/feed/{row['name']}", feed_severity(row), "", f"listing ({row['lister']})", row["name"], row["why"], row["next"]
        )
        for row in state["feeds"]
    ]
    told += [
        Trouble(f"lake/policy/{row['name']}", WARNING, "", "policy", row["name"], row["why"], "put the file right, or remove it")
        for row in state["policies"]
    ]
    return told


def feed_severity(row: Row) -> str:
    """How bad it is that a source was not listed: it is late, or lost."""
    return ERROR if (row["rounds"] or 0) >= LOST_AFTER else WARNING


def render(state: Row) -> str:
    """Write what ``status`` returned for a person: one line a trouble, then the command to run."""
    trouble = f"{len(state['failed'])} failed" if state["failed"] else "nothing failed"
    trouble = f"{len(state['damaged'])} tables damaged, {trouble}" if state["damaged"] else trouble
    lines = [f"{state['lake']}: {state['slices']} slices, {trouble}"]
    for row in state["damaged"]:
        lines += [f"damaged {row['what']}", f"        next: {row['next']}"]
    for row in state["failed"]:
        lines += [
            f"failed  {row['slice']} {row['source']} {row['stage']}: {row['check']}: {row['detail']}",
            f"        next: {row['next']}",
        ]
    for row in state.get("runs", []):
        lines += [f"failed  {row['stage']} {row['slice']}".rstrip() + f": {row['cause']}", f"        next: {row['next']}"]
    for row in by_days(state["stale"]):
        lines += [f"stale   {row['slice']} {row['source']} {row['stage']}: {row['why']}", f"        next: {row['next']}"]
    for row in state["feeds"]:
        lines += [f"stale   {row['name']} ({row['lister']}): {row['why']}", f"        next: {row['next']}"]
    lines += [f"left out  policy {row['name']}: {row['why']}" for row in state["policies"]]
    for row in state["quarantine"]:
        lines.append(f"left out  {row['items']:,} in {row['stage']}: {row['reason']}, such as {row['example']} ({row['detail']})")
    return "\n".join(lines)
