# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import dataclasses
import datetime as dt
import hashlib
import json
import re
import shutil
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codecommons.annotate import current
from codecommons.datasets import build, list_releases, plan, specification, verify
from codecommons.datasets.build import _checks
from codecommons.datasets.inputs import resolve
from codecommons.datasets.losses import LOST
from codecommons.datasets.rows import MARKS, ROW
from codecommons.datasets.selection import Selection, globs
from codecommons.datasets.shards import Shard
from codecommons.datasets.specification import parse
from codecommons.engine import local_engine
from codecommons.engine.local import InlineEngine, PoolEngine
from codecommons.errors import GateError, UsageError
from codecommons.lake import Lake, SliceInput
from codecommons.report import StageReport
from codecommons.swhid import Swhid, content_id
from codecommons_dagster.lines import of_plan

ENGINE = InlineEngine()
COPIED = b"int main(void) {\n    return 42;\n}\n"
OTHER = "swh:1:cnt:" + "0" * 40 + " of pkg:pypi/other"
# A tiny group may be copies, a large one nearly all of it, and an origin (a fork, say) altogether.
SMALL_LOSSES = [
    ("language", "V", 99, 99, OTHER, 9),
    ("language", "Python", 100, 95, OTHER, 9),
    ("origin", "a fork", 1000, 1000, OTHER, 9),
]


def rows_of(world, report):
    return pl.read_parquet(f"{world.settings.lake}/{report.details['folder']}/data/*.parquet")


def files_of(world, report):
    root = Path(world.settings.lake, report.details["folder"])
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def failing(report):
    return {check.name: check.description for check in report.checks if not check.passed}


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("files_conserved", {"rows_in": 4}),
        ("not_empty", {"rows": []}),
        ("policy_honoured", {"rows": [(b"a", "permissive"), (b"b", "copyleft"), (b"c", "permissive")]}),
        ("policy_honoured", {"rows": [(b"a", "permissive"), (b"b", None), (b"c", "permissive")]}),
        ("policy_honoured", {"against": ["swh:1:cnt:" + "0" * 40 + " is permissive, and it states GPL-3.0-only"]}),
        ("no_benchmark_item", {"tested": ["swh:1:cnt:" + "0" * 40]}),
        ("nothing_left_to_redact", {"revealing": ["swh:1:cnt:" + "0" * 40]}),
        ("shards_readable", {"unreadable": ["0-0.parquet does not hold the rows that were written to it"]}),
        ("no_duplicates", {"rows": [(b"a", "permissive"), (b"a", "permissive"), (b"c", "permissive")]}),
        ("bytes_rehash", {"damaged": ["swh:1:cnt:" + "0" * 40]}),
        ("opt_out_honoured", {"opted_out": [("swh:1:cnt:" + "0" * 40, "an author's")]}),
        ("nothing_wiped_out", {"lost": [("language", "Python", 100, 96, OTHER, 9)]}),
        ("nothing_wiped_out", {"lost": [("source", "pypi", 1000, 951, OTHER, 9)]}),
        ("counts_agree", {"counted": 2}),
        ("counts_agree", {"documents": {"README.md": 3, "croissant.json": 2}}),
        ("counts_agree", {"documents": {"README.md": None}}),
    ],
)
def test_a_release_that_breaks_a_promise_turns_its_check_red(shop, check, change):
    asked = specification(shop.settings, shop.specify("all", "shard: {bits: 6}"))
    three = [(content, "permissive") for content in (b"a", b"b", b"c")]
    told = {
        "rows_in": 3,
        "rows": three,
        "damaged": [],
        "opted_out": [],
        "counted": 3,
        "lost": SMALL_LOSSES,
        "against": [],
        "tested": [],
        "revealing": [],
        "documents": {},
        "unreadable": [],
        **change,
    }
    rows = pl.DataFrame(told["rows"], schema={"content": pl.Binary, "license_type": pl.String}, orient="row")
    manifest = rows.with_columns(swhid=pl.lit("swh:1:cnt:" + "1" * 40))
    rows_in, counted = (told["rows_in"], told["counted"]) if manifest.height else (0, 0)
    report = StageReport("training_shards", "2026-01-03", "all", rows_in=rows_in, rows_kept=manifest.height)
    selection = Selection(manifest, pl.DataFrame(), (), rows_in, 0, pl.DataFrame(told["lost"], schema=LOST, orient="row"))
    written = [
        Shard(
            "a", "", counted, 0, 0, pa.table({}), tuple(told["damaged"]), tuple(told["revealing"]), unreadable=told["unreadable"]
        )
    ]
    opted_out = pl.DataFrame(told["opted_out"], schema=["swhid", "opt_out"], orient="row")
    found = _checks(report, asked, selection, manifest, written, opted_out, told["against"], told["tested"], told["documents"])
    assert {one.name for one in found if not one.passed} == {check}


