# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Looks for rules in a content: one pass for all triggers, then each rule's own expression where its trigger stands.

Triggers are found by Hyperscan (as Vectorscan ships it), whose time is linear in the content whatever its bytes. A rule's
pattern only ever sees a bounded stretch around a trigger, and how many triggers are tried is bounded too.
"""

from __future__ import annotations

import codecs
import math
from bisect import bisect_left
from collections import Counter
from functools import cache
from typing import Any, NamedTuple

import hyperscan
import numpy as np
import pyarrow as pa

from codecommons.annotate.columns import values
from codecommons.annotate.spans.filters import Candidate
from codecommons.annotate.spans.rules import Rule, read, rules_digest

MOST_SPANS = 1000
MOST_TRIGGERS = 50_000
# A longer match that a filter refused is not gone through again for the triggers inside it.
LONG = 256

SPAN = pa.struct(
    [
        pa.field("kind", pa.string()),
        pa.field("start", pa.int64()),
        pa.field("end", pa.int64()),
        pa.field("rule", pa.string()),
        pa.field("confidence", pa.float64()),
    ]
)
FIELDS = (pa.field("spans", pa.list_(SPAN)), pa.field("truncated", pa.bool_()))

# UTF-32 first: its mark begins with that of UTF-16.
_WIDE = (
    (codecs.BOM_UTF32_LE, "<u4"),
    (codecs.BOM_UTF32_BE, ">u4"),
    (codecs.BOM_UTF16_LE, "<u2"),
    (codecs.BOM_UTF16_BE, ">u2"),
)


class Span(NamedTuple):
    """A stretch of a content: kind, byte offsets of start and end (exclusive), the rule that says so, and how surely."""

    kind: str
    start: int
    end: int
    rule: str
    confidence: float


class Finder:
    """Rules, compiled."""

    def __init__(self, rules: list[Rule]) -> None:
        """Compile the triggers: some milliseconds.

        Raises:
            hyperscan.error: a trigger is no expression of Hyperscan.
        """
        self._rules = rules
        self._database = hyperscan.Database()
        self._database.compile(
            expressions=[rule.trigger for rule in rules],
            ids=list(range(len(rules))),
            elements=len(rules),
            flags=[hyperscan.HS_FLAG_SOM_LEFTMOST] * len(rules),
        )
        self._scratch = hyperscan.Scratch(self._database)

    def find(self, data: bytes) -> tuple[list[Span], bool]:
        """The spans of a content, none inside or across another, in order of place.

        Text is read as bytes that keep ASCII (UTF-8, Latin-1 and the like). UTF-16 and UTF-32 with a byte order mark are read
        by their units, so that offsets are still those of the content's bytes. A content with a NUL byte and no such mark is
        binary: nothing is looked for in it.

        Args:
            data: the content.

        Returns:
            The spans, at most ``MOST_SPANS``, and whether the content holds more than was looked at or listed.
        """
        for mark, unit in _WIDE:
            if data.startswith(mark):
                width = np.dtype(unit).itemsize
                units = np.frombuffer(data, unit, len(data) // width)[len(mark) // width :]
                found, truncated = self._find(np.minimum(units, 0xFF).astype(np.uint8).tobytes())
                first = len(mark)
                return [
                    span._replace(start=first + span.start * width, end=first + span.end * width) for span in found
                ], truncated
        return ([], False) if b"\0" in data else self._find(data)

    def _find(self, data: bytes) -> tuple[list[Span], bool]:
        triggers, truncated = self._triggers(data)
        found: list[Span] = []
        looked_at: dict[int, int] = {}
        for start, number, end in triggers:
            done = looked_at.get(number, 0)
            if start >= done:
                looked_at[number] = max(done, self._confirm(data, start, end, done, self._rules[number], found))
        found = _apart(found)
        return found[:MOST_SPANS], truncated or len(found) > MOST_SPANS

    def _triggers(self, data: bytes) -> tuple[list[tuple[int, int, int]], bool]:
        """Start, rule and first end of every trigger, in order; and whether there are more."""
        ends: dict[tuple[int, int], int] = {}

        def note(number: int, start: int, end: int, _flags: int, _context: object) -> bool:
            ends.setdefault((start, number), end)
            return len(ends) >= MOST_TRIGGERS

        try:
            if data:
                self._database.scan(data, match_event_handler=note, scratch=self._scratch)
        except hyperscan.ScanTerminated:
            return sorted((*key, end) for key, end in ends.items()), True
        return sorted((*key, end) for key, end in ends.items()), False

    @staticmethod
    def _confirm(data: bytes, start: int, end: int, done: int, rule: Rule, found: list[Span]) -> int:
        """Add the spans of a rule at one trigger; returns up to where the rule has seen the content."""
        last = min(len(data), start + rule.reach)
        if rule.before:
            begin = max(done, start - rule.before)
            match = next((one for one in rule.pattern.finditer(data, begin, last) if one.end() >= end), None)
            if match and match.start() > start:
                return done
        else:
            match = rule.pattern.match(data, start, last)
        if not match:
            return done
        group = next((name for name in ("quoted", "bare", "value") if match.groupdict().get(name) is not None), None)
        whole = match.span(group) if group else match.span()
        places = [one.span() for one in rule.each.finditer(data, *whole)] if rule.each else [whole]
        kept = done
        for place in places:
            value = data[place[0] : place[1]]
            candidate = Candidate(value, data, place[0], place[1], match)
            if (rule.entropy and entropy(value) < rule.entropy) or any(refuse(candidate) for refuse in rule.refused):
                continue
            found.append(Span(rule.kind, *place, rule.id, rule.confidence))
            kept = match.end()
        return match.end() if match.end() - start > LONG else kept


def entropy(value: bytes) -> float:
    """Bits per byte of a value by the frequencies of its own bytes."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())


def _apart(spans: list[Span]) -> list[Span]:
    """Of spans that overlap the surest, then the longest, then the first by rule stays."""
    kept: list[Span] = []
    group: list[Span] = []
    end = 0
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        if group and span.start >= end:
            kept += _best(group)
            group = []
        end = max(end, span.end) if group else span.end
        group.append(span)
    return kept + _best(group)


def _best(group: list[Span]) -> list[Span]:
    """Choose among spans of which each touches another."""
    chosen: list[Span] = []
    for span in sorted(group, key=lambda span: (-span.confidence, span.start - span.end, span.start, span.rule)):
        at = bisect_left(chosen, span.start, key=lambda other: other.start)
        if (not at or chosen[at - 1].end <= span.start) and (at == len(chosen) or span.end <= chosen[at].start):
            chosen.insert(at, span)
    return chosen


@cache
def compiled(name: str) -> Finder:
    """The rules of ``<name>.yaml``, compiled once a process."""
    return Finder(read(name))


def configuration(name: str) -> dict[str, Any]:
    """What an annotator's digest holds of its rules and of how they are looked for: a change of either is other annotations."""
    return {"rules": rules_digest(name)}


def annotate(name: str, batch: pa.RecordBatch) -> pa.Table:
    """The columns ``FIELDS`` for the contents of a batch, by the rules of ``<name>.yaml``."""
    spans, truncated = [], []
    for data in values(batch, "data"):
        found, more = compiled(name).find(data)
        spans.append([span._asdict() for span in found])
        truncated.append(more)
    return pa.table([pa.array(spans, pa.list_(SPAN)), pa.array(truncated, pa.bool_())], schema=pa.schema(FIELDS))
