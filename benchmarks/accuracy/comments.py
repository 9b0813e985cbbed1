# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Comments: the share that the scanner behind ``filter_signals`` finds, beside that of the syntax tree.

Every fourth archive of the benchmark's list, and of it the files that tree-sitter parses without an error. Both count characters
of comments and documentation strings. Without the extra ``syntax`` nothing is measured.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import pyarrow as pa

from benchmarks.accuracy import Accuracy
from benchmarks.corpus import files
from codecommons.annotate import current, prepare
from codecommons.settings import Settings

SECTION = "Comments"
EVERY = 4
NEAR = 0.02  # two shares that differ by more are different
MANY = 500


def measure(data: Path) -> list[Accuracy]:
    """Compare both on every file of the corpus; the known answers are not needed."""
    if not find_spec("tree_sitter"):
        print(f"{SECTION}: left out, as the extra syntax is not installed", file=sys.stderr)
        return []
    settings = replace(Settings.from_environment(), annotators=("syntax",))
    prepare(settings)
    annotators = current(settings)
    cases: dict[str, int] = defaultdict(int)
    wrong: dict[str, list[str]] = defaultdict(list)
    found = files(settings, every=EVERY)
    while some := list(islice(found, MANY)):
        columns = {
            "sha1_git": [file.sha1 for file in some],
            "name": [file.name for file in some],
            "data": [file.data for file in some],
        }
        batch = pa.record_batch({name: pa.array(values, pa.binary()) for name, values in columns.items()})
        scanned = annotators["filter_signals"].run(batch)["comments"].to_pylist()
        for file, share, tree in zip(some, scanned, annotators["syntax"].run(batch).to_pylist(), strict=True):
            if tree["parsed"] and share is not None:
                cases[tree["language"]] += 1
                if abs(share - tree["comment_share"]) > NEAR:
                    path = file.path.decode("utf-8", "backslashreplace")
                    wrong[tree["language"]].append(f"`{path}`: expected {tree['comment_share']:.3f}, found {share:.3f}")
    every = Accuracy(SECTION, "all", sum(cases.values()), sum(cases.values()) - sum(map(len, wrong.values())))
    return [every, *(Accuracy(SECTION, name, cases[name], cases[name] - len(wrong[name]), wrong[name]) for name in sorted(cases))]
