# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Debian source packages, from repositories made here, from apt's own mirror, and from people who mean no good."""

from __future__ import annotations

import csv
import gzip
import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codecommons.archive import add_inputs, ingest_slice
from codecommons.archive.cache import copy_archive
from codecommons.archive.sources.deb import SOURCE
from codecommons.engine.local import InlineEngine
from codecommons.errors import ItemError, UsageError
from codecommons.lake import SliceInput

DAY, NEXT = "2026-01-31", "2026-02-01"
LOADER = "swh-loader-core==5.24.2"
CICERO = {
    "stretch": ["cicero_0.7.2-3.dsc", "cicero_0.7.2-3.diff.gz", "cicero_0.7.2.orig.tar.gz"],
    "buster": ["cicero_0.7.2-4.dsc", "cicero_0.7.2-4.diff.gz", "cicero_0.7.2.orig.tar.gz"],
}
CHANGELOG = b"""odd (1.0) unstable; urgency=low

  * Something.

 -- Ada <ada@example.org>  Thu, 01 Jan 2015 12:00:00 -0230
"""

needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt is not installed")
needs_dpkg_source = pytest.mark.skipif(shutil.which("dpkg-source") is None, reason="dpkg-source is not installed")


def sums(*files: Path) -> str:
    """Fields of a Sources index or a .dsc."""
    text = ""
    for field, algorithm in (("Files", "md5"), ("Checksums-Sha256", "sha256")):
        lines = (
            f" {hashlib.new(algorithm, path.read_bytes()).hexdigest()} {path.stat().st_size} {path.name}\n" for path in files
        )
        text += f"{field}:\n{''.join(lines)}"
    return text


def apt_uses(folder: Path, lines: str, monkeypatch: pytest.MonkeyPatch, parts: Path | str = "-") -> None:
    """Make the user's apt one that has these sources and no others, and update it."""
    (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(lines)
    settings = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": parts,
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
    }
    (folder / "apt.conf").write_text("".join(f'{key} "{value}";\n' for key, value in settings.items()))
    monkeypatch.setenv("APT_CONFIG", str(folder / "apt.conf"))
    subprocess.run(["apt-get", "-qq", "update"], check=True, capture_output=True)


@pytest.fixture
def repository(oracle, tmp_path):
    """A repository with two versions of cicero in two suites, as files."""
    root = tmp_path / "repository"
    for suite, names in CICERO.items():
        pool = root / "pool" / suite
        pool.mkdir(parents=True)
        for name in names:
            (pool / name).write_bytes(oracle(LOADER, f"/debian_pool_contrib_c_cicero_{name}"))
        index = root / "dists" / suite / "contrib" / "source" / "Sources"
        index.parent.mkdir(parents=True)
        version = re.search("_(.*).dsc", names[0])[1]
        head = f"Package: cicero\nVersion: {version}\nFormat: 1.0\nDirectory: pool/{suite}\n"
        index.write_text(head + sums(*(pool / name for name in names)))
        entry = f" {hashlib.sha256(index.read_bytes()).hexdigest()} {index.stat().st_size} contrib/source/Sources\n"
        release = f"Origin: Debian\nSuite: {suite}\nCodename: {suite}\nComponents: contrib\nArchitectures: all\nSHA256:\n{entry}"
        (root / "dists" / suite / "Release").write_text(release)
    return root


@pytest.fixture
def apt(repository, tmp_path, monkeypatch):
    """The user's apt knows the repository and nothing else."""
    apt_uses(
        tmp_path / "apt", "".join(f"deb-src [trusted=yes] file:{repository} {suite} contrib\n" for suite in CICERO), monkeypatch
    )
    return repository


def ingest(lake, *items, day=DAY):
    add_inputs(lake, [f"deb:{item}" for item in items], day)
    report = ingest_slice(lake, InlineEngine(), day, "deb")
    assert all(check.passed for check in report.checks)
    assert not any((lake.settings.cache / "scratch").glob("*"))
    return report


