# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Copyright statements of a content, as written.

They name people, so they are shown for files at hand and kept in no table: names live in ``person`` alone (design.md section 5).

A statement begins at a copyright sign or word that has a year or a name behind it. It goes to the end of its line, and on over
the next lines while it has years and no name yet, or ends in the middle of a list. A name that stands before the sign belongs to
it where none stands behind. A bare word with a name and no year (``Copyright Google LLC``) counts at the beginning of a line
only: inside a sentence it speaks of the "Copyright Holder".
"""

from __future__ import annotations

import html
import re
from itertools import islice

from codecommons.annotate.wide import as_utf8

MOST, MOST_STARTS = 100, 10_000
LONGEST = 300  # characters of a line
MOST_LINES = 5
BEFORE = 80  # characters of a line before the sign

_WORD, _SIGN, _YEAR = r"(?:[Cc]opyright|COPYRIGHT|\([cC]\)opyright)", r"(?:\([cC]\)|©|&copy;|&#169;)", r"(?:19|20)\d\d"
_NAME = r"[^\W\d_a-z]"  # how one begins: a capital, or a letter of another script
_NO_NAME = (
    r"(?!(?i:holders?|owners?|notices?|statements?|laws?|licen[cs]\w*|acts?|and|or|is|in|on|as|for|of|status|protection|logos?"
    r"|information|years?|documentation|reserved|infringement|assignment|agents?|policy|disclaimers?|gpl|gnu|all|symbol"
    r"|restrictions?|warning)\b)"
)
_START = re.compile(
    rf"(?P<tag>SPDX-FileCopyrightText:)"
    rf"|{_WORD}\b[ \t,:]*+(?:{_SIGN}[ \t,:<\[]*+)?+(?={_YEAR}|by[ \t]+{_NAME}|(?<=\))$)"
    rf"|{_WORD}\b[ \t:]++{_SIGN}[ \t]*+(?={_NAME})"
    rf"|(?P<bare>{_WORD})(?::[ \t]*+|[ \t]++){_NO_NAME}(?={_NAME})"
    rf"|{_SIGN}[ \t]*+(?={_YEAR})"
    rf"|(?:©|&copy;|&#169;)[ \t]*+{_NO_NAME}(?={_NAME})",
    re.MULTILINE,
)
_REST, _LINE_END = re.compile(r"[^\r\n]*"), re.compile(r"\r\n?|\n")
_ONLY_YEARS = re.compile(rf"(?i:{_WORD}|{_SIGN}|by\b|and\b|present\b|[\s,.:;&\d\u2013-])*+$")
_OPEN = re.compile(r"(?:[,&]|\b(?:by|and|of|the))$")
# What a line of a comment begins with, and how a line does not begin that goes on with a statement.
_LEADER = re.compile(r"[ \t]*+(?:[#*;%!|>\"']++|//++|--++|dnl\b|\.\.(?!\.)|REM\b|@c\b)?+[ \t*#]*+")
_NEXT = re.compile(
    rf"(?!{_WORD}|{_SIGN}|(?i:Licensed|Permission|This|Redistribution|See|You|Everyone|Tous|These|Use)\b){_NO_NAME}"
    rf"(?:{_NAME}|\d|by\b|the\b|<)"
)
_ALONE = re.compile(r"[\W\d_]*(?:Portions |Parts )?")
_TAGS = re.compile(
    r"</?(?:a|abbr|address|b|body|br|center|code|dd|div|dt|em|font|footer|h[1-6]|html|i|li|p|s|small|span|strong|td|th|tr|tt|u)\b"
    r"[^<>]{0,200}>",
    re.IGNORECASE,
)
_END = re.compile(r"\s*(?:\*/|-->|[\"'#;*%/\\])+\s*$")


def copyrights(data: bytes, encoding: str | None = None) -> list[str]:
    """Distinct statements in order, at most ``MOST`` of ``MOST_STARTS`` beginnings, without comments' signs, tags and line ends.

    Args:
        data: the content.
        encoding: what its bytes are text in; UTF-8 where nobody knows.
    """
    plain = as_utf8(data)
    text = plain.decode("utf-8" if plain is not data else encoding or "utf-8", "replace")
    found: dict[str, None] = {}
    for match in islice(_START.finditer(text), MOST_STARTS):
        before = re.split(r"[\r\n]", text[max(0, match.start() - BEFORE) : match.start()])[-1]
        if match["bare"] and (len(before) == BEFORE or not _ALONE.fullmatch(before)):
            continue
        said = _said(text, match.start())
        if _ONLY_YEARS.match(said):
            name = before[_match_end(_LEADER, before) :].strip()
            said = f"{name} {said}" if re.match(_NAME, name) else said
        found.setdefault(" ".join(html.unescape(said).split()))
        if len(found) == MOST:
            break
    return list(found)


def _said(text: str, at: int) -> str:
    """A statement from a place on, over as many lines as it has."""
    said = ""
    for _ in range(MOST_LINES):
        end = _match_end(_REST, text, at, at + LONGEST)
        said = f"{said} {_END.sub('', _TAGS.sub(' ', text[at:end])).strip()}".strip()
        line_end = _LINE_END.match(text, end)
        if line_end is None or not (_ONLY_YEARS.match(said) or _OPEN.search(said)):
            break
        at = _match_end(_LEADER, text, line_end.end())
        if not _NEXT.match(text, at):
            break
    return said


def _match_end(pattern: re.Pattern[str], text: str, at: int = 0, end: int | None = None) -> int:
    """Where a pattern that always matches ends."""
    found = pattern.match(text, at, len(text) if end is None else end)
    return found.end() if found else at
