# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What rows have beyond a file: the columns of commits and discussions, the texts of a row, and the SWHIDs of its contents."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from codecommons.swhid.identifier import PLAIN_PATH, escaped_path

SPAN = pa.struct([pa.field("kind", pa.string()), pa.field("start", pa.int64()), pa.field("end", pa.int64())])
# Columns that a row has where it is a commit: the revision and its parent, why it was made, and its file before, likewise.
COMMIT: dict[str, pa.DataType] = {
    "revision": pa.string(),
    "parent": pa.string(),
    "message": pa.string(),
    "before": pa.string(),
    "before_text": pa.string(),
    "before_length": pa.int64(),
    "before_encoding": pa.string(),
    "before_redactions": pa.list_(SPAN),
}
# What of a commit is read back, beside what is of a file.
COMMIT_READ: dict[str, pl.DataType | type[pl.DataType]] = {
    "before": pl.String,
    "before_text": pl.String,
    "before_encoding": pl.String,
    "before_redactions": pl.List(pl.Struct({"kind": pl.String, "start": pl.Int64, "end": pl.Int64})),
    "message": pl.String,
}
# What selected rows say of a commit.
CHANGES = ("revision_id", "parent_id", "message", "before_content", "before_length", "before_encoding", "before_redactions")
# Columns that a row has where it is a discussion.
DISCUSSION: dict[str, pa.DataType] = {
    "number": pa.int64(),
    "title": pa.string(),
    "state": pa.string(),
    "completeness": pa.string(),
    "users": pa.int64(),
    "opened_at": pa.string(),
}


class Side(NamedTuple):
    """The columns of one of the texts of a row: the content, its text, and how that is made from it."""

    content: str
    swhid: str
    text: str
    encoding: str
    redactions: str


def sides(columns: Collection[str]) -> list[Side]:
    """The texts that rows with these columns have: that of the file, and of a commit the one before."""
    after = Side("content", "swhid", "text", "encoding", "redactions")
    before = Side("before_content", "before", "before_text", "before_encoding", "before_redactions")
    return [after, before] if "before_text" in columns else [after]


def swhid_of(kind: str, column: str) -> pl.Expr:
    """Core SWHIDs of a column of 20-byte identifiers."""
    return pl.lit(f"swh:1:{kind}:") + pl.col(column).bin.encode("hex")


def qualified(content: str, origin: str, anchor: str, path: str, visit: str | None = None) -> pl.Expr:
    """SWHIDs of contents with their qualifiers, as ``str(Swhid(…))``; those that are null are left out.

    Args:
        content: the column with identifiers (20 bytes); the other arguments are columns, too.
        origin: texts.
        anchor: core SWHIDs.
        path: bytes, from the root, without the first slash.
        visit: core SWHIDs.
    """
    url = pl.col(origin).str.replace_all("%", "%25", literal=True).str.replace_all(";", "%3B", literal=True)
    said = {"origin": url, **({"visit": pl.col(visit)} if visit else {}), "anchor": pl.col(anchor)}
    parts = [pl.format(f";{name}={{}}", value).fill_null("") for name, value in said.items()]
    return pl.concat_str(swhid_of("cnt", content), *parts, pl.lit(";path=/"), pl.col(path).map_batches(_escaped, pl.String))


def _escaped(paths: pl.Series) -> pl.Series:
    """Paths as qualifiers have them; nearly all of them need no escape, and are looked at together."""
    bytes_ = paths.to_arrow().cast(pa.large_binary())
    plain = pl.Series(pc.match_substring_regex(bytes_, f"^(?:{PLAIN_PATH})$"), dtype=pl.Boolean)
    if plain.all():
        return paths.cast(pl.String)
    others = pl.Series([escaped_path(path) for path in paths.filter(~plain)], dtype=pl.String)
    return paths.set(~plain, b"").cast(pl.String).scatter((~plain).arg_true(), others)


def swhids_of(manifest: pl.DataFrame) -> list[str]:
    """Core SWHIDs of all contents in the rows of a manifest."""
    sides = [manifest[name].drop_nulls() for name in ("content", "before_content") if name in manifest.columns]
    return [f"swh:1:cnt:{content.hex()}" for content in pl.concat(sides)]
