# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""SPDX licence expressions: reading, checking, joining."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from license_expression import ExpressionError, Licensing, get_spdx_licensing

ANY_GPL = "GPL-1.0-or-later"  # what ScanCode's rules call the GPL without a version

_WORD = re.compile(r"[A-Za-z0-9.+\-:]+|[()]")


@cache
def licensing() -> Licensing:
    """The parser that knows SPDX's identifiers."""
    return get_spdx_licensing()


def normalise(expression: str) -> str:
    """An expression in one way of writing, each part once; one that can't be parsed stays as it is."""
    try:
        return str(licensing().dedup(expression))
    except ExpressionError:
        return expression


@lru_cache(1 << 12)
def leading(text: str) -> str | None:
    """The longest SPDX expression that ``text`` starts with, None if it starts with none; ``/`` between names is ``OR``."""
    words = _WORD.findall(text.replace("/", " OR "))[:100]
    while words:
        try:
            return str(licensing().parse(" ".join(words), validate=True, strict=True))
        except ExpressionError:
            words.pop()
    return None


@lru_cache(1 << 12)
def whole(text: str) -> str | None:
    """``text`` as an SPDX expression, None if it is something else."""
    try:
        parsed = licensing().parse(text, validate=True, strict=True)
    except ExpressionError:
        return None
    return None if parsed is None else str(parsed)


@lru_cache(1 << 12)
def together(expressions: tuple[str, ...], mentions: bool = False) -> str | None:
    """What several statements in one file add up to; None for no statements.

    All of them hold, but a licence that stands beside a choice offering it (its text, usually) adds nothing to the choice, and,
    unless ``mentions``, naming the GPL without a version nothing to one with a version.
    """
    parts = [part for expression in expressions for part in ([expression] if " OR " in expression else expression.split(" AND "))]
    offered = {part for choice in parts if " OR " in choice and " AND " not in choice for part in choice.split(" OR ")}
    versions = not mentions and any(part.startswith("GPL-") and part != ANY_GPL for part in parts)
    rest = [part for part in parts if part not in offered and not (versions and part == ANY_GPL)]
    return normalise(" AND ".join(f"({part})" for part in rest)) if rest else None
