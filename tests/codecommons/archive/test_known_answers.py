# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Software Heritage's own loaders say what these packages are; we must say the same."""

import hashlib
import io
import json
import tarfile

import pytest

from codecommons.archive import add_inputs, ingest_slice
from codecommons.archive.cache import copy_archive
from codecommons.engine.local import InlineEngine
from codecommons.lake import SliceInput

DAY = "2026-01-31"
LOADER = "swh-loader-core==5.24.2"
# Version -> root directory, release.
ORG = {
    "0.0.2": ("42753c0c2ab00c4501b552ac4671c68f3cf5aece", "d38cc0b571cd41f3c85513864e049766b42032a7"),
    "0.0.3": ("3370d20d6f96dc1c9e50f083e2134881db110f4f", None),
    "0.0.4": ("d7895533ef5edbcffdea3f057d9fef3a1ef845ce", None),
}
NEXTER = {"1.1.0": "f8789ff3ed70a5f570c35d885c7bcfda7b23b091", "1.2.0": "fbbcb817f01111b06442cdcc93140ab3cc777d68"}


@pytest.fixture
def load(lake, tmp_path):
    """Load versions of a package whose archives are in the cache: source, [(item, archive bytes, upload time)]."""

    def load(source, versions):
        rows = []
        for item, version, data, uploaded in versions:
            path = tmp_path / "archive"
            path.write_bytes(data)
            copy_archive(path, lake.settings)
            sha256 = hashlib.sha256(data).hexdigest()
            rows.append(SliceInput(DAY, source, item, version, sha256, json.dumps({"upload_time": uploaded})))
        lake.log.add_input(rows)
        report = ingest_slice(lake, InlineEngine(), DAY, source)
        assert all(check.passed for check in report.checks)
        releases = lake.scan("release").collect().to_dicts()
        [snapshot] = lake.scan("snapshot").collect()["id"]
        return {row["name"].decode(): (row["target"].hex(), row["id"].hex()) for row in releases}, snapshot.hex()

    return load


def test_npm_org_gives_the_directories_release_and_snapshot_of_software_heritage(oracle, load):
    times = json.loads(oracle(LOADER, "/https_registry.npmjs.org/org"))["time"]
    versions = [
        (f"org@{version}", version, oracle(LOADER, f"/org_-_org-{version}.tgz"), times[version][:19] + "Z") for version in ORG
    ]
    releases, snapshot = load("npm", versions)
    for version, (directory, release) in ORG.items():
        assert releases[version][0] == directory
        assert release in (None, releases[version][1])
    assert snapshot == "0996ca28d6280499abcf485b51c4e3941b057249"


def test_pypi_0805nexter_gives_the_releases_and_snapshot_of_software_heritage(oracle, load):
    said = json.loads(oracle(LOADER, "/https_pypi.org/pypi_0805nexter_json"))["releases"]
    versions = []
    for version in NEXTER:
        uploaded = next(file["upload_time"] for file in said[version] if file["packagetype"] == "sdist")
        data = oracle(LOADER, f"/https_files.pythonhosted.org/0805nexter-{version}.zip")
        versions.append((f"0805nexter=={version}", version, data, f"{uploaded}Z"))
    releases, snapshot = load("pypi", versions)
    assert {version: release for version, (_, release) in releases.items()} == NEXTER
    assert snapshot == "3dd50c1a0e48a7625cf1427e3190a65b787c774e"


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
