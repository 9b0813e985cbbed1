# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import bz2
import gzip
import io
import lzma
import random
import tarfile
import tracemalloc
import zipfile
import zlib
from dataclasses import replace

import pyarrow as pa
import pytest

from codecommons.archive.unpack import members
from codecommons.errors import ItemError
from codecommons.swhid import DIRECTORY_PERMS, EXECUTABLE_PERMS, FILE_PERMS, SYMLINK_PERMS, hash_content

FILES = [(b"p/a.py", FILE_PERMS, b"a = 1\n"), (b"p/run", EXECUTABLE_PERMS, b"#!/bin/sh\n"), (b"p/empty", FILE_PERMS, b"")]
PACKERS = {
    "plain": bytes,
    "gz": gzip.compress,
    "gz of two streams": lambda data: gzip.compress(data[:700]) + gzip.compress(data[700:]) + b"\0" * 512,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}


@pytest.fixture
def plain(tar):
    made = tar("w")
    for path, perms, data in FILES:
        made.file(path.decode(), data, 0o755 if perms == EXECUTABLE_PERMS else 0o644)
    return made.bytes()


@pytest.fixture
def read(tmp_path, settings):
    def read(data, **limits):
        path = tmp_path / "archive"
        path.write_bytes(data)
        return list(members(path, replace(settings, **limits)))

    return read


@pytest.mark.parametrize("packer", PACKERS)
def test_a_tar_reads_the_same_however_it_is_packed(packer, plain, read):
    assert [(one.path, one.perms, one.data) for one in read(PACKERS[packer](plain))] == FILES


def test_a_zip_holds_plain_files_and_folders(read):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("p/é.py", "a = 1\n")
        archive.writestr("p/folder/", "")
    assert [(one.path, one.perms, one.data) for one in read(buffer.getvalue())] == [
        ("p/é.py".encode(), FILE_PERMS, b"a = 1\n"),
        (b"p/folder", DIRECTORY_PERMS, None),
    ]


def test_links_are_their_text_and_never_followed(tar, read):
    made = tar().special("p/out", tarfile.SYMTYPE, "../../etc/passwd").file("p/a").special("p/b", tarfile.LNKTYPE, "p/a").bytes()
    link, file, hard = read(made)
    assert (link.perms, link.data) == (SYMLINK_PERMS, b"../../etc/passwd")
    assert (hard.same_as, hard.data) == (file.path, None)


def test_names_that_are_not_utf8_come_as_their_bytes(tar, read):
    name = b"p/d\xe9j\xe0.txt"
    assert [one.path for one in read(tar().file(name.decode("utf-8", "surrogateescape")).bytes())] == [name]


def test_dots_and_slashes_that_mean_nothing_are_dropped(tar, read):
    assert [one.path for one in read(tar().file("./p//a/./b.py").bytes())] == [b"p/a/b.py"]


def reason(read, data, **limits):
    with pytest.raises(ItemError) as caught:
        read(data, **limits)
    assert "\n" not in caught.value.detail
    return caught.value.reason


@pytest.mark.parametrize("name", ["../out.py", "p/../../out.py", "p/.."])
def test_a_member_above_the_root_refuses_the_archive(name, tar, read):
    assert reason(read, tar().file("p/a").file(name).bytes()) == "unsafe-path"


def test_an_absolute_member_refuses_the_archive(tar, read):
    assert reason(read, tar().file("/etc/passwd").bytes()) == "unsafe-path"


def test_a_hard_link_out_of_the_tree_refuses_the_archive(tar, read):
    assert reason(read, tar().special("p/x", tarfile.LNKTYPE, "../../etc/passwd").bytes()) == "unsafe-path"


@pytest.mark.parametrize("name", ["../out.py", "/etc/passwd"])
def test_a_zip_with_a_member_outside_is_refused_too(name, read):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "x")
    assert reason(read, buffer.getvalue()) == "unsafe-path"


