# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Ask git about a local repository without trusting the repository, the user's configuration or the network.

Only plumbing is used, and only what the repository holds: no replacement objects or grafts, no system or user
configuration, no fetching of missing objects, no transport of any kind, no prompt.
"""

from __future__ import annotations

import os
import subprocess
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
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_OBJECT_TYPES = {git: name for name, git in GIT_KINDS.items()}


def environment() -> dict[str, str]:
    """The environment git runs in: the caller's without any ``GIT_*``, then ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _HARDENED


def is_repository(path: str | bytes | Path) -> bool:
    """Whether ``path`` itself (not a parent of it) looks like a work tree or a bare repository."""
    folder = Path(os.fsdecode(path))
    bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
    return bare or (folder / ".git").exists()


def run(repository: str | bytes | Path, *arguments: str, stdin: bytes = b"", accepted: tuple[int, ...] = (0,)) -> bytes:
    """Run one git plumbing command on exactly this repository and return what it printed.

    Args:
        repository: a work tree or a bare repository.
        arguments: git's command and its arguments.
        stdin: what the command reads.
        accepted: exit codes that are no failure.

    Raises:
        ItemError: ``git-failed``; the detail is git's own first line.
        CodeCommonsError: git is not installed.
    """
    folder = Path(os.fsdecode(repository))
    inner = folder / ".git"
    command = ["git", f"--git-dir={inner if inner.exists() else folder}", *arguments]
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, env=environment(), check=False)
    except FileNotFoundError:
        raise CodeCommonsError("git is not installed; install it to read git repositories") from None
    if done.returncode not in accepted:
        line = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise ItemError("git-failed", f"git can't read {folder}: {line or f'it ended with code {done.returncode}'}")
    return done.stdout


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
        detail = f"{os.fsdecode(repository)} names its objects by SHA-256; SWHIDs of version 1 are SHA-1"
        raise ItemError("sha256-repository", detail)
    return bytes.fromhex(name.decode())
