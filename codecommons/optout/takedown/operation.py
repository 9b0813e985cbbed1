# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A takedown from its entry in the ledger to the last file: what is begun is in the ledger, and any run finishes it.

The ledger comes first: from then on no byte of the contents is taken again, no release has them, and no view shows them. Then
follow tables, releases, and caches, each of which may be done again; then the second entry, which says what was erased.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from codecommons.errors import LakeError, UsageError
from codecommons.lake import Lake, erasing
from codecommons.lake.damage import DAMAGED
from codecommons.lake.erasing import Erased
from codecommons.optout.ledger import Ledger, append, read
from codecommons.optout.requests import Request, plain
from codecommons.optout.standing import Standing
from codecommons.optout.takedown import places, published, tables
from codecommons.optout.takedown.published import Withdrawn
from codecommons.swhid import Swhid

REASONS = ("personal-data", "secret", "illegal")


@dataclass
class Takedown:
    """What a takedown came to.

    Attributes:
        id: its name in the ledger.
        contents: how many it is about.
        held: of how many the lake had the bytes when this run began.
        erased: place (a table, ``releases``, a part of the home) -> what went in this run.
        shards: all shards that went because of it, in this run or before.
        left: what can't be erased from here, a line each.
    """

    id: str
    contents: int
    held: int = 0
    erased: dict[str, Erased] = field(default_factory=dict)
    shards: list[Withdrawn] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def reasons(reason: str, why: str) -> str:
    """The line on why something is taken down, as the ledger holds it.

    Raises:
        UsageError: the reason is none of ``REASONS``, or why is no line.
    """
    if reason not in REASONS:
        raise UsageError(f"the reason is {reason!r}; it must be {', '.join(REASONS[:-1])} or {REASONS[-1]}")
    return plain(why, "--why")


def begin(lake: Lake, swhids: Sequence[str], reason: str, why: str, received: str, request: str | None = None) -> Standing:
    """Write into the ledger what is taken down; the same contents for the same reason are one takedown, asked however often.

    Args:
        lake: the lake.
        swhids: core SWHIDs of contents, sorted.
        reason: one of ``REASONS``.
        why: a line on it, without a word of what is erased: it is there for ever.
        received: when, UTC, as ISO 8601.
        request: the request that asked for it.

    Raises:
        UsageError: the reason is none, or why is no line.
        GateError: the ledger is broken or stale.
        LakeError: it can't be written.
    """
    said = reasons(reason, why)
    asked = Request("content", tuple(swhids), reason=reason)
    entry = {
        "action": "taken-down",
        "state": "taken-down",
        "rung": "human",
        "received": received,
        "claimant": "",
        "request": asked.to_mapping(),
        "why": said,
        "evidence": [f"request {request}"] if request else [],
    }

    def entries(ledger: Ledger) -> list[dict[str, Any]]:
        return [] if _same(ledger, asked) else [entry]

    found = _same(append(lake, entries), asked)
    assert found is not None
    return found


def unfinished(lake: Lake) -> list[Standing]:
    """Takedowns that were begun and not finished, in order.

    Raises:
        GateError: the ledger is broken or stale.
    """
    return [one for one in read(lake).standings.values() if one.state == "taken-down"]


def require_quiet(lake: Lake, stopped: bool) -> None:
    """Refuse to erase while somebody may be at work, who could bring back what he read before.

    Args:
        lake: the lake.
        stopped: the operator's word that nothing else works on the lake; what killed processes left is removed then.

    Raises:
        UsageError: it names what is at work.
    """
    if busy := places.at_work(lake.settings):
        raise UsageError(f"{busy[0]} is at work in {lake.settings.cache / 'scratch'}; stop it, or wait until it has ended")
    staged = erasing.at_work(lake.storage)
    if staged and not stopped:
        raise UsageError(
            f"{lake.path('_staging', staged[0])} may be of a run at work; wait until it has ended, or stop it and all else "
            "that works on this lake, then say --others-stopped. What is in the ledger is refused from now on"
        )


def carry_out(lake: Lake, one: Standing, stopped: bool = False, tell: Callable[[str], None] = lambda _: None) -> Takedown:
    """Erase what a takedown is about and write so into the ledger.

    Args:
        lake: the lake.
        one: the takedown; one that is finished is carried out again, in case something was restored from a backup.
        stopped: see ``require_quiet``.
        tell: is told each place before it is looked at.

    Raises:
        UsageError: somebody may be at work.
        GateError: the ledger is broken or stale.
        LakeError: something can't be read or removed; what was done stays done, and the next run goes on.
    """
    require_quiet(lake, stopped)
    contents = pl.Series("content", [Swhid.parse(value).identifier for value in one.request.values], dtype=pl.Binary)
    done = Takedown(one.id, len(contents), tables.held(lake, contents))
    for place, folder in (("staging", "_staging"), ("damaged tables", DAMAGED)):
        tell(place)
        done.erased[place] = erasing.empty(lake.storage, folder)
    tell("releases")
    done.shards, done.erased["releases"] = published.withdraw(lake, contents, one.id)
    for steps in (tables.erase_contents(lake, contents), places.clear(lake.settings, contents)):
        for place, erased in steps:
            tell(place)
            done.erased[place] = erased
    if tables.held(lake, contents):
        raise LakeError(f"bytes of takedown {one.id} came back meanwhile; stop what else works on the lake, then run it again")
    done.left = _left(lake, contents, done)
    said = {place: [some.rows, some.files, some.bytes] for place, some in sorted(done.erased.items()) if some != Erased()}
    shards = [f"{shard.release}/{shard.shard}" for shard in done.shards]

    def entries(ledger: Ledger) -> list[dict[str, Any]]:
        why = f"{done.held} contents had bytes here when the last run began; {len(shards)} published shards went"
        if ledger.standings[one.id].state == "erased" and not said:
            return []
        return [{"action": "erased", "id": one.id, "why": why, "erased": said, "shards": shards}]

    append(lake, entries)
    return done


def _same(ledger: Ledger, asked: Request) -> Standing | None:
    there = [one for one in ledger.standings.values() if one.request == asked and one.state in ("taken-down", "erased")]
    return there[0] if there else None


def _left(lake: Lake, contents: pl.Series, done: Takedown) -> list[str]:
    """What this machine can't erase."""
    named = lake.scan("tree_file").filter(pl.col("content").is_in(contents.implode())).select("root").unique().collect()
    left = [
        f"where they came from, {named.height:,} trees of the lake: `codecommons explain SWHID` names the origins",
        "backups of the lake and of the home, and what people have copied or exported from them",
        "texts that quote a content: messages of commits and releases, discussions, records of feeds, names of files and people",
    ]
    if releases := sorted({shard.release for shard in done.shards}):
        left.insert(0, f"copies that others have of {', '.join(releases)}: tell them to delete the shards that are named")
    if lake.storage.remote:
        left.append(f"earlier versions of objects, if {lake.settings.lake} keeps some: remove them in the bucket")
    if (lake.settings.dagster_home / "dagster.yaml").is_file() and not list(lake.settings.dagster_home.rglob("*.db")):
        left.append("pictures of pairs of texts in Dagster's database, which is not in the home: delete the runs of `deduped`")
    return left
