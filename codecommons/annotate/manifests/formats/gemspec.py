# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Ruby's .gemspec: a program, of which only literals are read (``spec.name = "thing"``).

Nothing is run, so what it computes stays unknown.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from codecommons.annotate.manifests.project import Format, Project, fullname, limited, purl, text, texts, url

_BLOCK = re.compile(r"Gem::Specification\.new\b[^\n]{0,200}?(?:do|\{)\s*\|\s*(\w+)\s*\|")
_ARGUMENTS = re.compile(r"Gem::Specification\.new\b\s*\(?\s*")
_PERCENT = re.compile(r"%([qQwW]?)([(\[{<|!])")
_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">"}
_HEREDOC = re.compile(r"<<[-~]?(['\"]?)([A-Z_]\w*)\1[^\n]*\n")
_GAP = re.compile(r"(?:\s|\\\n|#[^\n]*\n)*")
_AFTER = re.compile(r"\s*\.(?:freeze|strip|squish|dup|chomp)\b(?:\(\))?")
_ESCAPES = {"n": "\n", "t": "\t", "s": " ", "e": ""}
_EXACT = re.compile(r"(?:=\s*)?(\d+(?:\.\w+)+)")
DEEPEST = 3
LONGEST_LITERAL = 1 << 14
MOST_STATEMENTS = 1000


def read(data: bytes) -> Project:
    """Read the literals that are assigned to a specification.

    Raises:
        ValueError: nothing in it makes a specification.
    """
    source = data.decode("utf-8-sig", "replace")
    block = _BLOCK.search(source)
    if block is None:
        raise ValueError("no Gem::Specification.new with a block")
    fields: dict[str, Any] = {}
    start = _ARGUMENTS.match(source, block.start())
    assert start is not None
    first = _literal(source, start.end())
    if isinstance(first[0], str):
        fields["name"] = first[0]
    metadata: dict[str, Any] = {}
    needed: list[str | None] = []
    extra: list[str | None] = []
    variable = re.escape(block[1])
    statement = re.compile(
        rf"^[ \t]*{variable}\.(?:(\w+)[ \t]*(?:=(?![=~])|<<)|(add_\w*dependency)\b[ \t]*\(?"
        r"|metadata\[(['\"])(\w+)\3\][ \t]*=(?!=))[ \t]*",
        re.MULTILINE,
    )
    for found in islice(statement.finditer(source, block.end()), MOST_STATEMENTS):
        value, end = _literal(source, found.end())
        if found[2]:
            version, _ = _literal(source, comma.end()) if (comma := re.compile(r"\s*,\s*").match(source, end)) else (None, end)
            exact = _EXACT.fullmatch(next(iter(texts(version)), "")) if len(texts(version)) == 1 else None
            package = purl("gem", value, exact[1] if exact else None) if isinstance(value, str) and value.strip() else None
            (extra if "development" in found[2] else needed).append(package)
        elif found[4]:
            metadata[found[4]] = value
        elif found[1] == "metadata" and isinstance(value, dict):
            metadata.update(value)
        elif value is not None and not re.compile(r"[ \t]*(?:[+,]|if\b|unless\b)").match(source, end):
            fields[found[1]] = value
    people = [*_flat(fields.get("authors")), *([fields["author"]] if isinstance(fields.get("author"), str) else [])]
    emails = texts(fields.get("email"))
    same = len(emails) == len(people)
    licenses = texts(fields.get("licenses")) or texts(fields.get("license"))
    return Project(
        "gem",
        text(fields.get("name")),
        text(fields.get("version")),
        licenses[0] if len(licenses) == 1 else " OR ".join(f"({one})" for one in licenses) or None,
        description=text(fields.get("description")) or text(fields.get("summary")),
        authors=limited(fullname(one, emails[at] if same else None) for at, one in enumerate(people)),
        code_repository=url(metadata.get("source_code_uri")),
        issue_tracker=url(metadata.get("bug_tracker_uri")),
        homepage=url(fields.get("homepage")) or url(metadata.get("homepage_uri")),
        languages=("Ruby",),
        requires=limited(needed),
        suggests=limited(extra),
    )


