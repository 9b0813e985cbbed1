# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""From facts to trees: a range of origins at a time, every origin's become directories."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import polars as pl

from codecommons.archive.collection.facts import FACT_BYTES, Facts, add
from codecommons.archive.objects import TAKEN_DOWN, Rows
from codecommons.archive.tally import Tally
from codecommons.archive.tree import listed_tree
from codecommons.lake import StagedFile, StagingArea
from codecommons.lake.storage import lake_errors
from codecommons.report import Count
from codecommons.swhid import FILE_PERMS

# Part of every state's digest: raised when the same rows give other trees.
VERSION = 2


@dataclass(frozen=True)
class Span:
    """A range of origins whose trees one task makes.

    Attributes:
        name: how an error calls it.
        paths: files with facts.
        low: the first key; ``high`` is past the last, None for the last of all.
        state: digest of what is loaded.
        declared_by: the collection, as declarations name it.
        area: where rows go.
    """

    name: str
    paths: tuple[str, ...]
    low: bytes
    high: bytes | None
    state: bytes
    declared_by: str
    area: StagingArea

    def __str__(self) -> str:
        """How an error names it."""
        return self.name


@dataclass
class Grown:
    """Trees that were made: (origin, root, tally), what was left out on the way, and staged rows."""

    trees: list[tuple[str, bytes, Tally]] = field(default_factory=list)
    left_out: dict[str, Count] = field(default_factory=dict)
    staged: list[StagedFile] = field(default_factory=list)


def spans(name: str, facts: Sequence[Facts], state: bytes, declared_by: str, area: StagingArea) -> list[Span]:
    """Cut what was read into ranges of origins that fit a batch."""
    paths = tuple(one.path for one in facts if one.path)
    count = max(1, sum(one.rows for one in facts) * FACT_BYTES // area.storage.settings.batch_bytes)
    bounds = [((1 << 64) * at // count).to_bytes(8, "big") for at in range(count)]
    return [
        Span(f"{name}: trees from {low.hex()}", paths, low, high, state, declared_by, area)
        for low, high in zip(bounds, [*bounds[1:], None], strict=True)
        if paths
    ]


def grow(span: Span) -> Grown:
    """Make the trees of a range of origins; runs in a worker."""
    storage = span.area.storage
    mine = pl.col("key") >= span.low
    if span.high is not None:
        mine &= pl.col("key") < span.high
    uris = [path if not storage.remote else f"s3://{path}" for path in span.paths]
    with lake_errors(f"reading {span.paths[0]}"):
        facts = pl.scan_parquet(uris, storage_options=storage.options or None).filter(mine).collect()
    grown, rows = Grown(), Rows(span.area, span.name)
    for origin, group in groupby(_settled(facts, grown.left_out).select(_SETTLED).iter_rows(), itemgetter(0)):
        files = [_File(*row[1:]) for row in group]
        declared = [file for file in files if file.licenses or file.date or file.language]
        top = _top_folder(declared, span.declared_by) if declared else b""
        root = listed_tree(((top + file.path, FILE_PERMS, file.content) for file in files), rows)
        rows.declarations(root, ((top + one.path, *one[4:], span.declared_by) for one in declared))
        here = [file.length for file in files if not file.skipped]
        tally = Tally(Count(len(here), sum(here)))
        for file in (file for file in files if file.skipped):
            tally.skip(file.length, TAKEN_DOWN if file.content in rows.refused else None)
        rows.collection_tree(span.state, origin, root, tally)
        grown.trees.append((origin, root, tally))
    grown.staged = rows.close()
    return grown


class _File(NamedTuple):
    path: bytes
    content: bytes
    length: int
    skipped: bool
    licenses: list[str] | None
    date: dt.datetime | None
    language: str | None
    row_id: str | None


_SETTLED = ("origin", *_File._fields)
_PLACE = ["origin", "path"]


def _settled(facts: pl.DataFrame, left_out: dict[str, Count]) -> pl.DataFrame:
    """One row a path, by origin: of several texts the newest stands, of equal ones everything that is declared of them."""
    order = [*_PLACE, "date", "content", "row_id", "language"]
    facts = facts.sort(order, descending=[name == "date" for name in order], nulls_last=True)
    first = facts.unique(_PLACE, keep="first", maintain_order=True)
    stands = first.select(*_PLACE, "content")
    same = facts.join(stands, on=[*_PLACE, "content"], how="semi", maintain_order="left")
    _leave_out(left_out, "path-conflict", facts.join(stands, on=[*_PLACE, "content"], how="anti"))
    _leave_out(left_out, "repeated", same.with_row_index().filter(~pl.struct(_PLACE).is_first_distinct()))
    licenses = same.explode("licenses").drop_nulls("licenses").group_by(_PLACE).agg(pl.col("licenses").unique().sort())
    files = first.drop("licenses").join(licenses, on=_PLACE, how="left", maintain_order="left")
    folders = _folders(files.select(_PLACE).rows())
    blocked = pl.Series([place in folders for place in files.select(_PLACE).iter_rows()], dtype=pl.Boolean)
    _leave_out(left_out, "path-conflict", files.filter(blocked))
    return files.filter(~blocked)


def _folders(places: Sequence[tuple[str, bytes]]) -> set[tuple[str, bytes]]:
    """The folders that files need, by origin."""
    found: set[tuple[str, bytes]] = set()
    for origin, path in places:
        folder = path.rpartition(b"/")[0]
        while folder and (origin, folder) not in found:
            found.add((origin, folder))
            folder = folder.rpartition(b"/")[0]
    return found


def _leave_out(counts: dict[str, Count], reason: str, rows: pl.DataFrame) -> None:
    add(counts, reason, Count(rows.height, int(rows["length"].sum())))


def _top_folder(declared: Sequence[_File], declared_by: str) -> bytes:
    """The folder that says which declarations a tree came with."""
    digest = hashlib.sha256(declared_by.encode())
    for one in sorted(declared, key=itemgetter(0)):
        written = [one.path.hex(), one.licenses, one.date.isoformat() if one.date else None, one.language, one.row_id]
        digest.update(json.dumps(written, separators=(",", ":")).encode() + b"\n")
    return f"declared-{digest.hexdigest()[:16]}/".encode()
