# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A slice from an export: what is selected, and that it is what git itself holds."""

import dataclasses
import hashlib
import os
from itertools import cycle, pairwise
from pathlib import Path

import polars as pl
import pytest

from codecommons.archive import add_inputs, ingest_slice, parse_request, settle_terms, slice_roots
from codecommons.archive.since import since
from codecommons.engine.local import InlineEngine, PoolEngine
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.lake.schemas import ARCHIVE

EXAMPLE_TABLES = ("snapshot", "release", "revision", "directory", "content")
OBJECTS = [table.name for table in ARCHIVE if table.name not in ("person", "extid")]


def rows(lake: Lake, table: str, *but: str) -> pl.DataFrame:
    frame = lake.scan(table).drop("bucket", "attempt", *but, strict=False).collect()
    return frame.sort([name for name, kind in frame.schema.items() if not kind.is_nested()])


def hexes(lake: Lake, table: str, column: str = "id") -> list[str]:
    return lake.scan(table).select(pl.col(column).bin.encode("hex")).collect()[column].sort().to_list()


def short(number: str) -> str:
    return number.rjust(40, "0")


# The example of Software Heritage.


@pytest.fixture
def swhids(tmp_path: Path) -> Path:
    """Everything of the example that no snapshot leads to: release v2.0, which has an author and no date."""
    file = tmp_path / "swhids.txt"
    file.write_text(f"swh:1:rel:{short('19')}\nswh:1:snp:{short('20')}\nswh:1:snp:{short('22')};origin=https://example.com\n")
    return file


def test_the_twins_of_the_example_give_identical_tables_with_everything_in_them(example: Path, settings, ingest, swhids) -> None:
    found = {}
    for layout in ("orc", "parquet"):
        home = settings.home / layout
        lake = Lake.open(dataclasses.replace(settings, home=home, lake=str(home / "lake")))
        text = f"swh:{example / layout}?swhids={swhids}&branch=all&history=yes&verify=no"
        report = ingest(lake, text)
        assert (
            report.details["committed"].items()
            >= {
                "content": 6,
                "directory": 6,
                "directory_entry": 11,
                "origin": 2,
                "release": 3,
                "revision": 4,
                "revision_history": 3,
                "skipped_content": 7,
                "snapshot": 2,
                "snapshot_branch": 5,
                "tree_file": 4,
            }.items()
        )
        for table in EXAMPLE_TABLES:
            said = lake.scan(table).select("verified", "verified_reason").unique().collect()
            assert said.rows() == [("not-possible", "synthetic export")], table
        found[layout] = {table: rows(lake, table) for table in [*OBJECTS, "origin_visit", "origin_visit_status"]}
    for table, one in found["orc"].items():
        assert one.equals(found["parquet"][table]), table


def test_the_example_is_what_its_documentation_says(example: Path, lake: Lake, ingest, swhids) -> None:
    ingest(lake, f"swh:{example}?swhids={swhids}&branch=all&history=yes&verify=no")
    assert hexes(lake, "origin") == ["83404f995118bd25774f4ac14422a8f175e7a054", "8f50d3f60eae370ddbf85c86219c55108a350165"]
    with lake.sql() as sql:

        def ask(query: str) -> list[tuple]:
            return sql.sql(query).fetchall()

        branches = ask(f"select name, target from snapshot_branch where snapshot_id = 'swh:1:snp:{short('20')}' order by name")
        assert branches == [
            (b"refs/heads/master", f"swh:1:rev:{short('09')}"),
            (b"refs/tags/v1.0", f"swh:1:rel:{short('10')}"),
        ]
        anonymous = ask(f"select author, date, target from release where id = 'swh:1:rel:{short('21')}'")
        assert anonymous == [(None, None, f"swh:1:rev:{short('18')}")]
        assert ask("select swhid, reason from skipped_content where reason <> 'not-fetched'") == [
            (f"swh:1:cnt:{short('15')}", "Not found")
        ]
        assert ask(f"select directory_id from directory_entry where target = 'swh:1:cnt:{short('15')}'") == [
            (f"swh:1:dir:{short('16')}",)
        ]
        assert ask("select origin, visit, date::varchar, status, type from origin_visit_status order by origin") == [
            (f"https://example.com/swh/graph{name}", 1, "2013-05-07 04:20:39.369271", "full", "git") for name in ("", "2")
        ]
        assert ask("select distinct anchor, path from file order by path") == [
            (f"swh:1:rev:{short('09')}", path) for path in ("README.md", "parser.c", "tests/README.rst", "tests/main.py")
        ]


def test_identifiers_that_are_made_up_are_quarantined_unless_they_are_said_to_be(example: Path, lake: Lake, ingest) -> None:
    report = ingest(lake, f"swh:{example}?branch=all&contents=none")
    assert lake.scan("directory").collect().height == 0
    wrong = lake.scan("quarantine").filter(pl.col("reason") == "mismatch").collect()["detail"].sort().to_list()
    assert [line.partition(": its rows")[0] for line in wrong] == [
        f"swh:1:dir:{short(number)}" for number in ("06", "08", "16", "17")
    ] + [f"swh:1:rel:{short('21')}"]
    assert lake.scan("origin_visit_status").collect()["status"].to_list() == ["partial", "partial"]
    assert report.rows_in == 0


# A repository, from its export and from itself.


