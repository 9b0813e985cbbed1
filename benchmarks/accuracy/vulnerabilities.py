# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Vulnerabilities: what real records' ranges include, beside the versions that the same records list.

The lists of the PyPA's database are made from the index of packages by its own tool. The versions of a package are all that any
record lists of it, so those that one does not list must not be included.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from benchmarks.accuracy import Accuracy
from codecommons.annotate.vulnerabilities.ranges import Affected
from codecommons.annotate.vulnerabilities.statements import PACKAGE, statements

SECTION = "Vulnerabilities"


def measure(data: Path) -> list[Accuracy]:
    """Ask every range about every version of its package that is known."""
    lines = (data / "osv" / "osv.jsonl").read_text().splitlines()
    records = [json.loads(line)["osv"] for line in lines]
    said = [(record["id"], one) for record in records for _, one in statements(record) if one.kind == PACKAGE and one.place]
    released: dict[str, set[str]] = defaultdict(set)
    for _, one in said:
        released[str(one.place)] |= set(one.versions)
    cases = {True: 0, False: 0}
    wrong: dict[bool, list[str]] = {True: [], False: []}
    for identifier, one in said:
        if not one.versions or not one.ranges:
            continue
        by_range = Affected(replace(one, versions=()))
        for version in sorted(released[str(one.place)]):
            listed, verdict = version in one.versions, by_range.verdict(version)
            cases[listed] += 1
            if verdict.affected != listed:
                told = "affected" if verdict.affected else verdict.detail or "not affected"
                wrong[listed].append(f"`{identifier}`, {one.name} {version}: {told}")
    names = {True: "versions that the record lists", False: "other versions of the package"}
    return [Accuracy(SECTION, names[one], cases[one], cases[one] - len(wrong[one]), wrong[one]) for one in (True, False)]
