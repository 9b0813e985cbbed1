# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What readers see of the pairs."""

from __future__ import annotations

import polars as pl

from codecommons.dedup.configuration import Configuration, configured
from codecommons.dedup.tables import DUPLICATE_PAIR
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
