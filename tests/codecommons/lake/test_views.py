# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The SQL face over a small lake whose every row is known."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from codecommons.annotate.annotator import current
from codecommons.engine import local_engine
from codecommons.errors import LakeError
from codecommons.lake import Lake, views
from codecommons.lake.schemas import TABLES
from codecommons.lake.views import build_catalogue, connection_config
from codecommons.license import policies
from codecommons.settings import Settings
from codecommons.swhid import Swhid, content_id, directory_id, origin_id, swhid_text

HELLO, EMPTY, COUNTER = b"print('hello')\n", b"", b"module counter; endmodule\n"
DAY = "2026-01-31"
# `.v` in Latin-1 and in capitals; the same content under two names.
TREE = [
    (b"a.py", 0o100644, content_id(HELLO)),
    (b"caf\xe9.v", 0o100644, content_id(COUNTER)),
    (b"empty", 0o100644, content_id(EMPTY)),
]
OLD_TREE = [
    (b" B.V", 0o100644, content_id(COUNTER)),
    (b"a.py", 0o100644, content_id(HELLO)),
    (b"counter.v", 0o100644, content_id(COUNTER)),
]
RELEASE, OLD_RELEASE, REVISION, SNAPSHOT, GIT_SNAPSHOT = (bytes([n]) * 20 for n in range(1, 6))
EPOCH_2026 = int(dt.datetime(2026, 1, 31, 10, tzinfo=dt.UTC).timestamp())
SIX, GIT = "pkg:pypi/six", "https://example.org/six.git"

SH_QUERY = """select swhid, lower(trim(from_utf8(filename))) from popular_content_name where
lower(trim(from_utf8(filename))) LIKE '%.v'"""


