# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What we compute is what Software Heritage's own swh-model computes: generated objects, and trees on disk."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from swh.model import from_disk, hypothesis_strategies, model
from swh.model.hashutil import MultiHash

from codecommons.swhid import (
    Date,
    Release,
    Revision,
    directory_id,
    hash_content,
    offset_minutes,
    release_id,
    revision_id,
    snapshot_id,
)
from codecommons.swhid.tree import identify_directory

quick = settings(max_examples=40, deadline=None)


def _date(date: model.TimestampWithTimezone | None) -> Date | None:
    return date and Date(date.timestamp.seconds, date.timestamp.microseconds, date.offset_bytes)


@quick
@given(data=st.binary(max_size=500))
def test_the_four_hashes_of_a_content(data: bytes) -> None:
    assert hash_content(data)._asdict() == MultiHash.from_data(data).digest()


@quick
@given(directory=hypothesis_strategies.directories(raw_manifest=st.none()))
def test_the_identifier_of_a_directory(directory: model.Directory) -> None:
    assume(not any(b"\0" in entry.name for entry in directory.entries))
    assert directory_id((entry.name, entry.perms, entry.target) for entry in directory.entries) == directory.id


@quick
@given(revision=hypothesis_strategies.revisions(raw_manifest=st.none()))
def test_the_identifier_of_a_revision(revision: model.Revision) -> None:
    ours = Revision(
        directory=revision.directory,
        parents=tuple(revision.parents),
        author=revision.author and revision.author.fullname,
        date=_date(revision.date),
        committer=revision.committer and revision.committer.fullname,
        committer_date=_date(revision.committer_date),
        message=revision.message,
        extra_headers=tuple(revision.extra_headers),
    )
    assert revision_id(ours) == revision.id


@quick
@given(release=hypothesis_strategies.releases(raw_manifest=st.none()))
def test_the_identifier_of_a_release(release: model.Release) -> None:
    author = release.author and release.author.fullname
    ours = Release(release.target, release.target_type.value, release.name, author, _date(release.date), release.message)
    assert release_id(ours) == release.id


@quick
@given(revision=hypothesis_strategies.revisions(), raw_manifest=st.binary(min_size=1))
def test_a_raw_manifest_is_hashed_as_it_is(revision: model.Revision, raw_manifest: bytes) -> None:
    theirs = model.Revision.from_dict({**revision.to_dict(), "raw_manifest": raw_manifest, "id": b""})
    ours = Revision(revision.directory, (), None, None, None, None, None, raw_manifest=raw_manifest)
    assert revision_id(ours) == theirs.id


@quick
@given(snapshot=hypothesis_strategies.snapshots())
def test_the_identifier_of_a_snapshot_with_alias_and_dangling_branches(snapshot: model.Snapshot) -> None:
    branches = {name: branch and (branch.target_type.value, branch.target) for name, branch in snapshot.branches.items()}
    assert snapshot_id(branches) == snapshot.id


@quick
@given(offset=st.from_regex(rb"[+-][0-9]{1,12}", fullmatch=True))
def test_an_offset_in_minutes(offset: bytes) -> None:
    assert offset_minutes(offset) == model.TimestampWithTimezone._parse_offset_bytes(offset)


names = st.binary(min_size=1, max_size=8).filter(lambda name: not {0, 47} & set(name) and name not in (b".", b".."))
leaves = st.tuples(st.sampled_from([0o600, 0o644, 0o744, 0o654, 0o645]), st.binary(max_size=20))
trees = st.recursive(leaves, lambda inner: st.dictionaries(names, inner, max_size=4), max_leaves=10).filter(
    lambda tree: isinstance(tree, dict)
)


@quick
@given(tree=trees, links=st.dictionaries(names, st.sampled_from([b".", b"..", b"/", b"nowhere", b"\xff"]), max_size=2))
def test_the_identifier_of_a_tree_on_disk(tree: dict[bytes, object], links: dict[bytes, bytes]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "tree")
        _write(folder, tree)
        for name in links.keys() - tree.keys():
            (folder / os.fsdecode(name)).symlink_to(os.fsdecode(links[name]))
        if b"pipe" not in tree.keys() | links.keys():
            os.mkfifo(folder / "pipe")
        theirs = from_disk.Directory.from_disk(path=os.fsencode(folder), max_content_length=None)
        assert identify_directory(folder) == theirs.hash


def _write(path: Path, node: object) -> None:
    if isinstance(node, dict):
        path.mkdir()
        for name, child in node.items():
            _write(path / os.fsdecode(name), child)
    else:
        mode, data = node
        path.write_bytes(data)
        path.chmod(mode)
