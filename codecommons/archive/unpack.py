# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Read an archive somebody else made, as a stream, in bounded memory, without writing or following anything.

Whatever would leave the tree, or isn't a file, directory or link, refuses the whole archive: a tree without it would not be
what the archive says. (Of an archive of records, which is no tree, a member can be left out alone.) What becomes of the rest is
Software Heritage's rule for packages: a symbolic link is a file of mode 120000 whose content is the link's text, wherever it
points; a file is executable if its owner may execute it; members of a zip are plain files, links too; a member repeated later
replaces the earlier one, as unpacking would. Its loaders call ``swh.core.tarball.uncompress``, which is
``shutil.unpack_archive`` (of a zip, that writes bytes and no modes) and then a ``chmod`` of every file to 755 or 644; the tests
compare with that.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from hashlib import blake2s, sha1, sha256
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import pyarrow as pa
from isal import isal_zlib
from isal.igzip_lib import IsalError

from codecommons.errors import ItemError
from codecommons.settings import Settings
from codecommons.swhid import DIRECTORY_PERMS, EXECUTABLE_PERMS, FILE_PERMS, SYMLINK_PERMS, ContentHashes

_CHUNK = 1 << 18
# Packed bytes are read in smaller pieces: a decompressor copies what it has not used yet.
_PACKED_CHUNK = 1 << 16
# Tar keeps long names and attributes in blocks of their own; honest ones are a few kB.
_LONGEST_HEADER = 1 << 20
# A few kB can unpack to a hundred times as much and be honest; the ratio counts from here on.
_RATIO_FROM = 8 << 20
_LONGEST_PATH = 4096
# What unpacking xz or LZMA may take, which the archive decides.
_XZ_MEMORY = 256 << 20
_LZMA_PROPERTIES = 5


class Member(NamedTuple):
    """One member of an archive.

    Attributes:
        path: from the archive's root, names joined by ``/``.
        perms: the mode a directory entry has: file, executable, symbolic link or directory.
        length: bytes of content.
        data: the content (for a symbolic link the link's text); None for a directory, a hard link, or a content over the limit.
        hashes: of a content over the limit, which was hashed in passing.
        same_as: for a hard link, the earlier member's path.
    """

    path: bytes
    perms: int
    length: int = 0
    data: bytes | None = None
    hashes: ContentHashes | None = None
    same_as: bytes | None = None


def members(archive: Path, settings: Settings, refused: Callable[[ItemError], None] | None = None) -> Iterator[Member]:
    """Read a tar (plain, gz, bz2, xz, zst) or zip from beginning to end.

    Args:
        archive: a local file; its format is read from its first bytes, not from its name.
        settings: the limits.
        refused: takes why a member is left out that would otherwise refuse the archive: ``unsafe-path``, ``special-file``,
            and, of a zip, ``truncated``, ``corrupt`` or ``encrypted``.

    Yields:
        Members in their order in the archive.

    Raises:
        ItemError: ``not-an-archive``, ``truncated``, ``corrupt``, ``encrypted``, ``bomb``, ``unsafe-path``,
            ``special-file``. The detail names no path outside the archive.
    """
    count = 0
    meter = _Meter(archive.stat().st_size, settings)
    with archive.open("rb") as file, _readable():
        head = file.read(6)
        file.seek(0)
        found = _zip(file, meter, settings) if head[:4] in _ZIP else _tar(_decompressed(file, head, meter), meter, settings)
        for member in found:
            count += 1
            if count > settings.max_archive_members:
                raise ItemError("bomb", f"it has more than {settings.max_archive_members:,} members")
            if isinstance(member, Member):
                if member.path:
                    yield member
                    continue
                if member.perms == DIRECTORY_PERMS:
                    continue
                member = ItemError("unsafe-path", "a file in it has no name")
            if refused is None:
                raise ItemError(member.reason, f"{member.detail}; nothing of this archive was taken") from member
            refused(member)


def unpacked(path: Path, settings: Settings) -> Iterator[bytes]:
    """Read a single file that may be compressed (gz, bz2, xz, zst) from beginning to end, in chunks.

    Whatever can be had of a file that is cut or damaged comes before the error.

    Raises:
        ItemError: ``truncated``, ``corrupt``, ``bomb``.
    """
    with path.open("rb") as file, _readable():
        head = file.read(6)
        file.seek(0)
        stream = _decompressed(file, head, _Meter(path.stat().st_size, settings))
        while chunk := stream.read1(_CHUNK):
            yield chunk


def is_archive(path: Path) -> bool:
    """Whether the first bytes are those of an archive that ``members`` reads."""
    with path.open("rb") as file:
        head = file.read(512)
    return head.startswith((*_ZIP, *_COMPRESSED)) or head[257:262] == b"ustar"


