# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What plans have compared, so that the next one need not: how similar two texts are does not depend on the dataset.

Of texts in crowded bands no table says it (``dedup.earlier``). A plan asks for pairs of them as a build does; what it has asked
for lies in one file beside the facts, which goes with them. Two plans at once may both write it: each puts a whole file in its
place, and what one of them has added may be lost, which costs a comparison and changes no answer.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from isal import isal_zlib
from numpy.typing import NDArray

from codecommons.datasets.facts import DIGITS, Facts, checksum

Numbers = NDArray[np.int64]
Scores = NDArray[np.float64]
# Takes identifiers of texts, each once, and of pairs of them both places; gives their similarities (``dedup.similarities``).
Compare = Callable[[pa.Array, Numbers, Numbers], Scores]
# Pairs from which those are let go that the last plan has not asked for; 16 bytes each.
MOST = 1 << 24
_FILE = "compared"


class Comparisons:
    """Similarities of pairs of rows of some facts."""

    def __init__(self, known: Facts, compare: Compare) -> None:
        """Read what is kept of these facts; what is not is compared by ``compare``."""
        self._known, self._compare = known, compare
        self._ids = known.rows["content_id"].to_numpy()
        self._pairs, self._scores = read(known)
        self._asked: list[tuple[Numbers, Scores]] = []
        self._news = False

    def of(self, one: Numbers, other: Numbers) -> Scores:
        """How similar texts are, 0 where they are no accepted pair.

        Args:
            one: of each pair the number of a row among ``Facts.rows``.
            other: that of the other one; no pair is there twice, nor in both directions.

        Raises:
            LakeError: texts can't be read.
        """
        low, high = (end(self._ids[one], self._ids[other]).astype(np.int64) for end in (np.minimum, np.maximum))
        pairs = low * self._known.contents + high
        scores = np.zeros(len(pairs))
        at = np.searchsorted(self._pairs, pairs)
        there = at < len(self._pairs)
        there[there] = self._pairs[at[there]] == pairs[there]
        scores[there] = self._scores[at[there]]
        if not there.all():
            rows, places = np.unique(np.concatenate([one[~there], other[~there]]), return_inverse=True)
            texts = self._known.bytes["content"].take(pa.array(rows)).combine_chunks()
            scores[~there] = self._compare(texts, *np.split(places.astype(np.int64), 2))
            self._news = True
        self._asked.append((pairs, scores))
        return scores

    def keep(self) -> None:
        """Keep what was compared; where nothing can be written it is compared each time."""
        if not self._news:
            return
        # Read again: another plan may have added to it meanwhile.
        found = [read(self._known), *self._asked]
        pairs, scores = (np.concatenate(column) for column in zip(*found[len(found[0][0]) > MOST :], strict=True))
        with contextlib.suppress(OSError):
            put(self._known, pairs, scores)


def read(known: Facts) -> tuple[Numbers, Scores]:
    """Map what is kept of some facts, as ``put`` takes it, by pair; nothing where it is missing, was changed, or is of others."""
    with contextlib.suppress(OSError, ValueError), (known.place / _FILE).open("rb", buffering=0) as file:
        expected = int(file.read(DIGITS), 16)
        if checksum(file) == expected:
            file.seek(DIGITS)
            if file.read(DIGITS) == known.mark:
                pairs, scores = np.memmap(file, np.int64, "r", 2 * DIGITS).reshape(2, -1)
                return pairs, scores.view(np.float64)
    return np.empty(0, np.int64), np.empty(0)


def put(known: Facts, pairs: Numbers, scores: Scores) -> None:
    """Keep similarities of some facts, and none beside them.

    Args:
        known: the facts.
        pairs: of each pair the smaller ``content_id`` times ``Facts.contents``, and the larger one; those that are there twice
            have one similarity.
        scores: of each its similarity, 0 where it is not accepted.

    Raises:
        OSError: they can't be written.
    """
    pairs, first = np.unique(pairs, return_index=True)
    data = b"".join([known.mark, pairs.astype(np.int64).tobytes(), scores[first].astype(np.float64).tobytes()])
    place, name = tempfile.mkstemp(prefix=".", dir=known.place)
    half = Path(name)
    try:
        with os.fdopen(place, "wb") as file:
            file.write(f"{isal_zlib.crc32(data):0{DIGITS}x}".encode() + data)
        half.replace(known.place / _FILE)
    finally:
        half.unlink(missing_ok=True)
