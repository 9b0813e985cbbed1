# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What each revision brought, against git's own lists of its trees; and the first occurrence of each content."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import polars as pl
import pytest

from codecommons import archive
from codecommons.archive.history import asking, introduced
from codecommons.archive.objects import Rows
from codecommons.archive.since import since
from codecommons.archive.views import visited_trees
from codecommons.engine import local_engine
from codecommons.lake import Lake
from codecommons.swhid.parsing import parse_directory, parse_revision

from .conftest import git

DAY, NEXT = "2026-01-30", "2026-01-31"


@pytest.fixture
def history(random_history):
    """A repository of three branches that fork, merge, move, copy and take back files at random."""

    def parents(dice, number):
        return sorted({dice.randrange(max(1, number - 6), number) for _ in range(dice.choice([1, 1, 2, 3]))})

    return random_history(5, 60, branches=3, parents=parents, changed=lambda dice, number: 2, removed=0.2)


def brought(path, *references):
    """(revision, path, content) of what no parent of a revision has in the same place, as git lists trees."""
    trees, found = {}, set()
    for line in git(path, "rev-list", "--parents", *(references or ["--all"])).decode().splitlines():
        for one in line.split():
            if one not in trees:
                lines = git(path, "ls-tree", "-r", "-z", one).split(b"\0")[:-1]
                trees[one] = {(line.split(b"\t", 1)[1], line.split()[2].decode()) for line in lines}
        revision, *parents = line.split()
        new = trees[revision].difference(*(trees[parent] for parent in parents))
        found |= {(revision, *file) for file in new}
    return found


def rows(lake):
    found = lake.scan("introduced").filter(pl.col("content").is_not_null()).collect()
    return {(row["revision"].hex(), row["path"], row["content"].hex()) for row in found.to_dicts()}


def ingest(lake, path, day):
    archive.add_inputs(lake, [f"git:{path}"], day)
    return archive.ingest_slice(lake, local_engine(lake.settings), day, "git")


def test_what_each_revision_brought_is_what_git_says(lake, history):
    ingest(lake, history, DAY)
    expected = brought(history)
    assert rows(lake) == expected
    assert len(expected) > 60
    revisions = lake.scan("revision").select("id").collect()["id"]
    assert sorted(lake.scan("introduced").collect()["revision"].unique()) == sorted(revisions), "each is known to be done"
    assert sorted(lake.scan("origin_revision").collect()["revision"]) == sorted(revisions)


def test_a_content_occurs_first_where_history_brought_it(lake, history):
    ingest(lake, history, DAY)
    dates = dict(line.split() for line in git(history, "log", "--all", "--format=%H %at").decode().splitlines())
    first = {}
    for revision, path, content in brought(history):
        first[content] = min(first.get(content, ("~",)), (dates[revision], revision, path))
    with lake.sql() as connection:
        found = connection.execute("select content, epoch(date)::bigint, anchor, path from first_occurrence").fetchall()
    assert {(content[10:], str(date), anchor[10:], path) for content, date, anchor, path in found} == {
        (content, date, revision, path.decode()) for content, (date, revision, path) in first.items()
    }
    assert len(found) == 12


def test_a_second_visit_adds_only_what_is_new_and_comes_to_the_same_as_one(lake, history, tmp_path):
    heads = git(history, "for-each-ref", "--format=%(objectname) %(refname)").decode().split()
    old = git(history, "rev-list", "--max-count=1", "--skip=30", "--all").decode().strip()
    for reference in heads[1::2]:
        git(history, "update-ref", reference, old)
    ingest(lake, history, DAY)
    half = lake.scan("introduced").collect().height
    for target, reference in zip(heads[::2], heads[1::2], strict=True):
        git(history, "update-ref", reference, target)
    report = ingest(lake, history, NEXT)
    assert rows(lake) == brought(history)
    assert 0 < report.details["committed"]["introduced"] == lake.scan("introduced").collect().height - half
    assert "introduced" not in ingest(lake, history, NEXT).details["committed"]

    other = Lake.open(replace(lake.settings, home=tmp_path / "other", lake=str(tmp_path / "other" / "lake")))
    ingest(other, history, NEXT)
    for table in ("introduced", "origin_revision"):
        assert lake.scan(table).collect().sort(pl.all()).equals(other.scan(table).collect().sort(pl.all()))


