# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a file says about licences, with the lines that say it.

SPDX tags are read anywhere and checked. Licence texts, notices and mentions are found by published rules
(``annotate.notices``): word for word, and long ones also with some words changed. ``expression`` is all of it, whatever the
file is called. ``stated`` is the part that decisions go by: without what names no licence, without mentions where something
firmer is said, without a few words in passing in a file that is not named like a licence file (a tag such as ``License: MIT``
is none, but in a manifest or in JSON, which say it of what they describe, or as a value inside code), without tags and notices in
strings inside code, which are about what the code writes (``notices.literals``), and without the lines
between ``REUSE-IgnoreStart`` and ``REUSE-IgnoreEnd``: by the REUSE specification, they are not about the file. A file called
``LICENSE`` that holds a licence's name and nothing else states that one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from itertools import islice
from typing import NamedTuple

import pyarrow as pa

from codecommons.annotate import notices
from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values
from codecommons.annotate.expressions import HEDGE, UNKNOWN, leading, together
from codecommons.annotate.manifests.licenses import PROPRIETARY, license_of
from codecommons.annotate.manifests.project import formats
from codecommons.annotate.notices import literals
from codecommons.annotate.notices.denials import HOLDS, OF_A_PART, SHORT, TAKEN_BACK, bearing, denied, restrictions, shuts_out
from codecommons.annotate.wide import as_utf8

# What it takes for a rule to count for ``stated``: words of it, in a file not named like a licence file, and percent.
LEAST_WORDS = 5
LEAST_RELEVANCE = 80
MOST_EVIDENCE = 200
NAMES = 1 << 14  # files' names that are remembered: most files are called like others
# They say that there are terms, or the lack of a warranty, not which licence.
NO_LICENSE = ("LicenseRef-scancode-unknown-license-reference", "LicenseRef-scancode-warranty-disclaimer")

# The names that The Stack v2 takes for licence files.
LICENSE_NAMES = (
    r"li[cs]en[cs]es?|legal|copy(?:left|right|ing)|unlicense|[al]?gpl[-_ v]?(?:\d\.?\d?)?|bsdl?|mitx?|apache|artistic|"
    r"copyingv?\d?|disclaimer|eupl|gfdl|[cm]pl|cc0|al[-_ v]?(?:\d\.?\d)?|about|notice|readme|guidelines"
)
_LICENSE_FILE = re.compile(rf"(?:|.*[-_. ])(?:{LICENSE_NAMES})(?:|[-_. ].*)", re.IGNORECASE | re.DOTALL)
# Of a file called so it can be said that it is the licence, whatever stands in it; unless that only says where the licence is.
_TERMS_FILE = re.compile(
    r"(?:(?:un)?licen[cs]e|copying|eula)(?:[-_.\d]*|[-_.].*\.(?:txt|md|rst|html?|adoc)|\.\w+)", re.IGNORECASE | re.DOTALL
)
_POINTER = re.compile(rb"^(?:\.\./|\./)*[\w.-]+$|\.\./|\b(?:LICEN[CS]E|COPYING)\b")
_POINTER_BYTES = 300
_HOLDERS = re.compile(rb"^[ \t]*(?:YEAR|COPYRIGHT HOLDER|ORGANIZATION)[ \t]*:[^\n]*$", re.MULTILINE)
_WORD = re.compile(rb"[\w\x80-\xff]+")
_FEW_WORDS, _LONG_WORD = 3, 12
# A short tag, as far as it goes on its line.
_TAG_LINE = 2000
_SHORT_TAG = re.compile(rb"licen[cs]ed?(?:__)?[\"']?[ \t]*[:=][ \t]*[\"']?([^\r\n\"']{1,200})", re.IGNORECASE)
# An argument or a value of that name inside code is not about the file: ``package(name="x", license="MIT")``.
_IN_CODE = re.compile(
    rb"(?![ \t]*(?:[#*;%@\"'!]|//|/\*|--|<!--|\.\. )).+\blicen[cs]ed?[\"']?[ \t]*[:=][ \t]*[\"']"
    rb"|[ \t]*licen[cs]es?[\"']?[ \t]*[:=][ \t]*[\[({]+[\"']",
    re.IGNORECASE | re.DOTALL,
)
_JOINED = re.compile(r"\b(?:and|or|with)\b|[,;&/|(]", re.IGNORECASE)
_SLASHES = re.compile(r"[\w.+ -]+(?:/[\w.+ -]+)+")
# All that a file's first comment says; daemontools says no more.
_PUBLIC_DOMAIN = re.compile(rb"\A[\s/*#;%-]{0,99}public domain\.?[ \t*/]*$", re.IGNORECASE | re.MULTILINE)
# Of matches that state nothing; and expressions that no permissive verdict comes of, whatever else is restricted.
_IN_PASSING = ("clue", "reference", "intro")
_DEMANDING = re.compile(r"GPL|MPL|EPL|CDDL|EUPL|SSPL|BUSL|OSL|-NC\b|-NC-|proprietary|commercial|commons-clause|unknown-spdx")
_COMMONS_CLAUSE = "LicenseRef-scancode-commons-clause"
_CLUE = "license-clue"
# A notice stands in a string when so much of it does, of so many parts.
_NEARLY, _LEAST_BYTES = (9, 10), 2
# A licence's name alone, and who holds the rights.
_BARE_BYTES, _BARE_NAME = 1000, 80
_RIGHTS = re.compile(rb"(?:copyright\b|\(c\)|\xc2\xa9)", re.IGNORECASE)
_ORNAMENT = b" \t\r#*_=~-.\xef\xbb\xbf"
_IGNORE = b"REUSE-IgnoreStart", b"REUSE-IgnoreEnd"
_TAG = re.compile(rb"SPDX-License-Identifier:[ \t]*([A-Za-z0-9(][^\r\n]{0,1000})")

