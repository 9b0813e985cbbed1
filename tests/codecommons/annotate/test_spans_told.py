# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json

import pytest

from codecommons.annotate import annotate_files, annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine import local_engine
from codecommons.explain import explain
from codecommons.explain.text import render
from codecommons.lake import Lake
from codecommons.swhid import content_id, swhid_text

DAY = "2026-01-31"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ"
TEXT = f"# Author: Ada Byron <ada@analytical.org>\ntoken = '{TOKEN}'\nother = '{TOKEN}'\n"


@pytest.fixture
def annotated(settings, tmp_path):
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing" / "a.py").write_text(TEXT)
    lake = Lake.open(settings)
    add_inputs(lake, [f"path:{tmp_path / 'thing'}"], DAY)
    ingest_slice(lake, local_engine(settings), DAY, "path")
    annotate_slice(lake, local_engine(settings), DAY, "path")
    return lake


def test_the_lake_and_a_look_at_the_file_say_the_same_spans(annotated, settings, tmp_path):
    (row,) = annotate_files([tmp_path / "thing" / "a.py"], settings)
    assert [(one["kind"], TEXT[one["start"] : one["end"]]) for one in row["spans"]] == [
        ("name", "Ada Byron"),
        ("email", "ada@analytical.org"),
        ("token", TOKEN),
        ("token", TOKEN),
    ]
    with annotated.sql() as connection:
        both = "select unnest(spans, recursive := true) from {}"
        query = f"{both.format('annotation_secrets')} union all {both.format('annotation_personal_data')} order by start"
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description]
        assert [dict(zip(names, found, strict=True)) for found in cursor.fetchall()] == row["spans"]


def test_explaining_counts_what_was_found_and_never_shows_it(annotated):
    story = explain(annotated, swhid_text("cnt", content_id(TEXT.encode())))
    text = render(story)
    assert "secrets: spans 2 token" in text
    assert "personal_data: spans 1 email, 1 name" in text
    assert not any(value in text + json.dumps(story, default=str) for value in (TOKEN, "ada@", "Byron"))


def test_a_file_with_more_spans_than_are_listed_says_so(settings, tmp_path):
    (tmp_path / "many").write_text(f"{TOKEN}\n" * 1001)
    (row,) = annotate_files([tmp_path / "many"], settings)
    assert len(row["spans"]) == 1000
    assert row["errors"] == {"secrets": "there are more spans than are listed"}
