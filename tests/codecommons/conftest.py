# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A lake on a local folder and the same lake on a real S3-protocol server; packages that are all pip knows of."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import polars as pl
import pytest

from codecommons.lake import Lake
from codecommons.settings import Settings

if TYPE_CHECKING:
    from moto.s3.models import S3Backend


@dataclass(frozen=True)
class Bucket:
    """A bucket of moto's server, which is a protocol-true S3 that enforces conditional puts.

    Whole folders go past the protocol, into the store behind it: of sixty tables that takes two seconds of CPU less.
    """

    endpoint: str
    name: str

    def settings(self, home: Path, folder: str) -> Settings:
        """Of a lake in a folder of it; no worker processes."""
        variables = {
            "CODECOMMONS_HOME": str(home),
            "CODECOMMONS_LAKE": f"s3://{self.name}/{folder}",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        return dataclasses.replace(Settings.from_environment(variables), workers=0, bucket_bits=1)

    @property
    def _store(self) -> S3Backend:
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]

    def put(self, local: Path, folder: str) -> None:
        for path in local.rglob("*"):
            if path.is_file():
                self._store.put_object(self.name, f"{folder}/{path.relative_to(local).as_posix()}", path.read_bytes())

    def get(self, folder: str, local: Path) -> None:
        for name, key in list(self._store.get_bucket(self.name).keys.items()):
            if name.startswith(f"{folder}/"):
                path = local / name.removeprefix(f"{folder}/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(key.value)


@pytest.fixture(scope="session")
def bucket() -> Iterator[Bucket]:
    from moto.server import ThreadedMotoServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    # A line for each of its thousands of requests, which pytest would keep, takes a tenth of their time.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # All of moto's servers in a process have the same buckets: this one is no other test's.
    made = Bucket(f"http://127.0.0.1:{port}", "tests-of-the-library")
    made._store.create_bucket(made.name, "us-east-1")
    yield made
    server.stop()


@pytest.fixture
def settings_on_s3(bucket: Bucket, tmp_path: Path, settings: Settings, lake: Lake) -> Settings:
    """Settings of a fresh lake on S3."""
    bucket.put(Path(lake.settings.lake), tmp_path.name)
    return bucket.settings(tmp_path, tmp_path.name)


@pytest.fixture(params=["folder", "s3"])
def any_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a fresh lake, local or on S3, small batches, no worker processes."""
    if request.param == "folder":
        return Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0, batch_bytes=200_000, bucket_bits=1)
    return dataclasses.replace(request.getfixturevalue("settings_on_s3"), batch_bytes=200_000)


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


@pytest.fixture(scope="session")
def elect_known() -> Callable[[pl.DataFrame, pl.DataFrame | pl.LazyFrame], pl.DataFrame]:
    """The election where all accepted pairs are known and no band is crowded."""
    from codecommons.datasets.election import elect
    from codecommons.dedup.earlier import Known

    def nobody(left: object, right: object) -> NoReturn:
        raise AssertionError("nobody is left to compare")

    crowds = pl.DataFrame(schema={"band": pl.UInt64, "place": pl.UInt32})

    def elected(ranks: pl.DataFrame, pairs: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
        return elect(ranks, Known(pairs.lazy().with_columns(accepted=True), crowds, 1, nobody), 0.0)

    return elected
