# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A tree of files becomes directories, from the leaves up, and never exists on a disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from codecommons.archive.objects import TAKEN_DOWN, Rows
from codecommons.archive.tally import Note, Tally
from codecommons.archive.unpack import Member, large_hashes
from codecommons.errors import ItemError
from codecommons.report import Count
from codecommons.settings import Settings
from codecommons.swhid import DIRECTORY_PERMS, EXECUTABLE_PERMS, FILE_PERMS, SYMLINK_PERMS, content_id, directory_id

TOO_LARGE = "too-large"
_CHUNK = 1 << 18


@dataclass
class Tree:
    """What a tree turned out to be.

    Attributes:
        tally: counts and remarks.
        root: identifier of the directory that holds everything.
        names: the names in the root directory, sorted.
        documents: contents that the caller wanted to see, by path.
    """

    tally: Tally = field(default_factory=Tally)
    root: bytes = b""
    names: list[bytes] = field(default_factory=list)
    documents: dict[bytes, bytes] = field(default_factory=dict)


class _File(NamedTuple):
    perms: int
    content: bytes
    length: int
    skipped: str | None


def build_tree(members: Iterable[Member], rows: Rows, wanted: bytes | None = None) -> Tree:
    """Turn members, in any order, into contents, directories and the file list of the root.

    Args:
        members: files, links and directories by path; parents need not be there.
        rows: takes what is found.
        wanted: a file name; contents of that name one level below the root are kept in ``documents``.

    Raises:
        ItemError: ``path-conflict``, ``broken-hardlink``, ``empty-archive``, or what reading the members raises.
    """
    tree = Tree()
    folders: dict[bytes, dict[bytes, _File | None]] = {b"": {}}
    odd: list[bytes] = []
    leaving: list[bytes] = []
    for member in members:
        if member.perms == DIRECTORY_PERMS:
            _folder(folders, member.path)
            continue
        parent, _, name = member.path.rpartition(b"/")
        folder = _folder(folders, parent)
        if name in folder and folder[name] is None:
            raise ItemError("path-conflict", f"{shown_path(member.path)} is both a file and a directory")
        file = _linked(folders, member) if member.same_as is not None else _stored(member, rows)
        old = folder.get(name)
        if old is not None:
            tree.tally.replaced += Count(1, old.length)
        folder[name] = file
        if file.skipped == TOO_LARGE:
            tree.tally.notes.append(too_large(member.path, file.length, rows.settings.max_content_bytes))
        elif file.skipped:
            tree.tally.notes.append(taken_down(member.path, file.length))
        if not member.path.isascii() and not _is_text(member.path):
            odd.append(member.path)
        if member.perms == SYMLINK_PERMS and member.data is not None and _leaves(parent, member.data):
            leaving.append(member.path)
        if wanted is not None and name == wanted and member.path.count(b"/") == 1 and member.data is not None:
            tree.documents[member.path] = member.data
    tree.root = _directories(folders, rows)
    tree.names = sorted(folders[b""])
    rows.tree_files(tree.root, _count(folders, tree.tally))
    if not tree.tally.kept.rows and not tree.tally.skipped.rows:
        raise ItemError("empty-archive", "there is no file in it")
    tree.tally.notes += _summaries(odd, leaving)
    return tree


def listed_tree(files: Iterable[tuple[bytes, int, bytes]], rows: Rows) -> bytes:
    """Turn files (path, perms, content), whose contents are looked after elsewhere, into directories and a list of files.

    Returns:
        The root directory.

    Raises:
        ItemError: ``path-conflict``: a file stands where another needs a folder.
    """
    folders: dict[bytes, dict[bytes, _File | None]] = {b"": {}}
    listed = sorted(files)
    for path, perms, content in listed:
        parent, _, name = path.rpartition(b"/")
        folder = _folder(folders, parent)
        if name in folder:
            raise ItemError("path-conflict", f"{shown_path(path)} is there twice, or is both a file and a directory")
        folder[name] = _File(perms, content, 0, None)
    root = _directories(folders, rows)
    rows.tree_files(root, listed)
    return root


def folder_members(folder: Path, settings: Settings) -> Iterator[Member]:
    """Walk a folder on disk as ``codecommons identify`` does: links are not followed, special files are empty.

    Raises:
        ItemError: ``unreadable``: something in it can't be read, or changes while it is read.
    """
    root, todo = os.fsencode(folder), [b""]
    try:
        while todo:
            at = todo.pop()
            with os.scandir(root + b"/" + at) as listing:
                entries = sorted(listing, key=attrgetter("name"))
            for entry in entries:
                path = at + b"/" + entry.name if at else entry.name
                if entry.is_dir(follow_symlinks=False):
                    todo.append(path)
                    yield Member(path, DIRECTORY_PERMS)
                else:
                    yield _disk_file(entry.path, path, settings)
    except OSError as error:
        where = os.fsdecode(error.filename or folder)
        raise ItemError("unreadable", f"{where} can't be read: {error.strerror or error}") from error


def file_member(file: Path, name: bytes, executable: bool, settings: Settings) -> Member:
    """One file on disk, as the only member of a tree.

    Raises:
        ItemError: ``unreadable``.
    """
    try:
        return _disk_file(os.fsencode(file), name, settings)._replace(perms=EXECUTABLE_PERMS if executable else FILE_PERMS)
    except OSError as error:
        raise ItemError("unreadable", f"{file} can't be read: {error.strerror or error}") from error


