# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a text is once the traces of editors and checkouts are gone: texts that differ in nothing else have one hash.

Left out are a byte order mark (text in UTF-16 and UTF-32 that has one is read as UTF-8), blanks at the ends of lines (a carriage
return is one), and empty lines at the end.
"""

from __future__ import annotations

import hashlib
from codecs import BOM_UTF8
from collections.abc import Iterator

import pyarrow as pa

from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values
from codecommons.annotate.wide import as_utf8

# Where git looks for a NUL byte to tell that a file is no text.
HEAD = 8000
PIECE = 1 << 20

FIELDS = (pa.field("normalized", pa.string()),)


def normalized(data: bytes) -> str | None:
    """sha1, in hex, of the normalised text; None of what is binary, or empty but for blanks."""
    data = as_utf8(data)
    if b"\0" in data[:HEAD]:
        return None
    lines = data.removeprefix(BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    hasher, empty, ends = hashlib.sha1(usedforsecurity=False), True, 0
    for piece in _pieces(lines):
        text = b"\n".join(map(bytes.rstrip, piece.split(b"\n")))
        if body := text.rstrip(b"\n"):
            hasher.update(b"\n" * ends + body)
            empty, ends = False, 0
        ends += len(text) - len(body)
    return None if empty else hasher.hexdigest()


def _pieces(lines: bytes) -> Iterator[bytes]:
    """Whole lines, about so many bytes at a time: of 100 MB that are all line ends one list of lines took 10 GB."""
    start = 0
    while start < len(lines):
        stop = lines.find(b"\n", start + PIECE) + 1 or len(lines)
        yield lines[start:stop]
        start = stop


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``."""
    return table(((normalized(data),) for data in values(batch, "data")), FIELDS)


ANNOTATOR = Annotator(
    name="normalized_text",
    description="Hash of a text without byte order mark, blanks at line ends and empty lines at its end.",
    version=2,
    input="content",
    fields=FIELDS,
    annotate=annotate,
    configuration={"head": HEAD},
)