def asked(lake, *days):
    """What ``since`` says of the trees of the visits of some days: (content, date, revision)."""
    used = pl.DataFrame({"slice": days, "source": ["git"] * len(days)})
    trees = visited_trees(lake, used).select("origin", "root").unique()
    found = since(lake, used, trees)
    return {(content.hex(), seconds, revision.hex()) for _, content, seconds, revision in found.iter_rows()}


def said(path, shown, references):
    """The same of the heads that were shown, by git, whose histories reach from references."""
    dates = dict(line.split() for line in git(path, "log", "--format=%H %at", *references).decode().splitlines())
    here = {line.split()[2].decode() for one in shown for line in git(path, "ls-tree", "-r", one).splitlines()}
    first = {}
    for revision, _, content in brought(path, *references):
        if content in here:
            first[content] = min(first.get(content, (1 << 40, "")), (int(dates[revision]), revision))
    return {(content, *told) for content, told in first.items()}


def test_a_tree_has_a_content_since_a_revision_that_references_of_the_visits_that_count_reach(lake, history):
    heads = git(history, "for-each-ref", "--format=%(objectname) %(refname)").decode().split()
    old = [git(history, "rev-list", "--max-count=1", f"--skip={skip}", "--all").decode().strip() for skip in (40, 30, 20)]
    for target, reference in zip(old, heads[1::2], strict=True):
        git(history, "update-ref", reference, target)
    ingest(lake, history, DAY)
    then = said(history, old[:1], old)
    assert asked(lake, DAY) == then
    for target, reference in zip(heads[::2], heads[1::2], strict=True):
        git(history, "update-ref", reference, target)
    ingest(lake, history, NEXT)
    assert asked(lake, DAY) == then, "what came later was not known on that day"
    assert asked(lake, DAY, NEXT) == said(history, [old[0], heads[0]], [*old, *heads[::2]]) != then


def test_a_history_that_was_cut_off_says_nothing_and_whole_it_says_all_from_that_day_on(lake, history, tmp_path):
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--bare", "--depth", "2", history.as_uri(), str(shallow)], check=True)
    ingest(lake, shallow, DAY)
    assert asked(lake, DAY) == set()
    git(shallow, "fetch", "-q", "--unshallow")
    ingest(lake, shallow, NEXT)
    assert asked(lake, DAY) == set()
    assert asked(lake, DAY, NEXT) == said(history, ["b0"], ["b0"])


def test_what_only_a_tag_of_a_tag_names_is_history_too(lake, history):
    tag = b"object %s\ntype %s\ntag t\ntagger A <a@b> 1400000000 +0000\n\nt\n"
    inner = git(history, "mktag", stdin=tag % (git(history, "rev-parse", "b2").strip(), b"commit")).strip()
    git(history, "update-ref", "refs/tags/t", git(history, "mktag", stdin=tag % (inner, b"tag")).decode().strip())
    for branch in ("b1", "b2"):
        git(history, "update-ref", "-d", f"refs/heads/{branch}")
    ingest(lake, history, DAY)
    assert rows(lake) == brought(history) != brought(history, "b0")


def test_a_fork_shares_what_its_revisions_brought_and_is_an_origin_of_its_own(lake, history, tmp_path):
    ingest(lake, history, DAY)
    before = lake.scan("introduced").collect().height
    fork = tmp_path / "fork"
    subprocess.run(["git", "clone", "-q", "--mirror", str(history), str(fork)], check=True)
    ingest(lake, fork, NEXT)
    assert lake.scan("introduced").collect().height == before
    held = lake.scan("origin_revision").collect()
    assert held["origin"].n_unique() == 2
    with lake.sql() as connection:
        origins = connection.execute("select distinct origin from first_occurrence").fetchall()
    assert origins == [(min(fork.as_uri(), history.as_uri()),)]


