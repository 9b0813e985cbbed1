# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""An operator's day in Dagster's interface, in a real browser, over a webserver, a daemon and a code server that really run.

Where Chromium is missing, only what needs no browser runs (CI must have it). What does not appear on a page in time is told with
what was there instead. ``CODECOMMONS_SCREENSHOTS`` names a folder for what the operator saw.
"""

import datetime as dt
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from codecommons import archive
from codecommons.lake import Lake
from codecommons.report import tree_memory
from codecommons.settings import Settings

TODAY = dt.datetime.now(dt.UTC).date()
FAILED = (TODAY - dt.timedelta(days=1)).isoformat()
WEEK = [(TODAY - dt.timedelta(days=back)).isoformat() for back in range(8, 1, -1)]
BUSY = {WEEK[0]: 1, WEEK[-1]: 2}  # on the other days nothing came, which is no failure
MOST_CLICKS = 6
MOST_MEMORY = 900_000_000  # bytes, after a day's work; the sum of PSS over all processes
# Seconds on a machine with much other work; a quiet one takes a few. A run may take longer, as long as it goes on.
COMES_UP, APPEARS = 300, 90
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LAUNCHES = '"operationName":"Launch'  # how every request of the interface begins that starts something
LOADED = "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus locationOrLoadError { __typename } } } } }"


def write_project(folder, factor):
    folder.mkdir(parents=True)
    (folder / "LICENSE").write_text("SPDX-License-Identifier: MIT\n")
    (folder / "area.py").write_text(f"# SPDX-License-Identifier: MIT\n\n\ndef area(width):\n    return width * {factor}\n")
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A week that nobody has brought in, and a day that failed, as its repository could not be reached."""
    home, mirrors = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("mirrors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODECOMMONS_HOME", str(home))
        patch.setenv("CODECOMMONS_WORKERS", "0")
        settings = Settings.from_environment()
        lake = Lake.open(settings)
        for day, factor in BUSY.items():
            archive.add_inputs(lake, [f"path:{write_project(mirrors / day, factor)}"], day)
        mirror = write_project(mirrors / "mirror", 100)
        git = ["git", "-C", str(mirror), "-c", "user.name=A", "-c", "user.email=a@example.org"]
        for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "One"]):
            subprocess.run([*git, *command], check=True)
        archive.add_inputs(lake, [f"git:{mirror.as_uri()}"], FAILED)
        mirror.rename(mirrors / "out-of-reach")
        shutil.rmtree(settings.cache / "git")
        (home / "datasets").mkdir()
        import dagster as dg

        from assets.listing import INPUT
        from codecommons_dagster.instance import instance, run_job

        with instance(settings) as recorder:  # as `follow` leaves it
            for day in WEEK:
                recorder.report_runless_asset_event(dg.AssetMaterialization(INPUT, partition=day))
        assert not run_job(settings, "ingest", FAILED)
        yield lake, mirror


