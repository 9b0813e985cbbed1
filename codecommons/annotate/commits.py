# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The versions of files that commits left behind, for datasets of commits; looked at where ``CODECOMMONS_COMMITS`` is 1.

A history has many times the contents of a tree, so nobody pays for this who does not ask. Only commits that changed one file
count (``archive.changes``): what else there is in a history stays as it was ingested.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from codecommons.annotate import store
from codecommons.archive import changes
from codecommons.engine import Engine
from codecommons.lake import Lake
from codecommons.lake.schemas import TABLES
from codecommons.swhid import origin_id

VERSIONS = pl.Schema({"root": pl.Binary, "path": pl.Binary, "content": pl.Binary, "length": pl.Int64, "name": pl.Binary})


def versions(lake: Lake, engine: Engine, slice: str, source: str) -> pl.DataFrame:
    """Both sides of every change of one file in the histories of the origins that a slice visited.

    What their revisions changed is written down first, where nobody has looked at it before.

    Args:
        lake: the lake.
        engine: where rows are committed.
        slice: the day.
        source: the source.

    Returns:
        ``path`` and ``name`` (binary), ``content``, ``length`` (bytes), each once; ``root`` is null. Contents without bytes, or
        that are not verified, are left out. Empty unless it is asked for.

    Raises:
        LakeError: the lake can't be read or written.
    """
    if not lake.settings.commits:
        return pl.DataFrame(schema=VERSIONS)
    mine = (pl.col("slice") == slice) & (pl.col("source") == source)
    origins = lake.scan("origin_visit_status").filter(mine).select("origin").unique().sort("origin").collect()["origin"]
    _look(lake, engine, changes.unknown(lake, origins))
    ids = pl.Series([origin_id(url) for url in origins], dtype=pl.Binary)
    held = lake.scan("origin_revision").filter(pl.col("origin").is_in(ids.implode())).select("revision").unique()
    changed = lake.scan(changes.TABLE).filter(pl.col("path").is_not_null()).join(held, on="revision", how="semi")
    both = pl.concat([changed.select("path", content="before"), changed.select("path", content="after")]).unique()
    there = lake.scan("content").filter(pl.col("verified") == "yes").select("length", content="sha1_git")
    found = both.join(there, on="content").sort("content", "path").collect(engine="streaming")
    return store.named(found.with_columns(root=pl.lit(None, pl.Binary))).select(VERSIONS.names())


def _look(lake: Lake, engine: Engine, revisions: pl.DataFrame) -> None:
    if not revisions.height:
        return
    fields = pa.schema(TABLES[changes.TABLE].fields)
    with lake.staging("commits") as area, changes.asking(lake) as sql:
        staged = []
        for window in revisions.iter_slices(changes.WINDOW):
            writer = area.writer("commits")
            writer.add(changes.TABLE, changes.changed(sql, window).select(fields.names).to_arrow().cast(fields))
            staged.append(writer.close())
        lake.commit(area, staged, engine)
