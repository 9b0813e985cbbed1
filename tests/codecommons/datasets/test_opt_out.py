# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What opting out does to datasets."""

import hashlib
import itertools
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import polars as pl
import pytest

from codecommons.annotate.annotator import current
from codecommons.archive.views import visited_trees
from codecommons.datasets import build, list_releases, plan, specification, verify
from codecommons.datasets.releases import published, release
from codecommons.dedup.overview import differences
from codecommons.engine.local import InlineEngine
from codecommons.errors import GateError, UsageError
from codecommons.explain import explain, render
from codecommons.optout import desk, ledger, receipts, signing
from codecommons.optout.check import check
from codecommons.optout.marts import leave_out
from codecommons.optout.reach import contents_of, hidden, resolve, review
from codecommons.optout.requests import Request, Submission
from codecommons.swhid import content_id

ENGINE = InlineEngine()
READ = b"def read(path):\n    with open(path) as file:\n        return file.read()\n"
CONTACT = {"contact": "someone@example.org"}
# As in dbt/models/sources.yml.
SCHEMAS = {"governance": "", "training_shards": "", "withheld": "lake."}
NOON = "2026-01-03T12:00:00+00:00"


def ask(world, scope, *values, within=None, saw="checked by a test"):
    [one] = desk.submit(world.lake, Submission((Request(scope, values, within),), CONTACT), NOON)
    return desk.verify(world.lake, one.id, visited_trees(world.lake), saw) if saw else one


def rows_of(world, report):
    assert [check.description for check in report.checks if not check.passed] == []
    return pl.read_parquet(f"{world.settings.lake}/{report.details['folder']}/data/*.parquet")


def places(rows):
    return set(rows.select("origin", "path", "text").iter_rows())


def shards_of(world, report):
    data = Path(world.settings.lake, report.details["folder"], "data")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in data.iterdir()}


def test_an_origin_is_left_out_another_copy_is_elected_and_withdrawal_restores(shop):
    name = shop.specify("all", "shard: {bits: 6}")
    before = build(shop.lake, ENGINE, name)
    whole, files = rows_of(shop, before), shards_of(shop, before)
    one = ask(shop, "origin", "pkg:pypi/alpha")
    after = build(shop.lake, ENGINE, name)
    left = rows_of(shop, after)
    assert after.dropped["opt_out"].rows == 5
    asked = plan(shop.lake, specification(shop.settings, name)).opt_outs
    assert (asked.requests, asked.rows, asked.head) == (1, 5, ledger.read(shop.lake).head)
    assert "pkg:pypi/alpha" not in left["origin"].to_list()
    # The near-duplicate in the repository had lost against the copy that went; nothing else has changed.
    elected = {("https://forge.example/eve/gamma", "io.py", READ.replace(b"path", b"name").decode())}
    assert places(left) - places(whole) == elected
    assert places(whole) - places(left) == {row for row in places(whole) if row[0] == "pkg:pypi/alpha"}
    # Shards of origins that neither lost nor gained a row are the same files.
    untouched = [label for label, sha256 in shards_of(shop, after).items() if files.get(label) == sha256]
    assert len(untouched) == len(files) - 2
    desk.withdraw(shop.lake, one.id)
    restored = build(shop.lake, ENGINE, name)
    assert shards_of(shop, restored) == files
    assert before.details["fingerprint"] != restored.details["fingerprint"]
    assert all(verify(shop.lake, name, release.fingerprint).passed for release in list_releases(shop.lake, name))


def test_the_report_tells_how_far_requests_reached_and_when_and_nothing_of_who_asked(shop):
    ask(shop, "origin", "pkg:pypi/alpha")
    ask(shop, "origin", "https://forge.example/nobody/here")
    for name in ("all", "copies"):
        build(shop.lake, ENGINE, shop.specify(name, "deduplicate: {threshold: null}" if name == "copies" else "{}"))
    model = (Path(__file__).parents[3] / "dbt/models/marts/opt_out_report.sql").read_text()
    with shop.lake.sql() as connection:
        tables = re.sub(r"\{\{ source\('(\w+)', '(\w+)'\) \}\}", lambda found: SCHEMAS[found[1]] + found[2], model)
        report = connection.sql(tables).pl()
    [row] = report.to_dicts()
    told = {name: row[name] for name in ("scope", "state", "requests", "named", "files_left_out", "applied", "days_to_release")}
    # Five files of alpha's two releases, once for both datasets; the request came on the day after their last slice.
    assert told == {
        "scope": "origin",
        "state": "verified",
        "requests": 2,
        "named": 2,
        "files_left_out": 5,
        "applied": 1,
        "days_to_release": 0.0,
    }
    assert CONTACT["contact"] not in str(row)


