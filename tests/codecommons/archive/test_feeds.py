# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import zipfile
from collections import Counter
from dataclasses import replace

import polars as pl
import pytest

from codecommons.annotate import annotate_slice
from codecommons.annotate.feed import readers
from codecommons.archive import add_inputs, feeds, ingest_slice, parse_request
from codecommons.archive.source import sources
from codecommons.dedup import compare_slice
from codecommons.engine import local_engine
from codecommons.engine.local import InlineEngine
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.lake.files import data_files
from codecommons.license import qualify_slice
from codecommons.settings import Settings

DAY, NEXT = "2026-01-31", "2026-02-01"
HOUR = "2026-01-31-7"


def event(identifier=1, kind="WatchEvent", payload=None, **changes):
    made = {
        "id": str(identifier),
        "type": kind,
        "actor": {"id": 7, "login": "ada-example", "display_login": "ada-example"},
        "repo": {"id": 9, "name": "ada-example/engine", "url": "https://api.forge.example/repos/ada-example/engine"},
        "payload": payload or {},
        "public": True,
        "created_at": "2026-01-31T07:00:01Z",
    }
    return made | changes


def jsonl(*records):
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def ingest(lake, source="gharchive", day=DAY, engine=None):
    report = ingest_slice(lake, engine or InlineEngine(), day, source)
    assert [check.description for check in report.checks if not check.passed] == []
    return report


def quarantine(lake, day=DAY):
    return {row["reason"]: row["detail"] for row in lake.scan("quarantine").filter(slice=day).collect().to_dicts()}


@pytest.fixture
def hours(tmp_path):
    folder = tmp_path / "hours"
    folder.mkdir()
    return folder


@pytest.fixture
def lake(tmp_path, hours, fresh_lake):
    home = tmp_path / "home"
    return fresh_lake(Settings(home=home, lake=str(home / "lake"), workers=0, bucket_bits=0, gharchive=str(hours)))


def test_two_real_hours_of_gh_archive_are_there_event_by_event(lake, shared_data):
    folder = shared_data / "gharchive"
    lake = Lake.open(replace(lake.settings, gharchive=str(folder)))
    add_inputs(lake, ["gharchive:2015-01-01-0", f"gharchive:{folder / '2015-01-01-1.json.gz'}"], DAY)
    report = ingest(lake)
    rows = lake.scan("gharchive_event").collect()
    assert (report.rows_in, report.rows_kept, report.unit) == (15_129, 15_129, "records")
    first = rows.filter(hour="2015-01-01-0")
    assert first.height == 7_702
    assert dict(first.group_by("type").len().iter_rows()) == {
        "PushEvent": 4280,
        "CreateEvent": 815,
        "IssueCommentEvent": 650,
        "WatchEvent": 642,
        "IssuesEvent": 373,
        "PullRequestEvent": 315,
        "ForkEvent": 213,
        "DeleteEvent": 141,
        "GollumEvent": 90,
        "PullRequestReviewCommentEvent": 85,
        "CommitCommentEvent": 56,
        "ReleaseEvent": 24,
        "MemberEvent": 16,
        "PublicEvent": 2,
    }
    assert rows["id"].n_unique() == 15_129
    assert rows["complete"].all()
    lines = b"".join(gzip.decompress((folder / f"2015-01-01-{n}.json.gz").read_bytes()) for n in (0, 1)).splitlines()
    assert Counter(rows["event"].to_list()) == Counter(line.decode() for line in lines)
    threads = pl.read_csv(folder / "threads.tsv", separator="\t")
    assert set(threads["repo"]) <= set(rows["repo"])


def test_real_osv_records_and_documents_with_mentions_are_there(lake, shared_data):
    osv, mentions = shared_data / "osv" / "osv.jsonl", shared_data / "software-mentions" / "sofair_tei.jsonl"
    add_inputs(lake, [f"osv:{osv}", f"mentions:{mentions}"], DAY)
    ingest(lake, "osv")
    ingest(lake, "mentions")
    records = {one["id"]: one for one in (json.loads(line)["osv"] for line in osv.read_text().splitlines())}
    rows = lake.scan("osv_record").collect()
    assert rows["id"].sort().to_list() == sorted(records)
    assert len(records) == 240
    for row in rows.to_dicts():
        credits = {"credits": json.loads(row["credits"])} if row["credits"] else {}
        assert json.loads(row["record"]) | credits == records[row["id"]]
        assert row["aliases"] == (records[row["id"]].get("aliases") or [])
    assert rows["credits"].drop_nulls().len() == sum("credits" in one for one in records.values()) > 0
    given = {
        package["purl"]
        for one in records.values()
        for affected in one.get("affected") or ()
        if (package := affected.get("package")) and package.get("purl")
    }
    assert given <= set(rows["packages"].explode())
    documents = lake.scan("software_mention").collect()
    assert (documents.height, documents["mentions"].sum()) == (26, 848)
    assert json.loads(documents["record"][0])["tei_xml"].startswith("<?xml")


