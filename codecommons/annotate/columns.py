"""The bytes behind Arrow columns, for kernels."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def buffers(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (int64, one more than rows) into the bytes of a binary column, and those bytes (uint8), without copying them.

    Raises:
        TypeError: the column is not binary or holds nulls.
    """
    if column.type not in (pa.binary(), pa.large_binary()) or column.null_count:
        raise TypeError(f"a binary column without nulls is needed, not {column.type} with {column.null_count} nulls")
    width = np.int32 if column.type == pa.binary() else np.int64
    _, offsets, data = column.buffers()
    if not len(column):
        return np.zeros(1, np.int64), np.frombuffer(b"", np.uint8)
    ends = np.frombuffer(offsets, width)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    return ends, np.frombuffer(b"" if data is None else data, np.uint8)
