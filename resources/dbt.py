"""dbt's command line, as the settings want it run."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster_dbt import DbtCliResource
from packaging.version import Version


class DbtResource(DbtCliResource):
    """``DbtCliResource`` whose profile reads our variables.

    Attributes:
        environment: variables that ``dbt/profiles.yml`` and ``dbt_project.yml`` read.
    """

    environment: dict[str, str]

    @classmethod
    def of(cls, project: Path, environment: dict[str, str]) -> Self:
        """Make dbt as installed beside this Python, over a project that holds its own profile."""
        return cls(
            project_dir=str(project),
            profiles_dir=str(project),
            dbt_executable=str(Path(sys.executable).with_name("dbt")),
            environment=environment,
        )

    @cached_property
    def _cli_version(self) -> Version:
        """Of the dbt beside this Python. dagster-dbt would start it to ask, which takes seconds and looks for newer ones."""
        return Version(version("dbt-core"))

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Set the variables before the first command: dagster-dbt reads the profile in this process too."""
        os.environ.update(self.environment)
        super().setup_for_execution(context)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the catalogue: dagster-dbt opens it in this process too and would leave it open, in the next run's way."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        left_open: Any = DuckDBConnectionManager._ENV
        if left_open is not None:
            left_open.close()
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
