# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How much of a benchmark's passages is in a text: the share of a passage's shingles (five words in a row) that the text has.

A share of 1 is the passage as it stands, whatever its spaces and signs; less is a part of it, or one with words changed. What the
function is called that an item asks for does not count: whoever copies one calls it as they like.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from codecommons.annotate.benchmarks.items import Item
from codecommons.annotate.columns import buffers
from codecommons.compiled import compiled
from codecommons.shingles import SHINGLE, shingle_hashes, word_table

# Lower shares are not told: a docstring's examples look like those of others.
FLOOR = 0.5
# A passage with fewer shingles of its own is too little to tell it from other code: ``for i in range(n): if a[i] ...``.
LEAST = 8
# A shingle of more items of one benchmark belongs to none: "write a python function to".
_COMMON = 5
_BITS = 16


class Match(NamedTuple):
    """What a text has of an item: the field of which it has most, and how much."""

    benchmark: str
    item: str
    field: str
    share: float


class Matcher:
    """Passages, ready to be looked for."""

    def __init__(self, items: Iterable[Item]) -> None:
        """Take the passages of items apart."""
        found = [(item, field, _shingles(text)) for item in items for field, text in item.passages.items()]
        holders: dict[tuple[str, int], set[str]] = defaultdict(set)
        for item, _, shingles in found:
            for shingle in shingles.tolist():
                holders[item.benchmark, shingle].add(item.name)
        common = {key for key, names in holders.items() if len(names) > _COMMON}
        own = [
            (item, field, _nameless(item, field, [one for one in shingles.tolist() if (item.benchmark, one) not in common]))
            for item, field, shingles in found
        ]
        self._passages = [(item, field, len(shingles)) for item, field, shingles in own if len(shingles) >= LEAST]
        kept = [shingles for _, _, shingles in own if len(shingles) >= LEAST]
        every = np.concatenate([np.empty(0, np.uint64), *kept])
        of = np.repeat(np.arange(len(kept)), [len(shingles) for shingles in kept])
        order = np.argsort(every, kind="stable")
        self._of = of[order]
        self._known, self._starts = np.unique(every[order], return_index=True)
        self._marks = np.zeros(1 << _BITS, np.bool_)
        self._marks[self._known >> np.uint64(64 - _BITS)] = True

    def find(self, texts: pa.Array) -> list[list[Match]]:
        """For each text (UTF-8) the items of which it has at least ``FLOOR``; most first, then by benchmark and item."""
        offsets, data = buffers(texts)
        scratch = np.empty(int(np.diff(offsets).max(initial=0)) + 1, np.uint64)
        found = []
        for text in range(len(texts)):
            words = shingle_hashes(data, offsets[text], offsets[text + 1], word_table(), False, scratch)
            hashes = scratch[: max(0, words - SHINGLE + 1)]
            found.append(self._matches(np.unique(hashes[_marked(hashes, self._marks)])))
        return found

    def _matches(self, hashes: NDArray[np.uint64]) -> list[Match]:
        ends = np.append(self._starts[1:], len(self._of))
        hits = Counter[int]()
        for at in np.flatnonzero(np.isin(self._known, hashes, assume_unique=True)) if len(hashes) else ():
            hits.update(self._of[self._starts[at] : ends[at]].tolist())
        best: dict[tuple[str, str], Match] = {}
        for passage, count in hits.items():
            item, field, size = self._passages[passage]
            match = Match(item.benchmark, item.name, field, count / size)
            known = best.get((item.benchmark, item.name))
            if match.share >= FLOOR and (known is None or (match.share, known.field) > (known.share, match.field)):
                best[item.benchmark, item.name] = match
        return sorted(best.values(), key=lambda match: (-match.share, match.benchmark, match.item))


def _nameless(item: Item, field: str, shingles: list[int]) -> NDArray[np.uint64]:
    """Those shingles of a passage that the name which it asks for is not in, unless they are too few."""
    every = np.array(shingles, np.uint64)
    if not item.asks_for:
        return every
    name = re.compile(rf"\b{re.escape(item.asks_for)}\b", re.IGNORECASE)
    others = np.intersect1d(every, _shingles(name.sub(f"{item.asks_for}_", item.passages[field])))
    return others if len(others) >= LEAST else every


def _shingles(text: str) -> NDArray[np.uint64]:
    """The distinct shingles of a text, sorted."""
    offsets, data = buffers(pa.array([text.encode("utf-8", "replace")], pa.binary()))
    scratch = np.empty(len(data) + 1, np.uint64)
    words = shingle_hashes(data, offsets[0], offsets[1], word_table(), False, scratch)
    return np.unique(scratch[: max(0, words - SHINGLE + 1)])


@compiled(nogil=True)
def _marked(hashes: NDArray[np.uint64], marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which hashes begin like one that is looked for: few do, and only those are searched."""
    found = np.zeros(len(hashes), np.bool_)
    shift = np.uint64(64 - int(np.log2(len(marks))))
    for at in range(len(hashes)):
        found[at] = marks[hashes[at] >> shift]
    return found
