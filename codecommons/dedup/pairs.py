# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What readers see of the pairs."""

from __future__ import annotations

import polars as pl

from codecommons.dedup.configuration import Configuration, configured
from codecommons.dedup.crowds import not_asked_for
from codecommons.dedup.tables import BAND, DUPLICATE_PAIR, FORGOTTEN_PAIR, SIGNATURE
from codecommons.lake import Lake


def pairs(lake: Lake, configuration: Configuration | None = None) -> pl.LazyFrame:
    """The pairs of everything that has been compared: a function of the set of texts, not of the order in which they came.

    Args:
        lake: the lake.
        configuration: what counts as a near-duplicate; what the lake's owner wants, unless given.

    Returns:
        Columns a, b (binary, a < b), similarity (exact Jaccard, from ``configuration.floor`` on), accepted (from
        ``configuration.threshold`` on), configuration.
    """
    configuration = configuration or configured(lake.settings)
    mine = lake.scan(DUPLICATE_PAIR).filter(pl.col("configuration") == configuration.key(lake.settings))
    return mine.select("a", "b", "similarity", "accepted", "configuration")


def pairs_then(lake: Lake, texts: pl.DataFrame, among: pl.DataFrame) -> pl.LazyFrame:
    """The pairs as they were when only some texts had been compared: whatever came into their bands since makes no difference.

    Pairs that were never compared are not known: of a day that was brought in after later ones, a crowded band lacks some.

    Args:
        lake: the lake.
        texts: column content: all that had been compared then.
        among: column content: those whose pairs are wanted.

    Returns:
        As ``pairs``, without the configuration, of both texts among these.
    """
    configuration = configured(lake.settings)
    key = configuration.key(lake.settings)
    mine = pl.col("configuration") == key
    for table in (BAND, FORGOTTEN_PAIR):
        lake.register(table)
    tables = [lake.scan(table) for table in (DUPLICATE_PAIR, FORGOTTEN_PAIR)]
    later = lake.scan(SIGNATURE).filter(mine).join(texts.lazy(), on="content", how="anti").select(pl.len()).collect().item()
    columns = ("a", "b", "similarity", "accepted")
    known = pl.concat([table.filter(mine).select(columns) for table in (tables if later else tables[:1])])
    for end in ("a", "b"):
        known = known.join(among.lazy(), left_on=end, right_on="content", how="semi")
    if not later:
        return known
    there = lake.scan(BAND).filter(mine).select("value", "content").join(texts.lazy(), on="content", how="semi")
    found = known.unique(["a", "b"]).sort("a", "b").collect()
    return found.join(not_asked_for(there, found, configuration.anchors), on=["a", "b"], how="anti").lazy()
