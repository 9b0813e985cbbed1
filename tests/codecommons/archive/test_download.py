# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Networks that break: downloads go on where they stopped, and one source's trouble is not another's."""

from __future__ import annotations

import hashlib
import html
import http.server
import json
import random
import re
import shutil
import threading
from dataclasses import dataclass, field, replace

import httpx2
import pytest

from codecommons.archive import add_inputs, ingest_slice
from codecommons.archive.download import download
from codecommons.archive.fetching import bring
from codecommons.archive.sources.pypi import SOURCE
from codecommons.engine.local import InlineEngine
from codecommons.errors import ItemError
from codecommons.lake import SliceInput

DAY = "2026-01-31"
LOADER = "swh-loader-core==5.24.2"


@dataclass
class Server:
    """Serves documents by path.

    Attributes:
        pages: path -> body, or a status instead.
        cuts: after how many bytes of an answer the connection breaks, for one answer each; whole answers follow.
        ranges: whether it knows of ranges.
        sized: whether it says how long an answer is.
        state: what it calls the state of its files, if anything.
        asked: requests: path and range.
    """

    pages: dict[str, bytes | int] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    sized: bool = True
    state: str | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append((request.path, wanted))
        page = self.pages.get(request.path.partition("#")[0], 404)
        if isinstance(page, int):
            request.send_error(page)
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted) if wanted and self.ranges else None
        start, end = (int(asked[1]), int(asked[2] or len(page) - 1) + 1) if asked else (0, len(page))
        end = min(end, len(page))
        if start >= len(page) and start:
            request.send_error(416)
            return
        request.send_response(206 if asked else 200)
        if asked:
            request.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(page)}")
        if self.sized:
            request.send_header("Content-Length", str(end - start))
        if self.state:
            request.send_header("ETag", self.state)
        request.send_header("Content-Type", "application/json" if page.startswith(b"{") else "text/html")
        request.end_headers()
        if request.command == "HEAD":
            return
        body = page[start:end]
        if self.cuts and request.path.endswith(".gz"):
            body = body[: self.cuts.pop(0)]
        request.wfile.write(body)
        request.close_connection = True


@pytest.fixture
def server():
    """A web server of this test."""
    made = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            made.answer(self)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        made.url = f"http://127.0.0.1:{running.server_port}"
        yield made
        running.shutdown()


@pytest.fixture
def index(server, sdist, monkeypatch):
    """An index for pip with one package of one large version; gives its archive."""
    data = sdist("one", "1.0", {"random.bin": random.Random(1).randbytes(300_000)})
    sha256 = hashlib.sha256(data).hexdigest()
    server.pages["/simple/one/"] = f'<a href="{html.escape("../../one-1.0.tar.gz")}#sha256={sha256}">one-1.0.tar.gz</a>'.encode()
    server.pages["/one-1.0.tar.gz"] = data
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple/")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_PROXY"):
        monkeypatch.setenv(name, "")
    return data


def ingest(lake, source="pypi"):
    return ingest_slice(lake, InlineEngine(), DAY, source)


def ranges(server):
    return [asked for path, asked in server.asked if path.endswith(".gz")]


def test_a_download_that_breaks_goes_on_where_it_stopped(server, index, lake):
    server.cuts = [1000, 50_000]
    add_inputs(lake, ["pypi:one==1.0"], DAY)
    assert ingest(lake).details["items"] == {"loaded": 1}
    assert ranges(server) == [None, "bytes=1000-", "bytes=51000-"]
    assert not any((lake.settings.cache / "downloads").iterdir())


def test_a_server_without_ranges_sends_all_of_it_again(server, index, lake):
    server.cuts, server.ranges = [1000], False
    add_inputs(lake, ["pypi:one==1.0"], DAY)
    assert ingest(lake).details["items"] == {"loaded": 1}


