# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""From rules that were found to statements: which of them say something about a licence, in the light of what stands around them.

A single word can be chance, a lead-in ("licensed under the following terms") says nothing that the notice behind it does not say
better, and a list of all licences there are is no licence. ScanCode draws the same lines, so that its expectations can be ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from codecommons.annotate.expressions import ANY_GPL
from codecommons.annotate.notices.matching import Match

NEAR = 4  # lines between matches that belong together
SMALL = 15  # words: a shorter rule has no business to be spread over more lines than it has words
LOW = 60  # percent: below it a rule alone is a hint
TOP = 1000  # lines: licences are named before
LIST = 15  # so many mentions in a row, of so many licences, are a list of licences
LIST_WORDS = 20
FREE = "LicenseRef-scancode-free-unknown"


def statements(matches: Sequence[Match]) -> list[Match]:
    """Those of the rules found in one content that say something about a licence, in order.

    Args:
        matches: what ``matching.find`` found.
    """
    whole = [match for match in matches if match.words >= SMALL or _together(match)]
    return [match for group in _groups(_without_lists(whole)) for match in _says(group)]


def _together(match: Match) -> bool:
    """Whether the words of a short rule stand close together."""
    return match.end_line - match.start_line < match.words + (2 if match.kind == "tag" else 0)


def _without_lists(matches: Sequence[Match]) -> list[Match]:
    """Leave out long runs of short mentions of many licences, as in a table of identifiers."""
    kept: list[Match] = []
    run: list[Match] = []
    for match in [*matches, None]:
        short = match is not None and match.kind not in ("text", "notice") and match.share == 1.0 and match.words <= LIST_WORDS
        if match is not None and short and (not run or match.start_line <= run[-1].end_line + NEAR):
            run.append(match)
            continue
        licenses = len({one.expression for one in run})
        if len(run) < LIST or licenses < max(LIST // 3, len(run) // 3):
            kept += run
        run = [match] if match is not None and short else []
        if match is not None and not short:
            kept.append(match)
    return kept


def _groups(matches: Sequence[Match]) -> Iterator[list[Match]]:
    """Matches that belong together: close by, and a lead-in with what it leads to; clues stand alone."""
    group: list[Match] = []
    for match in matches:
        last = group[-1] if group else None
        near = last is not None and match.start_line <= last.end_line + NEAR and match.kind not in ("intro", "clue")
        if last is not None and last.kind != "intro" and not near:
            yield group
            group = []
        group.append(match)
        if match.kind == "clue":
            yield group
            group = []
    if group:
        yield group


def _says(group: list[Match]) -> list[Match]:
    """What a group of matches says, without lead-ins and without what is probably chance."""
    rest = [match for match in group if not _leads_in(match)]
    if rest and any(_leads_in(match) and _unknown(match) for match in group):
        group = rest
    if _is_chance(group) or all(match.kind == "clue" for match in group):
        return []
    versions = any("GPL-" in match.expression and match.expression != ANY_GPL for match in group)
    return [match for match in group if not (versions and match.expression == ANY_GPL and _is_bare(match))]


def _leads_in(match: Match) -> bool:
    return match.kind in ("intro", "clue") or match.expression == FREE


def _unknown(match: Match) -> bool:
    return "unknown" in match.expression


def _is_bare(match: Match) -> bool:
    return match.words == 1 and match.relevance < LOW


def _is_chance(group: list[Match]) -> bool:
    if all(match.relevance == 100 for match in group):
        return False
    one_word = all(match.words == 1 for match in group)
    low = all(match.relevance < LOW for match in group)
    return (
        (one_word and low and len(group) == 1)
        or (one_word and all("GPL" in match.expression for match in group))
        or (one_word and all(match.kind == "tag" for match in group))
        or (low and group[0].start_line > TOP and any(match.words <= 3 for match in group))
    )
