# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Git repositories, local, by URL or in a bundle: ``git:.``, ``git:https://…``, ``git:project.bundle``.

A visit is a snapshot of all references as they were when the item was listed; loading the slice again never reads today's.
Objects that an earlier complete visit brought are not read again. A local repository is read where it is; one behind a URL is
mirrored in the cache by git itself, with the user's configuration of it; a bundle is unpacked there, verified by git.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import polars as pl

from codecommons.archive.cache import copy_archive, find_archive
from codecommons.archive.fetching import is_local, local_path, refuse_credentials
from codecommons.archive.objects import TAKEN_DOWN, Branches
from codecommons.archive.repository import (
    MISSING,
    MOST_NOTES,
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
from codecommons.archive.scratch import scratch_folder
from codecommons.archive.source import TREES, Work, base_item
from codecommons.archive.states import ChangingSource, State, complete_heads, is_cut_off
from codecommons.archive.tally import Note
from codecommons.archive.tree import TOO_LARGE
from codecommons.archive.views import head_of
from codecommons.credentials import without_credentials
from codecommons.errors import CodeCommonsError, ItemError, UsageError
from codecommons.lake import SliceInput, StagedFile
from codecommons.lake.storage import lake_errors
from codecommons.settings import Settings
from codecommons.swhid import git, snapshot_id

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://|[\w.-]+@[\w.-]+:")
# What git may speak to get at a URL; whatever a server makes of it, nothing else.
_PROTOCOLS = {"http": "http:https", "https": "https", "git": "git", "ssh": "ssh", "git+ssh": "ssh", "file": "file"}
_OBJECT = re.compile(rb"[0-9a-f]{40}")
_UNBORN = b"ref: refs/codecommons/no-head\n"
_MOST_CAPABILITIES = 1 << 16
# Set where somebody works in a repository, such as in a hook: not the one we ask about.
_OF_A_REPOSITORY = frozenset(
    f"GIT_{name}"
    for name in ("ALTERNATE_OBJECT_DIRECTORIES", "COMMON_DIR", "DIR", "INDEX_FILE", "NAMESPACE", "OBJECT_DIRECTORY", "WORK_TREE")
)
_BUNDLE = re.compile(rb"# v[23] git bundle\n")
# Git's kind, and a table with its key where the lake would have such an object.
_TABLES = (
    ("blob", "content", "sha1_git"),
    ("tree", "directory", "id"),
    ("commit", "revision", "id"),
    ("tag", "release", "id"),
)
_SHALLOW = (
    "the history is cut off (a shallow clone); what is there was taken, but datasets take from whole visits only: "
    "git fetch --unshallow, and ingest it again"
)
# What one task reads: enough to pay for a git process, little enough to keep every worker busy.
_TASK_BYTES = 32 << 20
# What an object costs beside its bytes, in the same coin.
_OBJECT_COST = 1 << 10


class Git(ChangingSource):
    """Any repository git can read or clone."""

    name = visit_type = "git"
    at_once = 4
    tables = (*TREES, "revision", "release")

    def parse(self, text: str) -> str:
        """A URL as it is, without credentials, or the absolute path of a repository or a bundle."""
        url = _URL.match(refuse_credentials(text, "git"))
        if url:
            if url[1] and url[1] not in _PROTOCOLS:
                raise UsageError(f"git:{text}: git repositories are behind {', '.join(sorted(_PROTOCOLS))}, not {url[1]}")
            try:
                nameless = url[1] in ("http", "https") and not urlsplit(text).hostname
            except ValueError as error:
                raise UsageError(f"git:{text} is no URL: {error}") from None
            if nameless:
                raise UsageError(f"git:{text} names no server; write git:https://example.org/project.git")
            return text
        path = local_path(text)
        if not git.is_repository(path) and not _is_bundle(path):
            raise UsageError(f"git:{without_credentials(text)} is not a git repository; name its top folder, a bundle, or a URL")
        return str(path)

    def is_local(self, text: str) -> bool:
        """See ``Source.is_local``; over ssh a repository is read with this machine's keys."""
        return is_local(text)

    def origin(self, item: str) -> str:
        """The URL without credentials; a local repository is a ``file://`` URL."""
        if not _URL.match(item):
            return Path(item).as_uri()
        parts = urlsplit(item)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts.scheme in ("http", "https") else item

    def resolve(self, wanted: SliceInput, settings: Settings) -> SliceInput:
        """Record all references as they are now, and whether the history below them is cut off."""
        item = base_item(wanted.item)
        bundle = _kept_bundle(Path(item), wanted.sha256, settings) if _is_bundle(Path(item)) else None
        repository = _repository(item, settings, bundle, fetch=True)
        found = git.branches(repository)
        if not found:
            raise ItemError("empty-repository", "the repository has no branch and no tag")
        references = {os.fsdecode(name): _written(branch) for name, branch in sorted(found.items())}
        detail: dict[str, object] = {"references": references} | ({"bundle": bundle} if bundle else {})
        detail |= {"cut_off": True} if is_shallow(repository) else {}
        return replace(wanted, version=snapshot_id(found).hex(), sha256=bundle or wanted.sha256, detail=json.dumps(detail))

    def anchor(self, branches: Branches) -> bytes | None:
        """The head's revision; None where there is none."""
        head = head_of(branches)
        return head[1] if head is not None and head[0] == "revision" else None

    def whole(self, inputs: Iterable[SliceInput]) -> Literal["all", "head", "nothing"]:
        """All: a visit with a hole is a partial one."""
        return "all"

    def read(self, work: Work, row: SliceInput) -> State:
        """See ``ChangingSource.read``."""
        detail = json.loads(row.detail or "{}")
        branches = {os.fsencode(name): _read(branch) for name, branch in detail["references"].items()}
        settings, item = work.lake.settings, base_item(row.item)
        repository, name = _repository(item, settings, detail.get("bundle")), f"git:{row.item}"
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
                    read.lost |= one.lost
                    state.staged.append(one.staged)
            state.staged.append(_stage_missing(work, listing.missing_contents, name))
            state.lacking = listing.missing_contents.height > 0
        state.objects = dict(sorted(read.counts.items()))
        shallow = is_cut_off(row) or is_shallow(repository)
        state.complete = not (missing or shallow or read.notes)
        if state.anchor is not None:
            self._list_files(work, repository, name, state, read.lost)
        else:
            state.tally.notes.append(Note("no-head", "HEAD names no commit: the objects are here, but no file is in the slice"))
        state.tally.notes += _fewest(read.notes)
        if missing:
            state.tally.notes.append(
                Note("missing-objects", f"{len(missing)} objects are not in the repository, such as {min(missing).hex()}")
            )
        if shallow:
            state.tally.notes.append(Note("shallow-repository", _SHALLOW))
        return state

    def _list_files(self, work: Work, repository: Path, name: str, state: State, lost: set[bytes]) -> None:
        assert state.anchor is not None
        try:
            root = git.read_object(repository, f"{state.anchor.hex()}^{{tree}}")[1]
            task = ListTree(name, repository, root, frozenset(lost), work.area)
            [(state.tally, staged)] = work.engine.map(list_tree, [task], name=str)
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
        new = _unknown(work, window).with_columns(
            task=(pl.col("size") + _OBJECT_COST).cum_sum() // _TASK_BYTES,
        )
        parts = new.partition_by("task", maintain_order=True)
        yield [ReadObjects(name, repository, b"".join(part["id"]), work.area) for part in parts]


def _unknown(work: Work, window: pl.DataFrame) -> pl.DataFrame:
    """Those objects of a window that the lake lacks; a content that is too large, or taken down, stays out once and for all."""
    lake = work.lake
    known = [pl.DataFrame(schema={"id": pl.Binary})]
    for kind, table, column in _TABLES:
        keys = window.filter(pl.col("kind") == kind).select(pl.col("id").alias(column))
        if keys.height:
            known.append(keys.join(lake.keys_missing(table, keys), on=column, how="anti").select(id=column))
    out = (pl.col("size") > lake.settings.max_content_bytes) | pl.col("id").is_in(list(work.area.refused))
    left_out = window.filter((pl.col("kind") == "blob") & out).select("id")
    if left_out.height:
        skipped = lake.scan("skipped_content").filter(pl.col("reason").is_in([TOO_LARGE, TAKEN_DOWN])).select(id="sha1_git")
        known.append(left_out.join(skipped.collect(), on="id", how="semi"))
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
    if len(notes) <= MOST_NOTES:
        return notes
    return [*notes[:MOST_NOTES], Note("more-of-these", f"{len(notes) - MOST_NOTES:,} more objects are in no better state")]


def _is_bundle(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _BUNDLE.match(file.read(32)) is not None


def _kept_bundle(path: Path, wanted: str | None, settings: Settings) -> str:
    """Copy a bundle into the cache, as files change and states of a day don't; returns its sha256."""
    _, sha256 = copy_archive(path, settings)
    if wanted and wanted != sha256:
        raise ItemError("wrong-hash", f"the bundle's sha256 is {sha256}, expected {wanted}; nothing of it was taken")
    return sha256


def _repository(item: str, settings: Settings, bundle: str | None = None, fetch: bool = False) -> Path:
    """Where the repository of an item is on this machine.

    Args:
        item: a URL, whose mirror is in the cache; or a path.
        settings: where the cache is.
        bundle: sha256 of the bundle that was found at the path; it is unpacked in the cache.
        fetch: bring the mirror up to date.

    Raises:
        ItemError: ``missing-repository``, ``unreachable``, ``unreadable-bundle`` or ``sha256-repository``.
    """
    if bundle is not None:
        return _unbundled(item, bundle, settings)
    if _URL.match(item):
        return _mirrored(item, settings, fetch)
    if not git.is_repository(Path(item)):
        raise ItemError("missing-repository", f"there is no git repository at {item} any more")
    return Path(item)


def _mirrored(url: str, settings: Settings, fetch: bool) -> Path:
    mirror = settings.cache / "git" / hashlib.sha256(url.encode()).hexdigest()
    if not mirror.exists():
        with _new_folder(mirror, settings) as partial:
            _transport(url, "clone", "--mirror", "--quiet", "--template=", "--", url, str(partial))
    elif fetch:
        # Objects of references that are gone stay: an older visit may still be loaded from them.
        _transport(url, f"--git-dir={mirror}", "fetch", "--quiet", "--prune", "origin")
        _follow_head(url, mirror)
    return mirror


def _follow_head(url: str, mirror: Path) -> None:
    """Let HEAD of a mirror name what the remote's does now; git fetches every reference but this."""
    said = _transport(url, "ls-remote", "--symref", "--", url, "HEAD").splitlines()
    head = said[0].partition(b"\t")[0] if said else b""
    if _OBJECT.fullmatch(head) and not present(mirror, [bytes.fromhex(head.decode())]):
        _transport(url, f"--git-dir={mirror}", "fetch", "--quiet", "origin", "HEAD")
    if head.startswith(b"ref: refs/") or _OBJECT.fullmatch(head):
        with lake_errors(f"writing {mirror}"):
            new = mirror / f"HEAD-{uuid.uuid4().hex[:8]}"
            new.write_bytes(head + b"\n")
            new.replace(mirror / "HEAD")


def _unbundled(item: str, sha256: str, settings: Settings) -> Path:
    """The repository that a bundle holds, its objects indexed and verified by git, its references as it lists them."""
    place = settings.cache / "bundles" / sha256
    if place.exists():
        return place
    bundle = find_archive(sha256, settings)
    if bundle is None:
        if not _is_bundle(Path(item)):
            raise ItemError("missing-repository", f"there is no bundle at {item} any more")
        _kept_bundle(Path(item), sha256, settings)
        return _unbundled(item, sha256, settings)
    with bundle.open("rb") as file:
        if b"\n@object-format=sha256\n" in file.read(_MOST_CAPABILITIES).partition(b"\n\n")[0]:
            raise ItemError("sha256-repository", f"{item} names its objects by SHA-256; SWHIDs of version 1 are SHA-1")
    with _new_folder(place, settings) as partial:
        with lake_errors(f"writing {partial}"):
            for name in ("objects", "refs"):
                (partial / name).mkdir(parents=True)
            (partial / "HEAD").write_bytes(_UNBORN)
        try:
            listed = git.run(partial, "bundle", "unbundle", str(bundle))
        except ItemError as error:
            what = error.detail.replace(str(partial), item)
            if "prerequisite" in what:
                what = "it builds on commits that are not in it; make a whole one with: git bundle create FILE --all"
            raise ItemError("unreadable-bundle", f"the bundle {item} can't be read: {what}") from None
        references = {name: target for target, _, name in (line.partition(b" ") for line in listed.splitlines())}
        with lake_errors(f"writing {partial}"):
            (partial / "HEAD").write_bytes(_bundle_head(references))
            packed = [b"%s %s\n" % (target, name) for name, target in sorted(references.items()) if name.startswith(b"refs/")]
            (partial / "packed-refs").write_bytes(b"".join(packed))
    return place


def _bundle_head(references: dict[bytes, bytes]) -> bytes:
    """What HEAD says: a bundle lists its commit and not its branch, which is guessed as ``git clone`` does."""
    target = references.get(b"HEAD")
    if target is None:
        return _UNBORN
    branches = [name for name, one in references.items() if one == target and name.startswith(b"refs/heads/")]
    usual = [name for name in (b"refs/heads/master",) if name in branches]
    return next((b"ref: %s\n" % name for name in [*usual, *branches]), target + b"\n")


@contextmanager
def _new_folder(place: Path, settings: Settings) -> Iterator[Path]:
    """A folder that is at ``place`` afterwards, unless what fills it fails or somebody else was faster."""
    with scratch_folder("git", settings) as folder:
        partial = folder / "repository"
        yield partial
        with lake_errors(f"writing {place}"):
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                partial.rename(place)


def _transport(url: str, *arguments: str) -> bytes:
    """Let git talk to a remote with the user's configuration, but run nothing of the repository's and ask nobody."""
    scheme = _URL.match(url)
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_REPOSITORY} | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": _PROTOCOLS.get((scheme and scheme[1]) or "ssh", ""),
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }
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
        shown = without_credentials(line.replace(url, SOURCE.origin(url)))
        raise ItemError("unreachable", f"the repository can't be cloned or fetched: {shown}")
    return done.stdout
