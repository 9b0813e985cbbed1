# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Between Arrow columns and what annotators work on: single values, kernels' buffers, rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def values(batch: pa.RecordBatch, column: str) -> Iterator[bytes]:
    """The values of a binary column without nulls, one copied at a time."""
    for value in batch.column(column):
        yield value.as_py()


def table(rows: Iterable[Sequence[Any]], fields: Sequence[pa.Field]) -> pa.Table:
    """Rows of Python values, in the order of ``fields``, as a table."""
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [()] * len(fields)
    return pa.table([pa.array(column, f.type) for column, f in zip(columns, fields, strict=True)], schema=pa.schema(fields))


def buffers(column: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Offsets (one more than rows) into the bytes of a binary column, and those bytes, without copying them.

    Raises:
        TypeError: the column is not binary or holds nulls.
    """
    if column.type not in (pa.binary(), pa.large_binary()) or column.null_count:
        raise TypeError(f"a binary column without nulls is needed, not {column.type} with {column.null_count} nulls")
    width = np.int32 if column.type == pa.binary() else np.int64
    _, offsets, data = column.buffers()
    content = np.frombuffer(b"" if data is None else memoryview(data), np.uint8)
    if not len(column) or offsets is None:
        return np.zeros(1, np.int64), content
    ends = np.frombuffer(memoryview(offsets), width)[column.offset : column.offset + len(column) + 1]
    return ends.astype(np.int64), content
