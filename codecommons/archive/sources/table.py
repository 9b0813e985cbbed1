# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Collections of texts in a table, such as documentation, questions and answers: ``table:docs.parquet?text=body&license=lic``.

A table is Parquet or JSON lines (plain, gz, bz2, xz, zst), by path or URI; a folder or a pattern of such files is one table, too.
Each row is a file. The rows of one origin are a tree, seen by one visit, a snapshot whose HEAD is the tree: no release stands
between, for what a collection says on a later day replaces what it said before, while releases add up. A day holds the newest
state of each table; of an origin that two tables of a day name, the visit of the table that comes last by name counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlencode

import polars as pl

from codecommons import strict
from codecommons.archive import collection, fetching
from codecommons.archive.cache import find_archive
from codecommons.archive.collection import Columns
from codecommons.archive.objects import Rows
from codecommons.archive.source import (
    LOADER_VERSION,
    TREES,
    Item,
    Outcome,
    Source,
    Visit,
    Work,
    base_item,
    newest_states,
    unexpected,
)
from codecommons.archive.tally import BEFORE_REPAIR, Note, Tally
from codecommons.errors import ItemError, UsageError
from codecommons.lake import Lake, SliceInput, StagedFile
from codecommons.report import Count
from codecommons.settings import Settings

SUFFIXES = (".parquet", *(f"{kind}{packed}" for kind in (".jsonl", ".ndjson") for packed in ("", ".gz", ".bz2", ".xz", ".zst")))
_EXTID_TYPE = "table-state"
# Errors that end a table but leave what came before them.
_CUT = ("truncated", "corrupt")


@dataclass
class _Loaded:
    """What became of one table: its trees (origin, root, tally), what was left out of it, and staged rows."""

    state: Literal["loaded", "reused"]
    trees: list[tuple[str, bytes, Tally]]
    tally: Tally
    staged: list[list[StagedFile]]


