# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Tables that hold bytes of a content, or what was made of them: all of it goes, and a row says why there are no bytes.

What stays names the content and does not quote it: entries of directories, licences that were decided, rows of releases, the
ledger.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from codecommons.archive.objects import TAKEN_DOWN
from codecommons.dedup.crowds import neighbours
from codecommons.lake import Lake
from codecommons.lake.erasing import Erased, columns_of, erase
from codecommons.lake.schemas import TABLES
from codecommons.lake.storage import lake_errors

# The bytes last: while they are there, nothing else is said of the content.
_KEYED = {
    "band": ("content",),
    "signature": ("content",),
    "duplicate_pair": ("a", "b"),
    "content": ("sha1_git",),
    "content_data": ("sha1_git",),
}
_ANNOTATION = "annotation_"
_SKIPPED = [field.name for field in TABLES["skipped_content"].fields]


def erase_contents(lake: Lake, contents: pl.Series) -> Iterator[tuple[str, Erased]]:
    """Erase all that tables hold of contents (sha1_git); table by table, and again as often as it is killed.

    What shares a crowded band with them counts as not compared from then on, and a dataset names the slice to compare again.

    Raises:
        LakeError: a table can't be read or written.
    """
    there = sorted(table.name for table in lake.stored())
    yield "skipped_content", _say_why(lake, contents)
    if "band" in there and (spared := neighbours(lake, contents)).len():
        yield "signature", erase(lake.storage, "signature", {"content": spared})
    annotations = [name for name in there if name.startswith(_ANNOTATION) and "content" in columns_of(lake.storage, name)]
    for name, columns in [*((name, ("content",)) for name in annotations), *_KEYED.items()]:
        if name in there:
            yield name, erase(lake.storage, name, dict.fromkeys(columns, contents))


def held(lake: Lake, contents: pl.Series) -> int:
    """How many of these contents have bytes in the lake."""
    keys = pl.DataFrame({"sha1_git": contents}, {"sha1_git": pl.Binary})
    return keys.height - lake.keys_missing("content_data", keys).height


def _say_why(lake: Lake, contents: pl.Series) -> Erased:
    """Let ``skipped_content`` say of each content that is known here why it has no bytes, as if it had come in only now."""
    mine = pl.col("sha1_git").is_in(contents.implode())
    with lake_errors(f"table skipped_content in {lake.settings.lake}"):
        raw = pl.scan_delta(lake.delta("skipped_content"), storage_options=lake.storage.options or None)
        before = raw.filter(mine).select(_SKIPPED).collect()
    whole = lake.scan("content").filter(mine).with_columns(status=pl.lit("absent"), reason=pl.lit(TAKEN_DOWN))
    known = pl.concat([whole.select(_SKIPPED).collect(), before.with_columns(reason=pl.lit(TAKEN_DOWN))])
    wanted = known.unique("sha1_git", keep="first", maintain_order=True).sort("sha1_git")
    new = wanted.join(before, on=_SKIPPED, how="anti", nulls_equal=True, maintain_order="left")
    return erase(lake.storage, "skipped_content", {"sha1_git": new["sha1_git"]}, new.to_arrow())
