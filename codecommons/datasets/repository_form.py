# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

r"""Repositories as one document: the files of an origin, or of a tree of it, one after the other.

``<repo_name>name<file_sep>path\ncode<file_sep>path\ncode…``; a document without metadata is ``<file_sep>code<file_sep>code…``.

Source: StarCoder 2 and The Stack v2 (Lozhkov et al. 2024), section 4.1: half of the documents have the metadata.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa

from codecommons.annotate.marks import plain
from codecommons.datasets.format import Terms
from codecommons.datasets.rows import TREE
from codecommons.datasets.specification import PATH

REPOSITORY, SEPARATOR = "<repo_name>", "<file_sep>"
DOCUMENT = "repository"
# What of a row is its repository's, where a record is one.
_WHOLE = ("repository", "text", "origin", "visit", "anchor", *TREE)
# A record, and a document's length in Megatron's index, are less than 2 GiB, and a part of an origin may be twice the cap.
MOST_BYTES = 1 << 30


class Edge(NamedTuple):
    """Where a row stands in its document: whether it is the first, the last, and whether the document has metadata."""

    first: bool
    last: bool
    named: bool


def edges(tables: Iterable[pa.Table], terms: Terms) -> Iterator[tuple[pa.Table, list[Edge]]]:
    """Tables of rows in order (columns origin and anchor), with where each row stands; each alone where a document is a file."""
    before: tuple[str, ...] | None = None
    for table, following in pairwise(chain(tables, (None,))):
        if terms.asked.document != DOCUMENT:
            yield table, [Edge(True, True, True)] * len(table)
            continue
        own = _keys(table, terms)
        around = [before, *own, _keys(following.slice(0, 1), terms)[0] if following is not None else None]
        named = {key: _named(key, terms) for key in dict.fromkeys(own)}
        yield (
            table,
            [Edge(one != left, one != right, named[one]) for left, one, right in zip(around, own, around[2:], strict=False)],
        )
        before = own[-1] if own else before


def _keys(table: pa.Table, terms: Terms) -> list[tuple[str, ...]]:
    """What tells the documents of rows apart."""
    names = ["origin"] if terms.order == PATH else ["origin", "anchor"]
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def _named(key: tuple[str, ...], terms: Terms) -> bool:
    return terms.asked.metadata == "all" or hashlib.sha256("\n".join(key).encode()).digest()[-1] % 2 == 1


def piece(edge: Edge, repository: str, path: str, text: str) -> str:
    """What a file adds to its document."""
    head = f"{REPOSITORY}{plain(repository)}" if edge.first and edge.named else ""
    line = plain(path).replace("\n", " ") + "\n"
    return head + SEPARATOR + line * edge.named + text


def marked(expected: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Rows of a shard, in order, with the columns of ``Edge``."""
    [(_, found)] = edges([expected.select("origin", "anchor").to_arrow()], terms)
    return expected.hstack(pl.DataFrame(found, schema=dict.fromkeys(Edge._fields, pl.Boolean), orient="row"))


def edges_of(rows: pl.DataFrame) -> list[Edge]:
    """Those of rows that are ``marked``."""
    return [Edge(*one) for one in rows.select(Edge._fields).iter_rows()]


def record_schema(rows: pa.Schema) -> pa.Schema:
    """The columns of records that are documents, of those that rows have; ``start`` and ``end`` are characters of the text."""
    places = [pa.field("start", pa.int64()), pa.field("end", pa.int64())]
    of_file = [field for field in rows if field.name not in (*_WHOLE, "row_in_repository")]
    whole = [rows.field(name) for name in _WHOLE]
    return pa.schema([*whole, pa.field("files", pa.list_(pa.struct([*of_file, *places])))])


def records(tables: Iterable[pa.Table], schema: pa.Schema, terms: Terms, most: int) -> Iterator[pa.Table]:
    """Documents as records.

    Args:
        tables: rows in order.
        schema: of the rows.
        terms: what the format works by.
        most: bytes of text that a table has about, unless one document has more.
    """
    shape = record_schema(schema)
    names = [field.name for field in shape.field("files").type.value_type]
    done, size = list[dict[str, Any]](), 0
    pieces, files, at = list[str](), list[dict[str, Any]](), 0
    for table, found in edges(tables, terms):
        for row, edge in zip(table.to_pylist(), found, strict=True):
            # A damaged row has no text, and its shard comes to nothing.
            text = row["text"] or ""
            pieces.append(piece(edge, row["repository"], row["path"], text))
            at += len(pieces[-1])
            files.append({name: row.get(name) for name in names} | {"start": at - len(text), "end": at})
            if edge.last:
                done.append({name: row[name] for name in _WHOLE} | {"text": "".join(pieces), "files": files})
                size += at
                pieces, files, at = [], [], 0
        if size >= most:
            yield pa.Table.from_pylist(done, shape)
            done, size = [], 0
    if done:
        yield pa.Table.from_pylist(done, shape)
