# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What goes with a release: every document tells the manifest's numbers, and is the same whenever it is written."""

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import yaml

from codecommons.datasets import build
from codecommons.datasets.documents import documents
from codecommons.datasets.documents.data_information import RULES, WHAT
from codecommons.datasets.rules import EXCLUSIONS, LIMITS
from codecommons.datasets.specification import ROWS
from codecommons.drawing import Frame, shortened, size
from codecommons.engine.local import InlineEngine

ASKED = """
description: "Everything.\\n\\n| rows | 1 |\\n\\nEach of the 1 rows has 1 B of text in 1 rows."
publisher: {name: The | Lab, url: "https://lab.example"}
filters: {set: mine, min_length: 1}
exclude: [vendored]
shard: {bits: 2}
"""
SET = (
    "{name: mine, version: 1, description: Mine., rules: [{id: long, signal: content.length, least: 1, kinds: [programming]}]}\n"
)


def specified(shop) -> str:
    folder = shop.settings.home / "filters"
    folder.mkdir(exist_ok=True)
    (folder / "mine.yaml").write_text(SET)
    return shop.specify("documents", ASKED)


@pytest.fixture(scope="module")
def release(module_shop) -> Path:
    report = build(module_shop.lake, InlineEngine(), specified(module_shop))
    assert [check.description for check in report.checks if not check.passed] == []
    return Path(module_shop.settings.lake, report.details["folder"])


@pytest.fixture(scope="module")
def manifest(release) -> pl.DataFrame:
    return pl.read_parquet(release / "manifest.parquet")


def tables(text: str) -> dict[str, dict[str, tuple[int, int]]]:
    """The tables of files and bytes in a Markdown text, by the heading or line before."""
    found, last = {}, ""
    for line in text.splitlines():
        row = re.fullmatch(r"\| (.+) \| ([\d,]+) \| ([\d,]+) \|", line)
        if row:
            found.setdefault(last, {})[row[1]] = (int(row[2].replace(",", "")), int(row[3].replace(",", "")))
        elif line and not line.startswith(("|", "![")):
            last = line
    return found


def by(manifest: pl.DataFrame, column: str) -> dict[str, tuple[int, int]]:
    grouped = manifest.group_by(pl.col(column).fill_null("unknown")).agg(pl.len(), pl.sum("length"))
    return {value: (rows, size) for value, rows, size in grouped.iter_rows()}


def shown(release: Path, plot: str) -> list[str]:
    """The lines of a drawing, from its title on."""
    drawing = ET.parse(release / "plots" / f"{plot}.svg").getroot()
    return [" ".join(node.itertext()) for node in drawing.iter("{http://www.w3.org/2000/svg}text")]


def test_card_and_data_information_have_languages_licences_and_origins_of_the_manifest(release, manifest):
    card, told = tables((release / "README.md").read_text()), tables((release / "data-information.md").read_text())
    assert card["## Languages"] == told["By language:"] == by(manifest, "language")
    assert card["## Licences"] == told["By licence:"] == by(manifest, "license")
    origins = next(table for line, table in told.items() if line.startswith("By origin"))
    assert card[f"{manifest['origin'].n_unique()} in all."] == origins == by(manifest, "origin")
    assert told[
        "By verdict of the policy " + json.loads((release / "fingerprint.json").read_text())["inputs"]["policy"] + ":"
    ] == by(manifest, "license_type")


def test_every_document_that_tells_the_number_of_rows_and_bytes_tells_those_of_the_manifest(release, manifest):
    rows, length = manifest.height, int(manifest["length"].sum())
    card = (release / "README.md").read_text()
    [info] = yaml.safe_load(card.split("---\n")[1])["dataset_info"]
    assert info["splits"] == [{"name": "train", "num_bytes": length, "num_examples": rows}]
    assert info["download_size"] == sum(file.stat().st_size for file in (release / "data").iterdir())
    assert f"| rows | {rows} |" in card
    assert f"{length} B of text in {rows} rows" in (release / "croissant.json").read_text()
    assert f"{length} bytes of text in {rows} files" in (release / "art53.md").read_text()
    assert f"{length} bytes of text in {rows} files" in (release / "art53.json").read_text()
    assert f"{rows} rows, {length} bytes of text" in (release / "data-information.md").read_text()
    notice = (release / "NOTICE").read_text()
    assert f"The {rows} rows" in notice
    for plot in ("languages", "licenses", "origins", "sizes"):
        assert shown(release, plot)[1].startswith(f"{rows} files, {length} B")
    assert shown(release, "funnel")[-1] == f"rows {rows} files, {length} B"


