# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Requests that somebody has put into ``CODECOMMONS_HOME/opt-out/inbox``: each is submitted once, or put aside with the reason.

``inbox/NAME``               a request file, or an issue made with the form
``inbox/HOST/ACCOUNT/NAME``  the same, which the operator has seen come from that account
``taken/DIGEST``             what was submitted
``refused/DIGEST``           what can't be understood, and beside it ``DIGEST.reason.txt``

Names and contents of these files may tell who asks: nothing of them is in what these functions return. A process that is killed
between submitting a file and putting it away finds all of its requests in the ledger the next time, and only puts it away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.lake.storage import lake_errors
from codecommons.optout import desk
from codecommons.optout.claimants import write_once
from codecommons.optout.ledger import read, waiting
from codecommons.optout.requests import MAX_FILE_BYTES
from codecommons.optout.standing import NEEDED, OPEN, RUNGS, Standing
from codecommons.settings import Settings


@dataclass(frozen=True)
class Taken:
    """What became of a file.

    Attributes:
        digest: how the sha256 of its place and its bytes begins, which its name is from now on.
        standings: of its requests that are new; none when all of it is in the ledger already.
        refused: whether it was put aside; ``refused/DIGEST.reason.txt`` says why.
    """

    digest: str
    standings: tuple[Standing, ...] = ()
    refused: bool = False


def put_aside(settings: Settings) -> list[str]:
    """Digests of the files that were refused and that nobody has taken away."""
    return sorted(path.name for path in (settings.opt_out / "refused").glob("*") if not path.suffix)


def take_in(lake: Lake, received: str) -> Iterator[Taken]:
    """Submit every file that waits, one after the other; one that can't be understood holds no other back.

    Args:
        lake: the lake.
        received: when they are read, UTC, as ISO 8601.

    Raises:
        GateError: the ledger is broken or stale; what is left in the inbox stays there.
        LakeError: the ledger or the inbox can't be read or written.
    """
    inbox = lake.settings.opt_out / "inbox"
    for path in waiting(lake.settings):
        # What a file is called may tell who asks, so no error names it.
        with lake_errors(f"reading a request in {inbox}"):
            data = b"" if path.is_symlink() else _beginning(path)
        # Of the place, too: files that say the same, and links, are still files of their own.
        digest = hashlib.sha256(bytes(path.relative_to(inbox)) + b"\0" + data).hexdigest()[:16]
        try:
            if path.is_symlink():
                raise UsageError(f"{path.name} is a link; put the file itself there")
            found = tuple(_submit(lake, data, path, received))
        except UsageError as error:
            _put(path, lake.settings.opt_out / "refused", digest, str(error))
            yield Taken(digest, refused=True)
        else:
            _put(path, lake.settings.opt_out / "taken", digest)
            yield Taken(digest, found)


def _beginning(path: Path) -> bytes:
    """As much of a file as it takes to see that it is too large."""
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


def _submit(lake: Lake, data: bytes, path: Path, received: str) -> list[Standing]:
    folders = path.relative_to(lake.settings.opt_out / "inbox").parts[:-1]
    if len(folders) not in (0, 2):
        raise UsageError(f"{'/'.join(folders)} is no HOST/ACCOUNT that a request may lie in")
    submission = desk.read_requests(data, path.name, "/".join(folders) or None)
    there = {one.request for one in read(lake).standings.values() if one.state in OPEN}
    return [] if there.issuperset(submission.requests) else desk.submit(lake, submission, received)


def _put(path: Path, folder: Path, digest: str, reason: str = "") -> None:
    """Put a file away; the reason goes first, so that nothing lies there without one."""
    with lake_errors(f"writing {folder}"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if reason:
            write_once(folder / f"{digest}.reason.txt", f"{reason}\n".encode())
        path.replace(folder / digest)


def verify_challenged(lake: Lake, trees: pl.DataFrame) -> list[Standing]:
    """Verify every request whose challenge has been archived since it came.

    Args:
        lake: the lake.
        trees: every tree of the lake (see ``archive.views.visited_trees``).

    Raises:
        GateError: the ledger is broken or stale.
        LakeError: it can't be read or written.
    """
    found = []
    for one in read(lake).standings.values():
        if one.state in ("quarantined", "held") and RUNGS.index(NEEDED[one.request.scope]) <= RUNGS.index("challenge"):
            try:
                found.append(desk.verify(lake, one.id, trees))
            except UsageError:  # it isn't there yet
                continue
    return found
