# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Read git objects into their fields, losing nothing.

The inverse of ``manifests``. A body whose fields don't serialise back to the same bytes (wrong entry order, zero-padded
modes, odd headers, dates out of range) is kept whole in ``raw_manifest``, so an identifier can always be recomputed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from operator import lt
from typing import NamedTuple

from codecommons.swhid.manifests import (
    DIRECTORY_PERMS,
    GIT_KINDS,
    REVISION_PERMS,
    Date,
    Release,
    Revision,
    directory_manifest,
    git_object,
    release_manifest,
    revision_manifest,
)

# Nothing here may look twice at what it has passed: a body is as long and as odd as its author likes.
_ENTRIES = re.compile(rb"(?:[0-7]{1,20}+ [^\0]*+\0.{20})*+", re.DOTALL)
# Entries that can only be written in one way; their order is another matter.
_PLAIN_ENTRIES = re.compile(rb"(?:[1-7][0-7]{4,5} [^/\0]*+\0.{20})*+", re.DOTALL)
_ENTRY = re.compile(rb"([0-7]{1,20}+) ([^\0]*+)\0(.{20})", re.DOTALL)
_PERMS = {b"100644": 0o100644, b"100755": 0o100755, b"120000": 0o120000, b"40000": 0o040000, b"160000": 0o160000}
_KIND_MASK = 0o170000
_MOST_PERMS = (1 << 31) - 1
# How nearly all commits begin. What it matches can only be written in one way.
_COMMIT = re.compile(
    rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*+)"
    rb"author ([^\n]*) (0|-?[1-9]\d{0,17}) ([+-]\d{4})\n"
    rb"committer ([^\n]*) (0|-?[1-9]\d{0,17}) ([+-]\d{4})\n"
)
_SIGNED = re.compile(rb"(.*) (-?\d{1,18}) ([^ \n]+)", re.DOTALL)
_HEX = re.compile(rb"[0-9a-f]{40}")
_TARGET_TYPES = {git.encode(): name for name, git in GIT_KINDS.items()}


class Directory(NamedTuple):
    """Entries (name, perms, target) in the order they were written, and the original object when that loses something."""

    entries: list[tuple[bytes, int, bytes]]
    raw_manifest: bytes | None = None


def parse_directory(body: bytes) -> Directory:
    """Read a git tree.

    Raises:
        ValueError: the bytes are no tree.
    """
    if not _ENTRIES.fullmatch(body):
        raise ValueError("a tree is made of modes, names and identifiers; this one has something else in it")
    entries = [(name, _PERMS.get(mode) or _perms(mode), target) for mode, name, target in _ENTRY.findall(body)]
    return Directory(entries, None if _is_canonical(entries, body) else git_object("tree", body))


def _perms(mode: bytes) -> int:
    perms = int(mode, 8)
    if perms > _MOST_PERMS:
        raise ValueError(f"a tree has an entry of mode {mode.decode()}, which fits no 31 bits")
    return perms


def _is_canonical(entries: list[tuple[bytes, int, bytes]], body: bytes) -> bool:
    """Whether the entries, as a set and sorted as git does, give the same bytes: a name that is there twice does not."""
    if len({name for name, _, _ in entries}) != len(entries):
        return False
    if _PLAIN_ENTRIES.fullmatch(body):
        keys = [name + b"/" if perms & _KIND_MASK == DIRECTORY_PERMS else name for name, perms, _ in entries]
        if all(map(lt, keys, islice(keys, 1, None))):
            return True
    try:
        return directory_manifest(entries) == body
    except ValueError:
        return False


def parse_revision(body: bytes) -> Revision:
    """Read a git commit.

    Raises:
        ValueError: the bytes name no root directory.
    """
    return _plain_revision(body) or _odd_revision(body)


def _plain_revision(body: bytes) -> Revision | None:
    """A commit as git writes it; None when it may be anything else."""
    start = _COMMIT.match(body)
    if start is None:
        return None
    tree, parents, author, seconds, offset, committer, committed, committed_offset = start.groups()
    extra: list[tuple[bytes, bytes]] = []
    if body.startswith(b"\n", start.end()):
        message = body[start.end() + 1 :]
    else:
        headers, blank, message = body[start.end() :].partition(b"\n\n")
        lines = headers.split(b"\n")
        if not blank or lines[0].startswith(b" ") or not all(b" " in line for line in lines):
            return None
        extra = _headers(lines)
    return Revision(
        bytes.fromhex(tree.decode()),
        tuple([bytes.fromhex(line[7:].decode()) for line in parents.splitlines()]),
        author,
        Date(int(seconds), 0, offset),
        committer,
        Date(int(committed), 0, committed_offset),
        message,
        tuple(extra),
    )


def _odd_revision(body: bytes) -> Revision:
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


@lru_cache(64)
def entry_type(perms: int) -> str:
    """Software Heritage's type of a directory entry, from its mode: ``file``, ``dir`` or ``rev``."""
    kind = perms & _KIND_MASK
    return "dir" if kind == DIRECTORY_PERMS else "rev" if kind == REVISION_PERMS else "file"


def _split(body: bytes) -> tuple[list[tuple[bytes, bytes]], bytes | None]:
    """Headers in order (continuation lines joined) and the message, None when there is no blank line."""
    head, blank, message = (b"", b"\n", body[1:]) if body.startswith(b"\n") else body.partition(b"\n\n")
    return _headers(head.removesuffix(b"\n").split(b"\n")) if head else [], message if blank else None


def _headers(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, list[bytes]]] = []
    for line in lines:
        if line.startswith(b" ") and headers:
            headers[-1][1].append(line[1:])
        else:
            key, _, value = line.partition(b" ")
            headers.append((key, [value]))
    return [(key, b"\n".join(values)) for key, values in headers]


def _parse_signed(value: bytes) -> tuple[bytes, Date | None]:
    match = _SIGNED.fullmatch(value)
    if match is None:
        return value, None
    return match[1], Date(int(match[2]), 0, match[3])