def quarantine(lake, day=DAY):
    return lake.scan("quarantine").filter(pl.col("slice") == day).select("reason", "detail").collect().rows()


@needs_apt
@needs_dpkg_source
def test_a_package_comes_through_apt_and_its_branches_are_what_the_items_name(apt, lake):
    report = ingest(lake, "cicero=buster/contrib/0.7.2-4", "cicero=stretch/contrib/0.7.2-3")
    assert (report.details["items"], report.details["quarantined"]) == ({"loaded": 2}, [])
    [visit] = lake.scan("origin_visit_status").collect().to_dicts()
    assert (visit["origin"], visit["type"]) == ("pkg:deb/debian/cicero", "deb")
    assert visit["snapshot"].hex() == "d0d31657ce1bb5f042c714925be9556ce69a5a15"
    dsc = apt / "pool" / "buster" / "cicero_0.7.2-4.dsc"
    row = next(row for row in lake.log.inputs(DAY, "deb") if "buster" in row.item)
    assert row.sha256 == hashlib.sha256(dsc.read_bytes()).hexdigest()
    assert ingest(lake, "cicero=0.7.2-4", day=NEXT).details["items"] == {"reused": 1}
    named = lake.scan("snapshot_branch").filter(pl.col("target_type") == "release").collect()["name"].to_list()
    assert sorted(named) == [b"releases/0.7.2-4", b"releases/buster/contrib/0.7.2-4", b"releases/stretch/contrib/0.7.2-3"]


@needs_apt
@needs_dpkg_source
def test_the_origin_is_named_after_who_signs_the_index(repository, lake, tmp_path, monkeypatch):
    release = repository / "dists" / "stretch" / "Release"
    release.write_text(release.read_text().replace("Origin: Debian", "Origin: Ubuntu"))
    apt_uses(tmp_path / "apt", f"deb-src [trusted=yes] file:{repository} stretch contrib\n", monkeypatch)
    ingest(lake, "cicero=0.7.2-3")
    assert lake.scan("origin").collect()["url"].to_list() == ["pkg:deb/ubuntu/cicero"]


@needs_apt
def test_what_apt_does_not_have_is_one_line_that_says_what_it_has(apt, lake):
    ingest(lake, "cicero=9", "cicero=stretch/main/0.7.2-3", "nothing=1.0")
    assert sorted(quarantine(lake)) == [
        ("missing-package", f"apt's source indexes have no {asked}")
        for asked in (
            "cicero=0.7.2-3 in stretch/main; they have buster/contrib/0.7.2-4, stretch/contrib/0.7.2-3",
            "cicero=9; they have buster/contrib/0.7.2-4, stretch/contrib/0.7.2-3",
            "nothing=1.0; they have none",
        )
    ]


@needs_apt
@needs_dpkg_source
def test_without_a_source_index_the_line_says_what_to_add_and_the_next_run_succeeds(repository, lake, tmp_path, monkeypatch):
    apt_uses(tmp_path / "apt", "# nothing yet\n", monkeypatch)
    ingest(lake, "cicero=0.7.2-3")
    [(reason, detail)] = quarantine(lake)
    assert reason == "no-source-index"
    assert "with a `deb-src` line in /etc/apt/sources.list" in detail
    apt_uses(tmp_path / "apt", f"deb-src [trusted=yes] file:{repository} stretch contrib\n", monkeypatch)
    assert ingest(lake, "cicero=0.7.2-3").details["items"] == {"loaded": 1}


