# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What docs/researchers.md tells people to type."""

import dataclasses
import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from codecommons.datasets import build, list_releases, plan, scan, specification
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.swhid import Swhid, content_id

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/researchers.md").read_text()
# As in dbt/models/sources.yml.
SCHEMAS = {"lake": "lake.", "withheld": "lake."}


@pytest.fixture
def research(monkeypatch: pytest.MonkeyPatch):
    place = importlib.util.spec_from_file_location("research", ROOT / "examples/research.py")
    module = importlib.util.module_from_spec(place)
    monkeypatch.setitem(sys.modules, "research", module)
    place.loader.exec_module(module)
    return module


def test_the_example_goes_from_a_file_to_a_frame(shop, research, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CODECOMMONS_HOME", str(shop.settings.home))
    monkeypatch.setenv("CODECOMMONS_LAKE", shop.settings.lake)
    monkeypatch.setenv("CODECOMMONS_WORKERS", "0")
    file = tmp_path / "mine.yaml"
    file.write_text("names: ['*.py']\n")
    rows = research.research(file)
    planned = plan(shop.lake, specification(shop.settings, "mine"))
    assert rows.height == planned.rows > 0
    for swhid, text in rows.select("swhid", "text").iter_rows():
        assert swhid.startswith(str(Swhid("cnt", content_id(text.encode()))))
    assert f"{rows.height:,} rows re-hash to their SWHIDs" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["research.py", str(file)])
    assert research.main() == 0


def test_the_example_says_in_one_line_why_nothing_came(shop, research, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CODECOMMONS_HOME", str(shop.settings.home))
    monkeypatch.setenv("CODECOMMONS_LAKE", shop.settings.lake)
    monkeypatch.setenv("CODECOMMONS_WORKERS", "0")
    file = tmp_path / "mine.yaml"
    for text, said in {
        "languages: [Pyhton]": "did you mean 'Python'?",
        "names: ['*.cobol']": "the rule name left out",
        "format: {kind: jsonl}": "are jsonl, and no Parquet: ",
    }.items():
        file.write_text(text)
        monkeypatch.setattr(sys, "argv", ["research.py", str(file)])
        assert research.main() == 1
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith("Error: ")
        assert said in line


def test_the_frame_of_the_page_is_of_the_newest_release_alone(shop, monkeypatch, capsys):
    monkeypatch.setenv("CODECOMMONS_HOME", str(shop.settings.home))
    monkeypatch.setenv("CODECOMMONS_LAKE", shop.settings.lake)
    shop.specify("python-permissive", "languages: [Python]")
    build(shop.lake, InlineEngine(), "python-permissive")
    shop.add("pkg:pypi/delta", {"delta.py": b"print('new')\n"}, day="2026-01-05")
    shop.passed()
    rows = build(shop.lake, InlineEngine(), "python-permissive").rows_kept
    older, newer = list_releases(shop.lake, "python-permissive")
    assert scan(shop.lake, older.name, older.fingerprint).collect().height == rows - 1
    [command] = re.findall(r'python -c "(.*)"$', PAGE, re.MULTILINE)
    exec(command)
    assert f"shape: ({rows}, " in capsys.readouterr().out
    assert "pkg:pypi/delta" in scan(shop.lake, newer.name).collect()["origin"].to_list()


def queries() -> list[str]:
    blocks = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    return [query.strip() for block in blocks for query in block.split(";") if query.strip()]


@pytest.fixture(scope="module")
def asked(filled_shop, tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A lake with a dataset of the page's name, and the marts as dbt's models say."""
    home = tmp_path_factory.mktemp("asked")
    shutil.copytree(filled_shop.settings.home, home, dirs_exist_ok=True)
    lake = Lake.open(dataclasses.replace(filled_shop.settings, home=home, lake=str(home / "lake")))
    for table in filled_shop.lake.tables().values():
        lake.register(table)
    (home / "datasets").mkdir()
    (home / "datasets/python-permissive.yaml").write_text("languages: [Python]\n")
    build(lake, InlineEngine(), "python-permissive")
    lake.settings.marts.mkdir()
    with lake.sql() as connection:
        for model in sorted((ROOT / "dbt/models/marts").glob("*.sql")):
            source = r"\{\{ source\('(\w+)', '(\w+)'\) \}\}"
            text = re.sub(source, lambda found: SCHEMAS.get(found[1], "") + found[2], model.read_text())
            text = re.sub(r"\{\{ env_var\('\w+', '([\d.]+)'\) \}\}", r"\1", text)
            connection.sql(text).write_parquet(str(lake.settings.marts / f"{model.stem}.parquet"))
    with lake.sql() as connection:
        yield connection


def test_the_page_has_queries_over_datasets_files_annotations_and_marts():
    text = " ".join(queries())
    views = "dataset_row dataset_drop duplicate popular_content_name file annotation_language first_occurrence "
    views += "license_funnel language_table stage_cost opt_out_report"
    assert [view for view in views.split() if not re.search(rf"(from|join) {view}\b", text)] == []


@pytest.mark.parametrize("query", queries())
def test_a_query_of_the_page_runs(asked, query):
    rows = asked.sql(query)
    assert rows.columns
    # Nobody opted out of this lake, and it has no file named *.v, no duplicate and nothing of six.
    assert rows.fetchall() or any(said in query for said in ("opt_out_report", "%.v", "from duplicate", "pypi/six"))


def test_software_heritage_s_query_finds_files_by_name_verbatim(world):
    world.add("pkg:pypi/chip", {"rtl/Adder.V": b"module adder;\nendmodule\n", "adder.vhd": b"entity adder is\nend;\n"})
    world.rows["directory_entry"] = [
        {"directory_id": bytes(20), "name": name, "type": "file", "target": content_id(data), "perms": 0o100644}
        for name, data in {b"Adder.V": b"module adder;\nendmodule\n", b"adder.vhd": b"entity adder is\nend;\n"}.items()
    ]
    world.passed()
    query = (
        "select swhid, lower(trim(from_utf8(filename))) from popular_content_name "
        "where lower(trim(from_utf8(filename))) LIKE '%.v'"
    )
    assert query in queries()
    with world.lake.sql() as connection:
        [(swhid, name)] = connection.sql(query).fetchall()
    assert (swhid, name) == (str(Swhid("cnt", content_id(b"module adder;\nendmodule\n"))), "adder.v")


@pytest.mark.parametrize("example", sorted((ROOT / "examples/datasets").glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_is_a_specification_that_can_be_written_and_that_the_page_links_to(example, settings):
    from codecommons.datasets.format import format_for
    from codecommons.datasets.specification import parse

    asked = parse(example.read_bytes(), example.stem)
    assert format_for(settings, asked).endings(asked.format)
    assert asked.rows == "files" or example.name in PAGE
    assert asked.format.document == "file" or example.name in PAGE


def test_the_page_names_every_key_of_a_specification():
    block = next(block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "as_of:" in block)
    from codecommons.datasets.specification import Specification, parse

    assert parse(block.encode(), "mine").filters.sets == ("stack-v2",)
    assert {field.name for field in dataclasses.fields(Specification)} - {"name"} == set(re.findall(r"(?m)^(\w+):", block))
    assert pl.DataFrame({"key": re.findall(r"(?m)^(\w+):", block)})["key"].is_unique().all()