def test_a_specification_becomes_a_published_release(shop):
    report = build(shop.lake, ENGINE, shop.specify("all", "{}"))
    assert failing(report) == {}
    assert report.conserved
    rows = rows_of(shop, report)
    assert rows.schema.names() == ROW.names
    assert sorted(rows["path"]) == ["README", "a;b%\n.py", "alpha/__init__.py", "alpha/io.py", "alpha/new.py", "index.js", "�.py"]
    assert shop.lake.log.verdict("2026-01-02", "all", "training_shards")["verdict"] == "passed"
    [one] = list_releases(shop.lake, "all")
    assert one.fingerprint == report.details["fingerprint"]
    assert set(files_of(shop, report)) >= {"README.md", "NOTICE", "manifest.parquet", "fingerprint.json"}


def test_every_row_leads_back_to_bytes_that_rehash(shop):
    rows = rows_of(shop, build(shop.lake, ENGINE, shop.specify("all", "{}")))
    for row in rows.to_dicts():
        swhid = Swhid.parse(row["swhid"])
        data = row["text"].encode(row["encoding"])
        assert content_id(data) == swhid.identifier
        assert len(data) == row["length"]
        assert (swhid.origin, swhid.visit, swhid.anchor) == (row["origin"], row["visit"], row["anchor"])
        assert swhid.path.decode(errors="replace") == "/" + row["path"]
        assert row["redactions"] == []
    assert rows.filter(path="README")["text"].item() == "Grüße\n"
    assert b"/\xff.py" in [Swhid.parse(swhid).path for swhid in rows["swhid"]]


def test_every_candidate_that_is_no_row_has_a_rule_and_evidence(shop):
    report = build(shop.lake, ENGINE, shop.specify("all", "{}"))
    drops = shop.lake.scan("dataset_drop").collect()
    reasons = {(row["path"], row["origin"]): row for row in drops.to_dicts()}
    assert {rule: count.rows for rule, count in report.dropped.items()} == {
        "no_regular_file": 1,
        "binary": 1,
        "license": 1,
        "exact_duplicate": 1,
        "near_duplicate": 1,
    }
    closed = reasons[b"secret.py", "pkg:pypi/closed"]
    assert closed["evidence"][0].startswith("swh:1:dir:")
    assert closed["evidence"][1] == "non_permissive: license-file/non_permissive-license"
    near = reasons[b"io.py", "https://forge.example/eve/gamma"]
    original = b"def read(path):\n    with open(path) as file:\n        return file.read()\n"
    assert near["kept"] == content_id(original)
    assert near["similarity"] == 0.9
    exact = reasons[b"alpha/io.py", "pkg:pypi/alpha"]
    assert exact["kept"] == exact["content"]
    [kept] = map(Swhid.parse, exact["evidence"])
    assert (kept.identifier, kept.origin, kept.path) == (exact["kept"], "pkg:pypi/alpha", b"/alpha/io.py")
    assert kept.anchor == rows_of(shop, report).filter(path="alpha/io.py")["anchor"].item() != exact["anchor"]


def test_near_duplicates_can_be_kept_and_marked_so_that_they_can_be_weighed(shop):
    best = rows_of(shop, build(shop.lake, ENGINE, shop.specify("best", "{}")))
    report = build(shop.lake, ENGINE, shop.specify("marked", "deduplicate: {keep: all}"))
    rows = rows_of(shop, report)
    assert failing(report) == {}
    assert rows.schema.names() == [*ROW.names, "similar_to", "similarity", "copies"]
    assert rows.height == best.height + 1
    assert "near_duplicate" not in report.dropped
    stands = {swhid.partition(";")[0] for swhid in rows.filter(pl.col("similar_to").is_null())["swhid"]}
    assert stands == {swhid.partition(";")[0] for swhid in best["swhid"]}
    [copy] = rows.filter(pl.col("similar_to").is_not_null()).to_dicts()
    assert (copy["origin"], copy["path"], copy["similarity"]) == ("https://forge.example/eve/gamma", "io.py", 0.9)
    assert copy["similar_to"] in stands
    assert rows.filter(path="alpha/io.py")["copies"].to_list() == [2]
    assert verify(shop.lake, "marked").passed
    assert "similar_to" in files_of(shop, report)["README.md"].decode()


def test_a_repository_that_is_nearly_another_is_left_out_as_a_whole(shop):
    asked = "deduplicate: {repositories: 0.25, threshold: null, order: [latest]}"
    report = build(shop.lake, ENGINE, shop.specify("whole", asked))
    assert failing(report) == {}
    gone = shop.lake.scan("dataset_drop").filter(dataset="whole", rule="near_repository").collect()
    assert set(gone["origin"]) == {"pkg:pypi/alpha"}
    assert gone["anchor"].n_unique() == 1
    [evidence] = {one for each in gone["evidence"] for one in each}
    assert evidence.endswith(" of pkg:pypi/alpha")
    assert not evidence.startswith(gone["anchor"][0])
    kept = rows_of(shop, report).filter(origin="pkg:pypi/alpha")["anchor"].unique().to_list()
    assert kept == [evidence.partition(" ")[0]]


