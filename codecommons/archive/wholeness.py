# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which visits brought a whole history, and which histories that were cut off go on by now."""

from __future__ import annotations

import polars as pl

from codecommons.archive.source import sources
from codecommons.lake import Lake

_SEEN = ("origin", "slice", "source", "visit", "snapshot", "status")


def visits_of(lake: Lake, origins: pl.Series, used: pl.DataFrame | None = None) -> pl.DataFrame:
    """The visits of origins, and how much of the history below their references they brought.

    Args:
        lake: the lake.
        origins: URLs.
        used: columns slice and source of the visits that count; all of them unless given.

    Returns:
        origin, slice, source, visit, snapshot, and reach: ``all``, ``head`` or ``nothing``, as ``Source.whole``; of a visit that
        was not full, nothing.
    """
    seen = lake.scan("origin_visit_status").select(_SEEN).filter(pl.col("origin").is_in(origins.implode()))
    if used is not None:
        seen = seen.join(used.lazy(), on=["slice", "source"], how="semi")
    visits, known = seen.collect(), sources(lake.settings)
    days = sorted(set(visits.select("slice", "source").iter_rows()))
    reach = {
        (day, source): known[source].whole(()) for day, source in days if source in known and "revision" in known[source].tables
    }
    if "nothing" in reach.values():
        for day, source, rows in lake.log.inputs_of_slices():
            if reach.get((day, source)) == "nothing":
                reach[day, source] = known[source].whole(rows)
    told = pl.DataFrame(
        [(day, source, reach.get((day, source), "nothing")) for day, source in days],
        {"slice": pl.String, "source": pl.String, "reach": pl.String},
        orient="row",
    )
    full = (pl.col("status") == "full") & pl.col("snapshot").is_not_null()
    visits = visits.join(told, on=["slice", "source"])
    return visits.with_columns(reach=pl.when(full).then("reach").otherwise(pl.lit("nothing"))).drop("status")


def going_on(lake: Lake, origins: pl.DataFrame) -> pl.Series:
    """Origins (identifiers) of whose noted history a parent was not there when it was noted, and is by now.

    Args:
        lake: the lake.
        origins: columns url and id. Only those with a visit that didn't bring a whole history are looked at.
    """
    visits = visits_of(lake, origins["url"])
    cut = origins.join(visits.filter(pl.col("reach") != "all"), left_on="url", right_on="origin", how="semi")["id"]
    if cut.is_empty():
        return cut
    noted = lake.scan("origin_revision").filter(pl.col("origin").is_in(cut.implode()))
    parents = lake.scan("revision_history").select("parent_id", revision="id").join(noted, on="revision")
    parents = parents.select("origin", revision="parent_id").join(noted, on=["origin", "revision"], how="anti")
    lacking = parents.unique().collect(engine="streaming")
    absent = lake.keys_missing("revision", lacking.select(id="revision").unique())
    return lacking.join(absent, left_on="revision", right_on="id", how="anti")["origin"].unique()
