# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A proxy between us and an S3 server that fails now and then, before a request reaches the server or after."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

SLOW_DOWN = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
# What may happen to a request. After it has reached the server, nobody on our side can tell whether it was carried out.
FAULTS = (
    "error 500",
    "error 503",
    "connection reset before the server saw the request",
    "connection reset after the server carried it out",
    "answer cut off in the middle",
    "answer after a second",
)
# Longer than any client waits: it gives up by itself, and asks again.
NO_ANSWER = "no answer at all"
_PATIENCE = 120


class FaultyProxy(ThreadingHTTPServer):
    """Passes requests on, and lets some of them fail.

    Attributes:
        done: fault -> how often.
    """

    daemon_threads = True

    def __init__(self, upstream: str, seed: int, rates: Mapping[str, float]) -> None:
        """``rates``: fault -> which part of the requests it happens to."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream)
        self.done: Counter[str] = Counter()
        self.requests = 0
        self._dice, self._rates, self._lock = random.Random(seed), dict(rates), threading.Lock()

    @property
    def url(self) -> str:
        """Where clients go."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fate(self) -> str | None:
        """What happens to the next request."""
        with self._lock:
            self.requests += 1
            chance = self._dice.random()
            for fault, rate in self._rates.items():
                if chance < rate:
                    self.done[fault] += 1
                    return fault
                chance -= rate
        return None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that we have broken is no news."""


@contextmanager
def faulty(upstream: str, seed: int, rates: Mapping[str, float]) -> Iterator[FaultyProxy]:
    """A proxy that runs in threads of this process."""
    proxy = FaultyProxy(upstream, seed, rates)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fate = self.server.fate() or ""
        if fate.startswith("error"):
            self._answer(int(fate.rpartition(" ")[2]), {"Content-Type": "application/xml"}, SLOW_DOWN)
            return
        if fate.endswith("before the server saw the request"):
            self.close_connection = True
            self.connection.close()
            return
        upstream = http.client.HTTPConnection(self.server.upstream.hostname or "", self.server.upstream.port, timeout=60)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("expect", "connection"):
                upstream.putheader(name, value)
        upstream.endheaders(body or None)
        answer = upstream.getresponse()
        data = answer.read()
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in ("connection", "transfer-encoding")}
        upstream.close()
        if fate.endswith("after the server carried it out"):
            self.close_connection = True
            self.connection.close()
            return
        if fate == NO_ANSWER:
            time.sleep(_PATIENCE)
            self.close_connection = True
            self.connection.close()
            return
        if fate == "answer after a second":
            time.sleep(1)
        self._answer(answer.status, headers, data, cut=fate == "answer cut off in the middle")

    def _answer(self, status: int, headers: Mapping[str, str], data: bytes, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() != "content-length" and name.lower() not in ("date", "server"):
                self.send_header(name, value)
        length = next((value for name, value in headers.items() if name.lower() == "content-length"), str(len(data)))
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self.close_connection = True
            self.connection.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815 (http.server's names)
