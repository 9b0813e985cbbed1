"""What the UI shows of a stage."""

import base64
import xml.etree.ElementTree as ET

import pyarrow as pa

from assets.metadata import column_schema, funnel, markdown, stage_metadata, table_metadata
from assets.outcomes import Outcome
from codecommons.lake.schemas import TABLES
from codecommons.report import Count, StageReport


def report(source="pypi", **values):
    given = {
        "rows_in": 100,
        "bytes_in": 5_000_000,
        "rows_kept": 70,
        "bytes_kept": 4_000_000,
        "dropped": {"generated": Count(20, 900_000), "too <long>": Count(10, 100_000)},
        "computed": 60,
        "reused": 20,
        "seconds": 2.0,
        "details": {"languages": {"Python": {"files": 50, "bytes": 10}, "C|C++": {"files": 20, "bytes": 90}}, "checks": []},
    }
    return StageReport("enriched_context", "2026-01-31", source, **{**given, **values})


def test_the_funnel_is_well_formed_and_names_every_reason_with_its_files_and_bytes():
    drawing = ET.fromstring(funnel([report(), report("npm")]))
    texts = [node.text for node in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:2] == ["in", "200 files, 10.0 MB"]
    assert texts[2:6] == ["generated", "40 files, 1.8 MB", "too <long>", "20 files, 0.2 MB"]
    assert texts[-2:] == ["kept", "140 files, 8.0 MB"]


def test_the_figures_of_all_sources_are_added_up():
    shown = stage_metadata(
        [Outcome("2026-01-31", "pypi", report()), Outcome("2026-01-31", "npm", report("npm", reused=0, computed=20))]
    )
    assert shown["files in"] == 200
    assert shown["share kept"] == 0.7
    assert shown["MB/s"] == 2.5
    assert shown["work avoided"] == 20 / 100
    assert shown["verdict"].value == "passed"
    assert "| Python | 100 | 20 |" in shown["languages"].value
    assert base64.b64decode(shown["funnel"].value.partition("base64,")[2].rstrip(")")).startswith(b"<svg")


def test_a_problem_is_told_in_the_metadata_of_the_stage():
    shown = stage_metadata([Outcome("2026-01-31", "npm", None, "npm is not installed; install it")])
    assert shown["verdict"].value == "- **npm**: npm is not installed; install it"


def test_markdown_aligns_numbers_and_escapes_bars():
    assert markdown(("language", "files"), [("C|C++", 1200)]) == "| language | files |\n| --- | ---: |\n| C\\|C++ | 1,200 |"


def test_every_table_of_the_lake_has_a_column_schema():
    for table in TABLES.values():
        assert [column.name for column in column_schema(table).columns] == table.schema.names


def test_a_table_shows_its_rows_and_bytes_from_the_log_alone(lake, settings):
    from codecommons.engine import local_engine

    with lake.staging("test") as area:
        writer = area.writer("one")
        writer.add("origin", pa.table({"id": [b"\x01" * 20, b"\xff" * 20], "url": ["a", "b"]}))
        lake.commit(area, [writer.close()], local_engine(settings))
    shown = table_metadata(lake, "origin")
    assert shown["dagster/row_count"] == 2
    assert shown["files"] == 2
