# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Reads the raw records of a slice, a file a task, into rows of other tables."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from codecommons.engine import Engine
from codecommons.lake import Lake, NewsFile, StagedFile, StagingArea, close_stage
from codecommons.lake.commits import data_files
from codecommons.lake.news import NewsWriter
from codecommons.lake.schemas import TABLES
from codecommons.lake.stages import digest
from codecommons.lake.storage import Storage, lake_errors
from codecommons.plugins import discover
from codecommons.report import STAGES, Measure, StageReport
from codecommons.settings import Settings

# Records that are read at once; the longest has 32 MB.
_RECORDS = 256
STAGE = STAGES[1]


@dataclass
class Said:
    """What some records say.

    Attributes:
        rows: rows of the table that the reader writes.
        facts: content-scoped table -> rows of it.
        problems: (item, reason, detail) of records that could not be read, or not in all.
    """

    rows: pa.Table
    facts: dict[str, pa.Table] = field(default_factory=dict)
    problems: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Reader:
    """What one source's raw records become.

    Attributes:
        reads: the raw table; ``columns`` of it are needed.
        writes: the slice-scoped table its rows go to.
        version: raised when the same records give other rows.
        read: from raw rows, a few at a time, to what they say.
    """

    reads: str
    columns: tuple[str, ...]
    writes: str
    version: int
    read: Callable[[Sequence[Mapping[str, Any]]], Said]
    after: Callable[[Lake, Engine, str, str, Sequence[NewsFile]], int] | None = None


@dataclass
class Reading:
    """What reading a slice came to: rows as files, facts as staged files, problems, and how many records there were."""

    files: list[NewsFile] = field(default_factory=list)
    staged: list[list[StagedFile]] = field(default_factory=list)
    problems: list[tuple[str, str, str]] = field(default_factory=list)
    records: int = 0
    bytes: int = 0


def readers(settings: Settings) -> dict[str, Reader]:
    """Every reader, by the name of its source: ours, and those of the users' plug-in folders."""
    return discover("codecommons.annotate.feeds", "READER", Reader, settings.plugins)


def read_slice(lake: Lake, engine: Engine, area: StagingArea, slice: str, source: str, reader: Reader) -> Reading:
    """Read what the first stage brought."""
    mine = (pl.col("slice") == slice) & (pl.col("source") == source)
    live = set(lake.log.live().filter(mine)["attempt"])
    files = data_files(lake.delta(reader.reads), {"slice": slice, "source": source})
    raw = [file for file in files if dict(file.partition)["attempt"] in live]
    found = Reading(records=sum(file.rows for file in raw), bytes=sum(file.bytes for file in raw))
    for read in engine.map(read_file, [_Task(area, source, file.path) for file in raw], name=str):
        found.files += [read.file] if read.file else []
        found.staged.append(read.staged)
        found.problems += read.problems
    return found


def annotate_records(lake: Lake, engine: Engine, report: StageReport) -> StageReport:
    """Read the records of a slice, ask what of them affects what, and end the stage."""
    reader = readers(lake.settings)[report.source]
    with lake.staging(f"annotate-{report.source}") as area:
        with Measure() as measure:
            found = read_slice(lake, engine, area, report.slice, report.source, reader)
            lake.commit(area, found.staged, engine)
            if reader.after:
                report.details["verdicts"] = reader.after(lake, engine, report.slice, report.source, found.files)
        report.seconds, report.peak_memory = measure.seconds, measure.peak_memory
        report.rows_in = report.rows_kept = found.records
        report.bytes_in = report.bytes_kept = found.bytes
        quarantine = pa.Table.from_pylist(
            [{"item": item, "stage": STAGE, "reason": reason, "detail": detail} for item, reason, detail in found.problems],
            pa.schema(TABLES["quarantine"].fields),
        )
        before = lake.log.verdict(report.slice, report.source, STAGES[0]) or {}
        return close_stage(
            lake, report, [], {"quarantine": quarantine}, digest([before.get("attempt"), reader.version]), files=found.files
        )


@dataclass(frozen=True)
class _Task:
    """A file of raw records, for one worker."""

    area: StagingArea
    source: str
    path: str

    def __str__(self) -> str:
        """How an error names it."""
        return f"records of {self.source} in {self.path}"


@dataclass
class _Read:
    """What a file came to."""

    file: NewsFile | None
    staged: list[StagedFile]
    problems: list[tuple[str, str, str]]


def read_file(task: _Task) -> _Read:
    """Read a file of raw records; runs in a worker."""
    storage = task.area.storage
    reader = readers(storage.settings)[task.source]
    raw = task.path.rpartition("/")[2].rpartition("-")[0]
    key = hashlib.sha256(f"{reader.writes} {reader.version} {raw}".encode()).hexdigest()[:32]
    facts = task.area.writer(str(task))
    problems: list[tuple[str, str, str]] = []
    with NewsWriter(task.area, reader.writes, key) as writer:
        for batch in _batches(storage, reader, task.path):
            said = reader.read(batch)
            writer.add(said.rows)
            for table, rows in sorted(said.facts.items()):
                facts.add(table, rows)
            problems += said.problems
    return _Read(writer.file(), facts.close(), problems)


def _batches(storage: Storage, reader: Reader, path: str) -> Iterator[list[dict[str, Any]]]:
    where = storage.path(reader.reads, path)
    with lake_errors(f"reading {where}"), storage.fs.open(where, "rb") as file:
        for batch in pq.ParquetFile(file).iter_batches(_RECORDS, columns=list(reader.columns)):
            yield batch.to_pylist()
