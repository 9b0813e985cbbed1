# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the UI shows of a stage."""

import base64
import re
import xml.etree.ElementTree as ET

import pyarrow as pa

from assets.drawing import SHOWN_AT_ONCE, change, table
from assets.metadata import column_schema, funnel, stage_metadata, table_metadata
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


def drawn(image):
    return ET.fromstring(base64.b64decode(image.partition("base64,")[2].rstrip(")")))


def texts(image):
    return [" ".join(node.itertext()) for node in drawn(image).iter("{http://www.w3.org/2000/svg}text")]


def test_the_funnel_is_well_formed_and_names_every_reason_with_its_files_and_bytes():
    assert texts(funnel([report(), report("npm")])) == [
        "in 200 files, 10.0 MB",
        "generated 40, 1.8 MB",
        "too <long> 20, 0.2 MB",
        "kept 140, 8.0 MB",
    ]


def test_a_funnel_of_many_reasons_stays_small_enough_to_be_shown_at_once_and_loses_none():
    many = {f"a_rather_long_reason_{number}": Count(number, number) for number in range(1, 31)}
    image = funnel([report(rows_in=535, rows_kept=70, dropped=many)])
    assert len(image) < SHOWN_AT_ONCE
    shown = [int(re.search(r" (\d+)( files)?, ", line)[1]) for line in texts(image)]
    assert shown[0] == 535 == sum(shown[1:])
    assert any(line.startswith("other reasons ") for line in texts(image))


def test_the_figures_of_all_sources_are_added_up():
    shown = stage_metadata(
        [Outcome("2026-01-31", "pypi", report()), Outcome("2026-01-31", "npm", report("npm", reused=0, computed=20))]
    )
    assert shown["files in"] == 200
    assert shown["share kept"] == 0.7
    assert shown["MB/s"] == 2.5
    assert shown["work avoided"] == 20 / 100
    assert shown["verdict"].value == "passed"
    assert "|Python|100|20|" in shown["languages"].value
    assert drawn(shown["funnel"].value) is not None


def test_what_moved_since_the_last_slice_of_the_same_sources_is_drawn():
    stored = [{"bytes": 9, "files": 35, "name": "Python"}, {"bytes": 9, "files": 35, "name": None}]  # its keys are sorted
    then = report(details={"languages": stored})
    other = report("npm", details={"languages": [{"name": "CSS", "files": 1000}]})
    shown = stage_metadata([Outcome("2026-02-01", one.source, one) for one in (report(), other)], [then])
    label = "languages since 2026-01-31"
    assert texts(shown[label].value) == ["Python 50.0% → 71.4%", "none 50.0% → 0.0%", "C|C++ 0.0% → 28.6%"]
    assert len(shown[label].value) < SHOWN_AT_ONCE
    assert "licenses since 2026-01-31" not in shown


def test_what_moved_in_a_dataset_since_it_was_built_as_of_an_earlier_day_is_drawn():
    now = report(
        "all", details={"languages": [{"value": "C|C++", "rows": 7, "bytes": 1}, {"value": "Python", "rows": 63, "bytes": 9}]}
    )
    before = StageReport.from_row(
        {"slice": "2026-01-30", "source": "all"}
        | report("all", details={"languages": [{"value": "Python", "rows": 70, "bytes": 9}]}).to_row()
    )
    shown = stage_metadata([Outcome("all", "all", now)], [before])
    assert texts(shown["languages since 2026-01-30"].value) == ["Python 100.0% → 90.0%", "C|C++ 0.0% → 10.0%"]
    assert "|Python|63|9|" in shown["languages"].value


def test_rates_of_several_sources_are_not_added_up_but_made_again_of_what_was():
    def repeats(source, **names):
        rows = [{"name": name, "repeated": some, "files": all_, "rate": some / all_} for name, (some, all_) in names.items()]
        return Outcome("2026-01-31", source, report(source, details={"duplicates_by_language": rows}))

    shown = stage_metadata(
        [repeats("pypi", Python=(90, 100), C=(1, 2)), repeats("npm", Python=(300, 300)), repeats("git", C=(3, 4))]
    )
    assert shown["duplicates by language"].value.splitlines() == [
        "|duplicates by language|repeated|files|rate|",
        "|---|---:|---:|---:|",
        "|Python|390|400|0.975|",
        "|C|4|6|0.6667|",
    ]


def test_a_change_of_many_names_is_drawn_of_as_many_as_are_shown_at_once():
    many = {f"language {number}": 0.01 for number in range(100)}
    image = change(many, {"Python": 1.0})
    assert len(image) < SHOWN_AT_ONCE
    assert texts(image)[0] == "Python 0.0% → 100.0%"