@needs_apt
@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        (
            "odd.sources",
            "Types: deb\nURIs: file:{repository}\nSuites: stretch\nComponents: contrib\nTrusted: yes\n",
            "write `Types: deb deb-src` in {file} and run `apt-get update`",
        ),
        (
            "odd.list",
            "# mirror\ndeb [trusted=yes] file:{repository} stretch contrib\n",
            "repeat line 2 of {file} with `deb-src` for `deb` and run `apt-get update`",
        ),
    ],
)
def test_the_line_names_the_file_that_has_the_binary_index(name, text, advice, repository, lake, tmp_path, monkeypatch):
    architecture = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()
    index = repository / "dists" / "stretch" / "contrib" / f"binary-{architecture}" / "Packages"
    index.parent.mkdir()
    index.write_text("Package: cicero\nVersion: 0.7.2-3\nArchitecture: all\nFilename: pool/cicero.deb\nSize: 1\n")
    release = repository / "dists" / "stretch" / "Release"
    line = f" {hashlib.sha256(index.read_bytes()).hexdigest()} {index.stat().st_size} contrib/{index.parent.name}/Packages\n"
    release.write_text(release.read_text().replace("Architectures: all", f"Architectures: {architecture}") + line)
    file = tmp_path / "apt" / "parts" / name
    file.parent.mkdir(parents=True)
    file.write_text(text.format(repository=repository))
    apt_uses(tmp_path / "apt", "", monkeypatch, parts=file.parent)
    ingest(lake, "cicero=0.7.2-3")
    what = advice.format(file=file)
    assert quarantine(lake) == [("no-source-index", f"apt has no index of source packages; {what}, then run the slice again")]


@needs_apt
@needs_dpkg_source
def test_without_dpkg_source_packages_wait_and_nothing_fails(apt, lake, tmp_path, monkeypatch):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("apt-get", "apt-cache", "sh"):
        (programs / name).symlink_to(shutil.which(name))
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(programs))
        ingest(lake, "cicero=0.7.2-3")
        [(reason, detail)] = quarantine(lake)
        assert (reason, "install dpkg-dev" in detail) == ("dpkg-source-missing", True)
    assert ingest(lake, "cicero=0.7.2-3").details["items"] == {"loaded": 1}


