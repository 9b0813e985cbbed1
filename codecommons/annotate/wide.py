# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Texts in UTF-16 and UTF-32 as UTF-8, for whatever reads the bytes of a text: linguist's rules, counts, words, licences.

Such a text is known by its byte order mark and must decode strictly, as the annotator ``encoding`` has it; everything else stays
as it is.
"""

from __future__ import annotations

import codecs

import numpy as np
import pyarrow as pa

from codecommons.annotate.columns import buffers

# UTF-32 first: its mark begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FIRST = np.frombuffer(b"".join(mark[:1] for mark, _ in MARKS), np.uint8)


def as_utf8(data: bytes) -> bytes:
    """A text with such a mark in UTF-8 and without it; anything else as it is."""
    for mark, codec in MARKS:
        if data.startswith(mark):
            try:
                return data.decode(codec).encode()
            except UnicodeError:
                continue
    return data


def column_as_utf8(column: pa.Array) -> pa.Array:
    """The same of a binary column, which is handed back itself where none of its contents can have such a mark."""
    offsets, data = buffers(column)
    starts = offsets[:-1][offsets[1:] > offsets[:-1]]
    if not np.isin(data[starts], _FIRST).any():
        return column
    return pa.array(map(as_utf8, (value.as_py() for value in column)), column.type)
