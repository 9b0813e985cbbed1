# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Counts over lines and characters: what quality filters look at.

A character is a Unicode code point of UTF-8, as which UTF-16 and UTF-32 with a byte order mark are read, too; a byte that
belongs to no valid sequence is one character that is neither letter nor digit, so the figures of text in other encodings are
those of its ASCII part. Lines end at LF, CR LF or a lone CR; what follows the last of them is a line unless it is empty. Lengths
leave the line end out.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import buffers
from codecommons.annotate.wide import column_as_utf8
from codecommons.compiled import compiled

ALPHABETIC, DIGIT, SPACE = 1, 2, 4

FIELDS = (
    pa.field("characters", pa.int64()),
    pa.field("lines", pa.int64()),
    pa.field("blank_lines", pa.int64()),
    pa.field("max_line", pa.int64()),
    pa.field("mean_line", pa.float64()),
    pa.field("alphabetic", pa.float64()),
    pa.field("alphanumeric", pa.float64()),
    pa.field("whitespace", pa.float64()),
)


@cache
def _classes() -> NDArray[np.uint8]:
    """Per code point: bits for letter, letter or digit, white space, as ``str.isalpha``, ``isalnum`` and ``isspace`` see them."""
    points = np.arange(0x110000, dtype=np.uint32).view("U1")
    letter, either, space = np.strings.isalpha(points), np.strings.isalnum(points), np.strings.isspace(points)
    return (letter * ALPHABETIC + (either & ~letter) * DIGIT + space * SPACE).astype(np.uint8)


@compiled(nogil=True)
def _count(data: NDArray[np.uint8], offsets: NDArray[np.int64], classes: NDArray[np.uint8], out: NDArray[np.int64]) -> None:
    """One row of ``out`` per value, in columns: what ``annotate`` names."""
    for row in range(len(offsets) - 1):
        characters = lines = blank = longest = letters = digits = spaces = 0
        start = ends = 0
        visible = False
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            byte = np.uint32(data[at])
            at += 1
            if byte == 10 or byte == 13:
                line = characters - start
                longest = max(longest, line)
                lines += 1
                if not visible:
                    blank += 1
                visible = False
                characters += 1
                ends += 1
                spaces += 1
                if byte == 13 and at < end and data[at] == 10:
                    at += 1
                    characters += 1
                    ends += 1
                    spaces += 1
                start = characters
                continue
            point = byte
            if byte >= 0x80:
                more = 0
                if 0xC2 <= byte < 0xE0:
                    more, point, least = 1, byte & 0x1F, np.uint32(0x80)
                elif 0xE0 <= byte < 0xF0:
                    more, point, least = 2, byte & 0x0F, np.uint32(0x800)
                elif 0xF0 <= byte < 0xF5:
                    more, point, least = 3, byte & 0x07, np.uint32(0x10000)
                valid = more > 0 and at + more <= end
                if valid:
                    for step in range(more):
                        tail = np.uint32(data[at + step])
                        valid &= tail & 0xC0 == 0x80
                        point = (point << 6) | (tail & 0x3F)
                    valid &= least <= point < 0x110000 and not 0xD800 <= point < 0xE000
                if valid:
                    at += more
                else:
                    point = np.uint32(0xFFFD)
            kind = classes[point]
            characters += 1
            letters += kind & 1
            digits += (kind >> 1) & 1
            if kind & 4:
                spaces += 1
            else:
                visible = True
        if characters > start:
            longest = max(longest, characters - start)
            lines += 1
            if not visible:
                blank += 1
        out[row, 0] = characters
        out[row, 1] = lines
        out[row, 2] = blank
        out[row, 3] = longest
        out[row, 4] = characters - ends
        out[row, 5] = letters
        out[row, 6] = letters + digits
        out[row, 7] = spaces


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``.

    Shares (alphabetic, alphanumeric, whitespace) are of all characters and 0 for an empty content, as ``mean_line`` is.
    """
    offsets, data = buffers(column_as_utf8(batch.column("data")))
    counts = np.zeros((batch.num_rows, 8), np.int64)
    _count(data, offsets, _classes(), counts)
    characters, lines, blank, longest, inside, letters, either, spaces = counts.T
    shares = (_share(part, characters) for part in (letters, either, spaces))
    columns = [characters, lines, blank, longest, _share(inside, lines), *shares]
    return pa.table([pa.array(column) for column in columns], schema=pa.schema(FIELDS))


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)


ANNOTATOR = Annotator(
    name="line_statistics",
    description="Lines and characters of a content: counts, longest and mean line in characters, shares of letters and digits.",
    version=2,
    input="content",
    fields=FIELDS,
    annotate=annotate,
    configuration={"unicode": unicodedata.unidata_version},
)
