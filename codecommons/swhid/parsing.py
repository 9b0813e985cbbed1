# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Read git objects into their fields, losing nothing.

The inverse of ``manifests``. A body whose fields don't serialise back to the same bytes (wrong entry order, zero-padded
modes, odd headers, dates out of range) is kept whole in ``raw_manifest``, so an identifier can always be recomputed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from codecommons.swhid.manifests import (
    DIRECTORY_PERMS,
    GIT_KINDS,
    Date,
    Release,
    Revision,
    directory_manifest,
    git_object,
    release_manifest,
    revision_manifest,
)

_SIGNED = re.compile(rb"(.*) (-?\d{1,18}) ([^ \n]+)", re.DOTALL)
_HEX = re.compile(rb"[0-9a-f]{40}")
_TARGET_TYPES = {git.encode(): name for name, git in GIT_KINDS.items()}


class Directory(NamedTuple):
    """Entries (name, perms, target) in the order they were written, and the original object when sorting loses something."""

    entries: list[tuple[bytes, int, bytes]]
    raw_manifest: bytes | None = None


def parse_directory(body: bytes) -> Directory:
    """Read a git tree.

    Raises:
        ValueError: the bytes are no tree.
    """
    entries = []
    position = 0
    while position < len(body):
        space = body.index(b" ", position)
        end = body.index(b"\0", space)
        entries.append((body[space + 1 : end], int(body[position:space], 8), body[end + 1 : end + 21]))
        position = end + 21
    if position != len(body):
        raise ValueError("the last entry of the tree is cut short")
    try:
        canonical = directory_manifest(entries) == body
    except ValueError:
        canonical = False
    return Directory(entries, None if canonical else git_object("tree", body))


def parse_revision(body: bytes) -> Revision:
    """Read a git commit.

    Raises:
        ValueError: the bytes name no root directory.
    """
    headers, message = _split(body)
    rest = iter(headers)
    key, value = next(rest, (b"", b""))
    if key != b"tree" or not _HEX.fullmatch(value):
        raise ValueError("a commit starts with its tree; this one doesn't")
    directory = bytes.fromhex(value.decode())
    parents: list[bytes] = []
    signed: dict[bytes, tuple[bytes, Date | None]] = {}
    extra: list[tuple[bytes, bytes]] = []
    for key, value in rest:
        if key == b"parent" and not signed and not extra and _HEX.fullmatch(value):
            parents.append(bytes.fromhex(value.decode()))
        elif key in (b"author", b"committer") and key not in signed and not extra:
            signed[key] = _parse_signed(value)
        else:
            extra.append((key, value))
    author, date = signed.get(b"author", (None, None))
    committer, committer_date = signed.get(b"committer", (None, None))
    revision = Revision(directory, tuple(parents), author, date, committer, committer_date, message, tuple(extra))
    if revision_manifest(revision) == body:
        return revision
    return revision._replace(raw_manifest=git_object("commit", body))


def parse_release(body: bytes) -> Release:
    """Read a git tag.

    Raises:
        ValueError: the bytes name no target.
    """
    headers, message = _split(body)
    fields = dict(reversed(headers))
    target, kind = fields.get(b"object", b""), fields.get(b"type", b"")
    if not _HEX.fullmatch(target) or kind not in _TARGET_TYPES:
        raise ValueError("a tag says which object it names and of which type; this one doesn't")
    author, date = _parse_signed(fields[b"tagger"]) if b"tagger" in fields else (None, None)
    target_type = _TARGET_TYPES[kind]
    release = Release(bytes.fromhex(target.decode()), target_type, fields.get(b"tag", b""), author, date, message)
    if release_manifest(release) == body:
        return release
    return release._replace(raw_manifest=git_object("tag", body))


def entry_type(perms: int) -> str:
    """Software Heritage's type of a directory entry, from its mode: ``file``, ``dir`` or ``rev``."""
    kind = perms & 0o170000
    return "dir" if kind == DIRECTORY_PERMS else "rev" if kind == 0o160000 else "file"


def _split(body: bytes) -> tuple[list[tuple[bytes, bytes]], bytes | None]:
    """Headers in order (continuation lines joined) and the message, None when there is no blank line."""
    head, blank, message = (b"", b"\n", body[1:]) if body.startswith(b"\n") else body.partition(b"\n\n")
    headers: list[tuple[bytes, bytes]] = []
    for line in head.removesuffix(b"\n").split(b"\n") if head else ():
        if line.startswith(b" ") and headers:
            key, value = headers[-1]
            headers[-1] = (key, value + b"\n" + line[1:])
        else:
            key, _, value = line.partition(b" ")
            headers.append((key, value))
    return headers, message if blank else None


def _parse_signed(value: bytes) -> tuple[bytes, Date | None]:
    match = _SIGNED.fullmatch(value)
    if match is None:
        return value, None
    return match[1], Date(int(match[2]), 0, match[3])
