# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Finding known licence texts and notices in bytes, with the lines they stand on.

Belongs here: the published rules that we match against (``rules``), text as hashed words (``words``), the index of the rules
(``index``), two ways to match (``matching``): whole rules word for word, and long rules that differ in some words, which of
the matches say something (``statements``), which words take it back (``denials``, and ``clues``: where it is worth looking for
them), and which stand in strings inside code (``literals``). Does not belong here: what that means for a file (the annotator
``license_evidence``) or for a tree (``license``).

The rules are ScanCode's (package ``licensedcode-data``, CC-BY-4.0, nexB Inc. and others): some 36,000 texts, notices and
mentions, each with a licence expression. ScanCode itself does about one source file a second; here a file's words are hashed
once and looked up, which is all that most matches need.
"""

from codecommons.annotate.notices.index import Index, load, prepare
from codecommons.annotate.notices.matching import Match, find
from codecommons.annotate.notices.statements import statements

__all__ = ["Index", "Match", "find", "load", "prepare", "statements"]
