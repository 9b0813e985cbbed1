# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What was listed and how far, in the lake: tables ``listed_origin`` and ``cursor``.

``listed_origin`` only grows: a row when an item was new or had moved, and one with the slice when it became input of one. What
waits has the first and not the second, so a process that dies in between loses nothing, and listing again doubles nothing.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable, WriterProperties
from deltalake.transaction import AddAction, RemoveAction

from codecommons.archive.scratch import scratch_folder
from codecommons.lake import Lake, commits
from codecommons.lake.files import DataFile, data_files
from codecommons.lake.lake import MOST_FILES
from codecommons.lake.schemas import CURSOR, LISTED_ORIGIN, SLICE_INPUT, Table
from codecommons.lake.snapshots import whole_table
from codecommons.lake.storage import lake_errors
from codecommons.listing.lister import ListingError


@dataclass(frozen=True)
class Row:
    """An item that a lister found; columns of table ``listed_origin``.

    Attributes:
        url: the origin's, as its visits will have it.
        visit_type: the type of these visits.
        source: the source it is ingested from.
        item: what that source calls it.
        last_update: when it last changed, as the place says.
        due: the slice it belongs to; None for that of the day when it is taken.
        day: the day of the listing.
        slice: the slice that it became input of; None while it is listed only.
        problem: why it never will.
        sha256: the hash its archive must have.
    """

    url: str
    visit_type: str
    source: str
    item: str
    last_update: dt.datetime | None
    due: str | None
    day: str
    slice: str | None = None
    problem: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Cursor:
    """How far a followed source was listed.

    Attributes:
        instance: its name in ``sources.yaml``.
        lister: which lister.
        configuration: digest of what is listed; another one starts from the beginning.
        cursor: JSON text of the lister's own.
        day: of the last listing that came to its end.
        completed: when that was, UTC.
        waiting: items that were over the day's limit.
    """

    instance: str
    lister: str
    configuration: str
    cursor: str = "{}"
    day: str | None = None
    completed: dt.datetime | None = None
    waiting: int = 0

    @property
    def value(self) -> dict[str, Any]:
        """What the lister wrote."""
        return json.loads(self.cursor)

    def at(self, value: Mapping[str, Any]) -> Cursor:
        """The same further on."""
        return replace(self, cursor=json.dumps(value, sort_keys=True, separators=(",", ":")))


def cursors(lake: Lake) -> dict[str, Cursor]:
    """Every followed source that was ever listed, by name."""
    return {row["instance"]: _cursor(row) for row in lake.scan(CURSOR).collect().sort("instance").to_dicts()}


def _cursor(row: Mapping[str, Any]) -> Cursor:
    """A row of the table; what one of an earlier version did not say yet is as if nothing had happened."""
    return Cursor(**{name: value for name, value in row.items() if value is not None})


def move(lake: Lake, before: Cursor | None, after: Cursor) -> Cursor:
    """Exchange a cursor, if it still is where we saw it last.

    Raises:
        ListingError: somebody else has moved it, and goes on from there.
    """

    def prepare(delta: DeltaTable) -> list[AddAction | RemoveAction]:
        rows = whole_table(lake.storage, CURSOR, delta)
        mine = pl.col("instance") == after.instance
        now = [_cursor(row) for row in rows.filter(mine).to_dicts()]
        if now != ([before] if before else []):
            raise ListingError(f"{after.instance} is being followed by another process, which goes on with it")
        new = pl.concat([rows.filter(~mine), _frame([asdict(after)], CURSOR)]).sort("instance")
        stale = [file.remove() for file in data_files(delta)]
        return [*stale, commits.write_file(lake.storage, CURSOR, (), _arrow(new, CURSOR)).add()]

    if before != after:
        commits.commit_loop(lake.storage, CURSOR, prepare, {"instance": after.instance})
    return after


