"""What readers see of the pairs."""

from __future__ import annotations

import polars as pl

from codecommons.dedup.configuration import WORDS, Configuration
from codecommons.dedup.tables import BAND, CROWDED_BAND, DUPLICATE_PAIR, SIGNATURE
from codecommons.lake import Lake


def pairs(lake: Lake, configuration: Configuration = WORDS) -> pl.LazyFrame:
    """The pairs of everything that has been compared: a function of the set of texts, not of the order in which they came.

    Left out are pairs that the lake holds only because a band had fewer members when they were compared: in every band that
    the two share, today, the smaller one is not among the anchors.

    Args:
        lake: the lake.
        configuration: what counts as a near-duplicate.

    Returns:
        Columns a, b (binary, a < b), similarity (exact Jaccard, from ``configuration.floor`` on), accepted (from
        ``configuration.threshold`` on), configuration.
    """
    key = configuration.key(lake.settings)
    mine = pl.col("configuration") == key
    every = lake.scan(DUPLICATE_PAIR).filter(mine).select("a", "b", "similarity", "accepted", "configuration")
    crowded = lake.scan(CROWDED_BAND).filter(mine).select("value").collect()
    if not crowded.height:
        return every
    done = lake.scan(SIGNATURE).filter(mine).select("content")
    bands = lake.scan(BAND).filter(mine).select("value", "content")
    members = bands.join(crowded.lazy(), on="value", how="semi").join(done, on="content", how="semi")
    rank = pl.col("content").rank("ordinal").over("value")
    late = members.filter(rank > configuration.anchors).collect().lazy()
    doubtful = every.join(late.select(a="content").unique(), on="a", how="semi")
    shared = (
        doubtful.select("a", "b")
        .join(bands.rename({"content": "a"}), on="a")
        .join(bands.rename({"content": "b"}), on=["b", "value"], how="semi")
        .join(late.rename({"content": "a"}), on=["a", "value"], how="anti")
    )
    return every.join(doubtful.join(shared, on=["a", "b"], how="anti"), on=["a", "b"], how="anti")
