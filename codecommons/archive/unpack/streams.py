# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Decompressors as streams, each step of which is bounded."""

from __future__ import annotations

import bz2
import io
import lzma
from collections.abc import Callable
from typing import IO, Any

import pyarrow as pa
from isal import isal_zlib
from isal.igzip_lib import IsalError

from codecommons.archive.unpack.limits import Meter, said
from codecommons.errors import ItemError

CHUNK = 1 << 18
# Packed bytes are read in smaller pieces: a decompressor copies what it has not used yet.
PACKED_CHUNK = 1 << 16
# What unpacking xz or LZMA may take, which the archive decides.
XZ_MEMORY = 256 << 20
# How gz, bz2, xz and zst begin.
COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")


def decompressed(file: io.BufferedReader, head: bytes, meter: Meter) -> io.BufferedReader:
    """What a file is, unpacked where it begins as packed ones do; ``head`` are its first bytes."""
    if head.startswith(b"\x1f\x8b"):
        raw: Any = _Unpacked(file, lambda: isal_zlib.decompressobj(31), meter)
    elif head.startswith(b"BZh"):
        raw = _Unpacked(file, bz2.BZ2Decompressor, meter)
    elif head.startswith(b"\xfd7zXZ\0"):
        raw = _Unpacked(file, lambda: lzma.LZMADecompressor(memlimit=XZ_MEMORY), meter)
    elif head.startswith(b"\x28\xb5\x2f\xfd"):
        raw = _Metered(pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"), meter)
    else:
        raw = _Metered(file, meter)
    return io.BufferedReader(raw, CHUNK)


class _Metered(io.RawIOBase):
    """What an uncompressed file, or a decompressor that is itself a file, gives; metered."""

    def __init__(self, file: Any, meter: Meter) -> None:
        self._file = file
        self._meter = meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        out = self._file.read(len(view))
        view[: len(out)] = out
        self._meter.add(len(out))
        return len(out)


class _Unpacked(io.RawIOBase):
    """What one of the standard library's decompressors makes of a file: bounded at each step, any number of streams."""

    def __init__(self, file: IO[bytes], new: Callable[[], Any], meter: Meter) -> None:
        self._file = file
        self._new = new
        self._meter = meter
        self._stream = new()
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        while True:
            if self._stream.eof:
                # Another stream may follow; padding and anything else after the last one is no part of the archive.
                rest = self._stream.unused_data or self._file.read(PACKED_CHUNK)
                if not rest.strip(b"\0") or not self._is_stream(rest):
                    return 0
                self._stream, self._rest = self._new(), rest
            if not self._rest and getattr(self._stream, "needs_input", True):
                self._rest = self._file.read(PACKED_CHUNK)
                if not self._rest:
                    raise EOFError
            try:
                out = self._stream.decompress(self._rest, len(view))
            except (IsalError, lzma.LZMAError, OSError) as error:  # type: ignore[misc] # its stub declares an instance
                raise ItemError("corrupt", f"it is damaged ({said(error)})") from error
            self._rest = getattr(self._stream, "unconsumed_tail", b"")
            if out:
                view[: len(out)] = out
                self._meter.add(len(out))
                return len(out)

    @staticmethod
    def _is_stream(rest: bytes) -> bool:
        return rest.startswith(COMPRESSED)
