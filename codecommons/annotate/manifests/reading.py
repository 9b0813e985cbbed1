# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Reading what strangers wrote, in bounded time and memory: no recursion, no entity, no alias, nothing run, nothing fetched."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

import orjson
import yaml

DEEPEST = 100
MOST_NODES = 200_000
DOTS = 256  # in one line of TOML: a key of n parts takes time n squared
_PLAIN_TAGS = ("!", *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp")))


class UnreadableError(ValueError):
    """A manifest that is not what its name says, or more than anybody needs."""


def mapping(value: Any) -> dict[str, Any]:
    """A mapping with text as keys; an empty one in place of anything else."""
    return {key: one for key, one in value.items() if isinstance(key, str)} if isinstance(value, dict) else {}


def json_object(data: bytes) -> dict[str, Any]:
    """The object that JSON text holds; the parser itself refuses what is nested more than 1,024 deep.

    Raises:
        ValueError: it holds something else, or is no JSON.
    """
    value = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    if not isinstance(value, dict):
        raise UnreadableError("not an object")
    return value


def toml(data: bytes) -> dict[str, Any]:
    """A TOML document.

    Raises:
        ValueError: it is none, or a line has more dots than any key needs.
    """
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.count(b".") > DOTS:
            raise UnreadableError(f"line {number}: more than {DOTS} dots")
    return tomllib.loads(data.decode("utf-8-sig"))


def yaml_mapping(data: bytes) -> dict[str, Any]:
    """A YAML mapping with every scalar as the text it is written as (``1.10`` is no number), an empty one as None.

    Of a key that is written twice the last counts. The tree is built from the parser's events, so depth costs no stack.

    Raises:
        ValueError: it is none, has an alias, a tag of its own, more than one document, or is too deep or large.
    """
    stack: list[Any] = []
    keys: list[Any] = []
    documents: list[Any] = []

    def add(value: Any) -> None:
        if not stack:
            documents.append(value)
        elif isinstance(stack[-1], list):
            stack[-1].append(value)
        elif keys[-1] is None:
            keys[-1] = (value if isinstance(value, str) else "",)
        else:
            stack[-1][keys[-1][0]] = value
            keys[-1] = None

    try:
        for number, event in enumerate(yaml.parse(data, yaml.CSafeLoader)):
            place = f"line {event.start_mark.line + 1}" if event.start_mark else "it"
            if number > MOST_NODES or len(stack) > DEEPEST:
                raise UnreadableError(f"{place}: nested too deeply or too long")
            if isinstance(event, yaml.AliasEvent):
                raise UnreadableError(f"{place}: aliases are not read")
            tag = getattr(event, "tag", None) or "!"
            if tag not in _PLAIN_TAGS:
                raise UnreadableError(f"{place}: the tag {tag!r} is not read")
            if isinstance(event, yaml.ScalarEvent):
                add(None if event.implicit[0] and event.value in ("", "~", "null") else event.value)
            elif isinstance(event, yaml.CollectionStartEvent):
                stack.append({} if isinstance(event, yaml.MappingStartEvent) else [])
                keys.append(None)
            elif isinstance(event, yaml.CollectionEndEvent):
                keys.pop()
                add(stack.pop())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        raise UnreadableError(f"{place}{getattr(error, 'problem', None) or 'not YAML text'}") from None
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise UnreadableError("not one mapping")
    return documents[0]


@dataclass
class Element:
    """An element of XML, without namespaces.

    Attributes:
        name: local name.
        attributes: by name.
        children: in order.
        text: all text directly in it, stripped.
    """

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, *path: str) -> list[Element]:
        """The elements at a path below this one, in order."""
        found = [self]
        for name in path:
            found = [child for one in found for child in one.children if child.name == name]
        return found

    def get(self, *path: str) -> str | None:
        """The text of the first element at a path that has any."""
        return next((one.text for one in self.all(*path) if one.text), None)


def xml(data: bytes, root: str) -> Element:
    """The root element of an XML document, by expat: it fetches nothing, and a declared entity is refused before it can grow.

    Raises:
        ValueError: it is no XML, has another root, declares entities, or is too deep or large.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    stack: list[Element] = []
    found: list[Element] = []
    nodes = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal nodes
        nodes += 1
        if nodes > MOST_NODES or len(stack) > DEEPEST:
            raise UnreadableError(f"line {parser.CurrentLineNumber}: nested too deeply or too long")
        element = Element(name.rpartition(" ")[2], {key.rpartition(" ")[2]: value for key, value in attributes.items()})
        if stack:
            stack[-1].children.append(element)
        else:
            found.append(element)
        stack.append(element)

    def end(_: str) -> None:
        element = stack.pop()
        element.text = "".join(pieces.pop(id(element), ())).strip()

    pieces: dict[int, list[str]] = {}

    def characters(said: str) -> None:
        if stack:
            pieces.setdefault(id(stack[-1]), []).append(said)

    def refuse(*_: Any) -> None:
        raise UnreadableError(f"line {parser.CurrentLineNumber}: entity declarations are not read")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, characters
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UnreadableError(f"no XML: {error}") from None
    if found[0].name != root:
        raise UnreadableError(f"the root element is {found[0].name}, not {root}")
    return found[0]