def test_what_never_ends_is_quarantined_and_the_next_run_goes_on_with_it(server, index, lake, monkeypatch):
    monkeypatch.setattr("codecommons.archive.download.WAIT", 0.01)
    server.cuts = [1000, 0, 0, 0]
    add_inputs(lake, ["pypi:one==1.0"], DAY)
    report = ingest(lake)
    [line] = report.details["quarantined"]
    assert "unreachable" in line
    assert "1,000 bytes are kept" in line
    assert lake.scan("content").collect().height == 0
    server.asked.clear()
    assert ingest(lake).details["items"] == {"loaded": 1}
    assert ranges(server) == ["bytes=1000-"]


@pytest.mark.parametrize("kept", [b"other bytes altogether", b"x" * 1_000_000])
def test_bytes_that_are_not_those_of_the_file_are_forgotten(kept, server, index, lake, settings):
    part = settings.cache / "downloads" / f"{hashlib.sha256(index).hexdigest()}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(kept)
    add_inputs(lake, ["pypi:one==1.0"], DAY)
    assert ingest(lake).details["items"] == {"loaded": 1}


def test_an_answer_cut_short_that_looks_whole_is_not_kept(server, index, lake, settings):
    server.cuts, server.sized = [1000], False
    add_inputs(lake, ["pypi:one==1.0"], DAY)
    assert "wrong-hash" in ingest(lake).details["quarantined"][0]
    assert not any((settings.cache / "downloads").iterdir())
    assert ingest(lake).details["items"] == {"loaded": 1}


def test_a_file_that_is_gone_is_asked_for_once(server, index, lake):
    add_inputs(lake, ["pypi:one==1.0"], DAY)
    server.pages["/one-1.0.tar.gz"] = 404
    assert "the server answered 404" in ingest(lake).details["quarantined"][0]
    assert len(ranges(server)) == 1


def test_two_at_once_both_get_the_file(server, index, settings):
    sha256 = hashlib.sha256(index).hexdigest()
    found, client = [], httpx2.Client()

    def get():
        stream = lambda headers: client.stream("GET", f"{server.url}/one-1.0.tar.gz", headers=headers)  # noqa: E731
        found.append(download(stream, "one-1.0.tar.gz", sha256, settings))

    threads = [threading.Thread(target=get) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in found] == [sha256] * 4


def test_more_than_the_limit_is_not_downloaded(server, index, settings):
    stream = lambda headers: httpx2.stream("GET", f"{server.url}/one-1.0.tar.gz", headers=headers)  # noqa: E731
    with pytest.raises(ItemError) as caught:
        download(stream, "one-1.0.tar.gz", hashlib.sha256(index).hexdigest(), replace(settings, max_archive_bytes=1000))
    assert caught.value.reason == "too-large"
    assert not any((settings.cache / "downloads").iterdir())


def test_what_the_index_knows_of_a_project_is_in_its_release(server, index, lake):
    sha256 = hashlib.sha256(index).hexdigest()
    files = [{"digests": {"sha256": sha256}, "comment_text": "Uploaded by hand."}]
    server.pages["/pypi/one/json"] = json.dumps({"info": {"name": "One"}, "releases": {"1.0": files}}).encode()
    [row] = add_inputs(lake, ["pypi:one==1.0"], DAY)
    assert json.loads(row.detail) == {"upload_time": None, "name": "One", "comment": "Uploaded by hand."}
    ingest(lake)
    assert lake.scan("release").collect()["message"].to_list() == [b"Uploaded by hand."]
    server.pages["/pypi/one/json"] = 503
    with pytest.raises(ItemError, match="refused to answer"):
        SOURCE.resolve(SliceInput(DAY, "pypi", "one==1.0"), lake.settings)


@pytest.fixture
def hour(server, monkeypatch):
    """The URL of a file of 14 MB whose hash nobody knows, of which a client asks for 6 MB at a time."""
    monkeypatch.setattr("codecommons.archive.fetching.WAIT", 0.01)
    server.pages["/hour.json.gz"] = random.Random(2).randbytes(14 << 20)
    return f"{server.url}/hour.json.gz"


