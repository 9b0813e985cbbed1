# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Looking for rules in a content: word for word first, then long rules of which some words were changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from codecommons.annotate.notices.index import EXACT, GRAM, MOST_WORDS, Index, Ints, prefix_sums, probe, sequence_hash
from codecommons.annotate.notices.rules import KINDS
from codecommons.annotate.notices.words import Splitter, Words

# A changed text needs this share of a rule's n-grams in one place, and this many of them.
LEAST_SHARE = 0.8
LEAST_GRAMS = 8
CANDIDATES = 64
MOST_CHANGED = 64  # a content that is nothing but changed texts must not cost minutes
BETTER = 1.1
FALSE_POSITIVE = KINDS.index("false_positive")


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
    """

    rule: int
    expression: str
    kind: str
    start_line: int
    end_line: int
    words: int
    share: float
    relevance: int


Place = tuple[int, int, int, float]  # rule, first word, end, share

_splitter: list[Splitter] = []


def find(index: Index, data: bytes, least_words: int = 1, changed: bool = True) -> list[Match]:
    """Find the rules that a content holds, each word counted for one rule only, in order of place.

    Args:
        index: the rules.
        data: the content, in an encoding that keeps ASCII; its first ``MOST_WORDS`` words are looked at.
        least_words: shorter rules are left out.
        changed: also look for rules of which some words were changed.
    """
    if not _splitter:
        _splitter.append(Splitter(MOST_WORDS))
    words, lines = _splitter[0].words(data)
    if len(words) < least_words:
        return []
    found = _exact(index, words, least_words)
    if changed and len(words) >= LEAST_GRAMS + GRAM - 1:
        found = _with_changed(index, words, found)
    found.sort(key=lambda match: (match[1], -match[2]))
    return [
        Match(
            rule,
            index.expression(rule),
            KINDS[index.kinds[rule]],
            int(lines[start]),
            int(lines[end - 1]),
            end - start,
            share,
            int(index.relevance[rule]),
        )
        for rule, start, end, share in found
        if index.kinds[rule] != FALSE_POSITIVE
    ]


def _exact(index: Index, words: Words, least: int) -> list[Place]:
    """Rules that stand in ``words`` word for word, none inside another: the longest take their words first."""
    rules = np.full(len(words), -1, np.int32)
    prefixes = index.prefix_keys, index.prefix_first, index.prefix_last, index.by_prefix
    _scan(words, least, *prefixes, index.lengths, index.hashes, rules)
    starts = np.flatnonzero(rules >= 0)
    sizes = index.lengths[rules[starts]]
    taken = np.zeros(len(words), np.bool_)
    found: list[Place] = []
    for at in np.lexsort((starts, -sizes)):
        start, end = int(starts[at]), int(starts[at] + sizes[at])
        if not taken[start:end].any():
            taken[start:end] = True
            found.append((int(rules[start]), start, end, 1.0))
    return found


@njit(cache=True, nogil=True)
def _scan(
    words: Words,
    least: int,
    keys: Words,
    firsts: Ints,
    lasts: Ints,
    by_prefix: Ints,
    lengths: Ints,
    hashes: Words,
    rules: Ints,
) -> None:
    """Put into ``rules`` the longest rule that starts at each word."""
    sums, powers = prefix_sums(words)
    total = len(words)
    for start in range(total):
        size = 0
        for prefix in range(min(EXACT, total - start), 0, -1):
            if size > prefix:
                break
            slot = probe(keys, (sums[start + prefix] - sums[start] * powers[prefix]) | np.uint64(1))
            if slot < 0:
                continue
            for place in range(firsts[slot], lasts[slot]):
                rule = by_prefix[place]
                length = lengths[rule]
                if length < least or length <= size or start + length > total or (prefix < EXACT and length != prefix):
                    continue
                if (sums[start + length] - sums[start] * powers[length]) | np.uint64(1) == hashes[rule]:
                    rules[start] = rule
                    size = length
                    break


def _with_changed(index: Index, words: Words, exact: list[Place]) -> list[Place]:
    """Add rules of which words were changed; one that explains clearly more than the exact ones inside it takes their place."""
    if not exact:
        return _changed(index, words, np.ones(len(words), np.bool_))
    covered = np.zeros(len(words), np.bool_)
    for _, start, end, _ in exact:
        covered[start:end] = True
    better = [
        (rule, start, end, share)
        for rule, start, end, share in _changed(index, words, np.ones(len(words), np.bool_))
        if share * index.grams[rule] > BETTER * covered[start:end].sum()
    ]
    kept = [place for place in exact if not any(start < place[2] and place[1] < end for _, start, end, _ in better)]
    free = np.ones(len(words), np.bool_)
    for _, start, end, _ in (*kept, *better):
        free[start:end] = False
    return [*kept, *better, *_changed(index, words, free)]


def _changed(index: Index, words: Words, free: NDArray[np.bool_]) -> list[Place]:
    """Long rules of which most n-grams stand close together in words that nothing else covers."""
    slots = _slots(words, free, index.gram_keys)
    places = np.flatnonzero(slots >= 0)
    slots, ids = np.unique(slots[places], return_inverse=True)
    if len(slots) < LEAST_GRAMS:
        return []
    counts = np.zeros(len(index.grams), np.int32)
    grams = index.gram_first, index.gram_last, index.by_gram
    _shared(slots, *grams, counts)
    rules = np.flatnonzero(counts >= LEAST_GRAMS)
    share = counts[rules] / index.grams[rules]
    enough = (share >= LEAST_SHARE) & (share * 100 >= index.coverage[rules])
    rules, scores = rules[enough], counts[rules[enough]] * share[enough]
    candidates = [(int(rules[at]), float(scores[at])) for at in np.lexsort((rules, -scores))[:CANDIDATES]]
    windows: dict[int, tuple[int, int, int]] = {}
    found: list[Place] = []
    while len(found) < MOST_CHANGED:
        best: tuple[float, int] | None = None
        for rule, bound in candidates:
            if best and bound <= best[0]:  # a window can't hold more of a rule than the whole content
                break
            if rule not in windows:
                windows[rule] = _window(places, ids, slots, *grams, rule, index.lengths[rule])
            hits = windows[rule][2]
            part = hits / index.grams[rule]
            enough_here = hits >= LEAST_GRAMS and part >= LEAST_SHARE and part * 100 >= index.coverage[rule]
            if enough_here and (not best or hits * part > best[0]):
                best = hits * part, rule
        if not best:
            break
        start, end, hits = windows[best[1]]
        found.append((best[1], start, end, min(hits / int(index.grams[best[1]]), 0.99)))
        places, ids = _without(places, ids, start, end)
        windows = {rule: window for rule, window in windows.items() if window[1] <= start or end <= window[0]}
    return found


def _without(
    places: NDArray[np.int64], ids: NDArray[np.int64], start: int, end: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Leave out the n-grams that touch the words from start to end."""
    left = (places + GRAM <= start) | (places >= end)
    return places[left], ids[left]


