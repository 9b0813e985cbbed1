# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Lines of code apart from comments: how many, how many again, and what stands in them.

A line of code is one that has a visible character outside of comments; it is looked at without its comments. Lines end at LF.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from codecommons.annotate.signals.characters import SPACE, WORD, point_at
from codecommons.annotate.signals.syntaxes import COMMENT, STRING
from codecommons.compiled import compiled

MOST_LINES = 1 << 20
LONG_STRING = 20  # words; a line of a string that has more is a long one

# Columns of ``count_lines``.
LINES, CODE_LINES, REPEATED, ASSERTS, PROMPTS, LONG_STRINGS, CODE, COMMENTS, STRINGS, HEX_WORDS = range(10)

_ASSERT = np.frombuffer(b"assert", np.uint8)
_PROMPTS = (np.frombuffer(b"your code here", np.uint8), np.frombuffer(b"fixme", np.uint8), np.frombuffer(b"todo", np.uint8))


@compiled(nogil=True)
def _blank(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31


@compiled(nogil=True)
def _says(data: NDArray[np.uint8], kinds: NDArray[np.uint8], at: int, end: int, word: NDArray[np.uint8], comment: bool) -> bool:
    """Whether a word in lower case stands at a place, all of it in a comment or all of it outside."""
    if at + len(word) > end:
        return False
    for step in range(len(word)):
        byte = data[at + step]
        if (byte | 32 if 65 <= byte <= 90 else byte) != word[step] or (kinds[at + step] == COMMENT) != comment:
            return False
    return True


@compiled(nogil=True)
def _same(data: NDArray[np.uint8], kinds: NDArray[np.uint8], one: int, one_end: int, other: int, other_end: int) -> bool:
    """Whether two lines have the same visible characters outside of comments."""
    while True:
        while one < one_end and (kinds[one] == COMMENT or _blank(data[one])):
            one += 1
        while other < other_end and (kinds[other] == COMMENT or _blank(data[other])):
            other += 1
        if one == one_end or other == other_end:
            return one == one_end and other == other_end
        if data[one] != data[other]:
            return False
        one += 1
        other += 1


@compiled(nogil=True)
def _in_word(byte: int) -> bool:
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122 or byte == 95 or byte >= 128


@compiled(nogil=True)
def _hex_words(data: NDArray[np.uint8], kinds: NDArray[np.uint8], start: int, end: int) -> int:
    """Characters of words such as ``0x1F`` outside of comments."""
    found = 0
    for at in range(start, end - 2):
        if data[at] != 48 or data[at + 1] | 32 != 120 or kinds[at] == COMMENT or (at > start and _in_word(data[at - 1])):
            continue
        after = at + 2
        right = True
        while after < end and _in_word(data[after]):
            byte = data[after]
            right &= 48 <= byte <= 57 or 65 <= byte <= 70 or 97 <= byte <= 102
            after += 1
        if right and after > at + 2:
            found += after - at
    return found


@compiled(nogil=True)
def _long_strings(data: NDArray[np.uint8], kinds: NDArray[np.uint8], start: int, end: int, classes: NDArray[np.uint8]) -> int:
    r"""Lines of strings that have more than ``LONG_STRING`` words, as ``\w+|[^\w\s]+`` finds them."""
    found = words = inside = 0
    at = start
    while at <= end:
        if at == end or kinds[at] != STRING or data[at] == 10:
            found += words > LONG_STRING
            words = inside = 0
            at += 1
            while at < end and kinds[at] != STRING:
                at += 1
            continue
        point, width = point_at(data, at, end)
        kind = 0 if classes[point] & SPACE else 1 if classes[point] & WORD else 2
        words += kind != inside and kind != 0
        inside = kind
        at += width
    return found


@compiled(nogil=True)
def count_lines(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], kinds: NDArray[np.uint8], classes: NDArray[np.uint8], most: int
) -> NDArray[np.int64]:
    """Count lines, and characters of code, comments, strings and hexadecimal words, per content, in the columns above.

    A line of one character, or of ``},``, does not count as one that occurs again; -1 stands for their number where there are
    more than ``most`` lines of code.
    """
    out = np.zeros((len(offsets) - 1, 10), np.int64)
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        room = 64
        begins, ends, hashes = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.uint64)
        lines = codes = asserts = prompts = 0
        at = start
        while at < end:
            begin = at
            mixed = np.uint64(14695981039346656037)
            visible = says_assert = says_prompt = False
            while at < end and data[at] != 10:
                byte = data[at]
                if kinds[at] == COMMENT:
                    if not says_prompt and (byte | 32 == 121 or byte | 32 == 102 or byte | 32 == 116):
                        for word in _PROMPTS:
                            says_prompt |= _says(data, kinds, at, end, word, True)
                elif not _blank(byte):
                    visible = True
                    mixed = (mixed ^ np.uint64(byte)) * np.uint64(1099511628211)
                    if not says_assert and byte | 32 == 97:
                        says_assert = _says(data, kinds, at, end, _ASSERT, False)
                at += 1
            lines += 1
            prompts += says_prompt
            asserts += says_assert
            if visible:
                if codes == room and room < most:
                    room *= 2
                    grown, grown_ends, grown_hashes = (
                        np.empty(room, np.int64),
                        np.empty(room, np.int64),
                        np.empty(room, np.uint64),
                    )
                    grown[:codes], grown_ends[:codes], grown_hashes[:codes] = begins, ends, hashes
                    begins, ends, hashes = grown, grown_ends, grown_hashes
                if codes < room:
                    begins[codes], ends[codes], hashes[codes] = begin, at, mixed ^ (mixed >> np.uint64(29))
                codes += 1
            at += 1
        comments = strings = characters = 0
        for place in range(start, end):
            leads = data[place] & 0xC0 != 0x80
            characters += leads
            comments += leads & (kinds[place] == COMMENT)
            strings += leads & (kinds[place] == STRING)
        code = characters - comments
        out[row, LINES], out[row, CODE_LINES], out[row, ASSERTS], out[row, PROMPTS] = lines, codes, asserts, prompts
        out[row, CODE], out[row, COMMENTS], out[row, STRINGS] = code, comments, strings
        out[row, LONG_STRINGS] = _long_strings(data, kinds, start, end, classes)
        out[row, HEX_WORDS] = _hex_words(data, kinds, start, end)
        out[row, REPEATED] = _repeated(data, kinds, begins[:codes], ends[:codes], hashes[:codes]) if codes <= most else -1
    return out


