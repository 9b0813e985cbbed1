# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

r"""The bytes that an identifier is the hash of, for every object but a content.

A manifest is the body of a git object (snapshots use git's shape although git has none); its identifier is
``sha1(b"<kind> <length>\0" + body)``. Sources: SWHID specification 1.2, chapter 5, and git itself where the two
differ (a directory's mode is written ``40000``, not ``040000``). Identifiers are 20 raw bytes throughout.

Everything that varies in the wild is kept verbatim: names, authors and offsets are bytes, a message may be None (no blank
line at all) or empty (a blank line, then nothing). An object whose original bytes were not canonical carries
``raw_manifest``, header included, and its identifier is the hash of exactly that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha1
from typing import NamedTuple

DIRECTORY_PERMS = 0o040000
FILE_PERMS = 0o100644
EXECUTABLE_PERMS = 0o100755
SYMLINK_PERMS = 0o120000
REVISION_PERMS = 0o160000

_KIND_MASK = 0o170000
_OFFSET = re.compile(rb"([+-])(\d{1,64})")

GIT_KINDS = {"content": "blob", "directory": "tree", "revision": "commit", "release": "tag", "snapshot": "refs"}
"""Software Heritage's object types and git's words for them (``refs`` only as the target of a release)."""


class Date(NamedTuple):
    """When something was written, as its author's machine said it.

    Attributes:
        seconds: since 1970-01-01 00:00 UTC; any integer.
        microseconds: 0 to 999,999; not zero only outside git.
        offset_bytes: the UTC offset verbatim, normally ``+hhmm``; ``-0000`` and nonsense such as ``--700`` occur.
    """

    seconds: int
    microseconds: int = 0
    offset_bytes: bytes = b"+0000"


def git_object(kind: str, body: bytes) -> bytes:
    """The whole object: git's header (``kind`` is git's word: blob, tree, commit, tag; or snapshot), then the body."""
    return b"%s %d\0%s" % (kind.encode("ascii"), len(body), body)


def git_object_id(kind: str, body: bytes) -> bytes:
    """Identifier of a git object from its kind and body."""
    digest = sha1(b"%s %d\0" % (kind.encode("ascii"), len(body)))
    digest.update(body)
    return digest.digest()


def origin_id(url: str) -> bytes:
    """Identifier of an origin: sha1 of its URL in UTF-8. It names a row of ours and is not a SWHID."""
    return sha1(url.encode()).digest()


def directory_manifest(entries: Iterable[tuple[bytes, int, bytes]]) -> bytes:
    """Serialise a directory as a git tree, sorting the entries as git does.

    Args:
        entries: (name, perms, target) in any order; perms is the mode (0o100644, 0o100755, 0o120000, 0o40000,
            0o160000, or whatever an old git wrote), target the 20-byte identifier.

    Raises:
        ValueError: a name holds ``/`` or NUL, or a target is not 20 bytes: such a tree can't be written
            without ambiguity and needs its raw manifest.
    """
    lines = []
    for name, perms, target in entries:
        if b"/" in name or b"\0" in name or len(target) != 20:
            raise ValueError(f"a directory can't have an entry named {name!r} with target of {len(target)} bytes")
        key = name + b"/" if perms & _KIND_MASK == DIRECTORY_PERMS else name
        lines.append((key, b"%o %s\0%s" % (perms, name, target)))
    lines.sort()
    return b"".join([line for _, line in lines])


def directory_id(entries: Iterable[tuple[bytes, int, bytes]], raw_manifest: bytes | None = None) -> bytes:
    """Identifier of a directory; the arguments are those of ``directory_manifest``."""
    if raw_manifest is not None:
        return sha1(raw_manifest).digest()
    return git_object_id("tree", directory_manifest(entries))


class Revision(NamedTuple):
    """One commit.

    Attributes:
        directory: identifier of the root directory.
        parents: identifiers of the parents, in order.
        author: full name, ``Name <email>``, verbatim; None leaves the line out.
        date: when it was authored; None leaves the date out of the line.
        committer: as ``author``.
        committer_date: as ``date``.
        message: None writes no blank line.
        extra_headers: (key, value) in order after the committer (encoding, gpgsig, mergetag, ...); keys may repeat.
        raw_manifest: the whole original object, header included, when the fields don't give it back.
    """

    directory: bytes
    parents: tuple[bytes, ...]
    author: bytes | None
    date: Date | None
    committer: bytes | None
    committer_date: Date | None
    message: bytes | None
    extra_headers: tuple[tuple[bytes, bytes], ...] = ()
    raw_manifest: bytes | None = None


class Release(NamedTuple):
    """One annotated tag, or one version of a package. A signature is part of the message.

    Attributes:
        target: identifier of the object that is released.
        target_type: content, directory, revision, release or snapshot.
        name: of the tag.
        author: full name of the tagger, verbatim; None leaves the line out.
        date: when it was tagged; None leaves the date out of the line.
        message: None writes no blank line.
        raw_manifest: the whole original object, header included, when the fields don't give it back.
    """

    target: bytes
    target_type: str
    name: bytes
    author: bytes | None
    date: Date | None
    message: bytes | None
    raw_manifest: bytes | None = None


def revision_manifest(revision: Revision) -> bytes:
    """Serialise a revision as a git commit."""
    headers = [(b"tree", revision.directory.hex().encode())]
    headers += [(b"parent", parent.hex().encode()) for parent in revision.parents]
    if revision.author is not None:
        headers.append((b"author", _signed(revision.author, revision.date)))
    if revision.committer is not None:
        headers.append((b"committer", _signed(revision.committer, revision.committer_date)))
    return _headed([*headers, *revision.extra_headers], revision.message)


def revision_id(revision: Revision) -> bytes:
    """Identifier of a revision."""
    if revision.raw_manifest is not None:
        return sha1(revision.raw_manifest).digest()
    return git_object_id("commit", revision_manifest(revision))


def release_manifest(release: Release) -> bytes:
    """Serialise a release as a git tag.

    Raises:
        ValueError: the target type is none of the five.
    """
    if release.target_type not in GIT_KINDS:
        raise ValueError(f"a release can't target a {release.target_type!r}; it may be one of {', '.join(GIT_KINDS)}")
    kind = GIT_KINDS[release.target_type].encode()
    headers = [(b"object", release.target.hex().encode()), (b"type", kind), (b"tag", release.name)]
    if release.author is not None:
        headers.append((b"tagger", _signed(release.author, release.date)))
    return _headed(headers, release.message)


def release_id(release: Release) -> bytes:
    """Identifier of a release."""
    if release.raw_manifest is not None:
        return sha1(release.raw_manifest).digest()
    return git_object_id("tag", release_manifest(release))


def snapshot_manifest(branches: Mapping[bytes, tuple[str, bytes] | None]) -> bytes:
    """Serialise a snapshot.

    Args:
        branches: by full name, (target type, target); None is a dangling branch. The target of an ``alias`` is the name of
            another branch, all others are identifiers.

    Raises:
        ValueError: a target type is none of content, directory, revision, release, snapshot and alias.
    """
    lines = []
    for name in sorted(branches):
        branch = branches[name]
        kind, target = ("dangling", b"") if branch is None else branch
        if branch is not None and kind not in GIT_KINDS and kind != "alias":
            raise ValueError(f"branch {name!r} can't target a {kind!r}; it may be one of {', '.join(GIT_KINDS)}, alias")
        lines.append(b"%s %s\0%d:%s" % (kind.encode(), name, len(target), target))
    return b"".join(lines)


def snapshot_id(branches: Mapping[bytes, tuple[str, bytes] | None]) -> bytes:
    """Identifier of a snapshot."""
    return git_object_id("snapshot", snapshot_manifest(branches))


def offset_minutes(offset_bytes: bytes) -> int:
    """A UTC offset in minutes, for reading: 0 when the bytes are no plausible ``+hhmm``. The bytes stay the truth."""
    match = _OFFSET.fullmatch(offset_bytes)
    if match is None:
        return 0
    digits = match[2]
    hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
    total = hours * 60 + minutes
    if minutes > 59 or total >= 1 << 15:
        return 0
    return -total if match[1] == b"-" else total


def _signed(fullname: bytes, date: Date | None) -> bytes:
    if date is None:
        return fullname
    seconds, microseconds, offset = date
    fraction = b".%06d" % microseconds if microseconds else b""
    return b"%s %d%s %s" % (fullname, seconds, fraction.rstrip(b"0"), offset)


def _headed(headers: Iterable[tuple[bytes, bytes]], message: bytes | None) -> bytes:
    lines = b"".join([b"%s %s\n" % (key, value.replace(b"\n", b"\n ")) for key, value in headers])
    return lines if message is None else b"%s\n%s" % (lines, message)