def test_a_content_goes_wherever_it_is_and_what_resembles_it_is_listed_for_review(world):
    fork = READ.replace(b"path", b"name")
    world.add("https://forge.example/a/one", {"io.py": READ}, source="git", date=1_400_000_000)
    world.add("https://forge.example/b/fork", {"io.py": READ, "more.py": b"x = 1\n"}, source="git")
    world.add("pkg:pypi/vendoring", {"vendor/io.py": READ, "near.py": fork})
    world.pair(READ, fork, 0.9)
    world.passed()
    content = f"swh:1:cnt:{hashlib.sha1(b'blob %d' % len(READ) + bytes(1) + READ, usedforsecurity=False).hexdigest()}"
    one = ask(world, "content", content)
    left = rows_of(world, build(world.lake, ENGINE, world.specify("all", "{}")))
    assert sorted(left["path"]) == ["more.py", "near.py"]
    [similar] = review(world.lake, one, visited_trees(world.lake))
    assert (similar.kind, similar.content, similar.origin, similar.path) == ("similar", content, "pkg:pypi/vendoring", "near.py")


def test_the_whole_story_of_a_content_tells_who_leaves_it_out(world):
    world.add("https://forge.example/a/one", {"io.py": READ}, source="git", date=1_400_000_000)
    world.add("https://forge.example/b/two", {"lib/io.py": READ}, source="git", date=1_500_000_000)
    world.passed()
    content = f"swh:1:cnt:{content_id(READ).hex()}"
    assert explain(world.lake, content)["opt_outs"] == []
    origin = ask(world, "origin", "https://forge.example/a/one")
    path = ask(world, "path", "lib/", within="https://forge.example/b/two", saw=None)
    everywhere = ask(world, "content", content)
    told = explain(world.lake, content)
    assert told["opt_outs"] == sorted(
        [
            {"reason": f"opt-out {origin.id} (verified)", "origin": "https://forge.example/a/one", "path": "io.py"},
            {"reason": f"opt-out {path.id} (quarantined)", "origin": "https://forge.example/b/two", "path": "lib/io.py"},
            {"reason": f"opt-out {everywhere.id} (verified)", "origin": None, "path": None},
        ],
        key=lambda row: row["reason"],
    )
    text = render(told)
    assert f"opt-out {everywhere.id} (verified): in no dataset that is built from now on, wherever it is" in text
    assert (
        f"opt-out {origin.id} (verified): in no dataset that is built from now on, at https://forge.example/a/one  io.py" in text
    )


def test_marts_name_nothing_that_is_opted_out_and_lose_no_other_row(shop):
    marts = shop.settings.marts
    marts.mkdir(parents=True)
    with shop.lake.sql() as connection:
        connection.sql("select swhid, length from content").pl().write_parquet(marts / "popular_content_name.parquet")
        connection.sql("select 1 as files").pl().write_parquet(marts / "license_funnel.parquet")
    before = pl.read_parquet(marts / "popular_content_name.parquet")
    with duckdb.connect(str(shop.settings.catalogue)) as catalogue:
        catalogue.execute("create schema marts")
        catalogue.register("before", before.to_arrow())
        catalogue.execute("create table marts.popular_content_name as from before")
    ask(shop, "origin", "pkg:pypi/alpha")
    trees = visited_trees(shop.lake)
    out = hidden(shop.lake, resolve(shop.lake, ledger.read(shop.lake).effective, trees), trees)
    assert leave_out(shop.settings, out) == out.height > 0
    gone = [f"swh:1:cnt:{content.hex()}" for content in out["content"]]
    after = pl.read_parquet(marts / "popular_content_name.parquet")
    assert after.equals(before.filter(~pl.col("swhid").is_in(gone)))
    with duckdb.connect(str(shop.settings.catalogue)) as catalogue:
        assert sorted(catalogue.sql("select swhid from marts.popular_content_name").fetchall()) == sorted(
            after.select("swhid").rows()
        )
    assert leave_out(shop.settings, out) == 0


