# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Softcite's JSON: a list ``mentions``, each with names, offsets into its sentence, and what the software is mentioned for."""

from __future__ import annotations

from typing import Any

from codecommons.annotate.mentions.mention import MOST_MENTIONS, PURPOSES, Mention, text


def read(record: dict[str, Any]) -> list[Mention]:
    """The mentions of a document, in its order.

    Raises:
        ValueError: it has more than any paper, or one is none.
    """
    said = record["mentions"]
    if len(said) > MOST_MENTIONS:
        raise ValueError(f"it has {len(said):,} mentions, more than any paper")
    found = [_mention(one) for one in said if isinstance(one, dict)]
    if len(found) < len(said):
        raise ValueError("an entry of mentions is no object")
    return found


def _mention(one: dict[str, Any]) -> Mention:
    name = _object(one, "software-name", "software_name")
    return Mention(
        text(name.get("rawForm")),
        text(name.get("normalizedForm")),
        text(_value(one, "software-type", "software_type")) or "software",
        _forms(one, "version"),
        _forms(one, "url"),
        _forms(one, "publisher"),
        _forms(one, "language"),
        purpose=_purposes(one.get("mentionContextAttributes")),
        document_purpose=_purposes(one.get("documentContextAttributes")),
        start=_count(name.get("offsetStart")),
        end=_count(name.get("offsetEnd")),
        within="context",
    )


def _forms(one: dict[str, Any], key: str) -> tuple[str, ...]:
    said = _object(one, key)
    form = text(said.get("normalizedForm")) or text(said.get("rawForm"))
    return (form,) if form else ()


def _purposes(said: Any) -> dict[str, tuple[bool, float | None]]:
    found = {}
    for purpose in PURPOSES:
        one = said.get(purpose) if isinstance(said, dict) else None
        if isinstance(one, dict) and isinstance(one.get("value"), bool):
            score = one.get("score")
            found[purpose] = (one["value"], float(score) if isinstance(score, (int, float)) else None)
    return found


def _value(one: dict[str, Any], *names: str) -> Any:
    return next((one[name] for name in names if name in one), None)


def _object(one: dict[str, Any], *names: str) -> dict[str, Any]:
    said = _value(one, *names)
    return said if isinstance(said, dict) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62 else None
