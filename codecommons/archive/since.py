# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Since when a repository has had what stands in its trees: by the revision that brought it, not by the head that still has it.

What each revision brought is known (``history``), and so is which origins hold it, though not since which day: a history grows,
and what grew later must not change what is said as of an earlier day. So only revisions count that the references of certain
visits reach. Where these are all that the origin is known to hold, which its tips tell, that is what was noted; otherwise
they are looked for again (``lineage``).

Only visits count that brought a whole history. Of one that was cut off nobody knows later where: the rest may have come since,
from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import polars as pl

from codecommons.archive.history import asking, heads_of, held
from codecommons.archive.lineage import ORIGINS, Lineage
from codecommons.archive.views import anchors
from codecommons.archive.wholeness import visits_of
from codecommons.lake import Lake
from codecommons.swhid import origin_id

SINCE = pl.Schema({"origin": pl.String, "content": pl.Binary, "seconds": pl.Int64, "revision": pl.Binary})
# Revisions that are looked at together where a history is walked.
_ROWS = 200_000
# Visits whose references are looked at together.
_VISITED = 1_000


def since(lake: Lake, used: pl.DataFrame, trees: pl.DataFrame) -> pl.DataFrame:
    """When the histories of origins first had what is in trees of theirs.

    Args:
        lake: the lake.
        used: columns slice and source of the visits that count.
        trees: columns origin (URL) and root (binary): whose contents are asked about.

    Returns:
        ``SINCE``, in no order: origin, content, and of the revisions of the origin's history that brought the content to any path
        the first, by date and identifier, with its date in seconds since 1970. A date before 1970 or after the day of the
        origin's newest visit is impossible: such a revision doesn't count. A content is absent where none does, as of an
        origin without a visit that brought its whole history.

    Raises:
        LakeError: a table can't be read.
    """
    visits = visits_of(lake, trees["origin"].unique(), used).filter(pl.col("reach") != "nothing")
    if visits.is_empty():
        return SINCE.to_frame()
    heads = pl.concat([SINCE.to_frame().select("revision", origin=pl.col("content")), *_heads(lake, visits)])
    until = pl.col("slice").max().str.to_date().dt.offset_by("1d").dt.epoch("s")
    places = visits.group_by("origin").agg(until=until).sort("origin").with_row_index("number")
    ids = pl.Series([origin_id(url) for url in places["origin"]], dtype=pl.Binary)
    places = places.with_columns(id=ids)
    with asking(lake, "introduced", "origin_revision", "tree_file") as sql:
        for name, rows in {
            "place": places.select("number", "id", "until"),
            "start": heads.join(places, left_on="origin", right_on="id").select("number", "revision").unique(),
            "root": trees.join(places, on="origin").select("number", "root").unique(),
        }.items():
            sql.register(f"given_{name}", rows.to_arrow())
            sql.execute(f"create temp table {name} as from given_{name}")
            sql.unregister(f"given_{name}")
        _hold(lake, sql)
        sql.execute(_WANTED)
        found = pl.DataFrame(sql.execute(_FIRST).to_arrow_table())
    return found.join(places.select("number", "origin"), on="number").select(SINCE.names())


def _heads(lake: Lake, visits: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Revisions that visits are known to hold all ancestors of: revision and origin (its identifier)."""
    for some in visits.filter(reach="all").sort("origin").iter_slices(_VISITED):
        yield heads_of(lake, some)
    for some in visits.filter(reach="head").iter_slices(_VISITED):
        shown = anchors(lake, some.select("origin", "visit", "snapshot")).filter(pl.col("anchor").str.starts_with("swh:1:rev:"))
        ids = pl.Series([origin_id(url) for url in shown["origin"]], dtype=pl.Binary)
        yield shown.select(revision=pl.col("anchor").str.slice(10).str.decode("hex"), origin=ids)


# What was noted of an origin is what its heads reach if it ends in these (a tip is no parent of another revision), and lacks no
# parent that is there.
_NOTED = """
create temp table noted as
    select place.number, known.revision from origin_revision as known join place on place.id = known.origin;
create temp table parent as
    select distinct noted.number, history.parent_id as revision
    from revision_history as history join noted on noted.revision = history.id;
create temp table lacking as
    from parent anti join noted using (number, revision) union all from start anti join noted using (number, revision)
"""
_OTHERWISE = """
select distinct number from noted anti join parent using (number, revision) anti join start using (number, revision)
union
select distinct number from revision join lacking on lacking.revision = revision.id
order by number
"""
_WANTED = """
create temp table wanted as
    select distinct root.number, file.content from tree_file as file join root on root.root = file.root;
create temp table told as
    select revision, max(parents) as parents from introduced
    where revision in (select revision from held) group by revision;
create temp table dated as
    select told.revision, told.parents, revision.date.seconds as seconds
    from revision join told on told.revision = revision.id where revision.date.seconds > 0;
"""
_FIRST = """
select number, content, min(seconds) as seconds, arg_min(revision, row(seconds, revision)) as revision
from (
    select held.number, brought.content, dated.seconds, brought.revision
    from (from introduced where content in (select content from wanted)) as brought
    join dated on dated.revision = brought.revision and dated.parents = brought.parents
    join held on held.revision = brought.revision
) as brought
join place using (number) semi join wanted using (number, content)
where seconds < until group by all
"""


def _hold(lake: Lake, sql: duckdb.DuckDBPyConnection) -> None:
    """Make table ``held``: number of an origin, and revision, that its heads reach."""
    sql.execute(_NOTED)
    otherwise = pl.DataFrame(sql.execute(_OTHERWISE).to_arrow_table())["number"]
    sql.register("otherwise", otherwise.to_frame().to_arrow())
    sql.execute("create temp table held as from noted anti join otherwise using (number)")
    heads = pl.DataFrame(sql.execute("from start semi join otherwise using (number)").to_arrow_table())
    sql.unregister("otherwise")
    sql.execute("drop table noted; drop table parent; drop table lacking")
    if otherwise.is_empty():
        return
    with Lineage(sql, lake.settings.cache) as lineage:
        for some in otherwise.to_frame().iter_slices(ORIGINS):
            numbered = heads.join(some.with_row_index("bit"), on="number").select("revision", "bit")
            for reached in lineage.reached(numbered, _ROWS):
                for one in held(reached, some["number"]):
                    sql.register("walked", one.to_arrow())
                    sql.execute("insert into held select origin, revision from walked")
                    sql.unregister("walked")
