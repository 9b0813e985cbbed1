# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Encodings: texts whose encoding their collectors knew, of chardet's tests (in its archive) and of Python's own.

Sources have fewer letters to go by than web pages have: the texts in UTF-8 of every second of the benchmark's packages are
written anew in the older encoding of the script that most of their letters are of.

An answer is right when it decodes the text to the same characters: of several codecs that do, none is the only one. The rows say
apart how often we are right by what we go by: proofs, what a file declares, and guesses.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.accuracy import Accuracy
from benchmarks.accuracy.decisions import DAY
from benchmarks.corpus import files as files_of
from codecommons.annotate.annotators.encoding import Answer, encoding_of
from codecommons.archive.source import sources
from codecommons.lake import SliceInput
from codecommons.settings import Settings

SECTION = "Encodings"
CHARDET = "chardet==5.2.0"
_PROOFS = ("empty", "bom", "escapes", "ascii", "utf-8")
# By the first word of a letter's name in Unicode; texts with signs alone are written as those in Latin letters are.
_OLDER = {
    "LATIN": "cp1252", "CYRILLIC": "cp1251", "GREEK": "cp1253", "CJK": "gb18030", "HIRAGANA": "shift_jis", "HANGUL": "cp949",
}  # fmt: skip
LONGEST = 1 << 20


class Sample(NamedTuple):
    """A text, where it is from, and the codec it was written with."""

    name: str
    codec: str
    data: bytes


def measure(data: Path) -> list[Accuracy]:
    """Right answers on both, and by what the answer went by."""
    settings = Settings.from_environment()
    theirs, pythons = list(chardets(settings)), list(pythons_own())
    sources_ = [(sample, encoding_of(sample.data)) for sample in rewritten(settings)]
    answers = [(sample, encoding_of(sample.data)) for sample in (*theirs, *pythons)]
    kinds = {
        "proved": _PROOFS,
        "declared by the file": ("declared",),
        "guessed": ("guess", "mostly-ascii", "western"),
        "no answer": ("nul", "control", "none"),
    }
    return [
        _row("chardet's tests", answers[: len(theirs)], named=True),
        _row("Python's tests of codecs", answers[len(theirs) :], named=True),
        _row("sources in UTF-8, written in older encodings", sources_),
        *(_row(f"of the first two: {kind}", [one for one in answers if one[1].evidence in said]) for kind, said in kinds.items()),
    ]


def chardets(settings: Settings) -> Iterator[Sample]:
    """The texts of chardet's tests; each folder has the name of an encoding, and some that of a language behind it."""
    source: Any = sources(settings)["pypi"]
    wanted = source.resolve(SliceInput(DAY, "pypi", CHARDET), settings)
    with source.unpacked(source.fetch(wanted, settings), settings) as members:
        for member in members:
            parts = member.path.decode().split("/")
            if member.data is None or len(parts) != 4 or parts[1] != "tests":
                continue
            try:
                codec = codecs.lookup(re.sub(r"-(?:[a-z]{5,})$", "", parts[2])).name
            except LookupError:  # EUC-TW, which Python has no codec for
                continue
            yield Sample("/".join(parts[2:]), codec, member.data)


def pythons_own() -> Iterator[Sample]:
    """The texts that Python tests its codecs of East Asia with, where its tests are installed."""
    if find_spec("test.cjkencodings") is None:
        return
    for file in sorted(files("test").joinpath("cjkencodings").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".txt"):
            name = file.name.removesuffix(".txt")
            yield Sample(file.name, codecs.lookup("utf-8" if name.endswith("-utf8") else name).name, file.read_bytes())


def rewritten(settings: Settings) -> Iterator[Sample]:
    """Texts of packages in the encoding that they might have had before UTF-8."""
    for file in {file.sha1: file for file in files_of(settings, every=2)}.values():
        if file.data.isascii() or b"\0" in file.data or len(file.data) > LONGEST:
            continue
        try:
            text = file.data.decode("utf-8-sig")
            scripts = Counter(unicodedata.name(one, "").split(" ")[0] for one in text if one > "\x7f" and one.isalpha())
            codec = _OLDER.get(max(scripts, key=lambda one: (scripts[one], one), default="LATIN"))
            data = text.encode(codec or "ascii")
        except UnicodeError:  # no UTF-8, or with letters that the older encoding lacks
            continue
        yield Sample(file.path.decode("utf-8", "replace"), codec or "ascii", data)


def _row(name: str, answers: list[tuple[Sample, Answer]], named: bool = False) -> Accuracy:
    wrong = [(sample, said) for sample, said in answers if not _same(sample, said)]
    cases = [f"`{sample.name}`: expected {sample.codec}, found {said.encoding} ({said.evidence})" for sample, said in wrong]
    return Accuracy(SECTION, name, len(answers), len(answers) - len(wrong), cases if named else [])


def _same(sample: Sample, said: Answer) -> bool:
    if said.encoding is None:
        return False
    return sample.data.decode(sample.codec, "replace") == sample.data.decode(said.encoding, "replace")