def test_a_repository_that_is_nearly_another_can_be_kept_and_marked_as_well(shop):
    plain = rows_of(shop, build(shop.lake, ENGINE, shop.specify("plain", "deduplicate: {keep: all, order: [latest]}")))
    report = build(shop.lake, ENGINE, shop.specify("marked", "deduplicate: {repositories: 0.25, keep: all, order: [latest]}"))
    assert failing(report) == {}
    assert "near_repository" not in report.dropped
    rows = rows_of(shop, report)
    assert rows.schema.names() == [*ROW.names, *MARKS]
    assert rows["swhid"].equals(plain["swhid"])
    marked = rows.filter(pl.col("similar_repository").is_not_null())
    assert set(marked["origin"]) == {"pkg:pypi/alpha"}
    [better] = marked["similar_repository"].unique()
    assert Swhid.parse(better).origin == "pkg:pypi/alpha"
    newest = rows.filter(path="alpha/new.py")["anchor"].item()
    assert better.startswith(newest)
    assert newest not in marked["anchor"].to_list()
    assert marked["repository_similarity"].is_between(0.25, 1, closed="left").all()
    assert "similar_repository" in files_of(shop, report)["README.md"].decode()
    assert verify(shop.lake, "marked").passed


def test_bytes_are_the_same_for_any_number_of_workers_and_any_batch_size(shop):
    shop.specify("all", "{shard: {bits: 3}, deduplicate: {threshold: null}}")
    seen = []
    for workers, batch in ((0, 1 << 25), (1, 64), (2, 1 << 20)):
        settings = dataclasses.replace(shop.settings, workers=workers, batch_bytes=batch)
        engine = PoolEngine(workers) if workers else local_engine(settings)
        report = build(Lake.open(settings), engine, "all")
        seen.append(files_of(shop, report))
        assert report.details["shards"] > 1
        assert report.computed == report.rows_kept
        shutil.rmtree(Path(shop.settings.lake, report.details["folder"]))
    assert seen[0] == seen[1] == seen[2]


def test_the_same_dataset_again_does_nothing_and_says_so(shop):
    first = build(shop.lake, ENGINE, shop.specify("all", "{}"))
    before = {path: path.stat().st_mtime_ns for path in Path(shop.settings.lake, "datasets").rglob("*")}
    again = build(shop.lake, ENGINE, "all")
    assert (again.computed, again.reused) == (0, first.rows_kept)
    assert again.seconds_saved > 0
    assert again.conserved
    assert again.details["fingerprint"] == first.details["fingerprint"]
    assert {path: path.stat().st_mtime_ns for path in Path(shop.settings.lake, "datasets").rglob("*")} == before


@pytest.mark.parametrize("damage", ["missing", "a flipped byte"])
def test_a_damaged_shard_is_noticed_and_built_again(shop, damage):
    first = build(shop.lake, ENGINE, shop.specify("all", "{}"))
    shard = next(Path(shop.settings.lake, first.details["folder"], "data").iterdir())
    rows = pq.read_metadata(shard).num_rows
    good = shard.read_bytes()
    shard.unlink()
    if damage != "missing":
        shard.write_bytes(good[:50] + bytes([good[50] ^ 1]) + good[51:])
    again = build(shop.lake, ENGINE, "all")
    assert (again.computed, again.reused) == (rows, first.rows_kept - rows)
    assert again.details["fingerprint"] == first.details["fingerprint"]
    assert verify(shop.lake, "all").passed


def test_one_new_slice_rewrites_only_the_shards_whose_rows_change(shop):
    shop.specify("all", "{shard: {bits: 4}}")
    first = build(shop.lake, ENGINE, "all")
    shop.add("pkg:pypi/delta", {"delta.py": b"print('new')\n"}, day="2026-01-05", date=1_600_000_000)
    shop.passed()
    second = build(shop.lake, ENGINE, "all")
    assert second.slice == "2026-01-05"
    old, new = ({name for name in files_of(shop, report) if name.startswith("data/")} for report in (first, second))
    [written] = new - old
    assert len(old - new) <= 1
    # The others are copies, and their texts are not read again.
    assert second.details["shards_kept"] == len(new & old) > 2
    assert second.computed == pq.read_metadata(Path(shop.settings.lake, second.details["folder"], written)).num_rows
    assert len(list_releases(shop.lake, "all")) == 2


