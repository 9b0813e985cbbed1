# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Contents from an S3 server: our fetch against boto3, one object at a time, as recipes for The Stack v2 do it.

Both get the same gzip objects from the same public bucket (of moto's server, which keeps connections open as S3 does), unpack
them and compute all four hashes; ours also stages the rows. One turn is through a relay on the loopback that holds every
request for 30 ms, about what a bucket far away takes, and one is without. Server and relay are processes of their own, but
share this machine's cores.
``python -m benchmarks.fetch [--contents N]``.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import hashlib
import multiprocessing
import socket
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import botocore
import botocore.config
import pyarrow as pa

from codecommons.archive.export.contents import fetch, tasks
from codecommons.archive.export.selection import Selection
from codecommons.engine import local_engine
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.settings import Settings
from codecommons.swhid import hash_content

DELAY = 0.030
BUCKET = "archive"
_ACCESS = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench", "region_name": "us-east-1"}


@dataclass(frozen=True)
class Fetches:
    """Wall seconds of getting the same contents.

    Attributes:
        contents: how many; ``bytes`` theirs, unpacked.
        boto3_seconds: one at a time, through the relay; ``boto3_raw_seconds`` without it.
        ours_seconds: our fetch through the relay; ``ours_raw_seconds`` without it.
    """

    contents: int
    bytes: int
    boto3_seconds: float
    ours_seconds: float
    boto3_raw_seconds: float
    ours_raw_seconds: float

    def to_json(self) -> dict[str, Any]:
        """As plain values, with the ratios."""
        ratios = {
            "times_as_fast": self.boto3_seconds / self.ours_seconds,
            "raw_times_as_fast": self.boto3_raw_seconds / self.ours_raw_seconds,
        }
        return {name: round(value, 3) for name, value in {**asdict(self), **ratios}.items()}

    def to_markdown(self) -> str:
        """Two sentences for the README."""
        rates = {name: self.contents / seconds for name, seconds in asdict(self).items() if name.endswith("seconds")}
        return (
            f"Contents from S3 ({self.contents:,} objects, {DELAY * 1000:.0f} ms a request): {rates['ours_seconds']:.0f} a "
            f"second, **{self.boto3_seconds / self.ours_seconds:.1f} times** boto3 one at a time "
            f"({rates['boto3_seconds']:.0f}). Without the delay, where the server is what takes the time: "
            f"{rates['ours_raw_seconds']:.0f} and {rates['boto3_raw_seconds']:.0f}."
        )


def run(settings: Settings, count: int = 1_000) -> Fetches:
    """Measure both, through the relay and without it.

    Raises:
        UsageError: moto is not installed, or not every content came.
    """
    sources = (path.read_bytes() for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")))
    contents: dict[str, bytes] = {}
    for data in sources:
        if data and len(contents) < count:
            contents[hashlib.sha1(data).hexdigest()] = data
    with _process(_serve) as server, _process(_relay, server) as relay:
        owner = _client(server, retries={"total_max_attempts": 1}, signature_version="s3v4")
        owner.create_bucket(Bucket=BUCKET, ACL="public-read")
        for name, data in contents.items():
            owner.put_object(Bucket=BUCKET, Key=f"content/{name}", Body=gzip.compress(data), ACL="public-read")
        with tempfile.TemporaryDirectory() as folder:
            lake = Lake.open(Settings(home=Path(folder), lake=f"{folder}/lake", workers=settings.workers))
            seconds = {
                (who, port): timed(port, contents, lake)
                for port in (relay, server)
                for who, timed in (("ours", _ours), ("boto3", _one_at_a_time))
            }
    return Fetches(
        len(contents),
        sum(map(len, contents.values())),
        seconds["boto3", relay],
        seconds["ours", relay],
        seconds["boto3", server],
        seconds["ours", server],
    )


def _client(port: int, **options: Any) -> Any:
    config = botocore.config.Config(**options)
    return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", config=config, **_ACCESS)


def _one_at_a_time(port: int, contents: dict[str, bytes], lake: Lake) -> float:
    client = _client(port, signature_version=botocore.UNSIGNED)
    start = time.perf_counter()
    for name in contents:
        data = gzip.decompress(client.get_object(Bucket=BUCKET, Key=f"content/{name}")["Body"].read())
        if hash_content(data).sha1.hex() != name:
            raise UsageError(f"boto3 got other bytes for {name}")
    return time.perf_counter() - start


def _ours(port: int, contents: dict[str, bytes], lake: Lake) -> float:
    settings = replace(lake.settings, export_options=(("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}"),))
    engine, opened = local_engine(settings), Lake.open(settings)
    list(engine.map(_ready, range(2 * engine.workers)))  # workers start once a process, not once a slice
    hashes = [hash_content(data) for data in contents.values()]
    columns = {name: pa.array([getattr(one, name) for one in hashes], pa.binary()) for name in hashes[0]._fields}
    rows = pa.RecordBatch.from_pydict({**columns, "length": pa.array(map(len, contents.values()), pa.int64())})
    start = time.perf_counter()
    with opened.staging("bench") as area:
        todo = list(tasks(f"s3://{BUCKET}/content", Selection("s3://none"), [rows], area, settings.batch_bytes))
        got = sum(len(done.ids) for done in engine.map(fetch, todo))
    seconds = time.perf_counter() - start
    if got != len(contents):
        raise UsageError(f"{len(contents) - got} of {len(contents)} contents did not come")
    return seconds


def _ready(number: int) -> None:
    import aiohttp  # noqa: F401 (half a second that is not the fetch's)

    time.sleep(0.2)  # so that every worker gets one


@contextmanager
def _process(target: Any, *arguments: Any) -> Iterator[int]:
    """Run something that listens on a port of its own, and stop it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=target, args=(port, *arguments), daemon=True)
    process.start()
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.join()


def _serve(port: int) -> None:
    import logging

    from moto.server import create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    make_server("127.0.0.1", port, create_backend_app("s3"), threaded=True).serve_forever()


def _relay(port: int, behind: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", behind)

        async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter, delay: float) -> None:
            # A request is one piece here, and its connection carries no other one meanwhile.
            while data := await source.read(1 << 16):
                await asyncio.sleep(delay)
                target.write(data)
                await target.drain()
            target.close()

        await asyncio.gather(pass_on(reader, back, DELAY), pass_on(there, writer, 0), return_exceptions=True)

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(serve())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fetch", description="Contents from S3, ours against boto3.")
    parser.add_argument("--contents", type=int, default=1_000, help="how many (default: %(default)s)")
    result = run(Settings.from_environment(), parser.parse_args().contents)
    print(result.to_markdown())
    print(result.to_json())


if __name__ == "__main__":
    main()
