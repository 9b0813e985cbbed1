# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which codec turns a content into text, and how we know.

What can be proved comes first: a byte order mark, the escapes of ISO 2022, ASCII, strict UTF-8. Only then a statistical guess,
which must decode the whole content strictly. Such guesses are often wrong between single-byte codecs (Latin-1 and its
relatives): ``evidence`` says ``guess`` and ``confidence`` is the detector's own figure, so nobody mistakes it for knowledge. In
sources, where a name in a header may be all that is not ASCII, the detector likes code pages of DOS and old Macintoshes that
hardly a file is in: where the text reads as one of western Europe in Windows-1252, that is taken instead (of 746 texts with known
answers 677 are right so, and 560 without).
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

import cchardet
import numpy as np
import pyarrow as pa

from codecommons.annotate import wide
from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values

GUESS_BYTES = 1 << 18
PIECE = 1 << 20
CONTROL_SHARE = 0.01
DECLARED_BYTES = 1024
ASCII_SHARE = 0.98
MOSTLY_ASCII = 0.5
# Python's sources (PEP 263; Emacs writes it so, too), XML, HTML.
_CODING = re.compile(rb"^[ \t\f]*(?:#|//|;|%|/\*).*?coding[:=][ \t]*([-\w.]{1,30})", re.MULTILINE)
_XML = re.compile(rb"<\?xml[^>]{0,200}?encoding=[\"']([-\w.]{1,30})[\"']")
_META = re.compile(rb"<meta[^>]{0,200}?charset=[\"']?([-\w.]{1,30})", re.IGNORECASE)
# What the Encoding Standard of the web reads under the names of older and smaller ones.
_LARGER = {"shift_jis": "cp932", "euc_kr": "cp949", "gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs"}
# Text of East Asia in ASCII bytes. A terminal's escapes begin otherwise, and ``~{name}`` of templates is never a row of pairs.
_ISO_2022 = ("iso2022_kr", "iso2022_jp", "iso2022_jp_2", "iso2022_jp_ext")
_ISO_2022_SHIFT = b"\x1b$"
_HZ_START, _HZ = b"~{", re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e]){1,1000}+~\}")
# Escapes and names of hosts: they decode what was never written in them.
_NO_FILES = ("utf-7", "unicode-escape", "raw-unicode-escape", "idna", "punycode")

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), *wide.MARKS)
# Code pages of DOS and old Macintoshes, and ISO 8859 for languages that have been written in others.
_RARE = (
    "mac", "cp4", "cp7", "cp8", "cp1257", "cp1258",
    "iso8859-3", "iso8859-4", "iso8859-10", "iso8859-13", "iso8859-14", "iso8859-16",
)  # fmt: skip
# Letters of western Europe; a sign between letters, or a capital behind a small one, stands where another codec has a letter.
_WESTERN = frozenset("ÄÖÜßäöüÀÂÇÈÉÊËÎÏÔÙÛàâçèéêëîïôùûÁÍÑÓÚáíñóúÃÕãõÅÆØåæøìòœŒŸ")
_NOT_WESTERN = re.compile(r"[^\W\d_][^\x00-\x7f\u2019\w][^\W\d_]|[a-z][À-ÖØ-Þ]")
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

    Evidence is one of ``empty``, ``bom``, ``escapes`` (ISO 2022, HZ), ``ascii``, ``utf-8`` (proved), ``declared`` (the file says
    so as PEP 263, XML or HTML have it), ``guess`` (statistics), ``mostly-ascii`` (a few bytes for which Windows-1252 has a
    letter, such as a copyright sign), ``western`` (statistics know at most a rare code page, but in Windows-1252 the text reads
    as a language of western Europe), and without a codec ``nul`` or ``control`` (binary), ``none`` (neither proved binary nor
    decodable).
    """
    if not data:
        return Answer("ascii", "empty", 1.0, False)
    for mark, codec in _MARKS:
        if data.startswith(mark) and _decodes(data, codec):
            return Answer(codec, "bom", 1.0, False)
    if b"\0" in data:
        return Answer(None, "nul", None, True)
    if data.isascii():
        escaped = _escaped(data)
        return Answer(escaped, "escapes", 1.0, False) if escaped else Answer("ascii", "ascii", 1.0, False)
    if _decodes(data, "utf-8"):
        return Answer("utf-8", "utf-8", 1.0, False)
    head = data[:GUESS_BYTES]
    if _CONTROL[np.frombuffer(head, np.uint8)].mean() > CONTROL_SHARE:
        return Answer(None, "control", None, True)
    if (declared := _declared(data)) and (meant := _this_or_larger(data, declared)):
        return Answer(meant, "declared", 1.0, False)
    guess = cchardet.detect(head)
    guessed = _this_or_larger(data, guess["encoding"]) if guess["encoding"] else None
    western = (guessed is None or guessed.startswith(_RARE)) and _is_western(data)
    if guessed and not western:
        return Answer(guessed, "guess", guess["confidence"], False)
    if (np.frombuffer(data, np.uint8) < 128).mean() >= ASCII_SHARE and _decodes(data, "cp1252"):
        return Answer("cp1252", "mostly-ascii", MOSTLY_ASCII, False)
    if western:
        return Answer("cp1252", "western", MOSTLY_ASCII, False)
    return Answer(None, "none", None, False)


def _declared(data: bytes) -> str | None:
    """The codec that a file names in its first lines, if it is one of text."""
    head = data[:DECLARED_BYTES]
    first_two = b"\n".join(head.split(b"\n", 2)[:2])
    found = _CODING.search(first_two) or _XML.match(head) or _META.search(head)
    if found is None:
        return None
    try:
        codec = codecs.lookup(found[1].decode())
    except LookupError:
        return None
    # Python marks codecs that are none of text, such as base64, by this attribute alone.
    if not getattr(codec, "_is_text_encoding", False) or codec.name in _NO_FILES:
        return None
    # Who says so in another encoding than that one has not written the file in it.
    return codec.name if found[0].decode("latin-1") in head.decode(codec.name, "replace") else None


def _escaped(data: bytes) -> str | None:
    """The codec of East Asian text that hides in ASCII bytes, if some does."""
    if _ISO_2022_SHIFT in data:
        return next((codec for codec in _ISO_2022 if _decodes(data, codec)), None)
    starts = data.count(_HZ_START)
    return "hz" if starts and starts == sum(1 for _ in _HZ.finditer(data)) and _decodes(data, "hz") else None


def _this_or_larger(data: bytes, name: str) -> str | None:
    """Python's name of a codec that decodes ``data``: this one, or the one that took its place."""
    try:
        codec = codecs.lookup(name).name
    except LookupError:  # the detector knows some that Python doesn't
        return None
    return next((one for one in (codec, _LARGER.get(codec)) if one and _decodes(data, one)), None)


def _is_western(data: bytes) -> bool:
    """Whether the start of a content, read as Windows-1252, has the letters and signs of western Europe where they belong."""
    if not _decodes(data, "cp1252"):
        return False
    text = data[:GUESS_BYTES].decode("cp1252")
    return not any(one.isalpha() and one not in _WESTERN for one in set(text) if one > "\x7f") and not _NOT_WESTERN.search(text)


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
    version=3,
    input="content",
    fields=FIELDS,
    annotate=annotate,
    tools=("faust-cchardet",),
    configuration={
        "guess_bytes": GUESS_BYTES,
        "control_share": CONTROL_SHARE,
        "ascii_share": ASCII_SHARE,
        "declared": DECLARED_BYTES,
    },
)
