# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the lists of licences in a tree say of its files: ``REUSE.toml``, ``.reuse/dep5``, ``debian/copyright``, ``x.license``.

Of several that name a file, one speaks: a ``REUSE.toml`` that overrides (the outermost), else the file ``x.license`` beside it,
else the nearest ``REUSE.toml``, else ``.reuse/dep5``, else ``debian/copyright``; in one list the last that matches (REUSE 3.3,
section 5; DEP-5, "Files"). Whether it decides is another question: see ``resolve``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from codecommons.swhid import Span, Swhid, swhid_text

# What stands for a declaration that nobody can read: a reference that no policy knows.
UNREADABLE = "LicenseRef-unreadable"
SIDECAR = b".license"
_OVERRIDE, _BESIDE = 0, 1
# By name: the folder that a list of this name lies in, and its place among those that name a file.
_KINDS = {b"reuse.toml": (None, 2), b"dep5": (b".reuse", 3), b"copyright": (b"debian", 4)}
# Folders that only such a list lies in.
HOMES = frozenset(home for home, _ in _KINDS.values() if home)
_LISTED = {"root": pl.Binary, "path": pl.Binary, "listed": pl.String, "listed_by": pl.String, "listed_at": pl.Binary}
_SAID = {"listed": pl.String, "listed_by": pl.String, "folder": pl.Binary}
_EVERYTHING = {"path": None, "folder": "", "pattern": "", "precedence": "closest", "license": None}
_ORDER = ("place", "depth")


def listed(files: pl.DataFrame, lists: pl.DataFrame) -> pl.DataFrame:
    """Add what lists say.

    Args:
        files: all files of some trees: root, path (bytes), content, name (bytes), own, lines (where it states that) and others.
        lists: content, name, and files and lines as the annotator ``file_licenses`` tells, of those that are lists; null of one
            that nobody can read, which may be about every file.

    Returns:
        The same with listed (an expression), listed_by (the lines that say so, as a SWHID) and listed_at (bytes: the file, where
        the list names it, else the folder that the pattern begins with), null where no list names a file. In order of root and
        path.
    """
    files = files.sort("root", "path")
    there = files.drop("lines").join(lists, on=["content", "name"], maintain_order="left")
    trees = files.join(there, on="root", how="semi").partition_by("root", as_dict=True)
    found = [_beside(files), *(_named(row, trees[row["root"],]) for row in there.iter_rows(named=True))]
    columns = pl.Schema([*_LISTED.items(), *((name, pl.Int64) for name in _ORDER)])
    every = pl.concat([columns.to_frame(), *(one.select(columns.names()).cast(columns) for one in found if one.height)])
    best = every.sort("root", "path", *_ORDER).unique(["root", "path"], keep="first", maintain_order=True).drop(_ORDER)
    return files.join(best, on=["root", "path"], how="left", maintain_order="left")


def _beside(files: pl.DataFrame) -> pl.DataFrame:
    """What a file called like another one, and ``.license``, says of that one."""
    stated = pl.col("own").is_not_null()
    rows = files.filter(pl.col("name").bin.ends_with(SIDECAR)).with_columns(
        pl.col("own").fill_null(UNREADABLE), lines=pl.when(stated).then("lines")
    )
    paths = pl.Series([path.removesuffix(SIDECAR) for path in rows["path"]], dtype=pl.Binary)
    where = pl.Series([where_said(*row) for row in rows.select("root", "path", "content", "lines").iter_rows()], dtype=pl.String)
    return rows.select("root", path=paths, listed="own", listed_by=where, listed_at=paths, place=_BESIDE, depth=0)


def _named(row: dict[str, Any], files: pl.DataFrame) -> pl.DataFrame:
    """What one list says of the files of its tree that it names."""
    named, lines = (row["files"], row["lines"]) if row["files"] is not None else ([_EVERYTHING], [None])
    spans = [one and f"{one['start_line']}-{one['end_line']}" for one in lines]
    swhids = {span: where_said(row["root"], row["path"], row["content"], span) for span in dict.fromkeys(spans)}
    home, rank = _KINDS[row["name"].lower()]
    base, _, _ = row["path"].rpartition(b"/")
    if home is not None:
        base, _, last = base.rpartition(b"/")
        if last.lower() != home:
            return pl.DataFrame()
    start = base + b"/" if base else b""
    rows = files.filter(pl.col("path").bin.starts_with(start)).select("root", "path")
    names = rows["path"].bin.slice(len(start)).cast(pl.String, strict=False)
    numbers = {name: at for at, name in enumerate(names) if name is not None}
    last_match = np.full(rows.height, -1)
    for at, one in enumerate(named):
        if one["path"] is None:
            last_match[names.str.contains(one["pattern"]).fill_null(value=False).to_numpy()] = at
        elif one["path"] in numbers:
            last_match[numbers[one["path"]]] = at
    depth = start.count(b"/")
    said = pl.DataFrame(
        [
            (
                at,
                one["license"] or UNREADABLE,
                swhids[span],
                start + one["folder"].encode() if one["path"] is None else None,
                *((_OVERRIDE, depth) if one["precedence"] == "override" else (rank, -depth)),
            )
            for at, (one, span) in enumerate(zip(named, spans, strict=True))
        ],
        schema={"match": pl.Int64, **_SAID, **dict.fromkeys(_ORDER, pl.Int64)},
        orient="row",
    )
    return (
        rows.with_columns(match=pl.Series(last_match, dtype=pl.Int64))
        .join(said, on="match")
        .select("root", "path", "listed", "listed_by", *_ORDER, listed_at=pl.coalesce("folder", "path"))
    )


def where_said(root: bytes, path: bytes, content: bytes, lines: str | None) -> str:
    """Where something is said, as a SWHID: in which file of which tree, and on which lines (``3-20``), where that is known."""
    first, _, last = (lines or "").partition("-")
    span = Span(int(first), int(last or first)) if first else None
    return str(Swhid("cnt", content, anchor=swhid_text("dir", root), path=b"/" + path, lines=span))
