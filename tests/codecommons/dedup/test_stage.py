# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from codecommons.annotate.annotator import current
from codecommons.annotate.stage import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.datasets.planning import plan
from codecommons.datasets.specification import parse
from codecommons.dedup import WORDS, compare_slice, pairs
from codecommons.dedup.overview import differences
from codecommons.engine import local_engine
from codecommons.errors import GateError
from codecommons.lake import Lake
from codecommons.lake.erasing import erase
from codecommons.license import qualify_slice
from codecommons.license.policy import VERDICTS
from codecommons.optout.takedown.tables import erase_contents
from codecommons.swhid import content_id

DAY, NEXT_DAY = "2026-01-31", "2026-02-01"
TEXT = " ".join(f"word{number}" for number in range(60))
FILES = {
    "a.txt": TEXT,
    "copy/a.txt": TEXT,
    "near.txt": TEXT + " and something else at the end",
    "far.txt": " ".join(f"other{number}" for number in range(60)),
    "tiny.txt": "tiny",
    "tiny-too.txt": "Tiny",
    "image.bin": "\0\1\2\3" * 20,
}


@pytest.fixture
def lake(settings, request):
    """A lake whose annotators find what they have derived in earlier tests."""
    prepared = Path(os.environ.get("CODECOMMONS_TEST_CACHE") or request.config.cache.mkdir("codecommons")) / "cache"
    prepared.mkdir(exist_ok=True)
    (settings.home / "cache").symlink_to(prepared)
    return Lake.open(replace(settings, batch_bytes=1 << 20))


@pytest.fixture
def bring_slice(lake, tmp_path):
    """Bring files into a slice, through the stages before ours."""

    def bring(files, day=DAY):
        for path, text in files.items():
            target = tmp_path / day / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        engine = local_engine(lake.settings)
        add_inputs(lake, [f"path:{tmp_path / day}"], day)
        for stage in (ingest_slice, annotate_slice, qualify_slice):
            assert [check.description for check in stage(lake, engine, day, "path").checks if not check.passed] == []
        return engine

    return bring


def test_a_slice_says_what_repeats_and_what_nearly_does(lake, bring_slice):
    report = compare_slice(lake, bring_slice(FILES), DAY, "path")
    assert [check.description for check in report.checks if not check.passed] == []
    assert report.conserved
    assert (report.rows_in, report.rows_kept, report.dropped["exact_duplicate"].rows) == (7, 6, 1)
    assert report.dropped["exact_duplicate"].bytes == len(TEXT)
    wanted = {
        "contents": 6,
        "texts": 5,
        "short": 2,
        "crowded": 0,
        "accepted": 1,
        "near_duplicates": 2,
        "near_duplicate_rate": 0.4,
    }
    assert {name: report.details[name] for name in wanted} == wanted
    a, b = sorted(content_id(FILES[name].encode()) for name in ("a.txt", "near.txt"))
    assert pairs(lake).select("a", "b", "similarity", "accepted").collect().rows() == [(a, b, 56 / 62, True)]


def test_a_slice_says_where_its_duplicates_are_and_what_a_pair_looks_like(lake, bring_slice):
    private = TEXT.replace("word7", "maria.schuster@gmx-post.de")
    files = FILES | {"mail.txt": private, "mail-too.txt": private + " x", "code.py": "import os\n", "copy/code.py": "import os\n"}
    details = compare_slice(lake, bring_slice(files), DAY, "path").details
    languages = {row.pop("name"): tuple(row.values()) for row in details["duplicates_by_language"]}
    assert languages["Text"] == (5, 1, 4, 8, 0.625)  # repeated, exact, near, files, rate
    assert languages["Python"] == (1, 1, 0, 2, 0.5)
    assert [tuple(row.values())[1:] for row in details["duplicates_by_origin"]] == [(6, 2, 4, 11, 0.5455)]
    assert sum(row["clusters"] for row in details["cluster_sizes"].values()) == 1
    [example] = details["examples"]
    assert {example["a"], example["b"]} == {
        f"swh:1:cnt:{content_id(files[name].encode()).hex()}" for name in ("a.txt", "near.txt")
    }
    [shown] = differences(lake, [example])
    assert "near.txt" in shown
    [told] = differences(lake, [example | {"similarity": 0.9984, "name": "a|b`c`\n<b>\x1b ~ _d_"}])
    assert told.splitlines()[0] == "**0.99** a\\|b\\`c\\`\\\\n\\<b\\>\\\\x1b \\~ \\_d\\_"
    assert "+word0 word1" in shown
    assert "maria" not in shown


