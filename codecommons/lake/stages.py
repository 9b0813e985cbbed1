# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How a stage ends: its news are written under an attempt, and then one commit makes them live."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from codecommons.errors import LakeError
from codecommons.lake.news import NewsFile
from codecommons.report import CheckResult, StageReport, Stored

if TYPE_CHECKING:
    from codecommons.lake.lake import Lake


def digest(value: Any) -> str:
    """16 hex digits over the canonical JSON of a value.

    Raises:
        TypeError: the value has something that JSON does not define; guessing would fork identities.
    """
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


@cache
def code_version() -> str:
    """The version of this code, part of every attempt."""
    try:
        return version("codecommons")
    except PackageNotFoundError:
        return "0"


def close_stage(
    lake: Lake,
    report: StageReport,
    checks: Sequence[CheckResult],
    news: Mapping[str, pa.Table] | None = None,
    input_digest: str = "",
    expected_input: str | None = None,
    files: Sequence[NewsFile] = (),
) -> StageReport:
    """Write a stage's news and record its verdict, last and in one commit.

    The attempt is a digest of input, code version and outcome: an undisturbed re-run lands on the same attempt and adds
    nothing, while an item that failed before and is there now makes a new one.

    Args:
        lake: the lake.
        report: what the stage did; its checks are put into ``details``.
        checks: the stage's verdicts about itself; one that failed fails the stage.
        news: slice-scoped table -> its rows (without slice, source, attempt).
        input_digest: digest of what the stage worked on.
        expected_input: digest the slice's input must still have (the first stage).
        files: rows of further slice-scoped tables, as workers have written them.

    Returns:
        The report.

    Raises:
        LakeError: the slice's input has grown meanwhile; run the stage again.
    """
    news = {name: _sorted(table) for name, table in (news or {}).items()}
    outcome: dict[str, Any] = {name: _table_digest(table) for name, table in sorted(news.items())}
    for file in sorted(files, key=lambda file: (file.table, file.key)):
        outcome.setdefault(file.table, []).append(file.key)
    attempt = digest([report.stage, report.slice, report.source, input_digest, code_version(), outcome])
    report.details["checks"] = [asdict(check) for check in checks]
    before = Stored.bytes
    lake.write_news(news, slice=report.slice, source=report.source, attempt=attempt, files=files)
    if "stored_bytes" in report.details:  # of a feed news are all there is
        report.details["stored_bytes"] += Stored.bytes - before
    lake.append_report(report, attempt)
    red = next((check for check in checks if not check.passed), None)
    recorded = lake.log.record(
        report.slice,
        report.source,
        report.stage,
        "failed" if red else "passed",
        attempt,
        red.name if red else None,
        red.description if red else None,
        input_digest,
        expected_input,
    )
    if not recorded:
        raise InputGrewError(f"the input of {report.source} on {report.slice} has grown while {report.stage} ran; run it again")
    return report


def seconds_each(lake: Lake, report: StageReport) -> float:
    """Seconds that one unit of a stage's work took, over the recorded runs of the stage and the one that ``report`` tells of."""
    runs = [one for one in (*lake.reports(), report) if one.stage == report.stage and one.computed]
    return sum(one.seconds for one in runs) / sum(one.computed for one in runs) if runs else 0.0


class InputGrewError(LakeError):
    """Somebody added input to a slice while it was being loaded; loading it again picks that up."""

    passing = True


def _sorted(table: pa.Table) -> pa.Table:
    keys = [field.name for field in table.schema if not pa.types.is_nested(field.type)]
    return pl.DataFrame(table).sort(keys).to_arrow().cast(table.schema)


def _table_digest(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()
