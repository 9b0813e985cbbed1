# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Known vulnerabilities: which releases and revisions of the lake they affect.

Belongs here: reading what a record of OSV says is affected (``statements``; ``records`` makes rows of it), the order of
versions in each ecosystem (``versions``), whether a version is affected (``ranges``) or a revision, by the history that the
lake has (``descent``), asking that of what the lake holds (``resolve``), and what verdicts are a function of (``rules``).
Does not belong here: getting records, which stage 1 does, and any judgement of how bad one is.

A statement is known by a digest of what it says. What follows from a statement and a release, or a revision whose history is
there, can never change. So it is remembered for ever, and records and code may come in any order: whichever comes second asks.
"""
