# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""One place that is slow, broken or nonsense costs the others nothing, and no secret shows. The receivers listen for real."""

import dataclasses
import http.server
import json
import socketserver
import threading
import time
from contextlib import contextmanager

import pytest

from codecommons import alerts
from codecommons.alerts import ERROR, WARNING, Trouble, targets, tell

SECRET = "T00000000-a-path-that-nobody-may-see"
RED = Trouble("lake/one", ERROR, "2026-01-31", "deduped", "pypi", "it is broken", "codecommons status")
YELLOW = dataclasses.replace(RED, key="lake/two", severity=WARNING)


class Web(http.server.BaseHTTPRequestHandler):
    """Takes what is posted, and answers as its server says."""

    def do_POST(self):
        self.server.got.append(
            (self.headers["Idempotency-Key"], json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        )
        self.server.answers(self)

    def log_message(self, *arguments):
        pass


def fine(handler):
    handler.send_response(204)
    handler.end_headers()


def drip(handler):
    """A header that never ends, a byte now and then: no read of it ever takes long."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.server.over.wait(0.05):
        handler.wfile.write(b"x")


class SlowMail(socketserver.StreamRequestHandler):
    """Answers every line of a mail, each as late as it is just allowed to."""

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        while self.rfile.readline() and not self.server.over.wait(0.4):
            self.wfile.write(b"250 fine\r\n")


@contextmanager
def listening(kind, handler, answers=fine):
    kind.allow_reuse_address, kind.daemon_threads = True, True
    with kind(("127.0.0.1", 0), handler) as server:
        server.got, server.answers, server.over = [], answers, threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


@pytest.fixture
def web():
    with listening(http.server.ThreadingHTTPServer, Web) as server:
        yield server


def given(settings, **options):
    return dataclasses.replace(settings, alert_options=tuple((f"CODECOMMONS_{name}", said) for name, said in options.items()))


def url(server, path="hook"):
    return f"http://127.0.0.1:{server.server_address[1]}/{path}"


def told(settings, before=None, red=(RED,)):
    places, wrong = targets(settings)
    after, problems = tell(settings, {one.key: one for one in red}, before or {}, places)
    return after, [*wrong, *problems]


@pytest.mark.parametrize("kind", ["a webhook that drips", "a mail server that takes its time over every line"])
def test_a_place_that_answers_without_end_holds_up_no_other_and_is_told_again_when_it_has_ended(settings, web, monkeypatch, kind):
    monkeypatch.setattr(alerts, "_TIMEOUT", 0.5)
    monkeypatch.setattr(alerts, "_DEADLINE", 1)
    server, handler = (http.server.ThreadingHTTPServer, Web) if "webhook" in kind else (socketserver.ThreadingTCPServer, SlowMail)
    with listening(server, handler, drip) as slow:
        mail = {"ALERT_MAIL": "a@example.org", "SMTP": f"smtp://127.0.0.1:{slow.server_address[1]}"}
        place = {"ALERT_SLACK": url(slow)} if "webhook" in kind else mail
        both = given(settings, ALERT_WEBHOOK=url(web), **place)
        threads, begun = threading.active_count(), time.monotonic()
        after, problems = told(both)
        assert time.monotonic() - begun < 3
        assert problems == [f"CODECOMMONS_{next(iter(place))}: no end of an answer within 1 s"]
        assert [body["broken"][0]["key"] for _, body in web.got] == ["lake/one"]
        again, problems = told(both, after)
        assert (len(web.got), len(problems)) == (1, 1), "who was told is not told twice, and the slow one is still at it"
        assert threading.active_count() < threads + 12, "no thread more for every tick"
    deadline = time.monotonic() + 10
    while any(thread.is_alive() for thread in alerts._late.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    monkeypatch.setattr(alerts, "_DEADLINE", 10)
    if "webhook" in kind:
        _, problems = told(given(settings, ALERT_WEBHOOK=url(web), ALERT_SLACK=url(web, "slack")), again)
        assert (problems, len(web.got)) == ([], 2)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ALERT_SLACK", f"http://[{SECRET}", "must be a URL of http or https"),
        ("ALERT_SLACK", f"http://127.0.0.1:99999/{SECRET}", "must be a URL of http or https"),
        ("ALERT_SLACK", f"https://{SECRET}@example.org/", "has a user in it"),
        ("ALERT_SLACK", f"http://127.0.0.1:1/{SECRET} x", "CODECOMMONS_ALERT_SLACK: InvalidURL"),
        ("ALERT_SLACK", f"http://127.0.0.1:1/{SECRET}", "CODECOMMONS_ALERT_SLACK: ConnectionRefusedError"),
        ("ALERT_SLACK", f"http://no-such-host.invalid/{SECRET}", "CODECOMMONS_ALERT_SLACK: gaierror"),
        ("ALERT_MAIL", " , ", "names nobody"),
        ("ALERT_MAIL", f"a@example.org\n{SECRET}: b", "CODECOMMONS_ALERT_MAIL: ValueError"),
    ],
)
def test_a_place_that_makes_no_sense_is_named_without_its_secret_and_the_others_are_told(settings, web, name, value, said):
    after, [problem] = told(given(settings, ALERT_WEBHOOK=url(web), **{name: value}))
    assert said in problem
    assert SECRET not in problem
    assert len(web.got) == 1
    _, [_] = told(given(settings, ALERT_WEBHOOK=url(web), **{name: value}), after)
    assert len(web.got) == 1


def test_a_level_that_makes_no_sense_tells_rather_too_much(settings, web):
    _, [problem] = told(given(settings, ALERT_WEBHOOK=url(web), ALERT_LEVEL="errors"), red=(RED, YELLOW))
    assert "CODECOMMONS_ALERT_LEVEL is 'errors'" in problem
    assert [one["key"] for one in web.got[0][1]["broken"]] == ["lake/one", "lake/two"]


def test_what_a_place_was_told_is_remembered_while_its_variable_makes_no_sense(settings, web):
    before, problems = told(given(settings, ALERT_WEBHOOK=url(web)))
    assert problems == []
    meanwhile, _ = told(given(settings, ALERT_WEBHOOK="nonsense"), before)
    told(given(settings, ALERT_WEBHOOK=url(web)), meanwhile)
    assert len(web.got) == 1


def test_a_cause_that_is_no_text_reaches_everybody(settings, web):
    strange = dataclasses.replace(RED, cause="a name of bytes: \udcff.py")
    with listening(socketserver.ThreadingTCPServer, Quick) as mail:
        place = {"ALERT_MAIL": "a@example.org", "SMTP": f"smtp://127.0.0.1:{mail.server_address[1]}"}
        _, problems = told(given(settings, ALERT_WEBHOOK=url(web), **place), red=(strange,))
    assert problems == []
    assert (len(web.got), len(mail.got)) == (1, 1)


class Quick(socketserver.StreamRequestHandler):
    """As much of SMTP as one mail needs."""

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        while verb := self.rfile.readline()[:4].upper():
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.server.got.append(b"".join(iter(self.rfile.readline, b".\r\n")))
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 fine\r\n")


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 429, 500])
def test_only_a_2xx_counts_as_told_and_the_next_try_can_be_told_from_another_message(settings, status):
    def answers(handler):
        handler.send_response(status)
        handler.send_header("Location", "/elsewhere")
        handler.end_headers()

    with listening(http.server.ThreadingHTTPServer, Web, answers) as server:
        after, [problem] = told(given(settings, ALERT_WEBHOOK=url(server, SECRET)))
        assert problem == f"CODECOMMONS_ALERT_WEBHOOK: the server answered {status}"
        told(given(settings, ALERT_WEBHOOK=url(server, SECRET)), after)
        assert len({key for key, _ in server.got}) == 1
