# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What `deploy/` holds: an instance on a Postgres that is really there, with two runs at once, and services."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.workspace.load import location_origins_from_yaml_paths

from codecommons.lake import Lake
from codecommons.settings import Settings
from codecommons_dagster.instance import CONFIGURATION, engines, set_pools
from codecommons_dagster.launcher import WatchfulRunLauncher
from codecommons_dagster.ui import FEW_ARENAS

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
DAYS = ("2026-01-30", "2026-01-31")


@pytest.fixture(scope="module")
def home(tmp_path_factory, postgres):
    """A home whose Dagster instance is the one of deploy/, on Postgres."""
    home = tmp_path_factory.mktemp("home")
    (home / "dagster").mkdir()
    shutil.copy(DEPLOY / "dagster.yaml", home / "dagster")
    for day in DAYS:
        folder = home / "packages" / day
        folder.mkdir(parents=True)
        (folder / "area.py").write_text(f"# SPDX-License-Identifier: MIT\nDAY = {day!r}\n")
    with pytest.MonkeyPatch.context() as patch:
        variables = {"CODECOMMONS_HOME": home, "CODECOMMONS_COMPUTE_LOGS": home / "printed", "CODECOMMONS_WORKERS": 0}
        for name, value in {**postgres, **variables}.items():
            patch.setenv(name, str(value))
        yield home


@pytest.fixture(scope="module")
def instance(home):
    with dg.DagsterInstance.from_config(str(home / "dagster")) as opened:
        yield opened