@pytest.mark.parametrize("layout", ["parquet", "orc"])
def test_an_export_and_git_agree_on_every_table(tmp_path: Path, settings, lively, graph, ingest, layout: str) -> None:
    origin = lively.path.as_uri()
    made = graph(lively).visit(origin, 7, "2026-01-30T10:00:00")
    made.store(tmp_path / "content")
    made.write(tmp_path / "export", layout, files=2)
    one, other = (
        Lake.open(dataclasses.replace(settings, home=settings.home / name, lake=str(settings.home / name / "lake")))
        for name in ("swh", "git")
    )
    report = ingest(one, f"swh:{tmp_path / 'export'}?branch=all&history=yes")
    ingest(other, f"git:{lively.path}")
    said = ("verified", "verified_reason")
    for table in OBJECTS:
        mine, theirs = rows(one, table, *said), rows(other, table, *said)
        assert mine.height or table == "skipped_content", table
        assert mine.equals(theirs), table
    assert report.rows_kept == rows(other, "tree_file").height
    assert report.details["fetched"] == len(made.contents)
    verdicts = {
        table: set(one.scan(table).select(*said).collect().rows())
        for table in ("snapshot", "directory", "content", "revision", "release")
    }
    assert verdicts["snapshot"] == verdicts["directory"] == verdicts["content"] == {("yes", None)}
    assert verdicts["revision"] == {("not-possible", "pseudonymised author")}
    # A release that names nobody can be put together again.
    assert verdicts["release"] == {("not-possible", "pseudonymised author"), ("yes", None)}
    shown = [slice_roots(lake, "2026-01-31", name) for lake, name in ((one, "swh"), (other, "git"))]
    assert shown[0].drop("visit").equals(shown[1].drop("visit"))
    assert one.scan("origin_visit").select("origin", "visit", "type").collect().rows() == [(origin, 7, "git")]


def test_a_verified_row_wins_whoever_comes_first(tmp_path: Path, settings, lively, graph, ingest, assert_same_rows) -> None:
    made = graph(lively).visit("https://forge.example.org/it", 3, "2026-01-30T10:00:00")
    hidden = [branch for branch in made.branches if branch[0].startswith(b"refs/pull/")]
    made.rows["snapshot_branch"] = [row for row in made.rows["snapshot_branch"] if row[1] != hidden[0][0]]
    made.store(tmp_path / "content")
    made.write(tmp_path / "export", "parquet")
    items = [f"swh:{tmp_path / 'export'}?branch=all&history=yes", f"git:{lively.path}"]
    lakes = []
    for order in ((0, 1), (1, 0)):
        home = settings.home / f"{order[0]}"
        lake = Lake.open(dataclasses.replace(settings, home=home, lake=str(home / "lake")))
        for number in order:
            ingest(lake, items[number], f"2026-01-{30 + number}")
            if number == order[0] == 0:
                assert set(lake.scan("snapshot").collect().select("verified", "verified_reason").rows()) == {
                    ("not-possible", "filtered branches")
                }
        lakes.append(lake)
    assert_same_rows(*lakes, but=("slice_log",))
    for table in ("snapshot", "revision", "release", "directory", "content"):
        assert set(lakes[0].scan(table).collect()["verified"]) == {"yes"}, table
    assert lakes[0].scan("snapshot_branch").collect().height == len(made.branches)


def test_rows_do_not_depend_on_workers_batches_or_files(
    tmp_path: Path, settings, lively, graph, ingest, assert_same_rows
) -> None:
    made = graph(lively).visit("https://a", 1, "2026-01-30")
    made.store(tmp_path / "content")
    made.write(tmp_path / "one", "parquet").rename(tmp_path / "export")
    engine = PoolEngine(2)
    lakes = []
    for number, (batch_bytes, workers) in enumerate([(1 << 20, None), (300, None), (2_000, engine)]):
        home = settings.home / str(number)
        lake = Lake.open(dataclasses.replace(settings, home=home, lake=str(home / "lake"), batch_bytes=batch_bytes))
        ingest(lake, f"swh:{tmp_path / 'export'}?branch=all&history=yes", engine=workers)
        lakes.append(lake)
    assert_same_rows(lakes[0], lakes[1])
    assert_same_rows(lakes[0], lakes[2])


def test_loading_a_slice_again_changes_nothing(tmp_path: Path, lake: Lake, lively, graph, ingest, rows_of) -> None:
    made = graph(lively).visit("https://a", 1, "2026-01-30")
    made.store(tmp_path / "content")
    made.write(tmp_path / "export", "parquet")
    ingest(lake, f"swh:{tmp_path / 'export'}")
    before = rows_of(lake)
    report = ingest_slice(lake, InlineEngine(), "2026-01-31", "swh")
    assert report.details["fetched"] == 0
    assert report.details["committed"] == {}
    after = rows_of(lake)
    assert all(before[table].equals(after[table]) for table in before)


# What is selected.


@pytest.fixture
def several(tmp_path: Path, repository, graph) -> Path:
    """An export with three origins and visits over three months."""
    made = graph(repository)
    made.visit("https://github.com/foo/one", 1, "2024-01-01").visit("https://github.com/foo/one", 2, "2024-01-20")
    made.visit("https://github.com/foo/one", 3, "2024-01-21", "partial").visit("https://github.com/foo/one", 4, "2024-03-01")
    made.visit("https://github.com/foo/two", 1, "2024-01-20", "not_found", None)
    made.visit("https://github.com/foo_bar/x", 1, "2024-01-31T23:59:59.999999").visit(
        "https://gitlab.com/foo/one", 9, "2024-02-01"
    )
    made.visit("https://gitlab.com/foo/one", 10, "2024-02-02", "full", None)  # which shows nothing
    made.store(tmp_path / "content")
    return made.write(tmp_path / "export", "parquet", row_group=2)


