# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which revisions histories hold, whatever their dates say, against what following one parent after the other finds."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codecommons.archive.history import trace
from codecommons.archive.lineage import ORIGINS, Lineage
from codecommons.engine import local_engine
from codecommons.errors import LakeError
from codecommons.lake import Lake
from codecommons.lake.schemas import TABLES
from codecommons.settings import Settings
from codecommons.swhid import origin_id


def name(number: int) -> bytes:
    return (number * 2654435761 % (1 << 32)).to_bytes(4, "big") * 5


@dataclass
class Revisions:
    """Revisions by number, each with its date and parents; a parent may be one that is not there."""

    dates: dict[int, int | None] = field(default_factory=dict)
    parents: dict[int, list[int]] = field(default_factory=dict)

    def add(self, number: int, date: int | None, *parents: int) -> None:
        self.dates[number], self.parents[number] = date, list(parents)

    def held(self, *heads: int) -> set[int]:
        """What heads reach, one step after the other."""
        seen, todo = set(), list(heads)
        while todo:
            one = todo.pop()
            if one in self.dates and one not in seen:
                seen.add(one)
                todo += self.parents[one]
        return seen

    def there(self, number: int) -> int:
        return sum(parent in self.dates for parent in self.parents[number])

    def tables(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows of ``revision`` and ``revision_history``."""
        dates = [None if date is None else {"seconds": date, "microseconds": 0} for date in self.dates.values()]
        kind = pl.Struct({"seconds": pl.Int64, "microseconds": pl.Int32})
        schema = {"id": pl.Binary, "committer_date": kind}
        edges = [(name(one), name(parent), at) for one, parents in self.parents.items() for at, parent in enumerate(parents)]
        return (
            pl.DataFrame({"id": [name(number) for number in self.dates], "committer_date": dates}, schema=schema),
            pl.DataFrame(edges, {"id": pl.Binary, "parent_id": pl.Binary, "parent_rank": pl.Int32}, orient="row"),
        )


def reached(revisions: Revisions, heads: dict[int, list[int]], folder: Path, **sizes: int) -> list[tuple[bytes, int, int]]:
    """Every row that ``Lineage`` gives, for heads by bit; asked twice, as marks must be gone after the first time."""
    with duckdb.connect(config={"threads": 1}) as sql:
        for table, rows in zip(("revision", "revision_history"), revisions.tables(), strict=True):
            sql.register(table, rows.to_arrow())
        with Lineage(sql, folder, **sizes) as lineage:
            asked = [(name(head), bit) for bit, some in heads.items() for head in some]
            frame = pl.DataFrame(asked, {"revision": pl.Binary, "bit": pl.UInt32}, orient="row")
            found = [row for part in lineage.reached(frame, 3) for row in part.iter_rows()]
            assert [row for part in lineage.reached(frame, 1_000) for row in part.iter_rows()] == found
    return found


def check(revisions: Revisions, heads: dict[int, list[int]], folder: Path, **sizes: int) -> None:
    expected: dict[int, int] = {}
    for bit, some in heads.items():
        for one in revisions.held(*some):
            expected[one] = expected.get(one, 0) | 1 << bit
    found = reached(revisions, heads, folder, **sizes)
    assert sorted(found) == sorted((name(one), revisions.there(one), bits) for one, bits in expected.items())


@st.composite
def histories(draw: st.DrawFn) -> tuple[Revisions, dict[int, list[int]]]:
    """Up to 24 revisions with any dates, some of whose parents are not there, and heads of up to 64 origins."""
    revisions, count = Revisions(), draw(st.integers(0, 24))
    for number in range(count):
        date = draw(st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([-(2**63), 2**63 - 1])))
        parents = draw(st.lists(st.integers(-2, number - 1), max_size=3))
        revisions.add(number, date, *parents)
    bits = draw(st.lists(st.integers(0, ORIGINS - 1), unique=True, max_size=4))
    return revisions, {bit: draw(st.lists(st.integers(-1, max(0, count - 1)), max_size=3)) for bit in bits}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories(), st.integers(1, 8), st.integers(1, 4))
def test_any_history_is_followed_to_its_end_whatever_its_dates_and_the_sizes_of_parts(tmp_path, drawn, window, waiting):
    check(*drawn, tmp_path, window=window, waiting=waiting)


@pytest.mark.parametrize("step", [-1, 0, 1, 7])
def test_dates_that_rise_fall_jump_or_stand_still_make_no_difference(tmp_path, step):
    revisions = Revisions()
    for number in range(200):
        revisions.add(number, number * step % 101, *range(max(0, number - 1), number))
    check(revisions, {0: [199], 5: [120], 63: [150, 20]}, tmp_path, window=8, waiting=2)


def test_what_finds_no_room_to_wait_is_found_all_the_same(tmp_path):
    revisions = Revisions()
    for number in range(50):
        revisions.add(number, 1_000 + number)
    revisions.add(50, 0, *range(50))  # a merge older than all that it merges
    for number in range(51, 60):
        revisions.add(number, 500, number - 1)
    check(revisions, {1: [59]}, tmp_path, window=4, waiting=1)


def test_a_lake_without_revisions_or_without_edges_is_no_special_case(tmp_path):
    check(Revisions(), {0: [7]}, tmp_path)
    alone = Revisions()
    for number in range(10):
        alone.add(number, number)
    check(alone, {0: [7], 1: [7, 3]}, tmp_path, window=3)


def test_a_parent_that_is_named_twice_counts_twice(tmp_path):
    revisions = Revisions()
    revisions.add(0, 0)
    revisions.add(1, 1, 0, 0)
    assert [row[:2] for row in reached(revisions, {0: [1]}, tmp_path)] == [(name(1), 2), (name(0), 0)]


def test_ten_times_the_history_takes_no_more_memory(tmp_path):
    peaks = []
    for count in (100, 10_000, 100_000):  # the first time things are imported
        revisions = Revisions()
        for number in range(count):
            revisions.add(number, number, *range(max(0, number - 2), number))
        head = pl.DataFrame({"revision": [name(count - 1)], "bit": [0]})
        with duckdb.connect(config={"threads": 1}) as sql:
            for table, rows in zip(("revision", "revision_history"), revisions.tables(), strict=True):
                sql.register(table, rows.to_arrow())
            tracemalloc.start()
            try:
                with Lineage(sql, tmp_path, window=2_000) as lineage:
                    assert sum(part.height for part in lineage.reached(head, 5_000)) == count
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
    assert peaks[2] < 2 * peaks[1]


# In the lake.


def store(lake: Lake, revisions: Revisions, snapshots: dict[str, list[int]]) -> pl.DataFrame:
    """Write rows as a loader would; visits that see the snapshots."""
    branches = [
        (one.encode() * 20, b"b%d" % at, name(head), "revision")
        for one, some in snapshots.items()
        for at, head in enumerate(some)
    ]
    schema = {"snapshot_id": pl.Binary, "name": pl.Binary, "target": pl.Binary, "target_type": pl.String}
    tables = ("revision", "revision_history", "snapshot_branch")
    with lake.staging("made") as area:
        writer = area.writer("made")
        for table, rows in zip(tables, (*revisions.tables(), pl.DataFrame(branches, schema, orient="row")), strict=True):
            fields = pa.schema(TABLES[table].fields)
            found = rows.to_arrow()
            columns = [
                found[one.name].cast(one.type) if one.name in rows.columns else pa.nulls(rows.height, one.type) for one in fields
            ]
            writer.add(table, pa.table(columns, schema=fields))
        lake.commit(area, [writer.close()], local_engine(lake.settings))
    return pl.DataFrame({"origin": list(snapshots), "snapshot": [one.encode() * 20 for one in snapshots]})


def traced(lake: Lake, visits: pl.DataFrame) -> int:
    """Trace and commit; how many rows were new."""
    with lake.staging("traced") as area:
        committed = lake.commit(area, trace(lake, area, visits), local_engine(lake.settings))
    return sum(one.rows_new for one in committed.values())


def rows(lake: Lake, table: str) -> pl.DataFrame:
    return lake.scan(table).collect().drop("bucket").sort(pl.all())


def shared_history() -> tuple[Revisions, dict[str, list[int]]]:
    """150 origins that share a trunk; each has a revision of its own, every third one of another's."""
    revisions = Revisions()
    for number in range(40):
        revisions.add(number, 40 - number if number % 5 else number, *range(max(-1, number - 2), number))
    for number in range(150):
        revisions.add(100 + number, 50, number % 40, 9_999)
    return revisions, {f"o{at}": [100 + at, *([100 + at // 2] if at % 3 == 0 else [])] for at in range(150)}


def test_more_origins_than_a_mark_has_bits_share_a_history_each_with_its_own(lake, tmp_path):
    revisions, snapshots = shared_history()
    visits = store(lake, revisions, snapshots)
    expected = [(name(one), origin_id(origin)) for origin, heads in snapshots.items() for one in revisions.held(*heads)]
    traced(lake, visits)
    assert rows(lake, "origin_revision").rows() == sorted(expected)
    found = rows(lake, "introduced").select("revision", "parents").rows()
    assert found == sorted((name(one), revisions.there(one)) for one in revisions.dates)
    assert traced(lake, visits) == 0, "all heads are known"
    assert not any(one.is_file() for one in lake.settings.cache.rglob("*")), "nothing is left behind"

    other = Lake.open(Settings(home=tmp_path / "other", lake=str(tmp_path / "other" / "lake"), workers=0, batch_bytes=1_000))
    store(other, revisions, snapshots)
    for some in (visits[100:], visits[:1], visits.reverse()):
        traced(other, some)
    for table in ("origin_revision", "introduced"):
        assert rows(lake, table).equals(rows(other, table)), "whichever was first"


def test_a_parent_that_comes_later_is_found_by_the_next_head_behind_what_was_known(lake):
    revisions = Revisions()
    revisions.add(2, 2, 1)
    traced(lake, store(lake, revisions, {"a": [2]}))
    assert rows(lake, "introduced")["parents"].to_list() == [0]
    revisions.add(1, 9, 0)
    revisions.add(0, 5)
    revisions.add(3, 1, 2)
    traced(lake, store(lake, revisions, {"b": [3]}).with_columns(origin=pl.lit("a")))
    assert sorted(rows(lake, "origin_revision")["revision"]) == sorted(name(number) for number in range(4))
    found = rows(lake, "introduced").select("revision", "parents").rows()
    assert found == sorted([(name(2), 0), (name(2), 1), (name(1), 1), (name(0), 0), (name(3), 1)])


def test_a_table_that_can_not_be_read_is_told_in_one_line(lake):
    revisions = Revisions()
    revisions.add(0, 0)
    visits = store(lake, revisions, {"a": [0]})
    for path in Path(lake.path("revision_history")).parent.glob("revision/bucket=*/*.parquet"):
        path.write_bytes(b"PAR1 this was a table PAR1")
    with pytest.raises(LakeError, match=r"tracing histories of the lake .*restore its folder"):
        traced(lake, visits)
