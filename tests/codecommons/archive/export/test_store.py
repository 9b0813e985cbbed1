# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Exports on S3, with contents that are missing, damaged, too large or late."""

import dataclasses
import gzip
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice, parse_request, settle_terms
from codecommons.archive.export import contents
from codecommons.archive.export.contents import packed_bound, unpacked
from codecommons.archive.export.selection import read_selection
from codecommons.archive.export.tables import Export
from codecommons.engine.local import InlineEngine, PoolEngine
from codecommons.lake import Lake
from codecommons.license import qualify_slice
from codecommons.swhid import hash_content


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "BACKOFF", 0.01)


def reasons(lake: Lake) -> dict[str, str]:
    found = lake.scan("skipped_content").select(pl.col("sha1_git").bin.encode("hex"), "reason").collect()
    return dict(found.rows())


def named(made, name: bytes) -> tuple[str, str]:
    """sha1_git and sha1 of the content under a name."""
    [target] = {row[3] for row in made.rows["directory_entry"] if row[1] == name}
    return target, hashlib.sha1(made.contents[target]).hexdigest()


def test_from_a_bucket_through_the_stages(s3_settings, store, lively, graph, bucket, ingest) -> None:
    made = graph(lively).visit("https://forge.example.org/it", 3, "2026-01-30T10:00:00")
    uri = bucket(made)
    lake = Lake.open(s3_settings)
    report = ingest(lake, f"swh:{uri}", engine=PoolEngine(2))
    assert report.details["fetched"] == len({row[3] for row in lake_files(lake)})
    assert report.rows_kept == report.rows_in > 5
    assert all(count == 1 for count in store.asked.values())
    for stage in (annotate_slice, qualify_slice):
        done = stage(lake, InlineEngine(), "2026-01-31", "swh")
        assert [check.description for check in done.checks if not check.passed] == []
    with lake.sql() as sql:
        [(origin, path, language)] = sql.sql(
            "select origin, path, language from file join annotation_language on annotation_language.swhid = file.content "
            "where path = 'main.py' and name = 'main.py'"
        ).fetchall()
    assert (origin, path, language) == ("https://forge.example.org/it", "main.py", "Python")


def lake_files(lake: Lake) -> list[tuple]:
    return lake.scan("tree_file").select("root", "path", "perms", "content").collect().rows()


def test_a_bucket_gives_what_a_folder_gives(tmp_path: Path, s3_settings, lively, graph, bucket, ingest, assert_same_rows) -> None:
    made = graph(lively).visit("https://a", 1, "2026-01-30")
    uri = bucket(made, "orc")
    anonymous = dataclasses.replace(s3_settings, export_options=(s3_settings.export_options[0],))
    lakes = []
    for text, settings in (
        (f"swh:{uri}", anonymous),
        (f"swh:{tmp_path}/graph/2026-01-01?contents={tmp_path}/content", anonymous),
    ):
        home = settings.home / str(len(lakes))
        lakes.append(Lake.open(dataclasses.replace(settings, home=home, lake=str(home / "lake"))))
        ingest(lakes[-1], text)
    of_item = ("slice_input", "slice_log", "origin_visit", "origin_visit_status", "quarantine")
    assert_same_rows(*lakes, but=of_item)


