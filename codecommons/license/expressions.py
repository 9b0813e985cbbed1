# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""SPDX licence expressions, and what is known about the licences in them.

Identifiers and categories are ScanCode's index (CC-BY-4.0), which comes with the package ``license-expression``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, TypeVar

import license_expression

T = TypeVar("T")

INDEX = f"license-expression {version('license-expression')}"


@dataclass(frozen=True)
class License:
    """One licence or exception.

    Attributes:
        identifier: its SPDX identifier, ``LicenseRef-scancode-…`` where SPDX has none.
        category: ScanCode's category, such as ``Permissive``.
        exception: whether it only goes behind WITH.
    """

    identifier: str
    category: str
    exception: bool


@cache
def licenses() -> dict[str, License]:
    """Every known licence and exception, by identifier in lower case; older identifiers lead to the current one."""
    index = license_expression.get_license_index()
    found: dict[str, License] = {}
    # Current entries last, so that they win over deprecated ones that share an identifier.
    for entry in sorted(index, key=lambda entry: (not entry["is_deprecated"], entry["license_key"])):
        identifier = entry["spdx_license_key"]
        if not identifier:
            continue
        one = License(identifier, entry["category"], entry["is_exception"])
        for alias in entry["other_spdx_license_keys"]:
            found.setdefault(alias.lower(), one)
        found[identifier.lower()] = one
    return found


@cache
def categories() -> tuple[str, ...]:
    """ScanCode's categories, by name."""
    return tuple(sorted({one.category for one in licenses().values()}))


@cache
def _licensing() -> Any:
    return license_expression.get_spdx_licensing()


@cache
def _parse(expression: str) -> Any:
    """The parsed expression, None when it is none."""
    try:
        return _licensing().parse(expression, validate=False)
    except Exception:  # on hostile input the parser raises more than it documents, such as IndexError for "()"
        return None


def evaluate(
    expression: str, leaf: Callable[[str, str | None], T], every: Callable[[list[T]], T], either: Callable[[list[T]], T]
) -> T | None:
    """Fold an expression.

    Args:
        expression: an SPDX licence expression.
        leaf: value of a licence, given its identifier and that of the exception behind WITH, if any.
        every: value of an AND, from those of its parts.
        either: value of an OR, from those of its parts.

    Returns:
        The value; None when the expression is empty, can't be parsed, or is too deep for anybody to have meant it.
    """

    def fold(node: Any) -> T:
        if isinstance(node, license_expression.LicenseWithExceptionSymbol):
            return leaf(node.license_symbol.key, node.exception_symbol.key)
        if isinstance(node, license_expression.LicenseSymbol):
            return leaf(node.key, None)
        return (every if isinstance(node, _licensing().AND) else either)([fold(part) for part in node.args])

    tree = _parse(expression)
    try:
        return None if tree is None else fold(tree)
    except RecursionError:  # 900 parentheses deep
        return None


def families(expression: str) -> frozenset[str]:
    """The licences an expression names, without exceptions and without "only" and "or later", which licence texts don't say."""
    names = evaluate(
        expression,
        lambda identifier, _: frozenset([identifier.lower().removesuffix("-only").removesuffix("-or-later").removesuffix("+")]),
        lambda parts: frozenset().union(*parts),
        lambda parts: frozenset().union(*parts),
    )
    return names or frozenset([expression.lower()])


def conjunction(expressions: Iterable[str]) -> str:
    """One expression that asks for all of them, each once; empty for none."""
    each = sorted(set(expressions))
    if len(each) < 2:
        return "".join(each)
    together = " AND ".join(f"({one})" if " OR " in one.upper() else one for one in each)
    try:
        return together if _parse(together) is None else str(_licensing().dedup(together))
    except RecursionError:
        return together


def parts(expression: str) -> list[str]:
    """What an expression asks for all of, as expressions without AND outside of a choice; itself where it can't be parsed."""

    def split(node: Any) -> list[str]:
        if isinstance(node, _licensing().AND):
            return [part for arg in node.args for part in split(arg)]
        return [str(node)]

    tree = _parse(expression)
    return [expression] if tree is None else split(tree)


def settled(expressions: Iterable[str]) -> list[str]:
    """Several statements about the same thing, without those that another of them puts as a choice.

    Classifiers can't say OR, and a licence file that offers a choice is often followed by the texts of what it offers.
    """
    said = list(expressions)
    choices = [families(one) for one in said if offers_choice(one)]
    return [one for one in said if offers_choice(one) or not any(families(one) <= choice for choice in choices)]


def offers_choice(expression: str) -> bool:
    """Whether an expression has an OR."""
    return bool(evaluate(expression, lambda *_: False, any, lambda _: True))
