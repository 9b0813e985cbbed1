# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Whatever bytes are said to be a git object: read and given back whole, or refused; and never at more than linear cost."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.archive import add_inputs, ingest_slice
from codecommons.archive.objects import Rows
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.swhid import (
    Date,
    Release,
    Revision,
    directory_id,
    git_object_id,
    release_id,
    release_manifest,
    revision_id,
    revision_manifest,
)
from codecommons.swhid.parsing import parse_directory, parse_release, parse_revision

DAY = "2026-01-31"
many = settings(max_examples=300, deadline=None)

KEY = b"0123456789abcdef0123456789abcdef01234567"
COMMIT = (
    b"tree %s\nparent %s\nparent %s\nauthor A <a@b> 1700000000 +0100\ncommitter B <c@d> 1700000001 -0330\n"
    b"encoding latin-1\ngpgsig -----BEGIN\n  x\n \n y\nmergetag object %s\n type commit\n tag v\n\nSubject\n\nBody\n"
) % (KEY, KEY, KEY, KEY)
TAG = b"object %s\ntype commit\ntag v1.0\ntagger A <a@b> 1700000000 -0000\n\nMessage\n-----BEGIN PGP SIGNATURE-----\n" % KEY
TREE = b"".join(
    [b"100644 a\0" + b"1" * 20, b"40000 b\0" + b"\0 \n2" * 5, b"120000 b.\0" + b"3" * 20, b"160000 c\xff\0" + b"4" * 20]
)
PIECES = [
    b"\n",
    b"\n\n",
    b" ",
    b"\n ",
    b"\0",
    b"0",
    b"-",
    b"tree ",
    b"parent ",
    b"author ",
    b"tagger ",
    b"\xff",
    KEY,
    b"100644 x\0",
]


@st.composite
def mutations(draw: st.DrawFn, original: bytes) -> bytes:
    """A real object, cut, repeated, overwritten and spliced a few times."""
    body = original
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 60)))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=6), st.just(body[start:end] * 2)))
        body = body[:start] + piece + body[end:]
    return body


def check_directory(body: bytes) -> None:
    try:
        directory = parse_directory(body)
    except ValueError:
        return
    assert directory_id(directory.entries, directory.raw_manifest) == git_object_id("tree", body)
    assert all(0 <= perms < 1 << 31 and len(target) == 20 for _, perms, target in directory.entries)


def check_revision(body: bytes) -> None:
    try:
        revision = parse_revision(body)
    except ValueError:
        return
    assert revision_id(revision) == git_object_id("commit", body)
    if revision.raw_manifest is None:
        assert revision_manifest(revision) == body


def check_release(body: bytes) -> None:
    try:
        release = parse_release(body)
    except ValueError:
        return
    assert release_id(release) == git_object_id("tag", body)
    if release.raw_manifest is None:
        assert release_manifest(release) == body


@many
@given(body=st.one_of(mutations(TREE), st.binary(max_size=200), st.lists(st.sampled_from(PIECES)).map(b"".join)))
def test_a_tree_is_given_back_whole_or_refused(body: bytes) -> None:
    check_directory(body)


@many
@given(body=st.one_of(mutations(COMMIT), st.binary(max_size=200), st.lists(st.sampled_from(PIECES)).map(b"".join)))
def test_a_commit_is_given_back_whole_or_refused(body: bytes) -> None:
    check_revision(body)


@many
@given(body=st.one_of(mutations(TAG), st.binary(max_size=200), st.lists(st.sampled_from(PIECES)).map(b"".join)))
def test_a_tag_is_given_back_whole_or_refused(body: bytes) -> None:
    check_release(body)


header_lines = st.sampled_from(
    [
        b"parent " + KEY,
        b"parent " + KEY[:39],
        b"author A <a> 1 +0000",
        b"author A 1 2 +0000",
        b"author  0 -0000",
        b"author A -0 +0000",
        b"author A 007 +0000",
        b"author A 1 +00000",
        b"author A 99999999999999999999 +0000",
        b"committer C <c> -5 -1159",
        b"committer C <c> 1 +0000",
        b"encoding x",
        b"gpgsig x\n y\n ",
        b"HG:rename a b",
        b"lonely",
        b"key\n more\n and more",
    ]
)


@many
@given(lines=st.lists(header_lines, max_size=7), message=st.sampled_from([b"", b"\n", b"\nm", b"\n\nm\n\n", b"\n a\n"]))
def test_what_is_read_at_once_is_what_is_read_header_by_header(lines: list[bytes], message: bytes) -> None:
    body = b"\n".join([b"tree " + KEY, *lines]) + b"\n" + message
    from codecommons.swhid import parsing

    assert parse_revision(body) == parsing._odd_revision(body)