@compiled(nogil=True)
def _repeated(
    data: NDArray[np.uint8],
    kinds: NDArray[np.uint8],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    hashes: NDArray[np.uint64],
) -> int:
    """Lines of which another has the same visible characters."""
    size = 16
    while size < 2 * len(begins):
        size *= 2
    table, counts = np.full(size, -1, np.int64), np.zeros(size, np.int64)
    again = np.int64(0)
    for line in range(len(begins)):
        slot = np.int64(hashes[line] & np.uint64(size - 1))
        while table[slot] >= 0:
            other = table[slot]
            if hashes[other] == hashes[line] and _same(data, kinds, begins[line], ends[line], begins[other], ends[other]):
                break
            slot = (slot + 1) & (size - 1)
        table[slot] = line if table[slot] < 0 else table[slot]
        counts[slot] += 1
    for place in range(size):
        if counts[place] > 1:
            width, characters = 0, 0
            first, second = np.uint8(0), np.uint8(0)
            for at in range(begins[table[place]], ends[table[place]]):
                if kinds[at] != COMMENT and not _blank(data[at]):
                    first, second = (data[at], second) if width == 0 else (first, data[at])
                    width += 1
                    characters += data[at] & 0xC0 != 0x80
            if characters > 1 and not (width == 2 and first == 125 and second == 44):
                again += counts[place]
    return int(again)
