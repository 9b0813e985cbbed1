# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""`codecommons follow`: what is followed is listed and brought in, by runs that Dagster has recorded."""

import json
import subprocess

import dagster as dg
import pytest
from click.testing import CliRunner

from assets.tags import BY_HAND
from codecommons.lake import Lake
from codecommons_dagster.cli import main


def run(*arguments):
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def home(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("CODECOMMONS_HOME", str(settings.home))
    monkeypatch.setenv("CODECOMMONS_WORKERS", "0")
    settings.home.mkdir()
    repository = tmp_path / "mirrors" / "one"
    subprocess.run(["git", "init", "-q", "-b", "main", str(repository)], check=True)
    (repository / "hello.py").write_text("print('hello')\n")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["add", "-A"], [*who, "commit", "-qm", "First"]):
        subprocess.run(["git", "-C", str(repository), *command], check=True)
    return settings.home


def test_without_anything_to_follow_the_command_says_where_to_write_it(home):
    failed = run("follow")
    assert failed.exit_code == 2
    assert f"{home}/sources.yaml" in failed.stderr


def test_what_is_followed_is_shown_then_brought_in_and_then_there(home, tmp_path):
    (home / "sources.yaml").write_text(f"mirrors: {{lister: folder, path: {tmp_path / 'mirrors'}}}\n")
    shown = run("follow", "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines() == [
        "mirrors (folder): 1 listed, 1 new, none taken, 0 waiting",
        f"  new  git:{tmp_path / 'mirrors' / 'one'}",
    ]
    over = run("follow", "--dry-run", "--day", "2026-01-31")
    assert (over.exit_code, over.stdout) == (0, "nothing that is followed says what belonged to 2026-01-31\n")
    done = run("follow", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["followed"][0]["taken"] == {told["day"]: 1}
    assert len(told["runs"]) == 2
    assert "0 new, none taken" in run("follow").stdout
    assert run("follow", "mirors").stderr.strip().endswith("did you mean 'mirrors'?")
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        runs = [record.dagster_run for record in reversed(instance.get_run_records())]
    assert [one.job_name for one in runs if one.is_success] == ["follow", "ingest", "follow"]
    assert BY_HAND in runs[0].tags


def test_a_source_that_can_not_be_listed_is_named_and_the_others_are_brought_in(home, settings, tmp_path):
    (home / "sources.yaml").write_text(
        f"gone: {{lister: folder, path: {tmp_path / 'gone'}}}\nmirrors: {{lister: folder, path: {tmp_path / 'mirrors'}}}\n"
    )
    done = run("follow")
    assert done.exit_code == 1
    assert "stopped: " in done.stdout
    assert "raw_archive_slice" in done.stdout
    assert Lake.open(settings).scan("content").collect().height == 1
