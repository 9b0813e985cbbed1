# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

r"""Words, and how much of a content is said again and again, as OpenCoder's filters count (they are RedPajama's).

A content is lower-cased and normalised to NFKC; ASCII punctuation, which includes ``_``, and white space separate words. A word
is a run of letters and digits, or a run of other characters that are neither (arrows, control characters). Lengths are
characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from codecommons.annotate.signals.characters import SPACE, WORD, point_at
from codecommons.compiled import compiled

MOST_WORDS = 1 << 21
LAST_TOP, FIRST_DUPE, LAST_DUPE = 4, 5, 10
# Columns of ``count_words``: words, characters, distinct words; characters of the top 2- to 4-gram, of repeated 5- to 10-grams
COLUMNS = 3 + (LAST_TOP - 1) + (LAST_DUPE - FIRST_DUPE + 1)


def normalized(contents: Iterable[bytes]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Offsets and bytes of contents as words are looked for in them: lower case, NFKC, UTF-8."""
    pieces = [_normalized(content) for content in contents]
    offsets = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    return offsets, np.frombuffer(b"".join(pieces), np.uint8)


def _normalized(content: bytes) -> bytes:
    if content.isascii():
        return content.lower()
    text = content.decode("utf-8", "replace").lower()
    return (text if unicodedata.is_normalized("NFKC", text) else unicodedata.normalize("NFKC", text)).encode()


@compiled(nogil=True)
def _kind(point: np.int64 | int, classes: NDArray[np.uint8]) -> int:
    """0 separates, 1 is of a word, 2 is of a word of signs."""
    if 33 <= point <= 47 or 58 <= point <= 64 or 91 <= point <= 96 or 123 <= point <= 126:
        return 0
    kind = classes[point]
    if kind & SPACE:
        return 0
    return 1 if kind & WORD else 2


@compiled(nogil=True)
def _split(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    classes: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    lengths: NDArray[np.int32],
) -> tuple[int, int]:
    """Words and their characters; those that find room are written to ``starts``, ``ends``, ``lengths``."""
    words = total = length = 0
    inside = 0
    begin = at = start
    quick = np.zeros(128, np.uint8)
    for sign in range(128):
        quick[sign] = _kind(sign, classes)
    while at <= end:
        width, kind = 1, 0
        if at < end and data[at] < 128:
            kind = quick[data[at]]
        elif at < end:
            point, width = point_at(data, at, end)
            kind = _kind(point, classes)
        if kind != inside:
            if inside:
                if words < len(starts):
                    starts[words], ends[words], lengths[words] = begin, at, length
                words += 1
                total += length
            begin, length, inside = at, 0, kind
        length += 1
        at += width
    return words, total


@compiled(nogil=True)
def _number(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], words: int, numbers: NDArray[np.int32]
) -> int:
    """Give every distinct word a number, by its bytes; returns how many there are."""
    size = 16
    while size < 2 * words:
        size *= 2
    table = np.full(size, -1, np.int32)
    distinct = 0
    for word in range(words):
        mixed = np.uint64(14695981039346656037)
        for at in range(starts[word], ends[word]):
            mixed = (mixed ^ np.uint64(data[at])) * np.uint64(1099511628211)
        mixed ^= mixed >> np.uint64(29)
        slot = np.int64(mixed & np.uint64(size - 1))
        while True:
            other = table[slot]
            if other < 0:
                table[slot] = word
                numbers[word] = distinct
                distinct += 1
                break
            same = ends[other] - starts[other] == ends[word] - starts[word]
            step = 0
            while same and step < ends[word] - starts[word]:
                same = data[starts[other] + step] == data[starts[word] + step]
                step += 1
            if same:
                numbers[word] = numbers[other]
                break
            slot = (slot + 1) & (size - 1)
    return distinct