def unknown(lake: Lake, lister: str, instance: str, rows: Sequence[Row], changing: Collection[str]) -> list[Row]:
    """Those of ``rows`` that are new, or have moved since they were listed last; each once, in their order.

    Args:
        lake: the lake.
        lister: who found them.
        instance: where.
        rows: some of them; what is known of these is held in memory.
        changing: the sources whose items change. Others' items are new once, whatever a place says of its updates.
    """
    found = pl.DataFrame([asdict(row) for row in rows], schema=_schema()).with_row_index("at").with_columns(_moment(changing))
    held = _scan(lake, lister, instance).filter(pl.col("url").is_in(found["url"].unique().to_list()))
    key = ["source", "item", "moment"]
    known = held.with_columns(_moment(changing)).select(key).unique().collect()
    new = found.unique(key, keep="first", maintain_order=True).join(known, on=key, how="anti", nulls_equal=True)
    return [rows[at] for at in new["at"].sort()]


def _moment(changing: Collection[str]) -> pl.Expr:
    """What makes a row news: the last update; the day, where nobody says; nothing for what never changes."""
    update = pl.coalesce(pl.col("last_update").cast(pl.String), "day")
    return pl.when(pl.col("source").is_in(list(changing))).then(update).alias("moment")


def add_listed(lake: Lake, lister: str, instance: str, rows: Sequence[Row], changing: Collection[str]) -> list[Row]:
    """Write those of ``rows`` that are ``unknown``, in one commit, and return them."""
    new: list[Row] = []

    def prepare(_: DeltaTable) -> list[AddAction | RemoveAction]:
        nonlocal new
        new = unknown(lake, lister, instance, rows, changing)
        return [_file(lake, lister, instance, new).add()] if new else []

    if rows and commits.commit_loop(lake.storage, LISTED_ORIGIN, prepare, {"instance": instance}):
        _compact(lake, lister, instance)
    return new


def add_taken(lake: Lake, lister: str, instance: str, rows: Sequence[Row]) -> None:
    """Write that ``rows`` have become input (or why they never will), in one commit."""
    if rows:
        file = _file(lake, lister, instance, rows)
        commits.commit_loop(lake.storage, LISTED_ORIGIN, lambda _: [file.add()], {"instance": instance})
        _compact(lake, lister, instance)


def _file(lake: Lake, lister: str, instance: str, rows: Sequence[Row]) -> DataFile:
    partition = (("lister", lister), ("instance", instance))
    table = _arrow(_frame([asdict(row) | dict(partition) for row in rows], LISTED_ORIGIN), LISTED_ORIGIN)
    return commits.write_file(lake.storage, LISTED_ORIGIN, partition, table.drop_columns([name for name, _ in partition]))


def _compact(lake: Lake, lister: str, instance: str) -> None:
    delta = lake.delta(LISTED_ORIGIN)
    if len(data_files(delta, {"lister": lister, "instance": instance})) > MOST_FILES:
        with lake_errors(f"compacting table {LISTED_ORIGIN.name} in {lake.settings.lake}"):
            delta.optimize.compact(
                partition_filters=[("lister", "=", lister), ("instance", "=", instance)],
                max_concurrent_tasks=1,
                writer_properties=WriterProperties(compression="ZSTD", compression_level=3),
            )


# What a lister's items came to. An item of a source that changes waits when it has moved since it was taken, or, where nobody
# says when it moves, when it was seen on a later day. A version never changes: it waits until any slice has it, whoever put it
# there. What could not be reached before comes last, so that it keeps nobody waiting.
_SEEN = """
with seen as (
    select source, item, any_value(url) as url, any_value(visit_type) as visit_type, min(day) as listed,
        max(day) filter (slice is null) as seen_on, max(last_update) as last_update,
        max(last_update) filter (slice is not null) as taken_update, max(day) filter (slice is not null) as taken_on,
        max(due) as due, any_value(sha256) as sha256, list_contains($changing::varchar[], source) as changing
    from listed where problem is null group by source, item
),
recorded as (
    select source, regexp_replace(item, '#[0-9]+$', '') as item, min(slice) as slice,
        count(*) filter (version is null and slice < $day) as failed
    from input group by all
),
found as (select * from seen left join recorded using (source, item))
"""
_WAITING = f"""{_SEEN}
select source, item, url, visit_type, last_update, due, sha256, coalesce(failed, 0) as failed from found
where case when $dated then due = $day else coalesce(due <= $day, true) end
    and case when changing
        then taken_on is null or last_update > coalesce(taken_update, '-infinity') or (last_update is null and seen_on > taken_on)
        else taken_on is null and slice is null end
order by coalesce(failed, 0) > 0, coalesce(due, listed), url, item
"""
_RECORDED = f"""{_SEEN}
select source, item, url, visit_type, last_update, due, sha256, slice from found
where not changing and taken_on is null and slice is not null order by url, item
"""


