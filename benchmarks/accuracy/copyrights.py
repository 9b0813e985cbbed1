# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Copyright statements: what ScanCode's tests expect of their files.

They are read from a clone of ScanCode's repository that ``SCANCODE_TESTS`` names; without one nothing is measured. We show lines
as they are written, ScanCode puts statements together anew, over several lines, too. So an expected statement is found when
one of ours has its words, and one of ours as right when a holder that is expected stands in it.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tarfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from benchmarks.accuracy import Accuracy
from codecommons.annotate.annotators.encoding import encoding_of
from codecommons.annotate.copyright import copyrights
from codecommons.swhid import git

SECTION = "Copyright statements"
FOLDERS = ("copyrights", "copyrights_basic", "copyright_fossology", "generated", "holders")
_ROOT = "tests/cluecode/data"
_SIGNS = re.compile(r"&copy;|\(c\)|©|copyrights?|copr\b", re.IGNORECASE)


class Case(NamedTuple):
    """A file of the tests, the statements that are expected of it, and their holders."""

    path: str
    data: bytes
    statements: tuple[str, ...]
    holders: tuple[str, ...]


def measure(data: Path) -> list[Accuracy]:
    """Statements that were found of those that are expected, and right ones of ours."""
    if "SCANCODE_TESTS" not in os.environ:
        print(f"{SECTION}: left out, as SCANCODE_TESTS names no clone of ScanCode's repository", file=sys.stderr)
        return []
    expected = found = ours = right = silent = quiet = 0
    for case in cases(Path(os.environ["SCANCODE_TESTS"])):
        said = [_words(one) for one in copyrights(case.data, encoding_of(case.data).encoding)]
        wanted = set(map(_words, case.statements)) - {""}
        holders = set(map(_words, case.holders)) - {""}
        expected += len(wanted)
        found += sum(any(f" {one} " in f" {other} " for other in said) for one in wanted)
        ours += len(said)
        right += sum(any(f" {one} " in f" {other} " for one in (*holders, *wanted)) for other in said)
        silent += not wanted
        quiet += not wanted and not said
    return [
        Accuracy(SECTION, "statements that ScanCode's tests expect: found", expected, found),
        Accuracy(SECTION, "statements of ours: with a holder that they expect", ours, right),
        Accuracy(SECTION, "files of which they expect none: none found", silent, quiet),
    ]


def cases(clone: Path) -> Iterator[Case]:
    """The files of the tests that have expectations of copyrights."""
    packed = git.run(clone, "archive", "HEAD", *(f"{_ROOT}/{folder}" for folder in FOLDERS))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        data = {member.name: file.read() for member in archive if (file := archive.extractfile(member))}
    for path in sorted(data):
        expected = yaml.load(data.get(f"{path}.yml", b""), Loader=yaml.CSafeLoader) or {}
        if "copyrights" in expected.get("what", ()):
            statements, holders = (tuple(map(str, expected.get(name) or ())) for name in ("copyrights", "holders"))
            yield Case(path, data[path], statements, holders)


def _words(text: str) -> str:
    """The words and years of a statement, without the signs of copyright and, as ScanCode has them, without accents."""
    plain = unicodedata.normalize("NFKD", _SIGNS.sub(" ", text).lower())
    return " ".join(re.findall(r"\w+", "".join(one for one in plain if not unicodedata.combining(one))))