def test_no_picture_is_drawn_of_what_is_opted_out(shop):
    swhids = [f"swh:1:cnt:{content_id(data).hex()}" for data in (READ, READ.replace(b"path", b"name"))]
    pair = {"name": "a ~ b", "similarity": 0.9, "a": swhids[0], "b": swhids[1]}
    assert "```diff" in differences(shop.lake, [pair])[0]
    one = ask(shop, "content", swhids[1])
    assert differences(shop.lake, [pair]) == ["**0.90** a \\~ b\n\nopted out"]
    desk.withdraw(shop.lake, one.id)
    (shop.settings.opt_out / "head.json").write_text("{")
    assert differences(shop.lake, [pair]) == []


def test_a_project_is_named_at_no_origin_that_is_opted_out(world):
    manifest = b'{"name": "tool", "license": "MIT"}'
    for origin in ("https://forge.example/a/one", "https://forge.example/b/two"):
        world.add(origin, {"package.json": manifest}, source="git")
    annotator = current(world.settings)["project_metadata"]
    world.lake.register(annotator.table)
    said = {"digest": annotator.digest, "content": content_id(manifest), "name": b"package.json", "project": "tool"}
    world.rows[annotator.table.name].append(said)
    world.passed()

    def origins():
        with world.lake.sql() as connection:
            return [origin for (origin,) in connection.sql("select origin from project order by 1").fetchall()]

    assert origins() == ["https://forge.example/a/one", "https://forge.example/b/two"]
    ask(world, "origin", "https://forge.example/a/one")
    assert origins() == ["https://forge.example/b/two"]


def test_a_claimant_who_splits_a_long_list_is_held_like_one_who_does_not(shop):
    asked = [ask(shop, "origin", *(f"https://forge.example/{at}/{part}" for at in range(6)), saw=None) for part in range(2)]
    assert [one.state for one in asked] == ["quarantined", "held"]
    other = Submission((Request("origin", ("https://forge.example/x/y",)),), {"contact": "another@example.org"})
    assert [one.state for one in desk.submit(shop.lake, other, NOON)] == ["quarantined"]


def test_a_content_stays_as_long_as_one_occurrence_of_it_is_eligible(world):
    world.add("https://forge.example/a/one", {"io.py": READ}, source="git", date=1_400_000_000)
    world.add("https://forge.example/b/two", {"io.py": READ}, source="git", date=1_500_000_000)
    world.passed()
    name = world.specify("all", "{}")
    one = ask(world, "origin", "https://forge.example/a/one.git/")
    left = rows_of(world, build(world.lake, ENGINE, name))
    assert left["origin"].to_list() == ["https://forge.example/b/two"]
    [same] = review(world.lake, one, visited_trees(world.lake))
    assert (same.kind, same.origin) == ("same", "https://forge.example/b/two")
    ask(world, "owner", "https://forge.example/b/")
    report = build(world.lake, ENGINE, name)
    assert [check.name for check in report.checks if not check.passed] == ["not_empty"]


def test_paths_are_cut_within_their_origin_only(world):
    world.add("https://forge.example/a/one", {"mine/a.py": b"a = 1\n", "b.py": b"b = 1\n"}, source="git")
    world.add("https://forge.example/a/two", {"mine/c.py": b"c = 1\n"}, source="git")
    world.passed()
    ask(world, "path", "mine/", within="https://forge.example/a/one")
    left = rows_of(world, build(world.lake, ENGINE, world.specify("all", "{}")))
    assert sorted(left["path"]) == ["b.py", "mine/c.py"]


