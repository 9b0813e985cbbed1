# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How the key space is cut: buckets, ranges of keys within one, runs of contents, and reading the rows of a range."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from codecommons.lake.schemas import Table
from codecommons.lake.storage import Storage


def buckets(keys: pa.ChunkedArray | pa.Array, bits: int) -> np.ndarray:
    """The top ``bits`` bits of each binary key (an int32 a row)."""
    first = pc.binary_slice(keys, 0, 2).cast(pa.binary(2))
    parts = first.chunks if isinstance(first, pa.ChunkedArray) else [first]
    return np.concatenate(
        [np.empty(0, np.int32), *(np.frombuffer(part.buffers()[1], ">u2", len(part)) >> (16 - bits) for part in parts)]
    ).astype(np.int32)


def bucket_range(bucket: int, bits: int, part: int = 0, parts: int = 1) -> tuple[bytes, bytes | None]:
    """The half-open range of keys of one of ``parts`` equal parts of a bucket; None is past the last key."""
    width = 1 << (64 - bits)
    low = bucket * width + width * part // parts
    high = bucket * width + width * (part + 1) // parts
    return low.to_bytes(8, "big"), None if high >> 64 else high.to_bytes(8, "big")


def in_range(column: str, low: bytes, high: bytes | None) -> pc.Expression:
    """A filter on a binary column that Parquet statistics can prune."""
    condition = ds.field(column) >= pa.scalar(low, pa.binary())
    return condition if high is None else condition & (ds.field(column) < pa.scalar(high, pa.binary()))


def dataset_of(storage: Storage, paths: list[str], table: Table) -> ds.Dataset | None:
    """Data files of a table as one data set; None for no files."""
    if not paths:
        return None
    return ds.dataset(paths, schema=pa.schema(table.fields), format="parquet", filesystem=storage.arrow_fs)


def read_columns(dataset: ds.Dataset | None, columns: list[str], where: pc.Expression) -> pa.Table:
    """Some columns of the rows that a filter lets through, read one row group after the other."""
    assert dataset is not None
    return dataset.to_table(
        columns=columns, filter=where, use_threads=False, batch_readahead=1, fragment_readahead=1
    ).combine_chunks()


def slices_of(ids: pl.DataFrame, batch_bytes: int, most: int = 8192) -> Iterator[pl.DataFrame]:
    """Cut ids (columns sha1_git, length; sorted) into runs of at most ``batch_bytes`` and ``most`` rows, never empty."""
    start = total = 0
    lengths = ids["length"].to_list()
    for at, length in enumerate(lengths):
        if at > start and (total + length > batch_bytes or at - start >= most):
            yield ids[start:at]
            start, total = at, 0
        total += length
    if start < len(lengths):
        yield ids[start:]
