# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What we compute is what the installed git computes, on generated input."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.swhid import (
    Date,
    Release,
    Revision,
    content_id,
    directory_id,
    git_object_id,
    hash_content,
    release_id,
    release_manifest,
    revision_id,
    revision_manifest,
)
from codecommons.swhid.parsing import parse_directory, parse_release, parse_revision
from codecommons.swhid.tree import identify_directory

Git = Callable[..., bytes]

quick = settings(max_examples=25, deadline=None)
identifiers = st.binary(min_size=20, max_size=20)
# Names that differ only after the point where git sorts directories as if they ended in "/" are the interesting ones.
names = st.one_of(
    st.sampled_from(
        [b"a", b"a.", b"a0", b"a-", b"a b", b"a\n", b"\xff\xfe", "é".encode(), "e\u0301".encode(), b"\\", b'"', b"-x"]
    ),
    st.binary(min_size=1, max_size=12).filter(lambda name: not {0, 47} & set(name) and name not in (b".", b"..")),
)
modes = st.sampled_from(
    [(0o100644, b"blob"), (0o100755, b"blob"), (0o120000, b"blob"), (0o40000, b"tree"), (0o160000, b"commit")]
)
directories = st.dictionaries(names, st.tuples(modes, identifiers), max_size=12)
words = st.text("abc éß日", min_size=1, max_size=12).map(str.strip).filter(bool)
dates = st.builds(
    lambda seconds, sign, hours, minutes: Date(seconds, 0, b"%s%02d%02d" % (sign, hours, minutes)),
    st.integers(100_000_000, 4_000_000_000),
    st.sampled_from([b"+", b"-"]),
    st.integers(0, 13),
    st.integers(0, 59),
).filter(lambda date: date.offset_bytes != b"-0000")  # which git's date parser writes as +0000
encoded = st.one_of(
    st.tuples(st.text("ab \né日", max_size=40).map(str.encode), st.just("UTF-8")),
    st.tuples(st.binary(max_size=40).map(lambda message: message.replace(b"\0", b"\n")), st.just("ISO-8859-1")),
)
messages = st.binary(max_size=80).map(lambda message: message.replace(b"\0", b"\n"))


@quick
@given(contents=st.lists(st.binary(max_size=300), min_size=1, max_size=30))
def test_contents_have_the_names_of_git_hash_object(contents: list[bytes], scratch_git: Git) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{number}" for number in range(len(contents))]
        for path, data in zip(paths, contents, strict=True):
            Path(path).write_bytes(data)
        printed = scratch_git("hash-object", "--no-filters", "--stdin-paths", stdin="\n".join(paths).encode()).decode().split()
    assert [content_id(data).hex() for data in contents] == printed
    assert [hash_content(data).sha1_git.hex() for data in contents] == printed


@quick
@given(trees=st.lists(directories, min_size=1, max_size=20))
def test_directories_have_the_names_of_git_mktree(
    trees: list[dict[bytes, tuple[tuple[int, bytes], bytes]]], scratch_git: Git
) -> None:
    listing = bytearray()
    for tree in trees:
        for name, ((mode, kind), target) in tree.items():
            listing += b"%06o %s %s\t%s\0" % (mode, kind, target.hex().encode(), name)
        listing += b"\0"
    printed = scratch_git("mktree", "-z", "--missing", "--batch", stdin=bytes(listing)).decode().split()
    ours = [directory_id((name, mode, target) for name, ((mode, _), target) in tree.items()) for tree in trees]
    assert [identifier.hex() for identifier in ours] == printed


@quick
@given(author=words, committer=words, date=dates, committer_date=dates, message=encoded, parents=st.integers(0, 3))
def test_revisions_have_the_names_of_git_commit_tree(
    author: str, committer: str, date: Date, committer_date: Date, message: tuple[bytes, str], parents: int, scratch_git: Git
) -> None:
    empty = scratch_git("mktree").strip()
    environment = {
        "GIT_AUTHOR_NAME": author,
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_AUTHOR_DATE": f"{date.seconds} {date.offset_bytes.decode()}",
        "GIT_COMMITTER_NAME": committer,
        "GIT_COMMITTER_EMAIL": "",
        "GIT_COMMITTER_DATE": f"{committer_date.seconds} {committer_date.offset_bytes.decode()}",
    }
    base = Revision(bytes.fromhex(empty.decode()), (), b"A <>", Date(10**9), b"C <>", Date(10**9), b"base")
    older = []
    for number in range(parents):
        body = revision_manifest(base._replace(message=b"%d" % number))
        older.append(scratch_git("hash-object", "-w", "-t", "commit", "--stdin", stdin=body).decode().strip())
    arguments = [word for parent in older for word in ("-p", parent)]
    text, encoding = message
    command = ("-c", f"i18n.commitEncoding={encoding}", "commit-tree", empty.decode(), *arguments)
    printed = scratch_git(*command, stdin=text, **environment).decode().strip()
    revision = Revision(
        directory=base.directory,
        parents=tuple(map(bytes.fromhex, older)),
        author=f"{author} <a@example.com>".encode(),
        date=date,
        committer=f"{committer} <>".encode(),
        committer_date=committer_date,
        message=text,
        extra_headers=() if encoding == "UTF-8" else ((b"encoding", encoding.encode()),),
    )
    assert revision_id(revision).hex() == printed
    body = scratch_git("cat-file", "commit", printed)
    assert parse_revision(body) == revision