def test_a_file_without_a_name_refuses_the_archive(tar, read):
    assert reason(read, tar().file("p/a").file("./").bytes()) == "unsafe-path"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x", "data")
    nameless = bytearray(buffer.getvalue())
    for lengths in (26, nameless.index(b"PK\1\2") + 28):  # the one byte of the name is said to be something else
        nameless[lengths : lengths + 4] = b"\0\0\1\0"
    assert reason(read, bytes(nameless)) == "unsafe-path"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_or_pipe_refuses_the_archive(kind, tar, read):
    assert reason(read, tar().special("p/null", kind).bytes()) == "special-file"


@pytest.mark.parametrize("packer", ["gz", "bz2", "xz", "zst"])
@pytest.mark.parametrize("share", [0.3, 0.95])
def test_a_truncated_archive_says_so(packer, share, tar, read):
    whole = tar("w").file("p/a", bytes(range(256)) * 400).bytes()
    packed = PACKERS[packer](whole)
    assert reason(read, packed[: int(len(packed) * share)]) == "truncated"


def test_a_wrong_checksum_is_seen_although_every_member_could_be_read(tar, read):
    packed = bytearray(gzip.compress(tar("w").file("p/a").bytes()))
    packed[-8] ^= 1
    assert reason(read, bytes(packed)) == "corrupt"


def test_a_plain_tar_that_is_cut_within_a_file_or_a_header_says_so(tar, read):
    whole = tar("w").file("p/a", b"x" * 5000).file("p/b", b"y" * 5000).bytes()
    assert reason(read, whole[:3000]) == "truncated"
    assert reason(read, whole[: 512 + 5120 + 100]) == "truncated"


def test_a_damaged_header_in_the_middle_is_an_error_and_not_the_end(tar, read):
    whole = bytearray(tar("w").file("p/a", b"x" * 100).file("p/b").bytes())
    whole[1024 + 150] ^= 1
    assert reason(read, bytes(whole)) == "corrupt"


@pytest.mark.parametrize("data", [b"", b"hello", b"<html>404</html>" * 100, gzip.compress(b"no tar" * 500, mtime=0), b"\0" * 100])
def test_what_is_no_archive_says_so(data, read):
    assert reason(read, data) == "not-an-archive"


def test_a_damaged_or_locked_zip_says_so(read):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("p/a.py", b"some bytes that are stored")
    data = buffer.getvalue()
    assert reason(read, data.replace(b"some bytes", b"other byte")) == "corrupt"
    assert reason(read, data[:40]) == "corrupt"
    locked = bytearray(data)
    locked[6] |= 1
    locked[data.index(b"PK\x01\x02") + 8] |= 1
    assert reason(read, bytes(locked)) == "encrypted"


def test_bombs_are_stopped_by_size_ratio_and_members(tar, read):
    zeros = tar().file("p/zeros", bytes(20 << 20)).bytes()
    assert reason(read, zeros) == "bomb"
    assert reason(read, tar("w").file("p/a", bytes(3000)).bytes(), max_archive_bytes=2000) == "bomb"
    assert reason(read, tar().file("a").file("b").file("c").bytes(), max_archive_members=2) == "bomb"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(20 << 20))
    assert reason(read, buffer.getvalue()) == "bomb"


