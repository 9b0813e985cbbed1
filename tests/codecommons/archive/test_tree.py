# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import os
import tarfile
from dataclasses import replace

import pytest

from codecommons.archive.objects import Rows
from codecommons.archive.tree import build_tree, folder_members
from codecommons.archive.unpack import members
from codecommons.errors import ItemError
from codecommons.report import Count
from codecommons.swhid import content_id
from codecommons.swhid.tree import identify_directory


@pytest.fixture
def build(tmp_path, lake, settings):
    """The tree of an archive's bytes, through the lake's staging area."""

    def build(data, **limits):
        path = tmp_path / "archive"
        path.write_bytes(data)
        with lake.staging("test") as area:
            rows = Rows(area, "test")
            tree = build_tree(members(path, replace(settings, **limits)), rows)
            rows.close()
        return tree

    return build


def refused(build, data):
    with pytest.raises(ItemError) as caught:
        build(data)
    return caught.value.reason


def test_the_root_is_what_unpacking_and_identifying_gives(tar, build, tmp_path):
    made = tar().file("p/a.py").file("p/run", mode=0o755).file("p/sub/b.py", b"b\n").special("p/empty", tarfile.DIRTYPE)
    data = made.special("p/link", tarfile.SYMTYPE, "a.py").file("p/sub.txt", b"sorts between\n").bytes()
    (tmp_path / "x.tar.gz").write_bytes(data)
    with tarfile.open(tmp_path / "x.tar.gz") as archive:
        archive.extractall(tmp_path / "out")
    assert build(data).root == identify_directory(tmp_path / "out")


def test_a_folder_on_disk_gives_the_same_tree_as_identify(tmp_path, lake, settings):
    folder = tmp_path / "project"
    (folder / "empty" / "deep").mkdir(parents=True)
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("./run/")
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"d\xe9j\xe0")).write_text("vu")
    with lake.staging("test") as area:
        assert build_tree(folder_members(folder, settings), Rows(area, "test")).root == identify_directory(folder)


def test_a_member_repeated_later_replaces_the_earlier_one(tar, build):
    tree = build(tar().file("p/a", b"first\n").file("p/a", b"second\n").bytes())
    assert (tree.tally.kept, tree.tally.replaced) == (Count(1, 7), Count(1, 6))
    assert tree.root == build(tar().file("p/a", b"second\n").bytes()).root


def test_a_hard_link_is_the_earlier_file_again(tar, build):
    tree = build(tar().file("p/a", b"same\n", 0o755).special("p/b", tarfile.LNKTYPE, "p/a").bytes())
    assert tree.root == build(tar().file("p/a", b"same\n", 0o755).file("p/b", b"same\n", 0o755).bytes()).root
    assert refused(build, tar().special("p/b", tarfile.LNKTYPE, "p/later").file("p/later").bytes()) == "broken-hardlink"


def test_a_path_can_not_be_file_and_directory(tar, build):
    assert refused(build, tar().file("p/a").file("p/a/b").bytes()) == "path-conflict"
    assert refused(build, tar().file("p/a/b").file("p/a").bytes()) == "path-conflict"
    assert refused(build, tar().file("p/a").special("p/a", tarfile.DIRTYPE).bytes()) == "path-conflict"


def test_nothing_is_written_through_a_link(tar, build):
    through = tar().special("p/link", tarfile.SYMTYPE, "/etc").file("p/link/passwd").bytes()
    assert refused(build, through) == "path-conflict"


def test_an_archive_without_a_file_is_empty(tar, build):
    assert refused(build, tar().bytes()) == "empty-archive"
    assert refused(build, tar().special("p", tarfile.DIRTYPE).bytes()) == "empty-archive"


def test_odd_names_links_out_and_large_files_are_remarked_on(tar, build):
    made = tar().file(b"p/\xe9".decode("utf-8", "surrogateescape")).file("p/large", b"x" * 1001)
    made.special("p/up", tarfile.SYMTYPE, "../../x").special("p/side", tarfile.SYMTYPE, "../q/x").special(
        "p/abs", tarfile.SYMTYPE, "/x"
    )
    tally = build(made.bytes(), max_content_bytes=1000).tally
    assert [(note.reason, note.path) for note in tally.notes] == [
        ("too-large", b"p/large"),
        ("name-not-utf8", b"p/\xe9"),
        ("link-leaves-tree", b"p/up"),
    ]
    assert (tally.skipped, tally.kept.rows) == (Count(1, 1001), 4)


def test_thousands_of_nested_folders_are_no_problem(tar, build):
    assert build(tar().file("/".join(["d"] * 2000) + "/a").bytes()).tally.kept.rows == 1
    assert refused(build, tar().file("/".join(["d"] * 3000) + "/a").bytes()) == "unsafe-path"


def test_the_text_of_a_link_is_its_content(tar, build, lake):
    tree = build(tar().special("link", tarfile.SYMTYPE, "foo.txt").bytes())
    assert tree.tally.kept == Count(1, 7)
    assert content_id(b"foo.txt").hex() == "996f1789ff67c0e3f69ef5933a55d54c5d0e9954"
