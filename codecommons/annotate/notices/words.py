# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Text as a sequence of words, each a 64-bit hash, with the lines they stand on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from codecommons.compiled import compiled

# HTML and comment markers stand inside notices without being part of them.
IGNORED = """
    amp blockquote br cite code dd div dl dnl dt em gt h1 h2 h3 h4 h5 h6 hr href html img li lt nbsp ol para pre quot rem
    span strong td th tr tt ul
""".split()  # noqa: SIM905 (a list literal would take 40 lines)

Words = NDArray[np.uint64]

_FNV = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
# ASCII letters, in lower case, and digits; 0 for every other byte.
_LOWER = np.array([ord(chr(byte).lower()) if byte < 128 and chr(byte).isalnum() else 0 for byte in range(256)], np.uint8)


@compiled(nogil=True)
def split(
    data: NDArray[np.uint8], ignored: Words, may_be_ignored: NDArray[np.bool_], hashes: Words, lines: NDArray[np.int32]
) -> int:
    """Fill in the words of ``data`` and return how many there are.

    A word is a run of ASCII letters, digits and bytes of non-ASCII letters, in lower case, and may hold one plus sign after its
    first character (``gpl2+``). Punctuation of UTF-8 (quotes, dashes, the copyright sign) separates.

    Args:
        data: bytes (uint8).
        ignored: sorted hashes of words that are left out.
        may_be_ignored: whether one of them ends in these ten bits.
        hashes: room for the words' hashes (uint64).
        lines: room for their line numbers, from 1 (int32).
    """
    count = 0
    line = np.int32(1)
    at = 0
    end = len(data)
    while at < end:
        byte = data[at]
        if _LOWER[byte] == 0 and (byte < 0x80 or _inside(data, at, end) == 0):
            line += byte == 10
            at += 1
            continue
        value = _FNV
        plus = False
        while at < end:
            lower = _LOWER[data[at]]
            if lower:
                value = (value ^ np.uint64(lower)) * _PRIME
                at += 1
                continue
            width = _inside(data, at, end)
            if width == 0:
                if data[at] == 43 and not plus:
                    plus = True
                    width = 1
                else:
                    break
            for step in range(width):
                byte = data[at + step]
                if 65 <= byte <= 90:
                    byte = np.uint8(byte + 32)
                value = (value ^ np.uint64(byte)) * _PRIME
            at += width
        # Mixed once more: sums of hashes of words that differ in their last letter must not be close.
        value ^= value >> np.uint64(29)
        value *= np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(32)
        if may_be_ignored[value & np.uint64(1023)]:
            place = np.searchsorted(ignored, value)
            if place < len(ignored) and ignored[place] == value:
                continue
        if count == len(hashes):
            return count
        hashes[count] = value
        lines[count] = line
        count += 1
    return count


@compiled(inline="always")
def _inside(data: NDArray[np.uint8], at: int, end: int) -> int:
    """How many bytes at ``at`` belong to a word: 0 for a separator."""
    byte = data[at]
    if 48 <= byte <= 57 or 97 <= byte <= 122 or 65 <= byte <= 90:
        return 1
    if byte < 0x80:
        return 0
    # C2 80-BF are Latin-1 signs, E2 80-83 general punctuation and symbols.
    if byte == 0xC2 or byte == 0xE2 or byte < 0xC0:
        return 0
    width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
    return min(width, end - at)


class Splitter:
    """Splits one content after the other, with room that is made once."""

    def __init__(self, most: int) -> None:
        """``most``: words taken of one content."""
        self._hashes = np.empty(most, np.uint64)
        self._lines = np.empty(most, np.int32)
        self._ignored = np.empty(0, np.uint64)
        self._may_be_ignored = np.zeros(1024, np.bool_)
        self._ignored = np.sort(np.array([self.words(word.encode())[0][0] for word in IGNORED], np.uint64))
        self._may_be_ignored[self._ignored & np.uint64(1023)] = True

    def words(self, data: bytes) -> tuple[Words, NDArray[np.int32]]:
        """Hashes and lines of the words; views that the next call overwrites."""
        count = split(np.frombuffer(data, np.uint8), self._ignored, self._may_be_ignored, self._hashes, self._lines)
        return self._hashes[:count], self._lines[:count]
