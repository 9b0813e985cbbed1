# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the licence fields of manifests mean, as SPDX expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from codecommons.annotate import notices
from codecommons.annotate.expressions import HEDGE, UNKNOWN, names_more, normalise, read, together, whole

LEAST_RELEVANCE = 80
PROPRIETARY = "LicenseRef-scancode-proprietary-license"
# npm's word, and others', for no licence at all: beside a licence file it is another answer, and not nothing.
_NOBODY_MAY = re.compile(
    r"(?:unlicensed|private|proprietary|commercial|confidential|closed[ -]source|all rights reserved)(?: licen[cs]e)?[.!]?"
    r"(?: all rights reserved[.!]?)?",
    re.IGNORECASE,
)
_MOST_PARTS = 10
LONGEST = 2000  # characters of an expression
_SHORT = 200  # characters: more may be a licence's text, whose words "no" and "not" mean other things

_AND = re.compile(
    r"\s+(?:and|&|\+)\s+(?!(?:any|later|newer|higher|greater|above)\b)|\s*[;&]\s*|,\s*(?:and\s+)?(?=[A-Z0-9][A-Za-z]*-\d)",
    re.IGNORECASE,
)
_OPERATOR = re.compile(r"\b(?:AND|OR|WITH|LicenseRef-\S+)\b")
_BREAKS_OFF = re.compile(r"\b(?:and|or|with)\s*$", re.IGNORECASE)
# What is joined to a licence and is none: where it stands, who holds the rights.
_NO_LICENSE = re.compile(
    r"^(?:please\s+)?(?:see|refer)\b|^(?:the\s+)?(?:file\s+)?(?:licen[cs]e|notice|copying|authors|contributors)\S*(?:\s+file)?[.]?$"
    r"|^copyright\b|^\(c\)|^(?:all\s+)?contributors\b|^others[.]?$|^onwards?$",
    re.IGNORECASE,
)
_VERSIONS = re.compile(r"-(?:only|or-later)$")
_SLASH = re.compile(r"\s*[/|]\s*")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9.]*(?:-[A-Za-z0-9.]+)*-\d[A-Za-z0-9.+-]*")
_LISTED = re.compile(r"\s*[/|,]\s*|\s+(?:und|et|y|e|i|og|och|en|и|oder|ou|o|plus|sowie|as\s+well\s+as)\s+")
_NAME = re.compile(r"[A-Z][\w+-]*")
_OR = re.compile(
    r"\s+(?:or|\|\|?)\s+(?!(?:\(?at your option\)?|any|later|newer|higher|greater|above)\b)",
    re.IGNORECASE,
)


def license_of(said: str | None, classifiers: Iterable[str] = ()) -> str | None:
    """The SPDX expression that the licence fields of a manifest mean; None when they say nothing that can be told.

    What is joined to a licence (``MIT and our own``) and can't be told is ``UNKNOWN`` in the expression, and so is all of a field
    with words in it that take back what others say (``MIT until 2024``): half of what is said is another licence.

    Args:
        said: the licence field; it counts when it can be read.
        classifiers: count where it can't. Several all hold: nothing says that one may choose among them.
    """
    words = " ".join(said.split()) if said else ""
    if _NOBODY_MAY.fullmatch(words):
        return PROPRIETARY
    meaning = _told(words) if 0 < len(words) <= _SHORT else _long(words)
    if meaning:
        return meaning
    return together(tuple(dict.fromkeys(filter(None, map(_meaning, classifiers)))))


def _long(said: str) -> str | None:
    """What a text means, or a long expression."""
    return (whole(said) if len(said) <= LONGEST else None) or (_meaning(f"license: {said}") if said else None)


def _told(said: str) -> str | None:
    """What some words mean."""
    if written := whole(said):
        return written
    expression, rest = read(said)
    if expression and not rest.strip(" .") and _OPERATOR.search(said):
        return expression
    sides = [whole(part) for part in _SLASH.split(said)] if _SLASH.search(said) and _IDENTIFIER.search(said) else []
    if sides and all(sides):
        return " OR ".join(filter(None, sides))
    if _BREAKS_OFF.search(said):
        return UNKNOWN
    if joined := _joined(said):
        return joined
    if HEDGE.search(said):
        return UNKNOWN
    meaning = _meaning(f"license: {said}")
    # Of ``MIT (code), CC-BY-NC-4.0 (data)`` a rule may know the first half.
    named = [
        name for word in _IDENTIFIER.findall(said) if (name := whole(word)) and _VERSIONS.sub("", name) not in (meaning or "")
    ]
    if meaning and (names_more(said, " ".join((meaning, *named))) or _stranger(said)):
        named.append(UNKNOWN)
    return together((meaning, *dict.fromkeys(named))) if meaning and named else meaning


def _stranger(said: str) -> bool:
    """Whether a name in a list of names (``MIT/ACME``, ``MIT und ACME``) is of no licence that anybody knows."""
    names = [] if "://" in said else _LISTED.split(said)
    return len(names) > 1 and any(_NAME.fullmatch(name) and not _NO_LICENSE.search(name) and not _told(name) for name in names)


def _joined(said: str) -> str | None:
    """What licences with words between them mean (``GPLv2 or BSD``, ``MIT and our own``), if one of them can be told."""
    for separator, join in ((_OR, " OR "), (_AND, " AND ")):
        parts = list(_outside(separator, said))
        if len(parts) > _MOST_PARTS:
            return UNKNOWN
        if len(parts) > 1:
            meanings = [_told(part) or (None if _NO_LICENSE.search(part) else UNKNOWN) for part in parts]
            told = [meaning for meaning in meanings if meaning]
            if set(told) - {UNKNOWN}:
                return normalise(join.join(f"({meaning})" for meaning in told))
    return None


def _outside(separator: re.Pattern[str], said: str) -> Iterator[str]:
    """The parts between separators that stand in no parentheses, without those around a whole part."""
    start = depth = at = 0
    for found in separator.finditer(said):
        depth += said.count("(", at, found.start()) - said.count(")", at, found.start())
        at = found.start()
        if depth <= 0:
            yield _bare(said[start : found.start()])
            start = found.end()
    yield _bare(said[start:])


def _bare(part: str) -> str:
    part = part.strip()
    opened, closed = part.count("("), part.count(")")
    if opened != closed:
        return part.strip("() ")
    return part[1:-1].strip() if opened == 1 and part.startswith("(") and part.endswith(")") else part


def _meaning(text: str) -> str | None:
    found = notices.find(notices.load(), text.encode())
    sure = [m.expression for m in found if m.relevance >= LEAST_RELEVANCE and "LicenseRef-scancode-unknown" not in m.expression]
    return together(tuple(dict.fromkeys(sure)))
