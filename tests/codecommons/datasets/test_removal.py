# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What holds of removal, whatever is asked for and in whatever order: through the real ledger, build and views."""

import hashlib
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from codecommons.archive.views import visited_trees
from codecommons.datasets import build
from codecommons.engine.local import InlineEngine
from codecommons.errors import UsageError
from codecommons.optout import desk
from codecommons.optout.requests import Request, Submission
from codecommons.settings import Settings
from codecommons.swhid import content_id

from .conftest import World

ENGINE = InlineEngine()
ONE, TWO, FOUR = (f"https://forge.example/{name}" for name in ("a/one", "a/two", "b/four"))
THREE = "pkg:pypi/three"
NEAR = [f"def read(path_{n}):\n    return open(path_{n}).read()\n".encode() for n in range(3)]
FILES = {
    ONE: {"mine/a.py": b"a = 1\n", "b.py": b"b = 1\n", "near.py": NEAR[0]},
    TWO: {"copy/a.py": b"a = 1\n", "c.py": b"c = 1\n"},
    THREE: {"three/near.py": NEAR[1], "three/b.py": b"b = 1\n", "three/d.py": b"d = 1\n"},
    FOUR: {"near.py": NEAR[2], "e.py": b"e = 1\n"},
}
REQUESTS = [
    Request("origin", (ONE,)),
    Request("origin", (THREE, FOUR)),
    Request("owner", ("https://forge.example/a/",)),
    Request("path", ("mine/", "near.py"), ONE),
    Request("content", (f"swh:1:cnt:{content_id(b'a = 1' + bytes([10])).hex()}",)),
    Request("content", (f"swh:1:cnt:{content_id(NEAR[1]).hex()}",)),
]
# Views in which a content shows, with the column that names it.
SHOWN = {
    **dict.fromkeys(("file", "annotation_language", "license_decision", "dataset_row"), "swhid"),
    **dict.fromkeys(("content_data", "popular_content_name", "annotation"), "swhid"),
    "duplicate_pair": "a || b",
    "duplicate": "content || kept",
} | {"file": "content", "license_decision": "content"}


def covers(request, origin, path, content):
    """Whether a request is about a file, as the documentation has it."""
    match request.scope:
        case "origin":
            return origin in request.values
        case "owner":
            return origin.startswith(request.values[0])
        case "path":
            return origin == request.within and (path.startswith("mine/") or path == "near.py")
    return f"swh:1:cnt:{content_id(content).hex()}" in request.values


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory, fresh_lake, decision_rows):
    """A lake with copies, near-copies in a chain and a discussion of each repository; its dataset before anything is removed."""
    home = tmp_path_factory.mktemp("removal")
    world = World(fresh_lake(Settings(home=home, lake=str(home / "lake"), workers=0, bucket_bits=1)), decision_rows)
    for at, (origin, files) in enumerate(FILES.items()):
        world.add(origin, files, source="pypi" if origin == THREE else "git", date=1_400_000_000 + at)
    world.pair(NEAR[0], NEAR[1], 0.9)
    world.pair(NEAR[1], NEAR[2], 0.9)
    world.passed()
    table = world.lake.tables()["thread_event"]
    events = [
        {"item": "2026-01-01-0", "id": str(at), "repository_id": at, "repository": origin, "origin": origin, "number": 1,
         "kind": "issue", "action": "opened", "title": f"about {origin}", "body": "text", "complete": True}
        for at, origin in enumerate((ONE, TWO, FOUR))
    ]  # fmt: skip
    world.lake.write_news(
        {"thread_event": pa.Table.from_pylist(events, pa.schema(table.fields))}, "2026-01-01", "gharchive", "0" * 16
    )
    world.lake.log.record("2026-01-01", "gharchive", "raw_archive_slice", "passed", "0" * 16)
    world.specify("all", "{shard: {bits: 4}}")
    return world, made(world)