ONE, TWO, BAR, LAB = (
    "https://github.com/foo/one",
    "https://github.com/foo/two",
    "https://github.com/foo_bar/x",
    "https://gitlab.com/foo/one",
)


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("", [(ONE, 4), (BAR, 1), (LAB, 9)]),
        ("origin=https://github.com/foo/*", [(ONE, 4)]),
        ("origin=https://github.com/foo_*", [(BAR, 1)]),
        ("origin=*/one", [(ONE, 4), (LAB, 9)]),
        ("origin=*/foo_*", [(BAR, 1)]),
        ("origin=https://gitlab.com/*&origin=https://github.com/foo_bar/x", [(BAR, 1), (LAB, 9)]),
        ("since=2024-01-01&until=2024-02-01", [(ONE, 2), (BAR, 1)]),
        ("since=2024-02-01", [(ONE, 4), (LAB, 9)]),
        ("until=2024-01-02", [(ONE, 1)]),
        ("visits=all&origin=https://github.com/foo/*", [(ONE, 1), (ONE, 2), (ONE, 3), (ONE, 4), (TWO, 1)]),
        ("visits=all&since=2024-01-20&until=2024-01-22", [(ONE, 2), (ONE, 3), (TWO, 1)]),
        ("visits=day", [(ONE, 2), (TWO, 1)]),
        ("origin=https://nobody/*", []),
    ],
)
def test_visits_are_selected_by_origin_window_and_kind(several: Path, settings, query: str, seen: list[tuple[str, int]]) -> None:
    import tempfile

    from codecommons.archive.export.selection import parse_selection
    from codecommons.archive.export.tables import Export
    from codecommons.archive.export.walk import Walk

    selection = parse_selection(f"{several}?{query}" if query else str(several))
    with tempfile.TemporaryDirectory() as folder, Walk(Export(selection, settings), selection, Path(folder), settings) as walk:
        walk.run("2024-01-20")
        assert [(visit.origin, visit.visit) for visit in walk.visits()] == seen


@pytest.mark.parametrize(
    ("kind", "name"), [("cnt", "HEAD:main.py"), ("dir", "HEAD:src"), ("rev", "HEAD"), ("rel", "v1"), ("snp", None)]
)
def test_a_listed_object_brings_everything_below_it_and_nothing_else(
    tmp_path: Path, settings, lively, graph, kind: str, name: str | None
) -> None:
    from codecommons.archive.export.selection import parse_selection
    from codecommons.archive.export.tables import Export
    from codecommons.archive.export.walk import Walk
    from codecommons.swhid import Swhid

    made = graph(lively).visit("https://a", 7, "2026-01-30")
    selection = parse_selection(str(made.write(tmp_path / "export", "parquet")))
    identifier = lively.git("rev-parse", name) if name else made.snapshot
    with Walk(Export(selection, settings), selection, tmp_path, settings) as walk:
        walk.run("2026-01-31", swhids=[Swhid(kind, bytes.fromhex(identifier))])
        found: dict[str, set[str]] = {}
        for table, batch in walk.rows():
            if table in ("content", "directory", "revision", "release", "snapshot"):
                column = "sha1_git" if table == "content" else "id"
                found.setdefault(table, set()).update(one.hex() for one in batch[column].to_pylist())
        assert [(visit.origin, visit.visit) for visit in walk.visits()] == ([("https://a", 7)] if kind == "snp" else [])
    below = identifier if name else "HEAD"
    expected: dict[str, set[str]] = {"snapshot": set() if name else {identifier}}
    expected["release"] = {identifier} if kind == "rel" else set()
    expected["revision"] = {lively.git("rev-parse", f"{below}^{{commit}}")} if kind not in ("cnt", "dir") else set()
    lines = [line.split() for line in lively.git("ls-tree", "-r", "-t", f"{below}").splitlines()] if kind != "cnt" else []
    tops = {"cnt": set(), "dir": {identifier}}.get(
        kind, {lively.git("rev-parse", f"{below}^{{tree}}")} if kind != "cnt" else set()
    )
    expected["directory"] = tops | {one for _, what, one, *_ in lines if what == "tree"}
    expected["content"] = {one for _, what, one, *_ in lines if what == "blob"} | ({identifier} if kind == "cnt" else set())
    assert {table: found.get(table, set()) for table in expected} == expected


def test_visits_keep_date_number_type_and_status(several: Path, lake: Lake, ingest) -> None:
    ingest(lake, f"swh:{several}?visits=all&origin=https://github.com/foo/*", "2026-01-30")
    found = lake.scan("origin_visit_status").sort("origin", "visit").collect()
    assert [(str(row["date"].date()), row["status"], row["type"]) for row in found.to_dicts()] == [
        ("2024-01-01", "full", "git"),
        ("2024-01-20", "full", "git"),
        ("2024-01-21", "partial", "git"),
        ("2024-03-01", "full", "git"),
        ("2024-01-20", "not_found", "git"),
    ]


def test_a_list_of_origins_is_in_the_lake_and_what_is_not_there_is_named(
    several: Path, lake: Lake, ingest, tmp_path: Path
) -> None:
    file = tmp_path / "origins.txt"
    file.write_text(f"{LAB}\nhttps://nobody\n")
    ingest(lake, f"swh:{several}?origins={file}")
    file.unlink()
    report = ingest_slice(lake, InlineEngine(), "2026-01-31", "swh")
    assert [check.passed for check in report.checks] == [True] * 4
    assert lake.scan("origin_visit_status").collect()["origin"].to_list() == [LAB]
    assert [line for line in report.details["quarantined"] if "missing-origin" in line and "https://nobody" in line]


