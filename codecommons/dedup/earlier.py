# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The pairs as they were when only some texts had been compared: of an earlier day, or without a slice that has come to nothing.

Two of them that are asked for now were asked for then, as fewer members only make ranks smaller. What is missing are pairs whose
smaller text was among the anchors of a crowded band then and is not now. Whether they were ever compared depends on the order
in which days came, so they are compared here, exactly: no table has to remember what came before what. The work is bounded as
the first comparison was, by ``anchors`` pairs a member of each crowded band, and there is none where no anchor was pushed out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import polars as pl
import pyarrow as pa

from codecommons.dedup.configuration import Configuration, configured
from codecommons.dedup.index import Context, Part, band_parts, compared, read_rows, stage_pairs
from codecommons.dedup.pairs import pairs
from codecommons.dedup.tables import BAND, CANDIDATE, DUPLICATE_PAIR, EARLIER_TEXT
from codecommons.engine import Engine
from codecommons.lake import Lake, StagedFile
from codecommons.lake.ranges import in_range
from codecommons.lake.staging import staged_batches

_PAIR = ("a", "b", "similarity", "accepted")


def pairs_then(
    lake: Lake, engine: Engine, texts: pl.DataFrame, among: pl.DataFrame, configuration: Configuration | None = None
) -> pl.LazyFrame:
    """The pairs that a lake would have in which only some texts had been compared, whatever came before or after them.

    Args:
        lake: the lake.
        engine: where pairs are compared that no table has.
        texts: column content: all that had been compared then.
        among: column content: those whose pairs are wanted.
        configuration: as ``pairs``.

    Returns:
        Columns a, b, similarity and accepted as ``pairs``, of two texts among these.

    Raises:
        LakeError: a table can't be read, or nothing can be staged.
    """
    configuration = configuration or configured(lake.settings)
    key = configuration.key(lake.settings)
    known = pairs(lake, configuration).select(_PAIR)
    for end in ("a", "b"):
        known = known.join(among.lazy(), left_on=end, right_on="content", how="semi")
    lake.register(BAND)
    # Not the signatures: they come last, and go first at a takedown, while bands stand and have pushed anchors out.
    there = lake.scan(BAND).filter(pl.col("configuration") == key).select("content")
    if not there.join(texts.lazy(), on="content", how="anti").select(pl.len()).collect(engine="streaming").item():
        return known
    with lake.staging("earlier") as area:
        area.tables = {**area.tables, **{table.name: table for table in (CANDIDATE, EARLIER_TEXT)}}
        context = Context(lake, area, configuration, key)
        writer = area.writer("texts")
        wanted = among.select("content", wanted=pl.lit(True)).unique()
        then = (
            texts.select("content")
            .unique()
            .join(wanted, on="content", how="left")
            .with_columns(pl.col("wanted").fill_null(False))
        )
        writer.add(EARLIER_TEXT.name, then.to_arrow())
        find = partial(_find, context, writer.close())
        found = list(engine.map(find, band_parts(context), name=lambda part: f"looking for earlier pairs, {part}"))
        missing = [file for files in compared(context, engine, [file for files in found for file in files]) for file in files]
        earlier = _read(context, missing, DUPLICATE_PAIR.name, _PAIR)
    return pl.concat([known, earlier.lazy()]).unique(["a", "b"])


def _find(context: Context, texts: Sequence[StagedFile], part: Part) -> list[StagedFile]:
    """Stage the pairs that bands of this part asked for among ``texts`` and don't ask for now."""
    anchors = context.configuration.anchors
    then = _read(context, texts, EARLIER_TEXT.name, ("content", "wanted"))
    rows = read_rows(context.lake, part.files, ["value", "content"], in_range("value", part.low, part.high))
    rows = rows.filter(pl.len().over("value") > anchors)
    rows = rows.with_columns(now=pl.col("content").rank("ordinal").over("value")).join(then, on="content")
    rows = rows.with_columns(then=pl.col("content").rank("ordinal").over("value")).filter("wanted")
    rows = rows.with_columns(new=(pl.col("then") <= anchors) & (pl.col("now") > anchors))
    writer = context.area.writer("find")
    stage_pairs(writer, rows.filter(pl.col("new").any().over("value")), anchors)
    return writer.close()


def _read(context: Context, files: Sequence[StagedFile], table: str, columns: Sequence[str]) -> pl.DataFrame:
    schema = pa.schema([field for field in context.area.tables[table].fields if field.name in columns])
    batches = staged_batches(context.lake.storage, files, schema.names, b"", None)
    return pl.DataFrame(pa.Table.from_batches(batches, schema=schema))
