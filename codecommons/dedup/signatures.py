# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Signatures: one-permutation MinHash (Li et al. 2012) with optimal densification (Shrivastava 2017), cut into bands.

Every shingle falls into one bin by the top bits of its hash, and a bin keeps the smallest. An empty bin takes the value of
another one, the first non-empty of a sequence that depends on the bin alone, so that two texts agree in a bin with
a probability equal to their Jaccard similarity.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numba import uint64
from numpy.typing import NDArray

from codecommons.annotate.columns import buffers
from codecommons.compiled import compiled
from codecommons.dedup.configuration import Configuration
from codecommons.shingles import SHINGLE, mix, shingle_hashes, word_table

_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def sign(texts: pa.Array, configuration: Configuration) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Count the words and compute the bands of UTF-8 texts.

    Returns:
        Words of each text, and a row of band values for each; the row means nothing for a text without shingles.
    """
    offsets, data = buffers(texts)
    words = np.zeros(len(texts), np.int64)
    values = np.zeros((len(texts), configuration.bands), np.uint64)
    scratch = np.empty(int(np.diff(offsets).max(initial=0)) + 1, np.uint64)
    table = word_table()
    for text in range(len(texts)):
        words[text] = count = shingle_hashes(data, offsets[text], offsets[text + 1], table, configuration.empties, scratch)
        if count >= SHINGLE:
            _fill_bands(scratch[: count - SHINGLE + 1], configuration.bins, configuration.rows, values[text])
    return words, values


# Called text by text from Python, not from a kernel of a whole batch: Numba's cache of a kernel does not notice changes to what
# the kernel calls in another file.
@compiled(nogil=True)
def _fill_bands(hashes: NDArray[np.uint64], bins: int, rows: int, values: NDArray[np.uint64]) -> None:
    smallest = np.empty(bins, np.uint64)
    dense = np.empty(bins, np.uint64)
    _minhash(hashes, smallest, dense)
    for band in range(len(values)):
        value = uint64(band + 1)
        for row in range(rows):
            value = mix(value * _GOLDEN + dense[band * rows + row])
        values[band] = value


@compiled(nogil=True)
def _minhash(hashes: NDArray[np.uint64], smallest: NDArray[np.uint64], dense: NDArray[np.uint64]) -> None:
    bins = len(smallest)
    shift = uint64(64 - int(np.log2(bins)))
    smallest[:] = _EMPTY
    for found in hashes:
        # Nobody may craft a text whose only shingle looks like an empty bin.
        shingle = min(found, _EMPTY - uint64(1))
        chosen = shingle >> shift
        if shingle < smallest[chosen]:
            smallest[chosen] = shingle
    for chosen in range(bins):
        source = uint64(chosen)
        attempt = uint64(0)
        while smallest[source] == _EMPTY:
            attempt += uint64(1)
            source = mix(uint64(chosen) * _GOLDEN + attempt) % uint64(bins)
        dense[chosen] = smallest[source]
