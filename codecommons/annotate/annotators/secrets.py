# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Secrets as spans: keys and tokens of well-known services, private keys, passwords, JSON web tokens.

Rules and their filters are ``annotate.spans``; the value of a secret is in no table, only where it stands.
"""

from __future__ import annotations

from functools import cache

import pyarrow as pa

from codecommons.annotate import spans
from codecommons.annotate.annotator import Annotator


@cache
def finder() -> spans.Finder:
    """The compiled rules, once a process."""
    return spans.Finder(spans.read("secrets"))


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``."""
    return spans.annotate(finder(), batch)


ANNOTATOR = Annotator(
    name="secrets",
    description="Secrets in a content: keys, tokens, private keys, passwords, as byte offsets, with the rule and its confidence.",
    version=1,
    input="content",
    fields=spans.FIELDS,
    annotate=annotate,
    tools=("hyperscan",),
    configuration={**spans.configuration("secrets"), "most_spans": spans.MOST_SPANS, "most_triggers": spans.MOST_TRIGGERS},
)
