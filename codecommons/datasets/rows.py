# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Rows: the columns of files, commits and discussions, how each is described, its texts, and the shard it goes to.

A shard is a bucket of sha256(origin). An origin with more text than the cap has shards of its own, split by sha256(path), so
that one new slice or one removal rewrites only the shards whose rows changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from codecommons.annotate import notebooks
from codecommons.datasets import redaction
from codecommons.swhid import content_id
from codecommons.swhid.identifier import PLAIN_PATH, escaped_path

# What rows are -> how one of them is called, and several.
CALLED = {
    "files": ("file", "files"),
    "commits": ("commit", "commits"),
    "issues": ("issue", "issues"),
    "pull_requests": ("pull request", "pull requests"),
}
SPAN = pa.struct([pa.field("kind", pa.string()), pa.field("start", pa.int64()), pa.field("end", pa.int64())])
_ROW: dict[str, pa.DataType] = {
    "swhid": pa.string(),
    "text": pa.string(),
    "language": pa.string(),
    "license": pa.string(),
    "license_type": pa.string(),
    "origin": pa.string(),
    "visit": pa.string(),
    "anchor": pa.string(),
    "path": pa.string(),
    "length": pa.int64(),
    "encoding": pa.string(),
    "redactions": pa.list_(SPAN),
    "repository": pa.string(),
    "row_in_repository": pa.int64(),
}
ROW = pa.schema(_ROW)
# Columns that a row has only where a dataset keeps all near-duplicates: the row that stands for it (null: it does so itself), the
# similarity to that, how many eligible files have its content, and the repository that stands for its own, likewise.
MARKS: dict[str, pa.DataType] = {
    "similar_to": pa.string(),
    "similarity": pa.float64(),
    "copies": pa.int64(),
    "similar_repository": pa.string(),
    "repository_similarity": pa.float64(),
}
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
# Columns that a row has only where files come tree by tree: how many its tree has, how many of them are rows of the dataset, and
# how many each rule left out.
TREE: dict[str, pa.DataType] = {
    "tree_files": pa.int64(),
    "tree_rows": pa.int64(),
    "tree_left_out": pa.list_(pa.struct([pa.field("rule", pa.string()), pa.field("files", pa.int64())])),
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


def assign(rows: pl.DataFrame, bits: int, cap_bytes: int) -> pl.DataFrame:
    """Add the column ``shard`` (the label) and put rows in order: shard, origin, path, content, anchor.

    Where rows have ``TREE``, the anchor comes before the path, and before that the place in the order of imports, if they have
    one; what has none comes last.

    Args:
        rows: with origin, path (binary), content, anchor, length.
        bits: ``k`` of 2**k buckets.
        cap_bytes: text bytes from which an origin is split.
    """
    trees = ("origin", "anchor", "place_in_tree", "path") if "tree_files" in rows.columns else ()
    order = [name for name in trees or ("origin", "path", "content", "anchor", "revision_id") if name in rows.columns]
    origins = labelled(rows.group_by("origin").agg(size(rows).sum().alias("length")), bits, cap_bytes)
    rows = rows.join(origins.drop("length"), on="origin", how="left")
    whole, large = rows.filter(pl.col("split") == 0), rows.filter(pl.col("split") > 0)
    return pl.concat([whole, parted(large)]).drop("split").sort("shard", *order, nulls_last="place_in_tree" in order)


def labelled(origins: pl.DataFrame, bits: int, cap_bytes: int) -> pl.DataFrame:
    """Add ``shard``, the label, and ``split``, bits of paths that it goes on by, to origins (origin, length: bytes of text)."""
    names = [f"{number:0{_digits(bits)}x}" for number in range(1 << bits)]
    keys = [hashlib.sha256(origin.encode()).digest() for origin in origins["origin"].cast(pl.String)]
    labels = [names[int.from_bytes(key[:2]) >> (16 - bits)] for key in keys]
    splits = [0] * len(keys)
    for at in np.flatnonzero(origins["length"].to_numpy() > cap_bytes).tolist():
        splits[at] = (-(-origins["length"][at] // cap_bytes) - 1).bit_length()
        labels[at] += f"-{keys[at][:6].hex()}"
    return origins.with_columns(pl.Series("shard", labels, pl.String), pl.Series("split", splits, pl.Int64))


def bucket(shard: pl.Expr) -> pl.Expr:
    """The bucket of a shard's name or label: which origins can be in it."""
    return shard.str.extract(r"^([^-.]*)")


def parted(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of origins that are split, each with the whole label: columns shard, split and path."""
    parts = [f"-{_top(hashlib.sha256(path).digest(), split)}" for path, split in rows.select("path", "split").iter_rows()]
    return rows.with_columns(shard=pl.col("shard") + pl.Series(parts, dtype=pl.String))


def size(rows: pl.DataFrame) -> pl.Expr:
    """Bytes of the contents of each row."""
    both = pl.col("length") + pl.col("before_length").fill_null(0) if "before_length" in rows.columns else pl.col("length")
    return both.cast(pl.Int64)


def bytes_of(rows: pl.DataFrame) -> int:
    """Bytes of the contents of all rows."""
    return int(rows.select(size(rows).sum()).item())


def _top(digest: bytes, bits: int) -> str:
    """The top ``bits`` bits in hex, all of one width."""
    return f"{int.from_bytes(digest[:8]) >> (64 - bits):0{_digits(bits)}x}"


def _digits(bits: int) -> int:
    return max(1, -(-bits // 4))


def row_schema(columns: Sequence[str]) -> pa.Schema:
    """The columns of a shard whose rows have these."""
    more = COMMIT if "revision" in columns else DISCUSSION if "number" in columns else {}
    return pa.schema([*ROW, *more.items(), *((name, kind) for name, kind in (MARKS | TREE).items() if name in columns)])


def described(rows: pl.DataFrame) -> pl.DataFrame:
    """Add what a row says about itself: its qualified SWHID, and where it stands among the rows of its origin here."""
    rows = rows.with_columns(visit=swhid_of("snp", "snapshot"))
    if "similar_to" in rows.columns:
        rows = rows.with_columns(similar_to=swhid_of("cnt", "similar_to"))
    if "revision_id" in rows.columns:
        rows = rows.with_columns(revision=swhid_of("rev", "revision_id"), parent=swhid_of("rev", "parent_id"))
        rows = rows.with_columns(before=qualified("before_content", "origin", "parent", "path", "visit"))
    return rows.with_columns(
        swhid=qualified("content", "origin", "anchor", "path", "visit"),
        repository=pl.col("origin").replace_strict(
            {origin: repository(origin) for origin in rows["origin"].unique()}, return_dtype=pl.String
        ),
        row_in_repository=pl.int_range(pl.len(), dtype=pl.Int64).over("origin"),
    )


def repository(origin: str) -> str:
    """A readable name of an origin, as training formats put before a repository's files.

    ``pkg:pypi/requests`` -> ``pypi/requests``; ``https://host/owner/name.git`` -> ``owner/name``.
    """
    if origin.startswith("pkg:"):
        return origin.removeprefix("pkg:")
    parts = [part for part in origin.rstrip("/").removesuffix(".git").rpartition("://")[2].split("/") if part]
    return "/".join(parts[-2:] if len(parts) > 2 else parts[-1:]) or origin


def row_text(
    data: bytes,
    content: bytes,
    encoding: str,
    redactions: Iterable[Mapping[str, Any]] = (),
    escape: Iterable[str] = (),
    form: str = "",
) -> bytes | None:
    """The text of a row, as UTF-8; None when the bytes do not re-hash to their identifier or are not in the encoding.

    Args:
        data: all bytes of the content.
        content: its sha1_git.
        encoding: what Python calls it.
        redactions: kind, start and end of what is replaced, in order.
        escape: names of ``tokens.TOKENS`` that are broken.
        form: of a notebook that becomes a text (``annotate.notebooks``); redactions are of the bytes of that.
    """
    if content_id(data) != content:
        return None
    try:
        if form:
            data, encoding = notebooks.text(data, form).encode(), "utf-8"
            # What was not written as a mark has been broken already; the others are to stay.
            escape = [name for name in escape if name != "starcoder2" or form != notebooks.STRUCTURED]
        return redaction.text_of(data, encoding, [redaction.Span(**one) for one in redactions], escape).encode()
    except (ValueError, LookupError):
        return None


def form_of(path: bytes, notebooks_: str) -> str:
    """What ``row_text`` is to make of a file: nothing else, or a form of a notebook.

    Args:
        path: of the file.
        notebooks_: what the specification says of notebooks.
    """
    return notebooks_ if notebooks_ in notebooks.FORMS and notebooks.is_notebook(path) else ""


def readable(paths: pl.Series) -> pl.Series:
    """Paths as text; bytes that are not UTF-8 stand as U+FFFD (the SWHID's ``path`` has them exactly)."""
    try:
        return paths.cast(pl.String)
    except pl.exceptions.ComputeError:  # one by one takes many times as long, and few lakes have such a path
        return pl.Series(paths.name, [path.decode(errors="replace") for path in paths], dtype=pl.String)
