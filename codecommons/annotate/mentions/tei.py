# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""TEI with ``<rs type="software">`` where software is mentioned, and others for what belongs to it, which name it by ``corresp``.

The document is read as a stream by expat, which fetches nothing; an entity that it declares is refused, and depth costs no stack.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from codecommons.annotate.mentions.mention import LONGEST, MOST_MENTIONS, Mention, text

# Elements in each other; marks in each other, and characters of one: every character of a mark is read once for each around it.
_DEEPEST, _DEEPEST_MARK, _LONGEST_MARK = 1_000, 16, 10 * LONGEST
_PARTS = ("version", "url", "publisher", "language")


@dataclass
class _Marked:
    """An ``rs`` element: attributes, where it stands in the text, what is in it, and how much more is taken."""

    attributes: dict[str, str]
    start: int
    pieces: list[str] = field(default_factory=list)
    room: int = _LONGEST_MARK


def read(record: dict[str, Any]) -> list[Mention]:
    """The mentions of a document, in the order of its text.

    Raises:
        ValueError: it is no XML, declares entities, is too deep, or has more mentions than any paper.
    """
    marked = _marked(str(record["tei_xml"]).encode())
    parts: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in marked:
        kind, whose = one.attributes.get("type"), one.attributes.get("corresp")
        said = text("".join(one.pieces))
        if kind in _PARTS and whose and said:
            parts[whose.removeprefix("#")][kind].append(said)
    return [
        _mention(one, parts.get(one.attributes.get("id", ""), {})) for one in marked if one.attributes.get("type") == "software"
    ]


def _mention(one: _Marked, parts: dict[str, list[str]]) -> Mention:
    said = {kind: tuple(dict.fromkeys(parts.get(kind, ()))) for kind in _PARTS}
    raw = "".join(one.pieces)
    before = len(raw) - len(raw.lstrip())
    return Mention(
        text(raw),
        type=one.attributes.get("subtype") or "software",
        versions=said["version"],
        urls=said["url"],
        publishers=said["publisher"],
        languages=said["language"],
        start=one.start + before,
        end=one.start + len(raw.rstrip()),
        within="text",
    )


def _marked(data: bytes) -> list[_Marked]:
    """Every ``rs`` element, in the order they begin."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    found: list[_Marked] = []
    opened: list[_Marked | None] = []
    marks: list[_Marked] = []
    texts = length = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal texts
        local = name.rpartition(" ")[2]
        if len(opened) >= _DEEPEST or len(marks) > _DEEPEST_MARK or len(found) > MOST_MENTIONS:
            raise ValueError(f"line {parser.CurrentLineNumber}: nested too deeply, or more is marked than in any paper")
        texts += local == "text"
        one = _Marked({key.rpartition(" ")[2]: value for key, value in attributes.items()}, length) if local == "rs" else None
        if one:
            found.append(one)
            marks.append(one)
        opened.append(one)

    def end(name: str) -> None:
        nonlocal texts
        texts -= name.rpartition(" ")[2] == "text"
        if opened.pop():
            marks.pop()

    def characters(said: str) -> None:
        nonlocal length
        if texts:
            length += len(said)
        for one in marks:
            if one.room > 0:
                one.pieces.append(said[: one.room])
                one.room -= len(said)

    def refuse(*_: Any) -> None:
        raise ValueError(f"line {parser.CurrentLineNumber}: entity declarations are not read")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, characters
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(f"it is no XML: {error}") from None
    return found
