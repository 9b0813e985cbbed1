# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Licences: ScanCode's own tests of its detector, and SPDX's texts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

from benchmarks.accuracy import Accuracy
from codecommons.annotate.annotators.license_evidence import evidence_of, expression_of
from codecommons.annotate.expressions import licensing

SECTION = "Licences"


def measure(data: Path) -> list[Accuracy]:
    """Ask about every text what ``license`` of ``codecommons annotate`` says; a text that is no licence must get none."""
    rows = [json.loads(line) for line in (data / "license-tests" / "license_tests.jsonl").read_text().splitlines()]
    found = [_accuracy("ScanCode's tests", [(row["id"], row["spdx_expressions"], row["text"]) for row in rows])]
    for bucket, means in (("single", "one licence"), ("multi", "several"), ("none", "no licence"), ("unknown", "not told which")):
        cases = [(row["id"], row["spdx_expressions"], row["text"]) for row in rows if row["bucket"] == bucket]
        one = _accuracy(f"of these: {means}", cases)
        found.append(Accuracy(one.section, one.name, one.cases, one.right))
    with gzip.open(data / "license-data" / "spdx-license-texts.jsonl.gz", "rt") as lines:
        texts = [(row["spdx_id"], [row["spdx_id"]], row["text"]) for row in map(json.loads, lines)]
    known = licensing().known_symbols
    current = {name for name, symbol in known.items() if not symbol.is_exception}
    found.append(_accuracy("SPDX's texts of licences", [text for text in texts if text[0] in current], _family))
    return found


def _accuracy(name: str, cases: list[tuple[str, list[str], str]], same: object = None) -> Accuracy:
    wrong = []
    for identifier, expected, text in cases:
        said = expression_of(evidence_of(text.encode()))
        wanted, got = keys(expected), keys([said] if said else [])
        if wanted != got and not (same is _family and len(wanted) == 1 and _family(wanted) == _family(got)):
            wrong.append(f"`{identifier}`: expected {_shown(wanted)}, found {_shown(got)}")
    return Accuracy(SECTION, name, len(cases), len(cases) - len(wrong), wrong)


def keys(expressions: Iterable[str]) -> frozenset[str]:
    """The licences and exceptions that some expressions name."""
    return frozenset(key for expression in expressions for key in licensing().license_keys(expression))


def _family(names: frozenset[str]) -> frozenset[str]:
    """Without what a text can't say of itself: only, or later."""
    return frozenset(name.removesuffix("-only").removesuffix("-or-later") for name in names)


def _shown(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