def test_two_items_that_select_the_same_visit_give_one_row(several: Path, lake: Lake, ingest) -> None:
    ingest(lake, f"swh:{several}?origin={ONE}")
    ingest(lake, f"swh:{several}?origin=*/one")
    found = lake.scan("origin_visit_status").collect()
    assert sorted(zip(found["origin"], found["visit"], strict=True)) == [(ONE, 4), (LAB, 9)]


def test_only_the_head_is_followed_unless_all_branches_are_asked_for(tmp_path: Path, settings, lively, graph, ingest) -> None:
    made = graph(lively).visit("https://a", 1, "2026-01-30")
    made.write(tmp_path / "export", "parquet")
    found, dated = {}, {}
    used = pl.DataFrame({"slice": ["2026-01-31"], "source": ["swh"]})
    for query in ("", "?branch=all", "?history=yes", "?branch=all&history=yes"):
        home = settings.home / hashlib.sha1(query.encode()).hexdigest()
        lake = Lake.open(dataclasses.replace(settings, home=home, lake=str(home / "lake")))
        ingest(lake, f"swh:{tmp_path / 'export'}{query}")
        found[query] = (hexes(lake, "revision"), hexes(lake, "release"))
        dates = since(lake, used, slice_roots(lake, "2026-01-31", "swh"))
        dated[query] = {content.hex(): seconds for content, seconds in dates.select("content", "seconds").rows()}
    head = lively.git("rev-parse", "HEAD")
    assert found[""] == ([head], [])
    heads = {lively.git("rev-parse", name) for name in ("main", "topic", "light", "refs/tags/v1^{}", "refs/tags/nobody^{}")}
    assert found["?branch=all"][0] == sorted(heads)
    assert len(found["?branch=all"][1]) == 2
    assert found["?history=yes"] == (sorted(lively.git("rev-list", "HEAD").split()), [])
    assert found["?branch=all&history=yes"][0] == sorted(lively.git("rev-list", "--all").split())
    # Who was not asked for a history can't say since when it has anything.
    assert dated[""] == dated["?branch=all"] == {}
    for query, references in (("?history=yes", "HEAD"), ("?branch=all&history=yes", "--all")):
        assert dated[query] == {
            line.split()[2]: min(
                map(int, lively.git("log", "--format=%at", "-m", f"--find-object={line.split()[2]}", references).split())
            )
            for line in lively.git("ls-tree", "-r", "HEAD").splitlines()
            if line.split()[1] == "blob"
        }


def test_a_history_of_any_depth_is_followed_to_its_end(tmp_path: Path, settings, repository, graph) -> None:
    import tempfile

    from codecommons.archive.export.selection import parse_selection
    from codecommons.archive.export.tables import Export
    from codecommons.archive.export.walk import Walk

    made = graph(repository)
    head, *rest = made.rows["revision"][0]
    names = [hashlib.sha1(b"%d" % number).hexdigest() for number in range(3_000)]
    chain = [head, *names]
    made.rows["revision"] += [(name, *rest) for name in names] + [("ff" * 20, *rest)]
    made.rows["revision_history"] = [(one, parent, 0) for one, parent in pairwise(chain)]
    made.rows["revision_history"] += [(head, names[1_000], 1), ("ff" * 20, head, 0), (names[-1], head, 0)]
    made.visit("https://a", 1, "2026-01-30").write(tmp_path / "export", "parquet")
    selection = parse_selection(f"{tmp_path / 'export'}?history=yes&verify=no")
    with tempfile.TemporaryDirectory() as folder, Walk(Export(selection, settings), selection, Path(folder), settings) as walk:
        walk.run("2026-01-31")
        found = [batch for table, batch in walk.rows() if table == "revision"]
    assert sorted(one.hex() for batch in found for one in batch["id"].to_pylist()) == sorted(chain)


BRANCHES = {
    "head": ([("HEAD", "refs/heads/b", "alias"), ("refs/heads/b", 2, "revision"), ("refs/heads/master", 1, "revision")], 2),
    "detached": ([("HEAD", 2, "revision"), ("refs/heads/master", 1, "revision")], 2),
    "alias of an alias": ([("HEAD", "x", "alias"), ("x", "y", "alias"), ("y", 2, "revision")], 2),
    "no head": ([("refs/heads/main", 1, "revision"), ("refs/heads/master", 2, "revision")], 2),
    "main only": ([("refs/heads/main", 2, "revision"), ("refs/heads/a", 1, "revision")], 2),
    "head dangles": ([("HEAD", "gone", "alias"), ("refs/heads/main", 2, "revision")], 2),
    "head is a content": ([("HEAD", 1, "content"), ("refs/heads/main", 2, "revision")], 2),
    "aliases in a circle": ([("HEAD", "x", "alias"), ("x", "HEAD", "alias"), ("refs/heads/a", 1, "revision")], None),
    "neither": ([("refs/heads/a", 1, "revision")], None),
    "head is a directory": ([("HEAD", 1, "directory"), ("refs/heads/main", 2, "revision")], 1),
}


