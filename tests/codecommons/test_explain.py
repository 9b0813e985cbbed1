# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Stories about a real repository, brought in by the product's own first stage."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from codecommons import archive
from codecommons.dedup.tables import DUPLICATE_PAIR
from codecommons.engine import local_engine
from codecommons.errors import UsageError
from codecommons.explain import explain, render
from codecommons.lake import Lake
from codecommons.lake.schemas import TABLES
from codecommons.license import policies
from codecommons.swhid import content_id, swhid_text

DAY = "2026-01-31"
LICENSE = b"MIT License\n"
MODULE = b"print('hello')\n"
COMMITTED = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "2020-01-02T03:04:05+0000",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_COMMITTER_DATE": "2020-01-02T03:04:05+0000",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of two files, one of them twice."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "LICENSE").write_bytes(LICENSE)
    (folder / "src" / "main.py").write_bytes(MODULE)
    (folder / "copy.py").write_bytes(MODULE)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "First"]):
        subprocess.run(["git", *command], cwd=folder, check=True, env={**os.environ, **COMMITTED})
    return folder


@pytest.fixture
def filled(lake: Lake, repository: Path) -> Lake:
    """The lake with the repository in it, and a package that nobody has."""
    archive.add_inputs(lake, [f"git:{repository}"], DAY)
    archive.ingest_slice(lake, local_engine(lake.settings), DAY, "git")
    return lake


def commit(lake: Lake, table: str, row: dict[str, Any]) -> None:
    with lake.staging("test") as area:
        writer = area.writer("row")
        writer.add(table, pa.Table.from_pylist([row], schema=pa.schema(lake.tables()[table].fields)))
        lake.commit(area, [writer.close()], local_engine(lake.settings))


def release(lake: Lake, table: str, row: dict[str, Any]) -> None:
    lake.replace_release(table, "demo", "f" * 64, pa.Table.from_pylist([row], schema=pa.schema(TABLES[table].fields)))


def test_a_file_in_a_work_tree_is_found_wherever_it_occurs(filled: Lake, repository: Path) -> None:
    story = explain(filled, str(repository / "src" / "main.py"))
    assert story["known"]
    assert story["swhid"] == swhid_text("cnt", content_id(MODULE))
    assert story["archive"] == f"https://archive.softwareheritage.org/{story['swhid']}"
    assert [(row["origin"], row["path"]) for row in story["occurrences"]] == [
        (repository.as_uri(), "copy.py"),
        (repository.as_uri(), "src/main.py"),
    ]
    assert str(story["first_occurrence"]["date"]) == "2020-01-02 03:04:05"
    assert story["content"]["length"] == len(MODULE)
    assert explain(filled, f"{story['swhid']};lines=1")["occurrences"] == story["occurrences"]


def test_changed_bytes_at_a_known_path_are_told_apart_from_what_the_lake_has(filled: Lake, repository: Path) -> None:
    (repository / "copy.py").write_bytes(b"print('changed')\n")
    story = explain(filled, str(repository / "copy.py"))
    assert not story["known"]
    assert [(row["path"], row["content"]) for row in story["path_occurrences"]] == [
        ("copy.py", swhid_text("cnt", content_id(MODULE)))
    ]
    assert "not in the lake, but" in render(story)
    assert "path_occurrences" not in explain(filled, swhid_text("cnt", b"\0" * 20))