# What a statement's detector can be, see ``Statement``.
DETECTORS = "spdx-tag|(changed-)?license-(text|notice|tag|reference|intro|clue)|license-(denial|restriction)"
EVIDENCE = pa.struct(
    [
        pa.field("start_line", pa.int64()),
        pa.field("end_line", pa.int64()),
        pa.field("expression", pa.string()),
        pa.field("detector", pa.string()),
        pa.field("stated", pa.bool_()),  # whether it is in ``stated`` of the file
    ]
)
FIELDS = (
    pa.field("evidence", pa.list_(EVIDENCE)),
    pa.field("expression", pa.string()),
    pa.field("stated", pa.string()),
    pa.field("license_file", pa.bool_()),
    pa.field("unread", pa.bool_()),
)


class Statement(NamedTuple):
    """One thing that a content says.

    Attributes:
        start_line: from 1; ``end_line`` is inclusive.
        expression: SPDX expression.
        detector: ``spdx-tag``, ``license-text``, ``license-notice``, ``license-tag``, ``license-reference``, ``license-intro``,
            ``license-clue`` for a value or a string inside code, ``license-denial`` for what says that one does not hold,
            ``license-restriction`` for what is asked for beside a licence that asks for less, and ``changed-license-…`` when some
            words differ from the rule's.
        words: how many words say it; ``relevance``: how surely the rule means the expression, in percent.
        ignored: whether the file says, by REUSE's markers, that this is not about it.
    """

    start_line: int
    end_line: int
    expression: str
    detector: str
    words: int = LEAST_WORDS
    relevance: int = 100
    ignored: bool = False


@lru_cache(NAMES)
def is_license_file(name: bytes) -> bool:
    """Whether a file's name says that it is about the licence."""
    return _LICENSE_FILE.fullmatch(name.decode("utf-8", "replace")) is not None