def test_what_can_not_be_had_is_skipped_with_the_reason_and_the_rest_is_there(
    tmp_path: Path, s3_settings, store, repository, graph, bucket, ingest
) -> None:
    names = ["missing", "cut", "other", "plain", "bomb", "longer", "large", "late", "never", "fine"]
    repository.commit("More", **{name: f"{name}\n" * (200 if name == "large" else 20) for name in names})
    made = graph(repository).visit("https://a", 1, "2026-01-30")
    uri = bucket(made)
    at = {name: named(made, name.encode()) for name in names}
    damage = {
        "cut": lambda data: data[:-9],
        "other": lambda data: gzip.compress(b"x" * 120),
        "plain": lambda data: b"never packed",
        "bomb": lambda data: gzip.compress(bytes(50_000_000)),
        "longer": lambda data: gzip.compress(gzip.decompress(data) + b"!"),
    }
    import s3fs

    fs = s3fs.S3FileSystem(key="test", secret="test", endpoint_url=f"http://127.0.0.1:{store.behind}", skip_instance_cache=True)
    where = f"{uri.removeprefix('s3://').partition('/')[0]}/content"
    fs.rm_file(f"{where}/{at['missing'][1]}")
    for name, spoil in damage.items():
        path = f"{where}/{at[name][1]}"
        fs.pipe_file(path, spoil(fs.cat_file(path)))
    store.failures = {at["late"][1]: [500, 503], at["never"][1]: [500, 503, 500, 500]}
    lake = Lake.open(dataclasses.replace(s3_settings, max_content_bytes=1_000))
    report = ingest(lake, f"swh:{uri}")
    expected = {
        "missing": "missing-upstream",
        **dict.fromkeys(damage, "wrong-hash"),
        "large": "too-large",
        "never": "unreachable",
    }
    assert reasons(lake) == {at[name][0]: reason for name, reason in expected.items()}
    said = lake.scan("content").select(pl.col("sha1_git").bin.encode("hex"), "verified", "verified_reason").collect().rows()
    assert {row for row in said if row[0] in reasons(lake)} == {
        (at[name][0], "not-possible", "bytes not fetched") for name in expected
    }
    assert {row[1:] for row in said if row[0] not in reasons(lake)} == {("yes", None)}
    assert [store.asked[at[name][1]] for name in ("fine", "late", "never", "missing", "cut", "large")] == [1, 3, 3, 3, 1, 0]
    assert report.conserved
    counted = {reason: count.rows for reason, count in report.dropped.items()}
    assert counted == {"missing-upstream": 1, "wrong-hash": 5, "too-large": 1, "unreachable": 1}
    # What was unreachable is asked for again the next time, and what is here is not.
    store.asked.clear()
    again = ingest_slice(lake, InlineEngine(), "2026-01-31", "swh")
    assert again.details["fetched"] == 1
    assert at["fine"][1] not in store.asked
    with lake.sql() as sql:
        shown = {swhid for (swhid,) in sql.sql("select swhid from skipped_content").fetchall()}
    assert shown == {f"swh:1:cnt:{at[name][0]}" for name in expected if name != "never"}


def test_a_store_that_nobody_can_reach_fails_the_item(s3_settings, store, repository, graph, bucket) -> None:
    made = graph(repository).visit("https://a", 1, "2026-01-30")
    uri = bucket(made)
    store.failures = {hashlib.sha1(data).hexdigest(): [503] * 9 for data in made.contents.values()}
    lake = Lake.open(s3_settings)
    request = parse_request(f"swh:{uri}", lake.settings)
    settle_terms([request], lake.settings, accepted=True)
    add_inputs(lake, [request], "2026-01-31")
    report = ingest_slice(lake, InlineEngine(), "2026-01-31", "swh")
    assert [check.name for check in report.checks if not check.passed] == ["no_empty_success"]
    assert report.details["items"] == {"failed": 1}
    store.failures = {}
    report = ingest_slice(lake, InlineEngine(), "2026-01-31", "swh")
    assert report.rows_kept == 2


def fetched(lake: Lake, uri: str, place: str, *rows: dict[str, object]) -> contents.Fetched:
    """What becomes of contents of which the export ``uri`` names length and hashes; the objects are in ``place``."""
    hashes = ("sha1_git", "sha1", "sha256", "blake2s256")
    schema = pa.schema([*((name, pa.binary()) for name in hashes), ("length", pa.int64())])
    with lake.staging("test") as area:
        task = contents.Fetch(place, read_selection(uri), pa.RecordBatch.from_pylist(list(rows), schema), area)
        return contents.fetch(task)


def named_by(data: bytes) -> dict[str, object]:
    """What an export says of a content."""
    return {**hash_content(data)._asdict(), "length": len(data)}


