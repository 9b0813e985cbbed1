# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Mentions of software in papers: ``mentions:FILE``, JSON lines or a folder or archive of JSON files, by path or URI.

Three layouts are known. ``tei``: a paper a line, whose text (``tei_xml``) is TEI with ``<rs type="software">`` where software is
mentioned, as in SoFAIR's dataset. ``softcite``: a paper a file, with a list ``mentions``, as Softcite's recogniser writes it.
``coar``: a COAR Notify notification that announces a relationship, whose subject is a paper and whose object a software. A
document is kept whole in column ``record``, which no view shows: the text of a paper may name people and their addresses. The
mentions are read out of it by a later stage.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from codecommons.archive import fetching
from codecommons.archive.feeds import Feed, typed
from codecommons.errors import ItemError
from codecommons.settings import Settings

# A start tag ends where the next begins: else every `<rs` of a text without `>` would be looked through to its end.
_MENTION = re.compile(r'<rs\b[^<>]*\btype\s*=\s*["\']software["\']')


class Mentions(Feed):
    """Files of documents with annotated mentions."""

    name = "mentions"
    tables = ("software_mention",)
    changes = True
    version = 3

    def parse(self, text: str) -> str:
        """A path or URI."""
        return fetching.place(text)

    def is_local(self, text: str) -> bool:
        """See ``Source.is_local``."""
        return fetching.is_local(text)

    def place(self, item: str, settings: Settings) -> str:
        """See ``Feed.place``."""
        return item

    def row(self, item: str, record: dict[str, Any], raw: bytes) -> tuple[Any, ...]:
        """See ``Feed.row``; a document that says no identifier is known by its digest."""
        mentions = record.get("mentions")
        text = record.get("tei_xml")
        if isinstance(text, str):
            layout, count = "tei", len(_MENTION.findall(text))
        elif isinstance(mentions, list):
            layout, count = "softcite", len(mentions)
        elif is_announcement(record):
            return _announced(record, raw)
        else:
            raise ItemError("unknown-layout", "it has neither tei_xml nor a list of mentions, and announces no relationship")
        about = typed(record.get("metadata"), dict, "metadata") or {}
        doi, title = (typed(record.get(name) or about.get(name), str, name) for name in ("doi", "title"))
        named = next((record[name] for name in ("core_id", "id") if isinstance(record.get(name), (str, int))), None)
        identifier = named if named is not None else doi
        if identifier is None:
            identifier = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        return str(identifier), doi, title, layout, count, raw.decode()


def is_announcement(record: dict[str, Any]) -> bool:
    """Whether a record is a notification that announces a relationship (COAR Notify 1.0.1, Announce Relationship)."""
    types, relationship = record.get("type"), record.get("object")
    announces = "Announce" in (types if isinstance(types, list) else [types])
    return (
        announces
        and isinstance(relationship, dict)
        and all(isinstance(said(relationship, key), str) for key in ("subject", "object"))
    )


def said(relationship: dict[str, Any], key: str) -> Any:
    """A value of a relationship, with or without the prefix of Activity Streams: senders write both."""
    return relationship.get(f"as:{key}", relationship.get(key))


def _announced(record: dict[str, Any], raw: bytes) -> tuple[Any, ...]:
    """A notification's row: it is known by its own identifier, as a paper may mention much."""
    about = typed(record.get("context"), dict, "context") or {}
    paper = said(record["object"], "subject")
    cited = about.get("ietf:cite-as")
    doi = next((one for one in (cited, paper) if isinstance(one, str) and "10." in one), None)
    title = typed(about.get("sorg:name"), str, "sorg:name")
    identifier = typed(record.get("id"), str, "id") or f"sha256:{hashlib.sha256(raw).hexdigest()}"
    return identifier, doi, title, "coar", 1, raw.decode()


SOURCE = Mentions()
