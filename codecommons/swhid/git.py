# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Ask git about a local repository without trusting the repository, the user's configuration or the network.

Only plumbing is used, and only what the repository holds: no replacement objects or grafts, no system or user
configuration, no fetching of missing objects, no transport of any kind, no prompt. The repository's own configuration is not
read either: git is pointed at a folder of ours that shows the repository's objects and references and nothing else of it.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from codecommons.errors import CodeCommonsError, ItemError
from codecommons.swhid.manifests import GIT_KINDS, git_object_id

_HARDENED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_OBJECT_TYPES = {git: name for name, git in GIT_KINDS.items()}
# Commit graphs are claims of the repository about its commits; large contents are streamed and not held in memory.
_CONFIGURATION = """[core]
\trepositoryformatversion = 1
\tbare = true
\tcommitGraph = false
\tbigFileThreshold = 16m
"""
_MOST_CONFIGURATION = 1 << 20
_MOST_HEAD = 1 << 12
_SHA256 = re.compile(rb"^[^#;\n]*\bobjectformat\s*=\s*\"?sha256\b", re.IGNORECASE | re.MULTILINE)
_REFTABLE = re.compile(rb"^[^#;\n]*\brefstorage\s*=\s*\"?reftable\b", re.IGNORECASE | re.MULTILINE)


def environment() -> dict[str, str]:
    """The environment git runs in: the caller's without any ``GIT_*``, then ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _HARDENED


def is_repository(path: str | bytes | Path) -> bool:
    """Whether ``path`` itself (not a parent of it) looks like a work tree or a bare repository."""
    folder = Path(os.fsdecode(path))
    try:
        bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
        return bare or (folder / ".git").exists()
    except OSError:  # a name that is too long, a folder that nobody may look into
        return False


@contextmanager
def opened(repository: str | bytes | Path, cut: Iterable[bytes] = ()) -> Iterator[str]:
    """Show git a repository without its configuration, hooks, attributes, remotes and work tree.

    Args:
        repository: a work tree or a bare repository.
        cut: identifiers of commits whose parents git is not to look for, beside those that a shallow clone is cut at.

    Yields:
        What to give git as ``--git-dir``: a folder that lives as long as the context.

    Raises:
        ItemError: ``sha256-repository``: there is no SWHID 1 for its objects. ``unreadable``: its files can't be read.
    """
    try:
        own, common = _places(Path(os.fsdecode(repository)))
        said = _read_file(common / "config", _MOST_CONFIGURATION)
        if _SHA256.search(said):
            raise _sha256_repository(repository)
        shallow = _read_file(common / "shallow", None)
        head = _head(own / "HEAD")
    except OSError as error:
        raise ItemError("unreadable", f"{error.filename or os.fsdecode(repository)}: {error.strerror or error}") from error
    folder = Path(tempfile.mkdtemp(prefix="codecommons-git-"))
    try:
        extensions = "[extensions]\n\trefStorage = reftable\n" if _REFTABLE.search(said) else ""
        (folder / "config").write_text(_CONFIGURATION + extensions)
        (folder / "HEAD").write_bytes(head)
        for name in ("objects", "refs", "packed-refs", "reftable"):
            if (common / name).exists():
                (folder / name).symlink_to((common / name).absolute())
        cuts = b"".join(b"%s\n" % identifier.hex().encode() for identifier in cut)
        if shallow or cuts:
            (folder / "shallow").write_bytes(shallow + cuts)
        yield str(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(repository: str | bytes | Path, *arguments: str, stdin: bytes = b"", accepted: tuple[int, ...] = (0,)) -> bytes:
    """Run one git plumbing command on exactly this repository and return what it printed.

    Args:
        repository: a work tree or a bare repository.
        arguments: git's command and its arguments.
        stdin: what the command reads.
        accepted: exit codes that are no failure.

    Raises:
        ItemError: ``git-failed``; the detail is git's own first line. Or what ``opened`` raises.
        CodeCommonsError: git is not installed.
    """
    with opened(repository) as git_dir:
        done = _done(f"--git-dir={git_dir}", *arguments, stdin=stdin)
    if done.returncode not in accepted:
        what = complaint(repository, git_dir, done.stderr) or f"it ended with code {done.returncode}"
        raise ItemError("git-failed", f"git can't read {os.fsdecode(repository)}: {what}")
    return done.stdout


def complaint(repository: str | bytes | Path, git_dir: str, errors: bytes) -> str:
    """What git said was wrong, in one line that names the repository and not the folder it was shown in."""
    lines = errors.decode(errors="replace").strip().splitlines()
    line = next((line for line in lines if line.startswith("fatal:")), lines[0] if lines else "")
    return line.replace(git_dir, os.fsdecode(repository))


def setting(repository: str | bytes | Path, key: str) -> str | None:
    """What the repository's own configuration says, files that it includes left out; for people to read, never for git.

    Raises:
        CodeCommonsError: git is not installed.
    """
    try:
        _, common = _places(Path(os.fsdecode(repository)))
    except (OSError, ItemError):
        return None
    return _done("config", f"--file={common / 'config'}", "--get", key).stdout.decode(errors="replace").strip() or None


def _places(folder: Path) -> tuple[Path, Path]:
    """Where the repository's HEAD is, and where all the rest is: the two differ in a linked work tree."""
    own = folder / ".git"
    if not own.exists():
        own = folder
    elif own.is_file():
        own = folder / _read_path(own, b"gitdir:")
    return own, own / _read_path(own / "commondir")