def made(world):
    """The rows of the dataset built now, its drops, and its shards by sha256."""
    report = build(world.lake, ENGINE, "all")
    assert [check.description for check in report.checks if check.name != "not_empty" and not check.passed] == []
    folder = Path(world.settings.lake, report.details["folder"])
    if not folder.is_dir():  # nothing was left to publish
        return None
    files = sorted((folder / "data").glob("*.parquet"))
    rows = pl.concat([pl.read_parquet(file) for file in files]).sort("origin", "path")
    drops = world.lake.scan("dataset_drop").filter(pl.col("fingerprint") == report.details["fingerprint"]).collect()
    return rows, drops, {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def ask(world, request):
    [one] = desk.submit(world.lake, Submission((request,), {"contact": "a@example.org"}), "2026-01-03T12:00:00+00:00")
    return desk.verify(world.lake, one.id, visited_trees(world.lake), "seen by a test")


def shown(world, swhids):
    """Public views that name one of some contents, and origins whose discussions show."""
    with world.lake.sql() as connection:
        found = {
            view
            for view, column in SHOWN.items()
            for (text,) in connection.sql(f"select {column} from {view}").fetchall()
            if any(swhid in (text or "") for swhid in swhids)
        }
        return found, {origin for (origin,) in connection.sql("select origin from thread").fetchall()}


@settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=4, unique=True).flatmap(
        lambda some: st.tuples(st.just(some), st.permutations(some))
    )
)
def test_what_is_removed_is_nowhere_and_nothing_else_changes_in_whatever_order_it_is_asked_for(lived_in, orders):
    world, (before, _, untouched) = lived_in
    requests = orders[0]
    everything = [(origin, path, data) for origin, files in FILES.items() for path, data in files.items()]
    left = {
        (origin, path): data for origin, path, data in everything if not any(covers(one, origin, path, data) for one in requests)
    }
    gone = {f"swh:1:cnt:{content_id(data).hex()}" for *_, data in everything} - {
        f"swh:1:cnt:{content_id(data).hex()}" for data in left.values()
    }
    found, discussed = [], set()
    for order in orders:
        taken = [ask(world, one) for one in order]
        found.append(made(world))
        with pytest.raises(UsageError, match="asked for before"):
            ask(world, order[0])
        views, discussed = shown(world, gone) if order is orders[0] else (set(), discussed)
        assert views == set()
        removed = {
            origin for origin in FILES for one in requests if one.scope in ("origin", "owner") and covers(one, origin, "", b"")
        }
        assert discussed == {ONE, TWO, FOUR} - removed
        for one in taken:
            desk.withdraw(world.lake, one.id)
    assert (found[0] is None) == (not left)
    if found[0] is not None:
        rows, drops, shards = found[0]
        assert found[1][2] == shards
        assert set(rows.select("origin", "path").iter_rows()) <= set(left)
        assert not set(drops["kept"].drop_nulls()) - set(map(content_id, left.values()))
        # ``row_in_repository`` counts the rows of a repository, and so follows what comes and goes there; nothing else may move.
        stayed = rows.join(before, on=["origin", "path"], how="semi").drop("row_in_repository").sort("origin", "path")
        assert stayed.equals(
            before.join(rows, on=["origin", "path"], how="semi").drop("row_in_repository").sort("origin", "path")
        )
        # Who came was a copy of something before; who went without being asked for is a copy of one who came.
        came = rows.join(before, on=["origin", "path"], how="anti")
        assert {text.encode() for text in came["text"]} <= {*NEAR, b"a = 1\n", b"b = 1\n"}
        went = before.join(rows, on=["origin", "path"], how="anti")
        unasked = [key for key in went.select("origin", "path").iter_rows() if key in left]
        for origin, path in unasked:
            drop = drops.filter(pl.col("origin") == origin, pl.col("path") == path.encode()).row(0, named=True)
            assert drop["rule"] in ("near_duplicate", "exact_duplicate")
            assert drop["kept"] in {content_id(text.encode()) for text in came["text"]}
    assert made(world)[2] == untouched
