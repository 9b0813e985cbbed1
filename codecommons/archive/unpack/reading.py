# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""An archive or a packed file, from beginning to end, known by its first bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from codecommons.archive.unpack.limits import Meter, readable
from codecommons.archive.unpack.member import Member
from codecommons.archive.unpack.streams import CHUNK, COMPRESSED, decompressed
from codecommons.archive.unpack.tar import tar_members
from codecommons.archive.unpack.zip import zip_members
from codecommons.errors import ItemError
from codecommons.settings import Settings
from codecommons.swhid import DIRECTORY_PERMS

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


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
    meter = Meter(archive.stat().st_size, settings)
    with archive.open("rb") as file, readable():
        head = file.read(6)
        file.seek(0)
        if head[:4] in _ZIP:
            found = zip_members(file, meter, settings)
        else:
            found = tar_members(decompressed(file, head, meter), meter, settings)
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
    with path.open("rb") as file, readable():
        head = file.read(6)
        file.seek(0)
        stream = decompressed(file, head, Meter(path.stat().st_size, settings))
        while chunk := stream.read1(CHUNK):
            yield chunk


def is_archive(path: Path) -> bool:
    """Whether the first bytes are those of an archive that ``members`` reads."""
    with path.open("rb") as file:
        head = file.read(512)
    return head.startswith((*_ZIP, *COMPRESSED)) or head[257:262] == b"ustar"