@pytest.mark.parametrize("perms", [b"7777777777777", b"37777777777", b"-100644", b"+644", b"1_0", b"0o644", b"", b"8"])
def test_a_mode_that_is_none_or_fits_no_column_is_refused(perms: bytes) -> None:
    with pytest.raises(ValueError, match="tree"):
        parse_directory(perms + b" name\0" + b"1" * 20)


@pytest.mark.parametrize(
    ("one", "other"), [(b"100644 a\0", b"100644 a\0"), (b"100644 a\0", b"100755 a\0"), (b"100644 a\0", b"40000 a\0")]
)
def test_a_tree_that_has_a_name_twice_is_kept_as_it_was(one: bytes, other: bytes) -> None:
    body = one + b"1" * 20 + b"100644 a.\0" + b"1" * 20 + other + b"1" * 20
    for written in (body, one + b"1" * 20 + other + b"1" * 20):
        assert parse_directory(written).raw_manifest == b"tree %d\0" % len(written) + written


def test_a_tree_that_has_an_entry_twice_can_be_made_again_from_its_rows(repository, lake):
    blob = bytes.fromhex(repository.git("rev-parse", "HEAD:main.py"))
    body = (b"100644 main.py\0" + blob) * 2
    _write_pack(repository, "tree", [body])
    tree = git_object_id("tree", body)
    repository.git("update-ref", "refs/heads/main", repository.git("commit-tree", "-m", "Twice", tree.hex()))
    report = load(lake, repository.path)
    assert all(check.passed for check in report.checks)
    [(raw, verified)] = lake.scan("directory").filter(pl.col("id") == tree).select("raw_manifest", "verified").collect().rows()
    entries = lake.scan("directory_entry").filter(pl.col("directory_id") == tree).select("name", "perms", "target").collect()
    assert (verified, directory_id(entries.rows(), raw)) == ("yes", tree)
    assert lake.scan("tree_file").select("path", "content").collect().rows() == [(b"main.py", blob)]
    assert report.details["items"] == {"loaded": 1}


def test_a_tree_out_of_order_lists_each_path_once_and_what_git_finds_by_it(repository, lake):
    first, other = (bytes.fromhex(repository.git("rev-parse", f"HEAD:{name}")) for name in ("main.py", "readme.md"))
    names = [(b"z", first), (b"b", first), (b"z", other), (b"z", first), (b"a", other)]
    body = b"".join(b"100644 " + name + b"\0" + blob for name, blob in names)
    _write_pack(repository, "tree", [body])
    repository.git("update-ref", "refs/heads/main", repository.git("commit-tree", "-m", "x", git_object_id("tree", body).hex()))
    report = load(lake, repository.path)
    assert all(check.passed for check in report.checks)
    listed = sorted(lake.scan("tree_file").select("path", "content").collect().rows())
    assert listed == [(b"a", other), (b"b", first), (b"z", first)]
    assert repository.git("rev-parse", "HEAD:z") == first.hex()


@settings(max_examples=40, deadline=None)
@given(body=mutations(COMMIT), tree=mutations(TREE), tag=mutations(TAG))
def test_what_is_read_fits_the_tables(body: bytes, tree: bytes, tag: bytes, any_lake: Lake) -> None:
    with any_lake.staging("fuzz") as area:
        rows = Rows(area, "fuzz")
        for read in (
            lambda: rows.revision(parse_revision(body)),
            lambda: rows.release(parse_release(tag)),
            lambda: rows.directory(git_object_id("tree", tree), *parse_directory(tree)),
        ):
            try:
                read()
            except ValueError:
                continue
        rows.close()


@pytest.fixture(scope="module")
def any_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    from codecommons.settings import Settings

    home = tmp_path_factory.mktemp("home")
    return Lake.open(Settings(home=home, lake=str(home / "lake"), workers=0))


