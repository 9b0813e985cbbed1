# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Hash file contents: the four digests that Software Heritage keeps of every content.

One blob at a time; BLAKE2s also of a whole Arrow column at once, which is faster. Arrow and Numba are imported only by that form.
"""

from __future__ import annotations

from hashlib import blake2s, sha1, sha256
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


class ContentHashes(NamedTuple):
    """Raw digests of one content; ``sha1_git`` is the one its SWHID shows."""

    sha1_git: bytes
    sha1: bytes
    sha256: bytes
    blake2s256: bytes


def hash_content(data: bytes | bytearray | memoryview) -> ContentHashes:
    """Hash one content, reading its bytes once per algorithm.

    hashlib releases the interpreter lock for anything over 2 kB, so threads may share the work.
    """
    size = data.nbytes if isinstance(data, memoryview) else len(data)
    git = sha1(b"blob %d\0" % size)
    git.update(data)
    return ContentHashes(git.digest(), sha1(data).digest(), sha256(data).digest(), blake2s(data).digest())


def content_id(data: bytes | bytearray | memoryview) -> bytes:
    """``sha1_git`` alone: 20 raw bytes, as ``git hash-object`` computes it without filters."""
    size = data.nbytes if isinstance(data, memoryview) else len(data)
    git = sha1(b"blob %d\0" % size)
    git.update(data)
    return git.digest()


def blake2s_column(data: pa.Array) -> pa.Array:
    """``blake2s256`` of every value of a column, without copying it.

    Args:
        data: binary or large binary, without nulls.

    Returns:
        Binary values of 32 bytes.

    Raises:
        ValueError: there are nulls.
    """
    import numpy as np
    import pyarrow as pa

    from codecommons.swhid.blake2s import blake2s_many

    ends, blob = spread(data)
    rows = blake2s_many(ends, np.frombuffer(blob, np.uint8))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, pa.py_buffer(rows)]).cast(pa.binary())


def spread(data: pa.Array) -> tuple[NDArray[np.int64], memoryview]:
    """The bytes of a column without copying them: where values begin, and after them where the last one ends; and the bytes.

    Args:
        data: binary or large binary, without nulls.

    Raises:
        ValueError: there are nulls.
    """
    import numpy as np
    import pyarrow as pa

    if data.null_count:
        raise ValueError(f"bytes that are not here can't be hashed: {data.null_count} of {len(data)} values are null")
    _, offsets, content = data.buffers()
    width = np.int32 if data.type == pa.binary() else np.int64
    ends = np.frombuffer(offsets or b"\0" * 8, width)[data.offset :][: len(data) + 1].astype(np.int64)
    return ends, memoryview(content or b"")
