# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Syntax trees, from tree-sitter's grammars, in a process of their own.

Belongs here: which grammar reads which language and what is counted in its trees (``grammars.yaml``), the process that parses
(``worker``), and who asks it (``client``). A grammar is compiled C, and some need gigabytes for a hostile line: the process has a
limit of memory and of time, and when it ends, one content has a reason and the next one a new process.
Does not belong here: what an annotation says of it (``annotators.syntax``).
"""
