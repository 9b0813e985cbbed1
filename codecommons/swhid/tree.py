# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""SWHIDs of what lies on a disk: files, directories, git repositories.

The rules are those of Software Heritage's ``swh identify``: a directory holds everything that is in it, ``.git`` and empty
directories included; a symbolic link inside one is the text of the link and is never followed; a file is executable or
not, other permission bits don't count; a device, socket or pipe is an empty file, as it has no bytes of its own; names are
bytes. Bytes are hashed as they lie, so a work tree that git has converted (line endings, filters) differs from its commit.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from codecommons.errors import ItemError, UsageError
from codecommons.swhid import git
from codecommons.swhid.hashing import content_id
from codecommons.swhid.identifier import KINDS, swhid_text
from codecommons.swhid.manifests import (
    DIRECTORY_PERMS,
    EXECUTABLE_PERMS,
    FILE_PERMS,
    SYMLINK_PERMS,
    directory_id,
    snapshot_id,
)

_CHUNK = 1 << 20


def identify_file(path: str | bytes | Path) -> bytes:
    """Compute the identifier of one file, reading it in pieces; a link at ``path`` itself is followed.

    Raises:
        OSError: it can't be read, or its size changed meanwhile.
    """
    with Path(os.fsdecode(path)).open("rb") as file:
        left = os.fstat(file.fileno()).st_size
        digest = hashlib.sha1(b"blob %d\0" % left)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            left -= len(chunk)
    if left:
        raise OSError(0, "the file changed while it was read", os.fsdecode(path))
    return digest.digest()


def identify_directory(path: str | bytes | Path) -> bytes:
    """Compute the identifier of a directory with everything below it; a link at ``path`` itself is followed.

    Raises:
        OSError: something in it can't be read.
    """
    # Each open folder: its name, what is still to be looked at, the entries so far. A tree can be deeper than recursion allows.
    open_folders = [(b"", _listing(os.fsencode(path)), list[tuple[bytes, int, bytes]]())]
    while True:
        name, listing, entries = open_folders[-1]
        if listing:
            entry = listing.pop()
            if entry.is_dir(follow_symlinks=False):
                open_folders.append((entry.name, _listing(entry.path), []))
            else:
                entries.append((entry.name, *_leaf(entry)))
            continue
        open_folders.pop()
        identifier = directory_id(entries)
        if not open_folders:
            return identifier
        open_folders[-1][2].append((name, DIRECTORY_PERMS, identifier))


def identify_repository(path: str | bytes | Path) -> bytes:
    """Compute the identifier of a git repository as a snapshot; ``git.branches`` has the rule.

    Raises:
        ItemError: git can't read it.
    """
    return snapshot_id(git.branches(path))


def identify_paths(
    paths: Iterable[str], kind: str = "auto", on_error: Callable[[str], None] | None = None
) -> Iterator[tuple[str, str]]:
    """Identify many things, one after the other: ``(SWHID, path)`` as each is done.

    Args:
        paths: files, directories, git repositories, and ``-`` for the standard input. For ``rev`` and ``rel``,
            ``REPOSITORY@NAME`` chooses a commit or an annotated tag; ``rev`` without a name is HEAD.
        kind: cnt, dir, rev, rel, snp, or ``auto``: a git repository is a snapshot, another directory is a directory.
        on_error: gets one line for each path that can't be identified, and the others go on.

    Raises:
        UsageError: there is no such kind.
        ItemError: a path can't be identified and there is no ``on_error``.
    """
    if kind != "auto" and kind not in KINDS:
        raise UsageError(f"there is no type {kind!r}; choose one of auto, {', '.join(KINDS)}")
    for path in paths:
        try:
            yield _identify(path, kind), path
        except (OSError, ItemError) as error:
            line = f"{path}: {error.strerror or error}" if isinstance(error, OSError) else str(error)
            if on_error is None:
                raise ItemError("unreadable", line) from error
            on_error(line)


def _identify(path: str, kind: str) -> str:
    if path == "-" and kind in ("auto", "cnt"):
        return swhid_text("cnt", content_id(sys.stdin.buffer.read()))
    if kind == "auto":
        kind = _kind_of(path)
    match kind:
        case "cnt":
            return swhid_text("cnt", identify_file(path))
        case "dir":
            return swhid_text("dir", identify_directory(path))
        case "snp":
            return swhid_text("snp", identify_repository(_repository(path)))
        case _:
            return swhid_text(kind, _named_object(path, kind))


def _kind_of(path: str) -> str:
    mode = Path(path).stat().st_mode
    if stat.S_ISDIR(mode):
        return "snp" if git.is_repository(path) else "dir"
    if stat.S_ISREG(mode):
        return "cnt"
    raise ItemError("not-identifiable", f"{path}: neither a file nor a directory")


def _named_object(path: str, kind: str) -> bytes:
    """Find a revision or release by ``REPOSITORY@NAME``; the last ``@`` counts, unless the whole is a repository."""
    repository, at, name = (path, "", "") if Path(path).exists() else path.rpartition("@")
    if kind == "rel" and not name:
        raise ItemError("no-name", f"{path}: say which annotated tag, as in {path}@v1.0")
    wanted = {"rev": "commit", "rel": "tag"}[kind]
    return git.read_object(_repository(repository if at else path), f"{name or 'HEAD'}^{{{wanted}}}")[1]


def _repository(path: str) -> str:
    Path(path).stat()
    if not git.is_repository(path):
        raise ItemError("no-repository", f"{path}: not a git repository")
    return path


def _listing(folder: bytes) -> list[os.DirEntry[bytes]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _leaf(entry: os.DirEntry[bytes]) -> tuple[int, bytes]:
    mode = entry.stat(follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        return SYMLINK_PERMS, content_id(os.readlink(entry.path))  # noqa: PTH115 - Path would tidy the text up
    perms = EXECUTABLE_PERMS if mode & 0o111 else FILE_PERMS
    return perms, identify_file(entry.path) if stat.S_ISREG(mode) else content_id(b"")
