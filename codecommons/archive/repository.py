# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Read a git repository's objects in bounded memory, only the new ones, trusting nothing it says about itself.

Everything goes through git's plumbing, in the environment of ``swhid.git``: no work tree, no hooks, no filters, no network.
Every object's bytes are hashed again before they become rows.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from codecommons.archive.objects import Rows
from codecommons.archive.tally import Note, Tally
from codecommons.archive.tree import TOO_LARGE, too_large
from codecommons.archive.unpack import large_hashes
from codecommons.errors import CodeCommonsError, ItemError
from codecommons.lake import StagedFile, StagingArea
from codecommons.report import Count
from codecommons.settings import Settings
from codecommons.swhid import git, git_object_id, hash_content
from codecommons.swhid.parsing import entry_type, parse_directory, parse_release, parse_revision

MISSING = "missing-upstream"
_CHUNK = 1 << 18


class Found(NamedTuple):
    """One object that is there: its identifier, git's kind and its size."""

    id: bytes
    kind: str
    size: int


@dataclass
class Listing:
    """What a walk over a repository found, in a file: a history may be larger than memory."""

    file: IO[bytes]
    missing: set[bytes] = field(default_factory=set)

    def objects(self) -> Iterator[Found]:
        """Objects that are there, in the order of the walk."""
        self.file.seek(0)
        for line in self.file:
            identifier, kind, *size = line.split()
            if kind != b"missing":
                yield Found(bytes.fromhex(identifier.decode()), kind.decode(), int(size[0]))


@contextmanager
def list_objects(repository: Path, heads: Iterable[bytes], known: Iterable[bytes]) -> Iterator[Listing]:
    """Walk everything that ``heads`` reach and ``known`` don't.

    Raises:
        ItemError: ``missing-objects``: a head is not there.
    """
    revisions = [identifier.hex() for identifier in heads] + [f"^{identifier.hex()}" for identifier in known]
    with tempfile.TemporaryFile() as wanted, tempfile.TemporaryFile() as found, tempfile.TemporaryFile() as said:
        wanted.write("".join(f"{revision}\n" for revision in sorted(set(revisions))).encode())
        wanted.seek(0)
        walk = _start(
            repository, "rev-list", "--objects", "--no-object-names", "--missing=print", "--stdin", stdin=wanted, stderr=said
        )
        check = _start(repository, "cat-file", "--batch-check", "--buffer", stdin=walk.stdout, stdout=found, stderr=said)
        assert walk.stdout is not None
        walk.stdout.close()  # so that git hears when its reader is gone
        if walk.wait() or check.wait():
            check.wait()
            said.seek(0)
            line = said.read(1000).decode(errors="replace").strip().partition("\n")[0]
            raise ItemError("missing-objects", f"git can't walk the history: {line}")
        listing = Listing(found)
        found.seek(0)
        for answer in found:
            if answer.endswith(b" missing\n"):
                listing.missing.add(bytes.fromhex(answer.split()[0].lstrip(b"?").decode()))
        yield listing


def present(repository: Path, ids: Iterable[bytes]) -> set[bytes]:
    """Those of ``ids`` that the repository holds."""
    ids = sorted(set(ids))
    answers = git.run(
        repository, "cat-file", "--batch-check", stdin=b"".join(one.hex().encode() + b"\n" for one in ids)
    ).splitlines()
    return {one for one, answer in zip(ids, answers, strict=True) if not answer.endswith(b" missing")}


@dataclass(frozen=True)
class ReadObjects:
    """Objects for one worker to read."""

    name: str
    repository: Path
    ids: bytes
    missing: frozenset[bytes]
    area: StagingArea

    def __str__(self) -> str:
        """How an error names it."""
        return f"{self.name}, {len(self.ids) // 20} objects from {self.ids[:20].hex()}"


