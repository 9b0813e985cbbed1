# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Opt-outs that lie in the code itself, honoured as soon as they are archived: whoever may commit to an origin may opt it out.

At the root of a tree, or in the one folder that a package wraps its tree in:

``.ai-train.json``           a JSON object; ``{"train": false}`` opts out, ``{"train": true}`` says nothing
``.well-known/tdmrep.json``  TDM Reservation Protocol: a list in which ``tdm-reservation`` of location ``/`` or ``/*`` is 1

One that can't be understood opts out as well, until somebody mends it: its author wished for something. An origin is opted out
for as long as the newest of its trees has a marker.
"""

from __future__ import annotations

import json
import re
from typing import Any

import polars as pl

from codecommons.lake import Lake

MARKERS = (b".ai-train.json", b".well-known/tdmrep.json")
# The file in which a claimant commits the identifier of a request, one a line.
CHALLENGE = b".codecommons-opt-out"
MAX_BYTES = 1 << 16
_EVERYTHING = re.compile(r"/?\**")


def marked_origins(lake: Lake, trees: pl.DataFrame) -> pl.DataFrame:
    """Origins whose newest tree opts out.

    Args:
        lake: the lake.
        trees: origin, slice, visit, anchor, anchor_date, root, current.

    Returns:
        origin, reason: the marker as a SWHID and what it says; by origin.
    """
    found = at_root(lake, newest(trees), MARKERS)
    said = [(origin, _said(name, data), content) for origin, name, content, data in found.iter_rows()]
    rows = [(origin, f"marker swh:1:cnt:{content.hex()} ({what})") for origin, what, content in said if what]
    schema = {"origin": pl.String, "reason": pl.String}
    return pl.DataFrame(rows, schema, orient="row").sort("origin", "reason").unique("origin", keep="first", maintain_order=True)


def archived(lake: Lake) -> bool:
    """Whether any tree has a file of such a name, wherever it lies and whatever it says."""
    return lake.scan("tree_file").filter(_named(MARKERS)).select("path").head(1).collect(engine="streaming").height > 0


def newest(trees: pl.DataFrame) -> pl.DataFrame:
    """The newest current tree of every origin: an old release that comes in late is not its author's last word."""
    order = ["origin", "anchor_date", "slice", "visit", "anchor"]
    return trees.filter("current").sort(order, nulls_last=False).unique("origin", keep="last", maintain_order=True)


def at_root(lake: Lake, trees: pl.DataFrame, names: tuple[bytes, ...]) -> pl.DataFrame:
    """Files of these names at the roots of trees: origin, name, content, data (null when it is missing or too large), sorted."""
    schema = {"origin": pl.String, "name": pl.Binary, "content": pl.Binary, "data": pl.Binary}
    files = lake.scan("tree_file").filter(_named(names))
    here = files.select("root", "path", "content").join(trees.select("origin", "root").lazy(), on="root").collect()
    wrapped = _wrapped(lake, here.filter(~pl.col("path").is_in(names)).select("root").unique())
    rows = []
    for origin, root, path, content in here.select("origin", "root", "path", "content").iter_rows():
        inner = path.partition(b"/")[2] if origin.startswith("pkg:") or root in wrapped else path
        name = next((name for name in names if name in (path, inner)), None)
        if name:
            rows.append((origin, name, content))
    found = pl.DataFrame(rows, {"origin": pl.String, "name": pl.Binary, "content": pl.Binary}, orient="row").unique()
    if not found.height:
        return pl.DataFrame(schema=schema)
    lengths = (
        lake.scan("content").select(content="sha1_git", length="length").join(found.lazy(), on="content", how="semi").collect()
    )
    small = lengths.filter(pl.col("length") <= MAX_BYTES)["content"]
    data: dict[bytes, bytes] = {}
    for batch in lake.contents(pl.DataFrame({"sha1_git": small}, {"sha1_git": pl.Binary})):
        data |= dict(zip(batch["sha1_git"].to_pylist(), batch["data"].to_pylist(), strict=True))
    bytes_of = pl.Series([data.get(content) for content in found["content"]], dtype=pl.Binary)
    return found.with_columns(data=bytes_of).sort("origin", "name", "content")


def _named(names: tuple[bytes, ...]) -> pl.Expr:
    return pl.any_horizontal(pl.col("path").bin.ends_with(name) for name in names)


def _wrapped(lake: Lake, roots: pl.DataFrame) -> frozenset[bytes]:
    """Those of some trees that have everything in one folder, as an archive has that is no package."""
    paths = lake.scan("tree_file").select("root", "path").join(roots.lazy(), on="root").collect()
    tops: dict[bytes, set[bytes]] = {}
    for root, path in paths.iter_rows():
        tops.setdefault(root, set()).add(path.partition(b"/")[0] if b"/" in path else path + b"/")
    return frozenset(root for root, names in tops.items() if len(names) == 1)


def _said(name: bytes, data: bytes | None) -> str | None:
    """What a marker says, if it opts out."""
    file = name.decode()
    try:
        value: Any = json.loads((data or b"").decode("utf-8-sig"), object_pairs_hook=_once)
        if name == MARKERS[0]:
            return {False: f"{file}: train is false", True: None}[_flag(value["train"])]
        if not isinstance(value, list):
            raise TypeError
        whole = [_reserved(one["tdm-reservation"]) for one in value if _EVERYTHING.fullmatch(one["location"])]
        return f"{file}: tdm-reservation is 1" if any(whole) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"{file} can't be understood: left out until it is mended"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that says nothing twice."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError
    return dict(pairs)


def _reserved(value: Any) -> bool:
    if isinstance(value, bool) or value not in (0, 1):
        raise ValueError
    return bool(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value
