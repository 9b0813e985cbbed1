# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The fourth stage: which contents are the same, and which nearly are.

Belongs here: how texts are compared (``configuration``), which contents are texts (``texts``), signatures and their bands
(``signatures``), the band index in the lake (``index``, ``candidates``, ``crowds``; its ``tables``), exact similarity
(``similarity``), the pairs that readers see (``pairs``), what a smaller lake would know and what nobody knows (``earlier``),
and the stage (``stage``) with what it shows to people (``overview``, ``clusters``). Words and shingles are
``codecommons.shingles``.
Does not belong here: who of several duplicates stays. That is elected inside a dataset, among the rows its other rules let
pass.
"""

from codecommons.dedup.configuration import WORDS, Configuration
from codecommons.dedup.earlier import Known, known_then, similarities
from codecommons.dedup.index import compare_texts
from codecommons.dedup.pairs import pairs
from codecommons.dedup.stage import compare_slice

__all__ = ["WORDS", "Configuration", "Known", "compare_slice", "compare_texts", "known_then", "pairs", "similarities"]