def test_paths_of_a_package_begin_below_the_folder_that_wraps_it(world):
    world.add("pkg:pypi/one", {"one-1.0/src/a.py": b"a = 1\n", "one-1.0/setup.py": b"b = 1\n"})
    world.add("pkg:pypi/two", {"src/c.py": b"c = 1\n", "two/src/d.py": b"d = 1\n"})
    world.passed()
    ask(world, "path", "src/", within="pkg:pypi/one")
    ask(world, "path", "src/", "two/s?c/d.*", within="pkg:pypi/two")
    left = rows_of(world, build(world.lake, ENGINE, world.specify("all", "{}")))
    assert left["path"].to_list() == ["one-1.0/setup.py"]


def test_a_pattern_with_many_stars_costs_no_more_than_another(world):
    files = {f"{'a' * 120}/{number}.py": b"a = 1\n" for number in range(50)}
    world.add("https://forge.example/a/one", files | {b"\xff(a+).py": b"b = 1\n"}, source="git")
    world.passed()
    one = ask(world, "path", "*a" * 60 + "b", "\u00ff(a+).py", within="https://forge.example/a/one", saw=None)
    assert one.state == "quarantined"
    start = time.process_time()
    assert contents_of(world.lake, one, visited_trees(world.lake)).height == 0
    assert time.process_time() - start < 5
    [name] = desk.submit(world.lake, Submission((Request("path", ("?(a+).py",), "https://forge.example/a/one"),), CONTACT), NOON)
    assert contents_of(world.lake, name, visited_trees(world.lake)).height == 1


# A file of a repository, and whether it takes the repository out.
MARKERS = [
    ({".ai-train.json": b'{"train": false}'}, True),
    ({".ai-train.json": b'{"train": true}'}, False),
    ({".ai-train.json": b"please do not"}, True),
    ({".well-known/tdmrep.json": b'[{"location": "/", "tdm-reservation": 1}]'}, True),
    ({".well-known/tdmrep.json": b'[{"location": "/docs", "tdm-reservation": 1}]'}, False),
    ({".well-known/tdmrep.json": b'[{"location": "/*", "tdm-reservation": 0}]'}, False),
    ({".well-known/tdmrep.json": b'[{"location": "/", "tdm-reservation": "1"}]'}, True),
    ({".well-known/tdmrep.json": b'[{"location": "/", "tdm-reservation": 2}]'}, True),
    ({".well-known/tdmrep.json": b'[{"location": "/**", "tdm-reservation": 1}]'}, True),
    ({".well-known/tdmrep.json": b'[{"location": ["/"], "tdm-reservation": 1}]'}, True),
    ({".well-known/tdmrep.json": b"{}"}, True),
    ({".ai-train.json": b'{"train": false, "train": true}'}, True),
    ({"vendored/.ai-train.json": b'{"train": false}'}, False),
]


def test_a_marker_in_the_one_folder_that_an_archive_has_everything_in_is_honoured(world):
    marked = {"tool-1/a.py": b"a = 1\n", "tool-1/.ai-train.json": b'{"train": false}'}
    world.add("file:///archives/tool-1.tar.gz", marked, source="path")
    world.add("file:///archives/other.tar.gz", {"b.py": b"b = 1\n", "tool-1/.ai-train.json": b'{"train": false}'}, source="path")
    world.passed()
    left = rows_of(world, build(world.lake, ENGINE, world.specify("all", "languages: [Python]")))
    assert left["path"].to_list() == ["b.py"]


def test_a_repository_is_left_out_by_whichever_address_it_was_cloned(world):
    world.add("git@github.com:Me/tool.git", {"a.py": b"a = 1\n"}, source="git")
    world.add("ssh://git@github.com/me/tool2", {"c.py": b"c = 1\n"}, source="git")
    world.add("git@github.com:you/tool.git", {"b.py": b"b = 1\n"}, source="git")
    world.passed()
    ask(world, "origin", "https://github.com/me/tool")
    ask(world, "owner", "https://github.com/me/")
    left = rows_of(world, build(world.lake, ENGINE, world.specify("all", "{}")))
    assert left["path"].to_list() == ["b.py"]


def test_a_marker_in_the_code_is_honoured_when_archived(world):
    for number, (marker, _) in enumerate(MARKERS):
        world.add(f"https://forge.example/a/{number}", {f"{number}.py": b"a = %d\n" % number, **marker}, source="git")
    world.add("https://forge.example/b/none", {"none.py": b"b = 1\n"}, source="git")
    world.passed()
    left = rows_of(world, build(world.lake, ENGINE, world.specify("all", "languages: [Python]")))
    expected = {f"{number}.py" for number, (_, out) in enumerate(MARKERS) if not out}
    assert set(left["path"]) == {*expected, "none.py"}


