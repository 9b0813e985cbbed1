# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The DuckDB catalogue: views over the lake and the marts that dbt builds. Rebuildable, never the truth."""

from __future__ import annotations

from dagster_duckdb import DuckDBResource

from codecommons.settings import Settings


def catalogue(settings: Settings) -> DuckDBResource:
    """The catalogue file, with DuckDB's extensions where ``codecommons_dagster.setup`` puts them."""
    return DuckDBResource(
        database=str(settings.catalogue), connection_config={"extension_directory": str(settings.home / "duckdb")}
    )
