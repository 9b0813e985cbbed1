# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A web server that answers as it is told, and what Software Heritage's listers were tested with."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from codecommons.archive.source import sources
from codecommons.archive.unpack import members
from codecommons.errors import ItemError
from codecommons.lake import SliceInput
from codecommons.listing import Context
from codecommons.settings import Settings

# The source archive whose recorded answers of forges and indexes are served here. Read, never copied into the repository.
ORACLE, ORACLE_SHA256 = "swh-lister==7.4.0", "5ef340d78bf6275b569d3c5cc388d94faa697f25e449e14bd0af51e0e01cdb80"


@pytest.fixture(scope="session")
def recorded(request: pytest.FixtureRequest) -> Callable[[str], bytes]:
    """A recorded answer, by the end of its path."""
    home = Path(os.environ.get("CODECOMMONS_TEST_CACHE") or request.config.cache.mkdir("codecommons"))
    settings = Settings(home=home, lake=str(home / "lake"), workers=0)
    try:
        path = sources(settings)["pypi"].fetch(SliceInput("2026-01-31", "pypi", ORACLE, sha256=ORACLE_SHA256), settings)
    except ItemError as error:
        if error.reason != "unreachable" or os.environ.get("CI"):
            raise
        pytest.skip(f"{ORACLE} can't be downloaded here: {error}")
    files = {one.path: one.data for one in members(path, settings) if one.data is not None and b"/tests/data/" in one.path}

    def read(name: str) -> bytes:
        [found] = [data for path, data in files.items() if path.endswith(name.encode())]
        return found

    return read


@dataclass
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """Answers by path and query, the last one again and again; what it doesn't know is not found."""

    url: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def put(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return self.url + path

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of this machine."""
    told = Server("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            waiting = told.answers.get(self.path) or [Answer(status=404)]
            answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            self.send_response_only(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield told
    listening.shutdown()
    listening.server_close()
    thread.join()


@pytest.fixture
def answer() -> type[Answer]:
    """What a server is told to answer."""
    return Answer


@pytest.fixture
def waits() -> list[float]:
    """Seconds that were waited for, without waiting."""
    return []


@pytest.fixture
def today(settings: Settings, waits: list[float]) -> Context:
    """A listing of a day that is not over."""
    return Context("2026-01-31", True, settings, waits.append)
