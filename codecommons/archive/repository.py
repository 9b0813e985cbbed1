# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Read a git repository's objects in bounded memory, only the new ones, trusting nothing it says about itself.

Everything goes through git's plumbing, in the environment of ``swhid.git``: no configuration, no work tree, no hooks, no filters,
no network. Every object's bytes are hashed again before they become rows. What is not there, or can't be read, is told and
stops nothing else.
"""

from __future__ import annotations

import gc
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import IO, NamedTuple

import polars as pl

from codecommons.archive.objects import TAKEN_DOWN, Rows
from codecommons.archive.source import unexpected
from codecommons.archive.tally import Note, Tally
from codecommons.archive.tree import TOO_LARGE, shown_path, taken_down, too_large
from codecommons.archive.unpack import large_hashes
from codecommons.errors import ItemError
from codecommons.lake import StagedFile, StagingArea
from codecommons.report import Count
from codecommons.swhid import ContentHashes, git, git_object_id
from codecommons.swhid.parsing import parse_directory, parse_release, parse_revision

MISSING, UNREADABLE = "missing-upstream", "unreadable-upstream"
_CHUNK = 1 << 18
# Answers of git about objects that are looked at together: some 60,000 of them.
_WINDOW_BYTES = 4 << 20
# Paths of one tree, in sum: a few small trees that name each other many times list more files than any disk holds.
MOST_PATH_BYTES = 1 << 30
# Remarks on one repository, each about one object or file.
MOST_NOTES = 1000
# Commits and tags of a damaged repository, looked at for what they name.
_MOST_LOOKED_AT = 64 << 20
_REV_LIST = ("rev-list", "--objects", "--no-object-names", "--missing=print", "--stdin")
_KEYS = {"sha1_git": pl.Binary}


@dataclass
class Listing:
    """What a walk over a repository found, in a file: a history may be larger than memory.

    Attributes:
        missing: commits, directories and tags that are named but not there.
        missing_contents: contents that are named but not there (column sha1_git).
    """

    file: IO[bytes]
    missing: set[bytes] = field(default_factory=set)
    missing_contents: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_KEYS))

    def objects(self) -> Iterator[pl.DataFrame]:
        """Objects that are there (columns id, kind in git's word, size), in the order of the walk, a window at a time."""
        return (window.filter(pl.col("kind") != "missing") for window in self._windows())

    def absent(self) -> Iterator[bytes]:
        """Objects that are not there, of whatever kind."""
        for window in self._windows():
            yield from window.filter(pl.col("kind") == "missing")["id"]

    def _windows(self) -> Iterator[pl.DataFrame]:
        self.file.seek(0)
        schema = {"id": pl.String, "kind": pl.String, "size": pl.Int64}
        while text := self.file.read(_WINDOW_BYTES):
            text += self.file.readline()
            answers = pl.read_csv(text, has_header=False, separator=" ", quote_char=None, schema=schema)
            yield answers.with_columns(pl.col("id").str.strip_chars_start("?").str.decode("hex"))


@contextmanager
def list_objects(repository: Path, heads: set[bytes], known: set[bytes]) -> Iterator[Listing]:
    """Walk everything that ``heads`` reach and ``known`` don't, past whatever is missing.

    Args:
        repository: a work tree or a bare repository.
        heads: identifiers of objects that are there.
        known: commits and tags that are there, and are of no interest with all they reach.

    Raises:
        ItemError: ``unreadable-history``: git can't walk it, even around what is missing.
    """
    with tempfile.TemporaryFile() as found:
        listing = Listing(found)
        with git.opened(repository) as git_dir:
            failed = _walk(repository, git_dir, heads, known, listing)
            gaps = _find_gaps(git_dir, heads) if failed else _Gaps()
        if failed:
            with git.opened(repository, gaps.cut) as git_dir:
                failed = _walk(repository, git_dir, heads - gaps.bad - gaps.tags.keys(), known - gaps.bad, listing)
            if failed:
                raise ItemError("unreadable-history", f"git can't walk the history: {failed}")
            found.seek(0, 2)
            found.write(b"".join(b"%s tag %d\n" % (tag.hex().encode(), size) for tag, size in sorted(gaps.tags.items())))
            listing.missing |= gaps.missing
        yield listing


def _walk(repository: Path, git_dir: str, heads: set[bytes], known: set[bytes], listing: Listing) -> str:
    """Fill the listing; returns what git complained about when it gave up."""
    found = listing.file
    found.seek(0)
    found.truncate()
    with tempfile.TemporaryFile() as wanted, tempfile.TemporaryFile() as said:
        wanted.write(b"".join(sorted([b"%s\n" % one.hex().encode() for one in heads])))
        wanted.write(b"".join(sorted([b"^%s\n" % one.hex().encode() for one in known])))
        walk = _start(git_dir, *_REV_LIST, stdin=wanted, stderr=said)
        check = _start(git_dir, "cat-file", "--batch-check", "--buffer", stdin=walk.stdout, stdout=found, stderr=said)
        assert walk.stdout is not None
        walk.stdout.close()  # so that git hears when its reader is gone
        if any([walk.wait(), check.wait()]):
            said.seek(0)
            return git.complaint(repository, git_dir, said.read(_CHUNK)) or "it was killed"
        absent = list(listing.absent())
        if not absent:
            return ""
        # Git does not say of which kind the missing are; a walk that leaves contents out misses all the others.
        with _start(git_dir, *_REV_LIST, "--filter=blob:none", stdin=wanted) as walk:
            assert walk.stdout is not None
            listing.missing = {bytes.fromhex(line[1:41].decode()) for line in walk.stdout if line.startswith(b"?")}
        listing.missing_contents = pl.DataFrame({"sha1_git": [one for one in absent if one not in listing.missing]}, _KEYS)
    return ""


@dataclass
class _Gaps:
    """Where a history has holes.

    Attributes:
        cut: commits with a parent that is not there.
        bad: commits that are there and can't be read.
        tags: tags (with their size) that lead to something that is not there.
        missing: what is not there.
    """

    cut: set[bytes] = field(default_factory=set)
    bad: set[bytes] = field(default_factory=set)
    tags: dict[bytes, int] = field(default_factory=dict)
    missing: set[bytes] = field(default_factory=set)


def _find_gaps(git_dir: str, heads: set[bytes]) -> _Gaps:
    """Look at every commit and every tag of a repository whose history git can't walk."""
    commits: set[bytes] = set()
    sizes: dict[bytes, int] = {}
    with tempfile.TemporaryFile() as found:
        with _start(git_dir, "cat-file", "--batch-check", "--batch-all-objects", "--buffer", stdout=found):
            pass
        for window in Listing(found).objects():
            commits.update(window.filter(pl.col("kind") == "commit")["id"])
            sizes.update(window.filter(pl.col("kind") == "tag").select("id", "size").iter_rows())
    gaps = _Gaps()
    for one in _objects(git_dir, b"".join(commits), _MOST_LOOKED_AT):
        try:
            absent = [parent for parent in parse_revision(one.body or b"").parents if parent not in commits]
        except ValueError:
            gaps.bad.add(one.id)
            continue
        if absent:
            gaps.cut.add(one.id)
            gaps.missing.update(absent)
    if gaps.bad:
        gaps.missing |= gaps.bad
        for one in _objects(git_dir, b"".join(commits - gaps.bad), _MOST_LOOKED_AT):
            if not gaps.bad.isdisjoint(parse_revision(one.body or b"").parents):
                gaps.cut.add(one.id)
    targets: dict[bytes, bytes] = {}
    for one in _objects(git_dir, b"".join(sizes), _MOST_LOOKED_AT):
        with suppress(ValueError):
            targets[one.id] = parse_release(one.body or b"").target
    ends = _present(git_dir, targets.values()) - gaps.bad
    lost = {tag for tag in sizes if targets.get(tag) not in ends}
    gaps.missing.update(target for tag, target in targets.items() if tag in lost)
    for tag in heads & sizes.keys():
        chain: dict[bytes, int] = {}
        at: bytes | None = tag
        while at in sizes and at not in chain:
            chain[at] = sizes[at]
            at = targets.get(at) if at not in lost else None
        if at is None:
            gaps.tags |= chain
    return gaps


def present(repository: Path, ids: Iterable[bytes]) -> set[bytes]:
    """Those of ``ids`` that the repository holds."""
    with git.opened(repository) as git_dir:
        return _present(git_dir, ids)


def _present(git_dir: str, ids: Iterable[bytes]) -> set[bytes]:
    with _asked(git_dir, b"".join(set(ids)), "--batch-check") as answers:
        return {bytes.fromhex(line[:40].decode()) for line in answers if not line.endswith(b" missing\n")}


def is_shallow(repository: Path) -> bool:
    """Whether the repository says that its history is cut off."""
    return git.run(repository, "rev-parse", "--is-shallow-repository").strip() == b"true"


@dataclass(frozen=True)
class ReadObjects:
    """Objects for one worker to read."""

    name: str
    repository: Path
    ids: bytes
    area: StagingArea

    def __str__(self) -> str:
        """How an error names it."""
        return f"{self.name}, {len(self.ids) // 20} objects from {self.ids[:20].hex()}"


@dataclass
class ObjectsRead:
    """What a worker read: objects by kind, remarks, contents that can't be had although they are there, and staged rows."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)
    lost: set[bytes] = field(default_factory=set)
    staged: list[StagedFile] = field(default_factory=list)


def read_objects(task: ReadObjects) -> ObjectsRead:
    """Turn objects into staged rows."""
    rows = Rows(task.area, task.name)
    read = ObjectsRead()
    with unexpected(task.name), git.opened(task.repository) as git_dir, _no_search_for_cycles():
        for one in _objects(git_dir, task.ids, rows.settings.max_content_bytes):
            problem = _add(one, rows)
            read.counts[one.kind if problem is None else problem.reason] += 1
            if problem is not None:
                read.notes.append(problem)
                if one.kind == "blob":
                    rows.skipped_content(one.id, UNREADABLE)
                    read.lost.add(one.id)
        read.staged = rows.close()
    return read


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Millions of small tuples wait for their batch, none of them in a cycle; to look for one takes a third of all time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _add(one: _Object, rows: Rows) -> Note | None:
    """Write the rows of one object, or say why not."""
    kind, body = one.kind, one.body
    if kind == "blob" and one.hashes is not None:
        if one.hashes.sha1_git != one.id:
            return _mismatch(one)
        rows.skipped_content(one.id, TOO_LARGE, one.hashes, one.size)
        return None
    if body is None:
        what = f"is too large to be read, {one.size:,} bytes" if one.whole else "can't be read"
        return Note("unreadable-object", f"{kind or 'object'} {one.id.hex()} {what}; it was left out")
    if git_object_id(kind, body) != one.id:
        return _mismatch(one)
    try:
        match kind:
            case "blob":
                rows.content(one.id, body)
            case "tree":
                directory = parse_directory(body)
                rows.directory(one.id, directory.entries, directory.raw_manifest)
            case "commit":
                rows.revision(parse_revision(body), one.id)
            case _:
                rows.release(parse_release(body), one.id)
    except ValueError as error:
        return Note("unreadable-object", f"{kind} {one.id.hex()}: {error}; it was left out")
    return None


def _mismatch(one: _Object) -> Note:
    return Note("mismatch", f"{one.kind} {one.id.hex()} has other bytes than its name says; it was left out")


class _Object(NamedTuple):
    """One object as git gave it.

    Attributes:
        id: the name it was asked for by.
        kind: git's word; empty for one that git does not find.
        size: in bytes.
        body: its bytes; None when they can't be read or are too many.
        hashes: of one that is too large to be held, as if it was a content.
        whole: whether all of it could be read.
    """

    id: bytes
    kind: str = ""
    size: int = 0
    body: bytes | None = None
    hashes: ContentHashes | None = None
    whole: bool = False


def _objects(git_dir: str, ids: bytes, largest: int) -> Iterator[_Object]:
    """Read objects in the order of ``ids`` (20 bytes each), bodies of more than ``largest`` bytes left out."""
    done = 0
    while done < len(ids):
        with _asked(git_dir, ids[done:], "--batch") as stream:
            for at in range(done, len(ids), 20):
                done = at + 20
                one, goes_on = _next(ids[at:done], stream, largest)
                yield one
                if not goes_on:  # git gives up on an object that it can't unpack; we don't
                    break


def _next(identifier: bytes, stream: IO[bytes], largest: int) -> tuple[_Object, bool]:
    """One object, and whether git goes on after it."""
    header = stream.readline()
    words = header.split()
    if len(words) != 3:
        return _Object(identifier), bool(header)
    kind, size = words[1].decode(), int(words[2])
    body = hashes = None
    if size <= largest:
        body = stream.read(size)
    else:
        try:
            hashes = large_hashes(_chunks(stream, size), size)
        except EOFError:
            return _Object(identifier, kind, size), False
    if stream.read(1) != b"\n":
        return _Object(identifier, kind, size), False
    return _Object(identifier, kind, size, body, hashes, True), True


@dataclass(frozen=True)
class ListTree:
    """A root directory whose files are to be listed, and contents that can't be had although git sees them."""

    name: str
    repository: Path
    root: bytes
    lost: frozenset[bytes]
    area: StagingArea

    def __str__(self) -> str:
        """How an error names it."""
        return f"{self.name}, files of {self.root.hex()}"


def list_tree(task: ListTree) -> tuple[Tally, list[StagedFile]]:
    """List the files of a root directory, submodules left out.

    Raises:
        ItemError: ``missing-objects``: a directory of it is not there. ``too-many-files``: it lists more than any tree has.
            ``unexpected``.
    """
    with unexpected(task.name):
        try:
            return _listed(task, None)
        except _UnorderedError:
            return _listed(task, set())


class _UnorderedError(Exception):
    """Files don't come in the order in which git writes trees, so that some may come twice."""


def _listed(task: ListTree, seen: set[bytes] | None) -> tuple[Tally, list[StagedFile]]:
    rows = Rows(task.area, task.name)
    tally = Tally()
    with git.opened(task.repository) as git_dir, tempfile.TemporaryFile() as said:
        process = _start(git_dir, "ls-tree", "-r", "-z", "-l", "--full-tree", task.root.hex(), stderr=said)
        with process, _killed(process):
            assert process.stdout is not None
            rows.tree_files(task.root, _files(process.stdout, task.lost, tally, rows, seen))
        if process.returncode:
            said.seek(0)
            what = git.complaint(task.repository, git_dir, said.read(_CHUNK))
            raise ItemError("missing-objects", f"the files of directory {task.root.hex()} can't be listed: {what}")
    return tally, rows.close()


def _files(
    stream: IO[bytes], lost: frozenset[bytes], tally: Tally, rows: Rows, seen: set[bytes] | None
) -> Iterator[tuple[bytes, int, bytes]]:
    """Files as git lists them; of a path that a tree has twice the first, which is the one that git finds by it.

    Args:
        stream: what ``git ls-tree`` says.
        lost: contents that can't be had.
        tally: takes counts and remarks.
        rows: says what the limits are, and what was taken down.
        seen: takes digests of the paths; without it, paths that are not in order raise ``_UnorderedError``.
    """
    limit, most = rows.settings.max_content_bytes, rows.settings.max_archive_members
    paths = 0
    last = b""
    for line in _records(stream):
        head, _, path = line.partition(b"\t")
        mode, kind, identifier, size = head.split()
        if kind == b"commit":
            continue
        paths += len(path)
        if tally.total.rows >= most or paths > MOST_PATH_BYTES:
            raise ItemError("too-many-files", f"the tree lists more than {most:,} files or {MOST_PATH_BYTES:,} bytes of paths")
        length, content = int(size) if size.isdigit() else None, bytes.fromhex(identifier.decode())
        if seen is not None:
            digest = blake2b(path, digest_size=16).digest()
            if digest in seen:
                tally.replaced += Count(1, length or 0)
                continue
            seen.add(digest)
        elif path <= last:
            raise _UnorderedError
        last = path
        if content in rows.refused:
            tally.skip(length or 0, TAKEN_DOWN)
            if len(tally.notes) < MOST_NOTES:
                tally.notes.append(taken_down(path, length or 0))
        elif content in lost:
            _miss(path, "the repository holds other bytes of it, or none that can be read", tally)
        elif length is None:
            _miss(path, "the repository does not hold its bytes", tally)
        elif length > limit:
            tally.skipped += Count(1, length)
            tally.notes.append(too_large(path, length, limit))
        else:
            tally.kept += Count(1, length)
        yield path, int(mode, 8), content


def _miss(path: bytes, why: str, tally: Tally) -> None:
    """Count a file without bytes; of very many, as in a partial clone, the first are named."""
    tally.skipped += Count(1, 0)
    if len(tally.notes) < MOST_NOTES:
        tally.notes.append(Note(MISSING, f"{shown_path(path)}: {why}", path))
    else:
        tally.reasons[MISSING] = tally.reasons.get(MISSING, Count()) + Count(1, 0)


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


@contextmanager
def _asked(git_dir: str, ids: bytes, how: str) -> Iterator[IO[bytes]]:
    """What ``git cat-file`` answers about objects (20 bytes each)."""
    with tempfile.TemporaryFile() as wanted:
        names = ids.hex().encode()
        wanted.write(b"".join([names[at : at + 40] + b"\n" for at in range(0, len(names), 40)]))
        process = _start(git_dir, "cat-file", how, "--buffer", stdin=wanted)
        with process, _killed(process):
            assert process.stdout is not None
            yield process.stdout


@contextmanager
def _killed(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process whose reader gives up."""
    try:
        yield
    except BaseException:
        process.kill()
        raise


def _start(
    git_dir: str,
    *arguments: str,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | int = subprocess.PIPE,
    stderr: IO[bytes] | int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    if stdin is not None and stdin.seekable():
        stdin.seek(0)
    command = ["git", f"--git-dir={git_dir}", *arguments]
    return subprocess.Popen(
        command, stdin=stdin or subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=git.environment(), bufsize=_CHUNK
    )
