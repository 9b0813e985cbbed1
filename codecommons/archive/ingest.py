# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The first stage: the items of a slice become Software Heritage objects in the lake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import polars as pl
import pyarrow as pa

from codecommons.archive.checks import Trees, counted, empty_success, files_accounted, identity, wiped_out
from codecommons.archive.history import trace
from codecommons.archive.objects import Rows
from codecommons.archive.repository import MISSING
from codecommons.archive.source import LOADER_VERSION, Item, Outcome, Visit, Work, sources
from codecommons.archive.tree import TOO_LARGE
from codecommons.engine import Engine
from codecommons.errors import UsageError
from codecommons.lake import Lake, StagedFile, close_stage
from codecommons.lake.schemas import TABLES
from codecommons.lake.slices import digest_of
from codecommons.lake.stages import InputGrewError
from codecommons.optout import ledger
from codecommons.report import Count, Measure, StageReport

STAGE = "raw_archive_slice"
# How often a slice is loaded again because somebody added to it meanwhile, before the other is left to finish.
_TRIES = 5


def ingest_slice(lake: Lake, engine: Engine, day: str, source: str) -> StageReport:
    """Bring what one source has of a slice into the lake.

    A pure function of the slice's rows in ``slice_input``. What was loaded before, from whatever slice, is not loaded
    again; an item that fails is quarantined, keeps its last good rows, and stops no other.

    Args:
        lake: the lake.
        engine: where work runs.
        day: the slice.
        source: the source, by name.

    Returns:
        The report. Its rows are files or, of a feed, records; a failed item counts as one row of the size of its archive.
        ``details`` has ``items`` (state -> how many), ``failed`` (which have nothing here), ``quarantined`` and ``remarks`` (one
        line each: what was left out, what was kept and is worth a look), ``committed`` (table -> new rows) and the source's own
        figures.

    Raises:
        UsageError: there is no such source.
        TaskCrashedError: a worker died twice on an item; it is named.
        LakeError: the lake can't be read or written.
    """
    for last in range(1 - _TRIES, 1):
        try:
            return _ingest(lake, engine, day, source)
        except InputGrewError:
            if last == 0:
                raise
    raise AssertionError("unreachable")


def _ingest(lake: Lake, engine: Engine, day: str, source: str) -> StageReport:
    known = sources(lake.settings)
    if source not in known:
        raise UsageError(f"there is no source {source!r}; there are {', '.join(known)}")
    inputs = lake.log.inputs(day, source)
    report = StageReport(STAGE, day, source)
    if known[source].unit != "files":
        report.details["unit"] = known[source].unit
    with lake.staging(f"{source}-{day}") as area:
        # Read when the folder is there: whoever takes something down meanwhile sees it, and waits.
        area.refused = ledger.read(lake).taken_down
        with Measure() as measure:
            work = Work(lake, engine, area, day)
            outcome = known[source].load(work, inputs)
            outcome.staged.append(_stage_visits(work, source, outcome.visits))
            committed = lake.commit(area, outcome.staged, engine)
            _count(report, outcome)
            visits = _visit_rows(day, known[source].visit_type, outcome.visits)
            if "revision" in known[source].tables:
                committed |= lake.commit(area, trace(lake, area, visits), engine)
            trees = Trees.of(lake, visits, outcome.items)
            checks = [
                files_accounted(lake, report, outcome, trees),
                identity(lake, report, trees),
                empty_success(report, inputs, outcome),
                wiped_out(lake, report, outcome.visits),
            ]
        report.took(measure)
        report.seconds_saved = report.reused * _seconds_per_item(lake, source)
        report.details |= outcome.details | {
            "committed": {name: one.rows_new for name, one in sorted(committed.items()) if one.rows_new}
        }
        news = {
            "origin_visit": visits.select("origin", "visit", "date", "type"),
            "origin_visit_status": visits,
            "quarantine": _quarantine(outcome.items),
        }
        tables = {name: _arrow(rows, name) for name, rows in news.items()}
        digest = digest_of(inputs)
        return close_stage(lake, report, checks, tables, f"{digest}-{LOADER_VERSION}", digest, outcome.news)


