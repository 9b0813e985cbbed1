# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How we find near-duplicates, in a process of its own so that its memory is its own.

``python -m benchmarks.duplicates.ours FOLDER`` does in memory, with functions of ``codecommons.dedup``, what ``peers.py`` does
with others'; ``… FOLDER HOME`` brings the same texts through the band index of the lake under HOME: read, packed and committed.
Compiled code is loaded before the first is counted, as the peers' is.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.duplicates.peers import Clock, Memory
from codecommons.dedup import WORDS, compare_texts, pairs
from codecommons.dedup.candidates import new_pairs
from codecommons.dedup.signatures import sign
from codecommons.dedup.similarity import jaccard, shingle_sets
from codecommons.dedup.texts import select_texts
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.settings import Settings

# What is signed at once, as in the lake.
_AT_ONCE = 2000


def in_memory(texts: pa.Array, clock: Clock) -> NDArray[np.int64]:
    """Rows of accepted pairs, smaller first."""
    with clock.part("signatures"):
        signed = [sign(texts[at : at + _AT_ONCE], WORDS) for at in range(0, len(texts), _AT_ONCE)]
        words, values = (np.concatenate(parts) for parts in zip(*signed, strict=True))
    with clock.part("candidates"):
        long = np.flatnonzero(words >= WORDS.shingle)
        bands, members = values[long].ravel(), np.repeat(long, WORDS.bands)
        order = np.lexsort((members, bands))
        groups = np.cumsum(np.diff(bands[order], prepend=bands[order[:1]]) != 0)
        found = new_pairs(groups, members[order], np.ones(len(order), np.bool_), WORDS.anchors)
        candidates = pl.concat([pl.DataFrame({"a": low, "b": high}) for low, high in found]).unique().sort("a", "b")
    with clock.part("verification"):
        low, high = candidates["a"].to_numpy(), candidates["b"].to_numpy()
        wanted = np.union1d(low, high)
        sets, offsets = shingle_sets(texts.take(pa.array(wanted)), WORDS)
        similar = jaccard(sets, offsets, np.searchsorted(wanted, low), np.searchsorted(wanted, high), WORDS.threshold)
    return np.stack([low, high], axis=1)[similar >= WORDS.threshold]


def through_the_lake(lake: Lake, ids: pl.Series, clock: Clock) -> NDArray[np.int64]:
    """The same, from contents in the lake to rows in the lake."""
    with clock.part("all"):
        compare_texts(lake, InlineEngine(), select_texts(lake, pl.DataFrame({"sha1_git": ids}), WORDS))
    accepted = pairs(lake).filter("accepted").collect()
    places = pl.DataFrame({"content": ids}).with_row_index("place")
    found = [accepted.join(places, left_on=side, right_on="content", maintain_order="left")["place"] for side in ("a", "b")]
    return np.sort(np.stack([side.cast(pl.Int64).to_numpy() for side in found], axis=1), axis=1)


def main() -> None:
    """Measure one of the two."""
    folder, *home = map(Path, sys.argv[1:])
    table, clock = pq.read_table(folder / "texts.parquet"), Clock()
    if home:
        lake = Lake.open(Settings(home[0], str(home[0] / "lake"), workers=0))
        ids = table["sha1_git"].combine_chunks()
        del table
    else:
        texts = table["text"].combine_chunks().cast(pa.binary())
        in_memory(pa.array([b"a text to load the compiled code with", b"a text to load the compiled code with"]), Clock())
    memory = Memory()
    found = through_the_lake(lake, pl.Series(ids), clock) if home else in_memory(texts, clock)
    peak = memory.growth()
    np.save(folder / f"pairs-{'ours, in the lake' if home else 'ours'}.npy", found)
    print(json.dumps({"seconds": clock.seconds, "memory": peak}))


if __name__ == "__main__":
    main()