@dataclass(frozen=True)
class Waiting:
    """What has not become input yet.

    Attributes:
        rows: the first of it, in the order in which it is to be taken.
        failed: (source, item) -> on how many days it could not be reached.
        count: how much there is in all.
    """

    rows: list[Row]
    failed: Mapping[tuple[str, str], int]
    count: int


def waiting(
    lake: Lake, lister: str, instance: str, day: str, changing: Collection[str], most: int, dated: bool = False
) -> Waiting:
    """What has not become input yet.

    Args:
        lake: the lake.
        lister: who found it.
        instance: where.
        day: what is due later is not waiting.
        changing: the sources whose items change.
        most: how many rows to return.
        dated: only what is due on that very day.
    """
    values = {"day": day, "changing": sorted(changing), "dated": dated}
    with _asking(lake, lister, instance) as connection:
        [(count,)] = connection.execute(f"select count(*) from ({_WAITING})", values).fetchall()
        found = pl.DataFrame(connection.execute(f"{_WAITING} limit {most}", values).to_arrow_table())
    failed = {(source, item): days for source, item, days in found.select("source", "item", "failed").rows() if days}
    return Waiting([Row(**row, day=day) for row in found.drop("failed").to_dicts()], failed, count)


def recorded(lake: Lake, lister: str, instance: str, day: str, changing: Collection[str]) -> list[Row]:
    """Versions that a slice has without our having marked them: a process died in between, or somebody else was faster."""
    with _asking(lake, lister, instance) as connection:
        found = pl.DataFrame(connection.execute(_RECORDED, {"day": day, "changing": sorted(changing)}).to_arrow_table())
    return [Row(**row, day=day) for row in found.to_dicts()]


@contextmanager
def _asking(lake: Lake, lister: str, instance: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB over what was listed and what slices consist of: it groups more than fits into memory, on disk."""
    partition = {"lister": lister, "instance": instance}
    settings = lake.settings
    with (
        lake_errors(f"reading what was listed in {settings.lake}"),
        scratch_folder("duckdb", settings) as spill,
        duckdb.connect(config={"memory_limit": settings.sql_memory, "temp_directory": str(spill)}) as connection,
    ):
        for name, table, files in (
            ("listed", LISTED_ORIGIN, lake.files(LISTED_ORIGIN, partition)),
            ("input", SLICE_INPUT, lake.files(SLICE_INPUT)),
        ):
            schema = pa.schema([one for one in table.fields if one.name not in table.partition])
            paths = [lake.path(table.name, file.path) for file in files]
            connection.register(name, ds.dataset(paths, schema=schema, format="parquet", filesystem=lake.storage.arrow_fs))
        yield connection


def taken_on(lake: Lake, lister: str, instance: str, day: str) -> int:
    """How many items became input on a day."""
    rows = _scan(lake, lister, instance).filter((pl.col("day") == day) & pl.col("slice").is_not_null())
    return int(rows.select(pl.struct("source", "item").n_unique()).collect().item())


def _scan(lake: Lake, lister: str, instance: str) -> pl.LazyFrame:
    return lake.scan(LISTED_ORIGIN).filter((pl.col("lister") == lister) & (pl.col("instance") == instance))


def _schema() -> dict[str, pl.DataType]:
    frame = pl.DataFrame(pa.schema(LISTED_ORIGIN.fields).empty_table())
    return {name: kind for name, kind in frame.schema.items() if name not in LISTED_ORIGIN.partition}


def _frame(rows: Sequence[Mapping[str, Any]], table: Table) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=pl.DataFrame(pa.schema(table.fields).empty_table()).schema)


def _arrow(frame: pl.DataFrame, table: Table) -> pa.Table:
    return frame.to_arrow().cast(pa.schema(table.fields))
