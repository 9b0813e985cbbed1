# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Datasets: from what people ask for to shards they can train on, defend and rebuild.

Belongs here: the specification (``specification``, its SQL in ``condition``), what it may take from (``candidates``), the rules
that leave files out (``selection``, ``rules``) and choose among copies (``election``), what rows are (``rows``,
``repository_form``) and what is in them (``texts``), the files (``shards``), what is told beside them (``documents``), where they
are and what they are called (``releases``, ``fingerprint``), and the stage (``build``), with the look ahead (``planning``), the
proof afterwards (``verify``, ``reproduce``) and what two releases differ in (``difference``).
Does not belong here: what annotators and policies say of a file (``annotate``, ``license``), which contents are similar
(``dedup``).
"""

from codecommons.datasets.build import CHECKS, build
from codecommons.datasets.candidates import day_of
from codecommons.datasets.difference import Difference, Moved, releases_differ
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
