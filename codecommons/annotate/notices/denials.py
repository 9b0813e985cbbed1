# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Words that take back what a licence says: denials, what stands in the sentence of a short notice, restrictions beside a text.

A rule knows "released under the MIT license" and not the words around it: "formerly", "until 2020", "may not be used", "parts
of this file are". These are looked for in the sentence, which goes on over the lines of a comment; longer notices and texts of
licences deny other things in their own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from codecommons.annotate.notices.clues import Clues

# Words of a notice, up to which its sentence is looked at; lines before it and after it that the sentence may be on.
SHORT = 20
_AROUND = 3
_LONGEST_LINE = 500

HOLDS, TAKEN_BACK, OF_A_PART = "holds", "taken back", "of a part"

_GAP = r"[\s#*/;%]{1,9}"
_NAMES = r"(?:MIT|BSD|ISC|Apache|zlib|Boost|CC0|open[ -]source|free" + _GAP + r"software|public" + _GAP + r"domain)"
_DENIALS = [
    # not licensed under, no longer distributed under
    rf"(?:\b(?:not|never|cannot|no{_GAP}longer)|n't){_GAP}(?:\w{{1,20}}{_GAP}){{0,2}}"
    rf"(?:licen[cs]ed|covered|distributed|released|available|published|provided|offered){_GAP}(?:under|by)\b",
    # this file is not under the MIT license; this is no longer MIT
    rf"\b(?:this|it){_GAP}(?:\w{{1,20}}{_GAP}){{0,2}}(?:(?:is|are){_GAP}(?:not|never|no{_GAP}longer)|isn't|aren't){_GAP}"
    rf"(?:(?!only\b)\w{{1,20}}{_GAP}){{0,3}}{_NAMES}\b",
    # the MIT license does not apply, is revoked
    rf"\b{_NAMES}{_GAP}licen[cs]e{_GAP}(?:(?:does|do|did|will){_GAP}not|doesn't|don't|no{_GAP}longer){_GAP}(?:apply|applies|hold|holds|cover)",
    rf"\b{_NAMES}{_GAP}licen[cs]e{_GAP}(?:is|was|has{_GAP}been){_GAP}(?:hereby{_GAP})?(?:revoked|withdrawn|terminated)\b",
    # exempt from the MIT license
    rf"\b(?:exempt(?:ed)?|excluded){_GAP}from{_GAP}(?:the{_GAP})?{_NAMES}{_GAP}licen[cs]e",
]
_DENIAL, _MAY_DENY = re.compile("|".join(_DENIALS).encode(), re.IGNORECASE), Clues(_DENIALS)
_LICENSED = r"(?:(?:re-?)?licen[cs]ed|released|distributed|published|available|open[- ]?sourced)"
_TAKES_BACK = re.compile(
    r"\b(?:formerly|previously|no longer|until|neither|unlike|used to be|once (?:was|were)|(?:was|were) once)\b"
    r"|(?:\b(?:not|cannot)|n't)(?: [\w'-]{1,20}){0,4} under\b"
    rf"|^\W*will be\b|\bwill be governed\b|\bwill (?:be |get )?(?:\w+ )?{_LICENSED}"
    r"|\b(?:plans?|intends?|considering|hope) (?:whether )?to (?:\w+ ){0,2}(?:re-?)?(?:licen[cs]e|release|publish)\b"
    rf"|^\W*originally {_LICENSED}|\bonce {_LICENSED}|\bthe original (?:[\w-]+ ){{0,3}}(?:is|was)\b|\blike (?:that|those) of\b"
    r"|\b(?:to|for) (?:our |paying |registered |the |all )?(?:members|customers|clients|subscribers|partners|employees)\b"
    r"|\b(?:up)?on (?:request|payment)\b|\bif you (?:pay|buy|bought|purchase|have)\b|\ball (?:the )?other (?:files|code|parts)\b"
    r"|\bwill (?:be|become)\b.{0,99}\b20\d\d\b"
    r"|\bchange (?:date|licen[cs]e)\b|\b(?:as of|from|after|starting)(?: [\w,]{1,20}){0,3} 20\d\d\b"
    r"|\bfor (?:personal|private|academic|educational|non-?commercial|research|internal|evaluation)(?: [\w-]{1,20}){0,2} "
    r"(?:use|uses|purposes?|only)\b|\bonly (?:for|to|by|if|when|within)\b"
    r"|\b(?:everything|anything|all|files)\b.{0,30}\b(?:but|except|other than|apart from)(?: for)? (?:this|these)\b"
    r"|\b(?:except|but not|apart from|other than|excluding)(?: (?:for|by|to|in))? (?:this|these|that|the following|the files?)\b"
    r"|\brest of (?:this|the)\b|\bbut (?:not|see|only|ask)\b"
    r"|\b(?:is|are|remains?|now) (?:proprietary|closed[ -]source|confidential)\b",
    re.IGNORECASE,
)
_OF_A_PART = re.compile(
    r"^\W*(?:(?:some|certain|other|small|large|many|most|several) )?"
    r"(?:portions?|parts?|sections?|pieces|bits|fragments|functions|routines|methods|snippets) "
    r"(?:of|in|from|are|is|were|was|may|have|copyright|\(c\)|©)\b|^\W*some (?:of (?:the|this|these)|code|files)\b"
    r"|^\W*(?:the |all |our )?(?:documentation|docs|examples|samples|icons?|images?|logos?|fonts?|artwork|data ?sets?)\b"
    r".{0,40}\b(?:is|are)\b|\b(?:following|this|the) (?:function|method|routine|snippet|algorithm)\b.{0,40}\b(?:is|was)\b"
    # somebody else's: based on work that is licensed under; uses jQuery, which is released under
    r"|(?<!-)\b(?:uses|using|links? (?:with|to|against)|depends? on|requires?|based (?:up)?on|inspired by"
    r"|(?:taken|copied|borrowed|adapted|ported|derived) from)\b.{0,120}?(?:, | which | that |\()(?:is |are |was |were )?"
    rf"{_LICENSED}",
    re.IGNORECASE,
)
_COMMERCE = r"commercial (?:use|usage|users?|purposes?|redistribution|distribution|exploitation|applications?)"
# What is asked for, by words of which one must be there: looking for words takes a fiftieth of the time of looking for patterns,
# and beside most licences stands code.
_RESTRICTS = {
    "commons clause": r"\bcommons clause\b",
    "commercial": r"(?<!commercial and )(?<!commercial or )(?<!commercial and/or )(?<!commercial, )"
    r"\bnon-?commercial (?:\w+ ){0,2}(?:uses?|purposes?|only|basis)\b(?! (?:and|or)(?: for)? commercial)"
    rf"|\b{_COMMERCE}\b[^.;]{{0,40}}(?:\b(?:not|prohibited|forbidden|disallowed|requires?|must|contact|needs?)\b|n't\b)"
    rf"|(?:\b(?:not(?! limited| only)|never|prohibit\w*|forbid\w*)|n't)\b[^.;]{{0,60}}\b{_COMMERCE}\b",
    "sell|sold": r"\b(?:may|must|can|shall) ?not (?:be )?(?:sell|sold|resell|resold)\b",
    "pay|buy|purchase|licence|license": r"\b(?:must|have to|shall|need to) (?:first )?"
    r"(?:pay|buy|purchase|(?:obtain|acquire) a (?:commercial|paid) licen[cs]e)\b",
    "proprietary|closed|confidential": r"\b(?:is|are|remains?)(?: now)? (?:proprietary|closed[- ]source|confidential)\b",
    "additional restriction": r"\badditional restrictions?\b",
}
# Whom licences shut out that are not for everybody; what they are for, otherwise.
_SOME_WORDS = (
    "compan|corporation|business|enterprise|commercial|for-profit|government|military|police|armed forces|law enforcement"
    "|competitor|banks|employee|residents|citizens|nationals|members|subsidiaries|firms|organi"
)
_SOME = (
    r"(?:companies|corporations|business(?:es)?|enterprises"
    r"|commercial (?:entit(?:y|ies)|users?|organi[sz]ations?|compan(?:y|ies))|for-profit \w+|governments|government agencies"
    r"|(?:the )?(?:military|police|armed forces|law enforcement)|competitors"
    r"|banks|(?:employees|residents|citizens|nationals|members|subsidiaries) of|firms|organi[sz]ations)"
)
_PRIVATE = (
    r"(?:(?:private|natural) )?(?:individuals|persons|people|students|academics|researchers|hobbyists|non-?profits?"
    r"|non-?profit organi[sz]ations|educational institutions|universities)"
)
_ANY = r"(?:(?:any|all|the|those|other|certain|large|big|private|public|our|its|u\.?s\.?) ){0,2}"
_BUT = r"(?:but|except(?:ing)?|excluding|other than|apart from|with the exception of|save for)"
_NOT = r"(?:\b(?:not|never|cannot)|n't)"
_EXCLUDES = {
    "use by|used by|usable by|usage by|copied by|distributed by|modified by": rf"{_NOT}(?: [\w-]+){{0,3}} "
    r"(?:use|used|usable|usage|copied|distributed|redistributed|modified) by\b",
    "body|everyone|anyone|people|person|user|individual": r"\b(?:(?:every|any)(?:body|one)|(?:all|any) "
    rf"(?:people|persons?|users?|individuals?)) {_BUT}\b"
    r"(?! (?:you|yourself|the (?:licen[cs]\w+|authors?|contributors?|copyright)|such)\b)",
    _SOME_WORDS: r"\b(?:except(?:ing)?|excluding|excludes?|but not|other than|apart from|with the exception of"
    rf"|unless you(?:'re| are))(?: for| to| by)? {_ANY}(?:a |an )?{_SOME}\b"
    rf"|(?<!names of )(?<!name of )\b{_SOME}(?: [\w-]+){{0,3}}? (?:(?:may|can|must|shall|will|do|are|is) ?(?:not|never|n't)"
    r"|cannot|(?:are|is) (?:prohibited|forbidden|excluded|excepted|barred|banned))\b"
    r"(?! (?:be )?(?:used (?:to|in)|liable|responsible|held))"
    rf"|\bno (?:company|corporation|commercial \w+|employee of|{_SOME})(?: [\w-]+){{0,3}}? (?:may|can|shall|is|are)\b"
    rf"|{_NOT} (?:be )?(?:licensed|available|open|granted|free|permitted|allowed|extended|offered)(?: [\w-]+){{0,2}}"
    rf" (?:to|for) {_ANY}{_SOME}\b",
    "only": rf"\b(?:for|to|by) {_PRIVATE} only\b|\bonly (?:for |to |by )?{_PRIVATE} (?:may|can|are|is)\b",
    "military|weapon|warfare|surveillance": rf"{_NOT}(?: [\w-]+){{0,5}} (?:military|weapons?|warfare|surveillance) "
    r"(?:use|uses|purposes?|applications?)\b",
}
_MAY_BEAR = Clues([_TAKES_BACK.pattern, _OF_A_PART.pattern])