def test_without_apt_packages_wait_and_nothing_fails(lake, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    ingest(lake, "cicero=0.7.2-3")
    assert [reason for reason, _ in quarantine(lake)] == ["apt-missing"]
    assert lake.log.passed_sources(DAY, "raw_archive_slice") == ["deb"]


@needs_apt
def test_a_file_with_other_bytes_than_the_index_says_is_refused(apt, lake):
    path = apt / "pool" / "stretch" / "cicero_0.7.2.orig.tar.gz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    ingest(lake, "cicero=0.7.2-3")
    assert [reason for reason, _ in quarantine(lake)] == ["wrong-hash"]
    assert lake.scan("content").collect().height == 0


@needs_apt
@needs_dpkg_source
def test_the_packages_of_the_corpus_have_the_sums_that_are_listed(shared_data, lake, tmp_path, monkeypatch):
    configured = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    text = "\n".join(path.read_text() for path in configured if path.is_file())
    mirror = re.search(r"^(?:URIs:|deb(?: \[[^]]*\])?) +(\S+/debian)/?(?:\s|$)", text, re.MULTILINE)
    keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    if mirror is None or not keyring.is_file():
        why = "this system's apt has no mirror of Debian"
        assert not os.environ.get("CI"), f"the corpus is here, and {why}"
        pytest.skip(why)
    apt_uses(tmp_path / "apt", f"deb-src [signed-by={keyring}] {mirror[1]} bookworm main\n", monkeypatch)
    with (shared_data / "corpus" / "debian-sources.tsv").open() as file:
        listed = list(csv.DictReader(file, delimiter="\t"))
    packages = {row["source_package"] for row in listed}
    report = ingest(lake, *packages)
    assert (report.details["items"], report.details["quarantined"]) == ({"loaded": len(packages)}, [])
    pinned = {row.item: row.sha256 for row in lake.log.inputs(DAY, "deb")}
    assert pinned == {row["source_package"]: row["sha256"] for row in listed if row["file"].endswith(".dsc")}
    cached = {path.name for path in (lake.settings.cache / "archives").glob("*/*")}
    assert cached == {row["sha256"] for row in listed}


# What people who mean no good would send.


@pytest.fixture
def package(tmp_path, settings):
    """Makes a source package of files by name, in the cache: format, files; gives its .dsc."""

    def package(form, files, **fields):
        folder = tmp_path / "package"
        folder.mkdir(exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
            copy_archive(folder / name, settings)
        said = {"Format": form, "Source": "odd", "Version": "1.0", **fields}
        (folder / "odd.dsc").write_text(
            "".join(f"{key}: {value}\n" for key, value in said.items()) + sums(*map(folder.joinpath, files))
        )
        return copy_archive(folder / "odd.dsc", settings)[0]

    return package


def read(dsc, settings):
    with SOURCE.unpacked(dsc, settings) as found:
        return {member.path: member for member in found}


def reason(dsc, settings):
    with pytest.raises(ItemError) as caught:
        read(dsc, settings)
    assert "\n" not in caught.value.detail
    assert str(settings.home) not in caught.value.detail
    assert not any((settings.cache / "scratch").glob("*"))
    return caught.value.reason


def native(tar, mode="w:gz"):
    return tar(mode).file("odd-1.0/debian/changelog", CHANGELOG).file("odd-1.0/main.c").file("odd-1.0/run", b"#!/bin/sh\n", 0o755)


@needs_dpkg_source
def test_a_native_package_is_its_tree_without_the_folder_around_it(tar, package, settings):
    found = read(package("3.0 (native)", {"odd_1.0.tar.gz": native(tar).bytes()}), settings)
    # A format that is not written down in the package is written down by dpkg-source.
    written = {b"debian/source", b"debian/source/format"}
    assert set(found) == {b"debian", b"debian/changelog", b"main.c", b"run"} | written
    assert (found[b"run"].perms, found[b"main.c"].perms) == (0o100755, 0o100644)


@needs_dpkg_source
@pytest.mark.parametrize(
    ("name", "kind", "target", "expected"),
    [
        ("odd-1.0/../../out", tarfile.REGTYPE, "", "unsafe-path"),
        ("/etc/cron.d/odd", tarfile.REGTYPE, "", "unsafe-path"),
        ("odd-1.0/null", tarfile.CHRTYPE, "", "special-file"),
        ("odd-1.0/pipe", tarfile.FIFOTYPE, "", "special-file"),
        ("odd-1.0/hard", tarfile.LNKTYPE, "../../../etc/passwd", "unsafe-path"),
        ("odd-1.0/debian", tarfile.SYMTYPE, "/etc", "path-conflict"),
    ],
)
def test_a_package_whose_archive_is_unsafe_never_reaches_dpkg_source(name, kind, target, expected, tar, package, settings):
    data = tar().special(name, kind, target).bytes()
    assert reason(package("3.0 (native)", {"odd_1.0.tar.gz": data}), settings) == expected


@needs_dpkg_source
def test_a_file_below_a_link_refuses_the_package(tar, package, settings):
    data = native(tar).special("odd-1.0/l", tarfile.SYMTYPE, "/etc").file("odd-1.0/l/passwd").bytes()
    assert reason(package("3.0 (native)", {"odd_1.0.tar.gz": data}), settings) == "path-conflict"


@needs_dpkg_source
def test_bombs_are_stopped_in_archives_and_in_diffs_and_together(tar, package, settings):
    zeros = tar().file("odd-1.0/zeros", bytes(20 << 20)).bytes()
    assert reason(package("3.0 (native)", {"odd_1.0.tar.gz": zeros}), settings) == "bomb"
    files = {"odd_1.0.orig.tar.gz": native(tar).bytes(), "odd_1.0-1.diff.gz": gzip.compress(bytes(20 << 20))}
    strict = replace(settings, max_archive_ratio=10)
    assert reason(package("1.0", files, Version="1.0-1"), strict) == "bomb"
    two = {"odd_1.0.orig.tar.gz": native(tar).bytes(), "odd_1.0.orig-more.tar.gz": tar().file("more/x", bytes(6000)).bytes()}
    two["odd_1.0-1.debian.tar.xz"] = tar("w:xz").file("debian/changelog", CHANGELOG).bytes()
    together = package("3.0 (quilt)", two, Version="1.0-1")
    assert set(read(together, settings)) >= {b"more/x", b"main.c", b"debian/changelog"}
    assert reason(together, replace(settings, max_archive_members=4)) == "bomb"


@needs_dpkg_source
@pytest.mark.parametrize("target", ["../../../evil", "link/evil"])
def test_a_patch_that_leaves_the_tree_is_refused_and_writes_nothing(target, tar, package, settings, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    patch = f"--- /dev/null\n+++ odd/{target}\n@@ -0,0 +1 @@\n+evil\n".encode()
    orig = native(tar).special("odd-1.0/link", tarfile.SYMTYPE, str(outside)).bytes()
    debian = tar("w:xz").file("debian/changelog", CHANGELOG).file("debian/patches/series", b"evil\n")
    files = {"odd_1.0.orig.tar.gz": orig, "odd_1.0-1.debian.tar.xz": debian.file("debian/patches/evil", patch).bytes()}
    assert reason(package("3.0 (quilt)", files, Version="1.0-1"), settings) == "corrupt"
    assert not list(outside.iterdir())
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("form", ["3.0 (git)", "3.0 (custom)", "2.0", "9"])
def test_formats_that_run_something_are_not_unpacked(form, tar, package, settings):
    assert reason(package(form, {"odd_1.0.tar.gz": native(tar).bytes()}), settings) == "unsupported-format"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "corrupt"),
        (b"\xff\xfe\0\1", "corrupt"),
        (b"Format: 1.0\nSource: odd\nVersion: 1.0\n", "corrupt"),
        (b"Format: 1.0\nSource: odd\nVersion: 1.0\nFiles:\n nonsense\n", "corrupt"),
        (b"Format: 1.0\nSource: odd\nVersion: 1.0\nFiles:\n %s 1 odd.tar.gz\n" % (b"a" * 32), "unsupported-format"),
        (
            b"Format: 1.0\nSource: odd\nVersion: 1.0\nFiles:\n %s 1 ../odd.tar.gz\nChecksums-Sha256:\n %s 1 ../odd.tar.gz\n"
            % (b"a" * 32, b"a" * 64),
            "unsafe-path",
        ),
    ],
)
def test_a_dsc_that_is_none_is_one_line(text, expected, settings, tmp_path):
    (tmp_path / "odd.dsc").write_bytes(text)
    assert reason(copy_archive(tmp_path / "odd.dsc", settings)[0], settings) == expected


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.sampled_from(
            ["Format: 1.0", "Source: odd", "Version: 1.0", "Files:", "Checksums-Sha256:", " " + "a" * 64 + " 1 odd.tar.gz"]
        )
        | st.text(max_size=30),
        max_size=10,
    ),
    signed=st.booleans(),
)
def test_any_text_is_a_dsc_or_one_line(lines, signed, tmp_path):
    text = "\n".join(["-----BEGIN PGP SIGNED MESSAGE-----", "Hash: SHA256", "", *lines] if signed else lines)
    (tmp_path / "odd.dsc").write_bytes(text.encode("utf-8", "replace"))
    try:
        assert SOURCE.packed_bytes(tmp_path / "odd.dsc") >= 0
    except ItemError as error:
        detail = error.detail
    else:
        detail = ""
    assert "\n" not in detail