class Table(Source):
    """Tables of texts."""

    name = "table"
    visit_type = "table"
    changes = True
    tables = (*TREES, "declaration")

    def parse(self, text: str) -> str:
        """A path or URI, and which column is what."""
        where, mark, query = text.partition("?")
        place = fetching.place(where)
        if not mark:
            return place
        known = [one.name for one in fields(Columns)]
        given: dict[str, str] = {}
        for key, value in parse_qsl(query, keep_blank_values=True):
            meant = "path" if key == "name" else key
            if meant not in known:
                raise UsageError(f"table:{text}: a table has no {key!r}; {strict.nearest(key, known)}")
            if not value or meant in given:
                raise UsageError(f"table:{text}: {key} must name one column, as in table:docs.parquet?text=body&license=lic")
            given[meant] = value
        if not given:
            raise UsageError(f"table:{text}: say which column is what, as in table:docs.parquet?text=body&license=lic")
        return f"{place}?{urlencode(sorted(given.items()))}"

    def is_local(self, text: str) -> bool:
        """See ``Source.is_local``."""
        return fetching.is_local(text)

    def resolve(self, wanted: SliceInput, settings: Settings) -> SliceInput:
        """Bring the table's files into the cache."""
        where = _place(wanted.item)
        there = fetching.expand(where, SUFFIXES, settings)
        files = [(fetching.name_of(file), fetching.bring(file, settings)[1]) for file in there]
        hashes = sorted(sha256 for _, sha256 in files)
        if wanted.sha256 and [wanted.sha256] != hashes:
            raise ItemError("wrong-hash", f"its sha256 is {hashes[0]}, expected {wanted.sha256}; nothing of it was taken")
        detail = json.dumps({"files": files})
        if len(files) == 1:
            return replace(wanted, version=hashes[0], sha256=hashes[0], detail=detail)
        return replace(wanted, version=hashlib.sha256("\n".join(hashes).encode()).hexdigest(), detail=detail)

    def load(self, work: Work, inputs: list[SliceInput]) -> Outcome:
        """See ``Source.load``."""
        outcome = Outcome([], [], [])
        ranks: dict[str, int] = {}
        for row in newest_states(inputs):
            origin = fetching.url_of(_folder_or_file(_place(row.item)))
            try:
                with unexpected(f"table:{row.item}", lake=True):
                    loaded = self._load_one(work, row, origin)
            except ItemError as error:
                outcome.items.append(Item(row.item, origin, "failed", error=error))
                continue
            outcome.staged += loaded.staged
            outcome.items.append(Item(row.item, origin, loaded.state, loaded.tally))
            for place, root, tally in loaded.trees:
                rank = ranks[place] = ranks.get(place, -1) + 1
                outcome.items.append(Item(row.item, place, loaded.state, tally, root))
                outcome.visits.append(Visit(place, {b"HEAD": ("directory", root)}, "full", rank))
        return outcome

    def _load_one(self, work: Work, row: SliceInput, origin: str) -> _Loaded:
        unresolved = json.loads(row.detail or "{}").get("unresolved")
        if unresolved:
            raise ItemError(*unresolved)
        columns, settings = _columns(row.item), work.lake.settings
        declared_by = f"table:{_stem(_folder_or_file(_place(row.item)))}"
        facts = (row.version, columns, declared_by, origin, settings.max_content_bytes, collection.VERSION, LOADER_VERSION)
        state = hashlib.sha256("\n".join(map(str, facts)).encode()).digest()
        known = _known(work.lake, state)
        if known is not None:
            return known
        try:
            files = list(_files(row, settings))
        except ItemError:
            before = _known(work.lake, state + BEFORE_REPAIR)
            if before is None:
                raise
            return before
        name = f"table:{row.item}"
        parts = [
            part
            for at, path in enumerate(files)
            for part in collection.parts(f"{name}: file {at + 1}", path, columns, origin, work.area)
        ]
        read = list(work.engine.map(collection.read_part, parts, name=str))
        errors = [one.error for one in read if one.error]
        for error in errors:
            if error.reason not in _CUT:
                raise error
        spans = collection.spans(name, read, state, declared_by, work.area)
        grown = list(work.engine.map(collection.grow, spans, name=str))
        tally = Tally()
        for left_out in (*(one.left_out for one in read), *(one.left_out for one in grown)):
            for reason, count in left_out.items():
                tally.dropped[reason] = tally.dropped.get(reason, Count()) + count
        tally.dropped = dict(sorted(tally.dropped.items()))
        tally.notes = [Note(error.reason, f"{error.detail}; what came before was taken") for error in errors]
        tally.notes += collection.remarks(read, tally.dropped)
        trees = sorted((tree for one in grown for tree in one.trees), key=lambda tree: tree[0])
        if not trees and not tally.notes:
            raise ItemError("empty-table", "there is no row in it")
        rows = Rows(work.area, name)
        rows.loaded(state, _EXTID_TYPE, collection.VERSION, None, None, tally)
        return _Loaded("loaded", trees, tally, [*(one.staged for one in read), *(one.staged for one in grown), rows.close()])


SOURCE = Table()


def _place(item: str) -> str:
    return base_item(item).partition("?")[0]


def _columns(item: str) -> Columns:
    return Columns(**dict(parse_qsl(base_item(item).partition("?")[2])))


def _folder_or_file(where: str) -> str:
    """What a table is called by: itself, or the folder of a pattern."""
    return where.rpartition("/")[0] if fetching.is_pattern(where) else where


def _stem(where: str) -> str:
    """The name of a table without the end that says how it is written."""
    name = fetching.name_of(where)
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.lower().endswith(suffix)), name)


def _files(row: SliceInput, settings: Settings) -> Iterator[Path]:
    """The files of a table out of the cache, or as they still are where they were."""
    for name, sha256 in json.loads(row.detail or "{}")["files"]:
        path = find_archive(sha256, settings)
        if path is None:
            there = [file for file in fetching.expand(_place(row.item), SUFFIXES, settings) if fetching.name_of(file) == name]
            copies = [copy for file in there for copy, found in [fetching.bring(file, settings)] if found == sha256]
            if not copies:
                raise ItemError(
                    "changed", f"{name} is gone or has changed since it was listed; ingest it again to have it as it is"
                )
            path = copies[0]
        yield path


def _known(lake: Lake, state: bytes) -> _Loaded | None:
    """What a state was loaded as before, from whatever slice."""
    rows = lake.scan("extid").filter(pl.col("extid") == state).collect().to_dicts()
    if not rows:
        return None
    trees = lake.scan("collection_tree").filter(pl.col("state") == state).sort("origin").collect().to_dicts()
    found = [
        (row["origin"], row["root"], Tally(Count(row["files"], row["bytes"]), Count(row["skipped_files"], row["skipped_bytes"])))
        for row in trees
    ]
    return _Loaded("reused", found, Tally.from_extid(rows[0]), [])
