# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

r"""Data that are written out as text, by the three expressions of The Stack v2, exactly as Python's ``re`` matches them.

They are ``[a-zA-Z0-9+/\n=]{64,}``, ``(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}`` and ``(?:\\u[0-9a-fA-F]{4}){8,}``. The
first class holds the line feed, so that plain words one a line match: as published.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from codecommons.annotate.signals.characters import SPACE, WORD, point_at
from codecommons.compiled import compiled

LEAST_BASE64, LEAST_ITEMS = 64, 8


@compiled(nogil=True)
def _is_hex(byte: Any) -> bool:
    return 48 <= byte <= 57 or 65 <= byte <= 70 or 97 <= byte <= 102


@compiled(nogil=True)
def _word_before(data: NDArray[np.uint8], at: int, start: int, classes: NDArray[np.uint8]) -> bool:
    r"""Whether the character before a place is one of ``\w``."""
    if at <= start:
        return False
    first = at - 1
    while first > start and at - first < 4 and data[first] & 0xC0 == 0x80:
        first -= 1
    point, width = point_at(data, first, at)
    return first + width == at and classes[point] & WORD != 0


@compiled(nogil=True)
def _word_at(data: NDArray[np.uint8], at: int, end: int, classes: NDArray[np.uint8]) -> bool:
    if at >= end:
        return False
    point, _ = point_at(data, at, end)
    return classes[point] & WORD != 0


@compiled(nogil=True)
def _hex_run(data: NDArray[np.uint8], at: int, start: int, end: int, classes: NDArray[np.uint8]) -> tuple[int, int, int]:
    """The items of two hexadecimal digits that begin at a place: how many, where they end, their characters."""
    items = characters = 0
    while at < end and _word_before(data, at, start, classes) != _word_at(data, at, end, classes):
        digits = at
        if at + 1 < end and ((data[at] == 48 and data[at + 1] == 120) or (data[at] == 92 and data[at + 1] == 120)):
            digits = at + 2
        if digits + 2 > end or not _is_hex(data[digits]) or not _is_hex(data[digits + 1]):
            break
        after = digits + 2
        if after < end and data[after] == 44:
            after += 1
            width = after - at
        else:
            if _word_at(data, after, end, classes):
                break
            width = after - at
            while after < end:
                point, size = point_at(data, after, end)
                if classes[point] & SPACE == 0:
                    break
                after += size
                width += 1
        items += 1
        characters += width
        at = after
    return items, at, characters


@compiled(nogil=True)
def _escapes(data: NDArray[np.uint8], at: int, end: int) -> int:
    r"""How many of ``\u0000`` stand at a place, one behind the other."""
    items = 0
    while at + 6 <= end and data[at] == 92 and data[at + 1] == 117:
        for step in range(2, 6):
            if not _is_hex(data[at + step]):
                return items
        items += 1
        at += 6
    return items


@compiled(nogil=True)
def find_encoded(data: NDArray[np.uint8], offsets: NDArray[np.int64], classes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Per content: characters of the longest match of any of the three, and of all matches of all three."""
    out = np.zeros((len(offsets) - 1, 2), np.int64)
    base64, opens = np.zeros(256, np.bool_), np.zeros(256, np.bool_)
    for byte in range(256):
        opens[byte] = _is_hex(byte) or byte == 92
        base64[byte] = (
            48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122 or byte == 10 or byte == 43 or byte == 47 or byte == 61
        )
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        longest = total = 0
        begin = escaped = matched = start  # of the run of base64; where the last match of each of the others ended
        for at in range(start, end):
            byte = data[at]
            if not base64[byte]:
                if at - begin >= LEAST_BASE64:
                    longest = max(longest, at - begin)
                    total += at - begin
                begin = at + 1
            if not opens[byte]:
                continue
            if byte == 92 and at >= escaped:
                items = _escapes(data, at, end)
                if items >= LEAST_ITEMS:
                    escaped = at + 6 * items
                    longest = max(longest, escaped - at)
                    total += escaped - at
            # A word's inside opens no item, and most hexadecimal digits stand there.
            before = data[at - 1] if at > start else np.uint8(32)
            word = 48 <= before <= 57 or 65 <= before <= 90 or 97 <= before <= 122 or before == 95
            # Two digits that stand alone, or a prefix.
            opened = byte == 92 or (at + 1 < end and (data[at + 1] == 120 or opens[data[at + 1]]))
            if at >= matched and opened and (byte == 92 or not word):
                items, after, characters = _hex_run(data, at, start, end, classes)
                if items >= LEAST_ITEMS:
                    matched = after
                    longest = max(longest, characters)
                    total += characters
        if end - begin >= LEAST_BASE64:
            longest = max(longest, end - begin)
            total += end - begin
        out[row, 0] = longest
        out[row, 1] = total
    return out