def test_a_parent_that_is_not_there_counts_as_none_until_it_is(lake, history, tmp_path):
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--bare", "--depth", "1", history.as_uri(), str(shallow)], check=True)
    ingest(lake, shallow, DAY)
    head = git(history, "rev-parse", "b0").decode().strip()
    whole = {(head, *file) for _, *file in brought(shallow, head)}
    assert rows(lake) == whole, "it brings its whole tree"
    ingest(lake, history, NEXT)
    with lake.sql() as connection:
        found = connection.execute(
            "select swhid('rev', id), path, swhid('cnt', content) from lake.brought where origin = ?", [history.as_uri()]
        ).fetchall()
        [(_, plan)] = connection.execute("explain from lake.seen where content = '\\x00'::blob").fetchall()
    assert {(revision[10:], path, content[10:]) for revision, path, content in found} == brought(history)
    assert "WINDOW" not in plan, "whoever looks for one content has not to wait for all of history"


def test_a_date_that_is_impossible_makes_no_first_occurrence(lake, tmp_path):
    path = tmp_path / "wild"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
    stream = []
    for number, date in enumerate([0, 4_000_000_000, 1_600_000_000], 1):
        stream += ["commit refs/heads/main", f"mark :{number}", f"committer A <a@example.org> {date} +0000", "data 0"]
        stream += [*([f"from :{number - 1}"] if number > 1 else []), f"M 100644 inline f{number}", "data 4", "same"]
        # A file that only the second one holds.
        stream += {2: ["M 100644 inline late", "data 4", "late"], 3: ["D late"]}.get(number, [])
    git(path, "fast-import", "--quiet", stdin=("\n".join(stream) + "\n").encode())
    ingest(lake, path, DAY)
    with lake.sql() as connection:
        rows = connection.execute("select epoch(date)::bigint, path from first_occurrence order by path").fetchall()
    assert rows == [(1_600_000_000, "f1"), (None, "late")], "neither 1970 nor after the visit; f1 is the first of its paths"


def test_a_tree_of_billions_of_files_is_looked_at_once_for_each_directory(lake, tmp_path):
    path = tmp_path / "bomb"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
    blob = git(path, "hash-object", "-w", "--stdin", stdin=b"boom").decode().strip()
    tree = git(path, "mktree", stdin=b"".join(b"100644 blob %s\tf%d\n" % (blob.encode(), n) for n in range(10))).decode().strip()
    for _ in range(9):
        tree = (
            git(path, "mktree", stdin=b"".join(b"040000 tree %s\td%d\n" % (tree.encode(), n) for n in range(10))).decode().strip()
        )
    who = {f"GIT_{one}_{what}": value for one in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "A"), ("EMAIL", "a@b"))}
    made = subprocess.run(
        ["git", "-C", str(path), "commit-tree", tree, "-m", "boom"], capture_output=True, check=True, env={**os.environ, **who}
    )
    revision = made.stdout.decode().strip()
    engine = local_engine(lake.settings)
    with lake.staging("bomb") as area:
        found = Rows(area, "bomb")
        for one in git(path, "rev-list", "--objects", "--no-object-names", revision).decode().split():
            kind = git(path, "cat-file", "-t", one).decode().strip()
            body = git(path, "cat-file", kind, one)
            if kind == "tree":
                directory = parse_directory(body)
                found.directory(bytes.fromhex(one), directory.entries, directory.raw_manifest)
            elif kind == "commit":
                found.revision(parse_revision(body))
        lake.commit(area, [found.close()], engine)
    wanted = pl.DataFrame({"revision": [bytes.fromhex(revision)], "parents": [0]}, schema_overrides={"parents": pl.Int32})
    with asking(lake) as sql:
        rows = introduced(sql, wanted)
    assert rows["content"].unique().to_list() == [bytes.fromhex(blob)]
    assert rows.height < 10_000
    assert rows["path"].min() == b"d0/" * 9 + b"f0"


def test_what_is_looked_for_is_kept_and_not_the_table_it_is_looked_for_in(history, lake):
    ingest(lake, history, DAY)
    with asking(lake) as sql:
        sql.execute("create temp table wanted as select id from revision limit 10")
        query = (
            "select name from directory_entry where directory_id in (select directory from revision semi join wanted using (id))"
        )
        [(_, plan)] = sql.execute(f"explain {query}").fetchall()
    assert plan.count("Join Type: SEMI") == 2, "RIGHT_SEMI keeps the left side"
