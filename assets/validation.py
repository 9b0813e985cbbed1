# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Great Expectations over the few rows that the query of a suite gives.

Importing it takes seconds and hundreds of MB: only inside the function that needs it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from assets.expectations import Suite
from codecommons.report import CheckResult

if TYPE_CHECKING:
    import pandas as pd


def validate(found: Iterable[tuple[Suite, pd.DataFrame]]) -> Iterator[CheckResult]:
    """Hold rows against what their suite expects of them.

    Args:
        found: suites, each with the rows of its query.

    Yields:
        A result for each, named as the suite; its metadata has one entry per expectation.
    """
    gx = _great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    whole = context.data_sources.add_pandas("found").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("whole")
    for suite, rows in found:
        expectations = [getattr(gx.expectations, kind)(**arguments) for kind, arguments in suite.expectations]
        shown = {"result_format": "SUMMARY", "unexpected_index_column_names": list(suite.item)}
        asked = gx.ExpectationSuite(name=suite.name, expectations=expectations)
        batch = whole.get_batch({"dataframe": rows})
        validated = batch.validate(asked, result_format="BOOLEAN_ONLY")
        if not validated.success:  # only then is it looked for what does not fit, which takes twice as long
            validated = batch.validate(asked, result_format=shown)
        yield _result(suite, validated, len(rows))


def _great_expectations() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations

    return great_expectations


def _result(suite: Suite, validated: Any, rows: int) -> CheckResult:
    said = {_label(result): _said(result, suite.item, rows) for result in validated.results}
    red = "; ".join(f"{label}: {said[label]}" for label in said if not said[label].startswith("holds"))
    return CheckResult(suite.name, bool(validated.success), red or suite.description, said)


def _label(result: Any) -> str:
    arguments = {name: value for name, value in result.expectation_config.kwargs.items() if name != "batch_id"}
    return f"{result.expectation_config.type}({', '.join(f'{name}={value}' for name, value in arguments.items())})"


def _said(result: Any, item: Sequence[str], among: int) -> str:
    """What was observed, in a few words."""
    raised = result.exception_info or {}
    message = raised.get("exception_message") or next(
        (one["exception_message"] for one in raised.values() if isinstance(one, dict)), None
    )
    if message:
        return f"can't be evaluated: {message}"
    if result.success:
        return f"holds ({among} rows)"
    seen = result.result
    if "unexpected_count" not in seen:
        return f"observed {seen.get('observed_value')}"
    # Rows of a suite that names no item are told by the value alone.
    first = seen["partial_unexpected_index_list"][0] if item else {"value": seen["partial_unexpected_list"][0]}
    told = ", ".join(f"{name} {_shown(first[name])}" for name in dict.fromkeys([*item, *first]))
    return f"{seen['unexpected_count']} of {among} rows don't fit, such as {told}"


def _shown(value: Any) -> str:
    import pandas as pd

    return "null" if pd.api.types.is_scalar(value) and pd.isna(value) else str(value)
