# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Every format of archive, as given by path, is the tree that the standard library's unpacking leaves on a disk.

That is Software Heritage's rule: ``swh.core.tarball.uncompress`` (5.0.1) is ``shutil.unpack_archive``, after which every file
has mode 755 if its owner may execute it and 644 if not. For a zip ``shutil`` writes every member as a new file, so that modes
are lost and a link becomes a file that holds the link's text; the tests here have it as their oracle.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from codecommons.archive import add_inputs, ingest_slice
from codecommons.archive.objects import Rows
from codecommons.archive.tree import build_tree
from codecommons.archive.unpack import members
from codecommons.engine.local import InlineEngine
from codecommons.swhid.tree import identify_directory

DAY = "2026-01-31"
FORMATS = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tgz": lambda data: gzip.compress(data[:1000]) + gzip.compress(data[1000:]),
    "tar.bz2": lambda data: bz2.compress(data[:1000]) + bz2.compress(data[1000:]),
    "tar.xz": lambda data: lzma.compress(data[:1000]) + lzma.compress(data[1000:]),
    "tar.zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}


@pytest.fixture
def root_of(lake):
    """The root directory of an archive."""

    def root_of(path: Path) -> str:
        with lake.staging("test") as area:
            rows = Rows(area, "test")
            root = build_tree(members(path, lake.settings), rows).root.hex()
            rows.close()
        return root

    return root_of


@pytest.fixture
def unpacked(tmp_path):
    """The directory that unpacking leaves, as Software Heritage makes it."""

    def unpacked(path: Path, form: str | None = None) -> str:
        folder = tmp_path / f"unpacked-{path.name}"
        shutil.unpack_archive(path, folder, form)
        for at, _, names in os.walk(folder):
            for file in (Path(at, name) for name in names):
                if not file.is_symlink():
                    file.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)
        return identify_directory(folder).hex()

    return unpacked


def test_the_same_tree_comes_out_of_every_format(tar, lake, tmp_path, unpacked):
    files = {"p/a.py": b"a = 1\n", "p/deep/er/b.c": bytes(range(256)) * 20, "p/empty": b""}
    made = tar("w")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            made.file(name, data)
            archive.writestr(name, data)
    plain = made.bytes()
    for suffix, pack in FORMATS.items():
        (tmp_path / f"one.{suffix}").write_bytes(pack(plain))
    (tmp_path / "one.zip").write_bytes(buffer.getvalue())
    (tmp_path / "one.whl").write_bytes(buffer.getvalue())
    (tmp_path / "one.crate").write_bytes(gzip.compress(plain))
    paths = sorted(tmp_path.glob("one.*"))
    add_inputs(lake, [f"path:{path}" for path in paths], DAY)
    report = ingest_slice(lake, InlineEngine(), DAY, "path")
    assert report.details["items"] == {"loaded": len(FORMATS) + 3}
    roots = lake.scan("snapshot_branch").collect()["target"].unique().to_list()
    assert [root.hex() for root in roots] == [unpacked(tmp_path / "one.tar")]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_links_modes_and_duplicates_are_as_unpacking_leaves_them(form, tmp_path, root_of, unpacked):
    path = tmp_path / "odd.tar"
    long = "p/" + "/".join(["d" * 60] * 3) + "/f"
    with tarfile.open(path, "w", format=form) as archive:

        def add(name, data=b"x\n", mode=0o644, kind=tarfile.REGTYPE, target=""):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.linkname, info.size = kind, mode, target, len(data)
            archive.addfile(info, io.BytesIO(data))

        add("p/twice", b"first\n")
        add("p/run", mode=0o755)
        add("p/group", mode=0o674)
        add("p/setuid", mode=0o4755)
        add("p/none", mode=0o600)
        add(long, b"long\n")
        add("p/hard", b"", 0o755, tarfile.LNKTYPE, "p/run")
        add("p/soft", b"", kind=tarfile.SYMTYPE, target="nowhere/é")
        add("p/empty/", b"", 0o755, tarfile.DIRTYPE)
        if form != tarfile.USTAR_FORMAT:
            add("p/" + "n" * 200, b"name\n")
            add("p/longlink", b"", kind=tarfile.SYMTYPE, target="t" * 200)
        add("p/twice", b"second\n", 0o755)
    assert root_of(path) == unpacked(path)


