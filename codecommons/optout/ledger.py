# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The ledger in the lake: a Delta table to which entries are only ever added, each in a transaction on top of the one before.

Two who write at once can't lose or fork anything: an entry names its predecessor, and a commit holds only on top of the version
it was made for. That nothing was changed shows in the chain; that nothing was cut off its end, in the head that every home
remembers outside the lake (``CODECOMMONS_HOME/opt-out/head.json``) and that every release names.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from codecommons.errors import GateError, LakeError
from codecommons.lake import Lake, commits
from codecommons.lake.files import data_files
from codecommons.lake.schemas import OPT_OUT_LEDGER
from codecommons.lake.snapshots import newest, whole_table
from codecommons.lake.storage import lake_errors
from codecommons.optout.chain import GENESIS, canonical, digest_of, fault
from codecommons.optout.standing import TAKEN_DOWN, Standing, standings
from codecommons.settings import Settings
from codecommons.swhid import Swhid

# Above this many files they become one, in the same transaction as the next entry.
_MOST_FILES = 16
_ADVICE = "no release is made; restore the table opt_out_ledger from a backup"


@dataclass(frozen=True)
class Ledger:
    """All entries, whose chain holds.

    Attributes:
        entries: digest and content of each, in order.
    """

    entries: tuple[tuple[str, Mapping[str, Any]], ...]

    @property
    def head(self) -> str:
        """Digest of the last entry; of an empty ledger, zeros."""
        return self.entries[-1][0] if self.entries else GENESIS

    @cached_property
    def standings(self) -> dict[str, Standing]:
        """Every request by its identifier, in order."""
        return standings(self.entries)

    @property
    def effective(self) -> list[Standing]:
        """Requests that leave something out."""
        return [one for one in self.standings.values() if one.in_effect]

    @cached_property
    def taken_down(self) -> frozenset[bytes]:
        """Contents (sha1_git) that were taken down."""
        taken = (one for one in self.standings.values() if one.state in TAKEN_DOWN)
        return frozenset(Swhid.parse(value).identifier for one in taken for value in one.request.values)

    def holds(self, head: str) -> bool:
        """Whether this was the head at some time."""
        return head == GENESIS or any(digest == head for digest, _ in self.entries)


def read(lake: Lake) -> Ledger:
    """Read the ledger and check it against itself and against what this home has seen of it.

    Raises:
        GateError: an entry was changed or taken out, or the ledger is older than it was.
        LakeError: the table can't be read.
    """
    seen = _pinned(lake.settings)  # first: somebody may add to both at any time
    ledger = _at(lake, newest(lake.storage, OPT_OUT_LEDGER).delta)  # the rows are read anew
    _known(seen, lake.settings, ledger)
    _pin(lake.settings, ledger)
    return ledger


def append(lake: Lake, make: Callable[[Ledger], list[dict[str, Any]]]) -> Ledger:
    """Add entries on top of the newest ledger, all or none.

    Args:
        lake: the lake.
        make: the entries to add to a ledger, without sequence and previous; it is asked again when somebody else was faster.

    Returns:
        The ledger with them.

    Raises:
        GateError: the ledger is broken.
        LakeError: the table can't be read or written.
    """
    ledger, seen = Ledger(()), _pinned(lake.settings)

    def prepare(delta: DeltaTable) -> list[AddAction | RemoveAction]:
        nonlocal ledger
        ledger = _at(lake, delta)
        _known(seen, lake.settings, ledger)
        new = []
        for entry in make(ledger):
            whole = {**entry, "sequence": len(ledger.entries) + 1, "previous": ledger.head}
            new.append((len(ledger.entries) + 1, digest_of(whole), canonical(whole).decode()))
            ledger = Ledger((*ledger.entries, (new[-1][1], whole)))
        if not new:
            return []
        files = data_files(delta)
        stale = [file.remove() for file in files] if len(files) >= _MOST_FILES else []
        written = (
            [(at, digest, canonical(entry).decode()) for at, (digest, entry) in enumerate(ledger.entries, 1)] if stale else new
        )
        rows = pa.Table.from_pylist(
            [dict(zip(("sequence", "digest", "entry"), one, strict=True)) for one in written], pa.schema(OPT_OUT_LEDGER.fields)
        )
        return [*stale, commits.write_file(lake.storage, OPT_OUT_LEDGER, (), rows).add()]

    commits.commit_loop(lake.storage, OPT_OUT_LEDGER, prepare, {})
    ledger.standings  # noqa: B018 (an entry that leads nowhere is a defect, and shows here)
    _pin(lake.settings, ledger)
    return ledger