@quick
@given(
    name=st.text("abc.0é", min_size=1, max_size=9).filter(lambda n: ".." not in n and n[0] != "." and n[-1] != "."),
    tagger=words,
    date=dates,
    message=messages,
    number=st.integers(0, 2),
)
def test_releases_are_tags_that_git_mktag_accepts(
    name: str, tagger: str, date: Date, message: bytes, number: int, scratch_git: Git
) -> None:
    target = bytes.fromhex(scratch_git("hash-object", "-w", "--stdin", stdin=b"%d" % number).decode())
    release = Release(target, "content", name.encode(), f"{tagger} <t@example.com>".encode(), date, message)
    body = release_manifest(release)
    printed = scratch_git("mktag", stdin=body).decode().strip()
    assert release_id(release).hex() == printed
    assert parse_release(scratch_git("cat-file", "tag", printed)) == release


files = st.tuples(st.sampled_from(["file", "program", "link"]), st.binary(max_size=20))
trees = st.recursive(
    st.dictionaries(names, files, max_size=4),
    lambda inner: st.dictionaries(names, st.one_of(files, inner), max_size=4),
    max_leaves=8,
)


@quick
@given(tree=trees)
def test_a_tree_on_disk_has_the_name_of_git_write_tree(tree: dict[bytes, object], scratch_git: Git) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "tree")
        write_tree(folder, tree)
        index = {"GIT_INDEX_FILE": f"{scratch}/index", "GIT_WORK_TREE": str(folder), "GIT_DIR": _git_dir(scratch_git)}
        scratch_git("-c", "core.autocrlf=false", "add", "-A", "--force", ".", cwd=folder, **index)
        printed = scratch_git("write-tree", cwd=folder, **index).decode().strip()
        _remove_empty(folder)
        assert identify_directory(folder).hex() == printed


def write_tree(folder: Path, tree: dict[bytes, object]) -> None:
    """Write a generated tree: files with their bit, links with their text, folders, empty ones too."""
    folder.mkdir()
    for name, node in tree.items():
        child = folder / os.fsdecode(name)
        match node:
            case dict():
                write_tree(child, node)
            case ("link", bytes(data)):
                child.symlink_to(os.fsdecode(data.replace(b"\0", b"/") or b"nowhere"))
            case (str(kind), bytes(data)):
                child.write_bytes(data)
                child.chmod(0o755 if kind == "program" else 0o644)


def _git_dir(scratch_git: Git) -> str:
    return scratch_git("rev-parse", "--absolute-git-dir").decode().strip()


def _remove_empty(folder: Path) -> None:
    """Git has no empty directories, except the root."""
    for path, folders, _ in os.walk(folder, topdown=False):
        for child in (Path(path, name) for name in folders):
            if not child.is_symlink() and not any(child.iterdir()):
                child.rmdir()


headers = st.sampled_from(
    [b"parent " + b"1" * 40, b"author A <a> 1 +0000", b"author A", b"committer C <c> 01 -0", b"gpgsig x\n y", b"k", b" ", b""]
)
commits = st.lists(headers, max_size=6).map(lambda lines: b"\n".join([b"tree " + b"0" * 40, *lines]))


@given(body=st.one_of(st.binary(max_size=120), commits, commits.map(lambda body: body + b"\n")))
def test_whatever_a_commit_holds_its_identifier_is_recomputed(body: bytes) -> None:
    try:
        revision = parse_revision(body)
    except ValueError:
        return
    assert revision_id(revision) == git_object_id("commit", body)


@given(body=st.builds(lambda tail: b"object " + b"0" * 40 + b"\ntype commit\n" + tail, messages))
def test_whatever_a_tag_holds_its_identifier_is_recomputed(body: bytes) -> None:
    try:
        release = parse_release(body)
    except ValueError:
        return
    assert release_id(release) == git_object_id("tag", body)


def test_a_tree_in_another_order_or_with_padded_modes_keeps_its_bytes() -> None:
    for body in (b"100644 b\0" + b"1" * 20 + b"100644 a\0" + b"2" * 20, b"040000 a\0" + b"1" * 20, b"100644 a/b\0" + b"1" * 20):
        directory = parse_directory(body)
        assert directory.raw_manifest is not None
        assert directory_id(directory.entries, directory.raw_manifest) == git_object_id("tree", body)