def _flat(value: Any) -> list[str]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _literal(source: str, at: int, depth: int = 0) -> tuple[Any, int]:
    """The literal at a place, and where it ends; None for whatever is no literal. Strings side by side are one."""
    at = _gap(source, at)
    if source.startswith("[", at) and depth < DEEPEST:
        value, end = _array(source, at + 1, depth)
    elif source.startswith("{", at) and depth < DEEPEST:
        value, end = _hash(source, at + 1, depth)
    else:
        value, end = _string(source, at)
        while isinstance(value, str) and (more := re.compile(r"[ \t]*(?:\+\s*|\\\n[ \t]*)?(?=['\"])").match(source, end)):
            following, after = _string(source, more.end())
            if not isinstance(following, str):
                break
            value, end = value + following, after
    while found := _AFTER.match(source, end):
        end = found.end()
    return value, end


def _string(source: str, at: int) -> tuple[Any, int]:
    if source[at : at + 1] in ("'", '"'):
        return _quoted(source, at + 1, source[at], source[at], source[at] == '"')
    if percent := _PERCENT.match(source, at):
        value, end = _quoted(source, percent.end(), percent[2], _PAIRS.get(percent[2], percent[2]), percent[1] in ("", "Q"))
        return (value.split() if isinstance(value, str) and percent[1] in ("w", "W") else value), end
    if heredoc := _HEREDOC.match(source, at):
        closing = re.compile(rf"^[ \t]*{heredoc[2]}[ \t]*$", re.MULTILINE).search(
            source, heredoc.end(), heredoc.end() + LONGEST_LITERAL
        )
        if closing:
            lines = source[heredoc.end() : closing.start()].splitlines()
            return "\n".join(line.strip() for line in lines), heredoc.end() - 1
    return None, at


def _quoted(source: str, at: int, opening: str, closing: str, interpolated: bool) -> tuple[str | None, int]:
    """A string up to its closing quote; None where Ruby would compute a part of it."""
    pieces: list[str] = []
    depth, place = 1, at
    stop = re.compile(f"[{re.escape(opening + closing)}\\\\#]")
    while found := stop.search(source, place, at + LONGEST_LITERAL):
        pieces.append(source[place : found.start()])
        sign, place = found[0], found.end()
        if sign == "\\":
            escaped = source[place : place + 1]
            pieces.append(
                _ESCAPES.get(escaped, escaped) if interpolated else escaped if escaped in ("\\", closing) else "\\" + escaped
            )
            place += 1
        elif sign == closing and (opening == closing or depth == 1):
            return "".join(pieces), place
        elif sign in (opening, closing):
            depth += 1 if sign == opening else -1
            pieces.append(sign)
        elif interpolated and source.startswith("{", place):
            return None, place
        else:
            pieces.append(sign)
    return None, at


def _array(source: str, at: int, depth: int) -> tuple[Any, int]:
    values: list[Any] = []
    while not source.startswith("]", at := _gap(source, at)):
        value, end = _literal(source, at, depth + 1)
        if end == at:
            return None, at
        values.append(value)
        at = _gap(source, end)
        if source.startswith(",", at):
            at += 1
    return values, at + 1


def _hash(source: str, at: int, depth: int) -> tuple[Any, int]:
    values: dict[str, Any] = {}
    arrow = re.compile(r"\s*=>\s*")
    while not source.startswith("}", at := _gap(source, at)):
        key, end = _literal(source, at, depth + 1)
        found = arrow.match(source, end)
        if not isinstance(key, str) or found is None:
            return values, at
        value, end = _literal(source, found.end(), depth + 1)
        if end == found.end():
            return values, at
        values[key] = value
        at = _gap(source, end)
        if source.startswith(",", at):
            at += 1
    return values, at + 1


def _gap(source: str, at: int) -> int:
    """Past white space and comments."""
    found = _GAP.match(source, at)
    return found.end() if found else at


FORMAT = Format(r".+\.gemspec", read, most_bytes=256 << 10)
