# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What each revision brought: the facts from which the first occurrence of a content is taken.

A content is first found at a revision none of whose parents has it, so it is enough to remember, once for every revision and
for ever, the files that stand in its tree where no parent has the same (``introduced``), and which origins' histories hold the
revision (``origin_revision``). Both follow from objects alone, so it doesn't matter which visit brought them, or when. A parent
that the lake doesn't hold counts as none; how many there were is part of the key, and readers take what the most parents gave.

Trees are compared level by level, many revisions at a time, and a directory that a parent has in the same place is not opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds

from codecommons.archive.lineage import ORIGINS, Lineage, gathered
from codecommons.archive.scratch import scratch_folder
from codecommons.archive.wholeness import going_on
from codecommons.lake import Lake, StagedFile, StagingArea
from codecommons.lake.schemas import TABLES
from codecommons.lake.storage import JOIN_AS_WRITTEN, lake_errors
from codecommons.swhid import origin_id

# Revisions whose trees are compared together, and rows that are staged at once.
_WINDOW, _ROWS = 8_000, 200_000
# Origins whose heads are looked at together.
_VISITED = 5_000
# No honest tree is deeper; what is below is not looked at.
_DEEPEST = 512
# A few objects can make a tree of billions of files, each directory being there ten times in the one above. Of a directory that
# is in more places of one level of a revision, the first place stands for all: every content of it is found all the same.
_COPIES = 64
# Tags that are looked through to the revision behind them; honest ones are one, seldom two.
_TAGS = 8


def trace(lake: Lake, area: StagingArea, visits: pl.DataFrame) -> Iterator[list[StagedFile]]:
    """Stage what visits add to what is known of histories; the objects below them must be in the lake.

    Args:
        lake: the lake.
        area: where rows are staged.
        visits: columns origin (URL) and snapshot (binary, may be null).

    Yields:
        Staged files: nothing for a visit whose heads were traced before.

    Raises:
        LakeError: a table can't be read.
    """
    with ExitStack() as opened:
        lineage: Lineage | None = None
        for heads in _new_heads(lake, visits):
            if lineage is None:
                sql = opened.enter_context(asking(lake))
                lineage = opened.enter_context(Lineage(sql, lake.settings.cache))
            origins = heads["origin"].unique(maintain_order=True)
            bits = pl.DataFrame({"origin": origins}).with_row_index("bit")
            for reached in lineage.reached(heads.join(bits, on="origin").select("revision", "bit"), _ROWS):
                for some in gathered(_ROWS, held(reached, origins)):
                    for rows in lake.keys_missing("origin_revision", some).iter_slices(_ROWS):
                        yield _staged(area, "origin_revision", rows)
                new = lake.keys_missing("introduced", reached.select("revision", "parents"))
                for window in new.iter_slices(_WINDOW):
                    yield _staged(area, "introduced", introduced(sql, window))