def commit(lake: Lake, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Commit rows given by what matters of them; the other columns are null."""
    with lake.staging("test") as area:
        writer = area.writer("rows")
        for name, rows in tables.items():
            schema = pa.schema(lake.tables()[name].fields)
            writer.add(name, pa.Table.from_pylist(list(rows), schema=schema))
        lake.commit(area, [writer.close()], local_engine(lake.settings))


def visit(lake: Lake, source: str, origin: str, snapshot: bytes, day: str = DAY) -> None:
    """Add a live visit of an origin."""
    when = dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
    seen = {"origin": origin, "visit": 1, "date": when, "type": source}
    news = {
        name: pa.Table.from_pylist([row], schema=pa.schema(TABLES[name].fields))
        for name, row in (("origin_visit", seen), ("origin_visit_status", {**seen, "status": "full", "snapshot": snapshot}))
    }
    lake.write_news(news, slice=day, source=source, attempt="a1")
    lake.log.record(day, source, "raw_archive_slice", "passed", "a1")


@pytest.fixture
def known_lake(lake: Lake) -> Lake:
    """The small lake in a local folder."""
    return filled(lake)


def filled(lake: Lake) -> Lake:
    """Two releases of a package on one day, and a repository whose HEAD holds the newer tree."""
    root, old_root = directory_id(TREE), directory_id(OLD_TREE)

    def entries(identifier: bytes, tree: list[tuple[bytes, int, bytes]]) -> list[dict[str, Any]]:
        return [{"directory_id": identifier, "name": n, "type": "file", "target": c, "perms": p} for n, p, c in tree]

    def files(identifier: bytes, tree: list[tuple[bytes, int, bytes]]) -> list[dict[str, Any]]:
        return [{"root": identifier, "path": n, "perms": p, "content": c} for n, p, c in tree]

    def branch(snapshot: bytes, name: bytes, target: bytes, kind: str) -> dict[str, Any]:
        return {"snapshot_id": snapshot, "name": name, "target": target, "target_type": kind}

    commit(
        lake,
        {
            "content_data": [{"sha1_git": content_id(d), "data": d} for d in (HELLO, COUNTER)],
            "content": [
                {"sha1_git": content_id(d), "length": len(d), "status": "visible", "verified": "yes"} for d in (HELLO, COUNTER)
            ],
            "skipped_content": [{"sha1_git": content_id(EMPTY), "length": 0, "status": "absent", "reason": "a test"}],
            "directory_entry": entries(root, TREE) + entries(old_root, OLD_TREE),
            "tree_file": files(root, TREE) + files(old_root, OLD_TREE),
            "release": [
                {
                    "id": RELEASE,
                    "name": b"2.0",
                    "target": root,
                    "target_type": "directory",
                    "date": {"seconds": EPOCH_2026, "microseconds": 0},
                },
                # A date that no timestamp holds: it can't be the first occurrence.
                {
                    "id": OLD_RELEASE,
                    "name": b"1.0",
                    "target": old_root,
                    "target_type": "directory",
                    "date": {"seconds": -(2**62), "microseconds": 0},
                },
            ],
            "revision": [
                {"id": REVISION, "directory": root, "type": "git", "date": {"seconds": 1_000_000_000, "microseconds": 5}}
            ],
            "snapshot_branch": [
                branch(SNAPSHOT, b"HEAD", b"releases/2.0", "alias"),
                branch(SNAPSHOT, b"releases/2.0", RELEASE, "release"),
                branch(SNAPSHOT, b"releases/1.0", OLD_RELEASE, "release"),
                branch(GIT_SNAPSHOT, b"HEAD", b"refs/heads/main", "alias"),
                branch(GIT_SNAPSHOT, b"refs/heads/main", REVISION, "revision"),
                branch(GIT_SNAPSHOT, b"refs/heads/other", b"\x09" * 20, "revision"),
            ],
            "origin": [{"id": origin_id(url), "url": url} for url in (SIX, GIT)],
            "person": [{"sha256_fullname": b"\x07" * 32, "fullname": b"A Person <a@example.org>"}],
        },
    )
    visit(lake, "pypi", SIX, SNAPSHOT)
    visit(lake, "git", GIT, GIT_SNAPSHOT)
    return lake


def text(kind: str, identifier: bytes) -> str:
    return swhid_text(kind, identifier)


def test_software_heritages_query_runs_verbatim_and_survives_invalid_names(known_lake: Lake) -> None:
    with known_lake.sql() as connection:
        # Each of its three names occurs once: the tie goes to the smallest bytes, and `trim` and `lower` do the rest.
        assert connection.sql(SH_QUERY).fetchall() == [(text("cnt", content_id(COUNTER)), "b.v")]
        names = connection.sql(
            "select from_utf8(name), from_utf8(name, '?') from directory_entry where name = 'caf\\xe9.v'::blob"
        ).fetchall()
        assert names == [("caf\\xE9.v", "caf?.v")]
        assert connection.sql("select * from popular_contents where occurrences = 2").fetchall() == [
            (text("cnt", content_id(HELLO)), 15, b"a.py", 2)
        ]
        assert connection.sql("select length, filename from popular_content_name where filename = 'empty'::blob").fetchall() == [
            (0, b"empty")
        ]


def test_every_file_is_found_from_its_visit_and_first_occurrences_ignore_impossible_dates(known_lake: Lake) -> None:
    with known_lake.sql() as connection:
        files = connection.sql("select origin, anchor, path from file order by all").fetchall()
        releases = {(SIX, text("rel", RELEASE), name) for name in ("a.py", "caf\\xE9.v", "empty")}
        releases |= {(SIX, text("rel", OLD_RELEASE), name) for name in (" B.V", "a.py", "counter.v")}
        head = {(GIT, text("rev", REVISION), name) for name in ("a.py", "caf\\xE9.v", "empty")}
        assert set(files) == releases | head
        assert len(files) == 9
        first = connection.execute(
            "select date, anchor, origin, path from first_occurrence where content = ?", [text("cnt", content_id(HELLO))]
        )
        assert first.fetchall() == [(dt.datetime(2001, 9, 9, 1, 46, 40, 5), text("rev", REVISION), GIT, "a.py")]
        dates = connection.sql("select name, date from release order by name").fetchall()
        assert dates == [(b"1.0", None), (b"2.0", dt.datetime(2026, 1, 31, 10))]


def test_a_release_dated_before_1970_or_after_its_visit_has_no_date(lake: Lake) -> None:
    dates = {-86_400: False, -1: False, 0: False, 1: True, EPOCH_2026: True, EPOCH_2026 + 50_400: False}
    snapshot, files, releases, branches, expected = b"\x0b" * 20, [], [], [], []
    for number, (seconds, possible) in enumerate(dates.items()):
        release, data = bytes([number]) * 20, b"only in %d\n" % number
        root = directory_id([(b"x", 0o100644, content_id(data))])
        files.append({"root": root, "path": b"x", "perms": 0o100644, "content": content_id(data)})
        date = {"seconds": seconds, "microseconds": 0}
        releases.append({"id": release, "target": root, "target_type": "directory", "date": date})
        branches.append({"snapshot_id": snapshot, "name": b"v%d" % number, "target": release, "target_type": "release"})
        expected.append((text("rel", release), seconds if possible else None))
    commit(lake, {"tree_file": files, "release": releases, "snapshot_branch": branches})
    visit(lake, "npm", "pkg:npm/early", snapshot)
    with lake.sql() as connection:
        assert connection.sql("select anchor, epoch(date)::bigint from first_occurrence order by anchor").fetchall() == expected


def test_identifiers_are_swhids_and_hashes_are_hex(known_lake: Lake) -> None:
    with known_lake.sql() as connection:
        assert connection.sql("select swhid, data from content_data where octet_length(data) = 15").fetchall() == [
            (text("cnt", content_id(HELLO)), HELLO)
        ]
        assert connection.sql("select sha1_git from content where length = 15").fetchall() == [(content_id(HELLO).hex(),)]
        assert set(connection.sql("select target from snapshot_branch where target_type <> 'revision'").fetchall()) == {
            ("releases/2.0",), ("refs/heads/main",), (text("rel", RELEASE),), (text("rel", OLD_RELEASE),),
        }  # fmt: skip
        found = connection.sql(
            f"select path from lake.tree_file where content = from_swhid('{text('cnt', content_id(EMPTY))};path=/x')"
        )
        assert found.fetchall() == [(b"empty",)]


def test_a_path_is_written_into_a_swhid_as_the_library_writes_it(lake: Lake) -> None:
    path = bytes(byte for byte in range(1, 256)) + b"%5C\\xff"
    expected = str(Swhid("cnt", b"\1" * 20, anchor=text("dir", b"\2" * 20), path=b"/" + path))
    with lake.sql() as connection:
        assert connection.execute("select file_swhid(?, ?, ?)", [b"\1" * 20, b"\2" * 20, path]).fetchall() == [(expected,)]


def test_names_of_persons_are_in_no_view(known_lake: Lake) -> None:
    with known_lake.sql() as connection, pytest.raises(duckdb.CatalogException):
        connection.sql("from person")
    with known_lake.sql() as connection:
        assert not connection.sql("from duckdb_views() where view_name = 'person' or sql ilike '%/person%'").fetchall()


def test_a_view_shows_the_live_attempt_only(known_lake: Lake) -> None:
    def quarantined(attempt: str, reason: str) -> None:
        rows = [{"item": "six==3", "stage": "raw_archive_slice", "reason": reason}]
        known_lake.write_news(
            {"quarantine": pa.Table.from_pylist(rows, schema=pa.schema(TABLES["quarantine"].fields))}, DAY, "pypi", attempt
        )

    quarantined("a1", "missing")
    quarantined("a2", "truncated")
    query = "select item, reason from quarantine"
    with known_lake.sql() as connection:
        assert connection.sql(query).fetchall() == [("six==3", "missing")]
        known_lake.log.record(DAY, "pypi", "raw_archive_slice", "passed", "a2")
        assert connection.sql(query).fetchall() == [("six==3", "missing")], "a connection shows the lake as it was"
    with known_lake.sql() as connection:
        assert connection.sql(query).fetchall() == [("six==3", "truncated")]


def test_a_connection_reads_the_log_of_a_table_once(known_lake: Lake) -> None:
    """Each query did, which on S3 is up to a hundred requests a table, and stages ask some hundred queries."""
    with known_lake.sql() as connection:
        before = connection.sql("from origin").fetchall()
        shutil.rmtree(known_lake.path("origin", "_delta_log"))
        assert connection.sql("from origin").fetchall() == before


def test_a_text_without_spaces_is_searched_for_logins_in_time_that_grows_with_it(lake: Lake) -> None:
    """Each word was followed to the end of all that has no space: 64 kB took 11 seconds, so these would have taken an hour."""
    text = "grace!" * 200_000
    with lake.sql() as connection:
        begun = time.process_time()
        [(named,)] = connection.execute("select named(?, map {sha256('grace'): 'username_1'})", [text]).fetchall()
    assert time.process_time() - begun < 20
    assert named == "username_1!" * 200_000


def test_nothing_that_has_a_name_in_a_connection_has_a_column_that_no_view_shows(known_lake: Lake) -> None:
    """Tables that a connection keeps open are listed beside the views, and can be asked like these."""
    restricted = {table.name: table.restricted for table in TABLES.values() if table.restricted}
    assert restricted
    with known_lake.sql() as connection:
        there = connection.sql("select table_name, column_name from duckdb_columns() where not internal").fetchall()
    assert {name for name, _ in there} >= restricted.keys()
    shown = [(name, column) for name, column in there if column in restricted.get(name.removeprefix("stored_"), ())]
    assert shown == []
    assert not [name for name, _ in there if name.endswith("person")]


def test_annotations_are_shown_per_annotator_and_in_one_and_only_those_of_the_current_digest(known_lake: Lake) -> None:
    language = current(known_lake.settings)["language"]
    known_lake.register(language.table)
    rows = [
        {"digest": digest, "content": content_id(HELLO), "name": b"a.py", "language": "Python"}
        for digest in ("old", language.digest)
    ]
    commit(known_lake, {language.table.name: rows})
    with known_lake.sql() as connection:
        hello = text("cnt", content_id(HELLO))
        assert connection.sql("select swhid, name, language from annotation_language").fetchall() == [(hello, "a.py", "Python")]
        row = connection.sql("select swhid, name, path, annotator, value ->> 'language' from annotation").fetchall()
        assert row == [(hello, "a.py", None, "language", "Python")]
        assert connection.sql("select count(*) from lake.annotation_language").fetchall() == [(2,)]


def test_decisions_are_those_of_the_policies_as_they_are_now(known_lake: Lake, decision_rows) -> None:
    now = policies(known_lake.settings)["permissive"].key(known_lake.settings)
    place = (directory_id(TREE), b"caf\xe9.v", content_id(COUNTER))
    rows = [decision_rows(policy, *place, expression="MIT") for policy in ("permissive-old", now)]
    commit(known_lake, {table: [row[table] for row in rows] for table in rows[0]})
    with known_lake.sql() as connection:
        file = f"{text('cnt', content_id(COUNTER))};anchor={text('dir', directory_id(TREE))};path=/caf%E9.v"
        asked = "select file, policy, verdict, rule, expression, version, evidence from license_decision"
        assert connection.sql(asked).fetchall() == [(file, now, "permissive", "license-file/r", "MIT", 1, [])]


def test_a_folder_and_s3_answer_alike(any_lake: Lake) -> None:
    with filled(any_lake).sql() as connection:
        assert connection.sql(SH_QUERY).fetchall() == [(text("cnt", content_id(COUNTER)), "b.v")]
        assert connection.sql("select count(*) from file").fetchall() == [(9,)]


def test_the_catalogue_answers_without_us_and_can_be_built_again(known_lake: Lake, settings: Settings) -> None:
    for _ in range(2):
        path = build_catalogue(settings)
    with duckdb.connect(str(path), config=connection_config(settings), read_only=True) as connection:
        assert connection.sql("select count(*) from file").fetchall() == [(9,)]


@pytest.mark.parametrize("gone", ["release/_delta_log/*", "release"])
def test_a_damaged_table_fails_the_queries_that_ask_for_it_and_no_others(lake: Lake, settings: Settings, gone: str) -> None:
    for path in lake.fs.glob(lake.path(gone)):
        lake.fs.rm(path, recursive=True)
    with lake.sql() as connection:
        assert connection.sql("select count(*) from content").fetchall() == [(0,)]
        assert connection.sql("describe release").fetchall(), "its columns are still told"
        for query in ("from release", "select count(*) from release", "select id from release where id = 'x'", "from file"):
            with pytest.raises(duckdb.Error, match=r"table release in .* can't be read"):
                connection.sql(query).fetchall()
    with pytest.raises(LakeError, match=r"table release in .* can't be read"):
        build_catalogue(settings)


def test_marts_that_dbt_built_are_views_too(lake: Lake, settings: Settings) -> None:
    settings.marts.mkdir(parents=True)
    duckdb.sql(f"copy (select 'Verilog' as language, 3 as files) to '{settings.marts}/language_table.parquet'")
    with lake.sql() as connection:
        assert connection.sql("from language_table").fetchall() == [("Verilog", 3)]
    (settings.marts / "language_table.parquet").write_bytes(b"garbage")
    with lake.sql() as connection:
        assert connection.sql("select count(*) from file").fetchall() == [(0,)]
        with pytest.raises(duckdb.Error, match=r"the mart .*language_table\.parquet can't be read.* delete it"):
            connection.sql("from language_table").fetchall()


def test_an_extensions_signature_is_checked_by_the_first_connection_of_a_process_that_loads_it(lake, monkeypatch):
    monkeypatch.setattr(views, "_PROVED", set())
    unchecked = "select current_setting('allow_unsigned_extensions')"
    with lake.sql() as first, lake.sql() as second:
        assert [one.execute(unchecked).fetchall() for one in (first, second)] == [[(False,)], [(True,)]]