def test_decisions_pairs_datasets_and_drops_are_told_with_their_evidence(
    filled: Lake, repository: Path, decision_rows: Callable[..., dict[str, Any]]
) -> None:
    mine, other, root = content_id(MODULE), content_id(LICENSE), b"\x01" * 20
    evidence = ["swh:1:cnt:" + other.hex()]
    policy = policies(filled.settings)["permissive"].key(filled.settings)
    said = decision_rows(policy, root, b"src/main.py", mine, expression="MIT", evidence=evidence)
    said["license_judgement"]["obligations"] = ["notice", "license-text"]
    for table, row in said.items():
        commit(filled, table, row)
    filled.register(DUPLICATE_PAIR)
    a, b = sorted((mine, other))
    commit(filled, "duplicate_pair", {"configuration": "words@1", "a": a, "b": b, "similarity": 0.75, "accepted": True})
    placed = {
        "shard": "s.parquet",
        "row": 7,
        "content": mine,
        "swhid": swhid_text("cnt", mine),
        "origin": "o",
        "path": b"src/main.py",
    }
    dropped = {
        "content": mine,
        "origin": "o",
        "anchor": "",
        "path": b"copy.py",
        "rule": "near_duplicate",
        "kept": other,
        "similarity": 0.75,
    }
    release(filled, "dataset_row", placed)
    release(filled, "dataset_drop", dropped)
    assert explain(filled, str(repository / "copy.py"))["datasets"] == [], "half a release is none"
    release(filled, "dataset", {"specification": "{}", "as_of": DAY, "rows": 1, "bytes": 15, "shards": 1})

    story = explain(filled, str(repository / "copy.py"))
    assert [(row["verdict"], row["rule"], row["evidence"]) for row in story["license_decisions"]] == [
        ("permissive", "license-file/r", evidence)
    ]
    assert [(row["content"], row["similarity"], row["accepted"]) for row in story["duplicate_pairs"]] == [
        (swhid_text("cnt", other), 0.75, True)
    ]
    assert [(row["dataset"], row["shard"], row["row"]) for row in story["datasets"]] == [("demo", "s.parquet", 7)]
    assert [(row["rule"], row["kept"]) for row in story["dropped"]] == [("near_duplicate", swhid_text("cnt", other))]
    text = render(story)
    for said in (
        "the nearest licence file up its tree says MIT, which is permissive by rule r of version 1",
        "it asks for: notice, license-text",
        "similarity 0.750, accepted",
        "row 7 of s.parquet",
        f"kept {swhid_text('cnt', other)}",
    ):
        assert said in text


def test_containers_and_origins_lead_to_each_other(filled: Lake, repository: Path) -> None:
    origin = explain(filled, repository.as_uri())
    assert [row["status"] for row in origin["visits"]] == ["full"]
    assert origin["archive"] is None, "the public archive has no folder of ours"
    [anchor] = origin["anchors"]
    for swhid in (anchor["anchor"], anchor["root"], origin["visits"][0]["snapshot"]):
        story = explain(filled, swhid)
        assert story["known"]
        assert [row["origin"] for row in story["anchors"]] == [repository.as_uri()]
    below = explain(filled, str(repository / "src"))
    assert [(row["directory"], row["name"]) for row in below["parents"]] == [(anchor["root"], "src")]


def test_what_was_left_out_of_an_origin_is_told(filled: Lake, repository: Path) -> None:
    rows = [
        {"item": f"{repository}", "stage": "raw_archive_slice", "reason": "too-large", "detail": "200 MB", "path": b"big"},
        {"item": f"{repository}#2", "stage": "raw_archive_slice", "reason": "shallow", "detail": "cut off"},
        {"item": f"{repository}-other", "stage": "raw_archive_slice", "reason": "unreadable", "detail": "another one"},
    ]
    news = pa.Table.from_pylist(rows, schema=pa.schema(TABLES["quarantine"].fields))
    filled.write_news({"quarantine": news}, DAY, "path", "x")
    filled.log.record(DAY, "path", "raw_archive_slice", "passed", "x")
    story = explain(filled, repository.as_uri())
    assert [row["reason"] for row in story["quarantine"]] == ["too-large", "shallow"]


def test_a_long_chapter_is_cut_and_says_so(filled: Lake, repository: Path) -> None:
    text = render(explain(filled, str(repository / "copy.py")), limit=1)
    assert "Occurrences (2)" in text
    assert "… and 1 more" in text


def test_what_is_nothing_is_a_usage_error(filled: Lake) -> None:
    with pytest.raises(UsageError, match="neither a SWHID, nor a path here, nor an origin"):
        explain(filled, "nonesuch")
    with pytest.raises(UsageError, match="is not a SWHID"):
        explain(filled, "swh:1:cnt:short")
