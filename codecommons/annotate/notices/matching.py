# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Looking for rules in a content: word for word first, then long rules of which some words were changed."""

from __future__ import annotations

import itertools
import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from codecommons.annotate.notices.index import (
    BASE,
    EXACT,
    GRAM,
    LEAST_GRAMS,
    LEAST_SHARE,
    MOST_WORDS,
    Index,
    Ints,
    in_bits,
    prefix_sums,
    probe,
)
from codecommons.annotate.notices.rules import KINDS
from codecommons.annotate.notices.words import Splitter, Words
from codecommons.compiled import compiled

CANDIDATES = 64
STEP = 16  # n-grams that are counted before it is asked whether the others are worth it
MOST_CHANGED = 64  # a content that is nothing but changed texts must not cost minutes
PIECE = 8  # words: every rule that is found must explain this much more than fewer rules would
FALSE_POSITIVE = KINDS.index("false_positive")
# What makes "the GPL version 2" mean "or later", where a rule ends before it.
OR_LATER = (
    "or later",
    "or any later",
    "or newer",
    "or higher",
    "or greater",
    "or above",
    "and later",
    "or at your option any later",
)
# Expressions of rules that name a licence without a version, and how those of its versions begin.
FAMILIES = {"GPL-1.0-or-later": "GPL-", "LGPL-2.0-or-later": "LGPL-", "AGPL-3.0-or-later": "AGPL-"}
VERSION = 8  # words: so far behind such a rule its version is looked for
# Words that make another licence of a permissive one, where a changed text has them and the rule has not; and those that do with
# one of ``USE`` right behind them.
RESTRICTING = (
    "noncommercial commercial commercially nonprofit not never cannot denied refused revoked prohibited forbidden except unless "
    "only fee fees pay paid payment proprietary"
)
RESTRICTING_USE = "personal private academic educational research evaluation internal"
USE = "use uses usage purpose purposes only"


class Match(NamedTuple):
    """One rule found in a content.

    Attributes:
        rule: its number in the index.
        expression: its SPDX expression.
        kind: one of ``rules.KINDS``.
        start_line: first line, from 1; ``end_line`` the last, inclusive.
        words: words of the content that the match covers.
        share: 1.0 for word for word, else the share of the rule that was found.
        relevance: how sure the rule is about its expression, in percent.
        restricted: whether a word that the rule has not takes back what it grants ("for any *noncommercial* purpose").
    """

    rule: int
    expression: str
    kind: str
    start_line: int
    end_line: int
    words: int
    share: float
    relevance: int
    restricted: bool = False


Place = tuple[int, int, int, float]  # rule, first word, end, share

_ONLY = re.compile(r"[AL]?GPL-[0-9.]+-only")