def too_large(path: bytes, length: int, limit: int) -> Note:
    """What is said of a file over the size limit."""
    detail = f"{shown_path(path)} has {length:,} bytes, over the limit of {limit:,}; its hashes are kept, its bytes are not"
    return Note(TOO_LARGE, detail, path, length)


def taken_down(path: bytes, length: int) -> Note:
    """What is said of a file whose content was taken down."""
    return Note(TAKEN_DOWN, f"{shown_path(path)} was taken down; its bytes are not taken again", path, length)


def _disk_file(file: bytes, path: bytes, settings: Settings) -> Member:
    status = os.lstat(file)
    if stat.S_ISLNK(status.st_mode):
        text = os.readlink(file)  # noqa: PTH115 (a Path would normalise the text)
        return Member(path, SYMLINK_PERMS, len(text), text)
    perms = EXECUTABLE_PERMS if status.st_mode & 0o111 else FILE_PERMS
    if not stat.S_ISREG(status.st_mode):
        return Member(path, perms, 0, b"")
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        length = os.fstat(descriptor).st_size
        if length > settings.max_content_bytes:
            return Member(path, perms, length, hashes=large_hashes(iter(lambda: os.read(descriptor, _CHUNK), b""), length))
        # One byte more than there should be: the system returns less only at the end of the file.
        data = os.read(descriptor, length + 1)
        if len(data) != length:
            raise EOFError
        return Member(path, perms, length, data)
    except EOFError:
        raise OSError(0, "it changed while it was read", file) from None
    finally:
        os.close(descriptor)


def _folder(folders: dict[bytes, dict[bytes, _File | None]], path: bytes) -> dict[bytes, _File | None]:
    """The folder of a path, made with its parents when it is missing; ``None`` in a folder stands for a folder."""
    found = folders.get(path)
    if found is not None:
        return found
    at = b""
    for name in path.split(b"/"):
        parent = folders[at]
        if parent.get(name) is not None:
            raise ItemError("path-conflict", f"{shown_path(at + b'/' + name if at else name)} is both a file and a directory")
        parent[name] = None
        at = at + b"/" + name if at else name
        folders.setdefault(at, {})
    return folders[path]


def _stored(member: Member, rows: Rows) -> _File:
    if member.data is None:
        assert member.hashes is not None
        rows.skipped_content(member.hashes.sha1_git, TOO_LARGE, member.hashes, member.length)
        return _File(member.perms, member.hashes.sha1_git, member.length, TOO_LARGE)
    identifier = content_id(member.data)
    rows.content(identifier, member.data)
    return _File(member.perms, identifier, member.length, TAKEN_DOWN if identifier in rows.refused else None)


def _linked(folders: dict[bytes, dict[bytes, _File | None]], member: Member) -> _File:
    assert member.same_as is not None
    parent, _, name = member.same_as.rpartition(b"/")
    file = folders.get(parent, {}).get(name)
    if file is None:
        raise ItemError(
            "broken-hardlink",
            f"{shown_path(member.path)} is a hard link to {shown_path(member.same_as)}, which is no earlier file",
        )
    return file


def _directories(folders: dict[bytes, dict[bytes, _File | None]], rows: Rows) -> bytes:
    """Identify every folder, the deepest first."""
    known: dict[bytes, bytes] = {}
    for path in sorted(folders, key=lambda path: (path.count(b"/") + bool(path), path), reverse=True):
        prefix = path + b"/" if path else b""
        entries = [
            (name, DIRECTORY_PERMS, known.pop(prefix + name)) if file is None else (name, file.perms, file.content)
            for name, file in folders[path].items()
        ]
        identifier = directory_id(entries)
        rows.directory(identifier, sorted(entries))
        known[path] = identifier
    return known[b""]


def _count(folders: dict[bytes, dict[bytes, _File | None]], tally: Tally) -> Iterator[tuple[bytes, int, bytes]]:
    for path, folder in sorted(folders.items()):
        for name, file in sorted(folder.items()):
            if file is not None:
                if file.skipped:
                    tally.skip(file.length, None if file.skipped == TOO_LARGE else file.skipped)
                else:
                    tally.kept += Count(1, file.length)
                yield (path + b"/" + name if path else name), file.perms, file.content


def _summaries(odd: list[bytes], leaving: list[bytes]) -> Iterator[Note]:
    if odd:
        what = f"{len(odd)} file names are not UTF-8 and are kept as bytes, such as {shown_path(odd[0])}"
        yield Note("name-not-utf8", what, odd[0], kept=True)
    if leaving:
        what = f"{len(leaving)} symbolic links point out of the tree, such as {shown_path(leaving[0])}"
        yield Note("link-leaves-tree", f"{what}; their text is kept, they are never followed", leaving[0], kept=True)


def _leaves(folder: bytes, target: bytes) -> bool:
    if target.startswith(b"/"):
        return True
    depth = len(folder.split(b"/")) if folder else 0
    for part in target.split(b"/"):
        depth += -1 if part == b".." else 0 if part in (b"", b".") else 1
        if depth < 0:
            return True
    return False


def _is_text(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


def shown_path(path: bytes) -> str:
    """A path as a line for people has it: quoted, and not all of a very long one."""
    return repr(path[:200].decode("utf-8", "backslashreplace"))