def test_the_head_is_the_same_for_the_walk_the_stages_and_sql(tmp_path: Path, lake: Lake, repository, graph, ingest) -> None:
    from codecommons.archive.views import head_of

    commits = {1: repository.git("rev-parse", "HEAD"), 2: repository.commit("Second", other__py="2\n")}
    made = graph(repository)
    made.rows["snapshot"], made.rows["snapshot_branch"] = [], []
    expected = {}
    for name, (branches, wanted) in BRANCHES.items():
        identifier, origin = hashlib.sha1(name.encode()).hexdigest(), f"https://{name.replace(' ', '-')}"
        targets = {"alias": lambda target: target.encode().hex(), "revision": commits.get}
        targets["content"] = lambda _: made.rows["content"][0][1]
        targets["directory"] = lambda target: repository.git("rev-parse", f"{commits[target]}^{{tree}}")
        branch_rows = [(branch.encode(), targets[kind](target), kind) for branch, target, kind in branches]
        made.rows["snapshot"].append((identifier,))
        made.rows["snapshot_branch"] += [(identifier, *row) for row in branch_rows]
        made.visit(origin, 1, "2026-01-30", snapshot=identifier)
        kind = "directory" if name == "head is a directory" else "revision"
        if wanted:
            expected[origin] = f"swh:1:{kind[:3]}:{targets[kind](wanted)}"
        head = head_of({row[0]: (row[2], bytes.fromhex(row[1])) for row in branch_rows})
        assert (head and (head[0], head[1].hex())) == ((kind, targets[kind](wanted)) if wanted else None), name
    made.write(tmp_path / "export", "parquet")
    ingest(lake, f"swh:{tmp_path / 'export'}")
    assert dict(slice_roots(lake, "2026-01-31", "swh").select("origin", "anchor").rows()) == expected
    with lake.sql() as sql:
        assert dict(sql.sql("select origin, swhid(kind, id) from lake.anchor").fetchall()) == expected
        assert dict(sql.sql("select distinct origin, anchor from file").fetchall()) == expected


# What is wrong with an export.


def test_a_directory_that_does_not_hash_is_left_out_and_named_and_its_trees_have_no_files(
    tmp_path: Path, lake: Lake, repository, graph, ingest
) -> None:
    made = graph(repository)
    [root] = [row[0] for row in made.rows["directory"]]
    made.rows["directory_entry"][0] = (root, b"other name", *made.rows["directory_entry"][0][2:])
    made.visit("https://a", 1, "2026-01-30").write(tmp_path / "export", "parquet")
    ingest(lake, f"swh:{tmp_path / 'export'}")
    assert lake.scan("directory").collect().height == lake.scan("directory_entry").collect().height == 0
    assert lake.scan("tree_file").collect().height == 0
    found = lake.scan("quarantine").collect()
    [line] = found.filter(pl.col("reason") == "mismatch")["detail"].to_list()
    assert line.startswith(f"swh:1:dir:{root}")
    assert lake.scan("origin_visit_status").collect()["status"].to_list() == ["partial"]


@pytest.mark.parametrize("true", [True, False])
def test_what_is_kept_as_raw_manifest_is_hashed_as_it_is(
    tmp_path: Path, lake: Lake, repository, graph, ingest, true: bool
) -> None:
    blob = bytes.fromhex(repository.git("rev-parse", "HEAD:main.py"))
    tree = b"0100644 main.py\0" + blob
    directory = repository.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=tree)
    commit = f"tree {directory}\nauthor A <a> 007 +0000\ncommitter A <a> 1 +0000\n\nOdd\n".encode()
    head = repository.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=commit)
    tag = f"object {head}\ntype commit\ntag v1\ntagger T <t> 09 +0000\n\nOdd\n".encode()
    release = repository.git("hash-object", "-t", "tag", "-w", "--literally", "--stdin", stdin=tag)
    repository.git("update-ref", "refs/heads/main", head)
    repository.git("update-ref", "refs/tags/v1", release)
    made = graph(repository)
    for table, kind, identifier, body in (
        ("directory", b"tree", directory, tree), ("revision", b"commit", head, commit), ("release", b"tag", release, tag)
    ):  # fmt: skip
        raw = kind + b" %d\0" % len(body) + body + (b"" if true else b"!")
        made.rows[table] = [(*row[:-1], raw) if row[0] == identifier else row for row in made.rows[table]]
    made.store(tmp_path / "content")
    assert loaded(tmp_path, lake, made, ingest, "branch=all") == (set() if true else {"mismatch"})
    for table, identifier in (("directory", directory), ("revision", head), ("release", release)):
        said = lake.scan(table).filter(pl.col("id") == bytes.fromhex(identifier)).select("verified").collect()["verified"]
        assert said.to_list() == (["yes"] if true else []), table
    assert lake.scan("origin_visit_status").collect()["status"].to_list() == ["full" if true else "partial"]


def test_branches_that_contradict_each_other_are_a_mismatch_and_missing_ones_are_not(
    tmp_path: Path, settings, repository, graph, ingest
) -> None:
    made = graph(repository)
    made.rows["snapshot_branch"] = made.rows["snapshot_branch"][:1]
    made.visit("https://a", 1, "2026-01-30").write(tmp_path / "filtered", "parquet")
    made.rows["snapshot_branch"] += [(made.snapshot, made.rows["snapshot_branch"][0][1], "12" * 20, "revision")]
    made.write(tmp_path / "contradicting", "parquet")
    said = {}
    for name in ("filtered", "contradicting"):
        home = settings.home / name
        lake = Lake.open(dataclasses.replace(settings, home=home, lake=str(home / "lake")))
        ingest(lake, f"swh:{tmp_path / name}")
        said[name] = lake.scan("snapshot").select("verified", "verified_reason").collect().rows()
    assert said == {"filtered": [("not-possible", "filtered branches")], "contradicting": []}