def test_an_old_release_that_is_brought_in_later_does_not_take_a_marker_back(world):
    marked = {"a.py": b"a = 2\n", ".ai-train.json": b'{"train": false}'}
    world.add("pkg:pypi/one", marked, version="2.0", date=1_600_000_000)
    world.add("pkg:pypi/one", {"a.py": b"a = 1\n"}, version="1.0", date=1_500_000_000, day="2026-01-02")
    world.add("pkg:pypi/two", {"b.py": b"b = 1\n"})
    world.passed()
    left = rows_of(world, build(world.lake, ENGINE, world.specify("all", "languages: [Python]")))
    assert left["path"].to_list() == ["b.py"]


def test_any_order_of_requests_gives_the_same_rows_and_a_repeated_one_changes_nothing(shop):
    asked = [("origin", "pkg:pypi/alpha"), ("origin", "pkg:npm/beta")]
    name = shop.specify("all", "{}")
    found = []
    for order in itertools.permutations(asked):
        taken = [ask(shop, scope, value) for scope, value in order]
        found.append(places(rows_of(shop, build(shop.lake, ENGINE, name))))
        with pytest.raises(Exception, match="asked for before"):
            ask(shop, *order[0])
        for one in taken:
            desk.withdraw(shop.lake, one.id)
    assert found[0] == found[1]
    assert {origin for origin, _, _ in found[0]} == {"https://forge.example/eve/gamma"}


def test_a_claim_takes_effect_at_once_and_a_refused_one_comes_back(shop):
    name = shop.specify("all", "{}")
    one = ask(shop, "origin", "pkg:npm/beta", saw=None)
    assert (one.state, one.rung) == ("quarantined", "claimed")
    assert "index.js" not in rows_of(shop, build(shop.lake, ENGINE, name))["path"].to_list()
    desk.refuse(shop.lake, one.id, "not theirs")
    assert "index.js" in rows_of(shop, build(shop.lake, ENGINE, name))["path"].to_list()


def test_of_several_releases_of_a_day_the_last_is_the_one_that_was_built_last(shop):
    """By fingerprint every other one of them would be."""
    name = shop.specify("all", "{}")
    for number in range(3):
        asked = ask(shop, "origin", "pkg:npm/beta", saw=None)
        for ended in (lambda: None, lambda asked=asked: desk.refuse(shop.lake, asked.id, "not theirs")):
            ended()
            built = build(shop.lake, ENGINE, name).details["fingerprint"]
            assert release(shop.lake, name).fingerprint == list_releases(shop.lake, name)[-1].fingerprint == built
        assert len(list_releases(shop.lake, name)) == 2 * (number + 1)
    shop.specify("all", "{languages: [Python]}")
    build(shop.lake, ENGINE, name)
    shop.specify("all", "{}")
    assert build(shop.lake, ENGINE, name).details["fingerprint"] == built
    assert release(shop.lake, name).fingerprint == built, "the same as before, which is the last again"


def test_the_challenge_is_found_in_the_archive_and_is_the_evidence(world):
    world.add("https://forge.example/a/one", {"a.py": b"a = 1\n"}, source="git")
    world.passed()
    one = ask(world, "origin", "https://forge.example/a/one", saw=None)
    with pytest.raises(Exception, match=r"has no archived \.codecommons-opt-out with the line"):
        desk.verify(world.lake, one.id, visited_trees(world.lake))
    files = {"a.py": b"a = 1\n", ".codecommons-opt-out": f"# ours\n{one.id}\n".encode()}
    world.add("https://forge.example/a/one", files, source="git", version="2", day="2026-01-02")
    world.passed()
    verified = desk.verify(world.lake, one.id, visited_trees(world.lake))
    assert (verified.state, verified.rung) == ("verified", "challenge")
    assert verified.evidence[0].startswith("swh:1:rev:")


