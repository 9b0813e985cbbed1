# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The published rules, read from the data package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from codecommons.annotate.expressions import normalise
from codecommons.errors import UsageError

DISTRIBUTION = "licensedcode-data"
# What a rule is, from the surest to the vaguest; the order is part of the index.
KINDS = ("text", "notice", "tag", "reference", "clue", "intro", "false_positive")

_FIELD = re.compile(r"^(\w+):[ \t]*(.*(?:\n[ \t]+(?!- ).*)*)$", re.MULTILINE)
_KEY = re.compile(r"[^\s()]+")


@dataclass(frozen=True)
class Rule:
    """One text that says something about a licence.

    Attributes:
        text: what to find.
        expression: SPDX expression; ids that SPDX lacks are ``LicenseRef-scancode-…``. Empty for a false positive.
        kind: one of ``KINDS``.
        coverage: share of the rule's words that must be there, in percent; 0 leaves it to the matcher.
        relevance: how sure a match is about its expression, in percent.
    """

    text: str
    expression: str
    kind: str
    coverage: int
    relevance: int


def read() -> Iterator[Rule]:
    """Read every rule and licence text, ordered by file name.

    Raises:
        ModuleNotFoundError: the data package is not installed.
        UsageError: ScanCode itself is, which writes other rules over these.
    """
    if (files("licensedcode") / "match.py").is_file():
        raise UsageError(
            "ScanCode is installed in this environment, and its licence rules have taken the place of those of "
            f"{DISTRIBUTION}; uninstall scancode-toolkit, install {DISTRIBUTION} again, and name an environment of its own for "
            "ScanCode in CODECOMMONS_SCANCODE"
        )
    data = files("licensedcode") / "data"
    licenses = list(_files(data / "licenses", ".LICENSE"))
    ids = {fields["key"]: fields.get("spdx_license_key") or f"LicenseRef-scancode-{fields['key']}" for fields, _ in licenses}
    expressions: dict[str, str] = {}

    def spdx(expression: str) -> str:
        if expression not in expressions:
            expressions[expression] = normalise(_KEY.sub(lambda key: ids.get(key[0], key[0]), expression))
        return expressions[expression]

    for fields, text in licenses:
        if text.strip() and fields.get("is_deprecated") != "yes":
            yield Rule(text, spdx(fields["key"]), "text", int(fields.get("minimum_coverage", 0)), 100)
    for fields, text in _files(data / "rules", ".RULE"):
        if fields.get("is_deprecated") == "yes":
            continue
        yield Rule(
            text,
            spdx(fields["license_expression"]) if "license_expression" in fields else "",
            next((kind for kind in KINDS if "yes" in (fields.get(f"is_license_{kind}"), fields.get(f"is_{kind}"))), "clue"),
            int(fields.get("minimum_coverage", 0)),
            int(fields.get("relevance", 100)),
        )


def _files(folder: Traversable, suffix: str) -> Iterator[tuple[dict[str, str], str]]:
    """Fields and text of the files of a folder, by name."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.endswith(suffix):
            yield _parse(path.read_text("utf-8"))


def _parse(content: str) -> tuple[dict[str, str], str]:
    """Fields (YAML scalars only: all we need of it) and text."""
    head, _, text = content.removeprefix("---\n").partition("\n---")
    return {name: " ".join(value.split()).strip("'\"") for name, value in _FIELD.findall(head)}, text.strip()