@dataclass
class ObjectsRead:
    """What a worker read: objects by kind, remarks, contents that trees name but nobody holds, and staged rows."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)
    missing_contents: set[bytes] = field(default_factory=set)
    staged: list[StagedFile] = field(default_factory=list)


def read_objects(task: ReadObjects) -> ObjectsRead:
    """Turn objects into staged rows."""
    rows = Rows(task.area, task.name)
    read = ObjectsRead()
    ids = [task.ids[at : at + 20] for at in range(0, len(task.ids), 20)]
    with tempfile.TemporaryFile() as wanted:
        wanted.write(b"".join(one.hex().encode() + b"\n" for one in ids))
        wanted.seek(0)
        with _start(task.repository, "cat-file", "--batch", "--buffer", stdin=wanted) as process:
            assert process.stdout is not None
            for one in ids:
                read.counts[_read_object(one, process.stdout, rows, task.missing, read)] += 1
    read.staged = rows.close()
    return read


def _read_object(identifier: bytes, stream: IO[bytes], rows: Rows, missing: frozenset[bytes], read: ObjectsRead) -> str:
    header = stream.readline().split()
    if len(header) != 3:
        raise CodeCommonsError(f"git object {identifier.hex()} vanished while it was read; run the slice again")
    kind, size = header[1].decode(), int(header[2])
    if kind == "blob" and size > rows.settings.max_content_bytes:
        hashes = large_hashes(_chunks(stream, size), size)
        genuine = hashes.sha1_git == identifier
        if genuine:
            rows.skipped_content(identifier, TOO_LARGE, hashes, size)
    else:
        body = stream.read(size)
        genuine = _add(kind, identifier, body, rows, missing, read)
    stream.read(1)
    if not genuine:
        read.notes.append(Note("mismatch", f"{kind} {identifier.hex()} has other bytes than its name says; it was left out"))
        return "mismatch"
    return kind


def _add(kind: str, identifier: bytes, body: bytes, rows: Rows, missing: frozenset[bytes], read: ObjectsRead) -> bool:
    """Write the rows of one object; False when its bytes don't hash to its name."""
    if kind == "blob":
        hashes = hash_content(body)
        if hashes.sha1_git == identifier:
            rows.content(hashes, body)
        return hashes.sha1_git == identifier
    if git_object_id(kind, body) != identifier:
        return False
    try:
        if kind == "tree":
            directory = parse_directory(body)
            rows.directory(identifier, directory.entries, directory.raw_manifest)
            for _, perms, target in directory.entries:
                if target in missing and entry_type(perms) == "file":
                    rows.skipped_content(target, MISSING)
                    read.missing_contents.add(target)
        elif kind == "commit":
            rows.revision(parse_revision(body))
        else:
            rows.release(parse_release(body))
    except ValueError as error:
        read.notes.append(Note("unreadable-object", f"{kind} {identifier.hex()}: {error}; it was left out"))
    return True


@dataclass(frozen=True)
class ListTree:
    """A root directory whose files are to be listed."""

    name: str
    repository: Path
    root: bytes
    area: StagingArea

    def __str__(self) -> str:
        """How an error names it."""
        return f"{self.name}, files of {self.root.hex()}"


def list_tree(task: ListTree) -> tuple[Tally, list[StagedFile]]:
    """List the files of a root directory, submodules left out.

    Raises:
        ItemError: ``missing-objects``: a directory of it is not there.
    """
    rows = Rows(task.area, task.name)
    tally = Tally()
    with tempfile.TemporaryFile() as said:
        with _start(task.repository, "ls-tree", "-r", "-z", "-l", "--full-tree", task.root.hex(), stderr=said) as process:
            assert process.stdout is not None
            rows.tree_files(task.root, _files(process.stdout, tally, rows.settings))
        if process.returncode:
            said.seek(0)
            line = said.read(1000).decode(errors="replace").strip().partition("\n")[0]
            raise ItemError("missing-objects", f"the files of directory {task.root.hex()} can't be listed: {line}")
    return tally, rows.close()


def _files(stream: IO[bytes], tally: Tally, settings: Settings) -> Iterator[tuple[bytes, int, bytes]]:
    for line in _records(stream):
        head, _, path = line.partition(b"\t")
        mode, kind, identifier, size = head.split()
        if kind == b"commit":
            continue
        length, limit = int(size) if size.isdigit() else None, settings.max_content_bytes
        if length is None:
            tally.skipped += Count(1, 0)
            tally.notes.append(Note(MISSING, "the repository does not hold its bytes", path))
        elif length > limit:
            tally.skipped += Count(1, length)
            tally.notes.append(too_large(path, length, limit))
        else:
            tally.kept += Count(1, length)
        yield path, int(mode, 8), bytes.fromhex(identifier.decode())


def _records(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole


def _chunks(stream: IO[bytes], size: int) -> Iterator[bytes]:
    while size:
        chunk = stream.read(min(_CHUNK, size))
        if not chunk:
            return
        size -= len(chunk)
        yield chunk


def _start(
    repository: Path,
    *arguments: str,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | int = subprocess.PIPE,
    stderr: IO[bytes] | int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    inner = repository / ".git"
    command = ["git", f"--git-dir={inner if os.path.lexists(inner) else repository}", *arguments]
    return subprocess.Popen(
        command, stdin=stdin or subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=git.environment(), bufsize=_CHUNK
    )
