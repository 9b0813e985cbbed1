# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is broken reaches people: once, with the next command, without credentials, and again when it is green.

The receivers listen for real: a web server and a mail server of this process.
"""

import datetime as dt
import email
import email.policy
import http.server
import json
import socket
import socketserver
import threading
from contextlib import contextmanager

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent

from assets.tags import BY_HAND
from codecommons.lake import Lake, SliceInput
from codecommons.report import STAGES
from codecommons.settings import Settings
from codecommons_dagster.alerts import alerts, broken_runs
from codecommons_dagster.build import build_stages
from codecommons_dagster.instance import CONFIGURATION
from codecommons_dagster.launcher import WORKER

DAY = "2026-01-31"
SECRET = "wJalrXUtnFEMI-a-marker-that-nobody-may-see"


class Web(http.server.BaseHTTPRequestHandler):
    """Takes what is posted; answers what it is told to."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.answers)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *arguments):
        pass


class MailServer(socketserver.StreamRequestHandler):
    """As much of SMTP as a client without encryption needs."""

    def handle(self):
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line.split()[0].upper()
            if verb == "DATA":
                self.say("354 go on")
                text = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    text += part
                self.server.got.append(email.message_from_bytes(text, policy=email.policy.default))
                self.say("250 taken")
            elif verb == "QUIT":
                return self.say("221 bye")
            else:
                self.say("250 fine")

    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def listening(kind, handler):
    with kind(("127.0.0.1", 0), handler) as server:
        server.got, server.answers = [], 200
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def web():
    with listening(http.server.ThreadingHTTPServer, Web) as server:
        yield server


@pytest.fixture
def mail():
    with listening(socketserver.ThreadingTCPServer, MailServer) as server:
        yield server


