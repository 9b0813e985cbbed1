# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The rules that leave files out, by name: what a specification's ``filters`` and ``exclude`` may say.

A rule reads signals that annotators wrote; the threshold is the specification's. A file whose signal is missing does not pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Limit:
    """One end of the allowed range of a signal.

    Attributes:
        signal: column of the candidates.
        upper: whether the threshold is the largest value that passes, or the smallest.
        meaning: what it is, with its unit.
    """

    signal: str
    upper: bool
    meaning: str

    def passes(self, threshold: float) -> pl.Expr:
        """True for rows that stay."""
        return pl.col(self.signal) <= threshold if self.upper else pl.col(self.signal) >= threshold


LIMITS = {
    "min_length": Limit("length", False, "bytes of the content"),
    "max_length": Limit("length", True, "bytes of the content"),
    "max_lines": Limit("lines", True, "lines"),
    "max_line": Limit("max_line", True, "characters of the longest line"),
    "max_mean_line": Limit("mean_line", True, "characters of a line on average"),
    "min_alphabetic": Limit("alphabetic", False, "share of alphabetic characters, 0 to 1"),
    "min_alphanumeric": Limit("alphanumeric", False, "share of alphanumeric characters, 0 to 1"),
}

EXCLUSIONS = ("generated", "vendored", "documentation", "test")

# What a wipe-out by near-duplicates is looked for in.
GROUPS = ("language", "source", "origin")
