# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Git repositories, local or by URL: ``git:.``, ``git:https://…``.

A visit is a snapshot of all references as they were when the item was listed; loading the slice again never reads today's.
Objects that an earlier complete visit brought are not read again. A local repository is read where it is; one behind a URL is
mirrored in the cache by git itself, with the user's configuration of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import polars as pl

from codecommons.archive.objects import Branches
from codecommons.archive.repository import (
    MISSING,
    Listing,
    ListTree,
    ObjectsRead,
    ReadObjects,
    is_shallow,
    list_objects,
    list_tree,
    present,
    read_objects,
)
from codecommons.archive.source import TREES, Work, base_item
from codecommons.archive.states import ChangingSource, State, complete_heads
from codecommons.archive.tally import Note
from codecommons.archive.views import head_of
from codecommons.errors import CodeCommonsError, ItemError, UsageError
from codecommons.lake import Lake, SliceInput, StagedFile
from codecommons.lake.storage import lake_errors
from codecommons.settings import Settings
from codecommons.swhid import git, snapshot_id

_URL = re.compile(r"[a-z][a-z0-9+.-]*://|[\w.-]+@[\w.-]+:")
# Git's kind, and a table with its key where the lake would have such an object.
_TABLES = (
    ("blob", "content", "sha1_git"),
    ("blob", "skipped_content", "sha1_git"),
    ("tree", "directory", "id"),
    ("commit", "revision", "id"),
    ("tag", "release", "id"),
)
# What one task reads: enough to pay for a git process, little enough to keep every worker busy.
_TASK_BYTES = 32 << 20
# What an object costs beside its bytes, in the same coin.
_OBJECT_COST = 1 << 10
_MOST_NOTES = 1000


class Git(ChangingSource):
    """Any repository git can read or clone."""

    name = visit_type = "git"
    at_once = 4
    tables = (*TREES, "revision", "release")

    def parse(self, text: str) -> str:
        """A URL as it is, or the absolute path of a repository."""
        if _URL.match(text):
            return text
        path = Path(text).expanduser().absolute()
        if not git.is_repository(path):
            raise UsageError(f"git:{text} is not a git repository; name its top folder, or a URL")
        return str(path)

    def origin(self, item: str) -> str:
        """The URL without credentials; a local repository is a ``file://`` URL."""
        if not _URL.match(item):
            return Path(item).as_uri()
        parts = urlsplit(item)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts.scheme in ("http", "https") else item

    def resolve(self, wanted: SliceInput, settings: Settings) -> SliceInput:
        """Record all references as they are now."""
        found = git.branches(_repository(base_item(wanted.item), settings, fetch=True))
        if not found:
            raise ItemError("empty-repository", "the repository has no branch and no tag")
        references = {os.fsdecode(name): _written(branch) for name, branch in sorted(found.items())}
        return replace(wanted, version=snapshot_id(found).hex(), detail=json.dumps({"references": references}))

    def anchor(self, branches: Branches) -> bytes | None:
        """The head's revision; None where there is none."""
        head = head_of(branches)
        return head[1] if head is not None and head[0] == "revision" else None

    def read(self, work: Work, row: SliceInput) -> State:
        """See ``ChangingSource.read``."""
        branches = {os.fsencode(name): _read(branch) for name, branch in json.loads(row.detail or "{}")["references"].items()}
        settings, item = work.lake.settings, base_item(row.item)
        repository, name = _repository(item, settings), f"git:{row.item}"
        heads = {branch[1] for branch in branches.values() if branch is not None and branch[0] != "alias"}
        there = present(repository, heads)
        if heads - there and _URL.match(item):
            there = present(_repository(item, settings, fetch=True), heads)
        if not there:
            raise ItemError("missing-objects", "the repository no longer holds what its references named when it was listed")
        known = present(repository, complete_heads(work.lake, heads, self.origin(item)))
        read = ObjectsRead()
        state = State(branches, anchor=self.anchor(branches))
        with list_objects(repository, there, known) as listing:
            missing = listing.missing | (heads - there)
            for tasks in _tasks(work, listing, name, repository):
                for one in work.engine.map(read_objects, tasks, name=str):
                    read.counts += one.counts
                    read.notes += one.notes
                    state.staged.append(one.staged)
            state.staged.append(_stage_missing(work, listing.missing_contents, name))
        state.objects = dict(sorted(read.counts.items()))
        shallow = is_shallow(repository)
        state.complete = not (missing or shallow or read.notes)
        if state.anchor is not None:
            self._list_files(work, repository, name, state)
        else:
            state.tally.notes.append(Note("no-head", "HEAD names no commit: the objects are here, but no file is in the slice"))
        state.tally.notes += _fewest(read.notes)
        if missing:
            state.tally.notes.append(
                Note("missing-objects", f"{len(missing)} objects are not in the repository, such as {min(missing).hex()}")
            )
        if shallow:
            state.tally.notes.append(
                Note("shallow-repository", "the history is cut off (a shallow clone); what is there was taken")
            )
        return state

    def _list_files(self, work: Work, repository: Path, name: str, state: State) -> None:
        assert state.anchor is not None
        try:
            root = git.read_object(repository, f"{state.anchor.hex()}^{{tree}}")[1]
            [(state.tally, staged)] = work.engine.map(list_tree, [ListTree(name, repository, root, work.area)], name=str)
            state.staged.append(staged)
        except ItemError as error:
            state.complete, state.anchor = False, None
            state.tally.notes.append(Note(error.reason, error.detail))