class Interface(NamedTuple):
    address: str
    process: subprocess.Popen

    def asked(self, path, body=None):
        request = urllib.request.Request(self.address + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def interface(environment, tmp_path_factory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "codecommons_dagster.ui", "--port", str(port)]
    said = tmp_path_factory.mktemp("said") / "said"
    with said.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        interface = Interface(f"http://127.0.0.1:{port}", process)
        try:
            for _ in range(2 * COMES_UP):
                assert process.poll() is None, said.read_text()
                try:
                    interface.asked("/server_info")
                    break
                except OSError:
                    time.sleep(0.5)
            else:
                pytest.fail(f"the webserver did not come up in {COMES_UP} s: {said.read_text()[-3000:]}")
            yield interface
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


class Operator:
    """Somebody in front of the interface, whose clicks are counted, and who says what is there when nothing comes."""

    def __init__(self, page, address, events):
        self.page, self.address, self.events, self.clicks = page, address, events, 0
        page.set_default_timeout(1000 * APPEARS)

    @contextmanager
    def telling(self):
        from playwright.sync_api import Error

        try:
            yield
        except Error as error:
            self.saw("ui-stuck")
            there = self.page.inner_text("body")
            there = there if len(there) < 4000 else f"{there[:2000]}\n[…]\n{there[-2000:]}"
            pytest.fail(f"{error.message}\n{self.page.url} says:\n{there}", pytrace=False)

    def opens(self, path="/"):
        with self.telling():
            self.page.goto(self.address + path)
        self.clicks = 0

    def clicks_on(self, found):
        with self.telling():
            found.first.click()
        self.clicks += 1

    def launches(self, button):
        """Stays until the server has answered, as going elsewhere before that would stop it."""
        with self.telling(), self.page.expect_response(lambda answer: LAUNCHES in (answer.request.post_data or "")):
            self.page.get_by_role("button", name=button).first.click()
        self.clicks += 1

    def reads(self, text):
        with self.telling():
            self.page.get_by_text(text).first.wait_for()

    def watches(self, text):
        """The same of what a run comes to: it may take its time while it records what it does."""
        from playwright.sync_api import TimeoutError as NothingYet

        with self.telling():
            while True:
                before = self._newest_event()
                try:
                    return self.page.get_by_text(text).first.wait_for()
                except NothingYet:
                    if self._newest_event() == before:
                        raise

    def _newest_event(self):
        return max(file.stat().st_mtime for file in self.events.iterdir())

    def watches_it_succeed(self):
        """A run, on its page."""
        ended = re.compile("^(Success|Failure|Canceled)$")
        self.watches(ended)
        assert self.page.get_by_text(ended).first.inner_text() == "Success", self.page.inner_text("body")

    def saw(self, name):
        folder = os.environ.get("CODECOMMONS_SCREENSHOTS")
        if folder:
            self.page.wait_for_timeout(2500)
            self.page.screenshot(path=Path(folder, f"{name}.png"))


@pytest.fixture(scope="module")
def operator(interface, environment):
    missing = "Chromium is not installed (apt-get install chromium)" if CHROMIUM is None else ""
    if not importlib.util.find_spec("playwright"):
        missing = "Playwright is not installed (pip install 'codecommons[test]')"
    if missing:
        assert not os.environ.get("CI"), missing
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as browsers, browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser:
        page = browser.new_context(viewport={"width": 1500, "height": 950}).new_page()
        yield Operator(page, interface.address, environment[0].settings.dagster_home / "history" / "runs")


def test_the_interface_loads_our_code(interface):
    entries = interface.asked("/graphql", json.dumps({"query": LOADED}).encode())["data"]["workspaceOrError"]["locationEntries"]
    assert entries == [
        {"name": "codecommons", "loadStatus": "LOADED", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
    ]


def test_a_failed_slice_its_cause_and_its_way_to_green_are_six_clicks_apart_at_most(operator, environment):
    lake, mirror = environment
    page = operator.page
    operator.opens()
    operator.clicks_on(page.locator("a[href='/runs']"))
    operator.clicks_on(page.locator("a[href*='status%3AFAILURE']"))
    operator.reads("Status is any of")
    with operator.telling():  # what runs by itself, listed until the filter works
        page.get_by_text("lake_changed").wait_for(state="detached")
    operator.clicks_on(page.locator("a[href^='/runs/']"))
    operator.reads(re.compile("nothing came in, as file:.*mirror can't be read"))
    operator.saw("ui-failed-run")
    (mirror.parent / "out-of-reach").rename(mirror)
    failed = page.url
    operator.clicks_on(page.get_by_role("button", name=re.compile("Re-execute")))
    with operator.telling():
        page.wait_for_url(lambda url: url != failed)
    clicks = operator.clicks
    backfill_the_week(Operator(page.context.new_page(), operator.address, operator.events))
    operator.watches_it_succeed()
    operator.saw("ui-green-run")
    assert clicks <= MOST_CLICKS
    assert lake.log.verdict(FAILED, "git", "deduped")["verdict"] == "passed"


def backfill_the_week(operator):
    """Launched while the other run is at work, as the daemon looks for backfills twice a minute."""
    page = operator.page
    operator.opens("/locations/codecommons/jobs/ingest")
    operator.clicks_on(page.get_by_role("button", name=re.compile("Materialize all")))
    with operator.telling():
        days = page.get_by_placeholder(re.compile("partition", re.IGNORECASE)).first
        days.fill(f"[{WEEK[0]}...{WEEK[-1]}]")
        days.press("Enter")
    operator.reads("7 partitions")
    operator.saw("ui-backfill")
    operator.launches("Launch backfill")
    page.close()


def test_a_week_is_backfilled_in_one_run(operator, environment):
    lake, _ = environment
    page = operator.page
    operator.opens("/runs?view=backfills")
    operator.clicks_on(page.locator("a[href^='/runs/b/']"))
    operator.watches("100% completed")
    operator.saw("ui-backfilled")
    passed = {day for day in WEEK if lake.log.passed_sources(day, "deduped")}
    assert passed == set(BUSY)
    from codecommons_dagster.instance import instance

    with instance(lake.settings) as recorder:
        runs = [one for one in recorder.get_runs() if "dagster/backfill" in one.tags]
    assert len(runs) == 1


def test_a_dataset_is_launched(operator, environment):
    lake, _ = environment
    page = operator.page
    operator.opens("/locations/codecommons/jobs/dataset")
    operator.clicks_on(page.get_by_role("button", name=re.compile("Materialize all")))
    operator.clicks_on(page.get_by_text("Add a partition"))
    with operator.telling():
        page.get_by_role("textbox").last.fill("python")
    save = page.get_by_role("button", name="Save")
    operator.clicks_on(save)
    with operator.telling():
        save.wait_for(state="detached")
    # The interface has not always selected it; it is the only one, once it is known.
    for _ in range(APPEARS):
        operator.clicks_on(page.get_by_role("button", name="All", exact=True))
        page.wait_for_timeout(1000)
        if page.get_by_role("button", name="Launch 1 run").count():
            break
    # Written last, so that the sensor which builds new ones by itself finds that somebody does already.
    (lake.settings.home / "datasets" / "python.yaml").write_text("languages: [Python]\n")
    operator.launches("Launch 1 run")
    operator.opens("/locations/codecommons/jobs/dataset/runs")
    operator.clicks_on(page.locator("a[href^='/runs/']"))
    # Great Expectations goes on to look at it, for longer than all of this takes.
    operator.watches('Finished execution of step "training_shards"')
    [built] = [one for one in lake.reports() if one.stage == "training_shards"]
    # A licence and a function of each project; the functions are near-duplicates of each other.
    assert (built.source, built.rows_in, built.rows_kept) == ("python", 2 * (len(BUSY) + 1), 1)
    operator.opens("/assets/training_shards")
    operator.reads(re.compile("^files kept$"))
    operator.saw("ui-dataset")


def test_the_page_of_a_stage_shows_what_it_did_what_it_cost_and_where_more_is(operator):
    operator.opens(f"/assets/deduped?partition={WEEK[-1]}")
    for text in ("docs/deduplication.md", "funnel", "CPU seconds", "Source code"):
        operator.reads(text)
    assert "assets/deduped.py" in operator.page.inner_text("body")
    operator.saw("ui-stage")
    operator.opens("/assets/license_qualified/license_judgement")
    for text in ("from license_resolution.statement", "preview"):
        operator.reads(text)
    operator.saw("ui-table")


def test_the_graph_of_a_stage_shows_its_tables_and_what_they_are_made_from(operator):
    operator.opens("/locations/codecommons/asset-groups/license_qualified/lineage")
    for text in ("license_judgement", "license_resolution", re.compile("filled$")):
        operator.reads(text)
    operator.saw("ui-graph")


def test_the_three_servers_are_light_after_a_day_of_work(interface):
    idle = None
    for _ in range(COMES_UP):  # until the processes of the last runs are gone
        idle = tree_memory(interface.process.pid)
        if idle < MOST_MEMORY:
            break
        time.sleep(1)
    assert idle < MOST_MEMORY


def test_the_interface_stops_cleanly_when_interrupted(interface):
    interface.process.send_signal(signal.SIGINT)
    assert interface.process.wait(60) == 0
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    port = interface.address.rpartition(":")[2]
    assert not [line for line in listed if port in line and "dagster_webserver" in line]
