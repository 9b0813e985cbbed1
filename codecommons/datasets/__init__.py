# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Datasets: from what people ask for to shards they can train on, defend and rebuild.

Belongs here: the specification (``specification``; its SQL in ``condition`` and ``like``, its filter sets in ``filtering`` and
``filter_sets``), what it is made from (``inputs``) and may take (``candidates``), the rules that leave files out (``rules``,
``selection``), what that costs a language or source (``losses``), and choosing among copies (``election``, ``repositories``).
What rows are: files (``rows``), commits (``commits``), discussions (``discussions``), repositories (``repository_form``); what
is in them (``texts``, ``redaction``, ``tokens``), and whose work it is (``attribution``).
The files: shards (``shards``, ``tokenizer``) in one of several formats (``formats``, one file each, found by name; ``format``
says what one is), and what is told beside them (``documents``, ``attestation``).
Where releases are and what they are called (``releases``, ``fingerprint``), the stage (``build``), the look ahead
(``planning``, which counts in ``counting`` over ``facts`` and keeps its ``comparisons``), the proof afterwards (``verify``,
``reproduce``), what two releases differ in (``difference``) and which are out of date (``staleness``).
Does not belong here: what annotators and policies say of a file (``annotate``, ``license``), which contents are similar
(``dedup``).
"""

from codecommons.datasets.build import CHECKS, build
from codecommons.datasets.difference import Difference, Moved, releases_differ
from codecommons.datasets.inputs import day_of
from codecommons.datasets.planning import Plan, plan
from codecommons.datasets.releases import Release, list_releases, release, scan
from codecommons.datasets.reproduce import Reproduction, reproduce
from codecommons.datasets.specification import Specification, keep_specification, names, specification, unreadable
from codecommons.datasets.verify import Problem, Verification, verify

__all__ = [
    "CHECKS",
    "Difference",
    "Moved",
    "Plan",
    "Problem",
    "Release",
    "Reproduction",
    "Specification",
    "Verification",
    "build",
    "day_of",
    "keep_specification",
    "list_releases",
    "names",
    "plan",
    "release",
    "releases_differ",
    "reproduce",
    "scan",
    "specification",
    "unreadable",
    "verify",
]