def test_no_view_shows_whose_login_or_text_it_is(lake, hours, tmp_path):
    (hours / f"{HOUR}.json.gz").write_bytes(gzip.compress(jsonl(event(payload={"email": "ada@example.org"}))))
    credited = {"id": "A-1", "modified": "2026-01-31T00:00:00Z", "credits": [{"name": "Ada Example"}]}
    (tmp_path / "osv.jsonl").write_bytes(jsonl(credited))
    (tmp_path / "papers.jsonl").write_bytes(jsonl({"doi": "10.1/x", "tei_xml": '<p>Ada Example <rs type="software">R</rs></p>'}))
    add_inputs(lake, [f"gharchive:{HOUR}", f"osv:{tmp_path / 'osv.jsonl'}", f"mentions:{tmp_path / 'papers.jsonl'}"], DAY)
    for source in ("gharchive", "osv", "mentions"):
        ingest(lake, source)
    with lake.sql() as connection:
        for name in ("gharchive_event", "osv_record", "software_mention"):
            for schema in ("main", "lake"):
                rows = connection.sql(f"from {schema}.{name}")
                assert len(rows) == 1
                assert {"event", "credits", "record"} & set(rows.columns) <= ({"record"} if name == "osv_record" else set())
                said = str(rows.fetchall()).replace("ada-example/engine", "")
                assert not {name for name in ("ada-example", "Ada", "ada@") if name in said}
        [(actor, url)] = connection.sql("select actor, url from gharchive_event").fetchall()
    assert actor == hashlib.sha256(b"ada-example").hexdigest()
    assert url == "https://forge.example/ada-example/engine"


def test_events_of_the_layout_since_october_2025_are_there_and_not_complete(lake, hours):
    short = {"url": "https://api.forge.example/repos/a/b/pulls/1", "id": 1, "number": 1, "head": {}, "base": {}}
    events = [
        event(1, "PushEvent", {"repository_id": 9, "push_id": 1, "ref": "refs/heads/main", "head": "a", "before": "b"}),
        event(2, "PushEvent", {"push_id": 2, "size": 0, "commits": []}),
        event(3, "PullRequestEvent", {"action": "opened", "number": 1, "pull_request": short}),
        event(4, "PullRequestReviewEvent", {"action": "created", "pull_request": short | {"title": "Engine"}}),
        event(5, "IssuesEvent", {"action": "opened", "issue": {"title": "Engine"}}),
    ]
    (hours / f"{HOUR}.json").write_bytes(jsonl(*events))
    add_inputs(lake, [f"gharchive:{hours / HOUR}.json"], DAY)
    ingest(lake)
    rows = lake.scan("gharchive_event").sort("id").collect()
    assert rows["complete"].to_list() == [False, True, False, True, True]
    assert [json.loads(one) for one in rows["event"]] == events


def test_bad_lines_are_one_quarantine_row_a_reason_and_the_hour_goes_on(lake, hours, monkeypatch):
    monkeypatch.setattr(feeds, "LONGEST_LINE", 100_000)
    bad = [
        b"<html>",
        json.dumps(event(2, payload={"text": "x" * 300_000})).encode(),
        b'{"id": "3", "type": "WatchEvent", "repo": "engine"}',
        b"[1, 2]",
        json.dumps(event(1)).encode(),
        json.dumps(event(4)).encode().replace(b"engine", b"engin\xe9"),
        json.dumps({"type": "PushEvent", "repository": {"url": "x"}, "actor": "ada"}).encode(),
        b'{"id": "5", "type": "WatchEvent"',
        json.dumps(event(6, created_at="yesterday")).encode(),
        json.dumps(event(7, repo={"id": 1 << 63})).encode(),
        b"",
    ]
    (hours / f"{HOUR}.json.gz").write_bytes(gzip.compress(b"\n".join([jsonl(event(1))[:-1], *bad, jsonl(event(8))])))
    add_inputs(lake, [f"gharchive:{HOUR}"], DAY)
    report = ingest(lake)
    assert report.rows_kept == 2
    assert lake.scan("gharchive_event").collect()["id"].sort().to_list() == ["1", "8"]
    assert {reason: count.rows for reason, count in report.dropped.items()} == {
        "not-json": 2,
        "line-too-long": 1,
        "wrong-type": 4,
        "duplicate": 1,
        "not-utf8": 1,
        "no-id": 1,
    }
    assert report.dropped["line-too-long"].bytes == len(bad[1])
    found = quarantine(lake)
    assert found.keys() == report.dropped.keys()
    assert found["wrong-type"].startswith("4 lines, the first being 4, 5, 10, 11: ")
    assert found["line-too-long"].startswith("line 3: ")


