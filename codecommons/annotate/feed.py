# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the second stage does with the records of a feed: it reads them, a file a task, into rows of another table.

What a file's records say follows from the file and the reader's version. So a file that was read, for whatever slice, is not read
again: its rows are copied, and what was wrong with it is remembered in ``extid``.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from codecommons.engine import Engine
from codecommons.errors import CodeCommonsError
from codecommons.lake import Lake, NewsFile, StagedFile, StagingArea, close_stage, news
from codecommons.lake.files import DataFile
from codecommons.lake.merging import ROW_GROUP_BYTES
from codecommons.lake.news import NewsWriter
from codecommons.lake.schemas import TABLES
from codecommons.lake.stages import digest
from codecommons.lake.storage import Storage, lake_errors
from codecommons.plugins import discover
from codecommons.report import STAGES, CheckResult, Measure, StageReport
from codecommons.settings import Settings

STAGE, BEFORE = STAGES[1], STAGES[0]
_EXTID_TYPE = "feed-reading"
# Records that are read at once, and problems of one file that are named.
_RECORDS, _PROBLEMS, _LONGEST_REASON = 256, 1_000, 500


@dataclass(frozen=True)
class Problem:
    """Something wrong with a record.

    Attributes:
        item: whose it is; ``reason`` and ``detail`` go to quarantine with it.
        kept: whether the record was taken all the same, as far as it goes.
    """

    item: str
    reason: str
    detail: str
    kept: bool


@dataclass
class Said:
    """What some records say.

    Attributes:
        rows: rows of the table that the reader writes.
        facts: content-scoped table -> rows of it.
        problems: what is wrong with records.
        also: further slice-scoped table -> rows of it.
    """

    rows: pa.Table
    facts: dict[str, pa.Table] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    also: dict[str, pa.Table] = field(default_factory=dict)


@dataclass(frozen=True)
class Reader:
    """What one source's raw records become.

    Attributes:
        reads: the raw table; ``columns`` of it are needed.
        writes: the slice-scoped table its rows go to.
        version: raised when the same records give other rows.
        read: from raw rows, a few at a time, to what they say; a record that it raises something for is left out.
        then: what follows from all rows, which are in files; the facts are committed. Returns figures for the report.
        also: further slice-scoped tables that rows go to.
    """

    reads: str
    columns: tuple[str, ...]
    writes: str
    version: int
    read: Callable[[Sequence[Mapping[str, Any]]], Said]
    then: Callable[[Lake, Engine, str, str, Sequence[NewsFile]], dict[str, Any]] | None = None
    also: tuple[str, ...] = ()

    def stands_on(self, attempt: str | None) -> str:
        """The digest of what its rows follow from: the attempt of the first stage, and this reader."""
        return digest([attempt, self.writes, self.version])

    @property
    def tables(self) -> tuple[str, ...]:
        """The slice-scoped tables it fills."""
        return (self.writes, *self.also)


def readers(settings: Settings) -> dict[str, Reader]:
    """Every reader, by the name of its source: ours, and those of the users' plug-in folders."""
    return discover("codecommons.annotate.feeds", "READER", Reader, settings.plugins)


