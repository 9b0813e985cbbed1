# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A lake on a local folder and the same lake on a real S3-protocol server."""

import dataclasses
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from codecommons.lake import Lake
from codecommons.settings import Settings


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


@pytest.fixture(params=["folder", "s3"])
def any_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a fresh lake, local or on S3, small batches, no worker processes."""
    if request.param == "folder":
        return Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0, batch_bytes=200_000)
    endpoint = request.getfixturevalue("s3_endpoint")
    variables = {
        "CODECOMMONS_HOME": str(tmp_path),
        "CODECOMMONS_LAKE": f"s3://lakes/{tmp_path.name}",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    import s3fs

    fs = s3fs.S3FileSystem(key="test", secret="test", endpoint_url=endpoint)
    if not fs.exists("lakes"):
        fs.mkdir("lakes")
    return dataclasses.replace(Settings.from_environment(variables), workers=0, batch_bytes=200_000)


@pytest.fixture
def any_lake(any_settings: Settings) -> Lake:
    """A fresh lake, local or on S3."""
    return Lake.open(any_settings)
