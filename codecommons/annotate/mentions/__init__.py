# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Mentions of software in papers: what each layout of documents says, as rows of one shape.

Belongs here: a mention's columns and their normal forms (``mention``), and a reader for each layout (``readers``): ``tei``
(SoFAIR's dataset), ``softcite`` (the recogniser's JSON), ``coar`` (a COAR Notify announcement).
Does not belong here: which origin is meant, which the view ``mention`` tells by rules that it names; or recognising mentions in
text.
"""

from codecommons.annotate.mentions.mention import Mention, rows
from codecommons.annotate.mentions.readers import read

__all__ = ["Mention", "read", "rows"]
