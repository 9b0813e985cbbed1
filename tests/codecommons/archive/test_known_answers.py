# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Software Heritage's own loaders say what these packages are; we must say the same."""

import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import dataclass, replace

import pytest

from codecommons.archive import add_inputs, ingest_slice
from codecommons.archive.cache import copy_archive
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake, SliceInput
from codecommons.swhid import Date, Release, release_id, snapshot_id

DAY = "2026-01-31"
LOADER = "swh-loader-core==5.24.2"
EMPTY_SNAPSHOT = "1a8893e6a86f444e8be8e7bda6cb34fb1735a00e"
# Version -> root directory, release.
ORG = {
    "0.0.2": ("42753c0c2ab00c4501b552ac4671c68f3cf5aece", "d38cc0b571cd41f3c85513864e049766b42032a7"),
    "0.0.3": ("3370d20d6f96dc1c9e50f083e2134881db110f4f", "62bf7076bae9aa2cb4d6cb3bf7ce0ea4fdd5b295"),
    "0.0.4": ("d7895533ef5edbcffdea3f057d9fef3a1ef845ce", "6e976db82f6c310596b21fb0ed8b11f507631434"),
}
NEXTER = {"1.1.0": "f8789ff3ed70a5f570c35d885c7bcfda7b23b091", "1.2.0": "fbbcb817f01111b06442cdcc93140ab3cc777d68"}


@dataclass
class Loaded:
    """What a visit came to: branch without ``releases/`` -> root directory and release; where HEAD points; the snapshot."""

    releases: dict[str, tuple[str, str]]
    head: str | None
    snapshot: str
    status: str


@pytest.fixture
def load(lake, index, tmp_path):
    """Load versions of a package whose archives are in the cache, and nowhere else: source, [(item, version, bytes, detail)]."""

    def load(source, versions):
        rows = []
        for item, version, data, detail in versions:
            path = tmp_path / "archive"
            if data is not None:
                path.write_bytes(data)
                copy_archive(path, lake.settings)
            sha256 = hashlib.sha256(data or b"lost").hexdigest()
            rows.append(SliceInput(DAY, source, item, version, sha256, json.dumps(detail)))
        lake.log.add_input(rows)
        return read(lake, source)

    return load


def read(lake, source):
    report = ingest_slice(lake, InlineEngine(), DAY, source)
    assert all(check.passed for check in report.checks)
    releases = {row["id"]: row["target"].hex() for row in lake.scan("release").collect().to_dicts()}
    [visit] = lake.scan("origin_visit_status").collect().to_dicts()
    branches = lake.scan("snapshot_branch").collect().to_dicts()
    head = next((row["target"] for row in branches if row["target_type"] == "alias"), None)
    found = {
        row["name"].decode().removeprefix("releases/"): (releases[row["target"]], row["target"].hex())
        for row in branches
        if row["target_type"] == "release"
    }
    return Loaded(found, head and head.decode().removeprefix("releases/"), visit["snapshot"].hex(), visit["status"])


def npm_versions(oracle, package, tarballs):
    said = json.loads(oracle(LOADER, f"/https_registry.npmjs.org/{package.replace('/', '_')}"))
    versions = []
    for version, file in tarballs.items():
        uploaded = said["time"][version] if "time" in said else said["versions"][version]["mtime"]
        versions.append((f"{package}@{version}", version, oracle(LOADER, f"/{file}"), {"upload_time": uploaded[:19] + "Z"}))
    return versions


def test_npm_org_gives_the_directories_releases_and_snapshot_of_software_heritage(oracle, load):
    found = load("npm", npm_versions(oracle, "org", {version: f"org_-_org-{version}.tgz" for version in ORG}))
    assert found.releases == ORG
    assert (found.head, found.status, found.snapshot) == ("0.0.4", "full", "0996ca28d6280499abcf485b51c4e3941b057249")


def test_an_npm_pre_release_is_not_shown_first(oracle, load):
    files = {version: f"@aller_shared_-_shared-{version}.tgz" for version in ("0.1.0", "0.1.1-alpha.14")}
    found = load("npm", npm_versions(oracle, "@aller/shared", files))
    assert {version: release for version, (_, release) in found.releases.items()} == {
        "0.1.0": "0c486b50b407f847ef7581f595c2b6c2062f1089",
        "0.1.1-alpha.14": "79d80c87c0a8d104a216cc539baad962a454802a",
    }
    assert (found.head, found.snapshot) == ("0.1.0", "68eed3d3bc852e7f435a84f18ee77e23f6884be2")


def test_two_npm_versions_with_one_tarball_are_two_releases(oracle, load):
    files = {version: f"org_-_org-{version}.tgz" for version in ("0.0.3-beta", "0.0.3")}
    found = load("npm", npm_versions(oracle, "org_version_mismatch", files))
    directory = ORG["0.0.3"][0]
    assert found.releases == {
        "0.0.3-beta": (directory, "e6d5490a02ac2a8dcd49702f9ccd5a64c90a46f1"),
        "0.0.3": (directory, "f6985f437e28db6eb1b7533230e05ed99f2c91f0"),
    }
    assert found.snapshot == "ac867a4c22ba4e22a022d319f309714477412a5a"


