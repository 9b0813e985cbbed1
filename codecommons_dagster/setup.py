# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What must be there before the code location loads: DuckDB's extensions and dbt's manifest.

``python -m codecommons_dagster.setup`` is part of every set-up (``make``, a container's build); ``prepare`` does nothing when
everything is up to date, so calling it again costs milliseconds. Nothing is fetched: the extensions come with their Python
packages, the dbt project with ours. Set-up also has the annotators compiled, which takes 20 s of a core: else every worker that
starts first does it, all of them at once.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from codecommons.errors import CodeCommonsError
from codecommons.lake.storage import advice_about, lake_errors
from codecommons.lake.views import connection_config
from codecommons.settings import Settings


@dataclass(frozen=True)
class DbtProject:
    """Where the dbt project is and what it needs to run.

    Attributes:
        project: folder of ``dbt_project.yml`` and ``profiles.yml``; never written to.
        target: folder of dbt's own output, with ``manifest.json``.
        environment: variables that the profile reads, and where dbt writes.
    """

    project: Path
    target: Path
    environment: dict[str, str]

    @property
    def manifest(self) -> Path:
        """The manifest that Dagster loads the marts from."""
        return self.target / "manifest.json"


def dbt_project(settings: Settings) -> DbtProject:
    """The dbt project as these settings want it run: beside the packages in a checkout, inside ours when installed.

    Raises:
        CodeCommonsError: it is in neither place, or the home can't be written.
    """
    here = Path(__file__).resolve().parent
    project = next((folder for folder in (here / "dbt", here.parent / "dbt") if (folder / "dbt_project.yml").is_file()), None)
    if project is None:
        raise CodeCommonsError(f"the dbt project is missing beside {here}; install the package again")
    target = settings.home / "dbt"
    with lake_errors(f"preparing {settings.home}"):
        for folder in (target, settings.marts):
            folder.mkdir(parents=True, exist_ok=True)
    endpoint = urlsplit(dict(settings.storage_options).get("AWS_ENDPOINT_URL", ""))
    environment = {
        "CODECOMMONS_CATALOGUE": str(settings.catalogue),
        "CODECOMMONS_MARTS": str(settings.marts),
        "CODECOMMONS_DUCKDB_EXTENSIONS": str(connection_config(settings)["extension_directory"]),
        "CODECOMMONS_DBT_TARGET": "s3" if settings.lake.startswith("s3://") else "local",
        "CODECOMMONS_CORE_HOUR": str(settings.core_hour),
        "CODECOMMONS_GIGABYTE_MONTH": str(settings.gigabyte_month),
        "DBT_PROJECT_DIR": str(project),
        "DBT_PROFILES_DIR": str(project),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target / "logs"),
    }
    if endpoint.netloc:
        environment["CODECOMMONS_S3_ENDPOINT"] = endpoint.netloc
        environment["CODECOMMONS_S3_USE_SSL"] = str(endpoint.scheme != "http").lower()
    return DbtProject(project, target, environment)


def prepare(settings: Settings) -> DbtProject:
    """Link DuckDB's extensions and parse the dbt project, where that isn't done already.

    Raises:
        CodeCommonsError: an extension is missing, or dbt can't parse the project; the message holds what dbt said.
    """
    dbt = dbt_project(settings)
    stamp = dbt.target / "manifest.stamp"
    wanted = _project_digest(dbt)
    if not (dbt.manifest.is_file() and stamp.is_file() and stamp.read_text() == wanted):
        run_dbt(dbt, "parse", "--no-partial-parse")
        with lake_errors(f"preparing {settings.home}"):
            stamp.write_text(wanted)
    return dbt


def run_dbt(dbt: DbtProject, *arguments: str) -> str:
    """Run dbt in a process of its own and return what it printed.

    Raises:
        CodeCommonsError: dbt failed; the message holds what to do, or the end of what it printed.
    """
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", *arguments]
    done = subprocess.run(command, env={**os.environ, **dbt.environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        advice = advice_about(done.stdout + done.stderr)
        if advice:
            raise CodeCommonsError(f"`dbt {' '.join(arguments)}` in {dbt.target}: {advice}")
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise CodeCommonsError(f"`dbt {' '.join(arguments)}` failed in {dbt.project}:\n{said}")
    return done.stdout


def _project_digest(dbt: DbtProject) -> str:
    """Of every file of the project, what dbt is, and where it writes: a manifest made for another lake names its catalogue."""
    state = hashlib.sha256(repr((version("dbt-core"), version("dbt-duckdb"), sorted(dbt.environment.items()))).encode())
    for file in sorted(path for path in dbt.project.rglob("*") if path.suffix in {".sql", ".yml"}):
        state.update(f"{file.relative_to(dbt.project)}\0".encode() + file.read_bytes() + b"\0")
    return state.hexdigest()


if __name__ == "__main__":
    from codecommons import annotate

    try:
        print(f"dbt manifest: {prepare(Settings.from_environment()).manifest}")
        annotate.prepare(Settings.from_environment())
        if os.environ.get("DAGSTER_HOME"):  # a service: see deploy/
            import dagster as dg

            from codecommons_dagster.instance import set_pools

            with dg.DagsterInstance.get() as recorder:
                print(f"pool engine: {set_pools(recorder, Settings.from_environment())} at a time")
    except CodeCommonsError as error:
        sys.exit(f"Error: {error}")
