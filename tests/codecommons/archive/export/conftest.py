# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Exports of real repositories, written from what git says of them, and object stores that misbehave."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import http.server
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

from codecommons.archive import Request, add_inputs, ingest_slice, parse_request, settle_terms
from codecommons.archive.cache import find_archive, keep_archive
from codecommons.archive.export.tables import COLUMNS
from codecommons.archive.scratch import scratch_folder
from codecommons.engine.local import InlineEngine
from codecommons.errors import CodeCommonsError
from codecommons.lake import Lake
from codecommons.report import StageReport
from codecommons.settings import Settings

# Software Heritage's example of an export, in ORC and in Parquet. Read, never copied into the repository.
EXAMPLE = "swh-graph==13.0.1"
EXAMPLE_SHA256 = "f0632928223ff13a118cf7ecce11f135b120488aae925c8269142ad6a6e38841"

DATE = pa.struct([pa.field("seconds", pa.int64(), nullable=False), pa.field("microseconds", pa.uint32(), nullable=False)])
WILD = {"date", "committer_date"}


@pytest.fixture(scope="session")
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the example export, from its wheel."""
    home = Path(os.environ.get("CODECOMMONS_TEST_CACHE") or request.config.cache.mkdir("codecommons"))
    settings = Settings(home=home, lake=str(home / "lake"), workers=0)
    wheel = find_archive(EXAMPLE_SHA256, settings)
    if wheel is None:
        with scratch_folder("download", settings) as folder:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
            done = subprocess.run([*pip, EXAMPLE], capture_output=True, text=True)
            if done.returncode and os.environ.get("CI"):
                raise CodeCommonsError(done.stderr)
            if done.returncode:
                pytest.skip(f"{EXAMPLE} can't be downloaded here: {done.stderr.strip().splitlines()[-1]}")
            wheel = keep_archive(next(folder.glob("*.whl")), EXAMPLE_SHA256, settings)[0]
    folder = tmp_path_factory.mktemp("example")
    with zipfile.ZipFile(wheel) as opened:
        names = [name for name in opened.namelist() if re.match(r"swh/graph/example_dataset/(orc|parquet|meta)/", name)]
        opened.extractall(folder, names)
    return folder / "swh" / "graph" / "example_dataset"


@dataclass
class Graph:
    """An export in the making: rows of every table, as ``COLUMNS`` names them."""

    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: {table: [] for table in COLUMNS})
    contents: dict[str, bytes] = field(default_factory=dict)
    branches: list[tuple[bytes, str | None, str | None]] = field(default_factory=list)
    snapshot: str = ""

    def visit(
        self, origin: str, number: int, date: str, status: str = "full", snapshot: str | None = "", kind: str | None = "git"
    ) -> Graph:
        """Add a visit and how it ended; the snapshot is the repository's unless given."""
        when = datetime.fromisoformat(date)
        seen = self.snapshot if snapshot == "" else snapshot
        if not any(url == origin for _, url in self.rows["origin"]):
            self.rows["origin"].append((hashlib.sha1(origin.encode()).hexdigest(), origin))
        self.rows["origin_visit"].append((origin, number, when, "git"))
        self.rows["origin_visit_status"].append((origin, number, when, "created", None, kind))
        self.rows["origin_visit_status"].append((origin, number, when.replace(hour=23), status, seen, kind))
        return self

    def write(self, folder: Path, layout: str, files: int = 1, row_group: int = 1 << 20) -> Path:
        """Write the tables, the rows of each in so many files, as Software Heritage does."""
        for table, columns in COLUMNS.items():
            for number in range(files):
                rows = self.rows[table]
                ids = sorted({row[0] for row in rows})  # all rows of an object are in one file
                mine = set(ids[len(ids) * number // files : len(ids) * (number + 1) // files])
                share = [row for row in rows if row[0] in mine]
                arrays = []
                for at, (name, kind) in enumerate(columns.items()):
                    values = [row[at] for row in share]
                    if name in WILD and table in ("revision", "release"):
                        wild = pa.array(
                            [None if value is None else {"seconds": value, "microseconds": 0} for value in values], DATE
                        )
                        arrays.append(wild if layout == "parquet" else pa.array(values, pa.timestamp("s")))
                    else:
                        arrays.append(pa.array(values, kind))
                made = pa.table(arrays, names=list(columns))
                target = folder / layout / table / f"{table}-{number}.{layout}"
                target.parent.mkdir(parents=True, exist_ok=True)
                if layout == "parquet":
                    pq.write_table(made, target, row_group_size=row_group)
                else:
                    orc.write_table(made, target)
        return folder

    def store(self, folder: Path) -> Path:
        """Write the contents as the archive's object store has them."""
        folder.mkdir(parents=True, exist_ok=True)
        for data in self.contents.values():
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(gzip.compress(data, mtime=0))
        return folder


@pytest.fixture
def graph() -> Callable[..., Graph]:
    """Makes the export of a repository (what git says of it, pseudonymised), without visits."""
    return export_of


def export_of(repository: Any) -> Graph:
    made = Graph()
    listed = repository.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)").splitlines()
    kinds = dict(line.split() for line in listed)
    for name, kind in kinds.items():
        body = raw(repository, kind, name)
        {"blob": _blob, "tree": _tree, "commit": _commit, "tag": _tag}[kind](made, name, body)
    for line in repository.git("for-each-ref", "--format=%(refname) %(objectname) %(objecttype)").splitlines():
        ref, target, kind = line.split()
        made.branches.append((ref.encode(), target, {"commit": "revision", "tag": "release"}.get(kind, kind)))
    head = repository.git("symbolic-ref", "HEAD")
    made.branches.append((b"HEAD", head.encode().hex(), "alias"))
    made.snapshot = snapshot(made.branches)
    made.rows["snapshot"].append((made.snapshot,))
    made.rows["snapshot_branch"] += [(made.snapshot, *branch) for branch in made.branches if branch[2]]
    return made


def raw(repository: Any, kind: str, name: str) -> bytes:
    return subprocess.run(["git", "-C", str(repository.path), "cat-file", kind, name], capture_output=True, check=True).stdout


def snapshot(branches: list[tuple[bytes, str | None, str | None]]) -> str:
    """Identifier of a snapshot, from the specification."""
    body = b""
    for name, target, kind in sorted(branches):
        value = bytes.fromhex(target) if target else b""
        body += (kind or "dangling").encode() + b" " + name + b"\0" + str(len(value)).encode() + b":" + value
    return hashlib.sha1(b"snapshot %d\0" % len(body) + body).hexdigest()


def _blob(made: Graph, name: str, body: bytes) -> None:
    hashes = [hashlib.new(kind, body).hexdigest() for kind in ("sha1", "sha256", "blake2s256")]
    made.rows["content"].append((hashes[0], name, hashes[1], hashes[2], len(body), "visible"))
    made.contents[name] = body


def _tree(made: Graph, name: str, body: bytes) -> None:
    made.rows["directory"].append((name, None))
    while body:
        head, _, rest = body.partition(b"\0")
        mode, _, entry = head.partition(b" ")
        perms = int(mode, 8)
        kind = {0o040000: "dir", 0o160000: "rev"}.get(perms, "file")
        made.rows["directory_entry"].append((name, entry, kind, rest[:20].hex(), perms))
        body = rest[20:]


def _headers(body: bytes) -> tuple[list[tuple[bytes, bytes]], bytes | None]:
    head, blank, message = body.partition(b"\n\n")
    lines = head.replace(b"\n ", b"\0").split(b"\n")
    found = [(line.partition(b" ")[0], line.partition(b" ")[2].replace(b"\0", b"\n")) for line in lines if line]
    return found, message if blank else None


def _signature(value: bytes) -> tuple[bytes, int, int, bytes]:
    fullname, seconds, offset = value.rsplit(b" ", 2)
    minutes = int(offset[1:3]) * 60 + int(offset[3:5])
    return hashlib.sha256(fullname).digest(), int(seconds), -minutes if offset[:1] == b"-" else minutes, offset


def _commit(made: Graph, name: str, body: bytes) -> None:
    headers, message = _headers(body)
    first = dict(reversed(headers))
    parents = [value.decode() for key, value in headers if key == b"parent"]
    author, committer = _signature(first[b"author"]), _signature(first[b"committer"])
    tree = first[b"tree"].decode()
    made.rows["revision"].append((name, message, *author, *committer, tree, "git", None))
    made.rows["revision_history"] += [(name, parent, rank) for rank, parent in enumerate(parents)]
    known = (b"tree", b"parent", b"author", b"committer")
    made.rows["revision_extra_headers"] += [(name, key, value) for key, value in headers if key not in known]


def _tag(made: Graph, name: str, body: bytes) -> None:
    headers, message = _headers(body)
    first = dict(headers)
    kind = {b"commit": "revision", b"tree": "directory", b"blob": "content", b"tag": "release"}[first[b"type"]]
    signature = _signature(first[b"tagger"]) if b"tagger" in first else (None,) * 4
    made.rows["release"].append((name, first[b"tag"], message, first[b"object"].decode(), kind, *signature, None))


@pytest.fixture
def lively(repository: Any) -> Any:
    """A repository with merges, tags, links, a submodule, odd headers, offsets and dates, and a branch of a pull request."""
    git = repository.git
    (repository.path / "src").mkdir()
    (repository.path / "src" / "deep").mkdir()
    (repository.path / "src" / "deep" / "caf\xe9.txt").write_bytes(b"caf\xe9\n" * 50)
    (repository.path / "src" / "run.sh").write_text("#!/bin/sh\necho run\n")
    (repository.path / "src" / "run.sh").chmod(0o755)
    (repository.path / "src" / "empty").write_text("")
    (repository.path / "link").symlink_to("src/run.sh")
    git("update-index", "--add", "--cacheinfo", f"160000,{'12' * 20},vendor")
    second = repository.commit("Second\n\nwith a body")
    git("checkout", "-q", "-b", "topic", "HEAD~1")
    repository.commit("Topic", topic__py="x = 1\n")
    git("checkout", "-q", "main")
    git("merge", "-q", "--no-ff", "-m", "Merge topic", "topic")
    git("tag", "-a", "v1", "-m", "Version 1", GIT_COMMITTER_DATE="1700000100 -0330")
    git("tag", "light", second)
    tree, parent = git("rev-parse", "HEAD^{tree}"), git("rev-parse", "HEAD")
    odd = (
        f"tree {tree}\nparent {parent}\nauthor Ada <ada@example.org> 99999999999 -0330\n"
        f"committer Bob <> 1700000200 +1400\nencoding latin-1\ngpgsig -----BEGIN\n \n line\n -----END\n\nOdd\n"
    )
    name = git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=odd.encode())
    git("update-ref", "refs/heads/main", name)
    nameless = f"object {name}\ntype commit\ntag nobody\n\nNobody tagged this\n"
    git(
        "update-ref", "refs/tags/nobody", git("hash-object", "-t", "tag", "-w", "--literally", "--stdin", stdin=nameless.encode())
    )
    git("update-ref", "refs/pull/1/head", git("rev-parse", "topic"))
    return repository