def _stage_visits(work: Work, source: str, visits: Iterable[Visit]) -> list[StagedFile]:
    rows = Rows(work.area, f"{source}-visits")
    for visit in visits:
        rows.origin(visit.origin)
        if visit.branches is not None:
            rows.snapshot(visit.branches)
    return rows.close()


def _visit_rows(day: str, kind: str, visits: Sequence[Visit]) -> pl.DataFrame:
    return pl.DataFrame(
        [visit.row(day, kind) for visit in visits],
        schema={
            "origin": pl.String,
            "visit": pl.Int64,
            "date": pl.Datetime("us", "UTC"),
            "status": pl.String,
            "snapshot": pl.Binary,
            "type": pl.String,
        },
    )


def _count(report: StageReport, outcome: Outcome) -> None:
    """Files or records in, kept and dropped, and what was quarantined."""
    states = Counter({item.name: item.state for item in outcome.items}.values())
    for item in outcome.items:
        if item.state == "failed":
            assert item.error is not None
            report.rows_in += 1
            report.bytes_in += item.size
            report.drop(item.error.reason, 1, item.size)
    for item in counted(outcome.items):
        tally = item.tally
        report.rows_in += tally.total.rows
        report.bytes_in += tally.total.bytes
        report.rows_kept += tally.kept.rows
        report.bytes_kept += tally.kept.bytes
        missing = sum(note.reason == MISSING for note in tally.notes if note.path is not None)
        report.drop(MISSING, missing)
        told = sum(tally.reasons.values(), Count())
        report.drop(TOO_LARGE, tally.skipped.rows - missing - told.rows, tally.skipped.bytes - told.bytes)
        report.drop("replaced", tally.replaced.rows, tally.replaced.bytes)
        for reason, count in sorted([*tally.dropped.items(), *tally.reasons.items()]):
            report.drop(reason, count.rows, count.bytes)
    report.computed = states["loaded"]
    report.reused = states["reused"] + states["kept"]
    report.details["items"] = dict(sorted(states.items()))
    report.details["failed"] = sorted({f"{report.source}:{item.name}" for item in outcome.items if item.state == "failed"})
    report.details["quarantined"] = [
        f"{report.source}:{item.name}: {item.error.reason}: {item.error.detail}"
        for item in outcome.items
        if item.error is not None
    ]
    for item in outcome.items:
        for note in item.tally.notes:
            kind = "remarks" if note.kept else "quarantined"
            report.details.setdefault(kind, []).append(f"{report.source}:{item.name}: {note.reason}: {note.detail}")


def _quarantine(items: Iterable[Item]) -> pl.DataFrame:
    rows: list[tuple[str, str, str, str, bytes | None, int | None, bool]] = []
    for item in items:
        if item.error is not None:
            rows.append((item.name, STAGE, item.error.reason, item.error.detail, None, item.size or None, False))
        rows += [(item.name, STAGE, note.reason, note.detail, note.path, note.length, note.kept) for note in item.tally.notes]
    schema = {
        "item": pl.String,
        "stage": pl.String,
        "reason": pl.String,
        "detail": pl.String,
        "path": pl.Binary,
        "length": pl.Int64,
        "kept": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _seconds_per_item(lake: Lake, source: str) -> float:
    """Seconds an item of this source took, on average, in the runs that loaded any."""
    mine = (pl.col("source") == source) & (pl.col("stage") == STAGE) & (pl.col("computed") > 0)
    total = lake.scan("stage_report").filter(mine).select(pl.col("seconds").sum(), pl.col("computed").sum()).collect()
    seconds, computed = total.row(0)
    return seconds / computed if computed else 0.0


def _arrow(rows: pl.DataFrame, table: str) -> pa.Table:
    schema = pa.schema(TABLES[table].fields)
    return rows.to_arrow().select(schema.names).cast(schema)