_BIG = 4 << 20


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            "commit",
            b"tree " + KEY + b"\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\ngpgsig " + b"x\n " * (_BIG // 3) + b"\n\nm",
        ),
        ("commit", b"tree " + KEY + b"\nauthor " + b"1 " * (_BIG // 2) + b"\n\nm"),
        ("commit", b"tree " + KEY + b"\nauthor " + b"1" * _BIG + b" +0000\n\nm"),
        ("commit", b"tree " + KEY + b"\n" + (b"parent " + KEY + b"\n") * (_BIG // 48) + b"\nm"),
        ("commit", b"tree " + KEY + b"\n" + b"k v\n" * (_BIG // 40) + b"\nm"),
        ("tag", b"object " + KEY + b"\ntype commit\ntag v\ntagger " + b"1 " * (_BIG // 2) + b"\n\nm"),
        ("tag", b"object " + KEY + b"\ntype commit\ntag " + b"v\n " * (_BIG // 3) + b"\n\nm"),
        ("tree", b"7" * _BIG),
        ("tree", b"7 " * (_BIG // 2)),
        ("tree", b"100644 " + b"x" * _BIG),
        ("tree", b"".join(b"100644 f%07d\0" % number + b"x" * 20 for number in range(100_000))),
        ("tree", b"".join(b"100644 f%07d\0" % number + b"x" * 20 for number in range(100_000, 0, -1))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_object_costs_more_than_its_length(kind: str, body: bytes) -> None:
    start = time.process_time()
    {"tree": check_directory, "commit": check_revision, "tag": check_release}[kind](body)
    assert time.process_time() - start < 5


def load(lake, path):
    add_inputs(lake, [f"git:{path}"], DAY)
    return ingest_slice(lake, InlineEngine(), DAY, "git")


def test_a_tag_of_a_tag_ten_thousand_deep_is_ten_thousand_releases(repository, lake):
    target, bodies = bytes.fromhex(repository.git("rev-parse", "HEAD")), []
    kind = "revision"
    for number in range(10_000):
        release = Release(target, kind, b"v%d" % number, b"A <a>", Date(1_700_000_000), b"m\n")
        bodies.append(release_manifest(release))
        target, kind = release_id(release), "release"
    _write_pack(repository, "tag", bodies)
    repository.git("update-ref", "refs/tags/deep", target.hex())
    report = load(lake, repository.path)
    assert report.details["objects_read"]["tag"] == 10_000
    assert lake.scan("release").collect().height == 10_000
    assert all(check.passed for check in report.checks)


def test_a_tree_two_thousand_levels_deep_has_its_file(repository, lake):
    target, perms = bytes.fromhex(repository.git("rev-parse", "HEAD:main.py")), b"100644"
    bodies = []
    for _ in range(2_000):
        bodies.append(perms + b" d\0" + target)
        target, perms = git_object_id("tree", bodies[-1]), b"40000"
    _write_pack(repository, "tree", bodies)
    commit = repository.git("commit-tree", "-m", "Deep", target.hex())
    repository.git("update-ref", "refs/heads/main", commit)
    report = load(lake, repository.path)
    assert report.details["objects_read"]["tree"] == 2_000
    assert [len(path) for path in lake.scan("tree_file").collect()["path"]] == [3_999]
    assert all(check.passed for check in report.checks)


def test_ten_times_the_history_takes_no_more_memory(repository, settings, tmp_path):
    peaks = []
    for count in (1_000, 10_000):
        made = replace(repository, path=tmp_path / f"imported-{count}")
        made.path.mkdir()
        made.git("init", "-q", "--bare", "-b", "main")
        person = b"committer A <a> %d +0000\ndata 1000\n%s\n\n"
        commits = (person % (1_700_000_000 + number, b"m" * 1000) for number in range(count))
        made.git("fast-import", "--quiet", stdin=b"".join(b"commit refs/heads/main\n" + one for one in commits))
        lake = Lake.open(replace(settings, lake=str(tmp_path / f"lake-{count}"), batch_bytes=500_000))
        tracemalloc.start()
        try:
            report = load(lake, made.path)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert report.details["objects_read"] == {"commit": count, "tree": 1}
        assert all(check.passed for check in report.checks)
    assert peaks[1] < 1.5 * peaks[0]


def _write_pack(repository, kind, bodies):
    """Objects as a pack: a file each would take longer than all that is tested here."""
    import struct
    import zlib
    from hashlib import sha1

    number = {"commit": 1, "tree": 2, "tag": 4}[kind]
    pack = bytearray(b"PACK" + struct.pack(">II", 2, len(bodies)))
    for body in bodies:
        size, first = len(body) >> 4, number << 4 | len(body) & 15
        while size:
            pack.append(first | 128)
            size, first = size >> 7, size & 127
        pack.append(first)
        pack += zlib.compress(body, 1)
    pack += sha1(pack).digest()
    repository.git("index-pack", "--stdin", stdin=bytes(pack))


def test_a_revision_says_nothing_that_a_merge_of_a_tag_did_not_say() -> None:
    revision = parse_revision(COMMIT)
    assert revision == Revision(
        directory=bytes.fromhex(KEY.decode()),
        parents=(bytes.fromhex(KEY.decode()),) * 2,
        author=b"A <a@b>",
        date=Date(1_700_000_000, 0, b"+0100"),
        committer=b"B <c@d>",
        committer_date=Date(1_700_000_001, 0, b"-0330"),
        message=b"Subject\n\nBody\n",
        extra_headers=(
            (b"encoding", b"latin-1"),
            (b"gpgsig", b"-----BEGIN\n x\n\ny"),
            (b"mergetag", b"object %s\ntype commit\ntag v" % KEY),
        ),
    )
    assert parse_release(TAG).message == b"Message\n-----BEGIN PGP SIGNATURE-----\n"
