# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Code points: how one is read from UTF-8, what Python says of it, and how many of some kinds a content has."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from codecommons.compiled import compiled

LETTER, DIGIT, SPACE, WORD = 1, 2, 4, 8
REPLACEMENT = 0xFFFD


@cache
def classes() -> NDArray[np.uint8]:
    r"""Per code point: bits for ``str.isalpha``, ``isdigit``, ``isspace``, and for ``\w`` of Python's regular expressions."""
    points = np.arange(0x110000, dtype=np.uint32).view("U1")
    word = np.strings.isalnum(points)
    word[ord("_")] = True
    parts = ((np.strings.isalpha(points), LETTER), (np.strings.isdigit(points), DIGIT), (np.strings.isspace(points), SPACE))
    return sum((found * bit for found, bit in parts), word * WORD).astype(np.uint8)


@compiled(nogil=True)
def point_at(data: NDArray[np.uint8], at: int, end: int) -> tuple[np.int64, int]:
    """The code point at a place before ``end``, and its bytes; one that belongs to no valid sequence reads as U+FFFD."""
    byte = np.int64(data[at])
    if byte < 0x80:
        return byte, 1
    more, point, least = 0, np.int64(0), np.int64(0)
    if 0xC2 <= byte < 0xE0:
        more, point, least = 1, byte & 0x1F, np.int64(0x80)
    elif 0xE0 <= byte < 0xF0:
        more, point, least = 2, byte & 0x0F, np.int64(0x800)
    elif 0xF0 <= byte < 0xF5:
        more, point, least = 3, byte & 0x07, np.int64(0x10000)
    if more == 0 or at + more >= end:
        return np.int64(REPLACEMENT), 1
    for step in range(more):
        tail = np.int64(data[at + 1 + step])
        if tail & 0xC0 != 0x80:
            return np.int64(REPLACEMENT), 1
        point = (point << 6) | (tail & 0x3F)
    if point < least or point > 0x10FFFF or 0xD800 <= point < 0xE000:
        return np.int64(REPLACEMENT), 1
    return point, more + 1


@compiled(nogil=True)
def count_characters(data: NDArray[np.uint8], offsets: NDArray[np.int64], classes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Per content: characters, visible ones (no white space), letters, digits, replacement characters."""
    out = np.zeros((len(offsets) - 1, 5), np.int64)
    for row in range(len(offsets) - 1):
        at, end = offsets[row], offsets[row + 1]
        characters = spaces = letters = digits = replaced = 0
        while at < end:
            point, width = point_at(data, at, end)
            at += width
            kind = classes[point]
            characters += 1
            letters += kind & 1
            digits += (kind >> 1) & 1
            spaces += (kind >> 2) & 1
            if point == REPLACEMENT:
                replaced += 1
        out[row, 0] = characters
        out[row, 1] = characters - spaces
        out[row, 2] = letters
        out[row, 3] = digits
        out[row, 4] = replaced
    return out