def evidence_of(data: bytes) -> list[Statement]:
    """Everything a content says about licences, in order of lines."""
    data = as_utf8(data)
    if b"\0" in data.rstrip(b"\0"):
        return []
    tags = list(_lines_of(_TAG, data))
    tagged = {line for line, _ in tags}
    matches = [match for match in notices.find(notices.load(), data) if match.start_line not in tagged]
    lines = data.split(b"\n") if matches else []
    strings = _Strings(data, lines, [tag.start() for _, tag in tags], matches)
    found: list[Statement] = []
    quoted: list[Statement] = []
    for line, tag in tags:
        said = Statement(line, line, _tagged(tag[1].decode("utf-8", "replace")), "spdx-tag")
        if strings.hold(tag.start()):
            quoted.append(said._replace(detector=_CLUE))
        else:
            found.append(said)
    if first := _PUBLIC_DOMAIN.match(data):
        line = 1 + first[0].rstrip().count(b"\n")
        found.append(Statement(line, line, "LicenseRef-scancode-public-domain", "license-notice"))
    denials = list(_denials(lines, matches))
    found += denials
    no = {line for one in denials for line in range(one.start_line, one.end_line + 1)}
    known: dict[tuple[int, int, bool], str] = {}  # a line of a megabyte may have fifty thousand matches
    of_a_part: list[Statement] = []
    for match in notices.statements(matches):
        detector = f"{'' if match.share == 1.0 else 'changed-'}license-{match.kind}"
        said = Statement(match.start_line, match.end_line, match.expression, detector, match.words, match.relevance)
        if strings.say(match):
            quoted.append(said._replace(detector=_CLUE))
            continue
        bears = HOLDS
        if match.words <= SHORT:
            place = match.start_line, match.end_line, match.kind in ("notice", "text")
            if place not in known:
                known[place] = TAKEN_BACK if match.start_line in no else bearing(lines, *place)
            bears = known[place]
        changed = match.share < 1.0 and not _DEMANDING.search(match.expression)
        restricted = match.restricted or (changed and shuts_out(lines, match.start_line, match.end_line))
        lost = bears == TAKEN_BACK or (restricted and match.expression not in NO_LICENSE)
        (of_a_part if bears == OF_A_PART else found).append(said._replace(expression=UNKNOWN) if lost else said)
    if matches and not any(_DEMANDING.search(one.expression) for one in found if _is_firm(one) and one.expression != UNKNOWN):
        firm = [one for one in matches if one.kind not in _IN_PASSING and not strings.say(one)]
        places = [(one.start_line, one.end_line, one.words) for one in firm]
        found += [Statement(line, line, UNKNOWN, "license-restriction") for line in restrictions(lines, places)]
    # What holds for parts of a file is asked for beside what holds for the whole; alone it leaves the rest unknown.
    whole = any(one.expression not in (UNKNOWN, *NO_LICENSE) for one in found)
    found += of_a_part if whole else [one._replace(expression=UNKNOWN) for one in of_a_part]
    found = list(_told(sorted([*found, *quoted], key=lambda statement: (statement.start_line, statement.end_line))))
    for at, one in enumerate(found):
        if one.detector.endswith("license-tag") and one.expression != UNKNOWN:
            on_line = lines[one.start_line - 1][:_TAG_LINE]
            detector = _CLUE if _IN_CODE.match(on_line) else one.detector
            found[at] = one._replace(expression=_whole_tag(on_line, one.expression), detector=detector)
    blocks = list(_ignored(data)) if found else []
    firsts = [first for first, _ in blocks]
    return [
        one._replace(ignored=(at := bisect_right(firsts, one.start_line)) > 0 and one.end_line <= blocks[at - 1][1])
        for one in found
    ]


class _Strings:
    """What a content says in strings inside code."""

    def __init__(self, data: bytes, lines: Sequence[bytes], tags: Sequence[int], matches: Sequence[notices.Match]) -> None:
        """Strings are looked for as far as something is said: most contents say it in their first lines."""
        self._data = data
        last = max((match.end_line for match in matches if _may_be_quoted(match)), default=0)
        until = max([len(b"\n".join(lines[:last])) + 1 if last else 0, *tags])
        self._spans = literals.values(data, until)
        self._starts = [start for start, _ in self._spans]
        self._size = sum(end - start for start, end in self._spans)

    def hold(self, at: int) -> bool:
        """Whether a byte stands in one, or right behind a quote."""
        before = bisect_right(self._starts, at)
        return (before > 0 and at < self._spans[before - 1][1]) or literals.is_quoted(self._data, at)

    def say(self, match: notices.Match) -> bool:
        """Whether all of a match stands in them."""
        if not _may_be_quoted(match) or self._size < _LEAST_BYTES * match.words:
            return False
        words = self._said.get((match.start_line, match.end_line, match.expression), 0)
        return words * _NEARLY[1] >= match.words * _NEARLY[0]

    @cached_property
    def _said(self) -> Mapping[tuple[int, int, str], int]:
        """The same matches, as far as they are found in nothing but the strings: how many words say it."""
        found = notices.find(notices.load(), literals.only(self._data, self._spans))
        return {(one.start_line, one.end_line, one.expression): one.words for one in found}


