# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Identifying what lies on a disk: what goes on after a failure, and what a repository can't make us do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from codecommons.errors import ItemError, UsageError
from codecommons.swhid import content_id, directory_id, git, swhid_text
from codecommons.swhid.tree import identify_directory, identify_paths

Git = Callable[..., bytes]
EMPTY = "swh:1:cnt:e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
WHO = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a", "GIT_COMMITTER_NAME": "C", "GIT_COMMITTER_EMAIL": "c"}


@pytest.fixture
def repository(scratch_git: Git, tmp_path: Path) -> Path:
    """A work tree with one commit."""
    folder = tmp_path / "repository"
    scratch_git("init", "-q", "-b", "main", str(folder))
    (folder / "file").write_text("text\n")
    scratch_git("add", "file", cwd=folder)
    scratch_git("commit", "-q", "-m", "first", cwd=folder, **WHO)
    return folder


def test_a_path_that_fails_says_so_in_one_line_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    paths = [str(tmp_path / name) for name in ("missing", "empty", "pipe")]
    lines: list[str] = []
    assert list(identify_paths(paths, on_error=lines.append)) == [(EMPTY, paths[1])]
    assert [line.count("\n") for line in lines] == [0, 0]
    assert "missing: No such file" in lines[0]
    assert "pipe: neither a file nor a directory" in lines[1]
    with pytest.raises(ItemError, match="missing"):
        list(identify_paths(paths))


def test_a_repository_that_names_a_folder_with_a_nul_byte_is_one_clear_line(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / ".git").write_bytes(b"gitdir: x\0y")
    errors: list[str] = []
    assert len(list(identify_paths([str(tmp_path / "bad"), str(repository)], on_error=errors.append))) == 1
    assert [error.count("\n") for error in errors] == [0]
    assert "NUL byte" in errors[0]


def test_an_unknown_type_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="choose one of auto, cnt"):
        list(identify_paths(["."], "blob"))


def test_a_type_that_does_not_fit_the_path_is_one_clear_line(tmp_path: Path, repository: Path) -> None:
    lines: list[str] = []
    for path, kind in (
        (tmp_path, "snp"),
        (tmp_path, "cnt"),
        (repository / "file", "dir"),
        (repository, "rel"),
        (tmp_path, "rev"),
    ):
        assert not list(identify_paths([str(path)], kind, on_error=lines.append))
    assert len(lines) == 5
    assert all("\n" not in line for line in lines)
    assert "not a git repository" in lines[0]
    assert "v1.0" in lines[3]


def test_a_link_given_on_the_command_line_is_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    assert list(identify_paths([str(tmp_path / "link")])) == [(swhid_text("cnt", content_id(b"x")), str(tmp_path / "link"))]


def test_a_directory_deeper_than_recursion_allows_is_identified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    expected = directory_id([])
    for _ in range(1500):
        Path("d").mkdir()
        os.chdir("d")
        expected = directory_id([(b"d", 0o40000, expected)])
    try:
        assert identify_directory(tmp_path) == expected
    finally:  # pytest's own cleaning would recurse.
        for _ in range(1500):
            os.chdir("..")
            Path("d").rmdir()


def test_a_directory_holds_its_git_folder_unless_it_is_a_snapshot(repository: Path) -> None:
    [(snapshot, _)] = identify_paths([str(repository)])
    [(directory, _)] = identify_paths([str(repository)], "dir")
    assert snapshot.startswith("swh:1:snp:")
    assert directory.startswith("swh:1:dir:")
    head = git.branches(repository)
    assert head.keys() == {b"HEAD", b"refs/heads/main"}
    assert head[b"HEAD"] == ("alias", b"refs/heads/main")