# Names, versions, changelogs.


@pytest.mark.parametrize(
    "text", ["hello", "hello=", "=1.0", "Hello=1.0", "hello=-1", "hello=main/1.0", "hello=../main/1.0", "a b=1"]
)
def test_what_names_no_version_of_a_package_is_a_usage_error(text):
    with pytest.raises(UsageError, match="write deb:hello"):
        SOURCE.parse(text)


@pytest.mark.parametrize(
    "text", ["hello=2.10-3", "g++=4:12.2.0-3", "xx=1~rc1+dfsg-1", "xx=buster/updates/main/1.0", "0ad=bookworm/main/0.0.26-3"]
)
def test_versions_and_suites_are_read(text):
    assert SOURCE.parse(text) == text


def test_a_name_with_a_plus_is_escaped_in_its_purl():
    assert SOURCE.origin("libstdc++") == "pkg:deb/debian/libstdc%2B%2B"


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is not installed")
def test_versions_are_ordered_as_dpkg_orders_them():
    versions = [
        "1.0~rc1-1",
        "1.0-1~bpo1",
        "1.0-1",
        "1.0-1+b1",
        "1.0-10",
        "1.0.1",
        "1.0a",
        "1.0+dfsg-1",
        "10",
        "9",
        "1:0.1",
        "1.0-0",
        "1-1-1",
    ]
    versions += ["1.0.", "1.0~~", "1.0~~a", "1.0~", "1.002"]
    for one, other in itertools.combinations(versions, 2):
        less = subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False).returncode == 0
        assert (SOURCE.version_key(one) < SOURCE.version_key(other)) == less, (one, other)