def _may_be_quoted(match: notices.Match) -> bool:
    return match.kind in ("text", "notice", "reference") and match.words >= LEAST_WORDS


def _denials(lines: Sequence[bytes], matches: Sequence[notices.Match]) -> Iterator[Statement]:
    """What says of a licence that is named there that it does not hold; not what licences' texts deny in their own words."""
    named, long = (
        {line for one in matches if one.words > least for line in range(one.start_line, one.end_line + 1)} for least in (0, SHORT)
    )
    for first, last in denied(lines, [(one.start_line, one.end_line) for one in matches if one.words <= SHORT]):
        if not named.isdisjoint(range(first, last + 1)) and first not in long and last not in long:
            yield Statement(first, last, UNKNOWN, "license-denial")


def _lines_of(pattern: re.Pattern[bytes], data: bytes) -> Iterator[tuple[int, re.Match[bytes]]]:
    """Where a pattern is found, and on which line, from 1."""
    line, counted = 1, 0
    for found in pattern.finditer(data):
        line, counted = line + data.count(b"\n", counted, found.start()), found.start()
        yield line, found


def _told(found: list[Statement]) -> Iterator[Statement]:
    """So many as are shown, and of the others the first that says something else: 250 tags must not hide a notice below."""
    seen: set[tuple[str, str]] = set()
    for at, one in enumerate(found):
        if at < MOST_EVIDENCE or (one.expression, one.detector) not in seen:
            seen.add((one.expression, one.detector))
            yield one


def _whole_tag(line: bytes, expression: str) -> str:
    """What a short tag says with all that it goes on to say: a rule may know the first words of ``License: MIT and our own``."""
    said = [one.decode("utf-8", "replace") for one in _SHORT_TAG.findall(line)]
    if len(said) != 1 or not (HEDGE.search(said[0]) or _JOINED.search(said[0])):
        return expression
    return license_of(said[0].split("*/")[0].split("-->")[0].strip()) or expression


def _ignored(data: bytes) -> Iterator[tuple[int, int]]:
    """First and last line between markers, which may be none.

    A block that nobody ends is none, and the lines of the markers are not in it: a lone word must not hide a licence below it,
    nor two words the rest of a file on one line.
    """
    begin, end = _IGNORE
    line, counted, start = 1, 0, data.find(begin)
    while start >= 0 and (stop := data.find(end, start)) >= 0:
        first = line + data.count(b"\n", counted, start)
        line, counted = first + data.count(b"\n", start, stop), stop
        yield first + 1, line - 1
        start = data.find(begin, stop)


def _tagged(value: str) -> str:
    """The expression of a tag; the end of a comment and prose after it are cut off. Names with slashes are read as fields are."""
    value = value.split("*/")[0].split("-->")[0].strip()
    return leading(value) or (license_of(value) if _SLASHES.fullmatch(value) else None) or UNKNOWN