def test_a_tree_that_names_itself_too_often_is_a_bomb_and_the_others_are_loaded(
    tmp_path: Path, settings, repository, graph, ingest
) -> None:
    git = repository.git
    tree = git("write-tree")
    for _ in range(8):
        lines = "".join(f"040000 tree {tree}\td{number}\n" for number in range(10))
        tree = git("mktree", stdin=lines.encode())
    bomb = git("commit-tree", "-m", "Bomb", tree)
    made = graph(repository)
    other = dataclasses.replace(made, branches=[], rows=made.rows)
    made.visit("https://good", 1, "2026-01-30")
    bad = "ab" * 20
    made.rows["snapshot"].append((bad,))
    made.rows["snapshot_branch"].append((bad, b"refs/heads/main", bomb, "revision"))
    other.visit("https://bad", 1, "2026-01-30", snapshot=bad)
    made.store(tmp_path / "content")
    made.write(tmp_path / "export", "parquet")
    lake = Lake.open(dataclasses.replace(settings, max_archive_members=10_000))
    report = ingest(lake, f"swh:{tmp_path / 'export'}")
    assert report.rows_kept == 2
    assert "bomb" in lake.scan("quarantine").collect()["reason"].to_list()
    assert dict(lake.scan("origin_visit_status").select("origin", "status").collect().rows()) == {
        "https://good": "full",
        "https://bad": "partial",
    }


def test_an_export_that_is_gone_or_has_changed_keeps_what_was_there_and_stops_no_other(
    several: Path, lake: Lake, ingest, tmp_path: Path, example: Path
) -> None:
    ingest(lake, f"swh:{several}?origin={LAB}")
    before = lake.scan("origin_visit_status").collect()
    add_inputs(lake, [parse_request(f"swh:{example}?verify=no", lake.settings)], "2026-01-31")
    (several / "parquet" / "origin" / "more.parquet").write_bytes(
        (several / "parquet" / "origin" / "origin-0.parquet").read_bytes()
    )
    report = ingest_slice(lake, InlineEngine(), "2026-01-31", "swh")
    assert all(check.passed for check in report.checks)
    assert report.details["items"] == {"kept": 1, "loaded": 1}
    assert any("changed" in line for line in report.details["quarantined"])
    after = lake.scan("origin_visit_status").collect()
    assert set(after["origin"]) == {*before["origin"], "https://example.com/swh/graph", "https://example.com/swh/graph2"}


def test_damage_off_the_head_makes_a_visit_partial_if_it_was_asked_for(tmp_path: Path, settings, lively, graph) -> None:
    import tempfile

    from codecommons.archive.export.selection import parse_selection
    from codecommons.archive.export.tables import Export
    from codecommons.archive.export.walk import Walk

    topic, first = lively.git("rev-parse", "topic"), lively.git("rev-list", "--max-parents=0", "main")
    said = {}
    for name, table, gone in (
        ("tree of a branch", "directory", lively.git("rev-parse", f"{topic}^{{tree}}")),
        ("tree of an ancestor", "directory", lively.git("rev-parse", f"{first}^{{tree}}")),
        ("ancestor", "revision", first),
        ("tag", "release", lively.git("rev-parse", "v1")),
        ("nothing", "release", ""),
    ):
        made = graph(lively).visit("https://a", 1, "2026-01-30")
        made.rows[table] = [row for row in made.rows[table] if row[0] != gone]
        made.write(tmp_path / name, "parquet")
        said[name] = []
        for query in ("branch=head", "branch=all", "branch=all&history=yes"):
            one = parse_selection(f"{tmp_path / name}?{query}")
            with tempfile.TemporaryDirectory() as folder, Walk(Export(one, settings), one, Path(folder), settings) as walk:
                walk.run("2026-01-31")
                said[name] += [visit.status for visit in walk.visits()]
    assert said == {
        "tree of a branch": ["full", "partial", "partial"],
        "tree of an ancestor": ["full", "full", "partial"],
        "ancestor": ["full", "full", "partial"],
        "tag": ["full", "partial", "partial"],
        "nothing": ["full", "full", "full"],
    }


def loaded(tmp_path: Path, lake: Lake, made, ingest, query: str = "verify=no&branch=all&history=yes"):
    """Loads an export that is made up, and returns why what of it was quarantined."""
    made.visit("https://a", 1, "2026-01-30").write(tmp_path / "export", "parquet")
    ingest(lake, f"swh:{tmp_path / 'export'}?{query}")
    return set(lake.scan("quarantine").collect()["reason"]) - {"not-fetched"}


def test_a_directory_in_itself_ends_and_its_tree_has_no_files(
    tmp_path: Path, lake: Lake, repository, graph, ingest, monkeypatch
) -> None:
    monkeypatch.setattr("codecommons.archive.export.walk.MAX_DEPTH", 20)
    made = graph(repository)
    [root] = [row[0] for row in made.rows["directory"]]
    made.rows["directory_entry"].append((root, b"..", "dir", root, 0o040000))
    assert loaded(tmp_path, lake, made, ingest) == {"too-deep"}
    assert lake.scan("tree_file").collect().height == 0
    assert lake.scan("origin_visit_status").collect()["status"].to_list() == ["partial"]