@needs_dpkg_source
@pytest.mark.parametrize(
    ("changelog", "person", "seconds", "offset"),
    [
        (CHANGELOG, b"Ada <ada@example.org>", 1420122600, -150),
        (CHANGELOG.replace(b"Ada", "Adél".encode()), "Adél <ada@example.org>".encode(), 1420122600, -150),
        (CHANGELOG.replace(b"Ada", b"Ad\xe9l"), "Adél <ada@example.org>".encode(), 1420122600, -150),
        (CHANGELOG.replace(b"-0230", b"-0000 (UTC)"), b"Ada <ada@example.org>", 1420113600, 0),
        (CHANGELOG.replace(b"Thu, 01", b"Mon, 1"), b"Ada <ada@example.org>", 1420122600, -150),
    ],
)
def test_the_release_has_the_author_and_date_of_the_last_entry(changelog, person, seconds, offset, tar, package, lake):
    data = tar().file("odd-1.0/debian/changelog", changelog + b"\n" + CHANGELOG.replace(b"Ada", b"Older")).bytes()
    dsc = package("3.0 (native)", {"odd_1.0.tar.gz": data})
    load(lake, dsc)
    [release] = lake.scan("release").collect().to_dicts()
    assert (release["date"]["seconds"], release["date_offset"]) == (seconds, offset)
    assert lake.scan("person").collect()["fullname"].to_list() == [person]
    assert release["message"] == b"Synthetic release for Debian source package odd version 1.0\n"


def load(lake, dsc):
    sha256 = hashlib.sha256(dsc.read_bytes()).hexdigest()
    lake.log.add_input([SliceInput(DAY, "deb", "odd=1.0", "1.0", sha256, json.dumps({"upload_time": None}))])
    return ingest_slice(lake, InlineEngine(), DAY, "deb")


@needs_dpkg_source
@pytest.mark.parametrize(
    "changelog", [b"", b"odd (1.0) unstable; urgency=low\n", CHANGELOG.replace(b"Thu, 01 Jan 2015", b"once")]
)
def test_a_package_that_does_not_say_who_made_it_gives_no_release(changelog, tar, package, lake):
    load(lake, package("3.0 (native)", {"odd_1.0.tar.gz": tar().file("odd-1.0/debian/changelog", changelog).bytes()}))
    assert [reason for reason, _ in quarantine(lake)] == ["no-metadata"]
    assert lake.scan("release").collect().height == 0
