# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from codecommons.annotate.stage import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine import local_engine
from codecommons.errors import GateError
from codecommons.lake import Lake
from codecommons.license import decisions, policies, policy, qualify_slice
from codecommons.license.evidence import contradicted
from codecommons.license.resolve import RESOLUTIONS
from codecommons.license.stage import _against
from codecommons.settings import Settings
from codecommons.status import render, status

DAY, NEXT_DAY = "2026-01-31", "2026-02-01"
MIT = """MIT License

Copyright (c) 2026 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
FILES = {
    "LICENSE": MIT,
    "setup.py": "print('set up')\n",
    "src/copied.c": "/* SPDX-License-Identifier: GPL-2.0-only */\nint main(void) { return 0; }\n",
    "node_modules/left/index.js": "module.exports = 1\n",
    "node_modules/right/package.json": '{"name": "right", "version": "1.0.0", "license": "ISC"}\n',
    "node_modules/right/index.js": "module.exports = 2\n",
}
STRICTER = """
name: dedicated
version: 1
description: Only what asks for nothing at all.
no_license: unknown
rules:
  - {name: public-domain, verdict: permissive, categories: [Public Domain]}
"""


@pytest.fixture(scope="session")
def prepared(request):
    """Where annotators keep what they derive, so that it is derived once."""
    return Path(os.environ.get("CODECOMMONS_TEST_CACHE") or request.config.cache.mkdir("codecommons")) / "cache"


@pytest.fixture
def settings(tmp_path, prepared):
    home = tmp_path / "home"
    home.mkdir()
    prepared.mkdir(exist_ok=True)
    (home / "cache").symlink_to(prepared)
    return Settings(home=home, lake=str(home / "lake"), workers=0)


@pytest.fixture
def folder(tmp_path):
    for path, text in FILES.items():
        target = tmp_path / "project" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return tmp_path / "project"


def annotated(lake, folder, day=DAY):
    engine = local_engine(lake.settings)
    add_inputs(lake, [f"path:{folder}"], day)
    ingest_slice(lake, engine, day, "path")
    annotate_slice(lake, engine, day, "path")
    return engine


def verdicts(lake, name="permissive"):
    rows = decisions(lake, policy(lake.settings, name).key(lake.settings)).collect()
    return {path.decode(): (verdict, rule) for path, verdict, rule in rows.select("path", "verdict", "rule").iter_rows()}


def test_every_file_of_a_slice_gets_its_decision(lake, folder):
    report = qualify_slice(lake, annotated(lake, folder), DAY, "path")
    assert [check.name for check in report.checks if not check.passed] == []
    assert verdicts(lake) == {
        "LICENSE": ("permissive", "license-file/permissive-license"),
        "setup.py": ("permissive", "license-file/permissive-license"),
        "src/copied.c": ("copyleft", "header/copyleft-license"),
        "node_modules/left/index.js": ("unknown", "foreign/no-license"),
        "node_modules/right/package.json": ("permissive", "metadata/permissive-license"),
        "node_modules/right/index.js": ("permissive", "metadata/permissive-license"),
    }
    assert report.conserved
    assert (report.rows_in, report.rows_kept, report.dropped["copyleft"].rows, report.dropped["unknown"].rows) == (6, 4, 1, 1)
    assert lake.log.verdict(DAY, "path", "license_qualified")["verdict"] == "passed"


def test_evidence_has_the_lines_that_say_it_in_manifests_and_lists_too(lake, folder):
    (folder / "REUSE.toml").write_text("version = 1\n\n[[annotations]]\npath = 'logo'\nSPDX-License-Identifier = 'CC0-1.0'\n")
    (folder / "logo").write_text("what a picture is\n")
    qualify_slice(lake, annotated(lake, folder), DAY, "path")
    rows = decisions(lake, policy(lake.settings, "permissive").key(lake.settings)).collect()
    evidence = dict(rows.select("path", "evidence").iter_rows())
    [where] = evidence[b"node_modules/right/index.js"]
    line = FILES["node_modules/right/package.json"].partition('"license"')[0].count("\n") + 1
    assert where.endswith(f";path=/node_modules/right/package.json;lines={line}")
    assert evidence[b"logo"][0].endswith(";path=/REUSE.toml;lines=3-5")
    assert all(";lines=" in one for path, each in evidence.items() for one in each if one.startswith("swh:1:cnt:"))


def test_a_tree_is_decided_on_once_whatever_slice_brings_it(lake, folder):
    first = qualify_slice(lake, annotated(lake, folder), DAY, "path")
    again = qualify_slice(lake, local_engine(lake.settings), DAY, "path")
    next_day = qualify_slice(lake, annotated(lake, folder, NEXT_DAY), NEXT_DAY, "path")
    every = 6 * len(policies(lake.settings))
    assert [(one.computed, one.reused) for one in (first, again, next_day)] == [(every, 0), (0, every), (0, every)]
    assert lake.scan("license_resolution").collect().height == 6 * len(RESOLUTIONS)
    assert again.details["funnel"] == first.details["funnel"] == next_day.details["funnel"]


def test_a_new_policy_decides_again_beside_the_others(lake, folder):
    qualify_slice(lake, annotated(lake, folder), DAY, "path")
    before = verdicts(lake)
    (lake.settings.home / "policies").mkdir()
    (lake.settings.home / "policies" / "dedicated.yaml").write_text(STRICTER)
    resolved = lake.delta("license_resolution").version()
    report = qualify_slice(lake, local_engine(lake.settings), DAY, "path")
    assert (report.computed, report.reused) == (6, 6 * (len(policies(lake.settings)) - 1))
    assert lake.delta("license_resolution").version() == resolved
    assert verdicts(lake) == before
    assert set(verdicts(lake, "dedicated").values()) <= {("unknown", f"{kind}/{rule}") for kind, rule in KINDS}
    assert report.details["policies"]["dedicated"]["verdicts"] == {"unknown": 6}


def test_a_policy_that_can_not_be_read_decides_nothing_and_the_others_go_on(lake, folder):
    (lake.settings.home / "policies").mkdir()
    (lake.settings.home / "policies" / "mine.yaml").write_text("name: mine\n")
    report = qualify_slice(lake, annotated(lake, folder), DAY, "path")
    assert [check.description for check in report.checks if not check.passed] == []
    [remark] = report.details["remarks"]
    assert "mine.yaml" in remark
    state = status(lake)
    assert [row["name"] for row in state["policies"]] == ["mine"]
    assert [row["stage"] for row in state["stale"] if row["stage"] == "license_qualified"] == []
    assert "left out  policy mine: " in render(state)


KINDS = [
    (kind, rule) for kind in ("header", "license-file", "metadata", "foreign") for rule in ("unrecognised-license", "no-license")
]


def test_a_slice_that_was_not_annotated_is_refused(lake, folder):
    with pytest.raises(GateError, match="enriched_context"):
        qualify_slice(lake, local_engine(lake.settings), DAY, "path")


def test_an_edited_verdict_fails_the_check_that_honours_policies(lake, folder):
    engine = annotated(lake, folder)
    mine = policy(lake.settings, "permissive")
    qualify_slice(lake, engine, DAY, "path")
    rows = decisions(lake, mine.key(lake.settings)).filter(pl.col("path") == b"src/copied.c").collect()
    forged = rows.with_columns(verdict=pl.lit("permissive"), said="expression", otherwise=pl.lit(""))
    assert _against(mine, forged) == [
        "policy permissive says copyleft of GPL-2.0-only, yet files with it are permissive by header/copyleft-license"
    ]


def test_a_row_whose_own_words_or_licence_contradict_its_verdict_is_found(lake, folder):
    qualify_slice(lake, annotated(lake, folder), DAY, "path")
    mine, stack = policy(lake.settings, "permissive"), policy(lake.settings, "stack-v2")
    files = decisions(lake, mine.key(lake.settings)).filter(pl.col("path").is_in([b"src/copied.c", b"setup.py"])).sort("path")
    honest = files.select("content", "path", swhid="path", license="expression", license_type="verdict").collect()
    assert contradicted(lake, mine, honest) == []
    # As if the licence around it had been taken for the file's own: nothing but the file's own words can tell.
    laundered = honest.with_columns(license=pl.lit("MIT"), license_type=pl.lit("permissive"))
    [said] = contradicted(lake, mine, laundered)
    assert said.endswith("is permissive, and it states GPL-2.0-only, which is copyleft under permissive")
    assert contradicted(lake, stack, laundered) == []
    [said] = contradicted(lake, mine, honest.filter(path=b"setup.py").with_columns(license=pl.lit("AGPL-3.0-only")))
    assert said.endswith("is permissive, and its licence is AGPL-3.0-only, which is copyleft under permissive")


def test_the_decisions_do_not_depend_on_workers(lake, folder, tmp_path):
    qualify_slice(lake, annotated(lake, folder), DAY, "path")
    other = Lake.open(replace(lake.settings, lake=str(tmp_path / "other"), workers=2))
    qualify_slice(other, annotated(other, folder), DAY, "path")
    for table, order in (("license_resolution", ["resolution", "root", "path"]), ("license_judgement", ["policy", "statement"])):
        mine, theirs = (one.scan(table).drop("bucket").sort(order).collect() for one in (lake, other))
        assert mine.height
        assert mine.equals(theirs)