def test_directories_and_releases_deeper_than_anything_are_left_out_and_said(
    tmp_path: Path, lake: Lake, repository, graph, ingest, monkeypatch
) -> None:
    monkeypatch.setattr("codecommons.archive.export.walk.MAX_DEPTH", 5)
    made = graph(repository)
    [root] = [row[0] for row in made.rows["directory"]]
    chain = [root, *(f"{number:040x}" for number in range(8))]
    made.rows["directory"] += [(name, None) for name in chain[1:]]
    made.rows["directory_entry"] += [(one, b"d", "dir", other, 0o040000) for one, other in pairwise(chain)]
    tags = [f"{number:040x}" for number in range(100, 108)]
    made.rows["release"] += [(one, b"t", b"", other, "release", *[None] * 5) for one, other in pairwise(tags)]
    made.rows["snapshot_branch"].append((made.snapshot, b"refs/tags/t", tags[0], "release"))
    assert loaded(tmp_path, lake, made, ingest) == {"too-deep", "missing-objects"}
    assert hexes(lake, "release") == tags[:5]
    assert lake.scan("tree_file").collect().height == 0
    assert lake.scan("origin_visit_status").collect()["status"].to_list() == ["partial"]


def test_paths_of_more_bytes_than_a_disk_holds_are_a_bomb(
    tmp_path: Path, lake: Lake, repository, graph, ingest, monkeypatch
) -> None:
    monkeypatch.setattr("codecommons.archive.export.walk.MOST_PATH_BYTES", 1_000_000)
    made = graph(repository)
    [root] = [row[0] for row in made.rows["directory"]]
    file = made.rows["content"][0][1]
    made.rows["directory"].append(("ab" * 20, None))
    made.rows["directory_entry"].append((root, b"n" * 100_000, "dir", "ab" * 20, 0o040000))
    made.rows["directory_entry"] += [("ab" * 20, b"%d" % number, "file", file, 0o100644) for number in range(10)]
    assert loaded(tmp_path, lake, made, ingest) == {"bomb"}
    assert lake.scan("tree_file").collect().height == 0


NO_HASHES = {
    ("origin_visit_status", "snapshot"): ("partial", {"malformed"}),
    ("snapshot", "id"): ("partial", {"missing-objects"}),
    ("snapshot_branch", "target"): ("partial", {"mismatch"}),
    ("release", "target"): ("partial", {"mismatch"}),
    ("revision", "id"): ("partial", {"missing-objects"}),
    ("revision", "directory"): ("partial", {"mismatch"}),
    ("revision_history", "parent_id"): ("partial", {"mismatch"}),
    ("directory", "id"): ("partial", {"missing-objects"}),
    ("directory_entry", "target"): ("partial", {"mismatch"}),
    ("content", "sha1_git"): ("full", {"missing-upstream"}),
    ("content", "sha1"): ("full", {"malformed"}),
    ("content", "sha256"): ("full", {"malformed"}),
}


def test_what_is_no_hash_is_the_fault_of_its_row_and_not_of_the_export(tmp_path: Path, settings, repository, graph) -> None:
    import tempfile

    from codecommons.archive.export.selection import parse_selection
    from codecommons.archive.export.tables import COLUMNS, Export
    from codecommons.archive.export.walk import Walk

    repository.commit("Second", readme__md="# Two\n")
    repository.git("tag", "-a", "v1", "-m", "Version 1")
    said = {}
    for (table, column), text in zip(NO_HASHES, cycle(("zz" * 20, "12" * 19, "")), strict=False):
        made = graph(repository).visit("https://a", 1, "2026-01-30")
        at, rows = list(COLUMNS[table]).index(column), made.rows[table]
        number = next(number for number, row in enumerate(rows) if row[at] is not None)
        rows[number] = (*rows[number][:at], text, *rows[number][at + 1 :])
        folder = made.write(tmp_path / f"{table}-{column}", "parquet")
        one = parse_selection(f"{folder}?branch=all&history=yes&contents={made.store(tmp_path / 'content')}")
        with tempfile.TemporaryDirectory() as place, Walk(Export(one, settings), one, Path(place), settings) as walk:
            walk.run("2026-01-31")
            assert all(batch.num_rows for _, batch in walk.rows())
            [visit] = walk.visits()
            reasons = {note.reason for note in walk.notes} | {reason for reason, *_ in walk.lost()} - {"not-fetched"}
            said[table, column] = (visit.status, reasons)
    assert said == NO_HASHES


@pytest.mark.parametrize("name", [None, b"a/b", b"a\0b"])
def test_an_entry_that_no_directory_has_is_a_mismatch_even_where_nothing_is_verified(
    tmp_path: Path, lake: Lake, repository, graph, ingest, name
) -> None:
    made = graph(repository)
    [root] = [row[0] for row in made.rows["directory"]]
    made.rows["directory_entry"].append((root, name, "file", made.rows["content"][0][1], 0o100644))
    assert loaded(tmp_path, lake, made, ingest) == {"mismatch", "missing-objects"}
    assert lake.scan("directory_entry").collect().height == 0
    assert lake.scan("origin_visit_status").collect()["status"].to_list() == ["partial"]


@pytest.mark.parametrize(
    ("kind", "query"), [("socket", "verify=no"), ("socket", "branch=all"), ("dir", "branch=all"), ("rev", "branch=all")]
)
def test_an_entry_of_a_type_that_its_mode_does_not_have_is_a_mismatch(
    tmp_path: Path, settings, repository, graph, kind: str, query: str
) -> None:
    from codecommons.archive.export.selection import parse_selection
    from codecommons.archive.export.tables import Export
    from codecommons.archive.export.walk import Walk

    made = graph(repository).visit("https://a", 1, "2026-01-30")
    first, *others = made.rows["directory_entry"]
    made.rows["directory_entry"] = [(*first[:2], kind, *first[3:]), *others]
    selection = parse_selection(f"{made.write(tmp_path / 'export', 'parquet')}?{query}")
    with Walk(Export(selection, settings), selection, tmp_path, settings) as walk:
        walk.run("2026-01-31")
        assert "mismatch" in {note.reason for note in walk.notes}
        found = {table: batch.num_rows for table, batch in walk.rows()}
        assert found.get("directory_entry", 0) == found.get("tree_file", 0) == 0
        assert [visit.status for visit in walk.visits()] == ["partial"]