@pytest.mark.parametrize("how", ["edited", "truncated", "unread", "gone"])
def test_no_release_is_made_over_a_ledger_that_is_broken_stale_or_unread(shop, how):
    name = shop.specify("all", "{}")
    ask(shop, "origin", "pkg:pypi/alpha")
    table = Path(shop.settings.lake, "opt_out_ledger")
    if how == "edited":
        newest = max(table.glob("part-*.parquet"), key=lambda path: path.stat().st_mtime_ns)
        frame = pl.read_parquet(newest)
        frame.with_columns(entry=pl.col("entry").str.replace("human", "accou")).write_parquet(newest)
    elif how == "truncated":
        (table / "_delta_log" / f"{2:020}.json").unlink()
    elif how == "unread":
        (shop.settings.opt_out / "inbox").mkdir()
        (shop.settings.opt_out / "inbox" / "mail.yaml").write_text("scope: origin")
    else:
        for path in table.glob("part-*.parquet"):
            path.unlink()
    with pytest.raises(GateError, match="opt-out"):
        build(shop.lake, ENGINE, name)
    assert list_releases(shop.lake, name) == []


def test_a_receipt_holds_without_the_lake_and_not_when_any_byte_is_changed(shop):
    name = shop.specify("all", "{}")
    build(shop.lake, ENGINE, name)
    # A release that is made while the request waits does not honour it.
    [one] = desk.submit(shop.lake, Submission((Request("origin", ("pkg:pypi/alpha",)),), CONTACT | {"account": "eve"}), NOON)
    assert one.state == "held"
    build(shop.lake, ENGINE, name)
    desk.verify(shop.lake, one.id, visited_trees(shop.lake), "checked by a test")
    build(shop.lake, ENGINE, name)
    receipt = receipts.prove(shop.lake, one.id, visited_trees(shop.lake), published(shop.lake))
    key = signing.public_file(shop.settings).read_bytes()
    found = check(receipt, key)
    assert found.problems == ()
    [release] = found.statement["predicate"]["releases"]
    assert [proof["text"] for proof in release["absent"]["origins"]] == ["pkg:pypi/alpha"]
    assert len(release["absent"]["swhids"]) == found.statement["predicate"]["contents"] == 4
    assert len(found.statement["predicate"]["releases_before"]) == 2
    assert (shop.settings.home / "keys" / "receipts.pem").stat().st_mode & 0o777 == 0o600
    assert b"someone@example.org" not in receipt
    for at in range(0, len(receipt), 13):
        assert check(receipt[:at] + bytes([receipt[at] ^ 1]) + receipt[at + 1 :], key).problems
    assert check(receipt + b" ", key).problems
    # Nobody with the key can pass what isn't absent off as absent.
    forged = json.loads(json.dumps(found.statement))
    forged["predicate"]["releases"][0]["absent"]["origins"][0]["text"] = "pkg:npm/beta"
    assert check(signing.sealed(signing.signing_key(shop.settings), forged), key).problems == (
        f"{release['name']}: pkg:npm/beta is not shown to be absent",
        f"{release['name']}: nothing is said of pkg:pypi/alpha",
    )
    forged = json.loads(json.dumps(found.statement))
    forged["predicate"]["releases"][0]["merkle"]["origins"]["leaves"] += 1
    assert check(signing.sealed(signing.signing_key(shop.settings), forged), key).problems