class _Meter:
    """Counts what comes out of an archive and stops a bomb."""

    def __init__(self, packed: int, settings: Settings) -> None:
        self._most = settings.max_archive_bytes
        self._ratio = max(_RATIO_FROM, packed * settings.max_archive_ratio)
        self._packed = packed
        self._unpacked = 0

    def add(self, count: int) -> None:
        self._unpacked += count
        if self._unpacked > self._most:
            raise ItemError("bomb", f"it unpacks to more than {self._most:,} bytes")
        if self._unpacked > self._ratio:
            raise ItemError("bomb", f"its {self._packed:,} bytes unpack to more than {self._ratio:,}")


@contextmanager
def _readable() -> Iterator[None]:
    """Say in one line what the readers of the standard library raise on damaged or hostile bytes."""
    try:
        yield
    except ItemError:
        raise
    except EOFError as error:
        raise ItemError("truncated", "it ends before its end: a download that was cut short?") from error
    except NotImplementedError as error:
        raise ItemError("corrupt", f"it is packed in a way nobody here can read ({_said(error)})") from error
    except RuntimeError as error:
        raise ItemError("encrypted" if "password" in str(error) else "corrupt", f"it can't be read ({_said(error)})") from error
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        pa.ArrowException,
        OSError,
        ValueError,
        OverflowError,
        struct.error,
    ) as error:
        if any(sign in str(error).lower() for sign in ("truncated", "unexpected end")):
            raise ItemError("truncated", "it ends before its end: a download that was cut short?") from error
        raise ItemError("corrupt", f"it is damaged ({_said(error)})") from error


def _said(error: Exception) -> str:
    """What an error says, in one line that somebody's file names can't make long."""
    return " ".join(str(error).split())[:200]


def clean_path(name: bytes) -> bytes | None:
    """A path from the root of a tree in one way of writing; None for one that leaves the tree, or that no file system takes."""
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    path = b"/".join(parts)
    unusable = name.startswith(b"/") or b".." in parts or not path or len(path) > _LONGEST_PATH or b"\0" in path
    return None if unusable else path


def _clean(name: bytes) -> bytes:
    """Normalise a member's path; refuse what would leave the tree."""
    if name.startswith(b"/"):
        raise ItemError("unsafe-path", f"member {_shown(name)} has an absolute path")
    parts = name.split(b"/")
    if b"" in parts or b"." in parts:
        parts = [part for part in parts if part not in (b"", b".")]
    if b".." in parts:
        raise ItemError("unsafe-path", f"member {_shown(name)} leaves the tree")
    path = b"/".join(parts)
    if len(path) > _LONGEST_PATH or b"\0" in path:
        raise ItemError("unsafe-path", f"member {_shown(name)} has a path no file system takes")
    return path


def _shown(name: bytes) -> str:
    return repr(name[:100].decode("utf-8", "backslashreplace"))


def large_hashes(chunks: Iterator[bytes], length: int) -> ContentHashes:
    """Hash a content that is too large to be held."""
    git, one, two, three = sha1(b"blob %d\0" % length), sha1(), sha256(), blake2s()
    for chunk in chunks:
        for algorithm in (git, one, two, three):
            algorithm.update(chunk)
        length -= len(chunk)
    if length:
        raise EOFError
    return ContentHashes(git.digest(), one.digest(), two.digest(), three.digest())


# Compression.


class _Metered(io.RawIOBase):
    """What an uncompressed file, or a decompressor that is itself a file, gives; metered."""

    def __init__(self, file: Any, meter: _Meter) -> None:
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

    def __init__(self, file: IO[bytes], new: Callable[[], Any], meter: _Meter) -> None:
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
                rest = self._stream.unused_data or self._file.read(_PACKED_CHUNK)
                if not rest.strip(b"\0") or not self._is_stream(rest):
                    return 0
                self._stream, self._rest = self._new(), rest
            if not self._rest and getattr(self._stream, "needs_input", True):
                self._rest = self._file.read(_PACKED_CHUNK)
                if not self._rest:
                    raise EOFError
            try:
                out = self._stream.decompress(self._rest, len(view))
            except (IsalError, lzma.LZMAError, OSError) as error:  # type: ignore[misc] # its stub declares an instance
                raise ItemError("corrupt", f"it is damaged ({_said(error)})") from error
            self._rest = getattr(self._stream, "unconsumed_tail", b"")
            if out:
                view[: len(out)] = out
                self._meter.add(len(out))
                return len(out)

    @staticmethod
    def _is_stream(rest: bytes) -> bool:
        return rest.startswith(_COMPRESSED)


_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