def test_what_has_an_item_of_a_benchmark_is_left_out_and_the_item_named(shop):
    problem = (
        "def carry(stones, carts):\n    # put each stone on the lightest of all carts that still hold it, or leave it here\n"
    )
    path = shop.settings.home / "puzzles.jsonl"
    path.write_text(json.dumps({"task_id": "P/1", "prompt": problem}) + "\n")
    shop.add("pkg:pypi/leak", {"leak.py": f"{problem}    return None\n".encode(), "fine.py": b"x = 2\n"}, day="2026-01-02")
    shop.passed()
    lines = "decontaminate: {benchmarks: [puzzles]}"
    with pytest.raises(UsageError, match=r"benchmarks has 'puzzles'; let CODECOMMONS_BENCHMARKS name its file"):
        build(shop.lake, ENGINE, shop.specify("clean", lines))
    pointed = Lake.open(dataclasses.replace(shop.settings, benchmarks=(path,)))
    with pytest.raises(GateError, match="have not been through today's enriched_context"):
        build(pointed, ENGINE, "clean")
    annotator = current(pointed.settings)["benchmark_items"]
    pointed.register(annotator.table)
    contents = (
        pointed.scan("content_data")
        .select("sha1_git", "data")
        .collect()
        .to_arrow()
        .cast(pa.schema([("sha1_git", pa.binary()), ("data", pa.binary())]))
    )
    with pointed.staging("test") as area:
        writer = area.writer("test")
        for batch in contents.to_batches():
            writer.add(annotator.table.name, annotator.run(batch))
        pointed.commit(area, [writer.close()], ENGINE)
    report = build(pointed, ENGINE, "clean")
    assert failing(report) == {}
    assert report.dropped["benchmark"].rows == 1
    [gone] = pointed.scan("dataset_drop").filter(pl.col("rule") == "benchmark").collect().to_dicts()
    assert (gone["path"], gone["evidence"]) == (b"leak.py", ["puzzles P/1, 100 % of prompt"])
    assert "fine.py" in rows_of(shop, report)["path"].to_list()
    with pytest.raises(UsageError, match=r"benchmarks has 'puzles'; .*puzzles"):
        build(pointed, ENGINE, shop.specify("typo", "decontaminate: {benchmarks: [puzles]}"))


def test_a_dataset_as_of_a_day_knows_nothing_later(shop):
    report = build(shop.lake, ENGINE, shop.specify("early", "{as_of: 2026-01-01}"))
    assert report.slice == "2026-01-01"
    assert "alpha/new.py" not in rows_of(shop, report)["path"].to_list()
    shop.add("pkg:pypi/delta", {"delta.py": b"print('new')\n"}, day="2026-01-05")
    shop.passed()
    assert build(shop.lake, ENGINE, "early").reused == report.rows_kept


def test_no_dataset_is_of_a_day_to_come(shop):
    tomorrow = (dt.datetime.now(dt.UTC).date() + dt.timedelta(2)).isoformat()
    for day in (tomorrow, "9999-12-31"):
        name = shop.specify("ahead", f"{{as_of: {day}}}")
        for asked in (lambda: build(shop.lake, ENGINE, "ahead"), lambda: plan(shop.lake, specification(shop.settings, "ahead"))):
            with pytest.raises(UsageError, match=f"dataset {name}: as_of is {day}, and it is .*; name no day to come"):
                asked()
    # What is in the lake is of the past, whatever a clock says.
    shop.add("pkg:pypi/delta", {"delta.py": b"print('new')\n"}, day=tomorrow)
    shop.passed()
    assert build(shop.lake, ENGINE, shop.specify("ahead", f"{{as_of: {tomorrow}}}")).slice == tomorrow


def test_of_thousands_of_patterns_a_name_has_to_fit_one(shop):
    texts = ["alpha/io.py", "setup.py", "a.c", "Makefile", "[x].py", "a|b", "new\nline.v", "İ.rs", "x.tar.gz", ""]
    patterns = ["*.v", "make*", "[x].??", "a|?", "*.tar.*", "?.rs", *(f"*_{number}.py" for number in range(3000))]
    found = globs(patterns)
    assert len(found) < 10
    fits = pl.DataFrame({"text": texts}).select(pl.any_horizontal(pl.col("text").str.contains(one) for one in found)).to_series()
    assert fits.to_list() == [False, False, False, False, True, True, True, True, True, False]
    # An expression of wildcards alone is the largest that there is.
    wild = [f"{number:02}{sign * 998}" for number in range(20) for sign in "*?"]
    assert not any(pl.Series(["text"]).str.contains(one).item() for one in globs(wild))


def test_a_content_first_seen_where_it_is_not_eligible_is_a_conflict_everywhere(world):
    stolen = b"int main(void) { return 42; }\n"
    world.add("pkg:pypi/later", {"main.c": stolen}, date=1_600_000_000)
    world.add(
        "pkg:npm/first", {"src/main.c": stolen}, source="npm", date=1_200_000_000, verdict="copyleft", license="GPL-3.0-only"
    )
    world.add("pkg:npm/undated", {"copy.c": stolen}, source="npm", date=-5)
    world.passed()
    report = build(world.lake, ENGINE, world.specify("all", "{}"))
    assert {rule: count.rows for rule, count in report.dropped.items()} == {"license": 1, "conflict": 2}
    assert "the rule conflict left out the last 2 files" in failing(report)["not_empty"]
    both = world.specify("both", "{license: {accept: [permissive, copyleft]}, deduplicate: {order: [earliest]}}")
    first = rows_of(world, build(world.lake, ENGINE, both))["swhid"].item()
    assert Swhid.parse(first).origin == "pkg:npm/first"
    drops = world.lake.scan("dataset_drop").filter(pl.col("rule") == "exact_duplicate").collect()
    assert drops["evidence"].list.first().str.contains("origin=pkg:npm/first", literal=True).all()


