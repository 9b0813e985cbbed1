# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Packages of registries that we have no source for: unpacked by us, they are what Software Heritage's loaders say they are."""

import datetime as dt
import io
import json
import tarfile
import tomllib
from collections.abc import Callable
from typing import NamedTuple

import pytest

from codecommons.archive.objects import Rows
from codecommons.archive.tree import build_tree
from codecommons.archive.unpack import members
from codecommons.swhid import Date, Release, release_id, snapshot_id

LOADER = "swh-loader-core==5.24.2"
MICRO_TIMER = {
    "0.1.0": "bd8d093b4ad56ca7e49aa0f709d945483b831915",
    "0.1.1": "298a08059fef2ecc8298bc9371e9608f4f9d5e6e",
    "0.1.2": "e234efbaef1999866d3b5c9a5676c42a5c4d1d3f",
    "0.2.0": "519bfdb898f91011eeb618d7d7aaa93097e57ab4",
    "0.2.1": "c1bdd5a5a0769c4fd10af92a43e66ce7a2394e8c",
    "0.3.0": "d68b74713017c0b32a553f107d179be386bafdbc",
    "0.3.1": "ee11442a44d32562aedf731932ae4a8a9cf23feb",
    "0.4.0": "0018b25f87d0838f6bef3e94b3000043bc9c938d",
}


class Known(NamedTuple):
    """An archive by the end of its path, and what its registry says of it."""

    archive: str
    version: str
    author: str
    date: str | None
    language: str
    package: str
    directory: str | None
    release: str


KNOWN = [
    (
        [
            Known(
                "/https_static.crates.io/crates_hg-core_hg-core-0.0.1.crate", "0.0.1",
                "Georges Racinet <georges.racinet@octobus.net>", "2019-04-16T18:48:11.404457+00:00", "Crate", "hg-core",
                "674c3b0b54628d55b93a79dc7adf304efc01b371", "",
            )
        ],
        "releases/{}", "c8f50743fa4fbeef1c94cc5ca3e32155a4dfa12d",
    ),
    (
        [
            Known(
                "/OCamlPro_agrid_archive_0.1.tar.gz", "0.1", "OCamlPro <contact@ocamlpro.com>", None, "OPAM", "agrid",
                "00412ee5bc601deb462e55addd1004715116785e", "d4d8d3df4f34609a3eeabd48aea49002c5f54f41",
            )
        ],
        "agrid.{}", "e1159446b00745ba4daa7ee26d74fbd81ecc081c",
    ),
    (
        [
            Known(
                "/package_aeson-2.1.0.0_aeson-2.1.0.0.tar.gz", "2.1.0.0", "Bryan O'Sullivan <bos@serpentine.com>",
                "2022-08-11T09:04:30+00:00", "Haskell", "aeson", "3ad8674f6d9b983fa28d9d81d30f119f6252f1bb",
                "004c2dedccdb27557c083086213d453b62411b63",
            )
        ],
        "releases/{}", "cbe847edb44408826ed11685b34c28b27b160879",
    ),
    (
        [
            Known(
                f"/authors_id_J_JJ_JJORE_Internals-CountObjects-{version}.tar.gz", version, "Josh Jore <jjore@cpan.org>", date,
                "Perl", "Internals-CountObjects", directory, release,
            )
            for version, date, directory, release in (
                ("0.01", "2011-06-05T18:44:02+00:00", None, "e73aced4cc3d56b32a328d3248b25b052f029df4"),
                ("0.05", "2011-06-11T05:23:31+00:00", "af3f6a43eaf4b26dbcadb1101e8d81db6d6151e0",
                 "07382fd255ec0fc293b92aeb7e68b3fe31c174f9"),
            )
        ],
        "releases/{}", "848ee8d69d33481c88ab81f6794f6504190f011f",
    ),
]  # fmt: skip


@pytest.fixture
def root(oracle, lake, tmp_path) -> Callable[[str], bytes]:
    """The root directory of an archive."""

    def root(name: str) -> bytes:
        path = tmp_path / name.rpartition("/")[2]
        path.write_bytes(oracle(LOADER, name))
        with lake.staging("known") as area:
            return build_tree(members(path, lake.settings), Rows(area, "known")).root

    return root


def release(one: Known, directory: bytes, more: str = "") -> bytes:
    moment = dt.datetime.fromisoformat(one.date) if one.date else None
    date = moment and Date(int(moment.timestamp()), moment.microsecond)
    message = f"Synthetic release for {one.language} source package {one.package} version {one.version}\n{more}"
    return release_id(Release(directory, "directory", one.version.encode(), one.author.encode(), date, message.encode()))


@pytest.mark.parametrize(("versions", "branch", "snapshot"), KNOWN, ids=[some[0].package for some, *_ in KNOWN])
def test_archives_of_other_registries_are_the_snapshots_of_software_heritage(versions, branch, snapshot, root) -> None:
    branches: dict[bytes, tuple[str, bytes]] = {}
    for one in versions:
        directory = root(one.archive)
        assert one.directory in (None, directory.hex())
        name, found = branch.format(one.version).encode(), release(one, directory)
        assert one.release in ("", found.hex())
        branches |= {name: ("release", found), b"HEAD": ("alias", name)}
    assert snapshot_id(branches).hex() == snapshot


def test_the_eight_versions_of_a_crate_are_the_snapshot_of_software_heritage(oracle, root) -> None:
    said = json.loads(oracle(LOADER, "/api_v1_crates_micro-timer"))
    dates = {one["num"]: one["updated_at"] for one in said["versions"]}
    branches: dict[bytes, tuple[str, bytes]] = {b"HEAD": ("alias", b"releases/0.4.0")}
    for version, expected in MICRO_TIMER.items():
        name = f"/crates_micro-timer_micro-timer-{version}.crate"
        with tarfile.open(fileobj=io.BytesIO(oracle(LOADER, name))) as archive:
            documents = [archive.extractfile(one) for one in archive.getmembers() if one.name.lower().endswith("/cargo.toml")]
            [package] = [tomllib.loads(one.read().decode())["package"] for one in documents if one is not None]
        author, *others = package.get("authors", [""])
        one = Known(name, version, author, dates[version], "Crate", "micro-timer", None, expected)
        found = release(one, root(name), "".join(f"\nCo-authored-by: {other}" for other in others) + "\n" * bool(others))
        assert found.hex() == expected
        branches[f"releases/{version}".encode()] = ("release", found)
    assert snapshot_id(branches).hex() == "ab068487d16c6ead88960e29990505caad17ed5e"