class _Sought:
    """Expressions that are looked for together, each where one of its words is."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        """``patterns``: words of which a text must have one, joined by ``|``, in lower case -> expression."""
        self._each = [(words.split("|"), re.compile(pattern, re.IGNORECASE)) for words, pattern in patterns.items()]
        self._clues = Clues(list(patterns.values()))

    def search(self, text: str) -> re.Match[str] | None:
        """What the first of them that is there finds."""
        if text.isascii() and not self._clues.found(text.encode()):
            return None
        lowered = text.lower()
        there = (pattern.search(text) for words, pattern in self._each if any(word in lowered for word in words))
        return next(filter(None, there), None)


_SHUTS_OUT, _ASKS = _Sought(_EXCLUDES), _Sought(_RESTRICTS | _EXCLUDES)
# Lines around what states a licence in which restrictions are looked for.
_BESIDE = 8
# The Apache licence's own words, of which a short rule may know the beginning.
_NO_MATTER = re.compile(r"you may not use this \w+ except in compliance", re.IGNORECASE)
_SIGNS = re.compile(r"^[\s#*/;%!<>|-]+|[\s*/>-]+$")
_SENTENCE = re.compile(r"(?<=[.!?])[\"')]*\s+(?=[A-Z\d\"'(*])")


def denied(lines: Sequence[bytes], named: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """First and last line, from 1, of what says of a licence that it does not hold.

    Args:
        lines: of the content.
        named: first and last lines of what names a licence; only around them is looked, as looking everywhere took 40 % of the
            time that a content's licences take.
    """
    for start, stop in _stretches(named):
        text, line, counted = b"\n".join(lines[start - 1 : stop]), start, 0
        if not _MAY_DENY.found(text):
            continue
        for found in _DENIAL.finditer(text):
            line, counted = line + text.count(b"\n", counted, found.start()), found.start()
            yield line, line + found[0].count(b"\n")


def _stretches(named: Iterable[tuple[int, int]], around: int = _AROUND) -> Iterator[tuple[int, int]]:
    """First and last lines of the surroundings of some places, those that touch in one."""
    start = stop = 0
    for first, last in sorted(named):
        if first - around > stop + 1:
            if stop:
                yield start, stop
            start = first - around
        start, stop = max(1, start), max(stop, last + around)
    if stop:
        yield start, stop


def restrictions(lines: Sequence[bytes], stated: Sequence[tuple[int, int, int]]) -> Iterator[int]:
    """Lines, from 1, at which text around a licence asks for more than it: "commercial use requires", "everybody but companies".

    Args:
        lines: of the content.
        stated: first and last line and number of words of what states a licence; long texts' own words are passed over.
    """
    own = {line for first, last, words in stated if words > SHORT for line in range(first, last + 1)}
    for start, stop in _stretches(((first, last) for first, last, _ in stated), _BESIDE):
        numbers = [line for line in range(start, min(stop, len(lines)) + 1) if line not in own]
        texts = [_text(lines[line - 1]) for line in numbers]
        said = " ".join(texts)
        if found := _ASKS.search(said):
            ends = accumulate(len(text) + 1 for text in texts)
            yield next(line for line, end in zip(numbers, ends, strict=True) if found.start() < end)


def shuts_out(lines: Sequence[bytes], start: int, end: int) -> bool:
    """Whether lines, from the first (from 1) to the last, inclusive, grant something to some people only."""
    return _SHUTS_OUT.search(" ".join(_text(line) for line in lines[start - 1 : end])) is not None


def bearing(lines: Sequence[bytes], start: int, end: int, whole: bool) -> str:
    """What the words around a short notice make of it: ``TAKEN_BACK``, ``OF_A_PART`` of the file only, or ``HOLDS``.

    Args:
        lines: of the content.
        start: its first line, from 1.
        end: its last, inclusive.
        whole: whether its sentence may go on over the lines around it, as a notice's does; else its own lines are all.
    """
    first, last = start - 1, end
    while whole and first > max(0, start - 1 - _AROUND) and _text(lines[first - 1]):
        first -= 1
    while whole and last < min(len(lines), end + _AROUND) and _text(lines[last]):
        last += 1
    texts = [_text(line) for line in lines[first:last]]
    begin = sum(len(text) + 1 for text in texts[: start - 1 - first])
    stop = begin + sum(len(text) + 1 for text in texts[start - 1 - first : end - first])
    words, at = _NO_MATTER.sub("", " ".join(texts)), 0
    for sentence in _SENTENCE.split(words):
        at = words.index(sentence, at)
        if at < stop and at + len(sentence) > begin and not (sentence.isascii() and not _MAY_BEAR.found(sentence.encode())):
            if _TAKES_BACK.search(sentence):
                return TAKEN_BACK
            if _OF_A_PART.search(sentence):
                return OF_A_PART
    return HOLDS


def _text(line: bytes) -> str:
    """A line's words, without the signs of a comment."""
    return _SIGNS.sub("", line[:_LONGEST_LINE].decode("utf-8", "replace"))
