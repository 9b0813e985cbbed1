# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Generated files: what linguist's own tests say of its samples and fixtures.

They are read from a clone of linguist's repository that ``LINGUIST`` names; without one nothing is measured. The tests name many
files that are not there: for those a name, or a folder, is all that linguist's rules go by. ``generated`` sees names and
contents; what a folder decides is said by ``path_facts``: that a tool made it, or that it is vendored, which counts as right.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.accuracy import Accuracy
from codecommons.annotate.annotators import generated, path_facts
from codecommons.swhid import git

SECTION = "Generated files"
TESTS = "test/test_generated.rb"
_CASE = re.compile(r'generated_(sample|fixture)_(?:without_)?loading_data\("([^"]+)"(, true)?\)')
_FOLDERS = {"sample": "samples", "fixture": "test/fixtures"}


class Case(NamedTuple):
    """A file of linguist's tests: its path, its content (None where there is only the name), and whether it is generated."""

    path: str
    data: bytes | None
    generated: bool


def measure(data: Path) -> list[Accuracy]:
    """Files with a content, and names alone."""
    if "LINGUIST" not in os.environ:
        print(f"{SECTION}: left out, as LINGUIST names no clone of linguist's repository", file=sys.stderr)
        return []
    found = list(cases(Path(os.environ["LINGUIST"])))
    return [
        _row("linguist's tests: files", [case for case in found if case.data is not None]),
        _row("linguist's tests: names and folders, generated or vendored", [case for case in found if case.data is None]),
    ]


def cases(clone: Path) -> Iterator[Case]:
    """The cases of linguist's tests, in their order."""
    there = set(git.run(clone, "ls-tree", "-r", "-z", "--name-only", "HEAD").decode().split("\0"))
    for kind, name, negated in _CASE.findall(git.run(clone, "show", f"HEAD:{TESTS}").decode()):
        path = f"{_FOLDERS[kind]}/{name}"
        yield Case(path, git.run(clone, "show", f"HEAD:{path}") if path in there else None, not negated)


def _said(case: Case) -> str | None:
    path = case.path.partition("/")[2].encode()
    found = generated.facts_of(path.rpartition(b"/")[2], case.data or b"")[1]
    if found or case.data is not None:
        return found
    vendored, _, _, generated_folder = path_facts.facts_of(path)
    return "folder" if generated_folder else "vendored" if vendored else None


def _row(name: str, asked: list[Case]) -> Accuracy:
    said = [_said(case) for case in asked]
    wrong = [
        f"`{case.path}`: expected {'generated' if case.generated else 'not generated'}, found {evidence or 'nothing'}"
        for case, evidence in zip(asked, said, strict=True)
        if (evidence is not None) != case.generated
    ]
    return Accuracy(SECTION, name, len(asked), len(asked) - len(wrong), wrong)