@pytest.mark.parametrize(
    "copy", [COPIED.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + COPIED, COPIED.replace(b"{", b"{  ") + b"\n\n"]
)
def test_a_copy_with_other_line_ends_is_a_copy(world, copy):
    world.add("pkg:pypi/later", {"main.c": copy}, date=1_600_000_000)
    world.add("pkg:pypi/own", {"other.c": b"int other;\n"}, date=1_600_000_000)
    world.add(
        "pkg:npm/first", {"src/main.c": COPIED}, source="npm", date=1_200_000_000, verdict="copyleft", license="GPL-3.0-only"
    )
    world.passed()
    report = build(world.lake, ENGINE, world.specify("all", "{}"))
    assert rows_of(world, report)["path"].to_list() == ["other.c"]
    [drop] = world.lake.scan("dataset_drop").filter(pl.col("rule") == "conflict").collect().to_dicts()
    assert Swhid.parse(drop["evidence"][0]).identifier == content_id(COPIED)
    assert "origin=pkg:npm/first" in drop["evidence"][0]


def test_a_date_before_1970_or_after_its_visit_does_not_make_a_first_occurrence(world):
    shared = b"shared = True\n"
    for name, date in (("past", -10), ("epoch", 0), ("future", 4_000_000_000), ("none", None)):
        world.add(f"pkg:pypi/{name}", {"shared.py": shared, f"{name}.py": b""}, date=date, verdict="unknown", license=None)
    world.add("pkg:pypi/real", {"shared.py": shared}, date=1_700_000_000)
    world.passed()
    report = build(world.lake, ENGINE, world.specify("all", "{}"))
    assert rows_of(world, report)["path"].to_list() == ["shared.py"]


def test_what_is_not_decided_not_annotated_not_verified_or_not_here_is_left_out(world):
    files = {"good.py": b"a = 1\n", "big.py": b"b = 2\n", "odd.py": b"c = 3\n", "mystery.py": b"d = 4\n"}
    world.add("pkg:pypi/mixed", files, skip=("big.py",), unverified=("odd.py",), undecided=("mystery.py",))
    world.passed()
    report = build(world.lake, ENGINE, world.specify("all", "{}"))
    assert rows_of(world, report)["path"].to_list() == ["good.py"]
    assert {rule: count.rows for rule, count in report.dropped.items()} == {"no_bytes": 1, "unverified": 1, "license": 1}
    assert world.lake.scan("dataset_drop").filter(pl.col("rule") == "no_bytes").collect()["evidence"].to_list() == [["too-large"]]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("sources: npm", ["index.js"]),
        ("sources: ['pkg:npm/*', 'https://*/eve/*']", ["a;b%\n.py", "index.js", "io.py", "�.py"]),
        ("languages: [JavaScript]", ["index.js"]),
        ("names: ['*.js', 'READ?E']", ["README", "index.js"]),
        ("where: path like 'alpha/%' and length > 0", ["alpha/io.py", "alpha/new.py"]),
        ("where: words > 5 and comments < 0.1 and not telling_name", ["alpha/io.py"]),
        ("where: telling_name", ["README"]),
        ("filters: {min_length: 70}", ["alpha/io.py"]),
        ("filters: {max_lines: 1, min_alphabetic: 0.9}", []),
        (
            "exclude: [vendored, test, generated, documentation]",
            ["a;b%\n.py", "alpha/__init__.py", "alpha/io.py", "alpha/new.py", "index.js", "�.py"],
        ),
    ],
)
def test_what_a_specification_asks_for_is_what_comes(shop, text, paths):
    report = build(shop.lake, ENGINE, shop.specify("some", text))
    if not paths:
        why = failing(report)["not_empty"]
        assert "no row is left" in why
        assert plan(shop.lake, specification(shop.settings, "some")).alarms == (why,)
        return
    assert sorted(rows_of(shop, report)["path"]) == paths


def test_election_prefers_what_the_specification_prefers(shop):
    shop.specify("latest", "{deduplicate: {order: [latest], threshold: null}, names: ['io.py']}")
    rows = rows_of(shop, build(shop.lake, ENGINE, "latest"))
    assert sorted(rows["path"]) == ["alpha/io.py", "io.py"]
    releases = shop.lake.scan("release").filter(pl.col("name") == b"2.0").collect()
    assert rows.filter(path="alpha/io.py")["anchor"].item() == "swh:1:rel:" + releases["id"].item().hex()


def test_of_a_repository_only_the_head_of_the_latest_full_visit_counts(world):
    world.add("https://forge.example/r", {"a.py": b"old = 1\n"}, source="git", version="a", day="2026-01-01")
    world.add("https://forge.example/r", {"a.py": b"new = 1\n"}, source="git", version="b", day="2026-01-03")
    world.passed()
    assert rows_of(world, build(world.lake, ENGINE, world.specify("now", "{}")))["text"].to_list() == ["new = 1\n"]
    assert rows_of(world, build(world.lake, ENGINE, world.specify("then", "{as_of: 2026-01-02}")))["text"].to_list() == [
        "old = 1\n"
    ]


