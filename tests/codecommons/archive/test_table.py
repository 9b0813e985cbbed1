# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import datetime as dt
import gzip
import json
import os
import random
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice, parse_request
from codecommons.datasets import build
from codecommons.dedup import compare_slice
from codecommons.engine import local_engine
from codecommons.engine.local import InlineEngine
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.license import qualify_slice
from codecommons.settings import Settings
from codecommons.swhid import content_id
from codecommons.swhid.tree import identify_directory

DAY, NEXT = "2026-01-31", "2026-02-01"
# What says which file the rows came from, and no more.
BOOKKEEPING = ("slice_input", "slice_log", "extid", "collection_tree", "quarantine")


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", lake=str(tmp_path / "home" / "lake"), workers=0, bucket_bits=0)


def another(lake, name, **changes):
    return Lake.open(replace(lake.settings, lake=f"{lake.settings.lake}-{name}", **changes))


def write(path, rows, schema=None):
    """Rows as whatever the file's name says."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows, schema), path, row_group_size=3)
    else:
        data = b"".join(json.dumps(row, default=lambda value: value.isoformat()).encode() + b"\n" for row in rows)
        packed = {".gz": gzip.compress, ".zst": lambda data: pa.compress(data, "zstd", asbytes=True)}
        path.write_bytes(packed.get(path.suffix, bytes)(data))
    return path


def ingest(lake, *requests, day=DAY, engine=None, red=()):
    add_inputs(lake, [f"table:{one}" for one in requests], day)
    report = ingest_slice(lake, engine or InlineEngine(), day, "table")
    assert [check.name for check in report.checks if not check.passed] == list(red)
    return report


@pytest.fixture
def files(current_files):
    """Origin and path, without the folder that names the declarations -> text."""

    def read(lake):
        texts = dict(lake.scan("content_data").select("sha1_git", "data").collect().iter_rows())
        rows = current_files(lake, NEXT).select("origin", "path", "content").iter_rows()
        return {(origin, _below(path)): texts.get(content) for origin, path, content in rows}

    return read


def _below(path):
    top, _, rest = path.decode("utf-8", "backslashreplace").partition("/")
    return rest if top.startswith("declared-") else f"{top}/{rest}" if rest else top


@pytest.fixture
def assert_alike(rows_of):
    """Compares all that two lakes know but which file they have it from."""

    def compare(one, other):
        left, right = (
            {name: rows.drop("attempt", strict=False) for name, rows in rows_of(lake).items() if name not in BOOKKEEPING}
            for lake in (one, other)
        )
        for name in left.keys() | right.keys():
            assert left[name].equals(right[name]), name

    return compare


def quarantine(lake, day=DAY):
    return {row["reason"]: row["detail"] for row in lake.scan("quarantine").filter(slice=day).collect().to_dicts()}


def declarations(lake):
    columns = ("path", "licenses", "date", "language", "row_id", "declared_by")
    return {_below(row[0]): row[1:] for row in lake.scan("declaration").select(columns).collect().iter_rows()}


ROWS = [
    {
        "text": "# Engine\n",
        "origin": "https://docs.example/a",
        "path": "guide/engine.md",
        "license": "MIT",
        "date": dt.datetime(2024, 1, 2, tzinfo=dt.UTC),
    },
    {"text": "How?\n", "origin": "https://qa.example/1", "path": None, "license": "CC-BY-SA-4.0", "date": None, "id": "q/17"},
    {
        "text": "So.\n",
        "origin": "https://qa.example/1",
        "path": "./answers//1.md",
        "license": None,
        "date": dt.datetime(1999, 12, 31, 23, 59, 59, tzinfo=dt.UTC),
    },
    {"text": "déjà vu\n", "origin": "https://docs.example/a", "path": "LICENSE", "license": "see below", "date": None},
    {"text": "no more\n", "origin": "https://docs.example/a", "path": None, "license": None, "date": None},
]
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("text", "origin", "path", "license", "id")] + [("date", pa.timestamp("ms", "UTC"))]
)


def test_rows_are_files_and_the_rows_of_an_origin_a_tree(lake, tmp_path, files):
    report = ingest(lake, write(tmp_path / "docs.parquet", ROWS, SCHEMA))
    assert (report.rows_in, report.rows_kept, report.details["items"]) == (5, 5, {"loaded": 1})
    assert files(lake) == {
        ("https://docs.example/a", "guide/engine.md"): b"# Engine\n",
        ("https://docs.example/a", "LICENSE"): "déjà vu\n".encode(),
        ("https://docs.example/a", f"{content_id(b'no more' + bytes([10])).hex()}.txt"): b"no more\n",
        ("https://qa.example/1", "q%2F17.txt"): b"How?\n",
        ("https://qa.example/1", "answers/1.md"): b"So.\n",
    }
    said = declarations(lake)
    assert said["guide/engine.md"] == (["MIT"], dt.datetime(2024, 1, 2, tzinfo=dt.UTC), None, None, "table:docs")
    assert said["q%2F17.txt"] == (["CC-BY-SA-4.0"], None, None, "q/17", "table:docs")
    assert said["answers/1.md"][1] == dt.datetime(1999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
    assert len(said) == 4
    visits = lake.scan("origin_visit_status").sort("origin").collect()
    assert visits.select("origin", "status", "type").rows() == [
        ("https://docs.example/a", "full", "table"),
        ("https://qa.example/1", "full", "table"),
    ]


def test_what_declares_nothing_is_the_very_tree_of_its_files(lake, tmp_path):
    texts = {"a.md": "a", "deep/er/b.md": "b", "deep/c.md": "c"}
    for path, text in texts.items():
        (tmp_path / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / path).write_text(text)
    ingest(lake, write(tmp_path / "docs.jsonl", [{"text": text, "name": path} for path, text in texts.items()]))
    [row] = lake.scan("collection_tree").collect().to_dicts()
    assert row["root"] == identify_directory(tmp_path / "tree")
    assert row["origin"] == (tmp_path / "docs.jsonl").as_uri()
    assert lake.scan("declaration").collect().is_empty()


@pytest.mark.parametrize("twin", ["docs.jsonl", "docs.jsonl.gz", "docs.jsonl.zst"])
def test_parquet_and_json_lines_of_the_same_rows_are_the_same_rows_of_the_lake(lake, tmp_path, twin, assert_alike):
    other = another(lake, "twin")
    ingest(lake, write(tmp_path / "docs.parquet", ROWS, SCHEMA))
    ingest(other, write(tmp_path / twin, ROWS))
    assert_alike(lake, other)
    assert lake.scan("declaration").collect().height == 4


def test_polars_own_parquet_binary_texts_and_odd_types_of_date_are_read(lake, tmp_path, files):
    day = dt.date(2024, 5, 6)
    frame = pl.DataFrame(
        {
            "text": [b"caf\xe9", b"plain", b"epoch", b"odd"],
            "path": ["1", "2", "3", "4"],
            "date": pl.Series([day, None, dt.date(1970, 1, 2), dt.date(9999, 12, 31)]),
            "license": [["MIT", "Apache-2.0"], ["MIT"], [], None],
        }
    )
    frame.write_parquet(tmp_path / "binary.parquet")
    ingest(lake, tmp_path / "binary.parquet")
    assert files(lake)[(tmp_path / "binary.parquet").as_uri(), "1"] == b"caf\xe9"
    said = declarations(lake)
    assert said["1"][:2] == (["Apache-2.0", "MIT"], dt.datetime(2024, 5, 6, tzinfo=dt.UTC))
    assert said["2"][:2] == (["MIT"], None)
    assert said["4"][1] == dt.datetime(9999, 12, 31, tzinfo=dt.UTC)


def test_bad_rows_are_left_out_with_reasons_and_the_rest_goes_on(lake, tmp_path, files):
    lake = another(lake, "small", max_content_bytes=1000)
    base = {"origin": "https://x.example", "license": "MIT"}
    rows = [
        {**base, "text": "good", "path": "good.md"},
        {**base, "text": None, "path": "null.md"},
        {**base, "text": "x" * 1500, "path": "large.md"},
        {**base, "text": "up", "path": "../up.md"},
        {**base, "text": "root", "path": "/etc/passwd"},
        {**base, "text": "nothing", "path": "./"},
        {**base, "text": "one", "path": "twice.md", "date": "2024-01-01"},
        {**base, "text": "newer", "path": "twice.md", "date": "2024-02-01T00:00:00+02:00"},
        {**base, "text": "same", "path": "same.md"},
        {**base, "text": "same", "path": "same.md", "license": "GPL-3.0-only"},
        {**base, "text": "file", "path": "a"},
        {**base, "text": "below", "path": "a/b"},
        {**base, "text": "when", "path": "when.md", "date": "the day before yesterday"},
        {**base, "text": "where", "path": "where.md", "origin": "\n"},
        {**base, "text": 17, "path": "number.md"},
    ]
    path = write(tmp_path / "docs.jsonl", rows)
    path.write_bytes(path.read_bytes() + b'{"text": "caf\xe9"}\nnonsense\n' + b'{"text": "' + b"y" * 5000 + b'"}\n')
    report = ingest(lake, path)
    assert report.conserved
    assert {reason: count.rows for reason, count in report.dropped.items()} == {
        "bad-origin": 1,
        "bad-path": 3,
        "line-too-long": 1,
        "no-text": 1,
        "not-json": 1,
        "not-utf8": 1,
        "path-conflict": 2,
        "repeated": 1,
        "too-large": 1,
        "wrong-type": 1,
    }
    texts = {path: text for (_, path), text in files(lake).items()}
    assert texts == {
        "good.md": b"good",
        "large.md": None,
        "twice.md": b"newer",
        "same.md": b"same",
        "a/b": b"below",
        "when.md": b"when",
    }
    [skipped] = lake.scan("skipped_content").collect().to_dicts()
    assert (skipped["sha1_git"], skipped["reason"]) == (content_id(b"x" * 1500), "too-large")
    assert quarantine(lake).keys() == (report.dropped.keys() - {"repeated"}) | {"bad-date"}
    assert quarantine(lake)["bad-path"].startswith("3 rows were left out: ")
    assert declarations(lake)["same.md"][0] == ["GPL-3.0-only", "MIT"]


def test_text_columns_that_are_no_text_are_left_out(lake, tmp_path):
    bad = pa.Array.from_buffers(pa.string(), 2, pa.array([b"caf\xe9", b"fine"], pa.binary()).buffers())
    pq.write_table(pa.table({"text": bad, "path": pa.array(["a", "b"])}), tmp_path / "t.parquet")
    report = ingest(lake, tmp_path / "t.parquet")
    assert (report.rows_kept, report.dropped["not-utf8"].rows) == (1, 1)


def test_the_order_of_rows_workers_and_batches_change_nothing(lake, tmp_path, assert_alike):
    chosen = random.Random(7)
    rows = [
        {
            "text": f"text {chosen.randrange(60)}\n",
            "origin": f"https://x.example/{chosen.randrange(9)}",
            "path": chosen.choice([None, f"d{chosen.randrange(4)}/f{chosen.randrange(5)}", f"d{chosen.randrange(4)}"]),
            "license": chosen.choice([None, "MIT", "GPL-3.0-only", "whatever"]),
            "date": chosen.choice([None, "2024-01-01", "2023-01-01"]),
            "id": str(chosen.randrange(30)),
        }
        for _ in range(300)
    ]
    (tmp_path / "other").mkdir()
    report = ingest(lake, write(tmp_path / "docs.jsonl", rows))
    chosen.shuffle(rows)
    other = another(lake, "shuffled", workers=2, batch_bytes=20_000)
    schema = pa.schema([(name, pa.string()) for name in ("text", "origin", "path", "license", "date", "id")])
    again = ingest(other, write(tmp_path / "other" / "docs.parquet", rows, schema), engine=local_engine(other.settings))
    assert_alike(lake, other)
    assert again.dropped == report.dropped
    assert quarantine(lake) == quarantine(other)


def test_columns_are_named_in_the_request(lake, tmp_path, files):
    rows = [{"body": "hello", "url": "https://x.example", "lic": "ISC", "ts": 86400, "where": "a.md"}]
    path = write(tmp_path / "docs.jsonl", rows)
    ingest(lake, f"{path}?text=body&origin=url&license=lic&date=ts&path=where")
    assert files(lake) == {("https://x.example", "a.md"): b"hello"}
    assert declarations(lake)["a.md"][:2] == (["ISC"], dt.datetime(1970, 1, 2, tzinfo=dt.UTC))


@pytest.mark.parametrize("name", ["docs.jsonl", "docs.parquet"])
def test_a_column_that_is_not_there_fails_the_table_and_says_what_was_meant(lake, tmp_path, name):
    path = write(tmp_path / name, [{"body": "hello", "licence": "MIT"}])
    ingest(lake, path, f"{path}?text=body&license=license", f"{path}?text=bodi")
    details = lake.scan("quarantine").sort("item").collect()["detail"].to_list()
    assert details[0].startswith("it has no column 'text'; name one, as in ?text=body")
    assert details[1] == "it has no column 'license' to be the license; did you mean 'licence'?"
    assert details[2] == "it has no column 'bodi' to be the text; did you mean 'body'?"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("table:{}?txt=body", "did you mean 'text'"),
        ("table:{}?text=", "must name one column"),
        ("table:{}?path=a&name=b", "must name one column"),
        ("table:{}?", "say which column is what"),
        ("table:{}.gone", "does not exist"),
    ],
)
def test_a_request_that_makes_no_sense_is_one_line(settings, tmp_path, text, meant):
    path = write(tmp_path / "docs.jsonl", [{"text": "x"}])
    with pytest.raises(UsageError, match=meant):
        parse_request(text.format(path), settings)


def test_damaged_and_empty_tables_stop_no_other(lake, tmp_path, files):
    good = write(tmp_path / "good.jsonl", [{"text": "good"}])
    whole = write(tmp_path / "whole.parquet", ROWS, SCHEMA).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-100])
    (tmp_path / "empty.jsonl").write_bytes(b"")
    write(tmp_path / "none.parquet", [], SCHEMA)
    noise = random.Random(1).randbytes(200_000).hex()
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"text": "first"}\n{"text": "' + noise.encode() + b'"}\n')[:-90_000])
    report = ingest(lake, good, *(tmp_path / name for name in ("cut.parquet", "empty.jsonl", "none.parquet", "cut.jsonl.gz")))
    reasons = {Path(item).name: reason for item, reason in lake.scan("quarantine").select("item", "reason").collect().iter_rows()}
    assert reasons == {
        "cut.parquet": "corrupt",
        "empty.jsonl": "empty-table",
        "none.parquet": "empty-table",
        "cut.jsonl.gz": "truncated",
    }
    assert report.details["items"] == {"failed": 3, "loaded": 2}
    assert set(files(lake).values()) == {b"good", b"first"}


def test_a_text_that_a_million_rows_share_is_a_bomb_and_takes_no_room(lake, tmp_path):
    lake = another(lake, "small", max_archive_bytes=50 << 20)
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 10_000, pa.int32()), pa.array(["x" * (1 << 20)]))
    pq.write_table(pa.table({"text": text}), tmp_path / "bomb.parquet", compression="zstd")
    assert (tmp_path / "bomb.parquet").stat().st_size < 1 << 20
    ingest(lake, tmp_path / "bomb.parquet")
    assert quarantine(lake).keys() == {"bomb"}


def test_a_table_is_loaded_once_and_needs_neither_file_nor_cache_again(lake, tmp_path, files):
    path = write(tmp_path / "docs.parquet", ROWS, SCHEMA)
    ingest(lake, path)
    before = files(lake)
    path.unlink()
    shutil.rmtree(lake.settings.cache)
    report = ingest_slice(lake, InlineEngine(), DAY, "table")
    assert (report.details["items"], report.rows_kept, report.details["committed"]) == ({"reused": 1}, 5, {})
    assert files(lake) == before


def test_other_declarations_of_the_same_texts_are_another_tree_which_takes_the_place_of_the_first(lake, tmp_path, current_files):
    path = write(tmp_path / "docs.jsonl", [{"text": "x = 1\n", "origin": "https://x.example", "path": "a.py", "lic": "MIT"}])
    ingest(lake, path)
    ingest(lake, f"{path}?license=lic", day=NEXT)
    roots = lake.scan("collection_tree").collect()["root"]
    assert roots.n_unique() == 2
    assert current_files(lake, DAY)["path"].to_list() == [b"a.py"]
    [path] = current_files(lake, NEXT)["path"].to_list()
    assert path.startswith(b"declared-")


def test_a_folder_or_pattern_of_files_is_one_table(lake, tmp_path, assert_alike):
    folder = tmp_path / "docs"
    folder.mkdir()
    for at, row in enumerate(ROWS):
        write(folder / f"part-{at}.parquet", [row], SCHEMA)
    (folder / "README.md").write_text("not a table")
    other = another(lake, "pattern")
    assert ingest(lake, folder).rows_kept == ingest(other, f"{folder}/part-*.parquet").rows_kept == 5
    assert_alike(lake, other)


def test_a_table_comes_from_an_s3_server(lake, tmp_path, files):
    import s3fs
    from moto.server import ThreadedMotoServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    try:
        endpoint = f"http://127.0.0.1:{port}"
        fs = s3fs.S3FileSystem(key="test", secret="test", endpoint_url=endpoint)
        fs.mkdir("collections")
        fs.put(str(write(tmp_path / "docs.parquet", ROWS, SCHEMA)), "collections/docs.parquet")
        variables = {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        given = Settings.from_environment({"CODECOMMONS_HOME": str(tmp_path / "home"), **variables})
        remote = Lake.open(replace(lake.settings, export_options=given.export_options))
        report = ingest(
            remote, "s3://collections/docs.parquet", "s3://collections/*.parquet?text=text", "s3://collections/gone.parquet"
        )
        assert report.details["items"] == {"failed": 1, "loaded": 2}
        assert quarantine(remote).keys() == {"missing-file"}
        assert ("https://docs.example/a", "guide/engine.md") in files(remote)
    finally:
        server.stop()


def test_a_byte_order_mark_costs_no_row(lake, tmp_path):
    path = write(tmp_path / "docs.jsonl", [{"text": "one"}, {"text": "two"}])
    path.write_bytes("\ufeff".encode() + path.read_bytes())
    report = ingest(lake, path)
    assert (report.rows_in, report.rows_kept) == (2, 2)
    assert lake.scan("quarantine").collect().height == 0


@pytest.fixture(scope="session")
def prepared(request):
    """Where annotators keep what they derive, so that it is derived once."""
    return Path(os.environ.get("CODECOMMONS_TEST_CACHE") or request.config.cache.mkdir("codecommons")) / "cache"


def test_through_all_stages_the_licence_column_decides_for_exactly_its_file(lake, tmp_path, prepared):
    prepared.mkdir(exist_ok=True, parents=True)
    (tmp_path / "home").mkdir(exist_ok=True)
    if not (tmp_path / "home" / "cache").exists():
        (tmp_path / "home" / "cache").symlink_to(prepared)
    body = "\n".join(f"def function_{{0}}_{n}(left, right):\n    return left * {n} + right" for n in range(20))
    licenses = {
        "mit.py": "MIT",
        "words.py": "MIT License",
        "gpl.py": "GPL-3.0-only",
        "missing.py": None,
        "garbage.py": "ask my lawyer",
        "both.py": ["MIT", "ask my lawyer"],
        "null.py": ["MIT", None],
        "blank.py": ["MIT", ""],
        "nested.py": [["MIT"], None],
        "object.py": {"MIT": None},
        "none.py": [],
        "header.py": "MIT",
    }
    rows = [
        {"text": body.format(at), "origin": "https://x.example", "path": name, "license": said}
        for at, (name, said) in enumerate(licenses.items())
    ]
    rows[-1]["text"] = f"# SPDX-License-Identifier: GPL-2.0-only\n{rows[-1]['text']}"
    ingest(lake, write(tmp_path / "docs.jsonl", rows))
    engine = InlineEngine()
    for stage in (annotate_slice, qualify_slice, compare_slice):
        report = stage(lake, engine, DAY, "table")
        assert [check.description for check in report.checks if not check.passed] == []
    with lake.sql() as connection:
        said = "select path, verdict, rule, evidence from license_decision where policy like 'permissive-%'"
        decided = {_below(path.encode()): row for path, *row in connection.sql(said).fetchall()}
    assert {path: tuple(row[:2]) for path, row in decided.items()} == {
        "mit.py": ("permissive", "declared/permissive-license"),
        "words.py": ("permissive", "declared/permissive-license"),
        "gpl.py": ("copyleft", "declared/copyleft-license"),
        "missing.py": ("unknown", "nothing/no-license"),
        "garbage.py": ("unknown", "declared/unrecognised-license"),
        "both.py": ("unknown", "declared/unrecognised-license"),
        "null.py": ("unknown", "declared/unrecognised-license"),
        "blank.py": ("unknown", "declared/unrecognised-license"),
        "nested.py": ("unknown", "declared/unrecognised-license"),
        "object.py": ("unknown", "declared/unrecognised-license"),
        "none.py": ("unknown", "nothing/no-license"),
        "header.py": ("copyleft", "header/copyleft-license"),
    }
    assert decided["mit.py"][2][1] == "table:docs"
    assert decided["header.py"][2][1] == "table:docs"
    (lake.settings.home / "datasets").mkdir(parents=True, exist_ok=True)
    (lake.settings.home / "datasets" / "all.yaml").write_text("{}")
    report = build(lake, engine, "all")
    assert [check.description for check in report.checks if not check.passed] == []
    built = pl.read_parquet(f"{lake.settings.lake}/{report.details['folder']}/data/*.parquet")
    assert sorted(path.rpartition("/")[2] for path in built["path"]) == ["mit.py", "words.py"]
