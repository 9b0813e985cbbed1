# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Whatever the bytes of an archive are, it is a tree or one clear line, soon and in bounded memory.

Archives of every format are damaged in the places where their readers look: in a tar's headers, whose checksums are then made
right again, in what a decompressor sees, anywhere. ``HYPOTHESIS_EXAMPLES`` makes the search longer than a test has time for.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codecommons.archive.objects import Rows
from codecommons.archive.tree import build_tree
from codecommons.archive.unpack import is_archive, members
from codecommons.errors import ItemError
from codecommons.lake import Lake

MOST = 2 << 20
SECONDS = 2.0
quick = settings(
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "120")),
    derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}


def _tar(form: int) -> bytes:
    """A tar with every kind of header that is read."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form, encoding="utf-8") as archive:
        for name, kind, data, target in (
            ("p/a.py", tarfile.REGTYPE, b"a = 1\n" * 200, ""),
            ("p/" + "n" * 90 + "é", tarfile.REGTYPE, b"", ""),
            ("p/hard", tarfile.LNKTYPE, b"", "p/a.py"),
            ("p/soft", tarfile.SYMTYPE, b"", "../" * 20 + "etc"),
            ("p/folder", tarfile.DIRTYPE, b"", ""),
            ("d/" * 60 + "deep", tarfile.REGTYPE, b"deep\n", ""),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size, info.mtime = kind, target, len(data), 1.5
            archive.addfile(info, io.BytesIO(data))
        if form == tarfile.PAX_FORMAT:
            sparse = tarfile.TarInfo("p/holes")
            sparse.size = 512
            sparse.pax_headers = {
                "GNU.sparse.major": "1",
                "GNU.sparse.minor": "0",
                "GNU.sparse.name": "h",
                "GNU.sparse.realsize": "9",
            }
            archive.addfile(sparse, io.BytesIO(b"1\n0\n9\n".ljust(512, b"\0")))
    return buffer.getvalue()


def _zip(method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("p/a.py", "a = 1\n" * 200)
        archive.writestr("p/é/", "")
        archive.writestr("p/é/b", b"")
        archive.comment = b"a comment"
    return buffer.getvalue()


TARS = [_tar(form) for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
ZIPS = [_zip(method) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)]

telling = st.sampled_from(
    [
        b"",
        b"\0",
        b"\xff" * 8,
        b"\x80" + b"\xff" * 11,
        b"\x80" + bytes(10) + b"\1",
        b"77777777777\0",
        b"-1",
        b"../x",
        b"/etc/x",
        b"PK\5\6",
    ]
)
pieces = st.one_of(telling, st.binary(max_size=20))
damages = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["over", "insert", "delete", "cut", "twice"]), pieces), max_size=4)


def damaged(data: bytes, damages: list[tuple[float, str, bytes]]) -> bytes:
    """What is left of some bytes: places are shares of the length."""
    for share, how, piece in damages:
        at = int(share * len(data))
        if how == "over":
            data = data[:at] + piece + data[at + len(piece) :]
        elif how == "insert":
            data = data[:at] + piece + data[at:]
        elif how == "delete":
            data = data[:at] + data[at + max(1, len(piece)) :]
        elif how == "cut":
            data = data[:at]
        else:
            data = data[:at] + data[at // 2 : at] + data[at:]
    return data


@pytest.fixture
def survives(tmp_path: Path, lake: Lake) -> Callable[[bytes], None]:
    """Fails unless the bytes are a tree within the limits, or one line, within its time."""
    strict = replace(
        lake.settings, max_archive_bytes=MOST, max_archive_members=2000, max_content_bytes=MOST // 4, batch_bytes=MOST
    )
    path = tmp_path / "archive"
    with lake.staging("fuzz") as area:

        def survives(data: bytes) -> None:
            path.write_bytes(data)
            begun = time.process_time()
            assert is_archive(path) in (True, False)
            total, detail = 0, ""
            try:
                for member in members(path, strict):
                    assert member.path
                    assert not member.path.startswith(b"/")
                    assert b".." not in member.path.split(b"/")
                    total += len(member.data or b"")
                build_tree(members(path, strict), Rows(area, "fuzz"))
            except ItemError as error:
                detail = error.detail
            assert "\n" not in detail
            assert len(detail) < 1000
            assert total <= MOST
            assert time.process_time() - begun < SECONDS

        yield survives


@quick
@given(
    data=st.binary(max_size=2000),
    start=st.sampled_from([b"", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"PK\3\4", b"PK\5\6"]),
)
def test_arbitrary_bytes(data, start, survives):
    survives(start + data)


@quick
@given(tar=st.sampled_from(TARS), packer=st.sampled_from(sorted(PACKERS)), inner=damages, outer=damages)
def test_a_tar_damaged_before_or_after_it_was_packed(tar, packer, inner, outer, survives):
    survives(damaged(PACKERS[packer](damaged(tar, inner)), outer))


@quick
@given(
    tar=st.sampled_from(TARS), edits=st.lists(st.tuples(st.integers(0, 15), st.integers(0, 511), pieces), min_size=1, max_size=4)
)
def test_tar_headers_that_lie_under_a_right_checksum(tar, edits, survives):
    data = bytearray(tar)
    headers = [at for at in range(0, len(data), 512) if data[at + 257 : at + 262] == b"ustar"]
    for which, place, piece in edits:
        at = headers[which % len(headers)]
        end = min(place + len(piece), 512)
        data[at + place : at + end] = piece[: end - place]
        data[at + 148 : at + 156] = b" " * 8
        data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])
    survives(bytes(data))


SPARSE = [f"GNU.sparse.{name}" for name in ("map", "numblocks", "realsize", "size", "major", "minor", "name")]
known = st.sampled_from(["path", "size", "linkpath", "hdrcharset", *SPARSE])
attributes = st.lists(
    st.tuples(known | st.text(max_size=12), st.one_of(st.text(max_size=20), st.integers(-2, 1 << 70).map(str))), max_size=6
)


@quick
@given(attributes=attributes)
def test_attributes_of_a_tar_that_lie(attributes, survives):
    body = b"".join(_record(key.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for key, value in attributes)
    header = tarfile.TarInfo("p/attributes")
    header.type, header.size = tarfile.XHDTYPE, len(body)
    file = tarfile.TarInfo("p/a.py")
    file.size = 6
    padded = body + bytes(-len(body) % 512)
    survives(
        header.tobuf(tarfile.USTAR_FORMAT)
        + padded
        + file.tobuf(tarfile.USTAR_FORMAT)
        + b"a = 1\n".ljust(512, b"\0")
        + bytes(1024)
    )


def _record(key: bytes, value: bytes) -> bytes:
    """An attribute, with its own length before it."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while len(b"%d" % length) + len(rest) != length:
        length = len(b"%d" % length) + len(rest)
    return b"%d" % length + rest


@quick
@given(data=st.sampled_from(ZIPS), damages=damages)
def test_a_damaged_zip(data, damages, survives):
    survives(damaged(data, damages))