def _decompressed(file: io.BufferedReader, head: bytes, meter: _Meter) -> io.BufferedReader:
    if head.startswith(b"\x1f\x8b"):
        raw: Any = _Unpacked(file, lambda: isal_zlib.decompressobj(31), meter)
    elif head.startswith(b"BZh"):
        raw = _Unpacked(file, bz2.BZ2Decompressor, meter)
    elif head.startswith(b"\xfd7zXZ\0"):
        raw = _Unpacked(file, lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY), meter)
    elif head.startswith(b"\x28\xb5\x2f\xfd"):
        raw = _Metered(pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"), meter)
    else:
        raw = _Metered(file, meter)
    return io.BufferedReader(raw, _CHUNK)


# Tar.


class _Tape:
    """A stream that only goes forward, as ``tarfile`` and ``_tar`` read it in turns."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._read = stream.read
        self._at = 0
        self._back = b""

    def tell(self) -> int:
        return self._at

    def seek(self, to: int) -> None:
        while self._at < to and self.take(min(to - self._at, _CHUNK)):
            pass

    def read(self, count: int) -> bytes:
        """What ``tarfile`` reads: headers."""
        if count > _LONGEST_HEADER:
            raise ItemError("corrupt", f"a header claims {count:,} bytes")
        if self._back:
            back, self._back = self._back, b""
            self._at += len(back)
            return back
        return self.take(count)

    def give_back(self, data: bytes) -> None:
        """Have the next ``read``, of as many bytes, return them again."""
        self._back = data
        self._at -= len(data)

    def take(self, count: int) -> bytes:
        data = self._read(count)
        self._at += len(data)
        return data

    def take_all(self, count: int) -> bytes:
        data = self.take(count)
        if len(data) < count:
            raise EOFError
        return data

    def chunks(self, count: int) -> Iterator[bytes]:
        end = self._at + count
        while self._at < end:
            yield self.take_all(min(_CHUNK, end - self._at))


# Plain members, and the headers of long names and attributes that stand before them.
_COMMON_TYPES = frozenset(b"\x000125xgLK")
# Attributes that decide what a member is; a hit in some value only costs the slower reading.
_TELLING = re.compile(rb"path|size|hdrcharset|GNU\.sparse")


class _TarInfo(tarfile.TarInfo):
    """A member header; one that is damaged or cut is an error wherever it stands, where ``tarfile`` just stops."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return cls._common(buf, encoding, errors) or super().frombuf(buf, encoding, errors)
        except tarfile.TruncatedHeaderError as error:  # type: ignore[attr-defined] # not in the stubs
            raise tarfile.ReadError("truncated header") from error
        except tarfile.InvalidHeaderError as error:  # type: ignore[attr-defined] # not in the stubs
            raise tarfile.ReadError(str(error)) from error

    @classmethod
    def _common(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self | None:
        """Read only what is asked for here, in a third of the time; None is whatever needs ``tarfile``'s own care."""
        if len(buf) != tarfile.BLOCKSIZE or buf[156] not in _COMMON_TYPES:
            return None
        try:
            mode, size = int(buf[100:108].rstrip(b" \0"), 8), int(buf[124:136].rstrip(b" \0"), 8)
            checksum = int(buf[148:156].rstrip(b" \0"), 8)
        except ValueError:
            return None
        # The low half of Adler-32 is 1 + the sum of the bytes, modulo 65521, in a twentieth of the time that `sum` takes.
        if (checksum + sum(buf[148:156]) - 8 * ord(" ") + 1) % 65521 != zlib.adler32(buf) & 0xFFFF:
            return None
        info = cls(buf[:100].partition(b"\0")[0].decode(encoding, errors))
        info.mode, info.size, info.type = mode, size, bytes(buf[156:157])
        info.linkname = buf[157:257].partition(b"\0")[0].decode(encoding, errors)
        if info.type == tarfile.AREGTYPE and info.name.endswith("/"):
            info.type = tarfile.DIRTYPE
        if info.type == tarfile.DIRTYPE:
            info.name = info.name.rstrip("/")
        if buf[345] and info.type not in tarfile.GNU_TYPES:
            info.name = buf[345:500].partition(b"\0")[0].decode(encoding, errors) + "/" + info.name
        return info

    def _proc_pax(self, tar: Any) -> Any:
        """Read past attributes that say nothing of name, size or kind, such as the exact times that build tools write."""
        attributes = tar.fileobj.read(self._block(self.size))  # type: ignore[attr-defined] # not in the stubs
        if self.type == tarfile.XHDTYPE and not tar.pax_headers and not _TELLING.search(attributes):
            try:
                return self.fromtarfile(tar)
            except tarfile.HeaderError as error:
                raise tarfile.ReadError(str(error)) from error
        tar.fileobj.give_back(attributes)
        return super()._proc_pax(tar)  # type: ignore[misc] # not in the stubs


def _tar(stream: io.BufferedReader, meter: _Meter, settings: Settings) -> Iterator[Member | ItemError]:
    tape = _Tape(stream)
    try:
        # The stubs want all of a file; what is only read needs no more than the tape has.
        tar = tarfile.TarFile(fileobj=tape, tarinfo=_TarInfo, encoding="utf-8", errors="surrogateescape")  # type: ignore[arg-type] # only read
    except tarfile.ReadError as error:
        raise ItemError("not-an-archive", f"it is neither a tar nor a zip archive ({_said(error)})") from error
    while (info := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined] # tarfile would keep every header: 1 GB for a million members
        try:
            path = _clean(_bytes(info.name))
            same_as = _clean(_bytes(info.linkname)) if info.islnk() else None
        except ItemError as error:
            yield error
            continue
        if info.isdir():
            yield Member(path, DIRECTORY_PERMS)
        elif info.issym():
            text = _bytes(info.linkname)
            yield Member(path, SYMLINK_PERMS, len(text), text)
        elif same_as is not None:
            yield Member(path, FILE_PERMS, same_as=same_as)
        elif info.type in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
            kind = "pipe" if info.isfifo() else "device"
            yield ItemError("special-file", f"member {_shown(path)} is a {kind}")
        else:
            yield _tar_file(tar, tape, info, path, meter, settings)
    while tape.take(_CHUNK):
        pass  # what follows the last member is padding, but only the end of the stream tells whether its checksum is right


def _tar_file(tar: tarfile.TarFile, tape: _Tape, info: tarfile.TarInfo, path: bytes, meter: _Meter, settings: Settings) -> Member:
    perms = EXECUTABLE_PERMS if info.mode & stat.S_IXUSR else FILE_PERMS
    if info.size < 0:
        raise ItemError("corrupt", f"member {_shown(path)} claims a negative size")
    large = info.size > settings.max_content_bytes
    if info.issparse():
        meter.add(info.size)  # holes cost the archive nothing
        file = tar.extractfile(info)
        assert file is not None
        chunks = iter(lambda: file.read(_CHUNK), b"")
    elif not large:
        return Member(path, perms, info.size, tape.take_all(info.size))
    else:
        chunks = tape.chunks(info.size)
    if large:
        return Member(path, perms, info.size, hashes=large_hashes(chunks, info.size))
    return Member(path, perms, info.size, b"".join(chunks))


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


# Zip.


def _zip(file: IO[bytes], meter: _Meter, settings: Settings) -> Iterator[Member | ItemError]:
    archive = zipfile.ZipFile(file)
    for info in archive.infolist():
        try:
            with _readable():
                member = _zip_member(archive, info, meter, settings)
        except ItemError as error:
            if error.reason == "bomb":
                raise
            yield error
        else:
            yield member


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, meter: _Meter, settings: Settings) -> Member:
    path = _clean(info.filename.encode("utf-8", "surrogateescape"))
    if info.filename.endswith("/"):
        return Member(path, DIRECTORY_PERMS)
    chunks = _zip_file(archive, info, meter)
    if info.file_size > settings.max_content_bytes:
        return Member(path, FILE_PERMS, info.file_size, hashes=large_hashes(chunks, info.file_size))
    data = b"".join(chunks)
    return Member(path, FILE_PERMS, len(data), data)


def _zip_file(archive: zipfile.ZipFile, info: zipfile.ZipInfo, meter: _Meter) -> Iterator[bytes]:
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
        raise zipfile.BadZipFile(f"a wrong checksum of {_shown(info.filename.encode('utf-8', 'surrogateescape'))}")


def _unzipped(packed: IO[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    left = info.file_size
    if info.compress_type == zipfile.ZIP_STORED:
        while left > 0 and (chunk := packed.read(min(left, _CHUNK))):
            left -= len(chunk)
            yield chunk
        return
    stream, rest, ended = _zip_stream(packed, info), b"", False
    while left > 0 and not stream.eof:
        if not rest and not ended and getattr(stream, "needs_input", True):
            rest = packed.read(_PACKED_CHUNK)
            ended = not rest
        try:
            out = stream.decompress(rest, min(left, _CHUNK))
        except (IsalError, lzma.LZMAError, OSError) as error:  # type: ignore[misc] # its stub declares an instance
            raise ItemError("corrupt", f"it is damaged ({_said(error)})") from error
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
        stream = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_XZ_MEMORY)
        stream.decompress(properties + b"\xff" * 8, 0)
        return stream
    raise NotImplementedError(f"method {info.compress_type} of zip")
