"""Signatures: one-permutation MinHash (Li et al. 2012) with optimal densification (Shrivastava 2017), cut into bands.

Every shingle falls into one bin by the top bits of its hash, and a bin keeps the smallest. An empty bin takes the value of
another one, the first non-empty of a sequence that depends on the bin alone, so that two texts agree in a bin with
a probability equal to their Jaccard similarity.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numba import njit, uint64
from numpy.typing import NDArray

from codecommons.annotate.columns import buffers
from codecommons.dedup.configuration import Configuration
from codecommons.dedup.words import SHINGLE, mix, shingle_hashes, word_table

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
    longest = int(np.diff(offsets).max(initial=0))
    scratch = np.empty(longest // 2 + 2, np.uint64)
    _sign(data, offsets, word_table(), configuration.bins, configuration.rows, scratch, words, values)
    return words, values


@njit(cache=True, nogil=True)
def _sign(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    table: NDArray[np.uint32],
    bins: int,
    rows: int,
    scratch: NDArray[np.uint64],
    words: NDArray[np.int64],
    values: NDArray[np.uint64],
) -> None:
    smallest = np.empty(bins, np.uint64)
    dense = np.empty(bins, np.uint64)
    for text in range(len(offsets) - 1):
        words[text] = shingle_hashes(data, offsets[text], offsets[text + 1], table, scratch)
        if words[text] >= SHINGLE:
            _minhash(scratch[: words[text] - SHINGLE + 1], smallest, dense)
            for band in range(values.shape[1]):
                value = uint64(band + 1)
                for row in range(rows):
                    value = mix(value * _GOLDEN + dense[band * rows + row])
                values[text, band] = value


@njit(cache=True, nogil=True)
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
