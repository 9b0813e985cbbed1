# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import shutil
from dataclasses import replace

import polars as pl
import pyarrow as pa
import pytest

from codecommons.annotate import annotate_slice, current, store
from codecommons.annotate.annotators import encoding
from codecommons.annotate.stage import DEADLY, _checks, batches
from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine import local_engine
from codecommons.errors import GateError
from codecommons.lake import Lake
from codecommons.report import StageReport
from codecommons.swhid import content_id, swhid_text

DAY, NEXT_DAY = "2026-01-31", "2026-02-01"
FILES = {
    "LICENSE": b"SPDX-License-Identifier: MIT\n",
    "src/main.py": b"print('hello')\n",
    "src/copy.py": b"print('hello')\n",
    "src/copy.rb": b"print('hello')\n",
    "src/counter.v": b"module counter(input clk);\nendmodule\n",
    "tests/test_main.py": b"def test():\n    pass\n",
    "package.json": b'{"name": "thing", "version": "1.0.0", "license": "MIT"}\n',
    "broken/package.json": b"{",
    "latin": "caf\xe9".encode("latin-1"),
    "empty": b"",
    "binary": b"\0\1\2",
}
PLUGIN = """
import pyarrow as pa
import pyarrow.compute as pc

from codecommons.annotate.annotator import Annotator


def annotate(batch):
    return pa.table({"first": pc.binary_slice(batch.column("data"), 0, 1)})


ANNOTATOR = Annotator("first_byte", "The first byte.", 1, "content", (pa.field("first", pa.binary()),), annotate)
"""

DEADLY_PLUGIN = """
import os
import signal

import pyarrow as pa
import pyarrow.compute as pc

from codecommons.annotate.annotator import Annotator


def annotate(batch):
    if pc.any(pc.match_substring(batch.column("data"), "do not look")).as_py():
        os.kill(os.getpid(), signal.SIGKILL)
    return pa.table({"length": pc.cast(pc.binary_length(batch.column("data")), pa.int64())})


ANNOTATOR = Annotator("deadly", "The length.", 1, "content", (pa.field("length", pa.int64()),), annotate)
"""


@pytest.fixture
def folder(tmp_path):
    for path, data in FILES.items():
        target = tmp_path / "thing" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (tmp_path / "thing" / "link.py").symlink_to("src/main.py")
    return tmp_path / "thing"


def ingested(lake, folder, day=DAY):
    add_inputs(lake, [f"path:{folder}"], day)
    ingest_slice(lake, local_engine(lake.settings), day, "path")


def annotated(lake, day=DAY):
    return annotate_slice(lake, local_engine(lake.settings), day, "path")


def rows_of(lake):
    """Every annotation of a lake, sorted."""
    tables = {}
    for name, annotator in current(lake.settings).items():
        key = [column for column in annotator.table.key if column != "digest"]
        tables[name] = store.rows(lake, annotator).drop("bucket").sort(key).collect().to_dicts()
    return tables


def said_by(lake, name):
    """The rows of an annotator's current digest."""
    return store.rows(lake, current(lake.settings)[name])


def test_every_file_gets_its_annotations(lake, folder):
    ingested(lake, folder)
    report = annotated(lake)
    assert [check.name for check in report.checks if not check.passed] == []
    assert report.conserved
    assert report.rows_in == len(FILES) + 1
    assert {reason: count.rows for reason, count in report.dropped.items()} == {"symbolic-link": 1}
    languages = dict(said_by(lake, "language").select("name", "language").collect().rows())
    assert languages == {
        b"LICENSE": "Text", b"main.py": "Python", b"copy.py": "Python", b"copy.rb": "Ruby", b"counter.v": "Verilog",
        b"test_main.py": "Python", b"package.json": "JSON", b"latin": None, b"empty": None, b"binary": None,
    }  # fmt: skip
    assert said_by(lake, "encoding").collect().height == len(set(FILES.values()))
    assert said_by(lake, "path_facts").filter("test").select("path").collect()["path"].to_list() == [b"tests/test_main.py"]
    manifests = said_by(lake, "project_metadata").sort("project", nulls_last=True).collect()
    assert manifests["project"].to_list() == ["thing", None]
    assert manifests["error"].is_null().to_list() == [True, False]
    assert report.details["errors"] == {"project_metadata": 1}
    assert {"name": "Python", "files": 3, "bytes": 51} in report.details["languages"]
    assert lake.log.verdict(DAY, "path", "enriched_context")["verdict"] == "passed"


def test_files_that_do_not_add_up_or_do_not_arrive_turn_a_check_red(lake, folder):
    ingested(lake, folder)

    def red(rows_in, rows_kept):
        report = StageReport("enriched_context", DAY, "path", rows_in=rows_in, rows_kept=rows_kept, details={"errors": {}})
        return {check.name for check in _checks(lake, report, {}, {}) if not check.passed}

    assert red(3, 3) == set()
    assert red(3, 2) == {"conservation"}
    assert red(0, 0) == {"no_empty_success"}


def test_a_content_is_annotated_once_for_ever(lake, folder):
    ingested(lake, folder)
    first = annotated(lake)
    rows = rows_of(lake)
    again = annotated(lake)
    assert (again.computed, again.reused) == (0, first.computed)
    assert again.seconds_saved > 0
    (folder / "src" / "new.py").write_bytes(b"x = 1\n")
    ingested(lake, folder, NEXT_DAY)
    next_day = annotated(lake, NEXT_DAY)
    per_file = sum(annotator.wants(b"new.py") for annotator in current(lake.settings).values())
    assert (next_day.computed, next_day.reused) == (per_file, first.computed)
    after = rows_of(lake)
    assert all(row in after[name] for name, before in rows.items() for row in before)


