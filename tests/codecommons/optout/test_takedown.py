# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What was taken down is nowhere any more, whatever one opens, and does not come back."""

import dataclasses
import gzip
import io
import json
import shutil
import sqlite3
import subprocess
import tarfile
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from codecommons import upkeep
from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.archive.views import visited_trees
from codecommons.datasets import build, list_releases, reproduce, verify
from codecommons.dedup import compare_slice
from codecommons.engine.local import InlineEngine
from codecommons.errors import LakeError, UsageError
from codecommons.lake import Lake, erasing
from codecommons.license import qualify_slice
from codecommons.optout import desk, ledger
from codecommons.optout.requests import Request, Submission
from codecommons.optout.takedown import covered, operation, places, published, tables
from codecommons.settings import Settings
from codecommons.swhid import content_id
from codecommons.upkeep.repair import _set_aside
from codecommons_dagster import lines

DAY, NEXT = "2026-01-31", "2026-02-01"
STAGES = (ingest_slice, annotate_slice, qualify_slice, compare_slice)
ENGINE = InlineEngine()
MARKER = "Xyzzy7Plugh"
NOON = "2026-02-01T12:00:00+00:00"
WORDS = " ".join(f"word{at}" for at in range(60))
SECRET = f"# Copyright 2020 {MARKER}\n# SPDX-License-Identifier: MIT\n# {WORDS}\ntoken = '{MARKER}'\n".encode()
NEAR = f"# Copyright 2020 {MARKER}\n# SPDX-License-Identifier: MIT\n# {WORDS}\ntoken = '{MARKER}', 1\n".encode()
MANIFEST = json.dumps({"name": "mine", "description": MARKER, "author": MARKER, "license": "MIT"}).encode()
OLD = f"old = '{MARKER}'\n".encode()
GOOD = b"# SPDX-License-Identifier: MIT\ngood = 1\n"
BAD = sorted(f"swh:1:cnt:{content_id(data).hex()}" for data in (SECRET, NEAR, MANIFEST, OLD))


def settings_of(home):
    return Settings(home=home, lake=str(home / "lake"), workers=0, bucket_bits=1)


