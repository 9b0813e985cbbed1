# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Strings inside code: what stands in them is about what the code writes or shows, and not about the code.

Nobody is asked which language a content is in: comments, strings over one line or several, templates and here-documents look much
the same in most. A string is a value where something assigns it, passes it on or says it; one that stands by itself is a
docstring (or how Vim writes a comment), and speaks for its file. In JSON and in markup strings are all there is: none is a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

Span = tuple[int, int]

# Bytes that are looked through for strings, and those that one over several lines may have; here-documents that are looked for.
MOST_BYTES, MOST_LENGTH, MOST_HEREDOCS = 1 << 18, 1 << 17, 64
_OPENS = re.compile(
    rb"""\\. | // | /\* | <!-- | \# | \"{3} | '{3} | `{3} | ["'`]
    | <<[-~<]?[ ]?(?:(?P<quote>["'`])(?P<quoted>\w{1,60})(?P=quote)|(?P<name>[A-Z_][A-Z0-9_]{1,60})\b)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENTS = {b"//": b"\n", b"#": b"\n", b"/*": b"*/", b"<!--": b"-->"}
_PREPROCESSOR = re.compile(rb"#[ \t]*(?:define|include|if|ifdef|ifndef|elif|else|endif|error|pragma|undef|line|warning)\b")
_ON_ONE_LINE = {
    b'"': re.compile(rb'"(?:[^"\\\n]|\\.)*+"', re.DOTALL),
    b"'": re.compile(rb"'(?:[^'\\\n]|\\.)*+'", re.DOTALL),
    b"`": re.compile(rb"`[^`\n]*+`"),
}
_OVER_LINES = {
    b'"': re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL),
    b"`": re.compile(rb"`(?:[^`\\]|\\.)*+`", re.DOTALL),
}
# What stands before a quote as a part of it: r"", u8"", f'', @"", r#"".
_PREFIX = re.compile(rb"(?:(?<![\w$])[rRbBuUfFLcC]{1,2}8?|[@$])?#*$")
_SIGNS = b"=([{,+<>?!&|%~^*"
_SAYS = re.compile(rb"(?:^|[^\w@])(?:echo|print\w*|puts|say|return|yield|throw|raise|die|msgid|msgstr)$")
_NAMED = re.compile(rb"[\w:]")
_LONGEST_WORD = 16
_JOINS = (b".", b"+", b"..", b"&", b"<>", b"++", b"||", b"\\")
# JSON, and markup.
_IN_STRINGS = re.compile(rb"(?:\xef\xbb\xbf)?\s*[{\[<]")
_ATTRIBUTE = re.compile(rb"<[A-Za-z][^<>]*=$")
# Variables that by convention are about the module that they stand in.
_OWN = re.compile(rb"(?:^|\n)[ \t]*__(?:licen[cs]e|copyright|legal|credits|author)__[ \t]*=$")
# Bytes before a string that are looked at.
_BEFORE, _GAP = 200, 1 << 10


def values(data: bytes, until: int) -> list[Span]:
    """Where string literals stand that are values: first byte and end, in order.

    Args:
        data: the content.
        until: no string that begins behind this byte is asked for.
    """
    return [] if _IN_STRINGS.match(data) else list(_values(data, min(until, MOST_BYTES)))


def is_quoted(data: bytes, at: int) -> bool:
    """Whether what begins at a byte stands in quotes on its line, behind other words: a comment that speaks of it."""
    before, after = data[max(0, at - _GAP) : at].rpartition(b"\n")[2], data[at : at + _GAP].partition(b"\n")[0]
    quote = before[-1:]
    told = quote in (b'"', b"'", b"`") and quote in after and re.search(rb"\w", before) is not None
    return told and not _OWN.search(before[:-1].rstrip()) and not _IN_STRINGS.match(data)


def only(data: bytes, spans: Sequence[Span]) -> bytes:
    """A content with nothing but some of its parts, each on the lines that it is on."""
    pieces, at = [], 0
    for start, end in spans:
        pieces += [b"\n" * data.count(b"\n", at, start), data[start:end]]
        at = end
    return b" ".join(pieces)


def _values(data: bytes, until: int) -> Iterator[Span]:
    at = read = 0  # where to look on; up to where the code has been seen
    code, new_line = b"", True  # what stands before, without blanks and comments, and whether it is on another line
    before: bool | None = None  # whether a string that stands right before is a value
    ends = _Ends(data)
    while found := _OPENS.search(data, at, until):
        start, opens = found.start(), found[0]
        if opens[:1] in (b"\\", b"`") and len(opens) > 1:  # what is escaped, and Markdown's fences
            at = found.end()
            continue
        comment = opens in _COMMENTS
        gap = data[max(read, start - _GAP) : start]
        if not comment:
            gap = gap[: len(gap) - len(_prefix(gap))]
        text = gap.rstrip()
        if text.strip() not in (b"", *_JOINS):
            new_line, here, earlier = b"\n" in gap[len(text) :], text[-_BEFORE:], None
        else:
            new_line, here, earlier = new_line or b"\n" in gap, code, before
        end = ends.comment(found) if comment else ends.string(found, here)
        if end < 0:
            at = found.end()
            continue
        at = read = end
        code, before = here, earlier
        if not comment:
            long = len(opens) > 1 or opens == b"`" or b"\n" in data[start:end]
            before = opens[:1] == b"<" or (_is_value(here, new_line, long) if earlier is None else earlier)
            code, new_line = b'"', False
            if before and data[end - 1 : end + 1] != b"`_":  # reStructuredText's links
                yield start, end


def _prefix(gap: bytes) -> bytes:
    found = _PREFIX.search(gap[-6:])
    return found[0] if found else b""


def _is_value(code: bytes, new_line: bool, long: bool) -> bool:
    """Whether a string is a value, by the code before it."""
    if not code or _OWN.search(code) or _ATTRIBUTE.search(code):
        return False
    if _hands_over(code):
        return True
    said = code.endswith(b":") if long else _NAMED.search(code[-1:]) is not None
    return not new_line and (said or _says(code))


def _hands_over(code: bytes) -> bool:
    return code[-1:] in _SIGNS


def _says(code: bytes) -> bool:
    return _SAYS.search(code[-_LONGEST_WORD:]) is not None


class _Ends:
    """Finds where comments and strings end; of an end that is nowhere below, it is not looked for again."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._nowhere: set[bytes] = set()
        self._heredocs = 0

    def comment(self, found: re.Match[bytes]) -> int:
        """Where a comment ends; -1 where it is none."""
        opens, start = found[0], found.start()
        if opens == b"#" and (_PREPROCESSOR.match(self._data, start) or self._data[max(0, start - 1) : start].strip()):
            return -1
        end = self._data.find(_COMMENTS[opens], found.end())
        closed = end + len(_COMMENTS[opens]) if _COMMENTS[opens] != b"\n" else end
        return closed if end >= 0 else len(self._data)

    def string(self, found: re.Match[bytes], code: bytes) -> int:
        """Where a string ends; -1 where it is none. One over several lines has to be a value: a lone quote is only a sign."""
        opens, start, last = found[0], found.start(), found.start() + MOST_LENGTH
        if opens[:1] == b"<":
            return self._heredoc(found)
        if len(opens) == 3:
            return self._tripled(opens, found.end())
        if (
            opens == b"'"
            and re.match(rb"[\w)\]]", self._data[max(0, start - 1) : start])
            and not _prefix(self._data[:start][-6:])
        ):
            return -1  # an apostrophe
        if whole := _ON_ONE_LINE[opens].match(self._data, start):
            return whole.end()
        if opens in self._nowhere or opens not in _OVER_LINES or not (_hands_over(code) or _says(code)):
            return -1
        if whole := _OVER_LINES[opens].match(self._data, start, last):
            return whole.end()
        self._nowhere.add(opens)
        return -1

    def _tripled(self, quotes: bytes, at: int) -> int:
        end = -1 if quotes in self._nowhere else self._data.find(quotes, at)
        while end >= 0 and self._data[end - 1 : end] == b"\\":
            end = self._data.find(quotes, end + 1)
        if end < 0:
            self._nowhere.add(quotes)
        return end + 3 if end >= 0 else -1

    def _heredoc(self, found: re.Match[bytes]) -> int:
        self._heredocs += 1
        if self._heredocs > MOST_HEREDOCS:
            return -1
        closing = re.compile(rb"\n[ \t]*" + (found["quoted"] or found["name"]) + rb"[;,)]*[ \t\r]*(?=\n|\Z)")
        end = closing.search(self._data, found.end(), found.end() + MOST_LENGTH)
        return end.end() if end else -1
