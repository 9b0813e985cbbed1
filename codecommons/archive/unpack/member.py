# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a member of an archive is, and the paths it may have."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2s, sha1, sha256
from typing import NamedTuple

from codecommons.errors import ItemError
from codecommons.swhid import ContentHashes

_LONGEST_PATH = 4096


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


def clean_path(name: bytes) -> bytes | None:
    """A path from the root of a tree in one way of writing; None for one that leaves the tree, or that no file system takes."""
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    path = b"/".join(parts)
    unusable = name.startswith(b"/") or b".." in parts or not path or len(path) > _LONGEST_PATH or b"\0" in path
    return None if unusable else path


def clean(name: bytes) -> bytes:
    """Normalise a member's path; refuse what would leave the tree."""
    if name.startswith(b"/"):
        raise ItemError("unsafe-path", f"member {shown(name)} has an absolute path")
    parts = name.split(b"/")
    if b"" in parts or b"." in parts:
        parts = [part for part in parts if part not in (b"", b".")]
    if b".." in parts:
        raise ItemError("unsafe-path", f"member {shown(name)} leaves the tree")
    path = b"/".join(parts)
    if len(path) > _LONGEST_PATH or b"\0" in path:
        raise ItemError("unsafe-path", f"member {shown(name)} has a path no file system takes")
    return path


def shown(name: bytes) -> str:
    """A member's path in an error."""
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