Ingest = Callable[..., StageReport]


@pytest.fixture
def ingest() -> Ingest:
    """Ingests a request into a slice; terms are accepted."""

    def run(lake: Lake, text: str, day: str = "2026-01-31", engine: Any = None) -> StageReport:
        request = parse_request(text, lake.settings)
        settle_terms([request], lake.settings, accepted=True)
        add_inputs(lake, [Request(request.source, request.item)], day)
        report = ingest_slice(lake, engine or InlineEngine(), day, request.source)
        assert [check.description for check in report.checks if not check.passed] == []
        return report

    return run


class _Relay(http.server.BaseHTTPRequestHandler):
    """Passes requests on, after doing to them what the server was told."""

    protocol_version = "HTTP/1.1"
    server: Store

    def do_GET(self) -> None:
        name = urlsplit(self.path).path.rpartition("/")[2]
        content = urlsplit(self.path).path.split("/")[2:3] == ["content"]
        self.server.signed.add("Authorization" in self.headers)
        if content:
            with self.server.counted():
                time.sleep(self.server.slow)
            with self.server.lock:
                self.server.asked[name] += 1
                most = self.server.most
            if most is not None and self.server.asked.total() > most:
                self.server.held.set()
                self.server.go_on.wait()
            with self.server.lock:
                status = self.server.failures[name].pop(0) if self.server.failures.get(name) else None
            if status:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        self._pass_on()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection("127.0.0.1", self.server.behind)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in ("transfer-encoding", "connection", "server", "date") and (
                key.lower() != "content-length" or self.command == "HEAD"
            ):
                self.send_header(key, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Store(http.server.ThreadingHTTPServer):
    """A relay in front of an S3 server: it counts what is asked for, fails as told, and can stop answering.

    Attributes:
        asked: how often each content was asked for.
        failures: statuses that requests for a content get first, one after the other.
        most: after so many requests for contents it holds the rest until ``go_on``.
        signed: whether requests had credentials.
        slow: seconds that each request for a content takes.
        busiest: how many of these there were at once.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, behind: int) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.behind = behind
        self.asked: Counter[str] = Counter()
        self.failures: dict[str, list[int]] = {}
        self.most: int | None = None
        self.signed: set[bool] = set()
        self.slow, self.busy, self.busiest = 0.0, 0, 0
        self.held, self.go_on, self.lock = threading.Event(), threading.Event(), threading.Lock()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a request for a content while it is there."""
        with self.lock:
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
        yield
        with self.lock:
            self.busy -= 1

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[int]:
    """The port of a real S3-protocol server (moto's)."""
    from moto.server import ThreadedMotoServer

    port = free_port()
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    yield port
    server.stop()


@pytest.fixture
def store(s3_server: int) -> Iterator[Store]:
    """A relay in front of the S3 server."""
    server = Store(s3_server)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.go_on.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def s3_settings(settings: Settings, store: Store) -> Settings:
    """Settings that reach exports through the relay."""
    options = {"AWS_ENDPOINT_URL": store.endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return replace(settings, export_options=tuple(options.items()))


@pytest.fixture
def upload() -> Callable[..., str]:
    """Puts an export and its contents into a new bucket of any server, and returns the export's URI."""
    return put_into_bucket


@pytest.fixture
def bucket(store: Store, tmp_path: Path) -> Callable[..., str]:
    """Puts an export and its contents into a bucket of its own, and returns the export's URI."""

    def put(made: Graph, layout: str = "parquet") -> str:
        return put_into_bucket(made, layout, tmp_path, f"http://127.0.0.1:{store.behind}", "test", "test")

    return put


def put_into_bucket(made: Graph, layout: str, folder: Path, endpoint: str, key: str, secret: str) -> str:
    import boto3

    client = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1"
    )
    name = f"archive-{os.getpid()}-{time.monotonic_ns()}"
    client.create_bucket(Bucket=name, ACL="public-read")
    made.write(folder / "graph" / "2026-01-01", layout)
    made.store(folder / "content")
    for path in sorted(one for kind in ("graph", "content") for one in (folder / kind).rglob("*") if one.is_file()):
        client.put_object(Bucket=name, Key=path.relative_to(folder).as_posix(), Body=path.read_bytes(), ACL="public-read")
    return f"s3://{name}/graph/2026-01-01"


_CEPH = """
[global]
fsid = {fsid}
mon host = 127.0.0.1:{mon}
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data avail crit = 1
osd objectstore = memstore
memstore device bytes = 4294967296
run dir = {folder}/run
log file = {folder}/log/$name.log
admin socket = {folder}/run/$name.asok
pid file = {folder}/run/$name.pid
mon data = {folder}/mon
osd data = {folder}/osd
rgw data = {folder}/rgw
mon initial members = a
[mon.a]
mon addr = 127.0.0.1:{mon}
[osd]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{rgw}
rgw dns name = 127.0.0.1
"""


@pytest.fixture
def radosgw(tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """Endpoint, key and secret of a Ceph object gateway over an OSD in memory; opt-in, as it takes half a minute."""
    folder = Path(tempfile.mkdtemp(prefix="ceph-"))  # the path of a socket must be short
    for name in ("mon", "osd", "rgw", "log", "run"):
        (folder / name).mkdir()
    mon, rgw = free_port(), free_port()
    fsid = str(uuid.uuid4())
    conf, keyring = folder / "ceph.conf", folder / "keyring"
    conf.write_text(_CEPH.format(folder=folder, fsid=fsid, mon=mon, rgw=rgw))
    env = {**os.environ, "CEPH_CONF": str(conf)}
    daemons: list[subprocess.Popen[bytes]] = []

    def run(*command: str) -> None:
        subprocess.run(command, env=env, check=True, capture_output=True, timeout=90)

    def start(*command: str) -> None:
        log = (folder / "log" / f"{command[0]}.out").open("wb")
        daemons.append(subprocess.Popen(command, env=env, stdout=log, stderr=log))

    try:
        run("ceph-authtool", "--create-keyring", str(keyring), "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        run("monmaptool", "--create", "--clobber", "--addv", "a", f"[v1:127.0.0.1:{mon}]", "--fsid", fsid, str(folder / "monmap"))
        run("ceph-mon", "-i", "a", "--mkfs", "--monmap", str(folder / "monmap"), "--keyring", str(keyring))
        start("ceph-mon", "-i", "a", "-f")
        run("ceph", "--connect-timeout", "60", "osd", "create")
        run("ceph-osd", "-i", "0", "--mkfs")
        start("ceph-osd", "-i", "0", "-f")
        run("ceph", "--connect-timeout", "60", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=h")
        start("radosgw", "-n", "client.rgw", "-f")
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", rgw)) == 0:
                    break
            time.sleep(0.1)
        user = ("--uid=t", "--display-name=t", "--access-key=key", "--secret=secret", "--max-buckets=0")
        run("radosgw-admin", "user", "create", *user)
        yield f"http://127.0.0.1:{rgw}", "key", "secret"
    finally:
        for daemon in reversed(daemons):
            daemon.kill()
            daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