def test_a_new_version_adds_rows_and_the_old_ones_stay(lake, folder, monkeypatch):
    ingested(lake, folder)
    annotated(lake)
    old = encoding.ANNOTATOR
    before = store.rows(lake, old).sort("content").collect()
    monkeypatch.setattr(encoding, "ANNOTATOR", replace(old, version=old.version + 1))
    report = annotated(lake)
    assert report.computed == before.height
    assert store.rows(lake, old).sort("content").collect().equals(before)
    both = lake.scan(old.table).group_by("digest").len().collect()
    assert both["len"].to_list() == [before.height] * 2
    assert said_by(lake, "encoding").select("digest").unique().collect().item() != old.digest


def test_an_annotator_is_one_new_file(lake, folder, tmp_path):
    ingested(lake, folder)
    annotated(lake)
    (tmp_path / "plugins" / "annotators").mkdir(parents=True)
    (tmp_path / "plugins" / "annotators" / "first_byte.py").write_text(PLUGIN)
    extended = Lake.open(replace(lake.settings, plugins=(tmp_path / "plugins",)))
    report = annotated(extended)
    assert report.computed == len(set(FILES.values()))
    said = said_by(extended, "first_byte").join(
        extended.scan("content_data").select(content="sha1_git", data="data"), on="content"
    )
    assert all(row["first"] == row["data"][:1] for row in said.collect().to_dicts())
    assert "first_byte" not in current(lake.settings)


@pytest.mark.parametrize(("workers", "batch_bytes"), [(0, 1), (2, 100)])
def test_rows_are_the_same_for_any_number_of_workers_and_any_batch(settings, folder, tmp_path, workers, batch_bytes):
    reference = Lake.open(settings)
    other = Lake.open(replace(settings, lake=str(tmp_path / "other"), workers=workers, batch_bytes=batch_bytes))
    for lake in (reference, other):
        ingested(lake, folder)
        annotated(lake)
    assert rows_of(other) == rows_of(reference)


def test_a_content_that_kills_whoever_looks_at_it_costs_the_others_nothing(settings, folder, tmp_path):
    (tmp_path / "plugins" / "annotators").mkdir(parents=True)
    (tmp_path / "plugins" / "annotators" / "deadly.py").write_text(DEADLY_PLUGIN)
    (folder / "deadly.txt").write_text("do not look at me")
    lake = Lake.open(replace(settings, plugins=(tmp_path / "plugins",), workers=2))
    ingested(lake, folder)
    report = annotated(lake)
    assert [check.description for check in report.checks if not check.passed] == []
    said = said_by(lake, "deadly").collect()
    failed = said.filter(pl.col("error").is_not_null())
    assert failed["content"].to_list() == [content_id(b"do not look at me")]
    assert failed["error"].to_list() == [DEADLY]
    assert said.height == len({*FILES.values(), b"do not look at me"})
    assert said.filter(pl.col("error").is_null())["length"].null_count() == 0
    # It is not tried again, and the other annotators have their say about it.
    assert annotated(lake).computed == 0
    about = said_by(lake, "encoding").filter(pl.col("content") == content_id(b"do not look at me")).collect()
    assert about["encoding"].to_list() == ["ascii"]


def test_a_slice_that_was_not_ingested_is_refused(lake):
    with pytest.raises(GateError, match="raw_archive_slice has not passed"):
        annotated(lake)


def test_bytes_that_are_gone_fail_the_stage_with_the_item_named(lake, folder):
    ingested(lake, folder)
    data = lake.storage.path("content_data")
    for path in lake.fs.glob(f"{data}/**/*.parquet"):
        table = pa.parquet.read_table(path)
        pa.parquet.write_table(table.filter(pa.compute.field("data") != b"print('hello')\n"), path)
    report = annotated(lake)
    red = [check for check in report.checks if not check.passed]
    assert [check.name for check in red] == ["everything_annotated"]
    assert "ingest the slice again" in red[0].description
    assert lake.log.verdict(DAY, "path", "enriched_context")["verdict"] == "failed"


def test_a_content_of_many_names_never_fills_the_memory():
    contents = pa.record_batch(
        {"sha1_git": pa.array([b"a", b"b"], pa.binary()), "data": pa.array([b"x" * 100, b"y"], pa.binary())}
    )
    names = [str(number).encode() for number in range(50)]
    units = pl.DataFrame(
        {"content": [b"a"] * 50 + [b"b"], "name": [*names, b"y"]}, schema={"content": pl.Binary, "name": pl.Binary}
    )
    found = list(batches(contents, units, 250))
    assert max(batch.column("data").nbytes for batch in found) < 250 + 4 * 3 + 8
    assert [name for batch in found for name in batch.column("name").to_pylist()] == [*names, b"y"]


def test_a_table_that_was_lost_is_made_again(lake, folder):
    ingested(lake, folder)
    annotated(lake)
    rows = rows_of(lake)
    shutil.rmtree(lake.path("annotation_language"))
    fresh = Lake.open(lake.settings)
    annotated(fresh)
    assert rows_of(fresh) == rows


def test_projects_and_statements_about_licences_are_views(lake, folder):
    (folder / "main.c").write_bytes(b"int x;\n/*\n * Licensed under the MIT license.\n */\n")
    ingested(lake, folder)
    annotated(lake)
    connection = lake.sql()
    assert connection.sql("select path, project, license, languages, authors from project").fetchall() == [
        ("package.json", "thing", "MIT", ["JavaScript"], 0)
    ]
    content = swhid_text("cnt", content_id((folder / "main.c").read_bytes()))
    said = connection.sql("select evidence, expression, detector, stated from license_evidence where name = 'main.c'").fetchall()
    assert said == [(f"{content};lines=3-3", "MIT", "license-notice", True)]