@pytest.mark.parametrize(("damage", "reason"), [("cut", "truncated"), ("flipped", "corrupt")])
def test_a_damaged_hour_keeps_what_came_before_the_damage(lake, hours, damage, reason):
    packed = bytearray(
        gzip.compress(
            jsonl(*(event(n, payload={"noise": hashlib.sha512(bytes([n % 256, n // 256])).hexdigest()}) for n in range(1, 9000)))
        )
    )
    if damage == "cut":
        del packed[-50_000:]
    else:
        packed[-100_000] ^= 0xFF
    (hours / f"{HOUR}.json.gz").write_bytes(packed)
    add_inputs(lake, [f"gharchive:{HOUR}"], DAY)
    report = ingest(lake)
    ids = lake.scan("gharchive_event").collect()["id"].cast(pl.Int64).sort().to_list()
    assert 1000 < len(ids) < 8999
    assert ids == list(range(1, len(ids) + 1))
    assert quarantine(lake)[reason]
    assert report.details["items"] == {"loaded": 1}


def test_bombs_empty_hours_and_hours_that_are_not_there_stop_no_other(lake, hours):
    (hours / "2026-01-31-0.json.gz").write_bytes(gzip.compress(jsonl(event(1))))
    (hours / "2026-01-31-1.json.gz").write_bytes(gzip.compress(b"\n" * (40 << 20)))
    (hours / "2026-01-31-2.json.gz").write_bytes(gzip.compress(b""))
    add_inputs(lake, [f"gharchive:2026-01-31-{n}" for n in range(4)], DAY)
    report = ingest(lake)
    rows = lake.scan("quarantine").select("item", "reason").collect()
    assert dict(rows.iter_rows()) == {"2026-01-31-1": "bomb", "2026-01-31-2": "empty-file", "2026-01-31-3": "missing-file"}
    assert report.details["items"] == {"failed": 2, "loaded": 2}
    assert lake.scan("gharchive_event").collect()["id"].to_list() == ["1"]
    (hours / "2026-01-31-3.json.gz").write_bytes(gzip.compress(jsonl(event(3))))
    assert ingest(lake).details["items"] == {"failed": 1, "loaded": 1, "reused": 2}
    assert lake.scan("gharchive_event").collect()["id"].sort().to_list() == ["1", "3"]


def test_a_lake_that_was_not_told_where_gh_archive_is_says_how(lake):
    lake = Lake.open(replace(lake.settings, gharchive=""))
    add_inputs(lake, [f"gharchive:{HOUR}"], DAY)
    ingest(lake)
    assert "CODECOMMONS_GHARCHIVE" in quarantine(lake)["not-configured"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("gharchive:yesterday", "write gharchive:2025-01-31-0"),
        ("gharchive:2025-02-30-1", "must be a day"),
        ("gharchive:2025-01-31-24", "write gharchive:2025-01-31-0"),
        ("osv:nowhere.zip", "does not exist"),
        ("osv:teleport://x/all.zip", "nobody here can read"),
        ("mentions:nowhere.jsonl", "does not exist"),
    ],
)
def test_a_request_that_makes_no_sense_is_one_line(settings, text, meant):
    with pytest.raises(UsageError, match=meant):
        parse_request(text, settings)


def test_an_hour_is_written_in_one_way(settings):
    assert parse_request("gharchive:2025-01-31-07", settings).item == "2025-01-31-7"


def test_what_was_read_once_is_not_read_again_by_a_re_run_or_another_day(lake, hours, monkeypatch):
    for n in (0, 1):
        (hours / f"2026-01-31-{n}.json.gz").write_bytes(gzip.compress(jsonl(event(n + 1))))
    add_inputs(lake, ["gharchive:2026-01-31-0"], DAY)
    assert ingest(lake).details["items"] == {"loaded": 1}
    before = data_files(lake.delta("gharchive_event"))
    shutil.rmtree(lake.settings.cache)
    (hours / "2026-01-31-0.json.gz").unlink()
    assert ingest(lake).details["items"] == {"reused": 1}
    assert data_files(lake.delta("gharchive_event")) == before
    add_inputs(lake, ["gharchive:2026-01-31-0", "gharchive:2026-01-31-1"], NEXT)
    assert ingest(lake, day=NEXT).details["items"] == {"loaded": 1, "reused": 1}
    rows = lake.scan("gharchive_event").select("slice", "id").collect()
    assert sorted(rows.iter_rows()) == [(DAY, "1"), (NEXT, "1"), (NEXT, "2")]
    source = sources(lake.settings)["gharchive"]
    monkeypatch.setattr(source, "version", source.version + 1)
    report = ingest(lake)
    assert report.details["items"] == {"kept": 1}
    assert quarantine(lake)["missing-file"]
    assert lake.scan("gharchive_event").filter(slice=DAY).collect()["id"].to_list() == ["1"]


def test_a_file_that_changes_within_a_day_is_there_in_its_newest_state(lake, tmp_path):
    file = tmp_path / "osv.jsonl"
    for version in ("A", "B"):
        file.write_bytes(jsonl({"id": f"{version}-1", "modified": "2026-01-31T00:00:00Z"}))
        add_inputs(lake, [f"osv:{file}"], DAY)
        ingest(lake, "osv")
        assert lake.scan("osv_record").collect()["id"].to_list() == [f"{version}-1"]
    assert [row.item for row in lake.log.inputs(DAY, "osv")] == [str(file), f"{file}#2"]


def test_archives_folders_and_lists_hold_the_same_records(lake, tmp_path):
    records = [{"id": f"X-{n}", "modified": f"2026-01-{n:02}T12:00:00Z", "affected": []} for n in range(1, 6)]
    folder = tmp_path / "records"
    (folder / "deep").mkdir(parents=True)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for at, record in enumerate(records):
            (folder / ("deep" if at % 2 else "") / f"{record['id']}.json").write_text(json.dumps(record, indent=2))
            archive.writestr(f"{record['id']}.json", json.dumps(record, indent=2))
        archive.writestr("broken.json", "{")
        archive.writestr("README.md", "not a record")
    (tmp_path / "all.zip").write_bytes(packed.getvalue())
    (tmp_path / "list.json").write_text(json.dumps(records, indent=2))
    (tmp_path / "lines.jsonl.gz").write_bytes(gzip.compress(jsonl(*records)))
    places = [folder, tmp_path / "all.zip", tmp_path / "list.json", tmp_path / "lines.jsonl.gz"]
    add_inputs(lake, [f"osv:{place}" for place in places], DAY)
    report = ingest(lake, "osv")
    rows = lake.scan("osv_record").collect()
    assert report.dropped["not-json"].rows == 1
    for place in places:
        assert rows.filter(item=str(place))["id"].sort().to_list() == [f"X-{n}" for n in range(1, 6)]
    (folder / "X-1.json").unlink()
    assert ingest(lake, "osv").details["items"] == {"reused": 4}


def test_a_member_that_no_tree_may_have_is_left_out_of_a_feed_and_the_others_are_taken(lake, tmp_path, tar):
    good = [json.dumps({"id": f"X-{number}", "modified": "2026-01-31T00:00:00Z"}).encode() for number in range(5)]
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name, data in zip(["a.json", "../x.json", "b.json", "/c.json", "d.json"], good, strict=True):
            archive.writestr(name, data)
        archive.writestr("wrong.json", b"damaged")
    whole = (tmp_path / "all.zip").read_bytes()
    (tmp_path / "all.zip").write_bytes(whole.replace(b"damaged", b"Damaged"))
    made = tar("w").special("pipe", tarfile.FIFOTYPE).file("../x.json", good[0]).special("hard", tarfile.LNKTYPE, "../../x")
    (tmp_path / "all.tar").write_bytes(made.file("b.json", good[2]).bytes())
    for name, ids, said in (
        ("all.zip", ["X-0", "X-2", "X-4"], {"unsafe-path": "2 files, the first being 2, 4", "corrupt": "file 6: it is damaged"}),
        ("all.tar", ["X-2"], {"unsafe-path": "2 files, the first being 2, 3", "special-file": "file 1: member 'pipe' is a pipe"}),
    ):
        one = Lake.open(replace(lake.settings, lake=f"{lake.settings.lake}-{name}"))
        add_inputs(one, [f"osv:{tmp_path / name}"], DAY)
        report = ingest(one, "osv")
        assert one.scan("osv_record").collect()["id"].sort().to_list() == ids
        found = quarantine(one)
        assert found.keys() == said.keys()
        assert all(found[reason].startswith(detail) for reason, detail in said.items())
        assert report.rows_in == len(ids) + 3


def test_a_byte_order_mark_costs_no_record(lake, tmp_path):
    records = [{"id": f"X-{number}", "modified": "2026-01-31T00:00:00Z"} for number in range(2)]
    mark = "\ufeff".encode()
    (tmp_path / "lines.jsonl").write_bytes(mark + jsonl(*records))
    (tmp_path / "list.json").write_bytes(mark + json.dumps(records).encode())
    (tmp_path / "one.json").write_bytes(mark + json.dumps(records[0]).encode())
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.json", mark + json.dumps(records[0]).encode())
    (tmp_path / "end.jsonl").write_bytes(mark + json.dumps(records[0]).encode())
    for name, count in (("lines.jsonl", 2), ("list.json", 2), ("one.json", 1), ("all.zip", 1), ("end.jsonl", 1)):
        one = Lake.open(replace(lake.settings, lake=f"{lake.settings.lake}-{name}"))
        add_inputs(one, [f"osv:{tmp_path / name}"], DAY)
        ingest(one, "osv")
        rows = one.scan("osv_record").collect()
        assert rows["id"].sort().to_list() == ["X-0", "X-1"][:count]
        assert all(json.loads(record) in records for record in rows["record"])
        assert quarantine(one) == {}


def test_a_day_of_osv_is_what_was_modified_on_it(lake, tmp_path):
    records = [
        {"id": f"X-{n}", "modified": moment}
        for n, moment in enumerate(("2026-01-30T23:59:59Z", "2026-01-31T00:30:00+01:00", "2026-01-31T00:00:00Z"))
    ]
    (tmp_path / "osv.jsonl").write_bytes(jsonl(*records))
    add_inputs(lake, [f"osv:{tmp_path / 'osv.jsonl'}?modified=2026-01-31"], DAY)
    report = ingest(lake, "osv")
    assert lake.scan("osv_record").collect()["id"].to_list() == ["X-2"]
    assert report.dropped["not-asked-for"].rows == 2
    assert not quarantine(lake)
    with pytest.raises(UsageError, match="modifed"):
        parse_request(f"osv:{tmp_path / 'osv.jsonl'}?modifed=2026-01-31", lake.settings)


def test_packages_without_a_purl_get_the_one_of_their_ecosystem():
    from codecommons.archive.sources.osv import purl

    for ecosystem, name, expected in [
        ("PyPI", "requests", "pkg:pypi/requests"),
        ("Go", "golang.org/x/net", "pkg:golang/golang.org/x/net"),
        ("Maven", "org.apache.logging.log4j:log4j-core", "pkg:maven/org.apache.logging.log4j/log4j-core"),
        ("npm", "@babel/core", "pkg:npm/%40babel/core"),
        ("crates.io", "openssl", "pkg:cargo/openssl"),
        ("Packagist", "drupal/core", "pkg:composer/drupal/core"),
        ("Debian:12", "zlib", "pkg:deb/debian/zlib"),
        ("Unheard-of", "x", None),
    ]:
        assert purl({"package": {"ecosystem": ecosystem, "name": name}}) == expected


def test_softcite_documents_are_counted_as_they_are(lake, tmp_path):
    paper = {
        "application": "software-mentions",
        "metadata": {"doi": "10.1/abc"},
        "mentions": [{"software-name": {"rawForm": "R"}}] * 3,
    }
    (tmp_path / "paper.json").write_text(json.dumps(paper))
    (tmp_path / "other.jsonl").write_bytes(jsonl({"text": "no mentions"}))
    add_inputs(lake, [f"mentions:{tmp_path / name}" for name in ("paper.json", "other.jsonl")], DAY)
    ingest(lake, "mentions")
    [row] = lake.scan("software_mention").collect().to_dicts()
    assert (row["id"], row["layout"], row["mentions"]) == ("10.1/abc", "softcite", 3)
    assert quarantine(lake).keys() == {"unknown-layout"}


def test_the_second_stage_reads_records_and_later_ones_pass_with_nothing(lake, hours):
    (hours / f"{HOUR}.json.gz").write_bytes(gzip.compress(jsonl(event(1))))
    add_inputs(lake, [f"gharchive:{HOUR}"], DAY)
    ingest(lake)
    for stage, rows in ((annotate_slice, 1), (qualify_slice, 0), (compare_slice, 0)):
        report = stage(lake, InlineEngine(), DAY, "gharchive")
        assert [check.description for check in report.checks if not check.passed] == []
        assert (report.rows_in, report.rows_kept, report.dropped) == (rows, rows, {})


def test_rows_do_not_depend_on_workers_or_batches(lake, hours, tmp_path, assert_same_rows):
    for n in range(3):
        (hours / f"2026-01-31-{n}.json.gz").write_bytes(gzip.compress(jsonl(*(event(1000 * n + m) for m in range(300)))))
    other = Lake.open(replace(lake.settings, lake=str(tmp_path / "other"), home=tmp_path, workers=2, batch_bytes=4000))
    for one in (lake, other):
        add_inputs(one, [f"gharchive:2026-01-31-{n}" for n in range(3)], DAY)
        ingest(one, engine=local_engine(one.settings))
    assert lake.scan("gharchive_event").collect().height == 900
    assert_same_rows(lake, other)


def test_a_run_that_died_between_facts_and_news_is_made_whole_by_the_next(lake, hours, monkeypatch):
    (hours / f"{HOUR}.json.gz").write_bytes(gzip.compress(jsonl(event(1), event(2))))
    add_inputs(lake, [f"gharchive:{HOUR}"], DAY)
    for step in ("write_news", "append_report"):
        with monkeypatch.context() as patch:
            patch.setattr(Lake, step, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                ingest_slice(lake, InlineEngine(), DAY, "gharchive")
        assert lake.scan("gharchive_event").collect().is_empty()
    ingest(lake)
    assert lake.scan("gharchive_event").collect()["id"].sort().to_list() == ["1", "2"]
    assert len(data_files(lake.delta("gharchive_event"))) == 1


def test_a_record_that_its_readers_fail_on_costs_no_other(lake, tmp_path, monkeypatch):
    odd, good = (
        {"id": name, "modified": "2026-01-31T00:00:00Z", "affected": one} for name, one in (("A-1", [None]), ("A-2", []))
    )
    (tmp_path / "all.jsonl").write_bytes(jsonl(odd, {"id": "A-3", "modified": "2026-01-31T00:00:00Z"}, good))
    add_inputs(lake, [f"osv:{tmp_path / 'all.jsonl'}"], DAY)
    feed, reader = sources(lake.settings)["osv"], readers(lake.settings)["osv"]
    row, read = feed.row, reader.read

    def failing_row(item, record, raw):
        return row(item, (record["id"] == "A-3" and record["id"].nonesuch) or record, raw)

    def failing_read(rows):
        return read([{**one, "record": one["record"] if one["id"] != "A-1" else 1 / 0} for one in rows])

    monkeypatch.setattr(feed, "row", failing_row)
    report = ingest(lake, "osv")
    assert (report.rows_kept, {reason: one.rows for reason, one in report.dropped.items()}) == (2, {"unreadable": 1})
    assert quarantine(lake)["unreadable"] == "line 2: AttributeError: 'str' object has no attribute 'nonesuch'"

    failing = {"osv": replace(reader, read=failing_read)}
    monkeypatch.setattr("codecommons.annotate.stage.readers", lambda _: failing)
    monkeypatch.setattr("codecommons.annotate.feed.readers", lambda _: failing)
    report = annotate_slice(lake, InlineEngine(), DAY, "osv")
    assert [check.description for check in report.checks if not check.passed] == []
    assert (report.rows_kept, {reason: one.rows for reason, one in report.dropped.items()}) == (1, {"unreadable": 1})
    details = lake.scan("quarantine").filter(reason="unreadable").collect()["detail"]
    assert "A-1: ZeroDivisionError: division by zero" in details.to_list()
    assert lake.scan("vulnerability_record").collect()["id"].to_list() == ["A-2"]
