# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What sources have in common whose items change: a repository, a folder.

A day may hold several states of one item. Listing an item records its state (``version``), so that loading the slice is the same
on any later day.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from codecommons.archive.objects import Branches, Rows
from codecommons.archive.source import LOADER_VERSION, Item, Outcome, Source, Visit, Work, base_item, rank_of, unexpected
from codecommons.archive.tally import Tally
from codecommons.errors import ItemError
from codecommons.lake import Lake, SliceInput, StagedFile
from codecommons.swhid import snapshot_id


@dataclass
class State:
    """What loading one state of an item gave.

    Attributes:
        branches: the snapshot.
        tally: files of its tree.
        anchor: the revision or directory whose tree that is.
        complete: whether everything it refers to was there, contents aside.
        lacking: whether contents were missing that may turn up one day.
        staged: staged rows.
        objects: objects read, by kind.
    """

    branches: Branches
    tally: Tally = field(default_factory=Tally)
    anchor: bytes | None = None
    complete: bool = True
    lacking: bool = False
    staged: list[list[StagedFile]] = field(default_factory=list)
    objects: dict[str, int] = field(default_factory=dict)


class ChangingSource(Source):
    """A source whose items change; see the module."""

    changes = True

    @abstractmethod
    def origin(self, item: str) -> str:
        """The origin's URL."""

    @abstractmethod
    def anchor(self, branches: Branches) -> bytes | None:
        """The revision or directory whose tree the visit shows."""

    @abstractmethod
    def read(self, work: Work, row: SliceInput) -> State:
        """Stage what the state holds beyond what the lake has.

        Raises:
            ItemError: it can't be had any more.
        """

    def load(self, work: Work, inputs: list[SliceInput]) -> Outcome:
        """See ``Source.load``."""
        outcome = Outcome([], [], [])
        objects: dict[str, int] = {}
        for row in _current(inputs):
            origin, rank = self.origin(base_item(row.item)), rank_of(row.item)
            before = _last_good(work, origin, Visit(origin, None, "failed", rank).number(work.day))
            try:
                item, visit, staged = self._load_one(work, row, objects)
            except ItemError as error:
                if before is None:
                    item, visit = Item(row.item, origin, "failed", error=error), Visit(origin, None, "failed", rank)
                else:
                    branches, tally, status = before
                    item = Item(row.item, origin, "kept", tally, self.anchor(branches), error)
                    visit = Visit(origin, branches, status, rank)
                staged = []
            outcome.items.append(item)
            outcome.visits.append(visit)
            outcome.staged += staged
        outcome.details = {"objects_read": objects}
        return outcome

    def _load_one(self, work: Work, row: SliceInput, objects: dict[str, int]) -> tuple[Item, Visit, list[list[StagedFile]]]:
        unresolved = json.loads(row.detail or "{}").get("unresolved")
        if unresolved:
            raise ItemError(*unresolved)
        origin, rank = self.origin(base_item(row.item)), rank_of(row.item)
        extid = self._extid(work, row)
        known = work.lake.scan("extid").filter(pl.col("extid") == extid).collect().to_dicts()
        # Of what was cut off others may have brought the rest; that visit has not.
        if known and not is_cut_off(row):
            branches = _branches(work.lake, known[0]["target"])
            return (
                Item(row.item, origin, "reused", Tally.from_extid(known[0]), self.anchor(branches)),
                Visit(origin, branches, "full", rank),
                [],
            )
        with unexpected(f"{self.name}:{row.item}", lake=True):
            state = self.read(work, row)
        rows = Rows(work.area, f"{self.name}:{row.item}")
        snapshot = snapshot_id(state.branches)
        # A state with holes is loaded again next time, when they may be filled; its counts are kept under another key.
        key, kind = extid, f"{self.name}-state"
        if state.lacking or not state.complete:
            key, kind = hashlib.sha256(extid).digest(), f"{self.name}-state-partial"
        rows.loaded(key, kind, LOADER_VERSION, snapshot, "snapshot", state.tally)
        for kind, count in state.objects.items():
            objects[kind] = objects.get(kind, 0) + count
        item = Item(row.item, origin, "loaded", state.tally, state.anchor)
        return item, Visit(origin, state.branches, "full" if state.complete else "partial", rank), [*state.staged, rows.close()]

    def _extid(self, work: Work, row: SliceInput) -> bytes:
        facts = (self.name, row.version, work.lake.settings.max_content_bytes, LOADER_VERSION)
        return hashlib.sha256("\n".join(map(str, facts)).encode()).digest()


def is_cut_off(row: SliceInput) -> bool:
    """Whether the history of a repository was cut off when it was listed, whatever became of it since."""
    return bool(json.loads(row.detail or "{}").get("cut_off"))


def complete_heads(lake: Lake, wanted: Iterable[bytes], origin: str) -> set[bytes]:
    """Revisions and releases below which the lake holds everything: those among ``wanted``, and those of the origin's visits."""
    complete = lake.scan("extid").filter(pl.col("extid_type") == "git-state").select(snapshot_id="target")
    heads = (
        lake.scan("snapshot_branch")
        .filter(pl.col("target_type").is_in(["revision", "release"]))
        .join(complete, on="snapshot_id", how="semi")
    )
    visited = lake.scan("origin_visit_status").filter(pl.col("origin") == origin).select(snapshot_id="snapshot")
    mine = heads.join(visited, on="snapshot_id", how="semi").select("target")
    same = heads.filter(pl.col("target").is_in(list(wanted))).select("target")
    return set(pl.concat([mine, same]).unique().collect()["target"].to_list())


def _current(inputs: list[SliceInput]) -> list[SliceInput]:
    """Leave out what could not be listed when it was listed again later."""
    listed = {base_item(row.item) for row in inputs if row.version}
    return [row for row in inputs if row.version or base_item(row.item) not in listed]


def _last_good(work: Work, origin: str, visit: int) -> tuple[Branches, Tally, str] | None:
    """The live visit of this number: its branches, what it came to, and how it ended."""
    seen = work.lake.scan("origin_visit_status").filter(
        (pl.col("origin") == origin) & (pl.col("visit") == visit) & pl.col("snapshot").is_not_null()
    )
    status = seen.collect().to_dicts()
    if not status:
        return None
    snapshot = status[0]["snapshot"]
    counted = (
        work.lake.scan("extid").filter(pl.col("target") == snapshot).collect().sort("files", "extid", descending=True).to_dicts()
    )
    return _branches(work.lake, snapshot), Tally.from_extid(counted[0]) if counted else Tally(), status[0]["status"]


def _branches(lake: Lake, snapshot: bytes) -> Branches:
    rows = lake.scan("snapshot_branch").filter(pl.col("snapshot_id") == snapshot).collect().to_dicts()
    return {row["name"]: (row["target_type"], row["target"]) if row["target_type"] else None for row in rows}