def test_a_slice_that_has_not_come_through_is_left_out_and_named(shop):
    shop.add("pkg:pypi/delta", {"delta.py": b"print('new')\n"}, day="2026-01-05")
    day = {key: visits for key, visits in shop.news.items() if key[0] == "2026-01-05"}
    shop.news = day
    shop.passed(through="enriched_context")
    shop.lake.log.add_input([SliceInput("2026-01-02", "npm", "beta@2.0.0"), SliceInput("2026-01-09", "npm", "beta@3.0.0")])
    report = build(shop.lake, ENGINE, shop.specify("all", "{as_of: 2026-01-08}"))
    assert report.details["left_out"] == [
        "2026-01-02 npm (has not run)",
        "2026-01-05 pypi (enriched_context passed, raw_archive_slice passed)",
    ]
    assert "pkg:pypi/delta" not in rows_of(shop, report)["origin"].to_list()


def test_a_slice_whose_last_stage_failed_is_left_out_though_an_earlier_attempt_of_it_is_still_shown(shop):
    name = shop.specify("all", "{as_of: 2026-01-08}")
    assert "index.js" in rows_of(shop, build(shop.lake, ENGINE, name))["path"].to_list()
    [day] = [slice_ for slice_, source in shop.lake.log.verdicts().select("slice", "source").unique().rows() if source == "npm"]
    shop.lake.log.record(day, "npm", "deduped", "failed", failing_check="even", detail="it is odd")
    report = build(shop.lake, ENGINE, name)
    assert "index.js" not in rows_of(shop, report)["path"].to_list()
    [left_out] = report.details["left_out"]
    assert left_out.startswith(f"{day} npm (")
    assert "deduped failed" in left_out


@pytest.mark.parametrize(
    ("table", "stage"),
    [
        ("annotation_encoding", "enriched_context"),
        ("license_resolution", "license_qualified"),
        ("license_judgement", "license_qualified"),
        ("signature", "deduped"),
    ],
)
def test_what_an_earlier_stage_has_not_seen_with_todays_configuration_is_refused(shop, table, stage):
    shop.lake.delta(table).delete()
    shop.specify("all", "{}")
    with pytest.raises(GateError, match=f"materialize {stage} of 2026-01-0[12] again"):
        build(shop.lake, ENGINE, "all")
    if stage == "deduped":
        exact = build(shop.lake, ENGINE, shop.specify("exact", "{deduplicate: {threshold: null}}"))
        assert failing(exact) == {}


def test_signals_that_a_condition_names_are_read_and_part_of_what_the_dataset_is_made_from(shop):
    shop.lake.delta("annotation_filter_signals").delete()
    shop.specify("plain", "where: \"language = 'Python'\"")
    shop.specify("signals", "where: words > 5")
    assert "filter_signals" not in resolve(shop.lake, specification(shop.settings, "plain")).annotators
    assert "filter_signals" in resolve(shop.lake, specification(shop.settings, "signals")).annotators
    assert failing(build(shop.lake, ENGINE, "plain")) == {}
    with pytest.raises(GateError, match=r"materialize enriched_context of 2026-01-0[12] again"):
        build(shop.lake, ENGINE, "signals")


def test_without_any_slice_that_has_come_through_the_stage_refuses(world):
    world.specify("all", "{}")
    with pytest.raises(GateError, match="no slice has come through deduped"):
        build(world.lake, ENGINE, "all")


def test_a_large_origin_gets_shards_of_its_own_split_by_path(world):
    world.add("pkg:pypi/large", {f"f{n}.py": bytes([65 + n]) * (400 << 10) for n in range(8)})
    world.add("pkg:pypi/small", {"s.py": b"s = 1\n"})
    world.passed()
    report = build(world.lake, ENGINE, world.specify("all", "{shard: {bits: 0, cap_bytes: 1048576}, filters: {}}"))
    names = sorted(name.removeprefix("data/") for name in files_of(world, report) if name.startswith("data/"))
    key = hashlib.sha256(b"pkg:pypi/large").hexdigest()[:12]
    assert [name for name in names if not name.startswith(f"0-{key}-")] == [names[-1]] or len(names) > 2
    split = {name.split("-")[2] for name in names if name.startswith(f"0-{key}-")}
    assert 1 < len(split) <= 4
    assert verify(world.lake, "all").passed


def test_row_groups_are_bounded(world):
    world.add("pkg:pypi/many", {f"f{n}.txt": (f"{n} " * 200_000).encode() for n in range(45)})
    world.passed()
    report = build(world.lake, ENGINE, world.specify("all", "{shard: {bits: 0}}"))
    [file] = Path(world.settings.lake, report.details["folder"], "data").iterdir()
    metadata = pq.read_metadata(file)
    assert metadata.num_row_groups > 2
    assert max(metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups)) < 9 << 20