def _at(lake: Lake, delta: DeltaTable) -> Ledger:
    """The ledger at a version of its table."""
    rows = (
        whole_table(lake.storage, OPT_OUT_LEDGER, delta).select("sequence", "digest", "entry").sort("sequence", "digest").rows()
    )
    if wrong := fault(rows):
        raise GateError(f"the opt-out ledger is broken: {wrong}; {_ADVICE}")
    return Ledger(tuple((digest, json.loads(entry)) for _, digest, entry in rows))


def _head_file(settings: Settings) -> Path:
    return settings.opt_out / "head.json"


def _pinned(settings: Settings) -> dict[str, Any]:
    file = _head_file(settings)
    try:
        found = json.loads(file.read_bytes())
        return {str(lake): {"entries": int(one["entries"]), "head": str(one["head"])} for lake, one in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GateError(
            f"{file}, which remembers how long the opt-out ledger was, can't be read ({error}); compare the ledger with a "
            "backup, then delete the file"
        ) from error


def _known(pinned: Mapping[str, Any], settings: Settings, ledger: Ledger) -> None:
    """Refuse a ledger that lacks what this home has seen of it, where the lake is or where it was before it moved."""
    for name in _names(settings, ledger):
        seen = pinned.get(name, {"entries": 0})
        digests = [digest for digest, _ in ledger.entries[seen["entries"] - 1 : seen["entries"]]]
        if seen["entries"] and digests != [seen["head"]]:
            raise GateError(
                f"the opt-out ledger is stale: it has {len(ledger.entries)} entries, and entry {seen['entries']} was "
                f"{seen['head'][:12]} when this home saw it; {_ADVICE}"
            )


def _names(settings: Settings, ledger: Ledger) -> list[str]:
    """What a home remembers a ledger by: where the lake is, and the ledger's first entry, which goes wherever the lake goes."""
    return [settings.lake, *(digest for digest, _ in ledger.entries[:1])]


def _pin(settings: Settings, ledger: Ledger) -> None:
    """Remember a ledger outside the lake."""
    pinned = _pinned(settings)
    names = _names(settings, ledger)
    if not ledger.entries or all(pinned.get(name, {"entries": 0})["entries"] >= len(ledger.entries) for name in names):
        return
    file = _head_file(settings)
    half = file.with_name(f".head.{os.getpid()}.{secrets.token_hex(4)}")
    with lake_errors(f"writing {file}"):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        half.write_text(
            json.dumps(pinned | {name: {"entries": len(ledger.entries), "head": ledger.head} for name in names}, sort_keys=True)
        )
        half.replace(file)


class UnreadError(GateError):
    """Requests wait in the inbox, as they do until the daemon has read them, a minute later."""

    passing = True


def gate(lake: Lake, releases: Mapping[str, str]) -> Ledger:
    """What a release must pass before anything is chosen for it: a ledger that is whole, new, and read to the end.

    Args:
        lake: the lake.
        releases: what an earlier release is called -> the head that it names.

    Raises:
        GateError: the ledger is broken or stale.
        UnreadError: requests lie in ``CODECOMMONS_HOME/opt-out/inbox`` that nobody has submitted.
        LakeError: it can't be read.
    """
    try:
        ledger = read(lake)
    except LakeError as error:
        raise GateError(f"no release is made, as the opt-out ledger can't be read: {error}") from error
    for name, head in releases.items():
        if not ledger.holds(head):
            raise GateError(f"the opt-out ledger is stale: release {name} was made at {head[:12]}, which it lacks; {_ADVICE}")
    if unread := waiting(lake.settings):
        raise UnreadError(
            f"no release is made: {len(unread)} opt-out requests in {lake.settings.opt_out / 'inbox'} have not been read; "
            "`codecommons opt-out submit` without a file reads them"
        )
    return ledger


def waiting(settings: Settings) -> list[Path]:
    """Files of the inbox that nobody has read, in order; not those whose names begin with a dot, which are being written."""
    inbox = settings.opt_out / "inbox"
    found: list[Path] = []
    with lake_errors(f"reading {inbox}"):
        if inbox.exists():
            # What can't be listed may hide a request; pathlib would pass over it.
            for folder, folders, files in os.walk(inbox, onerror=_refuse):
                links = [name for name in folders if Path(folder, name).is_symlink()]
                found += [path for name in (*links, *files) if (path := Path(folder, name)).is_symlink() or path.is_file()]
    return sorted(path for path in found if not path.name.startswith("."))


def _refuse(error: OSError) -> None:
    raise error
