# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which of some expressions a text may have, told in one pass: most texts have none, and looking for each takes far longer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

import hyperscan

_BOUNDED = re.compile(r"\{(\d+),\d+\}")


class Clues:
    """Expressions of ``re`` over ASCII, case ignored, compiled together when they are first asked for.

    What is told is never too little and may be too much: repeats count as unbounded and lookarounds as held, so that Hyperscan
    is as fast as it can be.
    """

    def __init__(self, expressions: Sequence[str]) -> None:
        """See above."""
        self._expressions = [_BOUNDED.sub(lambda found: "*" if found[1] == "0" else "+", one).encode() for one in expressions]

    def found(self, text: bytes) -> list[int]:
        """Numbers of the expressions that the text may have; that it has none of the others is certain."""
        found: list[int] = []

        def note(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            found.append(number)

        if text:
            database, scratch = self._compiled
            database.scan(text, match_event_handler=note, scratch=scratch)
        return found

    @cached_property
    def _compiled(self) -> tuple[hyperscan.Database, hyperscan.Scratch]:
        database = hyperscan.Database()
        flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_PREFILTER | hyperscan.HS_FLAG_CASELESS
        database.compile(
            expressions=self._expressions,
            ids=list(range(len(self._expressions))),
            elements=len(self._expressions),
            flags=[flags] * len(self._expressions),
        )
        return database, hyperscan.Scratch(database)