def test_the_number_of_buckets_is_fixed_at_the_first_release(shop):
    build(shop.lake, ENGINE, shop.specify("all", "{shard: {bits: 1}}"))
    shop.specify("all", "{shard: {bits: 2}}")
    with pytest.raises(UsageError, match="fixed at the first"):
        build(shop.lake, ENGINE, "all")


def test_damaged_bytes_in_the_lake_publish_nothing(shop):
    victim = content_id(b"module.exports = 1;\n")
    for path in Path(shop.settings.lake, "content_data").rglob("*.parquet"):
        table = pl.read_parquet(path)
        changed = table.with_columns(
            data=pl.when(pl.col("sha1_git") == victim).then(pl.lit(b"module.exports = 2;\n")).otherwise("data")
        )
        changed.write_parquet(path)
    report = build(shop.lake, ENGINE, shop.specify("all", "{}"))
    assert f"swh:1:cnt:{victim.hex()}" in failing(report)["bytes_rehash"]
    assert list_releases(shop.lake, "all") == []
    assert shop.lake.scan("dataset_row").collect().height == 0
    assert shop.lake.log.verdict("2026-01-02", "all", "training_shards")["verdict"] == "failed"


def test_the_tables_say_the_same_as_the_files(shop):
    report = build(shop.lake, ENGINE, shop.specify("all", "{}"))
    manifest = pl.read_parquet(f"{shop.settings.lake}/{report.details['folder']}/manifest.parquet")
    rows = shop.lake.scan("dataset_row").sort("shard", "row").collect()
    assert rows.select("shard", "row", "swhid").equals(manifest.select("shard", "row", "swhid"))
    shards = shop.lake.scan("shard").collect()
    for name, sha256 in shards.select("shard", "sha256").iter_rows():
        assert hashlib.sha256(files_of(shop, report)[f"data/{name}"]).hexdigest() == sha256
        assert name.endswith(f"-{sha256}.parquet")
    one = shop.lake.scan("dataset").collect().row(0, named=True)
    assert (one["rows"], one["shards"], one["as_of"]) == (rows.height, shards.height, "2026-01-02")
    assert json.loads(one["specification"])["name"] == "all"
    card = files_of(shop, report)["README.md"].decode()
    assert f"| rows | {rows.height:,} |" in card
    assert "| exact_duplicate | 1 |" in card


def test_a_plan_says_what_a_build_then_does(shop):
    shop.specify("all", "{}")
    planned = plan(shop.lake, specification(shop.settings, "all"))
    report = build(shop.lake, ENGINE, "all")
    assert (planned.candidates, planned.rows, planned.bytes) == (report.rows_in, report.rows_kept, report.bytes_kept)
    assert planned.shards == report.details["shards"]
    assert planned.languages == report.details["languages"]
    assert planned.steps[-1].left == planned.rows
    assert planned.predicted.basis.startswith("the demo's builds")
    assert planned.removed_most == max(planned.steps, key=lambda step: step.rows).rule
    manifest = shop.lake.scan("dataset_row").sort("content").collect()
    assert [one.swhid for one in planned.samples] == [re.sub(";visit=[^;]*", "", swhid) for swhid in manifest["swhid"][:3]]
    assert (planned.samples[0].origin, planned.samples[0].license) == manifest.select("origin", "license").row(0)
    table = {(one["language"], license): rows for one in planned.language_by_license for license, rows in one["licenses"].items()}
    counted = manifest.group_by(pl.col("language").fill_null("unknown"), "license").len().rows()
    assert {key: rows for key, rows in table.items() if rows} == {
        (language, license): rows for language, license, rows in counted
    }
    assert list(planned.language_by_license[0]["licenses"])[-1] == "other"
    assert planned.alarms == ()
    with pytest.raises(UsageError, match="dataset odd: where: Conversion Error"):
        plan(shop.lake, parse(b"where: cast(path as integer) = 1", "odd"))
    lines = list(of_plan(planned))
    assert any(line.endswith("<- most") and planned.removed_most in line for line in lines)
    assert sum(line.startswith("such as ") for line in lines) == 3


def test_a_plan_goes_by_what_earlier_builds_of_the_lake_took(shop):
    report = build(shop.lake, ENGINE, shop.specify("all", "{}"))
    planned = plan(shop.lake, specification(shop.settings, "all"))
    assert planned.predicted.basis == "1 builds of this lake"
    assert planned.predicted.seconds == pytest.approx(report.seconds, abs=0.1)
    assert planned.predicted.bytes == report.details["shard_bytes"]
    # Of another format they say nothing.
    tokens = parse(b"format: {kind: tokens}", "tokens")
    assert plan(shop.lake, tokens).predicted.basis.startswith("the demo's builds")
    # One that was there before says nothing of how long writing takes.
    build(shop.lake, ENGINE, "all")
    assert plan(shop.lake, specification(shop.settings, "all")).predicted == planned.predicted


