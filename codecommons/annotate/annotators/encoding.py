# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which codec turns a content into text, and how we know.

What can be proved comes first: a byte order mark, ASCII, strict UTF-8. Only then a statistical guess, which must decode the
whole content strictly. Such guesses are often wrong between single-byte codecs (Latin-1 and its relatives): ``evidence`` says
``guess`` and ``confidence`` is the detector's own figure, so nobody mistakes it for knowledge.
"""

from __future__ import annotations

import codecs
from typing import NamedTuple

import cchardet
import numpy as np
import pyarrow as pa

from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values

GUESS_BYTES = 1 << 18
PIECE = 1 << 20
CONTROL_SHARE = 0.01

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Bytes that no text file uses: C0 controls other than \a \b \t \n \v \f \r \x1a (DOS end of file) \x1b, and DEL.
_CONTROL = np.zeros(256, bool)
_CONTROL[[*range(7), *range(14, 26), *range(28, 32), 127]] = True


class Answer(NamedTuple):
    """One row."""

    encoding: str | None
    evidence: str
    confidence: float | None
    binary: bool


def encoding_of(data: bytes) -> Answer:
    """The codec (a Python name) that decodes all of ``data`` strictly, with the evidence.

    Evidence is one of ``empty``, ``bom``, ``ascii``, ``utf-8`` (proved), ``guess`` (statistics), and without a codec
    ``nul`` or ``control`` (binary), ``none`` (neither proved binary nor decodable).
    """
    if not data:
        return Answer("ascii", "empty", 1.0, False)
    for mark, codec in _MARKS:
        if data.startswith(mark) and _decodes(data, codec):
            return Answer(codec, "bom", 1.0, False)
    if b"\0" in data:
        return Answer(None, "nul", None, True)
    if data.isascii():
        return Answer("ascii", "ascii", 1.0, False)
    if _decodes(data, "utf-8"):
        return Answer("utf-8", "utf-8", 1.0, False)
    head = data[:GUESS_BYTES]
    if _CONTROL[np.frombuffer(head, np.uint8)].mean() > CONTROL_SHARE:
        return Answer(None, "control", None, True)
    guess = cchardet.detect(head)
    name, confidence = guess["encoding"], guess["confidence"]
    if name and _decodes(data, name):
        return Answer(codecs.lookup(name).name, "guess", confidence, False)
    return Answer(None, "none", None, False)


def _decodes(data: bytes, codec: str) -> bool:
    """Decode piece by piece, so that a large content never stands in memory as text."""
    try:
        decoder = codecs.getincrementaldecoder(codec)("strict")
        for at in range(0, len(data), PIECE):
            decoder.decode(data[at : at + PIECE])
        decoder.decode(b"", final=True)
    except (UnicodeError, LookupError):
        return False
    return True


FIELDS = (
    pa.field("encoding", pa.string()),
    pa.field("evidence", pa.string()),
    pa.field("confidence", pa.float64()),
    pa.field("binary", pa.bool_()),
)


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``."""
    return table((encoding_of(data) for data in values(batch, "data")), FIELDS)


ANNOTATOR = Annotator(
    name="encoding",
    description="Which codec decodes a content strictly, with the evidence; binary when it is no text.",
    version=1,
    input="content",
    fields=FIELDS,
    annotate=annotate,
    tools=("faust-cchardet",),
    configuration={"guess_bytes": GUESS_BYTES, "control_share": CONTROL_SHARE},
)