@compiled(nogil=True)
def _repeat(
    live: NDArray[np.int32],
    grams: NDArray[np.int32],
    last: NDArray[np.int32],
    counts: NDArray[np.int32],
    firsts: NDArray[np.int32],
    keys: NDArray[np.int64],
    values: NDArray[np.int32],
) -> tuple[int, int]:
    """Make grams that occur again one word longer, in place. Returns how many still occur again, and of how many kinds all were.

    A gram whose beginning or end occurs once occurs once itself, so that most are settled without being looked up.

    Args:
        live: the places of all grams that occur again, in order; those of the longer ones afterwards.
        grams: their numbers, by kind; likewise.
        last: from the first place on, the number of the word that a gram which starts there gets at its end.
        counts: room for how often each kind of the longer ones occurs.
        firsts: room for where it first does.
        keys: room for a table: a power of two, at least twice as many as there are grams.
        values: as much.
    """
    size = 16
    while size < 2 * len(live):
        size *= 2
    keys[:size] = -1
    longer = kinds = 0
    for at in range(len(live) - 1):
        place = live[at]
        if live[at + 1] != place + 1 or place >= len(last):
            continue
        key = (np.int64(grams[at]) << 32) | np.int64(last[place])
        mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
        slot = np.int64(mixed & np.uint64(size - 1))
        while keys[slot] != key:
            if keys[slot] < 0:
                keys[slot] = key
                values[slot] = kinds
                counts[kinds] = 0
                firsts[kinds] = place
                kinds += 1
                break
            slot = (slot + 1) & (size - 1)
        counts[values[slot]] += 1
        live[longer], grams[longer] = place, values[slot]
        longer += 1
    again = 0
    for at in range(longer):
        if counts[grams[at]] > 1:
            live[again], grams[again] = live[at], grams[at]
            again += 1
    return again, kinds


@compiled(nogil=True)
def count_words(data: NDArray[np.uint8], offsets: NDArray[np.int64], classes: NDArray[np.uint8], most: int) -> NDArray[np.int64]:
    """Per content the ``COLUMNS``; -1 from the third on where there are more than ``most`` words."""
    out = np.zeros((len(offsets) - 1, COLUMNS), np.int64)
    nothing = np.empty(0, np.int64)
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        room = min((end - start + 1) // 2 + 1, most)
        starts, ends, lengths = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int32)
        words, total = _split(data, start, end, classes, starts, ends, lengths)
        out[row, 0], out[row, 1] = words, total
        if words > most:
            out[row, 2:] = -1
            continue
        if words > room:  # one-character words of other kinds may stand side by side
            starts, ends, lengths = np.empty(words, np.int64), np.empty(words, np.int64), np.empty(words, np.int32)
            _split(data, start, end, classes, starts, ends, lengths)
        numbers = np.empty(words, np.int32)
        out[row, 2] = _number(data, starts, ends, words, numbers)
        starts, ends = nothing, nothing
        counts, firsts = np.zeros(max(words, 1), np.int32), np.empty(max(words, 1), np.int32)
        for word in range(words):
            counts[numbers[word]] += 1
        until = np.zeros(words + 1, np.int64)  # characters of the words before each
        live, grams = np.empty(words, np.int32), np.empty(words, np.int32)
        again = 0
        for word in range(words):
            until[word + 1] = until[word] + lengths[word]
            if counts[numbers[word]] > 1:
                live[again], grams[again] = word, numbers[word]
                again += 1
        size = 16
        while size < 2 * again:
            size *= 2
        keys, values = np.empty(size, np.int64), np.empty(size, np.int32)
        for long in range(2, LAST_DUPE + 1):
            again, kinds = _repeat(live[:again], grams[:again], numbers[long - 1 :], counts, firsts, keys, values)
            if kinds == 0:
                break
            if long <= LAST_TOP:
                best = 0
                for gram in range(1, kinds):  # the first of those that are as frequent
                    if counts[gram] > counts[best]:
                        best = gram
                if counts[best] > 1:
                    out[row, 1 + long] = (until[firsts[best] + long] - until[firsts[best]]) * counts[best]
            else:
                covered = characters = 0
                for at in range(again):
                    begin, end = max(int(live[at]), covered), int(live[at]) + long
                    characters += until[end] - until[begin]
                    covered = end
                out[row, 1 + long] = characters
    return out