class _Words(Splitter):
    """The splitter of this process, and the words it is asked about."""

    def __init__(self) -> None:
        super().__init__(MOST_WORDS)
        self._held = np.zeros(0, np.uint8)
        self.or_later = [self.words(text.encode())[0].copy() for text in OR_LATER]
        self.restricting, self.restricting_use, self.use = (
            np.sort(self.words(some.encode())[0]) for some in (RESTRICTING, RESTRICTING_USE, USE)
        )

    def held(self, index: Index) -> NDArray[np.uint8]:
        """A bit for every slot of the index's n-grams, none of them set."""
        if 8 * len(self._held) != len(index.gram_keys):
            self._held = np.zeros(len(index.gram_keys) // 8, np.uint8)
        return self._held

    def goes_on(self, words: Words, end: int) -> bool:
        """Whether ``OR_LATER`` stands behind the words up to ``end``."""
        return any(np.array_equal(words[end : end + len(text)], text) for text in self.or_later)


_splitter: list[_Words] = []


def find(index: Index, data: bytes, least_words: int = 1, changed: bool = True) -> list[Match]:
    """Find the rules that a content holds, each word counted for one rule only, in order of place.

    Args:
        index: the rules.
        data: the content, in an encoding that keeps ASCII; its first ``MOST_WORDS`` words are looked at.
        least_words: shorter rules are left out.
        changed: also look for rules of which some words were changed.
    """
    if not _splitter:
        _splitter.append(_Words())
    words, lines = _splitter[0].words(data)
    if len(words) < least_words:
        return []
    found = _exact(index, words, least_words)
    if changed and len(words) >= LEAST_GRAMS + GRAM - 1:
        found = _with_changed(index, words, found)
    found.sort(key=lambda match: (match[1], -match[2]))
    slots = _slots(words, index) if any(share < 1 for *_, share in found) else None
    matches = []
    for (rule, start, end, share), following in itertools.zip_longest(found, found[1:]):
        kind, expression = int(index.kinds[rule]), index.expression(rule)
        if kind == FALSE_POSITIVE:
            continue
        behind = words[: following[1]] if following else words
        if expression in FAMILIES and (version := _version(index, behind, start, end, FAMILIES[expression])):
            rule, end = version
            kind, expression = min(kind, int(index.kinds[rule])), index.expression(rule)
        if KINDS[kind] != "text" and _ONLY.fullmatch(expression) and _splitter[0].goes_on(words, end):
            expression = expression.removesuffix("-only") + "-or-later"
        place = int(lines[start]), int(lines[end - 1])
        restricted = share < 1 and slots is not None and _restricted(index, words, slots, rule, start, end)
        matches.append(Match(rule, expression, KINDS[kind], *place, end - start, share, int(index.relevance[rule]), restricted))
    return matches


def _exact(index: Index, words: Words, least: int) -> list[Place]:
    """Rules that stand in ``words`` word for word, none inside another: the longest take their words first."""
    rules = _longest(index, words, least)
    starts = np.flatnonzero(rules >= 0)
    if not len(starts):
        return []
    ends = starts + index.lengths[rules[starts]]
    kept = _disjoint(starts, ends, len(words))
    return [(*place, 1.0) for place in zip(*(part[kept].tolist() for part in (rules[starts], starts, ends)), strict=True)]


@compiled(nogil=True)
def _disjoint(starts: NDArray[np.int64], ends: NDArray[np.int64], words: int) -> NDArray[np.int64]:
    """Of some stretches of words, in their order, which of them overlap with none that is longer, or as long and before them."""
    order = np.argsort(starts - ends, kind="mergesort")
    taken = np.zeros(words, np.bool_)
    kept = np.empty(len(order), np.int64)
    count = 0
    for at in order:
        # What overlaps with it is as long, so that one of its ends is in there.
        if not taken[starts[at]] and not taken[ends[at] - 1]:
            taken[starts[at] : ends[at]] = True
            kept[count] = at
            count += 1
    return kept[:count]


def _restricted(index: Index, words: Words, slots: NDArray[np.int64], rule: int, start: int, end: int) -> bool:
    """Whether a word of a changed text (or right before it) that is in no n-gram of its rule restricts what the rule grants."""
    stop, known = int(index.gram_ends[rule]), _splitter[0]
    grams = index.rule_grams[stop - int(index.grams[rule]) : stop]
    return _restricts(words, slots, grams, max(0, start - GRAM), end, known.restricting, known.restricting_use, known.use)


@compiled(nogil=True)
def _restricts(
    words: Words,
    slots: NDArray[np.int64],
    rule_grams: Ints,
    start: int,
    end: int,
    restricting: Words,
    restricting_use: Words,
    use: Words,
) -> bool:
    """Whether one of the words from start to end that are in no n-gram of a rule restricts what is granted."""
    known = np.sort(rule_grams)
    strange = np.ones(end - start, np.bool_)
    for at in range(start, end - GRAM + 1):
        if _holds(known, slots[at]):
            strange[at - start : at - start + GRAM] = False
    for at in range(start, end):
        behind = words[min(at + 1, len(words) - 1)]
        if strange[at - start] and (
            _holds(restricting, words[at]) or (_holds(restricting_use, words[at]) and _holds(use, behind))
        ):
            return True
    return False


@compiled(inline="always")
def _holds(known: NDArray[Any], value: Any) -> bool:
    """Whether a value is among some that are sorted."""
    place = np.searchsorted(known, value)
    return place < len(known) and known[place] == value


def _version(index: Index, words: Words, start: int, end: int, family: str) -> tuple[int, int] | None:
    """The rule that begins inside the match from start to end and names a version behind it, and where that ends.

    "Released under the GPL" is a rule and "GPL version 2" is another; the longer one took the word that both need.
    """
    inside = _longest(index, words[start + 1 : end + VERSION], 1)[: end - start - 1]
    for at in np.flatnonzero(inside >= 0).tolist():
        rule = int(inside[at])
        stop = start + 1 + at + int(index.lengths[rule])
        if stop > end and re.fullmatch(rf"{family}[0-9.]+-(?:only|or-later)", index.expression(rule)):
            return rule, stop
    return None


def _longest(index: Index, words: Words, least: int) -> Ints:
    """The longest rule of at least ``least`` words that starts at each word, -1 where none does."""
    rules = np.full(len(words), -1, np.int32)
    _scan(words, least, index, rules)
    return rules


@compiled(nogil=True)
def _scan(words: Words, least: int, index: Index, rules: Ints) -> None:
    """Put into ``rules`` the longest rule that starts at each word."""
    sums, powers = prefix_sums(words)
    known = 0
    for start in range(len(words) - 1, -1, -1):
        known = min(EXACT, known + 1) if in_bits(index.vocabulary, words[start]) else 0
        size = 0
        longest = known
        if known > 1 and not in_bits(index.pairs, words[start] * BASE + words[start + 1]):
            longest = 1
        if longest == 1 and not in_bits(index.alone, words[start]):
            continue
        for prefix in range(longest, 0, -1):
            if size > prefix:
                break
            slot = probe(index.prefix_keys, (sums[start + prefix] - sums[start] * powers[prefix]) | np.uint64(1))
            if slot < 0:
                continue
            for place in range(index.prefix_first[slot], index.prefix_last[slot]):
                rule = index.by_prefix[place]
                length = index.lengths[rule]
                if length < least or length <= size or start + length > len(words) or (prefix < EXACT and length != prefix):
                    continue
                if (sums[start + length] - sums[start] * powers[length]) | np.uint64(1) == index.hashes[rule]:
                    rules[start] = rule
                    size = length
                    break


def _with_changed(index: Index, words: Words, exact: list[Place]) -> list[Place]:
    """Add rules of which words were changed; one that explains clearly more than the exact ones inside it takes their place."""
    slots = _slots(words, index)
    if not exact:
        return _changed(index, slots)
    covered = np.zeros(len(words), np.bool_)
    pieces = np.zeros(len(words), np.bool_)
    for _, start, end, _ in exact:
        covered[start:end] = True
        pieces[start] = True
    better = []
    for rule, start, end, share in _changed(index, slots):
        explained = (2 * share - 1) * index.lengths[rule]  # what of the rule is there, less what is missing
        if explained > covered[start:end].sum() + PIECE * (2 - pieces[start:end].sum()):
            better.append((rule, start, end, share))
    kept = [place for place in exact if not any(start < place[2] and place[1] < end for _, start, end, _ in better)]
    for _, start, end, _ in (*kept, *better):
        slots[max(0, start - GRAM + 1) : end] = -1
    return [*kept, *better, *_changed(index, slots)]


def _changed(index: Index, slots: NDArray[np.int64]) -> list[Place]:
    """Long rules of which most n-grams stand close together, given the slot of the n-gram that starts at each word."""
    found = _find_changed(slots, index, _splitter[0].held(index))
    return [(rule, start, end, min(hits / int(index.grams[rule]), 0.99)) for rule, start, end, hits in found.tolist()]


@compiled(nogil=True)
def _find_changed(slots: NDArray[np.int64], index: Index, held: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Rules, the words from which and up to which they stand, and how many of their n-grams, one row each, best first."""
    found = np.empty((MOST_CHANGED, 4), np.int64)
    places, ids, distinct, table = _numbered(slots)
    if len(distinct) < LEAST_GRAMS:
        return found[:0]
    rules, scores = _candidates(distinct, index, held)
    windows = np.full((len(rules), 3), -1, np.int64)
    holds, seen = np.empty(len(distinct), np.bool_), np.empty(len(distinct), np.int32)
    count = 0
    while count < MOST_CHANGED:
        best, best_score = -1, 0.0
        for at in range(len(rules)):
            if scores[at] <= best_score:  # a window can't hold more of a rule than the whole content
                break
            rule = rules[at]
            if windows[at, 2] < 0:
                holds[:] = False
                for place in range(index.gram_ends[rule] - index.grams[rule], index.gram_ends[rule]):
                    number = _number(table, distinct, index.rule_grams[place])
                    if number >= 0:
                        holds[number] = True
                windows[at] = _window(places, ids, holds, seen, index.lengths[rule])
            hits = windows[at, 2]
            part = hits / index.grams[rule]
            if hits >= LEAST_GRAMS and part >= LEAST_SHARE and part * 100 >= index.coverage[rule] and hits * part > best_score:
                best, best_score = at, hits * part
        if best < 0:
            break
        start, end, hits = windows[best]
        found[count] = rules[best], start, end, hits
        count += 1
        left = (places + GRAM <= start) | (places >= end)
        places, ids = places[left], ids[left]
        for at in range(len(rules)):
            if windows[at, 1] > start and windows[at, 0] < end:
                windows[at] = -1
    return found[:count]


@compiled(nogil=True)
def _candidates(
    distinct: NDArray[np.int64], index: Index, held: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rules of which a content has enough n-grams, and the scores of what it has of them: the best ``CANDIDATES``, best first.

    A content with a common licence has n-grams of hundreds of others, so those that could be best are looked at first, and none
    as soon as it can't be among them any more. ``held`` has a bit for every n-gram there is, none of them set before and after.
    """
    for slot in distinct:
        held[slot >> 3] |= np.uint8(1 << (slot & 7))
    looked_at = np.zeros(len(index.grams), np.bool_)
    rules, bounds = np.empty(64, np.int64), np.empty(64, np.float64)
    count = 0
    for slot in distinct:
        for at in range(index.rare_first[slot], index.rare_last[slot]):
            rule = index.by_rare[at]
            if looked_at[rule]:
                continue
            looked_at[rule] = True
            size = index.grams[rule]
            if max(LEAST_SHARE, index.coverage[rule] / 100) * size - 1 > len(distinct):
                continue
            if count == len(rules):
                rules, bounds = np.concatenate((rules, rules)), np.concatenate((bounds, bounds))
            rules[count], bounds[count] = rule, _score(min(size, len(distinct)), size)
            count += 1
    order = np.argsort(-bounds[:count])
    rules, bounds = rules[order], bounds[order]
    scores = np.empty(count, np.float64)
    best = np.zeros(CANDIDATES, np.float64)  # in ascending order
    count = 0
    for at in range(len(rules)):
        if bounds[at] < best[0]:
            break
        rule = rules[at]
        size = index.grams[rule]
        needed = max(_hits(best[0], size), LEAST_GRAMS, max(LEAST_SHARE, index.coverage[rule] / 100) * size - 1)
        hits, place, stop = 0, index.gram_ends[rule] - size, index.gram_ends[rule]
        while place < stop and hits + stop - place >= needed:
            following = min(place + STEP, stop)
            for gram in range(place, following):
                hits += (held[index.rule_grams[gram] >> 3] >> (index.rule_grams[gram] & 7)) & 1
            place = following
        share, score = hits / size, _score(hits, size)
        if hits >= LEAST_GRAMS and share >= LEAST_SHARE and share * 100 >= index.coverage[rule] and score >= best[0]:
            rules[count], scores[count] = rule, score
            count += 1
            worse = 0
            while worse + 1 < CANDIDATES and best[worse + 1] < score:
                best[worse] = best[worse + 1]
                worse += 1
            best[worse] = score
    for slot in distinct:
        held[slot >> 3] = 0
    rules, scores = rules[:count], scores[:count]
    order = np.argsort(rules)
    order = order[np.argsort(-scores[order], kind="mergesort")][:CANDIDATES]
    return rules[order], scores[order]


@compiled(inline="always")
def _score(hits: int, size: int) -> float:
    """What it is worth that a content has so many of a rule's n-grams."""
    return hits * (hits / size)


@compiled(inline="always")
def _hits(score: float, size: int) -> int:
    """The fewest n-grams of a rule that are worth a score."""
    hits = int(np.sqrt(score * size))
    while hits > 0 and _score(hits - 1, size) >= score:
        hits -= 1
    while _score(hits, size) < score:
        hits += 1
    return hits


@compiled(nogil=True)
def _slots(words: Words, index: Index) -> NDArray[np.int64]:
    """The slot in the table of the n-gram that starts at each word, -1 where no rule holds it."""
    out = np.full(max(0, len(words) - GRAM + 1), -1, np.int64)
    run = 0
    for at in range(len(words)):
        run = run + 1 if in_bits(index.vocabulary, words[at]) else 0
        if run >= GRAM:  # as ``sequence_hash`` of three words, without a view of them each time
            gram = (words[at - 2] * BASE + words[at - 1]) * BASE + words[at] | np.uint64(1)
            if in_bits(index.gram_bits, gram >> np.uint64(1)):
                out[at - GRAM + 1] = probe(index.gram_keys, gram)
    return out


@compiled(nogil=True)
def _numbered(slots: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Ints]:
    """The words at which n-grams start, a number for the n-gram at each, the slot of each number, and a table for ``_number``."""
    places = np.flatnonzero(slots >= 0)
    size = 16
    while size < 2 * len(places):
        size *= 2
    table = np.full(size, -1, np.int32)
    ids = np.empty(len(places), np.int64)
    distinct = np.empty(len(places), np.int64)
    count = 0
    for at in range(len(places)):
        slot = slots[places[at]]
        probed = slot & (size - 1)  # a slot is where a hash fell: as good as one
        while table[probed] >= 0 and distinct[table[probed]] != slot:
            probed = (probed + 1) & (size - 1)
        if table[probed] < 0:
            table[probed] = count
            distinct[count] = slot
            count += 1
        ids[at] = table[probed]
    return places, ids, distinct[:count], table


@compiled(inline="always")
def _number(table: Ints, distinct: NDArray[np.int64], slot: int) -> int:
    """The number of an n-gram by its slot, -1 where the content has none of it."""
    probed = slot & (len(table) - 1)
    while table[probed] >= 0 and distinct[table[probed]] != slot:
        probed = (probed + 1) & (len(table) - 1)
    return table[probed]


@compiled(nogil=True)
def _window(
    places: NDArray[np.int64], ids: NDArray[np.int64], holds: NDArray[np.bool_], seen: Ints, length: int
) -> tuple[int, int, int]:
    """The stretch of words, at most a quarter longer than a rule, with most of its distinct n-grams: start, end, n-grams.

    ``places`` are the words at which n-grams start, ``ids`` number these n-grams, ``holds`` says whether the rule has each
    number, and ``seen`` is room for as many counts.
    """
    width = length + length // 4 + 4
    seen[:] = 0
    best_start = best_end = best = distinct = left = 0
    for right in range(len(places)):
        if not holds[ids[right]]:
            continue
        seen[ids[right]] += 1
        distinct += seen[ids[right]] == 1
        while places[right] - places[left] >= width:
            if holds[ids[left]]:
                seen[ids[left]] -= 1
                distinct -= seen[ids[left]] == 0
            left += 1
        while not holds[ids[left]]:
            left += 1
        if distinct > best:
            best = distinct
            best_start = left
            best_end = right + 1
    if not best:
        return 0, 0, 0
    return _tight(places[best_start:best_end], ids[best_start:best_end], holds, length)


@compiled(nogil=True)
def _tight(places: NDArray[np.int64], ids: NDArray[np.int64], holds: NDArray[np.bool_], length: int) -> tuple[int, int, int]:
    """The part of a stretch in which the n-grams of a rule stand densest, so that a text takes no neighbour in: as ``_window``.

    What is missing of the rule may stand at either end, as a title with another name in it does.
    """
    best = sum_ = np.int64(0)
    first = best_first = best_last = last = -1
    for at in range(len(places)):
        if not holds[ids[at]]:
            continue
        gap = places[at] - places[last] - 1 if last >= 0 else 0
        if first < 0 or sum_ - gap < 0:
            first, sum_ = at, np.int64(0)
        else:
            sum_ -= gap
        sum_ += 1
        last = at
        if sum_ > best:
            best, best_first, best_last = sum_, first, at
    seen = np.zeros(len(holds), np.bool_)
    hits = 0
    for at in range(best_first, best_last + 1):
        if holds[ids[at]] and not seen[ids[at]]:
            seen[ids[at]] = True
            hits += 1
    start, end = places[best_first], places[best_last] + GRAM
    missing = max(0, length - (end - start))
    return max(start - missing, places[0]), min(end + missing, places[-1] + GRAM), hits