SOURCE = Git()


def _written(branch: tuple[str, bytes] | None) -> list[str] | None:
    if branch is None:
        return None
    kind, target = branch
    return [kind, os.fsdecode(target) if kind == "alias" else target.hex()]


def _read(branch: list[str] | None) -> tuple[str, bytes] | None:
    if branch is None:
        return None
    kind, target = branch
    return kind, os.fsencode(target) if kind == "alias" else bytes.fromhex(target)


def _tasks(work: Work, listing: Listing, name: str, repository: Path) -> Iterator[list[ReadObjects]]:
    """Lists of tasks for the objects that the lake lacks; a list at a time, so that a long history stays out of memory."""
    for window in listing.objects():
        new = _unknown(work.lake, window).with_columns(
            task=(pl.col("size") + _OBJECT_COST).cum_sum() // _TASK_BYTES,
        )
        parts = new.partition_by("task", maintain_order=True)
        yield [ReadObjects(name, repository, b"".join(part["id"]), work.area) for part in parts]


def _unknown(lake: Lake, window: pl.DataFrame) -> pl.DataFrame:
    """Those objects of a window that the lake has neither whole nor as a content without bytes."""
    known = [pl.DataFrame(schema={"id": pl.Binary})]
    for kind, table, column in _TABLES:
        keys = window.filter(pl.col("kind") == kind).select(pl.col("id").alias(column))
        if keys.height:
            known.append(keys.join(lake.keys_missing(table, keys), on=column, how="anti").select(id=column))
    return window.join(pl.concat(known), on="id", how="anti", maintain_order="left")


def _stage_missing(work: Work, missing: pl.DataFrame, name: str) -> list[StagedFile]:
    """Contents that nobody holds are known by name, unless the lake had them from elsewhere."""
    unknown = work.lake.keys_missing("content", missing) if missing.height else missing
    rows = unknown.select(
        "sha1_git",
        *(pl.lit(None, pl.Binary).alias(column) for column in ("sha1", "sha256", "blake2s256")),
        length=pl.lit(None, pl.Int64),
        status=pl.lit("absent"),
        reason=pl.lit(MISSING),
    )
    writer = work.area.writer(f"{name}-missing")
    writer.add("skipped_content", rows.to_arrow())
    return writer.close()


def _fewest(notes: list[Note]) -> list[Note]:
    """Notes in an order of their own; of very many the first, and how many more there are."""
    notes = sorted(notes, key=lambda note: (note.reason, note.detail))
    if len(notes) <= _MOST_NOTES:
        return notes
    return [*notes[:_MOST_NOTES], Note("more-of-these", f"{len(notes) - _MOST_NOTES:,} more objects are in no better state")]


def _repository(item: str, settings: Settings, fetch: bool = False) -> Path:
    """Where the repository of an item is on this machine; one behind a URL is mirrored, and brought up to date on ``fetch``.

    Raises:
        ItemError: ``missing-repository`` or ``unreachable``.
    """
    if not _URL.match(item):
        path = Path(item)
        if not git.is_repository(path):
            raise ItemError("missing-repository", f"there is no git repository at {item} any more")
        return path
    mirror = settings.cache / "git" / hashlib.sha256(item.encode()).hexdigest()
    if not mirror.exists():
        partial = mirror.with_name(f"{mirror.name}-{uuid.uuid4().hex[:8]}")
        with lake_errors(f"writing {mirror}"):
            mirror.parent.mkdir(parents=True, exist_ok=True)
        _transport("clone", "--mirror", "--quiet", "--template=", "--", item, str(partial))
        with lake_errors(f"writing {mirror}"):
            partial.rename(mirror)
    elif fetch:
        # Objects of references that are gone stay: an older visit may still be loaded from them.
        _transport(f"--git-dir={mirror}", "fetch", "--quiet", "--prune", "origin")
    return mirror


def _transport(*arguments: str) -> None:
    """Let git talk to a remote with the user's configuration, but run nothing of the repository's and ask nobody."""
    environment = os.environ | {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh", "LC_ALL": "C"}
    safe = ["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "core.fsmonitor=false"]
    try:
        done = subprocess.run(
            ["git", *safe, *arguments], capture_output=True, env=environment, stdin=subprocess.DEVNULL, check=False
        )
    except FileNotFoundError:
        raise CodeCommonsError("git is not installed; install it to read git repositories") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        line = next(
            (line for line in lines if line.startswith("fatal:")),
            lines[-1] if lines else f"git ended with code {done.returncode}",
        )
        raise ItemError("unreachable", f"the repository can't be cloned or fetched: {line}")