@njit(cache=True, nogil=True)
def _slots(words: Words, free: NDArray[np.bool_], keys: Words) -> NDArray[np.int64]:
    """The slot in the table of the n-gram that starts at each word, -1 where no rule holds it or a word is not free."""
    out = np.full(max(0, len(words) - GRAM + 1), -1, np.int64)
    for at in range(len(out)):
        usable = True
        for step in range(GRAM):
            usable &= free[at + step]
        if usable:
            out[at] = probe(keys, sequence_hash(words[at : at + GRAM]))
    return out


@njit(cache=True, nogil=True)
def _shared(slots: NDArray[np.int64], firsts: Ints, lasts: Ints, by_gram: Ints, counts: Ints) -> None:
    """Count for each rule how many of the n-grams it holds."""
    for slot in slots:
        for place in range(firsts[slot], lasts[slot]):
            counts[by_gram[place]] += 1


@njit(cache=True, nogil=True)
def _window(
    places: NDArray[np.int64],
    ids: NDArray[np.int64],
    slots: NDArray[np.int64],
    firsts: Ints,
    lasts: Ints,
    by_gram: Ints,
    rule: int,
    length: int,
) -> tuple[int, int, int]:
    """The stretch of words, at most a quarter longer than the rule, with most of its distinct n-grams: start, end, n-grams.

    ``places`` are the words at which n-grams start, ``ids`` number these n-grams and ``slots`` are their slots in the table.
    """
    holds = np.zeros(len(slots), np.bool_)
    for at in range(len(slots)):
        low = firsts[slots[at]]
        high = last = lasts[slots[at]]
        while low < high:
            middle = (low + high) // 2
            if by_gram[middle] < rule:
                low = middle + 1
            else:
                high = middle
        holds[at] = low < last and by_gram[low] == rule
    width = length + length // 4 + 4
    seen = np.zeros(len(slots), np.int32)
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
            best_start = places[left]
            best_end = places[right] + GRAM
    return best_start, best_end, best