def test_a_problem_is_told_in_the_metadata_of_the_stage():
    shown = stage_metadata([Outcome("2026-01-31", "npm", None, "npm is not installed; install it")])
    assert shown["verdict"].value == "- **npm**: npm is not installed; install it"


def test_a_table_aligns_numbers_and_escapes_bars():
    assert table(("language", "files"), [("C|C++", 1200)]) == "|language|files|\n|---|---:|\n|C\\|C++|1,200|"


HOSTILE = "a|b`c`\n<img src=x onerror=alert(1)>\x1b[2J\u202e **x** [y](http://z) _w_ \\"


def test_a_name_from_an_archive_is_shown_letter_for_letter_and_makes_neither_table_nor_html():
    shown = r"a\|b\`c\`\\n\<img src=x onerror=alert(1)\>\\x1b\[2J\\u202e \*\*x\*\* \[y\](http://z) \_w\_ \\"
    assert table(("path", "files"), [(HOSTILE, 1)]).splitlines()[2] == f"|{shown}|1|"
    metadata = stage_metadata(
        [
            Outcome("2026-01-31", "pypi", report(details={"origins": [{"name": HOSTILE[:50], "files": 3}], "left": [HOSTILE]})),
            Outcome("2026-01-31", "npm", None, HOSTILE),
        ]
    )
    assert metadata["verdict"].value == f"- **npm**: {shown}"
    assert metadata["left (pypi)"].value == f"- {shown}"
    assert metadata["origins"].value.splitlines()[2].startswith(r"|a\|b\`c\`\\n\<img")
    assert texts(change({HOSTILE: 0.5}, {HOSTILE: 0.5}))[0].startswith(r"a|b`c`\n<img")
    # Names that people write all the time stay readable.
    assert table(("path", "files"), [("src/__init__.py (2.0)", 1), ("max_line-1.py", 2)]).endswith("\n|max_line-1.py|2|")


def test_a_table_has_as_many_rows_as_are_shown_at_once():
    text = table(("name", "count"), [(f"name {number}", number) for number in range(1000)])
    assert len(text) < SHOWN_AT_ONCE
    assert text.count("\n") > 30


def test_details_of_any_shape_are_shown_and_none_hides_a_figure_of_the_stage():
    details = {
        "shapes": [{"language": None, "rows": 4}],
        "funnel": {"header": {"files": 3, "bytes": 5}},
        "configuration": "words@1",
        "pairs": 7,
        "quarantined": ["a: too large"],
    }
    shown = stage_metadata([Outcome("2026-01-31", "pypi", report(details=details))])
    assert shown["funnel"].value.startswith("![funnel]")
    assert shown["funnel, counted"].value.endswith("|header|3|5|")
    assert shown["shapes"].value.endswith("|none|4|")
    assert "|configuration|words@1|" in shown["figures"].value
    assert shown["quarantined (pypi)"].value == "- a: too large"


def test_every_table_of_the_lake_has_a_column_schema():
    for one in TABLES.values():
        assert [column.name for column in column_schema(one).columns] == one.schema.names


def test_a_table_shows_its_rows_and_bytes_from_the_log_alone(lake, settings):
    from codecommons.engine import local_engine

    with lake.staging("test") as area:
        writer = area.writer("one")
        writer.add("origin", pa.table({"id": [b"\x01" * 20, b"\xff" * 20], "url": ["a", "b"]}))
        lake.commit(area, [writer.close()], local_engine(settings))
    shown = table_metadata(lake, "origin")
    assert shown["dagster/row_count"] == 2
    assert shown["files"] == 2
    assert shown["preview"].value == "|id|\n|---|\n|ffffffffffff…|", "identifiers, and no address"


def test_a_table_of_an_annotator_that_has_had_nothing_to_do_is_empty(lake):
    assert "annotation_encoding" not in lake.tables()
    shown = table_metadata(lake, "annotation_encoding")
    assert (shown["dagster/row_count"], shown["files"]) == (0, 0)


def test_records_of_feeds_are_not_counted_as_files():
    feed = StageReport("raw_archive_slice", "2026-01-31", "gharchive", rows_in=10, rows_kept=9, details={"unit": "records"})
    files = StageReport("raw_archive_slice", "2026-01-31", "pypi", rows_in=3, rows_kept=2)
    shown = stage_metadata([Outcome("2026-01-31", one.source, one) for one in (feed, files)])
    assert (shown["files in"], shown["files kept"], shown["records in"], shown["records kept"]) == (3, 2, 10, 9)
    assert "gharchive (records)" in shown["by source"].value
