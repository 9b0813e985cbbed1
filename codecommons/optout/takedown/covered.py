# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which contents are taken down: those that are named, and of what is wider those that are nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from codecommons.annotate import store
from codecommons.annotate.annotator import current
from codecommons.dedup.pairs import pairs
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.optout.reach import contents_of, origins_of, resolve
from codecommons.optout.requests import EMPTY
from codecommons.optout.standing import Standing
from codecommons.swhid import Swhid, origin_id, swhid_text

# As many contents are in one entry of the ledger, which whoever reads it reads.
MOST_CONTENTS = 200_000
_SAME_TEXT = "normalized_text"
_CONTENT = pl.Schema({"content": pl.Binary})


@dataclass(frozen=True)
class Covered:
    """What a takedown is about.

    Attributes:
        swhids: of the contents, sorted.
        elsewhere: how many more were found where it was said to look, but are elsewhere, too: they stay.
    """

    swhids: tuple[str, ...]
    elsewhere: int = 0


def by_name(lake: Lake, values: Sequence[str]) -> Covered:
    """Contents by their SWHIDs, whether they are here or may come one day; of a directory what is nowhere but below it.

    Raises:
        UsageError: a value is no such SWHID, or there is nothing below a directory.
    """
    parsed = [Swhid.parse(value) for value in values]
    if odd := next((one for one in parsed if one.kind not in ("cnt", "dir")), None):
        raise UsageError(f"{odd} can't be taken down; name contents (swh:1:cnt:…), or the directories they are in (swh:1:dir:…)")
    if empty := next((value for one in parsed if (value := swhid_text(one.kind, one.identifier)) in EMPTY), None):
        raise UsageError(f"{empty} is what every empty file or folder of the world is; it says nothing")
    named = pl.DataFrame({"content": [one.identifier for one in parsed if one.kind == "cnt"]}, _CONTENT)
    folders = [one.identifier for one in parsed if one.kind == "dir"]
    below, elsewhere = _below(lake, folders) if folders else (named.clear(), 0)
    return _checked(pl.concat([named, below]), elsewhere)


def by_request(lake: Lake, standing: Standing, trees: pl.DataFrame) -> Covered:
    """What a request of the ledger is about, in whatever state it is.

    All copies of a content or of an author's work; of an origin, an owner, paths or a directory what is nowhere else, in no tree
    and in no history.

    Args:
        lake: the lake.
        standing: the request.
        trees: every tree of the lake (see ``archive.views.visited_trees``).

    Raises:
        UsageError: it is about nothing that is here, or about too much.
    """
    scope = standing.request.scope
    if scope == "directory":
        return _checked(*_below(lake, [Swhid.parse(value).identifier for value in standing.request.values]))
    mine = contents_of(lake, standing, trees)
    if scope in ("content", "author"):
        return _checked(mine, 0)
    own = origins_of(standing.request, trees["origin"].unique().to_list())
    ids = pl.LazyFrame({"origin": [origin_id(origin) for origin in own]}, {"origin": pl.Binary})
    held = lake.scan("origin_revision").select("revision", "origin")
    brought = lake.scan("introduced").filter(pl.col("content").is_not_null()).select("revision", "content")
    if scope != "path":
        theirs = held.join(ids, on="origin", how="semi")
        mine = pl.concat([mine, brought.join(theirs, on="revision", how="semi").select("content").unique().collect()]).unique()
    reached = resolve(lake, [replace(standing, state="verified")], trees, with_markers=False)
    seen = lake.scan("tree_file").select("root", "path", "content").join(mine.lazy(), on="content", how="semi")
    shown = seen.join(trees.select("origin", "root").unique().lazy(), on="root").collect(engine="streaming")
    others = held.join(ids, on="origin", how="anti")
    stay = [
        reached.marked(shown).filter(pl.col("opt_out").is_null()).select("content"),
        brought.join(others, on="revision", how="semi").select("content").collect(engine="streaming"),
    ]
    gone = mine.join(pl.concat(stay), on="content", how="anti")
    return _checked(gone, mine.height - gone.height)


def alike(lake: Lake, swhids: Sequence[str]) -> list[str]:
    """Contents that are nearly what is taken down, and stay: accepted near-duplicates, and the same text with other line ends.

    Afterwards nobody can tell, as what was compared is erased, too.

    Args:
        lake: the lake.
        swhids: of the contents, core.

    Returns:
        SWHIDs, sorted.

    Raises:
        LakeError: a table can't be read.
    """
    mine = pl.LazyFrame({"content": [Swhid.parse(value).identifier for value in swhids]}, _CONTENT)
    close = pairs(lake).filter("accepted")
    texts = store.rows(lake, current(lake.settings)[_SAME_TEXT]).select("content", "normalized").drop_nulls()
    same = texts.join(mine, on="content", how="semi").select("normalized").unique()
    found = pl.concat(
        [
            *(
                close.select(content=one, other=other).join(mine, on="content", how="semi").select(content="other")
                for one, other in (("a", "b"), ("b", "a"))
            ),
            texts.join(same, on="normalized", how="semi").select("content"),
        ]
    )
    others = found.unique().join(mine, on="content", how="anti").collect(engine="streaming")
    return sorted(swhid_text("cnt", content) for content in others["content"])


def _below(lake: Lake, folders: list[bytes]) -> tuple[pl.DataFrame, int]:
    """Contents that only directories below these name, in whatever trees and histories, and how many others name, too."""
    entries = lake.scan("directory_entry").select("directory_id", "type", "target")
    at = found = pl.DataFrame({"directory_id": folders}, {"directory_id": pl.Binary}).unique()
    while at.height:
        named = entries.join(at.lazy(), on="directory_id", how="semi").filter(pl.col("type") == "dir")
        at = named.select(directory_id="target").unique().collect().join(found, on="directory_id", how="anti")
        found = pl.concat([found, at])
    files = entries.filter(pl.col("type") == "file").select("directory_id", content="target")
    mine = files.join(found.lazy(), on="directory_id", how="semi").select("content").unique().collect(engine="streaming")
    here = files.join(mine.lazy(), on="content", how="semi").join(found.lazy(), on="directory_id", how="anti")
    gone = mine.join(here.select("content").unique().collect(engine="streaming"), on="content", how="anti")
    return gone, mine.height - gone.height


def _checked(contents: pl.DataFrame, elsewhere: int) -> Covered:
    # The empty file is in every other tree, and it says nothing.
    swhids = sorted({swhid_text("cnt", content) for content in contents["content"]} - EMPTY)
    if not swhids:
        more = f"; {elsewhere:,} contents are elsewhere, too: name those that must go" if elsewhere else ""
        raise UsageError(f"there is no content to take down{more}")
    if len(swhids) > MOST_CONTENTS:
        raise UsageError(f"{len(swhids):,} contents are too many for one takedown (at most {MOST_CONTENTS:,}); name parts")
    return Covered(tuple(swhids), elsewhere)