@pytest.fixture
def lake(tmp_path, monkeypatch, web, mail):
    address = f"http://127.0.0.1:{web.server_port}"
    variables = {
        "CODECOMMONS_HOME": str(tmp_path),
        "CODECOMMONS_ALERT_WEBHOOK": f"{address}/hook/{SECRET}",
        "CODECOMMONS_ALERT_SLACK": f"{address}/slack",
        "CODECOMMONS_ALERT_MAIL": "ops@example.org, night@example.org",
        "CODECOMMONS_SMTP": f"smtp://127.0.0.1:{mail.server_address[1]}",
        "CODECOMMONS_UI": "http://ui.example.org/",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    lake = Lake.open(Settings.from_environment())
    lake.log.add_input([SliceInput(DAY, "pypi", "six==1.16.0", "1.16.0")])
    return lake


@pytest.fixture(scope="module")
def jobs():
    return {job.name: job for job in build_stages().resolve_all_job_defs()}


@pytest.fixture
def look(jobs, dagster_instance):
    """Looks what is broken, as the job ``watch`` does."""
    watch = jobs["watch"]

    def looked():
        done = watch.execute_in_process(instance=dagster_instance)
        return {check.check_name: check for check in done.get_asset_check_evaluations()}

    return looked


@pytest.fixture
def tick(dagster_instance, monkeypatch):
    """A tick of the sensor, with the cursor of the one before."""
    monkeypatch.setattr("codecommons_dagster.alerts.SETTLES", dt.timedelta(0))
    state = {"cursor": None}

    def ticked():
        result = alerts(dg.build_sensor_context(instance=dagster_instance, cursor=state["cursor"]))
        state["cursor"] = result.cursor
        return result.skip_reason.skip_message

    return ticked


def fail(lake, detail="3 files lack a language"):
    lake.log.record(DAY, "pypi", STAGES[1], "failed", failing_check="everything_annotated", detail=detail)


def test_a_failed_slice_is_told_everywhere_once_and_again_when_it_is_green(lake, web, mail, look, tick):
    assert (tick(), web.got) == ("0 broken; everybody is told.", [])
    fail(lake, "3 files of <six> lack\na language")
    checks = look()
    assert not checks["nothing_is_broken"].passed
    assert f"Next: codecommons ingest --day {DAY}" in checks["nothing_is_broken"].description
    tick()
    posted = {path.split("/")[1]: body for path, _, body in web.got}
    told = posted["hook"]["broken"][0]
    assert (told["slice"], told["stage"], told["source"]) == (DAY, "enriched_context", "pypi")
    assert (told["cause"], told["next"]) == (
        "everything_annotated: 3 files of <six> lack a language",
        f"codecommons ingest --day {DAY}",
    )
    assert told["link"] == "http://ui.example.org/assets/enriched_context"
    assert set(posted["slack"]) == {"text"}
    assert "enriched_context of pypi: everything_annotated: 3 files of &lt;six&gt; lack a language" in posted["slack"]["text"]
    [letter] = mail.got
    assert letter["To"] == "ops@example.org, night@example.org"
    assert letter["Subject"] == f"CodeCommons production: 1 broken: {DAY} enriched_context of pypi"
    assert f"next: codecommons ingest --day {DAY}" in letter.get_content()

    look()
    fail(lake, "4 files lack a language")
    look()
    tick()
    assert (len(web.got), len(mail.got)) == (2, 1), "it is still the same"

    lake.log.record(DAY, "pypi", STAGES[1], "passed", "attempt")
    assert look()["nothing_is_broken"].passed
    tick()
    assert (len(web.got), len(mail.got)) == (4, 2)
    assert "green again  2026-01-31 enriched_context of pypi" in mail.got[1].get_content()
    fail(lake)
    look()
    tick()
    assert len(mail.got) == 3, "what breaks again is told again"
    assert len({letter["Message-ID"] for letter in mail.got}) == 3


def test_an_alert_that_nobody_took_is_kept_and_those_who_took_it_get_it_once(lake, web, mail, look, tick):
    fail(lake)
    look()
    web.answers = 503
    said = tick()
    assert said == "CODECOMMONS_ALERT_WEBHOOK: the server answered 503; CODECOMMONS_ALERT_SLACK: the server answered 503"
    web.answers = 302
    assert "answered 302" in tick()
    web.server_close()
    web.shutdown()
    assert "CODECOMMONS_ALERT_WEBHOOK: ConnectionRefusedError (Connection refused)" in tick()
    assert len(mail.got) == 1
    with listening(lambda _, handler: http.server.ThreadingHTTPServer(web.server_address, handler), Web) as back:
        assert "everybody is told" in tick()
        assert sorted(path.split("/")[1] for path, _, _ in back.got) == ["hook", "slack"]
        keys = {headers["Idempotency-Key"] for path, headers, _ in (*web.got, *back.got) if "hook" in path}
        assert len(keys) == 1, "a receiver can tell that it is the same"
    assert len(mail.got) == 1


def test_no_alert_holds_a_credential(lake, web, mail, look, tick, jobs, dagster_instance):
    fail(lake, f"https://ada:{SECRET}@example.org/x can't be had with {SECRET}")
    look()
    run = dagster_instance.create_run_for_job(jobs["gc"])
    dagster_instance.report_run_failed(run, f"it died over {SECRET}")
    tick()
    sent = [json.dumps(body) for _, _, body in web.got] + [str(letter) for letter in mail.got]
    assert len(sent) == 3
    for text in sent:
        assert SECRET not in text
        assert "***" in text
    web.answers = 500
    fail(lake, "again")
    lake.log.record(DAY, "pypi", STAGES[1], "passed", "attempt")
    look()
    assert SECRET not in tick()


def test_a_run_that_died_is_told_with_what_to_run_and_is_green_after_another(lake, mail, tick, jobs, dagster_instance):
    gc = jobs["gc"]
    died = dagster_instance.create_run_for_job(gc)
    dagster_instance.report_run_failed(died, "Detected run worker status NOT_FOUND: process 77 is gone")
    tick()
    [letter] = mail.got
    assert "run of gc: Detected run worker status NOT_FOUND: process 77 is gone" in letter.get_content()
    assert "next: codecommons gc" in letter.get_content()
    assert f"see: http://ui.example.org/runs/{died.run_id}" in letter.get_content()
    tick()
    assert gc.execute_in_process(instance=dagster_instance).success
    tick()
    assert [letter["Subject"].partition(": ")[2] for letter in mail.got] == ["1 broken: run of gc", "1 green again: run of gc"]


def test_what_a_failed_run_says_is_to_be_run_next_is_what_is_told(lake, mail, tick, jobs, dagster_instance):
    """Running it again would fail again."""
    broken = dagster_instance.create_run_for_job(jobs["gc"])
    dagster_instance.report_run_failed(broken, "table origin is damaged; `codecommons lake repair` puts it right")
    tick()
    assert "next: codecommons lake repair" in mail.got[0].get_content()


def test_status_tells_of_runs_that_died_until_another_has_succeeded(lake, jobs, tmp_path):
    def told(recorder):
        return [(one.stage, one.cause, one.next) for one in broken_runs(recorder, lake.settings)]

    gone = "vm boot 4194305 1"
    with dg.DagsterInstance.local_temp(str(tmp_path), {"run_launcher": CONFIGURATION["run_launcher"]}) as recorder:
        run = recorder.create_run_for_job(jobs["gc"], tags={WORKER: gone.replace("vm", socket.gethostname()), BY_HAND: "true"})
        recorder.report_dagster_event(DagsterEvent("PIPELINE_START", "gc", message=""), run.run_id)
        [(stage, cause, command)] = told(recorder)
        assert (stage, command) == ("run of gc", "codecommons gc")
        assert "process 4194305 of the command that ran it is gone" in cause
        assert jobs["gc"].execute_in_process(instance=recorder).success
        assert told(recorder) == []


def test_a_run_whose_failure_the_lake_tells_of_and_a_command_are_not_told_twice(lake, mail, tick, jobs, dagster_instance):
    for tags in ({"codecommons/logged": "true"}, {"codecommons/by_hand": "true"}):
        run = dagster_instance.create_run_for_job(jobs["gc"], tags=tags)
        dagster_instance.report_run_failed(run, "a step failed")
    tick()
    assert mail.got == []


def test_a_command_that_failed_once_more_in_the_interface_is_told(lake, mail, tick, jobs, dagster_instance):
    run = dagster_instance.create_run_for_job(jobs["gc"], tags={"codecommons/by_hand": "true"})
    dagster_instance.report_run_failed(run, "the disk is full")
    again = {**run.tags, "dagster/parent_run_id": run.run_id, "dagster/root_run_id": run.run_id}
    run = dagster_instance.create_run_for_job(jobs["gc"], tags=again, parent_run_id=run.run_id, root_run_id=run.run_id)
    dagster_instance.report_run_failed(run, "the disk is still full")
    tick()
    assert "the disk is still full" in mail.got[0].get_content()


def test_red_checks_of_others_are_told_and_yellow_ones_where_that_is_wanted(lake, mail, tick, dagster_instance, monkeypatch):
    def evaluate(passed, severity):
        key, said = dg.AssetKey("opt_out"), "an entry is missing"
        check = dg.AssetCheckEvaluation(key, "ledger_intact", passed, severity=severity, description=said)
        dagster_instance.report_runless_asset_event(check)
        tick()

    evaluate(False, dg.AssetCheckSeverity.WARN)
    assert mail.got == []
    evaluate(False, dg.AssetCheckSeverity.ERROR)
    assert "opt_out: ledger_intact: an entry is missing" in mail.got[0].get_content()
    evaluate(True, dg.AssetCheckSeverity.ERROR)
    assert "green again  opt_out" in mail.got[1].get_content()
    monkeypatch.setenv("CODECOMMONS_ALERT_LEVEL", "warning")
    evaluate(False, dg.AssetCheckSeverity.WARN)
    assert "warning  opt_out" in mail.got[2].get_content()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CODECOMMONS_ALERT_SLACK", f"ftp://{SECRET}", "must be a URL of http or https"),
        ("CODECOMMONS_SMTP", f"smtp://ada:{SECRET}@127.0.0.1", "has a password in it"),
        ("CODECOMMONS_ALERT_LEVEL", "all", "must be error or warning"),
    ],
)
def test_a_place_that_makes_no_sense_is_named_and_not_repeated(lake, tick, monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    told = tick()
    assert name in told
    assert said in told
    assert SECRET not in told


def test_without_a_place_nothing_is_done(lake, tick, monkeypatch):
    for name in ("WEBHOOK", "SLACK", "MAIL"):
        monkeypatch.delenv(f"CODECOMMONS_ALERT_{name}")
    assert "no CODECOMMONS_ALERT_… is set" in tick()