@pytest.mark.skipif(shutil.which("tar") is None, reason="tar is not installed")
@pytest.mark.parametrize(
    "form", ["v7", "ustar", "gnu", "pax", "gnu --sparse", "pax --sparse", "pax --sparse --sparse-version=0.1"]
)
def test_what_tar_packs_is_what_was_packed(form, tmp_path, root_of):
    folder = tmp_path / "folder" / "p"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.py").write_text("a = 1\n")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    os.link(folder / "run", folder / "deep" / "hard")
    (folder / "deep" / "soft").symlink_to("../a.py")
    with (folder / "holes").open("wb") as file:
        for place in (0, 1 << 20, 3 << 20):
            file.seek(place)
            file.write(b"island")
        file.truncate(4 << 20)
    path = tmp_path / "made.tar"
    command = ["tar", "--format", *form.split(), "-cf", str(path), "-C", str(folder.parent), "p"]
    subprocess.run(command, check=True, capture_output=True)
    if "sparse" in form:
        assert path.stat().st_size < 1 << 20
    assert root_of(path) == identify_directory(folder.parent).hex()


def test_a_zip_made_on_unix_loses_modes_and_links_as_it_does_at_software_heritage(tmp_path, root_of, unpacked, settings):
    path = tmp_path / "unix.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, mode, data in (
            ("p/run", stat.S_IFREG | 0o755, b"#!/bin/sh\n"),
            ("p/link", stat.S_IFLNK | 0o777, b"run"),
            ("p/é", stat.S_IFREG | 0o644, b"e\n"),
            ("p/twice", stat.S_IFREG | 0o644, b"first\n"),
            ("p/folder/", stat.S_IFDIR | 0o755, b""),
            ("p/twice", stat.S_IFREG | 0o644, b"second\n"),
        ):
            info = zipfile.ZipInfo(name)
            info.external_attr, info.create_system = mode << 16, 3
            archive.writestr(info, data)
    assert root_of(path) == unpacked(path)
    assert {member.perms for member in members(path, settings)} == {0o100644, 0o040000}


@pytest.mark.parametrize("name", ["notes.tar.gz", "notes.tgz", "NOTES.ZIP", "notes.tar", "notes.tar.zst"])
def test_what_is_named_like_an_archive_and_is_none_is_quarantined(name, lake, tmp_path):
    (tmp_path / name).write_text("These are notes.\n")
    add_inputs(lake, [f"path:{tmp_path / name}"], DAY)
    report = ingest_slice(lake, InlineEngine(), DAY, "path")
    [line] = report.details["quarantined"]
    assert "not-an-archive" in line
    assert lake.scan("content").collect().height == 0


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("notes.txt.gz", gzip.compress(b"notes\n", mtime=0)),
        ("notes.xz", lzma.compress(b"notes\n")),
        ("tar", b"no tar\n"),
        (".zip", b"PK\3\3"),
    ],
)
def test_a_compressed_text_is_a_file(name, data, lake, tmp_path):
    (tmp_path / name).write_bytes(data)
    add_inputs(lake, [f"path:{tmp_path / name}"], DAY)
    assert ingest_slice(lake, InlineEngine(), DAY, "path").details["items"] == {"loaded": 1}
    assert lake.scan("tree_file").collect()["path"].to_list() == [name.encode()]


def test_the_same_bytes_under_another_name_or_mode_are_another_tree(lake, tmp_path):
    for name, mode in (("a.py", 0o644), ("b.py", 0o644), ("c.py", 0o755)):
        (tmp_path / name).write_text("same = True\n")
        (tmp_path / name).chmod(mode)
    add_inputs(lake, [f"path:{path}" for path in sorted(tmp_path.glob("*.py"))], DAY)
    for _ in range(2):
        ingest_slice(lake, InlineEngine(), DAY, "path")
    (tmp_path / "a.py").chmod(0o755)
    add_inputs(lake, [f"path:{tmp_path / 'a.py'}"], DAY)
    ingest_slice(lake, InlineEngine(), DAY, "path")
    files = lake.scan("tree_file").select("path", "perms").collect().rows()
    assert sorted(files) == [(b"a.py", 0o100644), (b"a.py", 0o100755), (b"b.py", 0o100644), (b"c.py", 0o100755)]
