# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The members of a zip, unpacked in bounded steps whatever its methods of compression are."""

from __future__ import annotations

import bz2
import lzma
import zipfile
from collections.abc import Iterator
from copy import copy
from typing import IO, Any

from isal import isal_zlib
from isal.igzip_lib import IsalError

from codecommons.archive.unpack.limits import Meter, readable, said
from codecommons.archive.unpack.member import Member, clean, large_hashes, shown
from codecommons.archive.unpack.streams import CHUNK, PACKED_CHUNK, XZ_MEMORY
from codecommons.errors import ItemError
from codecommons.settings import Settings
from codecommons.swhid import DIRECTORY_PERMS, FILE_PERMS

_LZMA_PROPERTIES = 5


def zip_members(file: IO[bytes], meter: Meter, settings: Settings) -> Iterator[Member | ItemError]:
    """As ``tar.tar_members``."""
    archive = zipfile.ZipFile(file)
    for info in archive.infolist():
        try:
            with readable():
                member = _zip_member(archive, info, meter, settings)
        except ItemError as error:
            if error.reason == "bomb":
                raise
            yield error
        else:
            yield member


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, meter: Meter, settings: Settings) -> Member:
    path = clean(info.filename.encode("utf-8", "surrogateescape"))
    if info.filename.endswith("/"):
        return Member(path, DIRECTORY_PERMS)
    chunks = _zip_file(archive, info, meter)
    if info.file_size > settings.max_content_bytes:
        return Member(path, FILE_PERMS, info.file_size, hashes=large_hashes(chunks, info.file_size))
    data = b"".join(chunks)
    return Member(path, FILE_PERMS, len(data), data)


def _zip_file(archive: zipfile.ZipFile, info: zipfile.ZipInfo, meter: Meter) -> Iterator[bytes]:
    """A member's content, bounded at each step: ``zipfile`` itself unpacks bzip2 and LZMA as far as what it has read goes.

    As there, no more comes than the size that the archive says, and what came has its checksum.
    """
    packed = copy(info)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, info.compress_size
    del packed.CRC  # of what is in it, and not of its packed bytes
    crc = 0
    with archive.open(packed) as content:
        for chunk in _unzipped(content, info):
            meter.add(len(chunk))
            crc = isal_zlib.crc32(chunk, crc)
            yield chunk
    if crc != info.CRC:
        raise zipfile.BadZipFile(f"a wrong checksum of {shown(info.filename.encode('utf-8', 'surrogateescape'))}")


def _unzipped(packed: IO[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    left = info.file_size
    if info.compress_type == zipfile.ZIP_STORED:
        while left > 0 and (chunk := packed.read(min(left, CHUNK))):
            left -= len(chunk)
            yield chunk
        return
    stream, rest, ended = _zip_stream(packed, info), b"", False
    while left > 0 and not stream.eof:
        if not rest and not ended and getattr(stream, "needs_input", True):
            rest = packed.read(PACKED_CHUNK)
            ended = not rest
        try:
            out = stream.decompress(rest, min(left, CHUNK))
        except (IsalError, lzma.LZMAError, OSError) as error:  # type: ignore[misc] # its stub declares an instance
            raise ItemError("corrupt", f"it is damaged ({said(error)})") from error
        rest = getattr(stream, "unconsumed_tail", b"")
        left -= len(out)
        if out:
            yield out
        elif ended:
            return


def _zip_stream(packed: IO[bytes], info: zipfile.ZipInfo) -> Any:
    """What unpacks a member, from the method that the archive names."""
    if info.compress_type == zipfile.ZIP_DEFLATED:
        return isal_zlib.decompressobj(-15)
    if info.compress_type == zipfile.ZIP_BZIP2:
        return bz2.BZ2Decompressor()
    if info.compress_type == zipfile.ZIP_LZMA:
        # Two bytes of version and two of length stand before the properties, which the format of .lzma files has, too, followed
        # by a size; this one says that it is unknown, as a member may or may not have a mark at its end.
        head = packed.read(4)
        properties = packed.read(int.from_bytes(head[2:], "little"))
        if len(head) < 4 or len(properties) != _LZMA_PROPERTIES:
            raise zipfile.BadZipFile("a member that is packed by LZMA has no properties of it")
        stream = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=XZ_MEMORY)
        stream.decompress(properties + b"\xff" * 8, 0)
        return stream
    raise NotImplementedError(f"method {info.compress_type} of zip")
