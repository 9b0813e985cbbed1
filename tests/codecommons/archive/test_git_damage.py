# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Repositories with holes, and repositories that mean harm."""

import shutil
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from codecommons.archive import add_inputs, ingest_slice, slice_roots
from codecommons.archive.repository import list_objects
from codecommons.engine.local import InlineEngine
from codecommons.errors import UsageError
from codecommons.swhid import git

DAY = "2026-01-31"


@pytest.fixture
def history(repository):
    """Five commits on main, each with a directory of its own, and a tag of the third; their names, oldest first."""
    names = [repository.git("rev-parse", "HEAD")]
    for number in range(4):
        (repository.path / f"d{number}").mkdir()
        names.append(repository.commit(f"Commit {number}", **{f"d{number}/f": f"{number}\n"}))
    repository.git("tag", "-a", "v1", "-m", "Version one", names[2])
    return names


def ingest(lake, path, day=DAY):
    add_inputs(lake, [f"git:{path}"], day)
    return ingest_slice(lake, InlineEngine(), day, "git")


def lose(repository, name):
    (repository.path / ".git" / "objects" / name[:2] / name[2:]).unlink()


def reasons(lake):
    return set(lake.scan("quarantine").collect()["reason"])


def status(lake):
    return lake.scan("origin_visit_status").collect()["status"].to_list()


def revisions(lake):
    return {identifier.hex() for identifier in lake.scan("revision").collect()["id"]}


def test_a_commit_that_is_missing_in_the_middle_of_history_hides_only_what_is_behind_it(repository, history, lake):
    repository.git("tag", "-d", "v1")
    lose(repository, history[2])
    report = ingest(lake, repository.path)
    assert revisions(lake) == {history[3], history[4]}
    assert (status(lake), reasons(lake)) == (["partial"], {"missing-objects"})
    assert history[2] in report.details["quarantined"][0]
    assert all(check.passed for check in report.checks)
    assert slice_roots(lake, DAY, "git").height == 1


def test_a_tag_whose_commit_is_missing_is_still_a_release(repository, history, lake):
    lose(repository, history[2])
    ingest(lake, repository.path)
    [release] = lake.scan("release").collect().to_dicts()
    assert (release["name"], release["target"].hex()) == (b"v1", history[2])
    assert revisions(lake) == {history[3], history[4]}
    assert status(lake) == ["partial"]


def test_a_directory_that_is_missing_in_history_is_told_and_stops_nothing(repository, history, lake):
    repository.git("rm", "-rq", "d1")
    repository.git("commit", "-q", "-m", "Without d1")
    lost = repository.git("rev-parse", f"{history[4]}:d1")
    lose(repository, lost)
    report = ingest(lake, repository.path)
    assert len(revisions(lake)) == 6
    assert (status(lake), reasons(lake)) == (["partial"], {"missing-objects"})
    assert lost in report.details["quarantined"][0]
    assert all(check.passed for check in report.checks)


def test_objects_that_can_not_be_unpacked_or_have_other_bytes_are_left_out(repository, history, lake):
    objects = repository.path / ".git" / "objects"
    blob = repository.git("rev-parse", "HEAD:d0/f")
    other = repository.git("rev-parse", "HEAD:d1/f")
    for name, data in ((blob, zlib.compress(b"blob 2\0" + b"0\n")[:12]), (other, zlib.compress(b"blob 2\0!\n"))):
        path = objects / name[:2] / name[2:]
        path.chmod(0o644)
        path.write_bytes(data)
    report = ingest(lake, repository.path)
    contents = {one.hex() for one in lake.scan("content").collect()["sha1_git"]}
    assert not contents & {blob, other}
    assert {repository.git("rev-parse", f"HEAD:{path}") for path in ("d2/f", "d3/f", "main.py")} <= contents
    assert {"mismatch", "unreadable-object", "missing-upstream"} == reasons(lake)
    assert status(lake) == ["partial"]
    assert len(revisions(lake)) == 5
    assert report.dropped["missing-upstream"].rows == 2
    assert all(check.passed for check in report.checks)


def test_a_commit_that_can_not_be_unpacked_is_as_good_as_missing(repository, history, lake):
    path = repository.path / ".git" / "objects" / history[1][:2] / history[1][2:]
    path.chmod(0o644)
    path.write_bytes(b"not a git object")
    ingest(lake, repository.path)
    assert revisions(lake) == set(history[2:])
    assert status(lake) == ["partial"]


def test_a_repository_with_holes_is_read_again_when_they_are_filled(repository, history, lake, tmp_path):
    shutil.copytree(repository.path / ".git" / "objects", tmp_path / "objects")
    lose(repository, history[1])
    ingest(lake, repository.path)
    shutil.copytree(tmp_path / "objects", repository.path / ".git" / "objects", dirs_exist_ok=True)
    ingest(lake, repository.path, "2026-02-01")
    assert revisions(lake) == set(history)
    assert sorted(status(lake)) == ["full", "partial"]