def test_detached_unborn_symbolic_and_dangling_references(repository: Path, scratch_git: Git) -> None:
    scratch_git("symbolic-ref", "refs/heads/alias", "refs/heads/main", cwd=repository)
    scratch_git("symbolic-ref", "refs/heads/unborn", "refs/heads/none", cwd=repository)
    scratch_git("checkout", "-q", "--detach", cwd=repository)
    (repository / ".git/refs/heads/lost").write_text("1" * 40 + "\n")
    commit = bytes.fromhex(scratch_git("rev-parse", "main", cwd=repository).decode())
    assert git.branches(repository) == {
        b"HEAD": ("revision", commit),
        b"refs/heads/main": ("revision", commit),
        b"refs/heads/alias": ("alias", b"refs/heads/main"),
        b"refs/heads/lost": None,
    }


def test_a_head_that_names_no_branch_is_none(repository: Path, scratch_git: Git) -> None:
    scratch_git("symbolic-ref", "HEAD", "refs/heads/nothing", cwd=repository)
    assert git.branches(repository).keys() == {b"refs/heads/main"}


def test_an_empty_repository_is_the_empty_snapshot(tmp_path: Path, scratch_git: Git) -> None:
    scratch_git("init", "-q", str(tmp_path))
    assert list(identify_paths([str(tmp_path)])) == [("swh:1:snp:1a8893e6a86f444e8be8e7bda6cb34fb1735a00e", str(tmp_path))]


def test_a_linked_work_tree_and_a_bare_clone_are_repositories_too(repository: Path, scratch_git: Git, tmp_path: Path) -> None:
    scratch_git("worktree", "add", "-q", "--detach", str(tmp_path / "other"), cwd=repository)
    scratch_git("clone", "-q", "--bare", str(repository), str(tmp_path / "bare"), GIT_ALLOW_PROTOCOL="file")
    [(bare, _)] = identify_paths([str(tmp_path / "bare")])
    [(first, _)] = identify_paths([str(repository)])
    assert bare == first
    assert git.branches(tmp_path / "other")[b"HEAD"] == git.branches(repository)[b"refs/heads/main"]


def test_a_repository_named_by_sha256_is_refused(tmp_path: Path, scratch_git: Git) -> None:
    scratch_git("init", "-q", "--object-format=sha256", str(tmp_path))
    scratch_git("commit", "-q", "--allow-empty", "-m", "x", cwd=tmp_path, **WHO)
    with pytest.raises(ItemError, match="SHA-256"):
        list(identify_paths([str(tmp_path)]))


def test_replaced_objects_and_the_callers_environment_change_nothing(
    repository: Path, scratch_git: Git, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    [(before, _)] = identify_paths([str(repository)], "rev")
    scratch_git("commit", "-q", "--allow-empty", "-m", "fake", cwd=repository, **WHO)
    scratch_git("replace", before.rpartition(":")[2], "HEAD", cwd=repository)
    scratch_git("reset", "-q", "--hard", before.rpartition(":")[2], cwd=repository)
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_NAMESPACE", "elsewhere")
    assert [swhid for swhid, _ in identify_paths([str(repository)], "rev")] == [before]


def test_a_partial_clone_never_runs_the_helper_its_configuration_names(
    repository: Path, scratch_git: Git, tmp_path: Path
) -> None:
    trap = tmp_path / "trapped"
    for name, value in (
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("core.repositoryFormatVersion", "1"),
        ("remote.origin.url", f"ext::touch {trap}"),
        ("protocol.ext.allow", "always"),
        ("core.fsmonitor", f"touch {trap}"),
        ("core.hooksPath", str(tmp_path)),
    ):
        scratch_git("config", name, value, cwd=repository)
    (repository / ".git/refs/heads/lost").write_text("1" * 40 + "\n")
    list(identify_paths([str(repository)], on_error=lambda line: None))
    assert not trap.exists()


def test_identifying_imports_nothing_heavy() -> None:
    program = "import sys, codecommons.swhid.tree; print(*{m.partition('.')[0] for m in sys.modules})"
    loaded = set(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split())
    assert not loaded & {"pyarrow", "polars", "numpy", "dagster", "duckdb", "deltalake"}
