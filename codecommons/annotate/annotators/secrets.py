# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Secrets as spans: keys and tokens of well-known services, private keys, passwords, JSON web tokens.

Rules and their filters are ``annotate.spans``; the value of a secret is in no table, only where it stands.
"""

from __future__ import annotations

from functools import partial

from codecommons.annotate import spans
from codecommons.annotate.annotator import Annotator

ANNOTATOR = Annotator(
    name="secrets",
    description="Secrets in a content: keys, tokens, private keys, passwords, as byte offsets, with the rule and its confidence.",
    version=3,
    input="content",
    fields=spans.FIELDS,
    annotate=partial(spans.annotate, "secrets"),
    tools=("hyperscan",),
    configuration=spans.configuration("secrets"),
)