def test_notice_counts_the_files_of_every_licence_and_of_every_origin_under_it(release, manifest):
    licence, counted, of_origin = "", {}, Counter()
    for line in (release / "NOTICE").read_text().partition("The text of")[0].splitlines()[4:]:
        if found := re.fullmatch(r"(\S.*): ([\d,]+) files?", line):
            licence, counted[found[1]] = found[1], int(found[2])
        elif found := re.match(r"  (\S+): ([\d,]+) files? from ", line):
            of_origin[licence, found[1]] += int(found[2])
    assert counted == {licence: rows for licence, (rows, _) in by(manifest, "license").items()}
    assert of_origin == Counter(manifest.select("license", "origin").iter_rows())


def test_plots_show_every_value_with_its_bytes_and_the_longest_bar_is_the_largest(release, manifest):
    for plot, column in {"languages": "language", "licenses": "license", "origins": "origin"}.items():
        values = by(manifest, column)
        lines = shown(release, plot)[2:]
        assert {line.split(" ", 1)[0] for line in lines} == {value.split(" ", 1)[0] for value in values}
        drawing = (release / "plots" / f"{plot}.svg").read_text()
        lengths = [int(length) for length in re.findall(r"M\d+ \d+h(\d+)", drawing)]
        assert lengths == sorted(lengths, reverse=True)
        assert lengths[0] == Frame().bars
    sizes = [int(found[1]) for line in shown(release, "sizes")[2:] if (found := re.search(r" (\d+) files?, ", line))]
    assert sum(sizes) == manifest.height


def test_the_funnel_begins_with_candidates_ends_with_rows_and_nothing_is_lost_between(release):
    first, *left_out, last = shown(release, "funnel")[2:]
    counts = [int(re.search(r"(\d+) files?", line)[1]) for line in (first, *left_out, last)]
    assert counts[0] == sum(counts[1:])
    assert first.startswith("candidates ")
    assert last.startswith("rows ")
    assert all(re.search(r" -\d", line) for line in left_out)


def test_documents_are_the_same_bytes_when_a_release_is_made_again_elsewhere(shop, release):
    report = build(shop.lake, InlineEngine(), specified(shop))
    again = Path(shop.settings.lake, report.details["folder"])
    names = [name for one in documents() for name in one.files]
    assert {"README.md", "NOTICE", "data-information.md", "croissant.json", "art53.md", "plots/funnel.svg"} < set(names)
    for name in names:
        assert (again / name).read_bytes() == (release / name).read_bytes()


def test_the_data_information_answers_all_that_the_definition_asks_for(release):
    text = (release / "data-information.md").read_text()
    fingerprint = json.loads((release / "fingerprint.json").read_text())
    parts = re.split(r"^#{2,3} (.+)$", text, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert list(sections) == [
        "1. All data: a complete description",
        "Provenance",
        "Scope and characteristics",
        "How the data were obtained",
        "How the data were selected",
        "Labelling",
        "Processing and filtering",
        "2. Public data, and where to get them",
        "3. Data from third parties",
        "Making it again",
    ]
    assert all(answer.strip() for name, answer in sections.items() if not name.startswith("1."))
    assert "Apache License 2.0" in parts[0]
    for step in fingerprint["steps"]:
        assert re.search(
            rf"^\| {step['rule']} \| \S.* \| {step['rows']} \| {step['bytes']} \| {step['left']} \|$",
            sections["How the data were selected"],
            re.MULTILINE,
        )
    for name, version in fingerprint["inputs"]["annotators"].items():
        assert re.search(rf"^\| {name} \| \S.* \| {version} \|$", sections["Labelling"], re.MULTILINE)
    assert fingerprint["result"]["manifest"]["sha256"] in sections["2. Public data, and where to get them"]
    specification = json.loads(sections["Making it again"].partition("specification:\n")[2])
    assert specification == fingerprint["inputs"]["specification"]


def test_every_kind_of_rows_and_every_rule_that_may_leave_some_out_is_explained():
    assert set(WHAT) == set(ROWS)
    assert not {*EXCLUSIONS} - {*RULES, *LIMITS}


def test_a_long_name_keeps_both_ends_and_bytes_are_said_in_their_unit():
    assert shortened("https://forge.example/someone/something", 20) == "https://f…/something"
    assert shortened("short", 20) == "short"
    assert [size(count) for count in (0, 999, 1000, 12_345_678, 5e12)] == ["0 B", "999 B", "1.0 kB", "12.3 MB", "5.0 TB"]


def test_a_drawing_is_well_formed_whatever_strangers_call_their_things(tmp_path):
    drawing = Frame(title="<a> & 'b'", subtitle="]]>").svg([("</text><script>", "<1>")], {"#000": Frame().bar(0, 1)})
    root = ET.fromstring(drawing)
    assert [node.tag.rpartition("}")[2] for node in root.iter()].count("script") == 0
    assert "</text><script>" in "".join(root.itertext())
