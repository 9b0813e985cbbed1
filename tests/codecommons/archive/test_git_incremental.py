# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What was read once is not read again, whatever became of the references."""

import shutil
from dataclasses import replace

import pytest

from codecommons.archive import add_inputs, ingest_slice
from codecommons.archive.sources import git
from codecommons.engine.local import InlineEngine
from codecommons.lake.schemas import ARCHIVE

DAYS = [f"2026-02-{day:02}" for day in range(1, 20)]


def ingest(lake, path, day):
    add_inputs(lake, [f"git:{path}"], day)
    return ingest_slice(lake, InlineEngine(), day, "git")


def versions(lake):
    return {table.name: lake.delta(table.name).version() for table in ARCHIVE}


@pytest.fixture
def seen(repository, lake):
    """A repository with three commits that was visited on the first day."""
    repository.commit("Second", more__py="print(2)\n")
    repository.commit("Third", third__py="print(3)\n")
    ingest(lake, repository.path, DAYS[0])
    return repository


def test_a_visit_that_finds_nothing_new_costs_one_row_and_touches_no_object_table(seen, lake, current_files):
    before = versions(lake)
    rows = {name: lake.scan(name).collect().height for name in ("origin_visit", "origin_visit_status")}
    report = ingest(lake, seen.path, DAYS[1])
    assert versions(lake) == before
    assert report.details["committed"] == {}
    for name, count in rows.items():
        assert lake.scan(name).collect().height == count + 1
    assert current_files(lake, DAYS[1]).height == 4


def test_a_visit_walks_no_history_below_what_was_seen(seen, lake, monkeypatch):
    known, real = [], git.list_objects

    def watched(repository, heads, below):
        known.append({one.hex() for one in below})
        return real(repository, heads, below)

    monkeypatch.setattr(git, "list_objects", watched)
    head = seen.git("rev-parse", "HEAD")
    seen.commit("Fourth", fourth__py="print(4)\n")
    ingest(lake, seen.path, DAYS[1])
    assert known == [{head}]


def test_a_forced_push_brings_only_what_is_new(seen, lake):
    seen.git("reset", "-q", "--hard", "HEAD~1")
    other = seen.commit("Another third", other__py="print('other')\n")
    report = ingest(lake, seen.path, DAYS[1])
    assert report.details["objects_read"] == {"blob": 1, "commit": 1, "tree": 1}
    assert lake.scan("revision").collect().height == 4
    assert bytes.fromhex(other) in lake.scan("snapshot_branch").collect()["target"].to_list()


def test_a_rewound_branch_and_a_deleted_one_are_new_snapshots_of_known_objects(seen, lake, current_files):
    seen.git("branch", "topic", "HEAD~1")
    ingest(lake, seen.path, DAYS[1])
    seen.git("branch", "-D", "topic")
    seen.git("reset", "-q", "--hard", "HEAD~2")
    report = ingest(lake, seen.path, DAYS[2])
    assert report.details["objects_read"] == {}
    assert set(report.details["committed"]) <= {"snapshot", "snapshot_branch", "extid", "tree_file"}
    assert lake.scan("snapshot").collect().height == 3
    assert current_files(lake, DAYS[2]).height == 2


def test_a_fork_reads_its_own_objects_though_none_of_its_references_was_seen(seen, lake, tmp_path):
    shutil.copytree(seen.path, tmp_path / "fork")
    fork = replace(seen, path=tmp_path / "fork")
    fork.git("reset", "-q", "--hard", "HEAD~1")
    fork.commit("Fork", fork__py="print('fork')\n")
    assert ingest(lake, fork.path, DAYS[1]).details["objects_read"] == {"blob": 1, "commit": 1, "tree": 1}


def test_a_visit_after_many_reads_what_the_last_commit_added(seen, lake):
    for number in range(3):
        seen.commit(f"More {number}", **{f"more{number}__py": f"print({number + 10})\n"})
        report = ingest(lake, seen.path, DAYS[number + 1])
        assert report.details["objects_read"] == {"blob": 1, "commit": 1, "tree": 1}


def test_a_mirror_follows_its_remote_in_branches_and_head(seen, lake):
    url = seen.path.as_uri()
    ingest(lake, url, DAYS[1])
    seen.git("checkout", "-q", "-b", "trunk")
    seen.git("branch", "-D", "main")
    report = ingest(lake, url, DAYS[2])
    [visit] = lake.scan("origin_visit_status").collect().filter(origin=url, visit=_number(DAYS[2])).to_dicts()
    branches = {
        row["name"]: row["target"]
        for row in lake.scan("snapshot_branch").collect().to_dicts()
        if row["snapshot_id"] == visit["snapshot"]
    }
    assert branches[b"HEAD"] == b"refs/heads/trunk"
    assert b"refs/heads/main" not in branches
    assert report.details["objects_read"] == {}
    seen.git("checkout", "-q", "--detach")
    seen.commit("Detached", detached__py="print('detached')\n")
    assert ingest(lake, url, DAYS[3]).details["objects_read"] == {"blob": 1, "commit": 1, "tree": 1}


def _number(day):
    from codecommons.archive.source import Visit

    return Visit("", None, "full").number(day)
