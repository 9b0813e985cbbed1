# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Set-up and the marts: the real dbt over a small lake."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from codecommons import archive
from codecommons.annotate.annotator import current
from codecommons.engine import local_engine
from codecommons.errors import CodeCommonsError
from codecommons.lake import Lake
from codecommons.lake.schemas import TABLES
from codecommons.lake.views import build_catalogue
from codecommons.license import policies
from codecommons.optout.takedown import operation
from codecommons.settings import Settings
from codecommons.swhid import content_id, directory_id, swhid_text
from codecommons_dagster.setup import dbt_project, prepare, run_dbt

DAY = "2026-01-31"
FILES = {"a.py": b"print('hello')\n", "b.v": b"module b; endmodule\n", "caf\\xE9.v": b"module c; endmodule\n"}


@pytest.fixture
def filled(lake: Lake, tmp_path: Path) -> Lake:
    """A folder of three files, one with a name that is no UTF-8; two have a language, one a licence decision."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name.encode().replace(b"\\xE9", b"\xe9").decode("utf-8", "surrogateescape")).write_bytes(data)
    archive.add_inputs(lake, [f"path:{folder}"], DAY)
    archive.ingest_slice(lake, local_engine(lake.settings), DAY, "path")
    language = current(lake.settings)["language"]
    lake.register(language.table)
    for name, said in ((b"a.py", "Python"), (b"caf\xe9.v", "Verilog")):
        data = FILES[name.decode(errors="backslashreplace").replace("xe9", "xE9")]
        commit(
            lake, language.table.name, {"digest": language.digest, "content": content_id(data), "name": name, "language": said}
        )
    return lake


def commit(lake: Lake, table: str, row: dict[str, Any]) -> None:
    with lake.staging("test") as area:
        writer = area.writer("row")
        writer.add(table, pa.Table.from_pylist([row], schema=pa.schema(lake.tables()[table].fields)))
        lake.commit(area, [writer.close()], local_engine(lake.settings))


def decide(lake: Lake, name: bytes, decision_rows: Callable[..., dict[str, dict[str, Any]]]) -> None:
    tree = [(path.encode().replace(b"\\xE9", b"\xe9"), 0o100644, content_id(data)) for path, data in FILES.items()]
    policy = policies(lake.settings)["permissive"].key(lake.settings)
    for table, row in decision_rows(policy, directory_id(tree), name, b"").items():
        commit(lake, table, row)


def test_the_manifest_is_made_once_and_again_when_the_project_changes(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepare(settings)
    assert "model.codecommons.popular_content_name" in json.loads(first.manifest.read_text())["nodes"]
    made = first.manifest.stat().st_mtime_ns
    assert prepare(settings).manifest.stat().st_mtime_ns == made
    changed = tmp_path / "dbt"
    shutil.copytree(first.project, changed)
    (changed / "models" / "marts" / "language_table.sql").write_text("select * from {{ ref('nonsense') }}")
    other = replace(first, project=changed, environment={**first.environment, "DBT_PROJECT_DIR": str(changed)})
    monkeypatch.setattr("codecommons_dagster.setup.dbt_project", lambda _: other)
    with pytest.raises(CodeCommonsError, match=r"(?s)`dbt parse.* failed in .*nonsense"):
        prepare(settings)


def test_a_full_disk_is_told_in_one_line(settings: Settings) -> None:
    manifest = dbt_project(settings).manifest
    manifest.symlink_to("/dev/full")
    with pytest.raises(CodeCommonsError, match="the disk is full: free some room") as failed:
        prepare(settings)
    assert len(str(failed.value).splitlines()) == 1


def test_nothing_is_written_into_the_dbt_project(settings: Settings) -> None:
    environment = dbt_project(settings).environment
    for name in ("DBT_TARGET_PATH", "DBT_LOG_PATH", "CODECOMMONS_CATALOGUE", "CODECOMMONS_MARTS"):
        assert environment[name].startswith(str(settings.home))


def test_dbt_builds_the_marts_and_its_tests_pass(
    filled: Lake, settings: Settings, decision_rows: Callable[..., dict[str, dict[str, Any]]]
) -> None:
    decide(filled, b"a.py", decision_rows)
    build_catalogue(settings)
    run_dbt(dbt_project(settings), "build")
    with filled.sql() as connection:
        assert connection.sql("select language, files, bytes from language_table order by 1").fetchall() == [
            ("Python", 1, 15),
            ("Verilog", 1, 20),
            ("unknown", 1, 20),
        ]
        assert connection.sql("select verdict, rule, files, bytes from license_funnel order by 1").fetchall() == [
            ("permissive", "license-file/r", 1, 15),
            ("undecided", "none", 2, 40),
        ]
        assert connection.sql("select stage, runs, rows_in, computed, reused from stage_cost").fetchall() == [
            ("raw_archive_slice", 1, 3, 1, 0)
        ]
        [(cpu, stored, cost)] = connection.sql("select cpu_seconds, stored_bytes, cost from stage_cost").fetchall()
        assert cost == pytest.approx(cpu / 3600 * settings.core_hour)
        assert stored >= 0
        names = connection.sql(f"select swhid from read_parquet('{settings.marts}/popular_content_name.parquet')").fetchall()
        assert {name for (name,) in names} == {swhid_text("cnt", content_id(data)) for data in FILES.values()}


def test_dbt_s_tests_pass_after_a_takedown_and_over_a_dataset_of_discussions(filled: Lake, settings: Settings) -> None:
    swhid = swhid_text("cnt", content_id(FILES["b.v"]))
    one = operation.begin(filled, [swhid], "secret", "a test", "2026-02-01T12:00:00+00:00")
    operation.carry_out(filled, one, stopped=True)
    fingerprint, text = "f" * 64, content_id(b"a discussion")
    row = {
        "shard": "0",
        "row": 0,
        "content": text,
        "swhid": swhid_text("cnt", text),
        "origin": "https://forge.example/a/b",
        "length": 1,
    }
    release = {"specification": '{"rows":"issues"}', "as_of": DAY, "rows": 1, "bytes": 1, "shards": 1}
    for name, said in (("dataset_row", row), ("dataset", release)):
        rows = pa.Table.from_pylist([said], schema=pa.schema(TABLES[name].fields))
        filled.replace_release(name, "talk", fingerprint, rows)
    build_catalogue(settings)
    run_dbt(dbt_project(settings), "build")
    with filled.sql() as connection:
        assert connection.sql("select state, requests from opt_out_report").fetchall() == [("erased", 1)]
        assert swhid not in str(connection.sql("from popular_content_name").fetchall())
