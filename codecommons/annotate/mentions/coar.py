# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""COAR Notify: an announcement (Announce Relationship 1.0.1) that a paper mentions a software, by origin or SWHID.

The relationship's subject is the paper, its object the software. Keys are read with and without the prefix ``as:``, as senders
write both. What a notification says of persons (``actor``, the paper's authors) is not read.
"""

from __future__ import annotations

from typing import Any

from codecommons.annotate.mentions.mention import Mention, doi, text
from codecommons.errors import UsageError
from codecommons.swhid import Swhid


def read(record: dict[str, Any]) -> list[Mention]:
    """The one mention that is announced.

    Raises:
        ValueError: the object is neither an address nor a SWHID.
    """
    relationship = _object(record, "object")
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


def paper(record: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Identifier, DOI and title of the paper that a notification is about."""
    context = _object(record, "context")
    subject = text(said(_object(record, "object"), "subject"))
    title = text(context.get("sorg:name")) or text(context.get("name"))
    return subject, doi(context.get("ietf:cite-as"), subject, context.get("id")), title


def is_announcement(record: dict[str, Any]) -> bool:
    """Whether a record is a notification that announces a relationship."""
    relationship = _object(record, "object")
    types = record.get("type")
    announced = "Announce" in (types if isinstance(types, list) else [types])
    return announced and all(isinstance(said(relationship, key), str) for key in ("subject", "object"))


def said(one: dict[str, Any], key: str) -> Any:
    """A value under its key, with or without the prefix of Activity Streams."""
    return one.get(f"as:{key}", one.get(key))


def _object(one: dict[str, Any], key: str) -> dict[str, Any]:
    value = one.get(key)
    return value if isinstance(value, dict) else {}
