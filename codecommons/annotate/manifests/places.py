# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""On which lines the parts of a document stand, of which its reader tells only the meaning."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r'"""(?:[^"\\]++|\\.|"{1,2}(?!"))*+"{3,5}'
    r"|'''(?:[^']++|'{1,2}(?!'))*+'{3,5}"
    r'|"(?:[^"\\\n]++|\\.)*+"'
    r"|'[^'\n]*+'"
    r"|\#[^\n]*+"
    r"|[\[\]{}]"
    r"|[^\s\"'#\[\]{}]++",
    re.DOTALL,
)
_GAP = re.compile(r"\n[ \t]*\n")


class Lines(NamedTuple):
    """The first and the last line, from 1, inclusive; a line ends at a line feed."""

    start_line: int
    end_line: int


def paragraphs(text: str) -> Iterator[tuple[str, Lines]]:
    """The paragraphs of a text, which blank lines part, each with its lines; empty lines before the first are no paragraph."""
    at = len(text) - len(text.lstrip("\n"))
    line = 1 + at
    for end, following in [*(gap.span() for gap in _GAP.finditer(text, at)), (len(text), len(text))]:
        part = text[at:end]
        first = line + part.count("\n", 0, len(part) - len(part.lstrip(" \t\n")))
        yield part, Lines(first, first + part.strip(" \t\n").count("\n"))
        line, at = line + text.count("\n", at, following), following


def toml_tables(text: str, name: str) -> list[Lines]:
    """The lines of every table of one of the arrays at the top of a TOML document, in order.

    They are those of ``[[name]]`` and all that belongs to it up to the next header of something else, without blank lines and
    comments at the end, or those that a table between braces has in ``name = [{…}, {…}]``.

    Args:
        text: a document that ``tomllib`` reads.
        name: of the array.
    """
    spans: list[tuple[int, int]] = []
    headers = ours = False  # whether there was a header, and whether the last table is one of ours
    text += '\n[""]'  # a header behind the last, so that every table has an end
    for group in _groups(text):
        before = text[text.rfind("\n", 0, group.start) + 1 : group.start]
        if before.strip():
            if not headers and tomllib.loads(f"{before}0") == {name: 0}:
                spans = list(group.inner)
            continue
        said = tomllib.loads(text[group.start : group.end])
        opens = said == {name: [{}]}
        if ours and (opens or name not in said):
            spans[-1] = spans[-1][0], group.before
        if opens:
            spans.append((group.start, group.end))
        headers, ours = True, opens or (ours and name in said)
    breaks = [found.start() for found in re.finditer("\n", text)]
    return [Lines(1 + bisect_left(breaks, start), 1 + bisect_left(breaks, end)) for start, end in spans]


class _Group(NamedTuple):
    """What stands between brackets outside of all others.

    Attributes:
        before: where what stands in front of it ends, comments and blanks aside.
        start: its first character; ``end`` is behind its last.
        inner: the same of what stands between brackets in it.
    """

    before: int
    start: int
    end: int
    inner: tuple[tuple[int, int], ...]


def _groups(text: str) -> Iterator[_Group]:
    depth = before = last = start = inner_start = 0
    inner: list[tuple[int, int]] = []
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign.startswith("#"):
            continue
        if sign in ("[", "{"):
            if depth == 0:
                before, start, inner = last, token.start(), []
            elif depth == 1:
                inner_start = token.start()
            depth += 1
        elif sign in ("]", "}"):
            depth -= 1
            if depth == 1:
                inner.append((inner_start, token.end()))
            elif depth == 0:
                yield _Group(before, start, token.end(), tuple(inner))
        last = token.end()
