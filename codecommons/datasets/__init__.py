# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Datasets: from what people ask for to shards they can train on, defend and rebuild.

Belongs here: the specification (``specification``, its SQL in ``condition``), what it may take from (``candidates``), the rules
that leave files out (``selection``, ``rules``) and choose among copies (``election``), the files (``shards``), the texts beside
them (``documents``), where they are and what they are called (``releases``, ``fingerprint``), and the stage (``build``), with the
look ahead (``planning``) and the proof afterwards (``verify``).
Does not belong here: what annotators and policies say of a file (``annotate``, ``license``), which contents are similar
(``dedup``).
"""

from codecommons.datasets.build import CHECKS, build
from codecommons.datasets.candidates import day_of
from codecommons.datasets.planning import Plan, plan
from codecommons.datasets.releases import Release, list_releases, release
from codecommons.datasets.specification import Specification, keep_specification, names, specification, specifications, unreadable
from codecommons.datasets.verify import Problem, Verification, verify

__all__ = [
    "CHECKS",
    "Plan",
    "Problem",
    "Release",
    "Specification",
    "Verification",
    "build",
    "day_of",
    "keep_specification",
    "list_releases",
    "names",
    "plan",
    "release",
    "specification",
    "specifications",
    "unreadable",
    "verify",
]
