# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The files of the archives of the benchmark's list, each content under a name once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from codecommons import archive
from codecommons.archive.packages import PackageSource
from codecommons.archive.source import sources
from codecommons.archive.unpack import members
from codecommons.errors import UsageError
from codecommons.lake import SliceInput
from codecommons.settings import Settings
from codecommons.swhid import SYMLINK_PERMS

PACKAGES = Path("examples/packages.txt")


class File(NamedTuple):
    """A content under one of its names: the path of one place, from the root of the archive's tree, and sha1 of the content."""

    path: bytes
    sha1: bytes
    data: bytes

    @property
    def name(self) -> bytes:
        """The last part of the path."""
        return self.path.rpartition(b"/")[2]


def lend_cache(settings: Settings, home: Path) -> None:
    """Let another home find the archives that this one has downloaded, and keep what it downloads itself."""
    settings.cache.mkdir(parents=True, exist_ok=True)
    (home / "cache").symlink_to(settings.cache.resolve(), target_is_directory=True)


def files(settings: Settings, packages: Path = PACKAGES, every: int = 1) -> Iterator[File]:
    """Distinct (content, name) of every ``every``-th archive of the list, in its order.

    Raises:
        UsageError: none of the archives can be had.
    """
    known, seen, found = sources(settings), set(), False
    for line in archive.read_package_list(packages)[::every]:
        request = archive.parse_request(line, settings)
        source = known[request.source]
        assert isinstance(source, PackageSource)
        row = SliceInput("2026-01-31", request.source, request.item, sha256=request.sha256)
        for member in members(source.fetch(row, settings), settings):
            if member.data is None or member.perms == SYMLINK_PERMS:
                continue
            file = File(member.path, hashlib.sha1(member.data, usedforsecurity=False).digest(), member.data)
            found = True
            if (file.sha1, file.name) not in seen:
                seen.add((file.sha1, file.name))
                yield file
    if not found:
        raise UsageError(f"{packages} names no archive that can be had")