def annotate_records(lake: Lake, engine: Engine, report: StageReport, reader: Reader) -> StageReport:
    """Read what the first stage brought of a feed, and end the stage.

    Args:
        lake: the lake.
        engine: where the work runs.
        report: of the slice and source, with nothing in it yet.
        reader: of the source.

    Returns:
        The report: its rows are records, its bytes those of their files.

    Raises:
        LakeError: the lake can't be read or written.
    """
    report.details["unit"] = "records"
    with lake.staging(f"annotate-{report.source}") as area:
        with Measure() as measure:
            found = _read_slice(lake, engine, area, report, reader)
            if reader.then:
                files = [file for read in found for file in read.files]
                report.details |= reader.then(lake, engine, report.slice, report.source, files)
        report.took(measure)
        problems = [problem for read in found for problem in read.problems]
        for reason, count in sorted(sum((Counter(read.lost) for read in found), Counter()).items()):
            report.drop(reason, count)
        report.rows_kept = report.rows_in - sum(count.rows for count in report.dropped.values())
        report.bytes_kept = report.bytes_in
        rows = [{"stage": STAGE, "path": None, "length": None} | vars(problem) for problem in problems]
        quarantine = pa.Table.from_pylist(rows, pa.schema(TABLES["quarantine"].fields))
        before = lake.log.verdict(report.slice, report.source, BEFORE) or {}
        files = [file for read in found for file in read.files]
        return close_stage(
            lake, report, _checks(lake, report), {"quarantine": quarantine}, reader.stands_on(before.get("attempt")), files=files
        )


def _checks(lake: Lake, report: StageReport) -> list[CheckResult]:
    again = f"materialize {STAGE} of {report.slice} again"
    before = next((r for r in lake.reports() if (r.slice, r.source, r.stage) == (report.slice, report.source, BEFORE)), None)
    expected = before.rows_kept if before else report.rows_in
    lost = "" if report.rows_in == expected else f"; {BEFORE} kept {expected:,}: materialize {BEFORE} of {report.slice} again"
    empty = "" if report.rows_kept or not expected else f"; look at `codecommons sql 'from quarantine'`, then {again}"
    told = f"{report.rows_in:,} records in, {report.rows_kept:,} read, {report.rows_in - report.rows_kept:,} left out"
    return [
        CheckResult("conservation", report.conserved, f"{told} for a stated reason"),
        CheckResult("everything_annotated", not lost, f"{report.rows_in:,} records came in{lost}"),
        CheckResult("no_empty_success", not empty, f"{report.rows_kept:,} records read{empty}"),
    ]


@dataclass(frozen=True)
class _Task:
    """A file of raw records, for one worker."""

    area: StagingArea
    source: str
    path: str
    key: str

    def __str__(self) -> str:
        """How an error names it."""
        return f"reading records of {self.source} in {self.path}"


@dataclass
class _Read:
    """What a file came to."""

    files: list[NewsFile]
    problems: list[Problem]
    lost: dict[str, int]
    staged: list[StagedFile] = field(default_factory=list)


def _read_slice(lake: Lake, engine: Engine, area: StagingArea, report: StageReport, reader: Reader) -> list[_Read]:
    live = lake.log.live().filter((pl.col("slice") == report.slice) & (pl.col("source") == report.source))["attempt"]
    mine = lake.files(reader.reads, {"slice": report.slice, "source": report.source})
    raw = [file for file in mine if dict(file.partition)["attempt"] in set(live)]
    there = {table: lake.files(table) for table in reader.tables}
    done: dict[str, _Read] = {}
    tasks: list[_Task] = []
    for file in raw:
        report.rows_in, report.bytes_in = report.rows_in + file.rows, report.bytes_in + file.bytes
        key = _key(reader, file)
        known = _known(lake, reader, key, there)
        if known:
            done[key] = known
            report.reused += file.rows
        else:
            tasks.append(_Task(area, report.source, file.path, key))
            report.computed += file.rows
    for task, read in zip(tasks, engine.map(read_file, tasks, name=str), strict=True):
        done[task.key] = read
    lake.commit(area, [read.staged for read in done.values()], engine)
    return [read for _, read in sorted(done.items())]


def _key(reader: Reader, file: DataFile) -> str:
    """What the rows of a file are a function of; the raw file's own name says that of the raw rows."""
    raw = file.path.rpartition("/")[2].removeprefix("part-").rpartition("-")[0]
    return hashlib.sha256(f"{reader.writes} {reader.version} {raw}".encode()).hexdigest()[:32]


