# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Patterns of names find what a shell would, and a specification can have no set of them that takes long."""

import fnmatch
import random

import polars as pl

from codecommons.datasets.selection import globs
from codecommons.datasets.specification import MAX_WEIGHT, weight_of


def found(patterns, names):
    rows = pl.DataFrame({"name": names})
    return rows.filter(pl.any_horizontal(pl.col("name").str.contains(one) for one in globs(patterns)))["name"].to_list()


def test_patterns_find_what_a_shell_finds():
    drawing = random.Random(5)
    names = ["".join(drawing.choices("ab.\n", k=drawing.randint(0, 8))) for _ in range(2_000)]
    for _ in range(50):
        patterns = ["".join(drawing.choices("ab.*?", k=drawing.randint(1, 6))) for _ in range(drawing.randint(1, 12))]
        assert found(patterns, names) == [
            name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        ], patterns


def test_patterns_that_many_names_half_fit_share_no_expression_with_many_others():
    # Of hundreds in one, 4 MB of names took 45 seconds, of a few in each less than two.
    for pattern, most in (("a%d*b%d", 5), ("*a%d*b%d*", 5), ("*a%d*b%d*c", 1), ("*a%d?b%d", 1)):
        patterns = [pattern % (at, at) for at in range(MAX_WEIGHT // weight_of(pattern))]
        assert max(one.count("|") + 1 for one in globs(patterns)) == most
    assert len(globs([f"*.{at}" for at in range(1_000)])) < 5