def test_a_file_of_unknown_hash_goes_on_where_it_stopped_in_this_run_and_in_the_next(server, hour, settings):
    server.state = '"one"'
    whole = server.pages["/hour.json.gz"]
    server.cuts = [len(whole), *[1000] * 4]
    with pytest.raises(ItemError, match=r"6,291,456 bytes are kept") as caught:
        bring(hour, settings)
    assert caught.value.reason == "unreachable"
    server.asked.clear()
    server.cuts = [1000]
    path, sha256 = bring(hour, settings)
    assert (path.read_bytes() == whole, sha256) == (True, hashlib.sha256(whole).hexdigest())
    asked = [one for one in ranges(server) if one]
    assert len(asked) == 3
    assert all(int(one[6:].partition("-")[0]) >= 6 << 20 for one in asked)
    assert not any((settings.cache / "downloads").iterdir())


@pytest.mark.parametrize("state", [None, '"two"'])
def test_no_file_is_put_together_of_two_states_of_it(state, server, hour, settings):
    server.state = state and '"one"'
    server.cuts = [14 << 20, *[1000] * 4] if state else [14 << 20, 1000]
    if state:
        with pytest.raises(ItemError):
            bring(hour, settings)
        server.pages["/hour.json.gz"], server.state = random.Random(3).randbytes(14 << 20), state
    path, _ = bring(hour, settings)
    assert path.read_bytes() == server.pages["/hour.json.gz"]
    assert not list((settings.cache / "downloads").glob("*"))
    if not state:
        assert ranges(server).count("bytes=0-6291455") == 2, "nobody says that it is the same file"


def test_a_server_that_knows_no_ranges_gives_all_of_a_large_file(server, hour, settings):
    server.ranges = False
    assert bring(hour, settings)[0].read_bytes() == server.pages["/hour.json.gz"]


@pytest.mark.parametrize(
    ("page", "reason", "said"),
    [
        (404, "missing-file", "no file"),
        (410, "missing-file", "no file"),
        (503, "unreachable", "503"),
        (403, "unreachable", "403"),
    ],
)
def test_a_server_that_refuses_is_no_missing_file(page, reason, said, server, hour, settings):
    server.pages["/hour.json.gz"] = page
    with pytest.raises(ItemError, match=said) as caught:
        bring(hour, settings)
    assert caught.value.reason == reason


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm_gets_a_package_with_the_time_that_its_registry_has(server, oracle, lake, monkeypatch, tmp_path):
    name = "jammit-express"
    server.pages[f"/{name}"] = oracle(LOADER, f"/https_registry.npmjs.org/{name}")
    server.pages[f"/{name}/-/{name}-0.0.1.tgz"] = oracle(LOADER, f"/{name}_-_{name}-0.0.1.tgz")
    monkeypatch.setenv("npm_config_registry", f"{server.url}/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    add_inputs(lake, [f"npm:{name}@0.0.1"], DAY)
    report = ingest(lake, "npm")
    assert report.details["quarantined"] == []
    [visit] = lake.scan("origin_visit_status").collect().to_dicts()
    assert visit["snapshot"].hex() == "33b8f105d48ce16b6c59158af660e0cc78bcbef4"


def test_a_source_that_fails_leaves_the_others_whole(server, index, lake, tmp_path, sdist):
    server.pages.clear()
    server.pages["/simple/one/"] = 503
    (tmp_path / "two.tar.gz").write_bytes(sdist("two", "2.0"))
    add_inputs(lake, ["pypi:one==1.0", f"path:{tmp_path / 'two.tar.gz'}"], DAY)
    assert [check.name for check in ingest(lake).checks if not check.passed] == ["no_empty_success"]
    assert all(check.passed for check in ingest(lake, "path").checks)
    assert lake.log.passed_sources(DAY, "raw_archive_slice") == ["path"]
    assert lake.scan("tree_file").collect()["path"].to_list() == [b"two-2.0/PKG-INFO", b"two-2.0/main.py"]
