# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The texts of licences, as ScanCode's data have them (package ``licensedcode-data``): without names of copyright holders."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import license_expression

from codecommons.license.expressions import evaluate


def texts(expressions: Iterable[str]) -> dict[str, str]:
    """The text of every licence and exception that expressions name.

    Args:
        expressions: SPDX expressions; what is none names nothing.

    Returns:
        Identifier, as the expressions spell it -> text, sorted. What has no text of its own, such as a public domain, is absent.
    """
    each = {name for one in expressions for name in _named(one)}
    found = {name: _text(key) for name in sorted(each) if (key := _keys().get(name.lower()))}
    return {name: text for name, text in found.items() if text}


def _named(expression: str) -> frozenset[str]:
    def together(parts: list[frozenset[str]]) -> frozenset[str]:
        return frozenset().union(*parts)

    return (
        evaluate(expression, lambda one, exception: frozenset(filter(None, (one, exception))), together, together) or frozenset()
    )


@cache
def _keys() -> dict[str, str]:
    """Identifier in lower case -> name of the file."""
    found: dict[str, str] = {}
    # Current entries last, so that they win over deprecated ones that share an identifier.
    for entry in sorted(license_expression.get_license_index(), key=lambda one: (not one["is_deprecated"], one["license_key"])):
        for name in (*entry["other_spdx_license_keys"], entry["spdx_license_key"]):
            if name:
                found[name.lower()] = entry["license_key"]
    return found


@cache
def _text(key: str) -> str:
    file = files("licensedcode") / "data" / "licenses" / f"{key}.LICENSE"
    if not file.is_file():
        return ""
    _, _, text = file.read_text("utf-8").removeprefix("---\n").partition("\n---")
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