def test_a_receipt_that_passes_over_what_was_asked_for_does_not_hold(shop):
    name = shop.specify("all", "{}")
    build(shop.lake, ENGINE, name)
    content = hashlib.sha1(b"blob 28\0" + b"console.log('nowhere in it')\n"[:28]).hexdigest()
    asked = [ask(shop, "origin", "pkg:pypi/alpha"), ask(shop, "content", f"swh:1:cnt:{content}")]
    build(shop.lake, ENGINE, name)
    key, pem = signing.signing_key(shop.settings), signing.public_file(shop.settings).read_bytes()

    def problems(receipt, *path, value):
        forged = json.loads(json.dumps(check(receipt, pem).statement))
        place = forged["predicate"]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        return check(signing.sealed(key, forged), pem).problems

    of_origin, of_content = (receipts.prove(shop.lake, one.id, visited_trees(shop.lake), published(shop.lake)) for one in asked)
    assert check(of_origin, pem).problems == check(of_content, pem).problems == ()
    assert problems(of_origin, "releases", value=[]) == ("it speaks of no release",)
    assert "nothing is said of pkg:pypi/alpha" in problems(of_origin, "releases", 0, "absent", "origins", value=[])[0]
    assert "nothing is said of 4 contents" in problems(of_origin, "releases", 0, "absent", "swhids", value=[])[0]
    assert "nothing is said of pkg:npm/beta" in problems(of_origin, "request", "values", value=["pkg:npm/beta"])[0]
    assert "nothing is said of swh:1:cnt:" in problems(of_content, "releases", 0, "absent", "swhids", value=[])[-1]
    assert problems(of_content, "releases", 0, "elsewhere", value=[f"swh:1:cnt:{content}"]) == ()
    forged = json.loads(json.dumps(check(of_content, pem).statement))
    forged["predicate"]["releases"][0] |= {"absent": {"swhids": [], "origins": []}, "elsewhere": [f"swh:1:cnt:{content}"]}
    assert "nothing is said of swh:1:cnt:" in check(signing.sealed(key, forged), pem).problems[0]


def test_there_is_no_receipt_for_a_request_that_fits_nothing(shop):
    one = ask(shop, "path", "no/such/folder/", within="pkg:pypi/alpha")
    build(shop.lake, ENGINE, shop.specify("all", "{}"))
    with pytest.raises(UsageError, match="fits nothing that the lake has: look at its spelling"):
        receipts.prove(shop.lake, one.id, visited_trees(shop.lake), published(shop.lake))


def test_who_asks_is_nowhere_in_the_lake(shop):
    ask(shop, "origin", "pkg:pypi/alpha")
    build(shop.lake, ENGINE, shop.specify("all", "{}"))
    lake, kept = Path(shop.settings.lake), list((shop.settings.opt_out / "claimants").glob("*.json"))
    for file in (path for path in lake.rglob("*") if path.is_file()):
        assert b"someone@example.org" not in file.read_bytes()
    assert b"someone@example.org" not in ledger.read(shop.lake).head.encode()
    assert [file.stat().st_mode & 0o777 for file in kept] == [0o600]
    assert b"someone@example.org" in kept[0].read_bytes()


def test_a_directory_goes_wherever_it_stands_with_everything_below(world):
    files = {"lib/mine/a.py": b"a = 1\n", "lib/mine/b/c.py": b"c = 1\n", "lib/mine2/d.py": b"d = 1\n"}
    world.add("https://forge.example/a/one", {name.removeprefix("lib/"): data for name, data in files.items()}, source="git")
    world.add("https://forge.example/b/vendoring", {**files, "copy.py": b"a = 1\n"}, source="git")
    mine, lib = b"\1" * 20, b"\2" * 20
    visited = {row["origin"]: row["snapshot"] for row in world.news["2026-01-01", "git"]}
    heads = {row["snapshot_id"]: row["target"] for row in world.rows["snapshot_branch"]}
    roots = {
        origin: name["directory"] for origin, at in visited.items() for name in world.rows["revision"] if name["id"] == heads[at]
    }
    for parent, name, target in (
        (roots["https://forge.example/a/one"], b"mine", mine),
        (roots["https://forge.example/b/vendoring"], b"lib", lib),
        (lib, b"mine", mine),
    ):
        world.rows["directory_entry"].append(
            {"directory_id": parent, "name": name, "type": "dir", "target": target, "perms": 0o40000}
        )
    world.passed()
    one = ask(world, "directory", f"swh:1:dir:{mine.hex()}")
    left = rows_of(world, build(world.lake, ENGINE, world.specify("all", "{}")))
    assert sorted(path.rpartition("/")[2] for path in left["path"]) == ["copy.py", "d.py"]
    assert [(copy.kind, copy.path) for copy in review(world.lake, one, visited_trees(world.lake))] == [("same", "copy.py")]


