# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Hash file contents: the four digests that Software Heritage keeps of every content.

One blob at a time for a loader's inner loop, or a whole Arrow column at once. Arrow is imported only by the batch form.
"""

from __future__ import annotations

from hashlib import blake2s, sha1, sha256
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa


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


def hash_contents(data: pa.BinaryArray | pa.LargeBinaryArray | pa.ChunkedArray[Any]) -> pa.Table:
    """Hash every value of a binary or large-binary column, without copying it.

    Returns:
        One row per value, in order: ``sha1_git, sha1, sha256, blake2s256`` (binary) and ``length`` (int64, bytes). A null
        value, bytes that are not here, gives a row of nulls.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = [hash_content(memoryview(value.as_buffer())) if value.is_valid else _UNKNOWN for value in data]
    names = ContentHashes._fields
    columns = {name: pa.array([row[i] for row in rows], pa.binary()) for i, name in enumerate(names)}
    return pa.table({**columns, "length": pc.binary_length(data).cast(pa.int64())})


_UNKNOWN = (None, None, None, None)
