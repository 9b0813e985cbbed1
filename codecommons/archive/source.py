# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a source is: a place software comes from, found by the name of its module in ``archive/sources``."""

from __future__ import annotations

import datetime as dt
import errno
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from codecommons.archive.objects import Branches
from codecommons.archive.tally import Tally
from codecommons.engine import Engine
from codecommons.errors import CodeCommonsError, ItemError
from codecommons.lake import Lake, NewsFile, SliceInput, StagedFile, StagingArea
from codecommons.lake.storage import of_reader
from codecommons.plugins import discover
from codecommons.settings import Settings
from codecommons.swhid import snapshot_id

_LOG = logging.getLogger(__name__)
# Errors of the system that the next item meets as well.
_EVERYBODYS = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)
)
# Of the text of an error that nobody foresaw.
_LONGEST_SAID = 300

# What tells the states of one item on one day apart.
_RANK = re.compile(r"#([0-9]+)\Z")

# Part of every external identifier: raise it when a loader gives other objects for the same archive.
LOADER_VERSION = 1

# What a source of trees writes and people look at; the other tables of the archive hang on these.
TREES = ("origin_visit", "snapshot", "directory", "content", "skipped_content")


@dataclass(frozen=True)
class Work:
    """Where a source loads to: the lake, where work runs, and the staging area of the slice."""

    lake: Lake
    engine: Engine
    area: StagingArea
    day: str


@dataclass
class Item:
    """What became of one item of a slice.

    Attributes:
        name: the item, as ``slice_input`` has it.
        origin: where it was found.
        state: ``loaded`` now, ``reused`` because it was loaded before, ``kept`` as it was when it was last good although
            it failed now, or ``failed``.
        tally: its files or records, and remarks; nothing for a failed one.
        anchor: identifier of the release, revision or directory that it gave.
        error: why it failed.
        size: bytes of the archive, where it was had.
    """

    name: str
    origin: str
    state: Literal["loaded", "reused", "kept", "failed"]
    tally: Tally = field(default_factory=Tally)
    anchor: bytes | None = None
    error: ItemError | None = None
    size: int = 0


@dataclass(frozen=True)
class RecordedVisit:
    """What an archive says of a visit that it made itself: its number, when it was (UTC), and the type of the origin."""

    number: int
    date: dt.datetime
    type: str


@dataclass
class Visit:
    """One visit of an origin: what it saw, or None when it saw nothing.

    Attributes:
        origin: the origin's URL.
        branches: the snapshot, to be written and identified; None when nothing was seen, or ``snapshot`` says what was.
        status: how it ended: ``full``, ``partial`` or ``failed``; of a recorded visit whatever Software Heritage says.
        rank: counts the states of one origin within a day, from 0.
        snapshot: identifier of a snapshot whose rows the source has staged itself.
        recorded: who made the visit said when, with which number and of which type; None for a visit of ours, whose date is
            the slice's.
    """

    origin: str
    branches: Branches | None
    status: str
    rank: int = 0
    snapshot: bytes | None = None
    recorded: RecordedVisit | None = None

    def number(self, day: str) -> int:
        """The visit's number: as recorded, or a thousand a day since 1970, so that it depends on nothing but the slice."""
        if self.recorded:
            return self.recorded.number
        return (dt.date.fromisoformat(day) - dt.date(1970, 1, 1)).days * 1000 + self.rank

    def row(self, day: str, kind: str) -> dict[str, Any]:
        """The row of table ``origin_visit_status``; ``kind`` is the source's type of visit."""
        midnight = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(), dt.UTC)
        return {
            "origin": self.origin,
            "visit": self.number(day),
            "date": self.recorded.date if self.recorded else midnight,
            "status": self.status,
            "snapshot": snapshot_id(self.branches) if self.branches is not None else self.snapshot,
            "type": self.recorded.type if self.recorded else kind,
        }


@dataclass
class Outcome:
    """What a source made of a slice's input: every item, every visit, and the staged rows below them.

    Attributes:
        items: what became of each item; one that gave several trees is there once for each.
        visits: what was seen.
        staged: rows of content-scoped tables, which are true whatever becomes of the slice.
        details: figures of the source's own.
        news: rows of slice-scoped tables, which go with the slice's attempt.
    """

    items: list[Item]
    visits: list[Visit]
    staged: list[list[StagedFile]]
    details: dict[str, Any] = field(default_factory=dict)
    news: list[NewsFile] = field(default_factory=list)


