# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Pairs that crowded bands no longer ask for.

In a crowded band members are compared with its anchors only, the members of smallest identifier. Who comes into it may push
others out of the anchors; their pairs in that band were asked for once and would not be by a lake that had seen everybody at
once. They are taken out, so that the table is a function of the set of texts, whatever the order in which they came; a dataset
of an earlier day finds them again (``earlier``). A pair that has gone stale stays stale, as ranks only grow: so no lock is
needed, and forgetting twice does no harm. (A takedown makes ranks smaller; it lets all ``neighbours`` of what goes be compared
anew.) Who commits pairs looks afterwards at the bands as they are then: of two slices at once the later one to commit sees the
other's.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from codecommons.dedup.configuration import Configuration, configuration_of
from codecommons.dedup.tables import BAND, CROWDED_BAND, DUPLICATE_PAIR
from codecommons.lake import Lake
from codecommons.lake.commits import commit_loop, write_file
from codecommons.lake.files import data_files

# Each of them has up to ``Configuration.bands`` bands to look at.
_PAIRS_AT_ONCE = 100_000


def stale_pairs(
    lake: Lake, configuration: Configuration, key: str, crowded: pl.Series, asked_for: Iterable[pl.DataFrame]
) -> pl.DataFrame:
    """The pairs whose smaller text is no anchor any more in any band that the two share.

    Args:
        lake: the lake; the bands of the new texts are in it, and their pairs.
        configuration: how many anchors a band has.
        key: its key.
        crowded: values of the crowded bands that new texts came into.
        asked_for: pairs (columns a, b) that the bands as they are now are known to ask for, some at a time.

    Returns:
        Columns of ``duplicate_pair``.

    Raises:
        LakeError: a table can't be read.
    """
    mine = pl.col("configuration") == key
    known = lake.scan(DUPLICATE_PAIR).filter(mine).select(DUPLICATE_PAIR.schema.names)
    if crowded.is_empty():
        return known.clear().collect()
    bands = lake.scan(BAND).filter(mine).select("value", "content")
    late = _ranked(bands, crowded).filter(pl.col("rank") > configuration.anchors).select(a="content").unique().collect()
    doubtful = known.join(late.lazy(), on="a", how="semi").collect()
    for some in asked_for:
        doubtful = doubtful.join(some, on=["a", "b"], how="anti")
    stale = [_stale(bands, chunk, configuration.anchors) for chunk in doubtful.iter_slices(_PAIRS_AT_ONCE)]
    return pl.concat([doubtful.clear(), *stale])


def forget(lake: Lake, key: str, gone: pl.DataFrame) -> None:
    """Take pairs (columns a, b) out of ``duplicate_pair``.

    Raises:
        LakeError: the table can't be read or written.
    """
    commit_loop(lake.storage, DUPLICATE_PAIR, lambda delta: _rewrite(lake, delta, key, gone), {"what": "stale pairs"})


def neighbours(lake: Lake, contents: pl.Series) -> pl.Series:
    """Texts that share a crowded band with some contents, and so may have been spared a comparison for their sake.

    Args:
        lake: the lake.
        contents: sha1_git of what is about to go.

    Returns:
        sha1_git of the others, sorted.
    """
    bands = lake.scan(BAND).select("configuration", "value", "content")
    gone = pl.DataFrame({"content": contents}, {"content": pl.Binary})
    shared = bands.join(gone.lazy(), on="content", how="semi").select("configuration", "value").unique().collect()
    members = bands.join(shared.lazy(), on=["configuration", "value"], how="semi").collect()
    if not members.height:
        return members["content"]
    anchors = {key: configuration_of(key).anchors for key in members["configuration"].unique()}
    crowded = pl.len().over("configuration", "value") > pl.col("configuration").replace_strict(anchors, return_dtype=pl.Int64)
    return members.filter(crowded).join(gone, on="content", how="anti")["content"].unique().sort()


def crowds_of(lake: Lake, contents: pl.Series, configuration: Configuration) -> pl.DataFrame:
    """Which crowded bands some contents are in: columns value, content."""
    for table in (BAND, CROWDED_BAND):
        lake.register(table)
    mine = pl.col("configuration") == configuration.key(lake.settings)
    bands, crowded = (lake.scan(table).filter(mine) for table in (BAND, CROWDED_BAND))
    wanted = contents.unique().to_frame("content").lazy()
    members = bands.join(crowded.select("value"), on="value", how="semi").join(wanted, on="content", how="semi")
    return members.select("value", "content").collect(engine="streaming")


def _ranked(bands: pl.LazyFrame, values: pl.Series) -> pl.LazyFrame:
    """The members of some bands, with their rank in the order of identifiers, from 1."""
    members = bands.join(values.unique().to_frame("value").lazy(), on="value", how="semi")
    return members.with_columns(rank=pl.col("content").rank("ordinal").over("value"))


def _stale(bands: pl.LazyFrame, pairs: pl.DataFrame, anchors: int) -> pl.DataFrame:
    """Those pairs (columns a, b and others) that no band (columns value, content) asks for."""
    shared = (
        pairs.lazy()
        .select("a", "b")
        .join(bands.rename({"content": "a"}), on="a")
        .join(bands.rename({"content": "b"}), on=["b", "value"], how="semi")
        .collect()
    )
    anchored = _ranked(bands, shared["value"]).filter(pl.col("rank") <= anchors).select("value", a="content")
    wanted = shared.join(anchored.collect(), on=["a", "value"], how="semi")
    return pairs.join(wanted, on=["a", "b"], how="anti")


def _rewrite(lake: Lake, delta: DeltaTable, key: str, gone: pl.DataFrame) -> list[AddAction | RemoveAction]:
    """The files that hold rows to forget, written again without them."""
    actions: list[AddAction | RemoveAction] = []
    schema = pa.schema([field for field in DUPLICATE_PAIR.fields if field.name not in DUPLICATE_PAIR.partition])
    for file in data_files(delta, {"configuration": key}):
        with lake.storage.fs.open(lake.path(DUPLICATE_PAIR.name, file.path), "rb") as source:
            rows = pl.from_arrow(pq.read_table(source, columns=schema.names, use_threads=False, pre_buffer=False))
        assert isinstance(rows, pl.DataFrame)
        kept = rows.join(gone, on=["a", "b"], how="anti", maintain_order="left")
        if kept.height < rows.height:
            actions.append(file.remove())
            if kept.height:
                rewritten = write_file(lake.storage, DUPLICATE_PAIR, file.partition, kept.to_arrow().cast(schema))
                actions.append(rewritten.add())
    return actions