def _known(lake: Lake, reader: Reader, key: str, files: Mapping[str, Sequence[DataFile]]) -> _Read | None:
    """What a file came to when it was read before, from whatever slice, if its rows are there."""
    rows = lake.scan("extid").filter(pl.col("extid") == _extid(key)).collect().to_dicts()
    if not rows:
        return None
    looked = [news.find(lake.storage, TABLES[table], files[table], key) for table in reader.tables]
    found = [file for file in looked if file]
    told = json.loads(rows[0]["detail"])
    problems = [Problem(**one) for one in told["problems"]]
    return _Read(found, problems, told["lost"]) if sum(file.rows for file in found) == rows[0]["files"] else None


def read_file(task: _Task) -> _Read:
    """Read a file of raw records; runs in a worker."""
    storage = task.area.storage
    reader = readers(storage.settings)[task.source]
    facts = task.area.writer(str(task))
    problems: list[Problem] = []
    lost: Counter[str] = Counter()
    waiting: dict[str, list[pa.Table]] = {table: [] for table in reader.tables}
    with ExitStack() as stack:
        writers = {table: stack.enter_context(NewsWriter(task.area, table, task.key)) for table in reader.tables}
        for batch in _batches(storage, reader, task.path):
            for said in _said(reader, batch):
                for table, rows in ({reader.writes: said.rows} | said.also).items():
                    waiting[table].append(rows)
                    if sum(one.nbytes for one in waiting[table]) >= ROW_GROUP_BYTES:
                        writers[table].add(pa.concat_tables(waiting[table]))
                        waiting[table].clear()
                for table, rows in sorted(said.facts.items()):
                    facts.add(table, rows)
                problems += said.problems[: _PROBLEMS - len(problems)]
                lost.update(problem.reason for problem in said.problems if not problem.kept)
        for table, left in waiting.items():
            if left:
                writers[table].add(pa.concat_tables(left))
    files = [file for writer in writers.values() if (file := writer.file())]
    read = _Read(files, problems, dict(lost))
    facts.add("extid", _remembered(task.key, reader, read))
    read.staged = facts.close()
    return read


def _said(reader: Reader, batch: Sequence[Mapping[str, Any]]) -> Iterator[Said]:
    """What some records say; one that the reader fails on is left out with the reason, and the others are read."""
    try:
        said = reader.read(batch)
    except CodeCommonsError:
        raise
    except Exception as error:  # whatever a stranger's record makes a reader do
        if len(batch) > 1:
            half = len(batch) // 2
            yield from _said(reader, batch[:half])
            yield from _said(reader, batch[half:])
            return
        nothing = {table: pa.schema(TABLES[table].fields).empty_table() for table in reader.tables}
        reason = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
        problem = Problem(str(batch[0].get("item")), "unreadable", f"{batch[0].get('id')}: {reason}", False)
        said = Said(nothing.pop(reader.writes), problems=[problem], also=nothing)
    yield said


def _batches(storage: Storage, reader: Reader, path: str) -> Iterator[list[dict[str, Any]]]:
    """Some records at a time, none from two row groups, which have a size that they were given by their bytes."""
    where = storage.path(reader.reads, path)
    with lake_errors(f"reading {where}"), storage.fs.open(where, "rb") as opened:
        file = pq.ParquetFile(opened)
        for group in range(file.num_row_groups):
            for batch in file.iter_batches(_RECORDS, [group], list(reader.columns), use_threads=False):
                yield batch.to_pylist()


def _remembered(key: str, reader: Reader, read: _Read) -> pa.Table:
    schema = pa.schema(TABLES["extid"].fields)
    row = dict.fromkeys(schema.names) | {
        "extid": _extid(key),
        "extid_type": _EXTID_TYPE,
        "extid_version": reader.version,
        "files": sum(file.rows for file in read.files),
        "detail": json.dumps({"problems": [vars(problem) for problem in read.problems], "lost": read.lost}),
    }
    return pa.Table.from_pylist([row], schema)


def _extid(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