class Source(ABC):
    """A place software comes from; one module defines one as ``SOURCE``."""

    name: str
    visit_type: str
    # Whether an item can change, so that a day may hold several states of it (a repository), or never does (a version).
    changes: bool = False
    # How many items are looked up at once; every one may be a process or a connection.
    at_once: int = 8
    # What a user must accept before the first item is ingested, in our words; None when there is nothing.
    terms: str | None = None
    # The tables that it writes, as they are shown as assets: between a snapshot and a directory stand a package's releases.
    tables: tuple[str, ...] = (*TREES, "release")
    # What it brings: files of trees, which all stages see, or records of a feed, which end with the second.
    unit: Literal["files", "records"] = "files"

    @abstractmethod
    def parse(self, text: str) -> str:
        """Turn what a person wrote after ``name:`` into the item's canonical text.

        Raises:
            UsageError: it is no item of this source; the message shows one.
        """

    def is_local(self, text: str) -> bool:
        """Whether what is written after ``name:`` could name something of this machine, or is read with its keys.

        Whoever can only name what is public, such as a list behind a URL, is refused it. Asked before ``parse``, so that not
        even the existence of a file is told. A source that doesn't say is local throughout.
        """
        return True

    @abstractmethod
    def resolve(self, wanted: SliceInput, settings: Settings) -> SliceInput:
        """Look the item up and pin it: version, sha256 and whatever loading must not look up again.

        Raises:
            ItemError: it can't be had.
        """

    def whole(self, inputs: Iterable[SliceInput]) -> Literal["all", "head", "nothing"]:
        """Of which references a full visit has brought all of the history: a day's input says so, if the source itself doesn't.

        What a visit has cut off may be there later, from elsewhere, and then nobody could tell what was known on its day.
        """
        return "nothing"

    @abstractmethod
    def load(self, work: Work, inputs: list[SliceInput]) -> Outcome:
        """Load a slice's items; one that fails is in the outcome and stops no other."""


@contextmanager
def unexpected(what: str, lake: bool = False) -> Iterator[None]:
    """Let what a source did not foresee be the fault of the one item that it happened over.

    Args:
        what: the item, as ``source:item``.
        lake: whether tables of the lake are read meanwhile: what their readers say is no fault of the item's.

    Raises:
        ItemError: ``unexpected``: anything but what stops everybody, such as a lake that can't be written. The log has the rest.
    """
    try:
        yield
    except (CodeCommonsError, MemoryError):
        raise
    except Exception as error:
        if (lake and of_reader(error)) or (isinstance(error, OSError) and error.errno in _EVERYBODYS):
            raise
        _LOG.exception("%s: unexpected", what)
        said = (str(error).strip().splitlines() or [""])[0][:_LONGEST_SAID]
        detail = f"{type(error).__name__}: {said}; this is a defect, please report it with the traceback in the log"
        raise ItemError("unexpected", detail) from error


def sources(settings: Settings) -> dict[str, Source]:
    """Every source by name: ours, and those of the users' plug-in folders."""
    return discover("codecommons.archive.sources", "SOURCE", Source, settings.plugins)  # type: ignore[type-abstract] # to find, not to make


def first_state(item: str) -> str:
    """How the first state of an item that changes is recorded: as it is, or with ``#1`` where the name ends like a rank."""
    return f"{item}#1" if _RANK.search(item) else item


def base_item(item: str) -> str:
    """A recorded item without the ``#2`` of a second state on the same day."""
    return _RANK.sub("", item)


def newest_states(inputs: Iterable[SliceInput]) -> list[SliceInput]:
    """The newest state of each item that could be listed, else the row that says why it could not, by item."""
    newest: dict[str, SliceInput] = {}
    for row in sorted(inputs, key=lambda row: (bool(row.version), rank_of(row.item))):
        newest[base_item(row.item)] = row
    return [row for _, row in sorted(newest.items())]


def rank_of(item: str) -> int:
    """0 for the first state of a recorded item on a day, 1 for ``item#2``, and so on."""
    rank = _RANK.search(item)
    return int(rank[1]) - 1 if rank else 0