def test_an_npm_package_without_times_has_its_versions_own(oracle, load):
    found = load("npm", npm_versions(oracle, "jammit-express", {"0.0.1": "jammit-express_-_jammit-express-0.0.1.tgz"}))
    assert found.releases["0.0.1"][1] == "3e3b800570869fa9b3dbc302500553e62400cc06"
    assert found.snapshot == "33b8f105d48ce16b6c59158af660e0cc78bcbef4"


def test_an_npm_package_without_its_document_gives_no_release(oracle, load):
    package = "nativescript-telerik-analytics"
    found = load("npm", npm_versions(oracle, package, {"1.0.0": f"{package}_-_{package}-1.0.0.tgz"}))
    assert (found.releases, found.status, found.snapshot) == ({}, "full", EMPTY_SNAPSHOT)


def pypi_versions(oracle, package, files, document=None):
    """Items, versions, archives and what the index says of files of a package."""
    said = json.loads(oracle(LOADER, f"/https_pypi.org/{document or f'pypi_{package}_json'}"))
    found = {file["filename"]: (version, file) for version, some in said["releases"].items() for file in some}
    versions = []
    for name, item in files.items():
        version, file = found[name]
        facts = {"name": said["info"]["name"], "comment": file["comment_text"]}
        data = oracle(LOADER, f"/https_files.pythonhosted.org/{name}")
        versions.append((item or f"{package}=={version}", version, data, {"upload_time": f"{file['upload_time']}Z", **facts}))
    return versions


def nexter(oracle, *versions, document=None):
    return pypi_versions(oracle, "0805nexter", {f"0805nexter-{version}.zip": None for version in versions}, document)


def test_pypi_0805nexter_gives_the_releases_and_snapshot_of_software_heritage(oracle, load):
    found = load("pypi", nexter(oracle, *NEXTER))
    assert {version: release for version, (_, release) in found.releases.items()} == NEXTER
    assert (found.status, found.snapshot) == ("full", "3dd50c1a0e48a7625cf1427e3190a65b787c774e")


def test_pypi_0805nexter_with_another_version_gives_the_next_snapshot(oracle, load):
    found = load("pypi", nexter(oracle, *NEXTER, "1.3.0", document="pypi_0805nexter_json_visit1"))
    assert found.releases["1.3.0"][1] == "a21b09cbec8e31f47307f196bb1f939effc26e11"
    assert (found.head, found.snapshot) == ("1.3.0", "77febe6ff0faf6cc00dd015a6c9763579a9fb6c7")


def test_pypi_0805nexter_with_one_artifact_missing_is_a_partial_visit(oracle, load):
    lost, there = nexter(oracle, *NEXTER)
    found = load("pypi", [(*lost[:2], None, lost[3]), there])
    assert {version: release for version, (_, release) in found.releases.items()} == {"1.2.0": NEXTER["1.2.0"]}
    assert (found.head, found.status, found.snapshot) == ("1.2.0", "partial", "00785a38479abe5fbfa402df96be26d2ddf89c97")


def test_a_pypi_version_with_two_artifacts_has_two_branches_and_no_head(oracle, load):
    names = ("nexter-1.1.0.zip", "nexter-1.1.0.tar.gz")
    found = load("pypi", pypi_versions(oracle, "nexter", {name: f"nexter==1.1.0/{name}" for name in names}))
    assert {branch: release for branch, (_, release) in found.releases.items()} == {
        "1.1.0/nexter-1.1.0.zip": "f7d43faeb65b64d3faa67e4f46559db57d26b9a4",
        "1.1.0/nexter-1.1.0.tar.gz": "732bb9dc087e6015884daaebb8b82559be729b5a",
    }
    assert (found.head, found.snapshot) == (None, "1394b2e59351a944cc763bd9d26d90ce8e8121a8")


def test_a_pypi_archive_without_its_document_gives_no_release(oracle, load):
    data = oracle(LOADER, "_upymenu-0.0.1.tar.gz")
    found = load("pypi", [("upymenu==0.0.1", "0.0.1", data, {"upload_time": "2020-01-24T14:46:33Z"})])
    assert (found.releases, found.status, found.snapshot) == ({}, "full", EMPTY_SNAPSHOT)


CICERO = {
    "stretch/contrib/0.7.2-3": ("798df511408c53bf842a8e54d4d335537836bdc3", "de96ae3d3e136f5c1709117059e2a2c05b8ee5ae"),
    "buster/contrib/0.7.2-4": (None, "11824484c585319302ea4fde4917faf78dfb1973"),
}


