# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Great Expectations over DuckDB tables.

Great Expectations reads a result after it has closed the connection, and DuckDB then returns no rows, so that every expectation
fails. It keeps connections open for the dialects in a private tuple, which DuckDB joins here; hence the pin of its minor
version, and a test. Importing it takes seconds and hundreds of MB: only inside the function that needs it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assets.expectations import Suite
from codecommons.report import CheckResult


class _Dialect(str):
    """Looks like a member of the enumeration that Great Expectations has in its tuple."""

    @property
    def value(self) -> str:
        return str(self)


def validate(database: Path, tables: Mapping[str, Suite]) -> dict[str, CheckResult]:
    """Run suites over tables of a DuckDB file.

    Args:
        database: the file; nothing else may have it open.
        tables: name of a table in it -> the suite that must hold of it.

    Returns:
        Table -> result, named as the suite; its metadata has one entry per expectation.
    """
    gx = _great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_sql("scratch", connection_string=f"duckdb:///{database}")
    results = {}
    for table, suite in tables.items():
        expectations = [getattr(gx.expectations, kind)(**arguments) for kind, arguments in suite.expectations]
        batch = source.add_table_asset(table, table_name=table).add_batch_definition_whole_table("whole").get_batch()
        shown = {"result_format": "SUMMARY", "unexpected_index_column_names": list(suite.item)}
        results[table] = _result(
            suite, batch.validate(gx.ExpectationSuite(name=table, expectations=expectations), result_format=shown)
        )
    return results


def _great_expectations() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations
    import great_expectations.execution_engine.sqlalchemy_execution_engine as engine

    if "duckdb" not in engine._PERSISTED_CONNECTION_DIALECTS:
        dialects: Any = (*engine._PERSISTED_CONNECTION_DIALECTS, _Dialect("duckdb"))
        engine._PERSISTED_CONNECTION_DIALECTS = dialects
    return great_expectations


def _result(suite: Suite, validated: Any) -> CheckResult:
    said = {_label(result): _said(result) for result in validated.results}
    red = "; ".join(f"{label}: {said[label]}" for label in said if not said[label].startswith("holds"))
    return CheckResult(suite.name, bool(validated.success), red or suite.description, said)


def _label(result: Any) -> str:
    arguments = {name: value for name, value in result.expectation_config.kwargs.items() if name != "batch_id"}
    return f"{result.expectation_config.type}({', '.join(f'{name}={value}' for name, value in arguments.items())})"


def _said(result: Any) -> str:
    """What was observed, in a few words."""
    raised = result.exception_info or {}
    message = raised.get("exception_message") or next(
        (one["exception_message"] for one in raised.values() if isinstance(one, dict)), None
    )
    if message:
        return f"can't be evaluated: {message}"
    seen = result.result.get("observed_value", result.result.get("element_count"))
    if result.success:
        return f"holds ({seen} rows)" if seen is not None else "holds"
    rows = result.result.get("partial_unexpected_index_list")
    if not rows:
        return f"observed {seen}"
    first = ", ".join(f"{name} {value}" for name, value in rows[0].items())
    return f"{result.result['unexpected_count']} of {seen} rows don't fit, such as {first}"
