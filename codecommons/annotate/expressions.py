# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""SPDX licence expressions: reading, checking, joining."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from license_expression import ExpressionError, Licensing, get_spdx_licensing

ANY_GPL = "GPL-1.0-or-later"  # what ScanCode's rules call the GPL without a version

# Stands in an expression for what is no licence that SPDX knows.
UNKNOWN = "LicenseRef-scancode-unknown-spdx"
_TOKEN = re.compile(r"\s*(?P<listed>[,;&]\s*)?(?P<word>[A-Za-z0-9][A-Za-z0-9.+\-:]*|[()])")
# Words after a licence's name, or before it, that take back what it says.
HEDGE = re.compile(
    r"\b(?:no(?![ ]+(?:attribution|warrant|advertis|copyleft|endorse|rights[ ]+reserved))|not|non(?!-(?:copyleft|profit))|nor"
    r"|until|unless|except|but|formerly|pending|revoked|withdrawn|proprietary|commercial\w*|noncommercial|unlicensed|confidential"
    r"|academic(?![ ]+free)|commons[ ]+clause|excluding|companies|corporations|individuals|military|only[ ]+(?:for|by|to)"
    r"|(?:research|personal|educational|evaluation|internal|private)[ ]+(?:use|purposes?)"
    r"|additional[ ]+(?:terms|restrictions|conditions))\b|-(?:ish|like)\b|\w\s*\?(?!\w)",
    re.IGNORECASE,
)
# What comes after these is about something else than the licence.
_OTHER_WORDS = re.compile(r"//|#|\\n|\s[-\u2013\u2014]\s|\u00a9|\([cC]\)|copyright", re.IGNORECASE)
_SLASH = re.compile(r"(?<![/:])/(?!/)")
# What joins a name to a licence, in the languages in which people write it.
_JOINS = re.compile(
    r"\s*(?:[,;&+|/]|(?:und|et|y|e|i|og|och|en|и|oder|ou|o|plus|sowie)\s)\s*"
    r"(?=[A-Z])(?!(?i:licen[cs]e|copying|notice|readme|see|refer)\b)"
)
# Names of licences that ask for more than permissive ones do, by the family that their identifiers have in common.
_DEMANDING = re.compile(r"\b(?:GNU|[AL]?(GPL)|(MPL|EPL|CDDL|EUPL|SSPL|BUSL|OSL))(?:[ -]?v?\d[\d.+]*)?(?![\w-])")
_MOST_TOKENS = 200
_REST = 60
_OPERATORS = ("AND", "OR", "WITH")
_OPEN = (*_OPERATORS, "(")
_OR_LATER = re.compile(
    r"\s+or\s+(?:\(?at your option\)?\s+)?(?:any\s+)?(?:later|newer|higher|greater)\b(?:\s+versions?\b)?", re.IGNORECASE
)


@cache
def licensing() -> Licensing:
    """The parser that knows SPDX's identifiers."""
    return get_spdx_licensing()


def normalise(expression: str) -> str:
    """An expression in one way of writing, each part once; one that can't be parsed stays as it is."""
    try:
        return str(licensing().dedup(expression))
    except ExpressionError:
        return expression


def leading(text: str) -> str | None:
    """The SPDX expression that ``text`` starts with, None if it starts with none; ``/`` between names is ``OR``.

    An expression goes on while operators do, and what follows a licence and is one, too, is joined to it by ``AND``. What is
    joined to it and is no licence of SPDX's list is ``UNKNOWN`` in it (but for references, which stay). One that breaks off
    in its middle is none, nor is a choice with such a part (``MIT/ACME``), nor one that the next words take back (``HEDGE``),
    as half of ``MIT AND (...`` is another licence.
    """
    expression, rest = read(text)
    said = _OTHER_WORDS.split(rest, maxsplit=1)[0]
    if expression is None or HEDGE.search(said[:_REST]):
        return None
    more = _JOINS.match(said) or names_more(said[:_REST], expression)
    return normalise(f"({expression}) AND {UNKNOWN}") if more else expression


def names_more(words: str, expression: str) -> bool:
    """Whether words name a licence that asks for more than permissive ones do and is not in what they are said to mean.

    Whatever joins it, in whatever language (``MIT und GPL``); of an expression that is unknown already nothing more is asked.
    """
    return "unknown" not in expression and any(
        (found[1] or found[2] or "GPL") not in expression for found in _DEMANDING.finditer(words)
    )


@lru_cache(1 << 12)
def read(text: str) -> tuple[str | None, str]:
    """As ``leading``, whatever comes next; and that."""
    tokens: list[str] = []
    depth = at = 0
    written, text = text, _OR_LATER.sub("+", _SLASH.sub(" OR ", text))
    while len(tokens) < _MOST_TOKENS and (found := _TOKEN.match(text, at)):
        word = found["word"].rstrip(".:")
        complete = bool(tokens) and tokens[-1] not in _OPEN
        if complete and word.upper() in _OPERATORS and not found["listed"]:
            tokens.append(word.upper())
        elif complete and word == ")" and depth:
            depth -= 1
            tokens.append(word)
        elif complete and _operand(word) != UNKNOWN:
            tokens += ["AND", _operand(word)]
        elif complete or found["listed"]:
            break
        elif word == "(":
            depth += 1
            tokens.append(word)
        elif word != ")":
            tokens.append(_operand(word))
        else:
            break
        at = found.end()
    names = [token for token in tokens if token not in _OPEN and token != ")"]
    choice = UNKNOWN in names and _SLASH.search(written) is not None
    if not names or names[0] == UNKNOWN or choice or depth or tokens[-1] in _OPEN:
        return None, text[at:]
    try:
        return str(licensing().parse(" ".join(tokens))), text[at:]
    except ExpressionError:
        return None, text[at:]


def _operand(word: str) -> str:
    """A licence or exception as SPDX writes it."""
    try:
        parsed = licensing().parse(word)
    except ExpressionError:
        return UNKNOWN
    if parsed is not None and not licensing().unknown_license_keys(parsed):
        return str(parsed)
    return word if word.startswith(("LicenseRef-", "DocumentRef-")) else UNKNOWN


@lru_cache(1 << 12)
def whole(text: str) -> str | None:
    """``text`` as an SPDX expression, None if it is something else."""
    try:
        parsed = licensing().parse(text, validate=True, strict=True)
    except ExpressionError:
        return None
    return None if parsed is None else str(parsed)


@lru_cache(1 << 12)
def together(expressions: tuple[str, ...], mentions: bool = False) -> str | None:
    """What several statements in one file add up to; None for no statements.

    All of them hold, but a licence that stands beside a choice offering it (its text, usually) adds nothing to the choice, and,
    unless ``mentions``, naming the GPL without a version nothing to one with a version.
    """
    parts = [part for expression in expressions for part in ([expression] if " OR " in expression else expression.split(" AND "))]
    offered = {part for choice in parts if " OR " in choice and " AND " not in choice for part in choice.split(" OR ")}
    versions = not mentions and any(part.startswith("GPL-") and part != ANY_GPL for part in parts)
    rest = [part for part in parts if part not in offered and not (versions and part == ANY_GPL)]
    return normalise(" AND ".join(f"({part})" for part in rest)) if rest else None
