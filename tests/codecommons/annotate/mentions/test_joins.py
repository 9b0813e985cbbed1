# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which origin a mention means, by which rule; no rule, no origin."""

from __future__ import annotations

import datetime as dt
import json

import pyarrow as pa
import pytest

from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine.local import InlineEngine
from codecommons.lake.schemas import TABLES
from codecommons.swhid import origin_id, swhid_text

DAY, NEXT_DAY = "2026-01-30", "2026-01-31"
REPOSITORY, PACKAGE, OTHER = "https://example.org/Ada/Some-Thing.git", "pkg:pypi/some-thing", "pkg:deb/debian/some-thing"
SNAPSHOT, REVISION, RELEASE = (bytes([number]) * 20 for number in (1, 2, 3))


def rows(table, *values):
    schema = pa.schema(TABLES[table].fields)
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in values], schema)


@pytest.fixture
def visited(lake):
    """A lake that has seen a repository with one revision and two packages called the same, one of which has a release 2.0."""
    at = dt.datetime(2026, 1, 30, tzinfo=dt.UTC)
    snapshots = {REPOSITORY: SNAPSHOT, PACKAGE: bytes([9]) * 20, OTHER: None}
    statuses = [{"origin": url, "visit": 1, "date": at, "status": "full", "snapshot": one} for url, one in snapshots.items()]
    with lake.staging("test") as area:
        writer = area.writer("test")
        writer.add("origin", rows("origin", *({"id": origin_id(url), "url": url} for url in snapshots)))
        writer.add("origin_revision", rows("origin_revision", {"revision": REVISION, "origin": origin_id(REPOSITORY)}))
        writer.add("release", rows("release", {"id": RELEASE, "name": b"2.0", "target": bytes(20), "target_type": "directory"}))
        branch = {"snapshot_id": snapshots[PACKAGE], "name": b"2.0", "target": RELEASE, "target_type": "release"}
        writer.add("snapshot_branch", rows("snapshot_branch", branch))
        lake.commit(area, [writer.close()], InlineEngine())
    lake.write_news({"origin_visit_status": rows("origin_visit_status", *statuses)}, DAY, "test", "attempt")
    lake.log.record(DAY, "test", "raw_archive_slice", "passed", "attempt")
    return lake


def bring(lake, tmp_path, *documents, day=DAY):
    path = tmp_path / f"documents-{day}.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in documents))
    add_inputs(lake, [f"mentions:{path}"], day)
    ingest_slice(lake, InlineEngine(), day, "mentions")
    return annotate_slice(lake, InlineEngine(), day, "mentions")


def told(lake, columns="name, origin, rule, confidence"):
    with lake.sql() as sql:
        return sql.execute(f"select {columns} from mention order by all").fetchall()


def softcite(*mentions, identifier="paper"):
    return {"id": identifier, "metadata": {"doi": "10.1234/abc", "title": "On things"}, "mentions": list(mentions)}


def named(name, **more):
    return {"software-name": {"rawForm": name}, **{key: {"rawForm": value} for key, value in more.items()}}


def coar(number, software):
    relationship = {
        "as:subject": "https://example.org/paper",
        "as:object": software,
        "as:relationship": "https://schema.org/citation",
    }
    context = {"ietf:cite-as": "https://doi.org/10.5555/XYZ", "sorg:name": "On origins"}
    return {"id": f"urn:uuid:{number}", "type": ["Announce"], "object": relationship, "context": context}


def test_the_best_rule_that_joins_is_named_and_no_rule_is_no_origin(visited, tmp_path):
    bring(
        visited,
        tmp_path,
        softcite(
            named("a tool", url="https: //example.org/ada/some-thing/blob/main/x.py)."),
            named("Some_Thing", version="2.0"),
            named("some.thing", version="7.0"),
            named("elsewhere", url="https://example.org/ada/another"),
            named("nothing"),
        ),
    )
    assert told(visited) == [
        ("Some_Thing", OTHER, "name", "low"),
        ("Some_Thing", PACKAGE, "name-and-version", "medium"),
        ("a tool", REPOSITORY, "url", "high"),
        ("elsewhere", None, None, None),
        ("nothing", None, None, None),
        ("some.thing", OTHER, "name", "low"),
        ("some.thing", PACKAGE, "name", "low"),
    ]


def test_announcements_join_by_what_they_identify(visited, tmp_path):
    bring(
        visited,
        tmp_path,
        coar(1, swhid_text("rev", REVISION)),
        coar(2, f"{swhid_text('snp', SNAPSHOT)};origin=https://example.org/elsewhere"),
        coar(3, "git@example.org:ada/some-thing"),
        coar(4, f"{swhid_text('cnt', REVISION)};origin={REPOSITORY}"),
        coar(5, "swh:1:rev:nonsense"),
    )
    rules = [("url",), ("url",), ("swhid",), ("swhid",)]
    assert told(visited, "rule") == sorted(rules)
    assert set(told(visited, "origin, doi, title")) == {(REPOSITORY, "10.5555/xyz", "On origins")}
    with visited.sql() as sql:
        [(item, detail)] = sql.execute("select reason, detail from quarantine where stage = 'enriched_context'").fetchall()
    assert item == "unreadable"
    assert "urn:uuid:5" in detail


def test_a_paper_that_comes_again_replaces_what_it_said(visited, tmp_path):
    bring(visited, tmp_path, softcite(named("one"), named("two")))
    bring(visited, tmp_path, softcite(named("three")), softcite(named("four"), identifier="another"), day=NEXT_DAY)
    assert [row[0] for row in told(visited)] == ["four", "three"]


def test_the_text_of_a_paper_is_in_no_column(visited, tmp_path):
    mention = {**named("one"), "context": "as Ada Lovelace of ada@example.org says"}
    bring(visited, tmp_path, softcite(mention))
    assert "Lovelace" not in str(told(visited, "*"))