def test_credentials_are_sent_only_where_there_are_some_and_they_are_wanted(
    s3_settings, store, repository, graph, bucket
) -> None:
    made = graph(repository).visit("https://a", 1, "2026-01-30")
    plain = bucket(made)
    place = f"s3://{plain.removeprefix('s3://').partition('/')[0]}/content"
    keys = [(name, value) for name, value in s3_settings.export_options if name != "AWS_ENDPOINT_URL"]
    for some, query, signed in ((keys, "", True), (keys, "&anonymous=yes", False), ([], "", False)):
        uri = f"{plain}?endpoint={store.endpoint}{query}"  # before the settings' own, where nobody answers
        options = (("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), *some)
        lake = Lake.open(dataclasses.replace(s3_settings, export_options=options))
        store.signed.clear()
        rows = Export(read_selection(uri), lake.settings).read("origin", ["url"]).read_all()
        assert rows["url"].to_pylist() == ["https://a"]
        assert store.signed == {signed}
        store.signed.clear()
        assert len(fetched(lake, uri, place, *map(named_by, made.contents.values())).ids) == len(made.contents)
        assert store.signed == {signed}


def test_contents_are_asked_for_many_at_a_time_and_no_more_than_there_are_connections(
    s3_settings, store, graph, bucket, repository, monkeypatch
) -> None:
    made = graph(repository)
    made.contents = {str(number): b"%d\n" % number for number in range(20)}
    uri = bucket(made)
    monkeypatch.setattr(contents, "_CONNECTIONS", 4)
    store.slow = 0.02
    for options in (s3_settings.export_options, s3_settings.export_options[:1]):
        store.busiest = 0
        lake = Lake.open(dataclasses.replace(s3_settings, export_options=options))
        place = f"s3://{uri.removeprefix('s3://').partition('/')[0]}/content"
        assert len(fetched(lake, uri, place, *map(named_by, made.contents.values())).ids) == 20
        assert store.busiest == 4


@pytest.mark.parametrize(("name", "size"), [("sha1", 20), ("sha1_git", 20), ("sha256", 32), ("blake2s256", 32)])
def test_every_hash_that_the_export_names_is_compared(tmp_path: Path, lake: Lake, name: str, size: int) -> None:
    data, said = b"some content\n", named_by(b"some content\n")
    for sha1 in (said["sha1"], b"\1" * 20):
        (tmp_path / sha1.hex()).write_bytes(gzip.compress(data))
    wrong = fetched(lake, str(tmp_path), str(tmp_path), {**said, name: b"\1" * size})
    assert (wrong.ids, [reason for _, reason in wrong.failed]) == ([], ["wrong-hash"])
    unsaid = {**said, name: None} if size == 32 else said
    assert fetched(lake, str(tmp_path), str(tmp_path), unsaid).ids == [said["sha1_git"]]


def test_what_is_asked_for_again_is_waited_for_twice_as_long_each_time(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(contents, "time", SimpleNamespace(sleep=waits.append))
    monkeypatch.setattr(contents, "TRIES", 4)
    gone = fetched(lake, str(tmp_path), str(tmp_path), named_by(b"gone"))
    assert [reason for _, reason in gone.failed] == ["missing-upstream"]
    assert waits == [contents.BACKOFF * factor for factor in (1, 2, 4)]


def test_a_content_that_is_not_to_be_had_is_asked_for_no_more(tmp_path: Path, lake: Lake, repository, graph, ingest) -> None:
    made = graph(repository).visit("https://a", 1, "2026-01-30")
    made.store(tmp_path / "content")
    made.write(tmp_path / "export", "parquet")
    report = ingest(lake, f"swh:{tmp_path / 'export'}?contents=none")
    assert set(reasons(lake).values()) == {"not-fetched"}
    assert report.rows_kept == 0
    ingest(lake, f"swh:{tmp_path / 'export'}", day="2026-02-01")
    assert set(lake.scan("content").collect()["verified"]) == {"yes"}


def test_what_is_no_regular_file_is_no_content(tmp_path: Path, lake: Lake, repository, graph, ingest) -> None:
    made = graph(repository).visit("https://a", 1, "2026-01-30")
    made.store(tmp_path / "content")
    made.write(tmp_path / "export", "parquet")
    target, sha1 = named(made, b"main.py")
    (tmp_path / "content" / sha1).unlink()
    os.mkfifo(tmp_path / "content" / sha1)  # whoever opens it waits until somebody writes
    report = ingest(lake, f"swh:{tmp_path / 'export'}")
    assert reasons(lake) == {target: "missing-upstream"}
    assert report.details["fetched"] == len(made.contents) - 1


RUN = """
import os, sys
from codecommons.archive import ingest_slice
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.settings import Settings
import dataclasses
settings = dataclasses.replace(Settings.from_environment(), batch_bytes=150, workers=0)
ingest_slice(Lake.open(settings), InlineEngine(), "2026-01-31", "swh")
"""


def test_a_run_that_is_killed_while_it_fetches_goes_on_where_it_was(
    tmp_path: Path, s3_settings, store, repository, graph, bucket, ingest, assert_same_rows
) -> None:
    for number in range(70):
        (repository.path / f"file{number}").write_text(f"{number}\n" * 20)
    repository.commit("Many")
    uri = bucket(graph(repository).visit("https://a", 1, "2026-01-30"))
    undisturbed = Lake.open(dataclasses.replace(s3_settings, batch_bytes=150))
    ingest(undisturbed, f"swh:{uri}")
    home = tmp_path / "killed"
    lake = Lake.open(dataclasses.replace(s3_settings, home=home, lake=str(home / "lake"), batch_bytes=150))
    request = parse_request(f"swh:{uri}", lake.settings)
    settle_terms([request], lake.settings, accepted=True)
    add_inputs(lake, [request], "2026-01-31")
    store.asked.clear()
    store.most = 60
    environment = {**os.environ, **dict(s3_settings.export_options), "CODECOMMONS_HOME": str(home), "CODECOMMONS_LAKE": ""}
    process = subprocess.Popen([sys.executable, "-c", RUN], env=environment, cwd=Path.cwd())
    assert store.held.wait(60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    store.most = None
    store.go_on.set()
    there = lake.scan("content_data").select("sha1_git").collect().height
    assert 0 < there < 60
    assert lake.scan("origin_visit").collect().height == 0
    store.asked.clear()
    report = ingest_slice(lake, InlineEngine(), "2026-01-31", "swh")
    assert report.details["fetched"] == store.asked.total() == 72 - there
    assert_same_rows(undisturbed, lake)


@given(st.binary(max_size=2_000), st.integers(0, 9))
def test_what_was_packed_is_unpacked_and_fits_its_bound(data: bytes, level: int) -> None:
    packed = gzip.compress(data, level)
    assert unpacked(packed, len(data)) == data
    assert len(packed) <= packed_bound(len(data))
    assert unpacked(packed, len(data) + 1) is None
    assert unpacked(packed[:-1], len(data)) is None
    if data:
        assert unpacked(packed, len(data) - 1) is None


@given(st.binary(max_size=200), st.integers(0, 300))
def test_nothing_that_is_no_gzip_file_is_unpacked(data: bytes, length: int) -> None:
    assert unpacked(data, length) is None
    assert unpacked(zlib.compress(data), len(data)) is None


@pytest.mark.skipif(
    not (shutil.which("radosgw") and (os.environ.get("CODECOMMONS_RADOSGW") or os.environ.get("CI"))),
    reason="Ceph's radosgw is not on PATH, or CODECOMMONS_RADOSGW is not set",
)
def test_another_s3_server_gives_the_same(
    tmp_path: Path, radosgw, upload, settings, lively, graph, ingest, assert_same_rows
) -> None:
    made = graph(lively).visit("https://a", 1, "2026-01-30")
    uri = upload(made, "parquet", tmp_path, *radosgw)
    options = tuple(zip(("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), radosgw, strict=True))
    lakes = []
    for text in (f"swh:{uri}?branch=all", f"swh:{tmp_path}/graph/2026-01-01?branch=all&contents={tmp_path}/content"):
        home = settings.home / str(len(lakes))
        lakes.append(Lake.open(dataclasses.replace(settings, home=home, lake=str(home / "lake"), export_options=options)))
        ingest(lakes[-1], text)
    of_item = ("slice_input", "slice_log", "origin_visit", "origin_visit_status", "quarantine")
    assert_same_rows(*lakes, but=of_item)