@pytest.fixture
def load_cicero(oracle, lake, tmp_path):
    """Load versions of the Debian package cicero, whose files are in the cache."""

    def load(*versions):
        rows = []
        files = {"cicero_0.7.2.orig.tar.gz"}
        for version in versions:
            tag = version.rpartition("/")[2]
            files |= {f"cicero_{tag}.dsc", f"cicero_{tag}.diff.gz"}
            sha256 = hashlib.sha256(oracle(LOADER, f"/debian_pool_contrib_c_cicero_cicero_{tag}.dsc")).hexdigest()
            rows.append(SliceInput(DAY, "deb", f"cicero={version}", version, sha256, json.dumps({"upload_time": None})))
        for name in files:
            (tmp_path / name).write_bytes(oracle(LOADER, f"/debian_pool_contrib_c_cicero_{name}"))
            copy_archive(tmp_path / name, lake.settings)
        lake.log.add_input(rows)
        return read(lake, "deb")

    return load


@pytest.mark.parametrize(
    ("versions", "snapshot"),
    [
        (["stretch/contrib/0.7.2-3"], "9033c04b5f77a19e44031a61c175e9c2f760c75a"),
        (["stretch/contrib/0.7.2-3", "buster/contrib/0.7.2-4"], "d0d31657ce1bb5f042c714925be9556ce69a5a15"),
    ],
)
@pytest.mark.skipif(shutil.which("dpkg-source") is None, reason="dpkg-source is not installed")
def test_debian_cicero_gives_the_directory_releases_and_snapshots_of_software_heritage(versions, snapshot, load_cicero, lake):
    found = load_cicero(*versions)
    assert found.releases.keys() == set(versions)
    for version, (directory, release) in found.releases.items():
        assert release == CICERO[version][1]
        assert CICERO[version][0] in (None, directory)
    assert (found.head, found.status, found.snapshot) == (versions[-1], "full", snapshot)
    assert lake.scan("origin").collect()["url"].to_list() == ["pkg:deb/debian/cicero"]
    assert list((lake.settings.cache / "scratch").iterdir()) == []


@pytest.mark.parametrize("limit", [100 << 20, 10 << 10])
def test_the_archive_of_gnu_8sync_is_the_directory_it_says_whatever_is_skipped(limit, oracle, lake, tmp_path):
    lake = Lake.open(replace(lake.settings, max_content_bytes=limit))
    path = tmp_path / "8sync-0.1.0.tar.gz"
    path.write_bytes(oracle(LOADER, "/gnu_8sync_8sync-0.1.0.tar.gz"))
    add_inputs(lake, [f"path:{path}"], DAY)
    report = ingest_slice(lake, InlineEngine(), DAY, "path")
    assert all(check.passed for check in report.checks)
    [branch] = lake.scan("snapshot_branch").collect().to_dicts()
    assert branch["target"].hex() == "3aebc29ed1fccc4a6f2f2010fb8e57882406b528"
    assert lake.scan("skipped_content").collect().height == (11 if limit < 1 << 20 else 0)
    # What the archive's loader, which knows of a URL and a date, makes of the directory.
    message = b"Synthetic release for archive at https://ftp.gnu.org/gnu/8sync/8sync-0.1.0.tar.gz\n"
    release = release_id(Release(branch["target"], "directory", b"0.1.0", b"", Date(944729610), message))
    assert release.hex() == "c92b2ad9e70ef1dce455e8fe1d8e41b92512cc08"
    branches = {b"HEAD": ("alias", b"releases/0.1.0"), b"releases/0.1.0": ("release", release)}
    assert snapshot_id(branches).hex() == "9efecc835e8f99254934f256b5301b94f348fd17"


def test_the_sample_folder_of_swh_model_is_the_directory_it_says(oracle, lake, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(oracle("swh-model==8.4.1", "/sample-folder.tgz"))) as archive:
        archive.extractall(tmp_path)
    add_inputs(lake, [f"path:{tmp_path / 'sample-folder'}"], DAY)
    ingest_slice(lake, InlineEngine(), DAY, "path")
    [branch] = lake.scan("snapshot_branch").collect().to_dicts()
    assert (branch["name"], branch["target_type"]) == (b"HEAD", "directory")
    assert branch["target"].hex() == "e8b0f1466af8608c8a3fb9879db172b887e80759"


def test_the_sample_repository_of_swh_model_is_the_snapshot_it_says(oracle, lake, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(oracle("swh-model==8.4.1", "/sample-repo.tgz"))) as archive:
        archive.extractall(tmp_path)
    add_inputs(lake, [f"git:{tmp_path / 'sample-repo'}"], DAY)
    report = ingest_slice(lake, InlineEngine(), DAY, "git")
    [snapshot] = lake.scan("snapshot").collect()["id"]
    assert snapshot.hex() == "abc888898124270905a0ef3c67e872ce08e7e0c1"
    assert all(check.passed for check in report.checks)
