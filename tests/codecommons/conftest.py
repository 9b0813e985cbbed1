# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A lake on a local folder and the same lake on a real S3-protocol server; packages that are all pip knows of."""

import dataclasses
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from codecommons.lake import Lake
from codecommons.settings import Settings

# All of moto's servers in a process have the same buckets: this one is no other test's.
BUCKET = "tests-of-the-lake"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """moto's server: a protocol-true S3 that enforces conditional puts."""
    from moto.server import ThreadedMotoServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


def on_s3(endpoint: str, home: Path, name: str) -> Settings:
    variables = {
        "CODECOMMONS_HOME": str(home),
        "CODECOMMONS_LAKE": f"s3://{BUCKET}/{name}",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    return dataclasses.replace(Settings.from_environment(variables), workers=0, batch_bytes=200_000)


@pytest.fixture(scope="session")
def empty_lake_on_s3(s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake on S3 to copy: some fifty tables take more than a second to create."""
    import s3fs

    s3fs.S3FileSystem(key="test", secret="test", endpoint_url=s3_endpoint).mkdir(BUCKET)
    return Lake.open(on_s3(s3_endpoint, tmp_path_factory.mktemp("home"), "empty"))


@pytest.fixture(params=["folder", "s3"])
def any_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a fresh lake, local or on S3, small batches, no worker processes."""
    if request.param == "folder":
        return Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0, batch_bytes=200_000)
    empty = request.getfixturevalue("empty_lake_on_s3")
    settings = on_s3(request.getfixturevalue("s3_endpoint"), tmp_path, tmp_path.name)
    _copy(f"{empty.path().partition('/')[2]}/", f"{tmp_path.name}/")
    return settings


def _copy(one: str, other: str) -> None:
    """Copy what begins with a prefix in the store behind the server: over the protocol, sixty tables take two seconds of CPU."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    store = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for key in [key for name, key in store.get_bucket(BUCKET).keys.items() if name.startswith(one)]:
        store.put_object(BUCKET, other + key.name.removeprefix(one), key.value)


@pytest.fixture
def any_lake(any_settings: Settings) -> Lake:
    """A fresh lake, local or on S3."""
    return Lake.open(any_settings)


@pytest.fixture(scope="session")
def index_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where ``index`` is: always in the same place, as pip is asked anew, which takes a second, when its variables change."""
    return tmp_path_factory.mktemp("index") / "index"


@pytest.fixture
def index(index_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of source archives that is all pip knows of; empty."""
    folder = index_folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder
