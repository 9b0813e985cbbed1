# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""An operator's day in Dagster's interface, in a real browser, over a webserver, a daemon and a code server that really run.

``CODECOMMONS_SCREENSHOTS`` names a folder for what the operator saw. Runs where ``CODECOMMONS_BROWSER`` is set: it takes
minutes on a busy machine, and has not yet been seen to pass from start to end.
"""

import datetime as dt
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import pytest

from codecommons import archive
from codecommons.lake import Lake
from codecommons.report import tree_memory
from codecommons.settings import Settings

pytestmark = pytest.mark.skipif(not os.environ.get("CODECOMMONS_BROWSER"), reason="CODECOMMONS_BROWSER=1 opens a browser")

TODAY = dt.datetime.now(dt.UTC).date()
FAILED = (TODAY - dt.timedelta(days=1)).isoformat()
WEEK = [(TODAY - dt.timedelta(days=back)).isoformat() for back in range(8, 1, -1)]
BUSY = {WEEK[0]: 1, WEEK[-1]: 2}  # on the other days nothing came, which is no failure
MOST_CLICKS = 6
MOST_MEMORY = 900_000_000  # bytes, after a day's work; the sum of PSS over all processes
PATIENCE = 600_000  # milliseconds, on a machine with much other work; a quiet one takes seconds
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


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
        from codecommons_dagster.instance import run_job

        assert not run_job(settings, "ingest", FAILED)
        yield lake, mirror


@pytest.fixture(scope="module")
def interface(environment):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "codecommons_dagster.ui", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield Interface(f"http://127.0.0.1:{port}", process.pid)
        process.send_signal(signal.SIGINT)
        process.wait(60)


class Interface(NamedTuple):
    address: str
    pid: int


class Operator:
    """Somebody in front of the interface, whose clicks are counted."""

    def __init__(self, page, address):
        self.page, self.address, self.clicks = page, address, 0
        page.set_default_timeout(PATIENCE)

    def opens(self, path="/"):
        self.page.goto(self.address + path)
        self.clicks = 0

    def clicks_on(self, found):
        found.first.click()
        self.clicks += 1

    def reads(self, text):
        self.page.get_by_text(text).first.wait_for()

    def saw(self, name):
        folder = os.environ.get("CODECOMMONS_SCREENSHOTS")
        if folder:
            self.page.wait_for_timeout(1500)
            self.page.screenshot(path=Path(folder, f"{name}.png"))


@pytest.fixture(scope="module")
def operator(interface):
    missing = "Chromium is not installed (apt-get install chromium)" if CHROMIUM is None else ""
    if not importlib.util.find_spec("playwright"):
        missing = "Playwright is not installed (pip install 'codecommons[test]')"
    if missing:
        assert not os.environ.get("CI"), missing
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    wait_for(interface.address)
    with sync_playwright() as browsers, browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser:
        yield Operator(browser.new_context(viewport={"width": 1500, "height": 950}).new_page(), interface.address)


def wait_for(address):
    for _ in range(int(PATIENCE / 1000)):
        try:
            with urllib.request.urlopen(f"{address}/server_info", timeout=60):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError("the webserver did not come up")


def test_a_failed_slice_its_cause_and_its_way_to_green_are_six_clicks_apart_at_most(operator, environment):
    lake, mirror = environment
    page = operator.page
    operator.opens()
    operator.clicks_on(page.locator("a[href='/runs']"))
    operator.reads("Failure")
    operator.clicks_on(page.locator("a[href^='/runs/']"))
    operator.reads(re.compile("nothing came in, as file:.*mirror can't be read"))
    operator.saw("ui-failed-run")
    (mirror.parent / "out-of-reach").rename(mirror)
    failed = page.url
    operator.clicks_on(page.get_by_role("button", name=re.compile("Re-execute")))
    page.wait_for_url(lambda url: url != failed)
    backfill_the_week(page.context.new_page(), operator)
    operator.reads(re.compile("^Success$"))
    assert operator.clicks <= MOST_CLICKS
    assert lake.log.verdict(FAILED, "git", "deduped")["verdict"] == "passed"


def backfill_the_week(page, operator):
    """Launched while the other run is at work, as the daemon looks for backfills twice a minute."""
    page.set_default_timeout(PATIENCE)
    page.goto(f"{operator.address}/locations/codecommons/jobs/ingest")
    page.get_by_role("button", name=re.compile("Materialize all")).first.click()
    days = page.get_by_placeholder(re.compile("partition", re.IGNORECASE)).first
    days.fill(f"[{WEEK[0]}...{WEEK[-1]}]")
    days.press("Enter")
    page.get_by_text("7 partitions").first.wait_for()
    Operator(page, operator.address).saw("ui-backfill")
    page.get_by_role("button", name="Launch backfill").click()
    page.get_by_role("button", name="Launch backfill").wait_for(state="detached")
    page.close()


def test_a_week_is_backfilled_in_one_run(operator, environment):
    lake, _ = environment
    page = operator.page
    operator.opens("/runs?view=backfills")
    operator.clicks_on(page.locator("a[href^='/runs/b/']"))
    operator.reads("100% completed")
    operator.saw("ui-backfilled")
    passed = {day for day in WEEK if lake.log.passed_sources(day, "deduped")}
    assert passed == set(BUSY)
    from codecommons_dagster.instance import instance

    with instance(lake.settings) as recorder:
        runs = [one for one in recorder.get_runs() if "dagster/backfill" in one.tags]
    assert len(runs) == 1


def test_the_three_servers_together_are_light(interface):
    assert tree_memory(interface.pid) < MOST_MEMORY


def test_a_dataset_is_launched(operator, environment):
    lake, _ = environment
    page = operator.page
    operator.opens("/locations/codecommons/jobs/dataset")
    operator.clicks_on(page.get_by_role("button", name=re.compile("Materialize all")))
    operator.clicks_on(page.get_by_text("Add a partition"))
    page.get_by_role("textbox").last.fill("python")
    operator.clicks_on(page.get_by_role("button", name="Save"))
    # Written last, so that the sensor which builds new ones by itself finds that somebody does already.
    (lake.settings.home / "datasets" / "python.yaml").write_text("languages: [Python]\n")
    operator.clicks_on(page.get_by_role("button", name="Launch 1 run"))
    operator.opens("/locations/codecommons/jobs/dataset/runs")
    operator.clicks_on(page.locator("a[href^='/runs/']"))
    # Great Expectations goes on to look at it, for longer than all of this takes.
    operator.reads('Finished execution of step "training_shards"')
    [built] = [one for one in lake.reports() if one.stage == "training_shards"]
    # A licence and a function of each project; the functions are near-duplicates of each other.
    assert (built.source, built.rows_in, built.rows_kept) == ("python", 2 * (len(BUSY) + 1), 1)
    operator.opens("/assets/training_shards")
    operator.reads(re.compile("^files kept$"))
    operator.saw("ui-dataset")


def test_the_page_of_a_stage_shows_what_it_did_what_it_cost_and_where_more_is(operator):
    operator.opens(f"/assets/deduped?partition={WEEK[-1]}")
    for text in ("docs/deduplication.md", "funnel", "CPU seconds", "Open assets/deduped.py in editor"):
        operator.reads(text)
    operator.opens("/assets/license_qualified/license_judgement")
    for text in ("from license_resolution.statement", "preview"):
        operator.reads(text)
    operator.saw("ui-table")