def _new_heads(lake: Lake, visits: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Heads that were not traced before, as ``heads_of``, of at most ``ORIGINS`` origins at a time.

    Where a history was cut off and goes on by now, all heads are traced again.
    """
    urls = visits.select("origin").unique(maintain_order=True)
    for some in urls.iter_slices(_VISITED):
        heads = heads_of(lake, visits.join(some, on="origin", how="semi"))
        ids = pl.Series([origin_id(url) for url in some["origin"]], dtype=pl.Binary)
        again = heads.filter(pl.col("origin").is_in(going_on(lake, some.select(url="origin", id=ids)).implode()))
        new = pl.concat([lake.keys_missing("origin_revision", heads), again]).unique().sort("origin", "revision")
        for origins in new.select("origin").unique(maintain_order=True).iter_slices(ORIGINS):
            yield new.join(origins, on="origin", how="semi")


def held(reached: pl.DataFrame, origins: pl.Series) -> Iterator[pl.DataFrame]:
    """Which origins hold each revision that ``Lineage.reached`` found, by their bits: revision and origin."""
    bits = reached["bits"].to_numpy()
    for bit, origin in enumerate(origins):
        here = pl.Series(bits >> np.uint64(bit) & np.uint64(1)).cast(pl.Boolean)
        yield reached.filter(here).select("revision", origin=pl.lit(origin))


def introduced(sql: duckdb.DuckDBPyConnection, revisions: pl.DataFrame) -> pl.DataFrame:
    """The files of revisions that no parent has in the same place.

    Args:
        sql: as ``asking`` gives it.
        revisions: columns revision, and parents: how many of them are there.

    Returns:
        ``revision``, ``parents``, ``path`` and ``content``; a revision without such a file has one row with nulls, so that it is
        known to be done.
    """
    sql.register("wanted", revisions.select("parents", id="revision").to_arrow())
    sql.execute(_BEGIN)
    for _ in range(_DEEPEST):
        sql.execute(_DEEPER)
        if not sql.execute("select count(*) from front").fetchone()[0]:  # type: ignore[index] # a count has a row
            break
    return pl.DataFrame(sql.execute(_FOUND).to_arrow_table())


# `front` has the directories of a revision, by path, that no parent has there; `back` what the parents have in these places.
_BEGIN = """
create or replace temp table front as
    select id as revision, ''::blob as path, directory as dir from revision where id in (select id from wanted);
create or replace temp table back as
    select distinct history.id as revision, ''::blob as path, parent.directory as dir
    from revision as parent
    join (select id, parent_id from revision_history where id in (select id from wanted)) as history
        on history.parent_id = parent.id;
delete from front using back where (front.revision, front.path, front.dir) = (back.revision, back.path, back.dir);
create or replace temp table found (revision blob, path blob, content blob);
"""
_DEEPER = f"""
create or replace temp table opened as
    select directory_id, name, type, target from directory_entry
    where directory_id in (select dir from front union all select dir from back semi join front using (revision, path));
create or replace temp table old as
    select distinct revision, path || name as path, type, target
    from back semi join front using (revision, path) join opened on directory_id = dir;
create or replace temp table fresh as
    select revision, path || name as path, type, target from front join opened on directory_id = dir
    anti join old on old.revision = front.revision and old.path = front.path || opened.name and old.target = opened.target;
insert into found select revision, path, target from fresh where type = 'file';
create or replace temp table front as
    select revision, path || '/'::blob as path, target as dir from fresh where type = 'dir'
    window same as (partition by revision, target)
    qualify count(*) over same <= {_COPIES} or fresh.path = min(fresh.path) over same;
create or replace temp table back as
    select revision, path || '/'::blob as path, target as dir from old where type = 'dir';
"""
_FOUND = """
select wanted.id as revision, wanted.parents, found.path, found.content
from wanted left join found on found.revision = wanted.id order by all
"""


@contextmanager
def asking(lake: Lake, *more: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB over the tables that histories and trees are in, joining as is written; what doesn't fit into memory goes to disk.

    Args:
        lake: the lake.
        more: other tables that are asked for.

    Raises:
        LakeError: a table can't be read, or there is no room for what does not fit.
    """
    settings = lake.settings
    with (
        # A folder each: DuckDB gives its files the same names in every process.
        lake_errors(f"tracing histories of the lake {settings.lake}"),
        scratch_folder("duckdb", settings) as spill,
        duckdb.connect(config={"memory_limit": settings.sql_memory, "threads": 2, "temp_directory": str(spill)}) as sql,
    ):
        sql.execute(JOIN_AS_WRITTEN)
        for name in ("revision", "revision_history", "directory_entry", *more):
            paths = [lake.path(name, file.path) for file in lake.files(name)]
            schema = pa.schema(TABLES[name].fields)
            if paths and not lake.storage.remote:
                sql.read_parquet(paths, union_by_name=True, hive_partitioning=False).create_view(name)
            else:  # DuckDB's own reader takes half the time and memory, and needs more than a file system to reach S3
                sql.register(name, ds.dataset(paths, schema=schema, format="parquet", filesystem=lake.storage.arrow_fs))
        yield sql


def heads_of(lake: Lake, visits: pl.DataFrame) -> pl.DataFrame:
    """Revisions that the branches of visits name, through releases or not: origin (its identifier) and revision."""
    snapshots = visits.filter(pl.col("snapshot").is_not_null()).select("origin", "snapshot").unique()
    wanted = snapshots["snapshot"].unique().to_list()
    branches = lake.scan("snapshot_branch").filter(pl.col("snapshot_id").is_in(wanted)).collect()
    named = snapshots.join(branches, left_on="snapshot", right_on="snapshot_id").select("origin", "target", "target_type")
    heads = [named]
    for _ in range(_TAGS):  # a tag may name a tag
        tags = heads[-1].filter(pl.col("target_type") == "release").select("origin", id="target").unique()
        if tags.is_empty():
            break
        releases = lake.scan("release").filter(pl.col("id").is_in(tags["id"].unique().to_list()))
        heads.append(tags.join(releases.select("id", "target", "target_type").collect(), on="id").select(named.columns))
    found = pl.concat(heads).filter(pl.col("target_type") == "revision").select("origin", revision="target").unique()
    urls = found["origin"].unique().to_list()
    names = pl.DataFrame({"url": urls, "id": [origin_id(url) for url in urls]}, schema={"url": pl.String, "id": pl.Binary})
    return found.join(names, left_on="origin", right_on="url").select("revision", origin="id").sort("origin", "revision")


def _staged(area: StagingArea, table: str, rows: pl.DataFrame) -> list[StagedFile]:
    writer = area.writer(table)
    fields = pa.schema(TABLES[table].fields)
    writer.add(table, rows.select(fields.names).to_arrow().cast(fields))
    return writer.close()