def _read_path(path: Path, prefix: bytes = b"") -> str:
    """The path that a file of the repository names; nothing if there is no such file."""
    named = _read_file(path, _MOST_HEAD).removeprefix(prefix).strip()
    if b"\0" in named:
        raise ItemError("unreadable", f"{path} names no folder: there is a NUL byte in it")
    return os.fsdecode(named)


def _head(path: Path) -> bytes:
    """What HEAD says; very old repositories have a symbolic link there."""
    return b"ref: %s\n" % os.fsencode(path.readlink()) if path.is_symlink() else _read_file(path, _MOST_HEAD)


def _read_file(path: Path, most: int | None) -> bytes:
    """The first bytes of a regular file; nothing if there is none."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(most)
    except FileNotFoundError:
        return b""


def _done(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], input=stdin, capture_output=True, env=environment(), check=False)
    except FileNotFoundError:
        raise CodeCommonsError("git is not installed; install it to read git repositories") from None


def branches(repository: str | bytes | Path) -> dict[bytes, tuple[str, bytes] | None]:
    """List the branches that a snapshot of this repository has.

    Every reference by its full name (symbolic ones as aliases) and HEAD: an alias of its branch, or the revision itself
    when it is detached. A symbolic reference to a branch without a commit is left out, as git doesn't advertise it either.
    A reference to an object that the repository lacks is dangling (None).

    Raises:
        ItemError: git can't read it, or its objects have SHA-256 names, for which there is no SWHID 1.
    """
    listing = run(repository, "for-each-ref", "--format=%(refname)%00%(symref)%00%(objectname)")
    rows = [tuple(line.split(b"\0")) for line in listing.split(b"\n") if line]
    names = {name for name, _, _ in rows}
    head = run(repository, "symbolic-ref", "-q", "HEAD", accepted=(0, 1)).strip()
    if head in names:
        rows.append((b"HEAD", head, b""))
    elif not head:
        rows.append((b"HEAD", b"", b"HEAD"))
    plain = [(name, target) for name, alias, target in rows if not alias]
    checked = run(repository, "cat-file", "--batch-check", stdin=b"".join(target + b"\n" for _, target in plain))
    result: dict[bytes, tuple[str, bytes] | None] = {name: ("alias", alias) for name, alias, _ in rows if alias}
    for (name, _), answer in zip(plain, checked.split(b"\n"), strict=False):
        identifier, kind, *_ = answer.split()
        result[name] = (_OBJECT_TYPES[kind.decode()], _sha1(repository, identifier)) if kind != b"missing" else None
    return result


def read_object(repository: str | bytes | Path, expression: str) -> tuple[str, bytes, bytes]:
    """Read the object that an expression (``v1.0``, ``HEAD^{commit}``, an id) names: git's kind, its identifier and its body.

    Raises:
        ItemError: there is no such object, or its bytes don't hash to its name.
    """
    if "\n" in expression:
        raise ItemError("no-such-object", f"{expression!r} names nothing in {os.fsdecode(repository)}")
    header, _, rest = run(repository, "cat-file", "--batch", stdin=os.fsencode(expression) + b"\n").partition(b"\n")
    words = header.split(b" ")
    if len(words) != 3 or words[-1] == b"missing":
        raise ItemError("no-such-object", f"{expression!r} names nothing in {os.fsdecode(repository)}")
    identifier, kind, body = _sha1(repository, words[0]), words[1].decode(), rest[: int(words[2])]
    if git_object_id(kind, body) != identifier:
        detail = f"{kind} {words[0].decode()} in {os.fsdecode(repository)} has other bytes than its name says"
        raise ItemError("corrupt-object", detail)
    return kind, identifier, body


def _sha1(repository: str | bytes | Path, name: bytes) -> bytes:
    if len(name) != 40:
        raise _sha256_repository(repository)
    return bytes.fromhex(name.decode())


def _sha256_repository(repository: str | bytes | Path) -> ItemError:
    detail = f"{os.fsdecode(repository)} names its objects by SHA-256; SWHIDs of version 1 are SHA-1"
    return ItemError("sha256-repository", detail)