def packed(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"mine-1/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def git(folder, *arguments):
    identity = [part for name in ("user.name=A", "user.email=a@example.org", "commit.gpgsign=false") for part in ("-c", name)]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def run_stages(lake, items, day, stages=STAGES):
    add_inputs(lake, items, day)
    for source in sorted({item.partition(":")[0] for item in items}):
        for stage in stages:
            report = stage(lake, ENGINE, day, source)
            assert [check.description for check in report.checks if not check.passed] == [], (stage, source)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A home into which the marker came in every way: an archive, a bundle, a table; and in which there are two releases."""
    home, sources = tmp_path_factory.mktemp("filled") / "home", tmp_path_factory.mktemp("sources")
    (sources / "mine-1.tar.gz").write_bytes(packed({"a.py": SECRET, "package.json": MANIFEST, "good.py": GOOD}))
    repository = sources / "repository"
    repository.mkdir()
    git(repository, "init", "-q", "-b", "main")
    for message, files in (("one", {"a.py": OLD, "good.py": GOOD}), ("two", {"a.py": SECRET, "near.py": NEAR})):
        for name, data in files.items():
            (repository / name).write_bytes(data)
        git(repository, "add", "-A")
        git(repository, "commit", "-q", "-m", message)
    git(repository, "bundle", "create", "-q", str(sources / "mine.bundle"), "--all")
    (sources / "texts.jsonl").write_text(
        "".join(json.dumps({"text": text.decode(), "path": name}) + "\n" for name, text in (("t.py", SECRET), ("g.py", GOOD)))
    )
    lake = Lake.open(settings_of(home))
    items = [f"path:{sources / 'mine-1.tar.gz'}", f"git:{sources / 'mine.bundle'}", f"table:{sources / 'texts.jsonl'}"]
    run_stages(lake, items, DAY)
    (home / "datasets").mkdir()
    (home / "datasets" / "all.yaml").write_text("{license: {policy: any-known}, shard: {bits: 4}}")
    report = build(lake, ENGINE, "all")
    assert [check.description for check in report.checks if not check.passed] == []
    lake.delta("content_data").optimize.compact()  # what older versions had stays as files
    for name in ("annotation_license_evidence", "annotation_project_metadata"):
        lake.delta(name).optimize.compact()
    (home / "marts").mkdir()
    pl.DataFrame({"text": [MARKER]}).write_parquet(home / "marts" / "mine.parquet")
    (home / "catalogue.duckdb").write_bytes(MARKER.encode())
    (home / "dagster" / "history").mkdir(parents=True)
    with sqlite3.connect(home / "dagster" / "history" / "index.db") as database:
        database.execute("create table event_logs (id integer primary key, event text)")
        event = {"md_str": f"**0.93** a ~ b\n\n```diff\n-{SECRET.decode()}\n```", "label": "a pair, 1 of 1"}
        database.execute("insert into event_logs (event) values (?)", (json.dumps(event),))
    return home, sources


@pytest.fixture
def lake(filled, tmp_path):
    """A copy of the home."""
    return Lake.open(settings_of(Path(shutil.copytree(filled[0], tmp_path / "home", symlinks=True))))


def opened(path):
    """Everything that a file says, packed or not."""
    raw = path.read_bytes()
    yield raw
    if raw[:4] == b"PAR1":
        yield repr(pq.read_table(path).to_pylist()).encode()
    elif raw[:6] == b"ARROW1":
        yield repr(pa.ipc.open_file(raw).read_all().to_pylist()).encode()
    elif raw[:2] == b"\x1f\x8b":
        yield gzip.decompress(raw)


def found_in(home):
    """Where the marker is: every file of a home byte by byte, and every object of its repositories."""
    found = {path for path in home.rglob("*") if path.is_file() and any(MARKER.encode() in said for said in opened(path))}
    for objects in home.rglob("packed-refs"):
        said = subprocess.run(
            ["git", f"--git-dir={objects.parent}", "cat-file", "--batch", "--batch-all-objects"], capture_output=True, check=True
        )
        found |= {objects.parent} if MARKER.encode() in said.stdout else set()
    return sorted("/".join(path.relative_to(home).parts[:2]) for path in found)


def rows_of(lake):
    """Every row of every table that is data, by table, without those of the ledger and of measurements."""
    names = sorted(table.name for table in lake.stored())
    frames = {
        name: pl.scan_delta(lake.storage.uri(name), storage_options=lake.storage.options or None).collect() for name in names
    }
    return {
        name: sorted(map(repr, frame.iter_rows()))
        for name, frame in frames.items()
        if name not in ("stage_report", "opt_out_ledger")
    }


def take_down(lake, **options):
    found = covered.by_name(lake, BAD)
    one = operation.begin(lake, found.swhids, "secret", "a test", NOON)
    return operation.carry_out(lake, one, **options)


def test_nothing_of_what_was_taken_down_is_left_in_any_byte_of_the_home_and_the_rest_stays(lake):
    home = lake.settings.home
    before, places_before = rows_of(lake), set(found_in(home))
    assert places_before >= {
        "lake/content_data", "lake/annotation_project_metadata", "lake/datasets",
        "cache/archives", "cache/bundles", "marts/mine.parquet", "catalogue.duckdb", "dagster/history",
    }  # fmt: skip
    done = take_down(lake)
    assert found_in(home) == []
    assert done.held == len(BAD)
    assert done.erased["content_data"].rows == len(BAD)
    assert done.erased["cache/archives"].files >= 3
    after = rows_of(lake)
    for name, rows in after.items():
        gone, new = set(before[name]) - set(rows), set(rows) - set(before[name])
        told = [one for one in new if "taken-down" in one]
        assert len(told) == len(new) == (len(BAD) if name == "skipped_content" else 0), name
        assert all(any(repr(content_id(data)) in one for data in (SECRET, NEAR, MANIFEST, OLD)) for one in gone), name
    [release] = list_releases(lake, "all")
    assert Path(lake.settings.lake, release.folder, "manifest.parquet").is_file()
    withdrawn = {f"{one.release}/data/{one.shard}" for one in done.shards}
    assert withdrawn
    problems = verify(lake, "all").problems
    assert {f"{release.folder.removeprefix('datasets/')}/{problem.file}" for problem in problems} == withdrawn
    assert all(done.id in problem.what for problem in problems)
    assert any(release.folder.removeprefix("datasets/") in line for line in done.left)
    # The release that comes next lacks its rows, and the stages go on over what is left.
    report = build(lake, ENGINE, "all")
    assert [check.description for check in report.checks if not check.passed] == []
    assert verify(lake, "all", report.details["fingerprint"]).passed
    assert found_in(home) == []


def test_what_was_taken_down_does_not_come_back_from_where_it_came_from(lake, filled):
    take_down(lake)
    sources = filled[1]
    items = [f"path:{sources / 'mine-1.tar.gz'}", f"git:{sources / 'mine.bundle'}", f"table:{sources / 'texts.jsonl'}"]
    run_stages(lake, items, DAY, STAGES[:1])  # what was loaded before
    copies = lake.settings.home.parent / "copies"  # and as if nobody had seen it
    shutil.copytree(sources, copies)
    fresh = packed({"a.py": SECRET, "package.json": MANIFEST, "good.py": GOOD, "new.py": b"new = 1\n"})
    (copies / "mine-1.tar.gz").write_bytes(fresh)
    git(copies / "repository", "commit", "-q", "--allow-empty", "-m", "three")
    texts = (copies / "texts.jsonl").read_text() + json.dumps({"text": "new = 2\n", "path": "n.py"}) + "\n"
    (copies / "texts.jsonl").write_text(texts)
    pl.read_ndjson(copies / "texts.jsonl").write_parquet(copies / "texts.parquet")
    again = [f"path:{copies / 'mine-1.tar.gz'}", f"git:{copies / 'repository'}"]
    again += [f"table:{copies / name}" for name in ("texts.jsonl", "texts.parquet")]
    run_stages(lake, again, NEXT)
    shutil.rmtree(lake.settings.cache)
    assert found_in(lake.settings.home) == []
    reports = [report for report in lake.reports() if (report.slice, report.stage) == (NEXT, "raw_archive_slice")]
    dropped = {report.source: report.dropped["taken-down"].rows for report in reports}
    assert dropped == {"path": 2, "git": 2, "table": 2}
    skipped = lake.scan("skipped_content").filter(pl.col("reason") == "taken-down").collect()
    assert sorted(f"swh:1:cnt:{content.hex()}" for content in skipped["sha1_git"]) == BAD


def test_the_rows_are_the_same_whether_something_was_taken_down_before_or_after_it_came(lake, filled, tmp_path):
    take_down(lake)
    other = Lake.open(settings_of(tmp_path / "other"))
    operation.begin(other, BAD, "secret", "a test", NOON)
    sources = filled[1]
    items = [f"path:{sources / 'mine-1.tar.gz'}", f"git:{sources / 'mine.bundle'}"]
    run_stages(other, items, DAY, STAGES[:2])
    before, after = rows_of(other), rows_of(lake)
    for name in ("content", "annotation_license_evidence", "annotation_project_metadata", "tree_file"):
        assert set(before[name]) <= set(after[name]), name
    assert before["content_data"] == after["content_data"]
    assert before["skipped_content"] == after["skipped_content"]


class KilledError(BaseException):
    """The process is gone."""


STEPS = [
    (erasing, "_take_out"), (erasing, "_remove_unreferenced"), (erasing, "_shorten_log"), (erasing, "_remove"),
    (published, "withdraw"), (tables, "_say_why"), (places, "_removed"), (places, "_erase_pictures"), (operation, "append"),
]  # fmt: skip


def test_a_takedown_that_is_killed_at_any_step_is_finished_by_the_next_run(filled, tmp_path, monkeypatch):
    calls = 0
    stop_at = None

    def counted(function):
        def call(*arguments, **named):
            nonlocal calls
            calls += 1
            if calls == stop_at:
                raise KilledError
            answer = function(*arguments, **named)
            if calls == stop_at:
                raise KilledError
            return answer

        return call

    for module, name in STEPS:
        monkeypatch.setattr(module, name, counted(getattr(module, name)))

    def lake_at(name):
        return Lake.open(settings_of(Path(shutil.copytree(filled[0], tmp_path / name, symlinks=True))))

    whole = lake_at("whole")
    take_down(whole)
    expected, steps = rows_of(whole), calls
    for stop_at in range(2, steps, max(1, steps // 6)):
        calls = 0
        lake = lake_at(f"killed-{stop_at}")
        with pytest.raises(KilledError):
            take_down(lake)
        calls = -1000
        [one] = operation.unfinished(lake)
        done = operation.carry_out(lake, one)
        assert found_in(lake.settings.home) == [], stop_at
        assert rows_of(lake) == expected, stop_at
        assert len(done.shards) > 0
        assert operation.unfinished(lake) == []
        shutil.rmtree(lake.settings.home)


@settings(max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(st.permutations(BAD), st.integers(2, len(BAD)))
def test_one_after_another_in_any_order_and_twice_is_the_same_as_all_at_once(filled, tmp_path_factory, order, count):
    lakes = []
    for parts in ([order[:count]], [[swhid] for swhid in [*order[:count], order[0]]]):
        home = Path(shutil.copytree(filled[0], tmp_path_factory.mktemp("orders") / "home", symlinks=True))
        lakes.append(Lake.open(settings_of(home)))
        for part in parts:
            asked = covered.by_name(lakes[-1], part).swhids
            operation.carry_out(lakes[-1], operation.begin(lakes[-1], asked, "secret", "a test", NOON))
    assert rows_of(lakes[0]) == rows_of(lakes[1])
    shards = [sorted(path.name for path in Path(lake.settings.lake).rglob("data/*.parquet")) for lake in lakes]
    assert shards[0] == shards[1]
    assert found_in(lakes[0].settings.home) == found_in(lakes[1].settings.home)


@pytest.fixture
def in_bucket(filled, bucket, tmp_path):
    """The same home with its lake on a server that speaks S3, and how to look at all that is in the bucket."""
    home = Path(shutil.copytree(filled[0], tmp_path / "remote", symlinks=True))
    bucket.put(home / "lake", tmp_path.name)
    shutil.rmtree(home / "lake")

    def downloaded(name):
        bucket.get(tmp_path.name, tmp_path / name / "lake")
        return tmp_path / name

    return Lake.open(bucket.settings(home, tmp_path.name)), downloaded


def test_on_s3_a_takedown_that_is_killed_half_way_is_finished_by_the_next_run(lake, in_bucket, monkeypatch):
    remote, downloaded = in_bucket
    assert "lake/content_data" in found_in(downloaded("before"))
    take_down(lake)
    shorten, calls = erasing._shorten_log, []

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KilledError
        return shorten(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(erasing, "_shorten_log", killed)
        with pytest.raises(KilledError):
            take_down(remote)
    [one] = operation.unfinished(remote)
    done = operation.carry_out(remote, one)
    assert rows_of(remote) == rows_of(lake)
    assert found_in(downloaded("after")) == found_in(remote.settings.home) == []
    assert any("earlier versions of objects" in line for line in done.left)
    assert operation.unfinished(remote) == []


def test_nothing_is_erased_while_somebody_may_be_at_work_and_what_killed_runs_staged_goes_at_the_operators_word(lake):
    with lake.staging("path-2026-01-31") as area:
        one = operation.begin(lake, BAD, "secret", "a test", NOON)
        with pytest.raises(UsageError, match="may be of a run at work"):
            operation.carry_out(lake, one)
        assert tables.held(lake, pl.Series([content_id(SECRET)])) == 1
        writer = area.writer("killed")
        writer.add("content_data", pa.table({"sha1_git": [content_id(SECRET)], "data": [SECRET]}))
        writer.close()
        operation.carry_out(lake, one, stopped=True)
        assert found_in(lake.settings.home) == []


def test_a_takedown_of_an_origin_leaves_what_others_have(lake):
    roots = visited_trees(lake)
    [origin] = [one for one in roots["origin"].unique() if one.endswith("mine.bundle")]
    [asked] = desk.submit(lake, Submission((Request("origin", (origin,)),), {"contact": "a@example.org"}), NOON)
    found = covered.by_request(lake, asked, roots)
    # The old state is in its history alone; the secret is in two other places, too, and good.py in all of them.
    assert found.swhids == tuple(sorted(f"swh:1:cnt:{content_id(data).hex()}" for data in (OLD, NEAR)))
    assert found.elsewhere == 2
    root = roots.filter(pl.col("origin") == origin)["root"][0]
    below = covered.by_name(lake, [f"swh:1:dir:{root.hex()}"])
    assert below.swhids == (f"swh:1:cnt:{content_id(NEAR).hex()}",)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["swh:1:rev:" + "0" * 40], "can't be taken down"),
        (["swh:1:cnt:e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"], "every empty file"),
        (["swh:1:dir:" + "1" * 40], "there is no content to take down"),
        (["nonsense"], "nonsense"),
    ],
)
def test_what_can_not_be_taken_down_is_refused_before_anything_is_written(lake, values, message):
    with pytest.raises(UsageError, match=message):
        covered.by_name(lake, values)
    assert ledger.read(lake).entries == ()


def test_a_takedown_is_in_the_ledger_for_ever_and_a_second_one_changes_nothing(lake):
    first = take_down(lake)
    rows, entries = rows_of(lake), len(ledger.read(lake).entries)
    second = take_down(lake)
    assert (second.id, second.held, len(ledger.read(lake).entries)) == (first.id, 0, entries)
    assert rows_of(lake) == rows
    with pytest.raises(UsageError, match="can't be withdrawn"):
        desk.withdraw(lake, first.id)
    with lake.sql() as connection:
        state = connection.sql('select scope, reason, state, len("values") from opt_out').fetchall()
    assert state == [("content", "secret", "erased", len(BAD))]
    assert dataclasses.asdict(second)["contents"] == len(BAD)


def test_a_table_that_was_put_aside_as_damaged_goes_too(lake):
    _set_aside(lake, "content_data")
    assert "lake/_damaged" in found_in(lake.settings.home)
    done = take_down(lake)
    assert found_in(lake.settings.home) == []
    assert done.erased["damaged tables"].files > 0


def test_a_tokenizer_that_was_trained_on_it_goes_and_the_next_release_has_another(lake):
    (lake.settings.home / "datasets" / "tokens.yaml").write_text(
        "{license: {policy: any-known}, shard: {bits: 4}, format: {kind: tokens, vocabulary: 1000}}"
    )
    first = build(lake, ENGINE, "tokens")
    assert [check.description for check in first.checks if not check.passed] == []
    folder = Path(lake.settings.lake, first.details["folder"])
    word = "".join(sign for sign in MARKER if sign.isalpha())[-5:]
    assert word in (folder / "tokenizer.json").read_text()
    done = take_down(lake)
    assert not (folder / "tokenizer.json").exists()
    assert "tokenizer.json" in {one.shard for one in done.shards}
    told = {problem.file: problem.what for problem in verify(lake, "tokens", first.details["fingerprint"]).problems}
    assert f"was taken down ({done.id})" in told["tokenizer.json"]
    with pytest.raises(LakeError, match=r"tokenizer\.json was taken down"):
        reproduce(lake, ENGINE, "tokens")
    again = build(lake, ENGINE, "tokens")
    assert [check.description for check in again.checks if not check.passed] == []
    made = Path(lake.settings.lake, again.details["folder"], "tokenizer.json").read_text()
    assert word not in made
    assert verify(lake, "tokens", again.details["fingerprint"]).passed


def test_half_a_fetch_that_a_killed_process_left_in_a_clone_goes(lake):
    clone = lake.settings.cache / "git" / "0" / "objects" / "pack"
    git(lake.settings.home, "init", "-q", "--bare", str(clone.parents[1]))
    clone.mkdir(exist_ok=True)
    (clone / "tmp_pack_1a2b3c").write_bytes(MARKER.encode())
    take_down(lake)
    assert found_in(lake.settings.home) == []


def test_a_look_at_the_lake_knows_what_was_taken_down(lake):
    [release] = list_releases(lake, "all")
    take_down(lake)
    notice, note = (Path(lake.settings.lake, release.folder, name) for name in ("NOTICE", "taken-down.json"))
    if notice.exists():
        notice.unlink()
        note.write_text(json.dumps(json.loads(note.read_text()) | {"NOTICE": "0a1b"}))
    assert upkeep.verify(lake, ENGINE).faults == []


def test_what_is_nearly_the_same_and_stays_is_told_before_nobody_can_find_it(lake):
    secret, near = (f"swh:1:cnt:{content_id(data).hex()}" for data in (SECRET, NEAR))
    assert covered.alike(lake, [secret]) == [near]
    assert covered.alike(lake, [secret, near]) == []
    told = "\n".join(lines.of_covered(covered.by_name(lake, [secret]), covered.alike(lake, [secret])))
    assert f"nearly the same are 1 more, which stay unless you name them, and which nobody can find afterwards:\n  {near}" in told