def test_a_sparse_file_is_a_bomb_before_it_is_read(read):
    # GNU format: one hole of 1 TB; holes cost an archive nothing.
    info = tarfile.TarInfo("p/hole")
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0%011o\0" % (0, 0)
    header[483:495] = (1 << 95 | 1 << 40).to_bytes(12, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert reason(read, bytes(header) + bytes(1024)) == "bomb"


def test_a_header_that_claims_a_gigabyte_is_not_believed(read):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    assert reason(read, info.tobuf(tarfile.GNU_FORMAT) + bytes(4096)) == "corrupt"


def test_a_file_over_the_limit_is_hashed_in_passing_and_memory_stays_flat(tmp_path, settings):
    # 200 MB that cost the disk nothing: a tar with a hole in the file system.
    path, size = tmp_path / "large.tar", 200 << 20
    info = tarfile.TarInfo("p/large.bin")
    info.size = size
    with path.open("wb") as file:
        file.write(info.tobuf())
        file.truncate(512 + size + 1024)
    tracemalloc.start()
    [member] = members(path, settings)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (member.path, member.length, member.data) == (b"p/large.bin", size, None)
    assert member.hashes is not None
    assert member.hashes.sha1_git.hex() == "10f1a0bf47fca0d7b287e96142ffbf7fdfedf059"  # git hash-object says so
    assert peak < 8 << 20


def test_the_hashes_of_a_file_over_the_limit_are_those_of_its_bytes(tar, read):
    data = bytes(range(256)) * 50
    [member] = read(tar().file("p/a", data).bytes(), max_content_bytes=1000)
    assert (member.data, member.hashes) == (None, hash_content(data))


def zipped(method, *contents):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for at, data in enumerate(contents):
            archive.writestr(f"p/{at}", data)
    return buffer.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("length", [0, 1, (1 << 18) - 1, 1 << 18, 3 << 18])
def test_a_member_of_a_zip_reads_the_same_however_it_is_packed(method, length, read):
    noise = random.Random(length).randbytes(length)
    text = (b"%d bottles\n" % length * length)[:length]
    found = read(zipped(method, noise, text, bytes(length)))
    assert [member.data for member in found] == [noise, text, bytes(length)]
    assert [member.hashes for member in read(zipped(method, text), max_content_bytes=1 << 17)] == [
        hash_content(text) if length > 1 << 17 else None
    ]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bomb_in_a_zip_is_stopped_before_it_is_in_memory(method, tmp_path, settings):
    path = tmp_path / "bomb.zip"
    path.write_bytes(zipped(method, bytes(64 << 20)))
    tracemalloc.start()
    with pytest.raises(ItemError) as caught:
        list(members(path, settings))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.reason == "bomb"
    assert peak < 24 << 20


def test_a_member_of_a_zip_gives_no_more_than_the_size_it_is_said_to_have(read):
    whole = bytearray(zipped(zipfile.ZIP_DEFLATED, b"ab" * 1000))
    at = whole.index(b"PK\1\2")
    whole[at + 24 : at + 28] = (100).to_bytes(4, "little")
    assert reason(read, bytes(whole)) == "corrupt"  # as its checksum is of more
    whole[at + 16 : at + 20] = zlib.crc32(b"ab" * 50).to_bytes(4, "little")
    assert [member.data for member in read(bytes(whole))] == [b"ab" * 50]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_of_a_zip_that_is_cut_or_has_a_wrong_checksum_is_corrupt(method, read):
    whole = zipped(method, b"some bytes " * 100)
    at = whole.index(b"PK\1\2")
    packed = int.from_bytes(whole[at + 20 : at + 24], "little")
    for place, value in ((16, 1), (20, packed - 20)):
        wrong = bytearray(whole)
        wrong[at + place : at + place + 4] = value.to_bytes(4, "little")
        assert reason(read, bytes(wrong)) == "corrupt"


def test_a_zip_that_is_packed_in_an_unknown_way_says_so(tmp_path, settings):
    whole = bytearray(zipped(zipfile.ZIP_DEFLATED, b"x" * 100))
    whole[whole.index(b"PK\1\2") + 10] = 9
    (tmp_path / "archive").write_bytes(whole)
    with pytest.raises(ItemError, match=r"nobody here can read \(method 9 of zip\)"):
        list(members(tmp_path / "archive", settings))


def test_no_archive_decides_how_much_memory_unpacking_takes(tar, read):
    # Its packer says that looking back 4 GB were needed, in a byte of xz and in four of LZMA in a zip.
    xz = bytearray(lzma.compress(tar("w").file("p/a").bytes()))
    assert xz[12:16] == b"\2\0\x21\1"
    xz[16] = 40
    xz[20:24] = zlib.crc32(xz[12:20]).to_bytes(4, "little")
    inside = bytearray(zipped(zipfile.ZIP_LZMA, b"print('hello')\n"))
    start = inside.index(b"p/0") + 3
    inside[start + 5 : start + 9] = b"\xff" * 4
    for data in (xz, inside):
        with pytest.raises(ItemError, match="Memory usage limit exceeded") as caught:
            read(bytes(data))
        assert caught.value.reason == "corrupt"
