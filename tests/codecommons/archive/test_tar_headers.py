# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Our quick reading of tar headers says what tarfile's own reading says, for whatever tarfile can write."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.archive.unpack import Member, members
from codecommons.settings import Settings
from codecommons.swhid import DIRECTORY_PERMS, EXECUTABLE_PERMS, FILE_PERMS, SYMLINK_PERMS

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
parts = st.text("ab é日.", min_size=1, max_size=60).filter(lambda part: part.strip("."))
names = st.lists(parts, min_size=1, max_size=4).map("/".join)
kinds = st.sampled_from([tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE])
entries = st.lists(
    st.tuples(names, kinds, st.sampled_from([0o644, 0o755]), st.binary(max_size=600), names), min_size=1, max_size=6
)


@settings(max_examples=60, deadline=None)
@given(entries=entries, form=st.sampled_from(FORMATS))
def test_members_are_those_that_tarfile_finds(entries, form, tmp_path_factory):
    path = tmp_path_factory.mktemp("tar") / "archive"
    with tarfile.open(path, "w", format=form, encoding="utf-8") as tar:
        for name, kind, mode, data, target in entries:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.mtime = kind, mode, 1.5
            if kind == tarfile.SYMTYPE:
                info.linkname = target
            elif kind != tarfile.DIRTYPE:
                info.size = len(data)
            try:
                tar.addfile(info, io.BytesIO(data))
            except ValueError:  # too long a name for the oldest format
                continue
    assert list(members(path, Settings.from_environment({}))) == list(_as_tarfile_reads(path))


def _as_tarfile_reads(path: Path):
    with tarfile.open(path, encoding="utf-8") as tar:
        for info in tar:
            name = info.name.encode().strip(b"/")
            if info.isdir():
                yield Member(name, DIRECTORY_PERMS)
            elif info.issym():
                yield Member(name, SYMLINK_PERMS, len(info.linkname.encode()), info.linkname.encode())
            else:
                data = tar.extractfile(info).read()
                yield Member(name, EXECUTABLE_PERMS if info.mode & 0o100 else FILE_PERMS, len(data), data)


@pytest.mark.parametrize("size", [b"00000000005\0", b"          5\0", b"5\0garbage\0\0\0", b"\x80\0\0\0\0\0\0\0\0\0\0\5"])
def test_every_way_to_write_a_size_is_read(size, tmp_path):
    info = tarfile.TarInfo("file")
    info.size = 5
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = size.ljust(12, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "tar").write_bytes(bytes(header) + b"hello".ljust(512, b"\0") + bytes(1024))
    [member] = members(tmp_path / "tar", replace(Settings.from_environment({}), home=tmp_path))
    assert member == Member(b"file", FILE_PERMS, 5, b"hello")
