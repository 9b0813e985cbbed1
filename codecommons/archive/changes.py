# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Revisions that changed one file and nothing else: what it was before, and what they left.

A fact of objects alone, so it is written down once for every revision and for ever (``commit_change``). A merge, a first
revision, and one that adds, removes, moves or turns a file into something else have a row of nulls, which says that they were
looked at; one whose parent the lake doesn't hold has none.

Where one file changed, each directory on the way to it differs from the parent's in one entry. So two trees are compared along
one path, many revisions at a time, and a revision is done with as soon as a second entry differs.
"""

from __future__ import annotations

import duckdb
import polars as pl

from codecommons.archive.history import asking
from codecommons.lake import Lake
from codecommons.swhid import origin_id

TABLE = "commit_change"
# Revisions whose trees are compared together.
WINDOW = 8_000
# No honest tree is deeper; what is below is not looked at.
_DEEPEST = 512

_BEGIN = """
create or replace temp table parent as
    select id as revision, any_value(parent_id) as parent, count(*) as parents
    from revision_history where id in (select revision from wanted) group by id;
create or replace temp table known as
    select wanted.revision, if(parents = 1, parent.parent, null) as parent, mine.directory as mine, theirs.directory as theirs
    from wanted join revision as mine on mine.id = wanted.revision
    left join parent on parent.revision = wanted.revision left join revision as theirs on theirs.id = parent.parent
    where coalesce(parents, 0) <> 1 or theirs.id is not null;
create or replace temp table place as
    select revision, ''::blob as path, mine, theirs from known where parent is not null and mine <> theirs;
create or replace temp table found (revision blob, path blob, before blob, after blob);
"""
# Of a regular file, perms are 0o100644, 0o100755, or what old programs wrote.
_DEEPER = """
create or replace temp table differing as
    with mine as (
        select revision, place.path || name as path, type, perms, target from place join directory_entry on directory_id = mine
    ), theirs as (
        select revision, place.path || name as path, type, perms, target from place join directory_entry on directory_id = theirs
    )
    select coalesce(mine.revision, theirs.revision) as revision, any_value(coalesce(mine.path, theirs.path)) as path,
        any_value(mine.type) as type, any_value(theirs.type) as old_type, any_value(mine.perms) as perms,
        any_value(theirs.perms) as old_perms, any_value(mine.target) as target, any_value(theirs.target) as old_target
    from mine full join theirs on mine.revision = theirs.revision and mine.path = theirs.path
    where (mine.type, mine.perms, mine.target) is distinct from (theirs.type, theirs.perms, theirs.target)
    group by all having count(*) = 1;
insert into found select revision, path, old_target, target from differing
    where type = 'file' and old_type = 'file' and perms >> 12 = 8 and old_perms >> 12 = 8 and target <> old_target;
create or replace temp table place as
    select revision, path || '/'::blob as path, target as mine, old_target as theirs from differing
    where type = 'dir' and old_type = 'dir';
"""
_FOUND = """
select known.revision, if(found.revision is null, null, known.parent) as parent, found.path, found.before, found.after
from known left join found on found.revision = known.revision order by known.revision
"""


def changed(sql: duckdb.DuckDBPyConnection, revisions: pl.DataFrame) -> pl.DataFrame:
    """What revisions changed, if it is one file.

    Args:
        sql: as ``history.asking`` gives it.
        revisions: column revision.

    Returns:
        ``revision``, ``parent``, ``path``, ``before`` and ``after`` (contents), in order of revision; nulls where it is not one
        regular file that was there before. A revision that is not in the lake, or whose only parent is not, is absent.
    """
    sql.register("wanted", revisions.select("revision").to_arrow())
    sql.execute(_BEGIN)
    for _ in range(_DEEPEST):
        sql.execute(_DEEPER)
        if not sql.execute("select count(*) from place").fetchone()[0]:  # type: ignore[index] # a count has a row
            break
    found = pl.DataFrame(sql.execute(_FOUND).to_arrow_table())
    sql.unregister("wanted")
    return found


def unknown(lake: Lake, origins: pl.Series) -> pl.DataFrame:
    """Revisions of the histories of some origins (URLs) of which nobody has looked at what they changed: column revision.

    Raises:
        LakeError: a table can't be read.
    """
    ids = pl.Series([origin_id(url) for url in origins.unique(maintain_order=True)], dtype=pl.Binary)
    held = lake.scan("origin_revision").filter(pl.col("origin").is_in(ids.implode()))
    revisions = held.select("revision").unique().sort("revision").collect(engine="streaming")
    return lake.keys_missing(TABLE, revisions)


__all__ = ["TABLE", "WINDOW", "asking", "changed", "unknown"]
