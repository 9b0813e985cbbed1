# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What makes the UI worth looking at: stage reports and tables as Dagster metadata."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa

from assets import drawing
from assets.outcomes import Outcome
from codecommons.costs import cost_of
from codecommons.drawing import plain
from codecommons.lake import Lake
from codecommons.lake.files import DataFile
from codecommons.lake.schemas import Table
from codecommons.report import Count, StageReport
from codecommons.settings import Settings

OWNERS = ["team:codecommons"]
MEGABYTE = 1_000_000
LONGEST_LIST = 15
PREVIEWED, PREVIEWED_COLUMNS = 5, 6
# What a preview shows beside figures: hashes, and columns of few values.
IDENTIFIERS = frozenset(
    ("a", "after", "b", "before", "content", "directory", "id", "revision", "root", "sha1_git", "snapshot", "statement", "target")
)
CLASSES = frozenset(
    ("decided", "ecosystem", "encoding", "expression", "kind", "language", "rule", "resolution", "shard", "status", "verdict")
)
# Details whose change since the last slice is drawn.
SPREADS = ("languages", "licenses")


def column_schema(table: Table) -> dg.TableSchema:
    """The columns of a table as the UI shows them; key columns are marked as not null."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=field.name,
                type=_type(field.type),
                constraints=dg.TableColumnConstraints(nullable=field.name not in table.key),
            )
            for field in table.schema
        ]
    )


def _type(kind: pa.DataType) -> str:
    return str(kind).replace("child 0, ", "")


def table_metadata(lake: Lake, table: str | Table) -> dict[str, Any]:
    """Rows and bytes of a table as it stands, from the Delta log alone; one that no stage has had rows for is empty."""
    name = table if isinstance(table, str) else table.name
    files = lake.files(table) if name in lake.tables() or not isinstance(table, str) else []
    shown = preview(lake, name, files) if files else ""
    return {
        "dagster/row_count": sum(file.rows for file in files),
        **({"preview": dg.MetadataValue.md(shown)} if shown else {}),
        "stored MB": round(sum(file.bytes for file in files) / MEGABYTE, 3),
        "files": len(files),
        "dagster/uri": lake.storage.uri(name),
    }


def preview(lake: Lake, name: str, files: Sequence[DataFile]) -> str:
    """Some rows of the newest file of a table, in a table of their own.

    It stays in the history of runs, which no opt-out and no takedown reaches: so it shows identifiers, figures and what things
    were classed as, and no name, path or text.
    """
    newest = lake.storage.uri(name, files[-1].path)
    rows = pl.read_parquet(newest, n_rows=PREVIEWED, storage_options=lake.storage.options or None, hive_partitioning=False)
    told = [one for one in rows.columns if one in CLASSES or _tells_nothing(rows.schema[one], one)][:PREVIEWED_COLUMNS]
    cells = [[_short(cell) for cell in row] for row in rows.select(told).iter_rows()]
    return drawing.table(told, cells) if told else ""


def _tells_nothing(kind: pl.DataType, column: str) -> bool:
    return kind.is_numeric() or kind == pl.Boolean or (kind == pl.Binary and column in IDENTIFIERS)


def _short(cell: object) -> object:
    if isinstance(cell, bytes):
        return f"{cell.hex()[:12]}…"
    return (
        "" if cell is None else round(cell, 3) if isinstance(cell, float) else cell if isinstance(cell, int) else str(cell)[:24]
    )


def stage_metadata(outcomes: Sequence[Outcome], before: Sequence[StageReport] = ()) -> dict[str, Any]:
    """What a stage did in one partition, all its sources taken together: the funnel, tables, and figures that the UI plots.

    Args:
        outcomes: what became of each source.
        before: what the stage said of the slice that each source had before this one (see ``reports_before``).
    """
    reports = [outcome.report for outcome in outcomes if outcome.report]
    problems = [f"- **{plain(outcome.source)}**: {plain(outcome.problem)}" for outcome in outcomes if outcome.problem]
    if not reports:
        return {"verdict": dg.MetadataValue.md("\n".join(problems) or "No input is recorded for this day.")}
    of_files = [report for report in reports if report.unit == "files"]
    files, kept = _sum(of_files, "in"), _sum(of_files, "kept")
    records = [report for report in reports if report.unit != "files"]
    computed, reused = sum(report.computed for report in reports), sum(report.reused for report in reports)
    seconds = sum(report.seconds for report in reports)
    shown = {"funnel": funnel(of_files), **changes(before, of_files), "by source": by_source(reports)}
    for label, text in {**_detail_tables(reports), **_figures(reports)}.items():
        shown[f"{label}, counted" if label in shown else label] = text
    return {
        "verdict": dg.MetadataValue.md("\n".join(problems) or "passed"),
        **{label: dg.MetadataValue.md(text) for label, text in shown.items()},
        "dagster/partition_row_count": kept.rows,
        "files in": files.rows,
        "files kept": kept.rows,
        **({"records in": _sum(records, "in").rows, "records kept": _sum(records, "kept").rows} if records else {}),
        "share kept": round(kept.rows / files.rows, 4) if files.rows else 1.0,
        "MB in": round(files.bytes / MEGABYTE, 3),
        "MB kept": round(kept.bytes / MEGABYTE, 3),
        "seconds": round(seconds, 2),
        "MB/s": round(files.bytes / MEGABYTE / seconds, 2) if seconds else 0.0,
        "work avoided": round(reused / (computed + reused), 4) if computed + reused else 0.0,
        "seconds saved": round(sum(report.seconds_saved for report in reports), 2),
        "peak memory MB": round(max(report.peak_memory for report in reports) / MEGABYTE, 1),
    }


def cost_metadata(reports: Sequence[StageReport], settings: Settings) -> dict[str, Any]:
    """What the work took and what that costs, as figures that the UI plots over slices."""
    paid = [cost_of(report, settings) for report in reports]
    return {
        "CPU seconds": round(sum(one.cpu_seconds for one in paid), 2),
        "added to the lake MB": round(sum(one.stored_bytes for one in paid) / MEGABYTE, 3),
        "cost": round(sum(one.cost for one in paid), 6),
        "cost of keeping it a month": round(sum(one.cost_a_month for one in paid), 6),
    }


def reports_before(lake: Lake, outcomes: Sequence[Outcome]) -> list[StageReport]:
    """What a stage said of the last slice before this one that each source has passed it with."""
    wanted = {
        (lake.log.passed_before(one.report.slice, one.source, one.report.stage), one.source, one.report.stage)
        for one in outcomes
        if one.report
    }
    return [report for report in lake.reports() if (report.slice, report.source, report.stage) in wanted]


def changes(before: Sequence[StageReport], now: Sequence[StageReport]) -> dict[str, str]:
    """A drawing for each of ``SPREADS`` that both tell: the share of what was kept that each name had before, and has now."""
    known = {report.source for report in before}
    drawn = {}
    for label in SPREADS:
        shares = [_shares(reports, label) for reports in (before, [report for report in now if report.source in known])]
        if all(shares):
            days = sorted({report.slice for report in before})
            drawn[f"{label} since {' and '.join(days)}"] = drawing.change(*shares)
    return drawn


def _shares(reports: Sequence[StageReport], label: str) -> dict[str, float]:
    """The share of what was kept that each name of a counted detail has, over all reports."""
    kept: dict[str, float] = {}
    for report in reports:
        for name, counts in _counts(report.details.get(label)):
            kept[name] = kept.get(name, 0) + counts.get("files", counts.get("rows", 0))
    whole = sum(report.rows_kept for report in reports)
    return {name: count / whole for name, count in kept.items()} if whole else {}


def _sum(reports: Iterable[StageReport], what: str) -> Count:
    return sum((Count(getattr(report, f"rows_{what}"), getattr(report, f"bytes_{what}")) for report in reports), Count())


def by_source(reports: Sequence[StageReport]) -> str:
    """One line a source: files (or, of a feed, records), work and speed."""
    rows = [
        (
            report.source if report.unit == "files" else f"{report.source} ({report.unit})",
            report.rows_in,
            report.rows_kept,
            report.computed,
            report.reused,
            round(report.seconds, 1),
            round(report.bytes_in / MEGABYTE / report.seconds, 1) if report.seconds else 0.0,
        )
        for report in reports
    ]
    return drawing.table(("source", "files in", "kept", "computed", "reused", "seconds", "MB/s"), rows)


def _figures(reports: Sequence[StageReport]) -> dict[str, str]:
    """Details that are one value: a line each, a column per source. Details that are sentences: a list."""
    scalars = {label for report in reports for label, detail in report.details.items() if isinstance(detail, (str, int, float))}
    scalars -= {"cpu_seconds", "stored_bytes"}
    rows = [
        (label.replace("_", " "), *(_figure(report.details.get(label, "")) for report in reports)) for label in sorted(scalars)
    ]
    tables = {"figures": drawing.table(("", *(report.source for report in reports)), rows)} if rows else {}
    for report in reports:
        for label, detail in report.details.items():
            if isinstance(detail, list) and detail and all(isinstance(line, str) for line in detail):
                some = "\n".join(f"- {plain(line)}" for line in detail[:LONGEST_LIST])
                more = f"\n- and {len(detail) - LONGEST_LIST} more" if len(detail) > LONGEST_LIST else ""
                tables[f"{label.replace('_', ' ')} ({report.source})"] = some + more
    return tables


def _figure(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value


# Details that nothing is added up of: pairs of one name are several, and have a similarity each.
_NO_COUNTS = frozenset({"checks", "examples"})


def _detail_tables(reports: Sequence[StageReport]) -> dict[str, str]:
    """Every detail that counts things by name, added up over the sources, as a table of the most frequent."""
    tables: dict[str, dict[str, dict[str, float]]] = {}
    for report in reports:
        for label, detail in report.details.items():
            for name, counts in _counts(detail) if label not in _NO_COUNTS else ():
                row = tables.setdefault(label, {}).setdefault(name, {})
                for column, count in counts.items():
                    row[column] = row.get(column, 0) + count
    return {label.replace("_", " "): _count_table(label, rows) for label, rows in tables.items()}


# A column that is one of the others as a share of another: shares are not added up, but made again of what was.
_RATES = {"rate": ("repeated", "files")}


def _count_table(label: str, rows: dict[str, dict[str, float]]) -> str:
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    for rate, (part, whole) in _RATES.items():
        rows = {name: row | {rate: round(row[part] / row[whole], 4)} if rate in row else row for name, row in rows.items()}
    order = sorted(rows, key=lambda name: (-rows[name].get(columns[0], 0), name))
    cells = [(name if len(name) <= 60 else f"{name[:59]}…", *(rows[name].get(column, 0) for column in columns)) for name in order]
    return drawing.table((label.rstrip("s").replace("_", " "), *columns), cells)


def _counts(detail: Any) -> list[tuple[str, dict[str, float]]]:
    """Read ``{name: count}``, ``{name: {column: count}}`` or rows with a name or a value (else: named by what comes first)."""
    if isinstance(detail, dict):
        detail = [{"name": name, **(value if isinstance(value, dict) else {"count": value})} for name, value in detail.items()]
    if not isinstance(detail, list) or not all(isinstance(row, dict) and row for row in detail):
        return []
    # Of a report that was read back the keys are in order, so that its first one says nothing.
    named = [(str(row.get("name", row.get("value", next(iter(row.values())))) or "none"), row) for row in detail]
    counted = [(name, {label: one for label, one in row.items() if isinstance(one, (int, float))}) for name, row in named]
    return [(name, counts) for name, counts in counted if counts]


def funnel(reports: Sequence[StageReport]) -> str:
    """What came in, what was left out and why, and what went on."""
    dropped: dict[str, Count] = {}
    for report in reports:
        for reason, count in report.dropped.items():
            dropped[reason] = dropped.get(reason, Count()) + count
    return drawing.funnel(_sum(reports, "in"), dropped, _sum(reports, "kept"))


def verdicts(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What became of each source, for the tables of a step."""
    return {
        "verdict": "\n".join(outcome.problem or f"{outcome.source} on {outcome.partition}: passed" for outcome in outcomes)
        or "no input"
    }
