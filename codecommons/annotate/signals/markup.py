# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The text of an HTML page: what is outside of tags, comments, declarations, scripts and styles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from codecommons.compiled import compiled

_HIDDEN = (np.frombuffer(b"script", np.uint8), np.frombuffer(b"style", np.uint8))
_LONGEST_REFERENCE = 32


@compiled(nogil=True)
def _letter(byte: Any) -> bool:
    return 65 <= byte <= 90 or 97 <= byte <= 122


@compiled(nogil=True)
def _named(data: NDArray[np.uint8], at: int, end: int, name: NDArray[np.uint8]) -> bool:
    """Whether a tag's name, case ignored, stands at a place."""
    if at + len(name) > end:
        return False
    for step in range(len(name)):
        if data[at + step] | 32 != name[step]:
            return False
    after = at + len(name)
    return after == end or not (_letter(data[after]) or 48 <= data[after] <= 57 or data[after] == 45)


@compiled(nogil=True)
def _tag_end(data: NDArray[np.uint8], at: int, end: int) -> int:
    """The place after a tag's ``>``; one in quotes that hold an attribute's value does not end it."""
    quote = np.uint8(0)
    before = np.uint8(0)
    while at < end:
        byte = data[at]
        if quote:
            if byte == quote:
                quote = np.uint8(0)
        elif byte == 62:
            return at + 1
        elif (byte == 34 or byte == 39) and before == 61:
            quote = byte
        if byte > 32:
            before = byte
        at += 1
    return end


@compiled(nogil=True)
def count_text(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Per content: characters of its text. A character reference such as ``&amp;`` counts as one character."""
    out = np.zeros(len(offsets) - 1, np.int64)
    for row in range(len(offsets) - 1):
        at, end = offsets[row], offsets[row + 1]
        characters = 0
        while at < end:
            byte = data[at]
            after = data[at + 1] if at + 1 < end else np.uint8(0)
            if byte == 60 and after == 33 and at + 3 < end and data[at + 2] == 45 and data[at + 3] == 45:
                at += 4
                while at < end and not (data[at] == 62 and data[at - 1] == 45 and data[at - 2] == 45):
                    at += 1
                at += 1
            elif byte == 60 and (after == 33 or after == 63):
                while at < end and data[at] != 62:
                    at += 1
                at += 1
            elif byte == 60 and (_letter(after) or (after == 47 and at + 2 < end and _letter(data[at + 2]))):
                name = at + 1
                at = _tag_end(data, at + 1, end)
                if after == 47:
                    continue
                for hidden in _HIDDEN:
                    if _named(data, name, end, hidden):
                        while at < end and not (
                            data[at] == 60 and at + 1 < end and data[at + 1] == 47 and _named(data, at + 2, end, hidden)
                        ):
                            at += 1
            elif byte == 38 and (_letter(after) or after == 35):
                last = min(end, at + _LONGEST_REFERENCE)
                reference = at + 2
                while reference < last and (_letter(data[reference]) or 48 <= data[reference] <= 57):
                    reference += 1
                at = reference + 1 if reference < last and data[reference] == 59 else at + 1
                characters += 1
            else:
                characters += byte & 0xC0 != 0x80
                at += 1
        out[row] = characters
    return out
