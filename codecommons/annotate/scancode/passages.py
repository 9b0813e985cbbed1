# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The passages of a content that may speak of licences, in a form that is the same for the same notice in another file.

A passage is what lies around lines with a word of licences in them; a content that is mostly that is one passage. Signs of
comments and white space at both ends of lines are gone (ScanCode reads over them); lines stay lines, so that what is found there
has its lines in the content.
"""

from __future__ import annotations

import re
from typing import NamedTuple

NEAR = 20  # lines: passages that are nearer to each other than this are one
MARGIN = 10  # lines around
MOSTLY = 0.25  # share of the lines
MOST_BYTES = 1 << 20  # of a content: ScanCode takes minutes for more

_WORD = re.compile(
    rb"(?i)licen[cs]|copying|copyleft|spdx|public.domain|warrant|redistribut|permi(?:ssion|tted)|royalt|proprietary|"
    rb"all.rights.reserved|freely|free software|open.source|terms|agreement|disclaim|notwithstanding|\bas.is\b|"
    rb"(?<![a-z])(?:[al]?gpl|gnu|apache|mit|bsd|isc|mpl|epl|cddl|cc0|cc.by|unlicense|zlib|artistic|boost|psf|wtfpl|eupl)(?![a-z])"
)
_SPACE = b" \t\v\f"
_BEGINNING = _SPACE + b"/*#;!%<>\"'.|-"
_END = _SPACE + b"/*#;<>\"'|-"


class Passage(NamedTuple):
    """Text, and the line of the content (from 1) that its first line is."""

    line: int
    text: str


def passages(data: bytes) -> list[Passage]:
    """The passages of a content, in order.

    Raises:
        ValueError: the content is larger than ``MOST_BYTES``.
    """
    if b"\0" in data or not _WORD.search(data):
        return []
    if len(data) > MOST_BYTES:
        raise ValueError(f"a content of {len(data)} bytes with words of licences; ScanCode is asked about {MOST_BYTES} at most")
    lines = data.splitlines()
    spans: list[tuple[int, int]] = []
    for at in [number for number, line in enumerate(lines) if _WORD.search(line)]:
        near = bool(spans) and at - spans[-1][1] <= NEAR
        spans[-1:] = [(spans[-1][0], at)] if near else [*spans[-1:], (at, at)]
    if sum(last - first + 1 for first, last in spans) >= MOSTLY * len(lines):
        spans = [(0, len(lines))]
    return [_passage(lines, *span) for span in spans]


def _passage(lines: list[bytes], first: int, last: int) -> Passage:
    start = max(0, first - MARGIN)
    text = b"\n".join(line.lstrip(_BEGINNING).rstrip(_END) for line in lines[start : last + 1 + MARGIN])
    return Passage(start + 1, text.decode("utf-8", "replace"))
