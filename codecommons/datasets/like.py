# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Patterns of ``LIKE`` and ``GLOB`` as regular expressions, which take time that is linear in a text.

DuckDB tries every way in which the stars of such a pattern may divide a text: ``GLOB '*a*a*a*a*b'`` with a few more of them does
not end in a lifetime, and nothing can stop it, as DuckDB looks at the clock between some thousand rows.
"""

from __future__ import annotations

import re
from typing import Any

from codecommons.errors import UsageError

# Function -> whether it is true where the pattern does not fit, and whether case counts.
_LIKE = {
    "~~": (False, True),
    "like_escape": (False, True),
    "!~~": (True, True),
    "not_like_escape": (True, True),
    "~~*": (False, False),
    "ilike_escape": (False, False),
    "!~~*": (True, False),
    "not_ilike_escape": (True, False),
}
_GLOB = "~~~"
_NOTHING = r"[^\s\S]"


def linear(expression: dict[str, Any]) -> None:
    """Make a ``LIKE`` or ``GLOB`` of DuckDB's syntax tree a ``regexp_full_match``, in place; all else stays.

    Raises:
        UsageError: its pattern is not written there as text.
    """
    name = expression.get("function_name")
    if name != _GLOB and name not in _LIKE:
        return
    value, *patterns = expression["children"]
    if len(patterns) != 1 + name.endswith("_escape"):
        raise UsageError(f"{name} has {len(patterns) + 1} arguments; write path like '%.v'")
    pattern, *escape = (_text(one) for one in patterns)
    if name == _GLOB:
        differs, made = False, of_glob(pattern)
    else:
        differs, exact = _LIKE[name]
        made = of_like(pattern, *escape, exact=exact)
    constant = patterns[0]["value"] | {"value": made}
    fits = expression | {
        "function_name": "regexp_full_match",
        "is_operator": False,
        "children": [value, patterns[0] | {"value": constant}],
    }
    if differs:
        place = {"alias": "", "query_location": fits["query_location"]}
        fits = {"class": "OPERATOR", "type": "OPERATOR_NOT", **place, "children": [fits]}
    expression.clear()
    expression.update(fits)


def _text(expression: dict[str, Any]) -> str:
    value = expression["value"] if expression["class"] == "CONSTANT" else {"is_null": True}
    if value["is_null"] or value["type"]["id"] != "VARCHAR":
        raise UsageError("the pattern of LIKE and GLOB must be written out as text, such as path like '%.v'")
    return str(value["value"])


def of_like(pattern: str, escape: str = "", *, exact: bool = True) -> str:
    """The expression of a pattern of ``LIKE``.

    Args:
        pattern: ``%`` is any text, ``_`` one character.
        escape: what makes the character after it stand for itself; empty for none.
        exact: whether case counts.

    Raises:
        UsageError: nothing is escaped, or by more than one character.
    """
    if len(escape) > 1:
        raise UsageError(f"the escape of LIKE is {escape!r}; it must be one character")
    made, signs = ["(?s)" if exact else "(?si)"], iter(pattern)
    for sign in signs:
        if sign == escape:
            following = next(signs, "")
            if not following:
                raise UsageError("the pattern of LIKE ends with its escape character")
            made.append(re.escape(following))
        else:
            made.append({"%": ".*", "_": "."}.get(sign) or re.escape(sign))
    return "".join(made)


def of_glob(pattern: str) -> str:
    """The expression of a pattern of ``GLOB``: ``*`` is any text, ``?`` one character, ``[a-z]``, ``[!a-z]`` one of a class."""
    made, at = ["(?s)"], 0
    while at < len(pattern):
        sign, at = pattern[at], at + 1
        if sign == "\\":
            if at == len(pattern):
                return _NOTHING
            made.append(re.escape(pattern[at]))
            at += 1
        elif sign == "[":
            end = pattern.find("]", at + 1 + (pattern[at : at + 1] == "!"))
            if end < 0:
                return _NOTHING
            made.append(_class(pattern[at:end]))
            at = end + 1
        else:
            made.append({"*": ".*", "?": "."}.get(sign) or re.escape(sign))
    return "".join(made)


def _class(inside: str) -> str:
    """The expression of what stands between brackets; a range that ends before it begins holds nothing."""
    differs, inside = inside.startswith("!"), inside.removeprefix("!")
    made, at = [], 0
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            low, high = inside[at], inside[at + 2]
            made += [f"{re.escape(low)}-{re.escape(high)}"] if low <= high else []
            at += 3
        else:
            made.append(re.escape(inside[at]))
            at += 1
    if not made:
        return "." if differs else _NOTHING
    return f"[{'^' if differs else ''}{''.join(made)}]"