def test_of_very_many_files_without_bytes_the_first_are_named_and_all_are_counted(
    repository, history, lake, tmp_path, monkeypatch
):
    monkeypatch.setattr("codecommons.archive.repository.MOST_NOTES", 2)
    repository.git("config", "uploadpack.allowFilter", "true")
    source, partial = repository.path.as_uri(), tmp_path / "partial"
    subprocess.run(["git", "clone", "-q", "--no-checkout", "--filter=blob:none", source, partial], check=True)
    for _ in range(2):
        report = ingest(lake, partial)
        assert (report.rows_in, report.rows_kept, report.dropped["missing-upstream"].rows) == (6, 0, 6)
        assert len(report.details["quarantined"]) == 2
        assert "too-large" not in report.dropped
    shutil.rmtree(partial)
    kept = ingest_slice(lake, InlineEngine(), DAY, "git")
    assert kept.details["items"] == {"kept": 1}
    assert {reason: count.rows for reason, count in kept.dropped.items()} == {"missing-upstream": 6}


def test_a_partial_clone_is_taken_as_far_as_it_goes_and_nothing_is_fetched(repository, history, lake, tmp_path):
    repository.git("config", "uploadpack.allowFilter", "true")
    source = repository.path.as_uri()
    subprocess.run(["git", "clone", "-q", "--no-checkout", "--filter=blob:none", source, tmp_path / "partial"], check=True)
    report = ingest(lake, tmp_path / "partial")
    assert report.details["objects_read"] == {"commit": 5, "tag": 1, "tree": 9}
    skipped = lake.scan("skipped_content").collect()
    assert set(skipped["reason"]) == {"missing-upstream"}
    assert skipped.height == 6
    assert lake.scan("content").collect().height == 0
    assert report.dropped["missing-upstream"].rows == 6
    assert all(check.passed for check in report.checks)
    assert "'d0/f': the repository does not hold its bytes" in "".join(report.details["quarantined"])
    packs = list((tmp_path / "partial" / ".git" / "objects" / "pack").glob("*.pack"))
    assert len(packs) == 1


def test_a_repository_that_borrows_its_objects_is_whole_until_the_lender_is_gone(repository, history, lake, tmp_path):
    subprocess.run(["git", "clone", "-q", "--bare", "--shared", repository.path, tmp_path / "borrower.git"], check=True)
    ingest(lake, tmp_path / "borrower.git")
    assert (status(lake), revisions(lake)) == (["full"], set(history))
    (repository.path / ".git" / "objects").rename(tmp_path / "gone")
    ingest(lake, tmp_path / "borrower.git", "2026-02-01")
    assert "full" in status(lake)


def test_nothing_of_the_repositorys_configuration_has_an_effect(repository, history, lake, tmp_path):
    witness = tmp_path / "witness"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {witness}\n")
    trap.chmod(0o755)
    included = tmp_path / "included"
    included.write_text(f"[core]\n\tfsmonitor = {trap}\n\tpager = {trap}\n")
    lose(repository, repository.git("rev-parse", "HEAD:d0/f"))
    for key, value in {
        "include.path": str(included),
        "core.sshCommand": str(trap),
        "core.gitProxy": str(trap),
        "core.pager": str(trap),
        "core.editor": str(trap),
        "core.hooksPath": str(tmp_path),
        "core.worktree": "/",
        "core.askPass": str(trap),
        "credential.helper": f"!{trap}",
        "gpg.program": str(trap),
        "diff.external": str(trap),
        "uploadpack.packObjectsHook": str(trap),
        "alias.cat-file": f"!{trap}",
        "trace2.normalTarget": str(witness),
        "protocol.allow": "always",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::{trap}",
    }.items():
        repository.git("config", key, value)
    (repository.path / ".git" / "info" / "grafts").write_text(f"{history[4]}\n")
    repository.git("replace", history[3], history[0])
    witness.unlink(missing_ok=True)
    ingest(lake, repository.path)
    assert not witness.exists()
    assert revisions(lake) == set(history)
    missing = lake.scan("skipped_content").collect()
    assert missing["reason"].to_list() == ["missing-upstream"]


def test_a_configuration_that_git_itself_can_not_read_does_not_matter(repository, history, lake):
    (repository.path / ".git" / "config").write_text("[core\n\tbroken")
    ingest(lake, repository.path)
    assert revisions(lake) == set(history)


def test_a_hostile_repository_behind_a_file_url_runs_nothing(repository, history, lake, tmp_path):
    witness = tmp_path / "witness"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {witness}\n")
    trap.chmod(0o755)
    repository.git("config", "extensions.partialClone", "origin")
    repository.git("config", "remote.origin.promisor", "true")
    repository.git("config", "remote.origin.url", "ssh://nowhere/x")
    repository.git("config", "core.sshCommand", str(trap))
    repository.git("config", "uploadpack.packObjectsHook", str(trap))
    repository.git("config", "core.fsmonitor", str(trap))
    witness.unlink(missing_ok=True)
    lose(repository, repository.git("rev-parse", "HEAD:d0/f"))
    ingest(lake, repository.path.as_uri())
    assert not witness.exists()