def _is_unread(name: bytes, data: bytes) -> bool:
    """Whether a file that states nothing that is known must be the licence all the same, by its name and its words."""
    data = as_utf8(data)
    if b"\0" in data or _TERMS_FILE.fullmatch(name.decode("utf-8", "replace")) is None:
        return False
    # R's packages have who and when in LICENSE, and the licence in DESCRIPTION.
    data = _HOLDERS.sub(b"", data)
    # Not every script puts blanks between words.
    if sum(max(1, len(word[0]) // _LONG_WORD) for word in islice(_WORD.finditer(data), _FEW_WORDS)) < _FEW_WORDS:
        return False
    text = data.strip()
    return len(text) > _POINTER_BYTES or b"://" in text or not _POINTER.search(text)


def _name_alone(name: bytes, data: bytes, unread: bool) -> Statement | None:
    """What a file says that must be the licence, and holds a licence's name and nothing else: ``MIT``, ``Apache 2.0``.

    Args:
        name: of the file.
        data: its content.
        unread: whether its words could be terms of somebody's own: of those it is known that they are, not which.
    """
    if len(data) > _BARE_BYTES or _TERMS_FILE.fullmatch(name.decode("utf-8", "replace")) is None:
        return None
    told = [(at, line.strip(_ORNAMENT)) for at, line in enumerate(as_utf8(data).split(b"\n"), 1)]
    said = [(at, line) for at, line in told if line and not _RIGHTS.match(line)]
    if len(said) != 1 or len(said[0][1]) > _BARE_NAME:
        return None
    at, line = said[0]
    expression = license_of(line.decode("utf-8", "replace"))
    own_words = unread and expression in (PROPRIETARY, UNKNOWN)
    return Statement(at, at, expression, "license-tag") if expression and not own_words else None


def expression_of(evidence: Sequence[Statement]) -> str | None:
    """The SPDX expression of all that was found."""
    return together(_distinct(evidence), mentions=True)


@lru_cache(NAMES)
def is_description(name: bytes) -> bool:
    """Whether a file's name says that it describes something else: JSON, which knows no comments, or a package's manifest."""
    text = name.decode("utf-8", "replace")
    return text.lower().endswith(".json") or _manifests().fullmatch(text) is not None


@cache
def _manifests() -> re.Pattern[str]:
    """The names of all manifests: asking one format after the other took a twentieth of an annotation's time."""
    return re.compile("|".join(f"(?:{one.names})" for one in formats().values()), re.IGNORECASE)


def stated_of(evidence: Sequence[Statement], license_file: bool, description: bool = False) -> list[Statement]:
    """The part of the evidence that a decision may go by.

    Args:
        evidence: what was found in a file.
        license_file: whether its name says that it is about the licence.
        description: whether its name says that it describes something else, see ``is_description``.
    """
    usable = [
        one
        for one in evidence
        if not one.ignored
        and one.expression not in NO_LICENSE
        and one.relevance >= LEAST_RELEVANCE
        and not one.detector.endswith(("-intro", "-clue"))
        and not (description and one.detector.endswith("license-tag"))
    ]
    said = [one for one in usable if license_file or one.words >= LEAST_WORDS or one.detector.endswith("-tag")]
    # Words that are only nearly a rule's don't outweigh a mention: a GPL notice full of links was read as another licence's.
    if not any(_is_firm(one) and not one.detector.startswith("changed-") for one in said):
        return said
    # Nor does a short notice what its own lines go on to name.
    lines = {at for one in said if _is_firm(one) and one.words <= SHORT for at in range(one.start_line, one.end_line + 1)}
    return [
        one
        for one in usable
        if (one in said and _is_firm(one))
        or one.expression == _COMMONS_CLAUSE
        or (one.start_line in lines and _DEMANDING.search(one.expression))
    ]


def _is_firm(one: Statement) -> bool:
    """Whether it is more than a mention."""
    return not one.detector.endswith("-reference")


def _distinct(statements: Sequence[Statement]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(statement.expression for statement in statements))


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``; a content is searched once for all of its names."""
    known: dict[bytes, list[Statement]] = {}
    rows = []
    for content, name, data in zip(*(values(batch, column) for column in ("sha1_git", "name", "data")), strict=True):
        if content not in known:
            known[content] = evidence_of(data)
        evidence, named = known[content], is_license_file(name)
        stated = stated_of(evidence, named, is_description(name))
        unread = not stated and _is_unread(name, data)
        if not stated and (alone := _name_alone(name, data, unread)):
            evidence, stated, unread = [*evidence, alone], [alone], False
        shown = [dict(zip(EVIDENCE.names, (*one[:4], one in stated), strict=True)) for one in evidence]
        rows.append((shown, expression_of(evidence), together(_distinct(stated)), named, unread))
    return table(rows, FIELDS)


ANNOTATOR = Annotator(
    name="license_evidence",
    description="What a content under one of its names says about licences: SPDX expressions, and the lines that say it.",
    version=11,
    input="named_content",
    fields=FIELDS,
    annotate=annotate,
    tools=("licensedcode-data", "license-expression"),
    configuration={
        "names": LICENSE_NAMES,
        "least_words": LEAST_WORDS,
        "least_relevance": LEAST_RELEVANCE,
        "most_evidence": MOST_EVIDENCE,
        "manifests": {name: one.names for name, one in formats().items()},
    },
    prepare=notices.prepare,
)
