# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the licence fields of manifests mean, as SPDX expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from codecommons.annotate import notices
from codecommons.annotate.expressions import normalise, together, whole

LEAST_RELEVANCE = 80
LONGEST = 2000  # characters: more is a licence's text, not an expression

_OR = re.compile(r"\s+(?:or|\|\|?)\s+(?!(?:\(?at your option\)?|any|later|newer|higher|greater|above)\b)", re.IGNORECASE)


def license_of(said: str | None, classifiers: Iterable[str] = ()) -> str | None:
    """The SPDX expression that the licence fields of a manifest mean; None when they say nothing that can be told.

    Args:
        said: the licence field; it counts when it can be read.
        classifiers: count where it can't. Several all hold: nothing says that one may choose among them.
    """
    words = " ".join(said.split()) if said else ""
    written = (whole(words) or _choice(words)) if 0 < len(words) <= LONGEST else None
    if meaning := written or (_meaning(f"license: {said}") if words else None):
        return meaning
    return together(tuple(dict.fromkeys(filter(None, map(_meaning, classifiers)))))


def _choice(said: str) -> str | None:
    """What a choice in words (``GPLv2 or BSD``) means, if all that may be chosen is known."""
    parts = _OR.split(said)
    meanings = [whole(part.strip("() ")) or _meaning("license: " + part) for part in parts[:10]] if 1 < len(parts) <= 10 else []
    return normalise(" OR ".join(f"({meaning})" for meaning in meanings)) if meanings and all(meanings) else None


def _meaning(text: str) -> str | None:
    found = notices.find(notices.load(), text.encode())
    sure = [m.expression for m in found if m.relevance >= LEAST_RELEVANCE and "LicenseRef-scancode-unknown" not in m.expression]
    return together(tuple(dict.fromkeys(sure)))