@pytest.mark.parametrize("text", ["ext::sh -c true", "ext://x", "fd::17", "--upload-pack=x", "-c", "data://x"])
def test_a_transport_that_runs_what_it_is_told_is_refused(text, lake):
    with pytest.raises(UsageError):
        add_inputs(lake, [f"git:{text}"], DAY)


def test_a_few_trees_that_list_more_files_than_there_are_atoms_cost_nothing(repository, lake):
    blob = repository.git("hash-object", "-w", "--stdin", stdin=b"x")
    entries = "".join(f"100644 blob {blob}\tf{number}\n" for number in range(10))
    tree = repository.git("mktree", stdin=entries.encode())
    for _ in range(40):
        entries = "".join(f"040000 tree {tree}\td{number}\n" for number in range(10))
        tree = repository.git("mktree", stdin=entries.encode())
    commit = repository.git("commit-tree", "-m", "Bomb", tree)
    repository.git("update-ref", "refs/heads/main", commit)
    small = replace(lake.settings, max_archive_members=5000)
    from codecommons.lake import Lake

    report = ingest(Lake.open(small), repository.path)
    assert "too-many-files" in reasons(lake)
    assert report.details["objects_read"]["tree"] == 41
    assert status(lake) == ["partial"]


def test_references_that_point_nowhere_or_at_each_other_or_have_odd_names(repository, history, lake):
    repository.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    repository.git("symbolic-ref", "refs/heads/unborn", "refs/heads/none")
    with (repository.path / ".git" / "packed-refs").open("ab") as file:
        file.write(b"%s refs/heads/caf\xe9\n" % history[1].encode())
        file.write(b"%s refs/heads/dangling\n" % (b"1" * 40))
    for name, text in (("loop1", "ref: refs/heads/loop2\n"), ("loop2", "ref: refs/heads/loop1\n"), ("bad", "no reference\n")):
        (repository.path / ".git" / "refs" / "heads" / name).write_text(text)
    ingest(lake, repository.path)
    branches = {row["name"]: row for row in lake.scan("snapshot_branch").collect().to_dicts()}
    assert branches.keys() == {
        b"HEAD",
        b"refs/heads/main",
        b"refs/heads/alias",
        b"refs/heads/caf\xe9",
        b"refs/heads/dangling",
        b"refs/tags/v1",
    }
    assert branches[b"refs/heads/alias"]["target"] == b"refs/heads/main"
    assert branches[b"refs/heads/caf\xe9"]["target"].hex() == history[1]
    assert branches[b"refs/heads/dangling"]["target"] is None
    assert status(lake) == ["full"]


def test_a_reference_whose_name_leaves_its_folder_is_refused_with_its_repository(repository, history, lake):
    (repository.path / ".git" / "packed-refs").write_text(f"{history[1]} refs/heads/../../escape\n")
    ingest(lake, repository.path)
    assert reasons(lake) == {"git-failed"}
    assert "dangerous" in lake.scan("quarantine").collect()["detail"][0]


def test_a_content_that_was_missing_comes_when_it_turns_up(repository, history, lake, tmp_path):
    lost = repository.git("rev-parse", "HEAD:d3/f")
    kept = repository.git("cat-file", "blob", lost) + "\n"
    lose(repository, lost)
    ingest(lake, repository.path)
    assert lost not in {one.hex() for one in lake.scan("content").collect()["sha1_git"]}
    assert repository.git("hash-object", "-w", "--stdin", stdin=kept.encode()) == lost
    report = ingest(lake, repository.path, "2026-02-01")
    assert report.details["objects_read"] == {"blob": 1}
    assert lost in {one.hex() for one in lake.scan("content").collect()["sha1_git"]}
    assert report.rows_kept == 6
    assert all(check.passed for check in report.checks)


def test_a_content_that_was_missing_comes_with_the_next_repository_that_has_it(repository, history, lake, tmp_path):
    shutil.copytree(repository.path, tmp_path / "whole")
    lost = repository.git("rev-parse", "HEAD:d3/f")
    lose(repository, lost)
    ingest(lake, repository.path)
    assert lost not in {one.hex() for one in lake.scan("content").collect()["sha1_git"]}
    whole = replace(repository, path=tmp_path / "whole")
    whole.commit("More", more__py="more\n")
    ingest(lake, whole.path)
    assert lost in {one.hex() for one in lake.scan("content").collect()["sha1_git"]}


def test_a_commit_graph_that_lies_is_not_asked(repository, history):
    repository.git("commit-graph", "write", "--reachable")
    graph = repository.path / ".git" / "objects" / "info" / "commit-graph"
    graph.chmod(0o644)
    graph.write_bytes(graph.read_bytes().replace(bytes.fromhex(history[1]), bytes.fromhex(history[0])))
    with list_objects(repository.path, {bytes.fromhex(history[4])}, set()) as listing:
        kinds = pl.concat(listing.objects())["kind"].value_counts(sort=True).to_dicts()
    assert {"kind": "commit", "count": 5} in kinds


def test_the_folder_that_git_is_shown_lives_no_longer_than_it_is_needed(repository):
    with git.opened(repository.path) as folder:
        assert sorted(path.name for path in Path(folder).iterdir()) == ["HEAD", "config", "objects", "refs"]
    assert not Path(folder).exists()