def test_what_an_author_wrote_first_goes_wherever_it_went_since(world):
    author, other = hashlib.sha256(b"A <a@example.org>").digest(), hashlib.sha256(b"B <b@example.org>").digest()
    files = {"a.py": b"a = 1\n", "b.py": b"b = 1\n"}
    world.add("https://forge.example/a/one", files, source="git")
    world.add("pkg:pypi/copy", {"pkg/a.py": b"a = 1\n", "c.py": b"c = 1\n"})
    content = {row["path"]: row["content"] for row in world.rows["tree_file"]}
    plain = world.rows["revision"][0]
    for at, (who, date, path) in enumerate(
        [(author, 10, b"a.py"), (other, 20, b"a.py"), (other, 5, b"b.py"), (author, 30, b"b.py")]
    ):
        revision = bytes([at]) * 20
        world.rows["revision"].append({**plain, "id": revision, "author": who, "date": {"seconds": date, "microseconds": 0}})
        world.rows["introduced"].append({"revision": revision, "parents": 0, "path": path, "content": content[path]})
    world.passed()
    ask(world, "author", author.hex())
    left = rows_of(world, build(world.lake, ENGINE, world.specify("all", "{}")))
    assert sorted(left["path"]) == ["b.py", "c.py"]


def test_the_ledger_and_its_receipts_are_the_same_on_s3(remote_world):
    remote_world.add("pkg:pypi/one", {"a.py": b"a = 1\n"})
    remote_world.add("pkg:pypi/two", {"b.py": b"b = 1\n"})
    remote_world.passed()
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda at: ask(remote_world, "origin", f"pkg:pypi/other{at}", saw=None), range(3)))
    one = ask(remote_world, "origin", "pkg:pypi/one")
    assert len(ledger.read(remote_world.lake).entries) == 5
    build(remote_world.lake, ENGINE, remote_world.specify("all", "{}"))
    lake = remote_world.lake
    receipt = receipts.prove(lake, one.id, visited_trees(lake), published(lake))
    assert check(receipt, signing.public_file(remote_world.settings).read_bytes()).problems == ()
    with lake.sql() as connection:
        states = connection.sql('select scope, "values", state, evidence from opt_out order by sequence').fetchall()
    assert states[-1] == ("origin", ["pkg:pypi/one"], "verified", ["checked by a test"])
    assert [state for _, _, state, _ in states] == ["quarantined"] * 3 + ["verified"]


def test_no_public_view_shows_what_is_opted_out_and_none_answers_over_a_broken_ledger(shop):
    def ask_sql(query):
        with shop.lake.sql() as connection:
            return connection.sql(query).fetchall()

    seen = "select origin, path from file order by all"
    before, contents = ask_sql(seen), ask_sql("select count(*) from content")[0][0]
    assert {origin for origin, _ in before} >= {"pkg:pypi/alpha", "pkg:npm/beta"}
    build(shop.lake, ENGINE, shop.specify("all", "{}"))
    mine, others = (f"select content from file where origin {sign} 'pkg:pypi/alpha'" for sign in ("=", "<>"))
    hidden = [swhid for (swhid,) in ask_sql(f"{mine} except {others}")]

    def shown():
        """How many rows of each public view name one of the contents."""
        with shop.lake.sql() as connection:
            found = connection.sql("select view_name from duckdb_views() where schema_name = 'main' and not internal").fetchall()
            texts = {name: str(connection.sql(f"from {name}").fetchall()) for (name,) in found}
        return {name: sum(swhid in text for swhid in hidden) for name, text in sorted(texts.items())}

    everything = shown()
    assert sum(map(bool, everything.values())) > 10
    one = ask(shop, "origin", "pkg:pypi/alpha")
    assert {name: count for name, count in shown().items() if count} == {}
    assert ask_sql(seen) == [row for row in before if row[0] != "pkg:pypi/alpha"]
    assert ask_sql("select count(*) from content")[0][0] == ask_sql("select count(*) from content_data")[0][0] == contents - 4
    assert ask_sql("select count(*) from origin where url = 'pkg:pypi/alpha'") == [(0,)]
    desk.withdraw(shop.lake, one.id)
    assert ask_sql(seen) == before
    assert shown() == everything
    (shop.settings.opt_out / "head.json").write_text("{")
    with pytest.raises(Exception, match="remembers how long the opt-out ledger was"):
        ask_sql(seen)
    assert ask_sql("select count(*) from slice_log")[0][0] > 0
