# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Whether a version of a package is affected, as OSV's schema defines it (section "Evaluation").

A version is affected when the list names it or one of the ranges includes it. The events of a range are taken in the order of
versions, whatever order they stand in; so a range that is upside down, twice open or never closed has an answer, too. Where
several stand at one version, what introduces comes first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codecommons.annotate.vulnerabilities.statements import Range, Statement
from codecommons.annotate.vulnerabilities.versions import LONGEST, Order, order

INTRODUCED, FIXED, LAST_AFFECTED, LIMIT = "introduced", "fixed", "last_affected", "limit"
# What an event says of versions before all others, and of a limit that is none.
FIRST, ENDLESS = "0", "*"
_RANK = {INTRODUCED: 0, FIXED: 1, LAST_AFFECTED: 2}


@dataclass(frozen=True)
class Verdict:
    """What a statement says of one version or revision.

    Attributes:
        affected: whether it is; None where that can't be told.
        rule: by what: ``versions`` (the list), ``semver-range``, ``ecosystem-range`` or ``git-range``.
        detail: the version or range that decided it, or why nothing did.
    """

    affected: bool | None
    rule: str
    detail: str | None = None


class Affected:
    """A statement about a package, made ready to be asked about many versions."""

    def __init__(self, statement: Statement) -> None:
        """Parse what can be parsed once."""
        ecosystem = statement.ecosystem or ""
        self._problem = statement.problem
        self._versions = frozenset(statement.versions)
        self._order = order(ecosystem, "ECOSYSTEM")
        self._listed = {value for version in statement.versions if (value := _value(self._order, version)) is not None}
        self._ranges = [_Timeline(one, order(ecosystem, one.type)) for one in statement.ranges]

    def verdict(self, version: str) -> Verdict:
        """Say whether a version is affected."""
        value = _value(self._order, version)
        if version in self._versions or (value is not None and value in self._listed):
            return Verdict(True, "versions", version)
        unknown = [Verdict(None, "ecosystem-range", self._problem)] if self._problem else []
        for timeline in self._ranges:
            try:
                if timeline.includes(version):
                    return Verdict(True, timeline.rule, str(timeline))
            except ValueError as error:
                unknown.append(Verdict(None, timeline.rule, str(error)))
        if not unknown:
            return Verdict(False, self._ranges[0].rule if self._ranges else "versions")
        if self._versions:
            return Verdict(False, "versions", f"only the list of versions counts: {unknown[0].detail}")
        return unknown[0]


class _Timeline:
    """The events of one range, in order."""

    def __init__(self, said: Range, order: Order | None) -> None:
        self.rule = f"{said.type.lower()}-range"
        self._said, self._order, self._problem = said, order, ""
        self._from_first = any(event == (INTRODUCED, FIRST) for event in said.events)
        self._endless = not any(event == LIMIT for event, _ in said.events) or (LIMIT, ENDLESS) in said.events
        self._at: list[Any] = []
        self._ranks: list[int] = []
        self._limits: list[Any] = []
        try:
            events = [(self._read(value), event) for event, value in said.events if (event, value) not in _SPECIAL]
            timeline = sorted((value, _RANK[event]) for value, event in events if event != LIMIT)
            self._at, self._ranks = [value for value, _ in timeline], [rank for _, rank in timeline]
            self._limits = [value for value, event in events if event == LIMIT]
        except ValueError as error:
            self._problem = str(error)
        except Exception as error:  # an order may fail in whatever way on what is no version
            self._problem = f"its events can't be compared: {type(error).__name__}"

    def __str__(self) -> str:
        return ", ".join(f"{event} {value}" for event, value in self._said.events)

    def includes(self, version: str) -> bool:
        """Whether a version lies in the range.

        Raises:
            ValueError: that can't be told, and why.
        """
        if self._problem:
            raise ValueError(self._problem)
        value = self._read(version)
        try:
            if not self._endless and not any(value < limit for limit in self._limits):
                return False
            last = bisect_right(self._at, value)
            while last and self._ranks[last - 1] == _RANK[LAST_AFFECTED] and not self._at[last - 1] < value:
                last -= 1  # a version is still affected where it is the last one
        except Exception as error:
            raise ValueError(f"{_short(version)} can't be compared: {type(error).__name__}") from None
        return self._ranks[last - 1] == _RANK[INTRODUCED] if last else self._from_first

    def _read(self, version: str) -> Any:
        if self._order is None:
            raise ValueError("no order of this ecosystem's versions is known here")
        if len(version) > LONGEST:
            raise ValueError(f"{_short(version)} has {len(version):,} characters, which no version has")
        value = _value(self._order, version)
        if value is None:
            raise ValueError(f"{_short(version)} is no version of this ecosystem")
        return value


_SPECIAL = {(INTRODUCED, FIRST), (LIMIT, ENDLESS)}


def _value(order: Order | None, version: str) -> Any:
    """The comparable value of a version; None where it is none."""
    if order is None or len(version) > LONGEST:
        return None
    try:
        value = order(version)
        hash(value)
    except Exception:  # parsers of versions raise what they like
        return None
    return value


def _short(version: str) -> str:
    return repr(version if len(version) <= 40 else f"{version[:40]}…")


def fixed_in(ranges: Sequence[Range]) -> list[str]:
    """The versions or commits that ranges say it is fixed in, in their order, each once."""
    return list(dict.fromkeys(value for one in ranges for event, value in one.events if event == FIXED))