@pytest.fixture(scope="module")
def runs(home, instance):
    """Two commands at once, each in a process of its own, over an empty lake that both want to create tables in."""
    Lake.open(Settings.from_environment())
    command = [sys.executable, "-c", "from codecommons_dagster.cli import main; main()", "ingest"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    started = [
        subprocess.Popen(
            [*command, f"path:{home / 'packages' / day}", "--day", day],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for day in DAYS
    ]
    try:
        said = [process.communicate(timeout=600)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], said
    return said, instance.get_run_records()


def test_two_runs_at_once_are_recorded_on_postgres_and_both_slices_are_there(home, runs):
    _, records = runs
    assert sorted(record.dagster_run.tags["dagster/partition"] for record in records) == list(DAYS)
    assert all(record.dagster_run.is_success for record in records)
    assert max(record.start_time for record in records) < min(record.end_time for record in records), "they ran at once"
    lake = Lake.open(Settings.from_environment())
    assert [lake.log.passed_sources(day, "deduped") for day in DAYS] == [["path"], ["path"]]
    assert lake.scan("origin_visit").collect().height == 2


def test_events_of_the_runs_are_in_postgres_and_nothing_is_in_the_home_but_what_was_printed(home, instance, runs):
    assert type(instance.run_storage).__name__ == "PostgresRunStorage"
    assert instance.get_materialized_partitions(dg.AssetKey("deduped")) == set(DAYS)
    assert not list(home.rglob("*.db"))


def test_the_password_of_the_database_is_written_nowhere(home, postgres, instance, runs):
    said, records = runs
    secret = postgres["DAGSTER_POSTGRES_PASSWORD"]
    assert [path for path in home.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()] == []
    told = [*said, *(str(instance.all_logs(record.dagster_run.run_id)) for record in records), str(records)]
    assert not [text for text in told if secret in text]
    assert secret not in str(instance.info_dict())


def test_the_deployed_instance_is_configured_as_the_home_of_one_user_but_for_what_is_said_here(instance):
    deployed = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    added = {"storage", "compute_logs"}
    assert set(deployed) - set(CONFIGURATION) == added
    same = set(CONFIGURATION) - {"concurrency"}
    assert {name: deployed[name] for name in same} == {name: CONFIGURATION[name] for name in same}
    assert deployed["concurrency"]["pools"] == CONFIGURATION["concurrency"]["pools"]
    assert instance.run_monitoring_enabled
    assert instance.run_retries_enabled
    assert not instance.run_retries_retry_on_asset_or_op_failure
    assert instance.get_tick_retention_settings(dg._core.definitions.run_request.InstigatorType.SENSOR)
    assert isinstance(instance.run_launcher, WatchfulRunLauncher)
    assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 6


def test_the_pool_of_engines_is_as_large_as_the_machine(instance, home):
    settings = Settings(home=home, lake="x", workers=4)
    assert [engines(settings, cores, memory << 30) for cores, memory in ((2, 64), (8, 64), (16, 16), (64, 4))] == [1, 2, 3, 1]
    limit = set_pools(instance, settings)
    [pool] = [one for one in instance.event_log_storage.get_pool_limits() if one.name == "engine"]
    assert pool.limit == limit >= 1


def test_the_workspace_names_the_code_server_that_the_services_start(monkeypatch):
    monkeypatch.setenv("CODECOMMONS_CODE_HOST", "code")
    [origin] = location_origins_from_yaml_paths([str(DEPLOY / "workspace.yaml")])
    assert (origin.host, origin.port, origin.location_name) == ("code", 4266, "codecommons")
    starts = [(DEPLOY / "compose.yaml").read_text(), (DEPLOY / "systemd" / "codecommons-code.service").read_text()]
    for text in starts:
        # Not `code-server start`, which is a second process that takes 80 MB to load code anew while services run.
        assert "dagster api grpc --lazy-load-user-code" in text
        assert "-p 4266 -m codecommons_dagster.definitions" in text


def test_every_variable_that_the_deployment_reads_is_in_the_example_and_no_credential_is():
    example = dict(
        line.split("=", 1) for line in (DEPLOY / "environment.example").read_text().splitlines() if line and line[0] != "#"
    )
    read = {
        name for file in ("dagster.yaml", "workspace.yaml") for name in re.findall(r"\{env: (\w+)\}", (DEPLOY / file).read_text())
    }
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert read <= set(example)
    assert set(re.findall(r"\$\{(\w+)", str(compose))) <= set(example)
    assert [name for name, value in example.items() if re.search("PASSWORD|SECRET|KEY|SLACK|WEBHOOK", name) and value] == []
    names = set(example) - {name for name in example if name.startswith(("DAGSTER_", "AWS_"))}
    known = (ROOT / "codecommons" / "settings.py").read_text() + (DEPLOY / "dagster.yaml").read_text()
    assert {name for name in names if name not in known} == {"CODECOMMONS_CODE_HOST"}


@pytest.mark.parametrize("service", ["code", "webserver", "daemon"])
def test_every_service_starts_a_program_that_is_installed_and_reads_the_environment(service):
    unit = (DEPLOY / "systemd" / f"codecommons-{service}.service").read_text()
    [start] = re.findall(r"^ExecStart=/opt/codecommons/bin/(.+)$", unit, re.MULTILINE)
    program = start.split()[0]
    assert Path(sys.executable).with_name(program).is_file()
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"][service]
    assert program in composed["command"]
    assert "EnvironmentFile=/etc/codecommons/environment" in unit
    for name, value in FEW_ARENAS.items():
        assert f"Environment={name}={value}" in unit
        assert composed["environment"][name] == value
    assert "Restart=always" in unit


def test_an_image_is_made_of_what_the_package_needs_and_of_no_credential():
    """`COPY . .` takes what .dockerignore lets through; credentials and a lake may lie in the checkout."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line[1:] for line in lines if line.startswith("!")}
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    used = {"deploy/dagster.yaml", "deploy/workspace.yaml", "pyproject.toml", "requirements.lock", "README.md", "LICENSE"}
    assert lines[1] == "*"
    assert let_through == {*wheel["only-include"], *used}
    assert subprocess.run(["git", "check-ignore", "-q", "deploy/.env"], cwd=ROOT).returncode == 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_has_nothing_to_say_against_the_units(tmp_path):
    units = [tmp_path / unit.name for unit in (DEPLOY / "systemd").iterdir()]
    for unit in units:  # with the programs where they are here
        text = (DEPLOY / "systemd" / unit.name).read_text()
        unit.write_text(text.replace("/opt/codecommons/bin", str(Path(sys.executable).parent)))
    done = subprocess.run(["systemd-analyze", "verify", *map(str, units)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(
    not shutil.which("docker-compose"), reason="Docker Compose, which needs no Docker to check a file, is not here"
)
def test_compose_reads_its_file(tmp_path):
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    filled = (DEPLOY / "environment.example").read_text().replace("PASSWORD=", "PASSWORD=a-password")
    (tmp_path / "deploy" / ".env").write_text(filled)
    command = ["docker-compose", "-f", "deploy/compose.yaml", "--env-file", "deploy/.env", "config"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == {"postgres", "code", "webserver", "daemon"}