def test_a_lake_without_events_has_no_discussions_and_the_check_says_so(shop):
    report = build(shop.lake, ENGINE, shop.specify("talk", "rows: issues"))
    said = "there is no issue in any slice that counts; ingest something, or choose a later as_of"
    assert failing(report) == {"not_empty": said}


def test_copies_of_a_repository_are_no_loss(world):
    files = {f"{number}.py": f"print({number})\n".encode() for number in range(4)}
    for fork in range(40):
        world.add(f"https://forge.example/fork{fork:02}/tool", files, source="git", version=str(fork))
    world.passed()
    report = build(world.lake, ENGINE, world.specify("all", "deduplicate: {repositories: 0.9}"))
    assert failing(report) == {}
    assert report.dropped["near_repository"].rows == 39 * 4


def test_a_source_that_near_duplicates_would_wipe_out_is_not_published_and_the_plan_says_so_before(world):
    texts = [f"print({number})\n".encode() for number in range(121)]
    world.add("pkg:pypi/first", {"first.py": texts[0]}, date=1_400_000_000)
    world.add("pkg:npm/many", {f"{number}.py": text for number, text in enumerate(texts[1:])}, source="npm")
    world.add("pkg:pypi/twice", {"first.py": texts[0], "more.py": b"more = 1\n"})
    for text in texts[1:]:
        world.pair(texts[0], text, 0.8)
    world.passed()
    name = world.specify("all", "deduplicate: {repositories: 0.5}")
    report = build(world.lake, ENGINE, name)
    said = failing(report)
    assert set(said) == {"nothing_wiped_out"}
    first = Swhid("cnt", content_id(texts[0]))
    lost = f"source npm loses 120 of 120 files (100.0%) to near-duplicates, 120 of them to {first} of pkg:pypi/first"
    assert said["nothing_wiped_out"].startswith(
        f"{lost}; 95% are allowed, and so do 1 other groups; `codecommons dataset plan all`"
    )
    assert list_releases(world.lake, name) == []
    planned = plan(world.lake, specification(world.settings, name))
    assert planned.alarms[0] == f"{lost}; 95% are allowed"
    assert planned.alarms[1].startswith("language Python loses 121 of 122 files")
    assert list(of_plan(planned))[-2:] == [f"this would not be published: {alarm}" for alarm in planned.alarms]
    # Without repositories a plan counts, and says the same; a copy that stays elsewhere is no loss then.
    alone = plan(world.lake, specification(world.settings, world.specify("files", "{}"))).alarms
    assert alone[0] == planned.alarms[0]
    assert alone[1] == planned.alarms[1].replace("121 of 122 files (99.2%)", "120 of 122 files (98.4%)")

    world.specify(name, "deduplicate: {repositories: 0.5, most_lost: {source: 1}}")
    assert set(failing(build(world.lake, ENGINE, name))) == {"nothing_wiped_out"}
    world.specify(name, "deduplicate: {repositories: 0.5, most_lost: {source: 1, language: 1}}")
    assert failing(build(world.lake, ENGINE, name)) == {}
    assert plan(world.lake, specification(world.settings, name)).alarms == ()
    with world.lake.sql() as connection:
        why = connection.sql("select rule, count(*), min(instead) from duplicate group by all order by all").fetchall()
    assert [(rule, count) for rule, count, _ in why] == [("near_duplicate", 120), ("near_repository", 2)]
    assert all("pkg:pypi/first" in instead for _, _, instead in why)


def test_a_release_is_the_same_on_s3(world, remote_world):
    fingerprints = []
    for one in (world, remote_world):
        one.add("pkg:pypi/alpha", {"a.py": b"a = 1\n", "b.py": b"b = 2\n"})
        one.passed()
        report = build(one.lake, ENGINE, one.specify("all", "{shard: {bits: 6}}"))
        assert failing(report) == {}
        assert verify(one.lake, "all").passed
        assert build(one.lake, ENGINE, "all").reused == 2
        one.add("pkg:pypi/beta", {"c.py": b"c = 3\n"}, day="2026-01-02")
        one.passed()
        second = build(one.lake, ENGINE, "all")
        assert (failing(second), second.details["shards_kept"], second.reused) == ({}, 1, 2)
        assert verify(one.lake, "all").passed
        fingerprints.append([report.details["fingerprint"], second.details["fingerprint"]])
    assert fingerprints[0] == fingerprints[1]


def test_what_lies_in_a_folder_that_a_tool_made_is_generated_whatever_it_is_called(world):
    files = {"src/a.py": b"a = 1\n" * 9, "src/__generated__/b.py": b"b = 2\n" * 9, "ios/Pods/c.py": b"c = 3\n" * 9}
    world.add("pkg:pypi/one", files)
    world.passed()
    build(world.lake, ENGINE, world.specify("written", "{exclude: [generated], filters: {min_length: 0}}"))
    dropped = world.lake.scan("dataset_drop").select("path", "rule").collect().sort("path").rows()
    assert dropped == [(b"ios/Pods/c.py", "generated"), (b"src/__generated__/b.py", "generated")]