def test_a_dataset_keeps_one_of_a_crowd_whoever_it_prefers_also_after_some_were_taken_down(lake, bring_slice):
    count = WORDS.anchors + 40
    many = {f"{'d/' * number}a.txt": f"{TEXT} {TEXT[::-1]} end {number}" for number in range(count)}
    engine = bring_slice(many)
    details = compare_slice(lake, engine, DAY, "path").details
    assert 0 < details["crowded"] <= WORDS.bands
    assert compare_slice(lake, engine, DAY, "path").details["crowded"] == 0
    # The last of all identifiers is preferred, so the lake has never compared it with most of the others.
    anchors = sorted(many.values(), key=lambda text: content_id(text.encode()))
    preferred = next(path for path, text in many.items() if text == anchors[-1])
    asked = parse(
        f"""{{license: {{accept: {list(VERDICTS)}}}, deduplicate: {{order: [shortest_path]}}, filters: {{min_length: 1}},
        where: "length(path) >= {len(preferred)}"}}""".encode(),
        "crowd",
    )
    eligible = sum(len(path) >= len(preferred) for path in many)
    made = plan(lake, asked)
    assert [(step.rule, step.rows) for step in made.steps if step.rows] == [
        ("where", count - eligible),
        ("near_duplicate", eligible - 1),
    ]
    [sample] = made.samples
    assert content_id(anchors[-1].encode()).hex() in sample.swhid
    gone = [content_id(text.encode()) for text in anchors[:30]]
    for _ in erase_contents(lake, pl.Series(gone, dtype=pl.Binary)):
        pass
    with pytest.raises(
        GateError, match=f"were taken down.* materialize deduped of {DAY} again .`codecommons ingest --day {DAY}`"
    ):
        plan(lake, asked)
    compare_slice(lake, engine, DAY, "path")
    assert plan(lake, asked).rows == 1


def test_a_second_run_computes_nothing_and_a_new_slice_only_what_is_new(lake, bring_slice):
    engine = bring_slice(FILES)
    first, again = (compare_slice(lake, engine, DAY, "path") for _ in range(2))
    assert [(one.computed, one.reused) for one in (first, again)] == [(5, 0), (0, 5)]
    assert first.details["accepted"] == again.details["accepted"]
    grown = FILES | {"later.txt": TEXT + " later"}
    next_day = compare_slice(lake, bring_slice(grown, NEXT_DAY), NEXT_DAY, "path")
    assert (next_day.computed, next_day.reused, next_day.details["pairs"], next_day.details["accepted"]) == (1, 5, 2, 3)


def test_a_slice_of_which_nobody_has_said_what_is_text_does_not_pass_with_nothing_compared(lake, bring_slice):
    engine = bring_slice(FILES)
    table = current(lake.settings)["encoding"].table.name
    text = pl.Series([content_id(FILES[name].encode()) for name in FILES], dtype=pl.Binary)
    erase(lake.storage, table, {"content": text})
    report = compare_slice(lake, engine, DAY, "path")
    assert report.details["texts"] == 0
    [failed] = [check for check in report.checks if not check.passed]
    assert failed.name == "every_text_compared"
    assert (
        f"of 6 contents nobody has said whether they are text, the first being swh:1:cnt:{min(text).hex()}" in failed.description
    )
    assert f"materialize enriched_context of {DAY} again" in failed.description


def test_a_slice_whose_licences_were_not_decided_is_refused(lake):
    with pytest.raises(GateError, match="license_qualified"):
        compare_slice(lake, local_engine(lake.settings), DAY, "path")


def test_a_pair_that_is_not_sound_fails_the_slice_and_the_check_names_it(lake, bring_slice):
    engine = bring_slice(FILES)
    a, b = sorted(content_id(FILES[name].encode()) for name in ("a.txt", "far.txt"))
    forged = {"configuration": [WORDS.key(lake.settings)], "a": [a], "b": [b], "similarity": [0.6], "accepted": [True]}
    compare_slice(lake, engine, DAY, "path")
    with lake.staging("test") as area:
        writer = area.writer("test")
        writer.add("duplicate_pair", pl.DataFrame(forged).to_arrow())
        lake.commit(area, [writer.close()], engine)
    report = compare_slice(lake, engine, DAY, "path")
    assert [check.name for check in report.checks if not check.passed] == ["pairs_are_sound"]
    assert lake.log.verdict(DAY, "path", "deduped")["failing_check"] == "pairs_are_sound"
    assert a.hex() in lake.log.verdict(DAY, "path", "deduped")["detail"]
