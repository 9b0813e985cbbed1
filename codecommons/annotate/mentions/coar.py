# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""COAR Notify: an announcement (Announce Relationship 1.0.1) that a paper mentions a software, by origin or SWHID.

The relationship's subject is the paper, its object the software. Keys are read with and without the prefix ``as:``, as senders
write both. What a notification says of persons (``actor``, the paper's authors) is not read.
"""

from __future__ import annotations

from typing import Any

from codecommons.annotate.mentions.mention import Mention, text
from codecommons.archive.sources.mentions import said
from codecommons.errors import UsageError
from codecommons.swhid import Swhid


def read(record: dict[str, Any]) -> list[Mention]:
    """The one mention that is announced.

    Raises:
        ValueError: the object is neither an address nor a SWHID.
    """
    relationship = record["object"]
    software = text(said(relationship, "object"))
    if software is None:
        raise ValueError("the relationship has no object")
    what = text(said(relationship, "relationship"))
    if not software.startswith("swh:"):
        return [Mention(None, type="announced", urls=(software,), relationship=what)]
    try:
        swhid = Swhid.parse(software)
    except UsageError as error:
        raise ValueError(str(error)) from None
    origin = swhid.origin
    return [Mention(None, type="announced", urls=(origin,) if origin else (), swhid=str(swhid), relationship=what)]