@pytest.mark.parametrize("date", [None, 1 << 62, -(1 << 62), (1 << 63) - 1])
def test_a_visit_without_a_date_is_left_out_and_the_others_are_loaded(several: Path, settings, tmp_path: Path, date) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from codecommons.archive.export.selection import parse_selection
    from codecommons.archive.export.tables import Export
    from codecommons.archive.export.walk import Walk

    file = several / "parquet" / "origin_visit" / "origin_visit-0.parquet"
    table = pq.read_table(file)
    dates = [
        date if origin == LAB else when
        for origin, when in zip(table["origin"].to_pylist(), table["date"].cast(pa.int64()).to_pylist(), strict=True)
    ]
    pq.write_table(table.set_column(2, "date", pa.array(dates, pa.int64()).cast(pa.timestamp("us"))), file)
    selection = parse_selection(str(several))
    with Walk(Export(selection, settings), selection, tmp_path, settings) as walk:
        walk.run("2024-01-20")
        assert [(visit.origin, visit.visit) for visit in walk.visits()] == [(ONE, 4), (BAR, 1)]
        [note] = walk.notes
    assert (note.reason, note.detail) == ("malformed", f"2 visits have no date and were left out, such as one of {LAB}")


def test_releases_in_a_circle_show_no_tree_and_that_is_said(tmp_path: Path, lake: Lake, repository, graph, ingest) -> None:
    made = graph(repository)
    one, other = "ab" * 20, "cd" * 20
    made.rows["release"] += [(a, b"t", b"", b, "release", *[None] * 5) for a, b in ((one, other), (other, one))]
    made.rows["snapshot_branch"] = [(made.snapshot, b"HEAD", one, "release")]
    assert loaded(tmp_path, lake, made, ingest) == {"no-tree"}
    assert lake.scan("release").collect().height == 2


@pytest.mark.parametrize("length", [-3, 1 << 62])
def test_a_length_that_no_content_has_is_not_counted(tmp_path: Path, lake: Lake, repository, graph, ingest, length) -> None:
    made = graph(repository)
    sha1, name, *hashes, _, status = made.rows["content"][0]
    made.rows["content"][0] = (sha1, name, *hashes, length, status)
    assert loaded(tmp_path, lake, made, ingest) == {"bad-length"}
    with lake.sql() as sql:
        assert sql.sql("select reason, length from skipped_content where reason = 'bad-length'").fetchall() == [
            ("bad-length", None)
        ]


@pytest.mark.parametrize(
    ("query", "state"),
    [("origin=https://nobody/*", "failed"), ("since=2001-01-01&until=2001-01-02", "loaded"), ("visits=day", "loaded")],
)
def test_a_selection_without_any_visit_says_so(several: Path, lake: Lake, ingest, query: str, state: str) -> None:
    report = ingest(lake, f"swh:{several}?{query}")
    assert report.details["items"] == {state: 1}
    assert lake.scan("quarantine").select("reason", "kept").collect().rows() == [("nothing-selected", state == "loaded")]


def test_of_a_table_of_the_export_only_what_is_looked_for_is_kept(several: Path, settings, tmp_path: Path, monkeypatch) -> None:
    from codecommons.archive.export.selection import parse_selection
    from codecommons.archive.export.tables import Export
    from codecommons.archive.export.walk import Walk

    selection = parse_selection(f"{several}?branch=all&history=yes")
    plans: list[str] = []
    with Walk(Export(selection, settings), selection, tmp_path, settings) as walk:
        run = walk._run

        def explained(statement: str, **values: object):
            if " from streamed) as found where found." in statement:
                plans.append(walk._sql.execute(f"explain {statement}").fetchall()[0][1])
            return run(statement, **values)

        monkeypatch.setattr(walk, "_run", explained)
        walk.run("2024-01-20")
    assert len(plans) >= 5
    assert all("Join Type: SEMI" in plan for plan in plans), "RIGHT_SEMI would keep all of the table"


def test_a_pipe_in_an_export_is_no_table(several: Path, lake: Lake, ingest) -> None:
    os.mkfifo(several / "parquet" / "origin" / "pipe.parquet")
    ingest(lake, f"swh:{several}?origin={ONE}")
    assert lake.scan("origin_visit_status").collect().height == 1


# Terms.


def test_nothing_is_ingested_before_the_terms_are_accepted_and_then_nobody_is_asked_again(several: Path, lake: Lake) -> None:
    requests = [parse_request(f"swh:{several}", lake.settings)]
    with pytest.raises(UsageError, match="not accepted"):
        add_inputs(lake, requests, "2026-01-31")
    with pytest.raises(UsageError, match=r"(?s)Ethical Charter.*bulk access.*--accept-terms"):
        settle_terms(requests, lake.settings, accepted=False)
    shown: list[str] = []
    with pytest.raises(UsageError, match="Nothing was ingested"):
        settle_terms(requests, lake.settings, accepted=False, ask=lambda text: bool(shown.append(text)))
    assert settle_terms(requests, lake.settings, accepted=False, ask=lambda text: not shown.append(text)) == ["swh"]
    assert len(shown) == 2
    assert settle_terms(requests, lake.settings, accepted=False) == []
    assert add_inputs(lake, requests, "2026-01-31")[0].version
