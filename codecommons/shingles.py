# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

r"""Words and shingles of a text, straight from its UTF-8 bytes.

A word is a maximal run of Unicode ``\w`` characters of the lower-cased text, as Python's ``re`` and ``str.lower`` say
(character by character: a final sigma counts as a sigma). A shingle is ``SHINGLE`` words in a row, known by a 64-bit hash.
Bytes that are no UTF-8 separate words. Where empty words count, there is one between any two separators, as in
``re.split(r"\W", text.lower())``: that is what The Stack v2 and text-dedup take for words.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from typing import Any

import numpy as np
from numba import uint32, uint64
from numpy.typing import NDArray

from codecommons.compiled import compiled

SHINGLE = 5

# Set in the table for a character whose lower case is a word character and then a separator: U+0130 alone.
_ENDS = 1 << 31


@cache
def word_table() -> NDArray[np.uint32]:
    """Code point -> lower-case code point of a word character; 0 for everything that separates words."""
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, sys.maxunicode + 1)]))
    word = re.compile(r"\w")
    table = np.zeros(sys.maxunicode + 1, np.uint32)
    # No character becomes one of a word, or stops being one, by lower case.
    for character in word.findall(every):
        lowered = character.lower()
        ends = len(lowered) > 1 and not word.match(lowered[1])
        table[ord(character)] = ord(lowered[0]) | (_ENDS if ends else 0)
    return table


@compiled(inline="always")
def mix(x: Any) -> Any:
    """Murmur3's 64-bit finalizer: every bit of the input changes half of the output's."""
    x ^= x >> uint64(33)
    x *= uint64(0xFF51AFD7ED558CCD)
    x ^= x >> uint64(33)
    x *= uint64(0xC4CEB9FE1A85EC53)
    x ^= x >> uint64(33)
    return x


@compiled(nogil=True)
def shingle_hashes(
    data: NDArray[np.uint8], start: int, end: int, table: NDArray[np.uint32], empties: bool, out: NDArray[np.uint64]
) -> int:
    """Hash every shingle of one text, in order.

    Args:
        data: bytes of many texts.
        start: where the text begins.
        end: where it ends.
        table: ``word_table()``.
        empties: whether empty words count.
        out: takes the hashes; ``end - start + 1`` places are always enough, and half of that without empty words.

    Returns:
        How many words the text has; it has ``max(0, words - 4)`` shingles.
    """
    prime = uint64(0x9E3779B97F4A7C15)
    base = uint64(0xD6E8FEB86659FD93)
    leaving = base * base * base * base * base
    h0: Any = uint64(0)
    h1 = h2 = h3 = h4 = roll = word = h0
    words = 0
    at = start
    while at <= end:
        # One character; whatever is no valid UTF-8 counts as one separator per byte.
        point = uint32(0)
        step = 1
        if at < end:
            byte = uint32(data[at])
            if byte < 0x80:
                point = table[byte]
            elif 0xC2 <= byte < 0xF5:
                step = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
                if at + step > end:
                    step = 1
                else:
                    code = byte & uint32(0x7F >> step)
                    for k in range(1, step):
                        follow = uint32(data[at + k])
                        if follow & uint32(0xC0) != 0x80:
                            step = 1
                            break
                        code = (code << uint32(6)) | (follow & uint32(0x3F))
                    if step > 1 and code <= 0x10FFFF:
                        point = table[code]
        ends = point == 0
        if not ends:
            word = (word ^ uint64(point & uint32(_ENDS - 1))) * prime
            word ^= word >> uint64(29)
            ends = point & uint32(_ENDS) != 0
        if ends and (word != 0 or empties):
            x = mix(word if word != 0 else prime)
            roll = roll * base + x - leaving * h4
            h4, h3, h2, h1, h0 = h3, h2, h1, h0, x
            words += 1
            word = uint64(0)
            if words >= SHINGLE:
                out[words - SHINGLE] = mix(roll)
        at += step
    return words
