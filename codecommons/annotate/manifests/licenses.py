# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the licence fields of manifests mean, as SPDX expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from codecommons.annotate import notices
from codecommons.annotate.expressions import HEDGE, UNKNOWN, normalise, together, whole

LEAST_RELEVANCE = 80
_MOST_PARTS = 10
LONGEST = 2000  # characters of an expression
_SHORT = 200  # characters: more may be a licence's text, whose words "no" and "not" mean other things

_AND = re.compile(
    r"\s+(?:and|&|\+)\s+(?!(?:any|later|newer|higher|greater|above)\b)|\s*[;&]\s*|,\s*(?:and\s+)?(?=[A-Z0-9][A-Za-z]*-\d)",
    re.IGNORECASE,
)
_VERSIONS = re.compile(r"-(?:only|or-later)$")
_SLASH = re.compile(r"\s*[/|]\s*")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9.]*(?:-[A-Za-z0-9.]+)*-\d[A-Za-z0-9.+-]*")
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
    meaning = _told(words) if 0 < len(words) <= _SHORT else _long(words)
    if meaning:
        return meaning
    return together(tuple(dict.fromkeys(filter(None, map(_meaning, classifiers)))))


def _long(said: str) -> str | None:
    """What a text means, or a long expression."""
    return (whole(said) if len(said) <= LONGEST else None) or (_meaning(f"license: {said}") if said else None)


def _told(said: str) -> str | None:
    """What some words mean."""
    sides = [whole(part) for part in _SLASH.split(said)] if _SLASH.search(said) and _IDENTIFIER.search(said) else []
    if written := whole(said) or (" OR ".join(filter(None, sides)) if sides and all(sides) else None) or _joined(said):
        return written
    if HEDGE.search(said):
        return UNKNOWN
    meaning = _meaning(f"license: {said}")
    # Of ``MIT (code), CC-BY-NC-4.0 (data)`` a rule may know the first half.
    named = [
        name for word in _IDENTIFIER.findall(said) if (name := whole(word)) and _VERSIONS.sub("", name) not in (meaning or "")
    ]
    return together((meaning, *dict.fromkeys(named))) if meaning and named else meaning


def _joined(said: str) -> str | None:
    """What licences with words between them mean (``GPLv2 or BSD``, ``MIT and our own``), if one of them can be told."""
    for separator, join in ((_OR, " OR "), (_AND, " AND ")):
        parts = [part.strip("() ") for part in separator.split(said)]
        if 1 < len(parts) <= _MOST_PARTS:
            meanings = [_told(part) or UNKNOWN for part in parts]
            if set(meanings) != {UNKNOWN}:
                return normalise(join.join(f"({meaning})" for meaning in meanings))
    return None


def _meaning(text: str) -> str | None:
    found = notices.find(notices.load(), text.encode())
    sure = [m.expression for m in found if m.relevance >= LEAST_RELEVANCE and "LicenseRef-scancode-unknown" not in m.expression]
    return together(tuple(dict.fromkeys(sure)))
