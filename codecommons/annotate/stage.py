# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The second stage: everything the annotators say about the files of a slice, computed only where it is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from codecommons.annotate import store
from codecommons.annotate.annotator import Annotator, current, prepare, tree_files
from codecommons.annotate.columns import buffers
from codecommons.annotate.commits import versions
from codecommons.annotate.feed import annotate_records, readers
from codecommons.annotate.vulnerabilities.resolve import resolve
from codecommons.archive import slice_roots
from codecommons.engine import Engine
from codecommons.lake import Lake, StagedFile, StagingArea, close_stage
from codecommons.lake.ranges import slices_of
from codecommons.lake.stages import digest
from codecommons.report import STAGES, CheckResult, Measure, StageReport
from codecommons.swhid import SYMLINK_PERMS

STAGE, BEFORE = STAGES[1], STAGES[0]
# Inputs of one task, where it reads no contents of its own.
A_TASK = {"path": 100_000, "tree": 16}
# An annotator gets copies of what was read; smaller ones cost no time, and leave memory to the answers.
BATCHES_A_READ = 4
# What a row says that stands for an answer which killed whoever looked for it.
DEADLY = "the worker died twice on it (killed, or out of memory)"
TOP = 20
# What the report counts: its name there, annotator, column.
_COUNTED = {
    "languages": ("language", "language"),
    "encodings": ("encoding", "encoding"),
    "licenses": ("license_evidence", "stated"),
}


def annotate_slice(lake: Lake, engine: Engine, slice: str, source: str) -> StageReport:
    """Annotate the contents, names, paths and trees of a slice that no annotator of the current digests has seen.

    Args:
        lake: the lake.
        engine: where the work runs.
        slice: the day.
        source: the source.

    Returns:
        Rows are files of the slice's trees. Computed and reused are annotations. ``details``: languages, encodings and
        licenses (the most frequent, with files and bytes), annotators (name -> digest, and what each did), errors; past_versions
        (files as commits left them, see ``annotate.commits``).

    Raises:
        GateError: the slice has not been ingested well.
        LakeError: the lake can't be read or written.
        UsageError: a plug-in can't be used.
    """
    lake.log.require_passed(slice, source, BEFORE)
    report = StageReport(STAGE, slice, source)
    if reader := readers(lake.settings).get(source):
        return annotate_records(lake, engine, report, reader)
    annotators = current(lake.settings)
    with Measure() as measure:
        files = _files(lake, slice, source, report)
        past = versions(lake, engine, slice, source)
        every = pl.concat([files.select(past.columns), past])
        units = {
            name: store.units(annotator, every if "content" in annotator.input else files)
            for name, annotator in annotators.items()
        }
        todo = {name: store.missing(lake, annotators[name], wanted) for name, wanted in units.items()}
        with lake.staging(f"annotate-{source}") as area:
            if any(frame.height for frame in todo.values()):
                list(engine.map(prepare, [lake.settings]))  # in one process, before many would do it at a time
            tasks = [*_content_tasks(lake, area, annotators, todo, every), *_unit_tasks(lake, area, annotators, todo, "path")]
            lake.commit(area, engine.map(annotate_task, tasks, instead=smaller), engine)
        with lake.staging(f"annotate-trees-{source}") as area:  # what is said of trees needs what was said of their files
            lake.commit(area, engine.map(annotate_task, _unit_tasks(lake, area, annotators, todo, "tree")), engine)
        found = {name: _found(lake, annotators[name], wanted) for name, wanted in units.items()}
        _describe(report, annotators, todo, found, files)
        report.details["verdicts"] = resolve(lake, engine, slice, source)
        report.details["past_versions"] = past.height
    report.took(measure)
    report.computed = sum(frame.height for frame in todo.values())
    report.reused = sum(frame.height for frame in units.values()) - report.computed
    report.seconds_saved = report.reused * _seconds_each(lake, report)
    checks = _checks(lake, report, units, found)
    digests = {name: annotator.digest for name, annotator in annotators.items()}
    before = lake.log.verdict(slice, source, BEFORE) or {}
    looked_at = [before.get("attempt"), digests, *(["commits"] if lake.settings.commits else [])]
    return close_stage(lake, report, checks, input_digest=digest(looked_at))


def _files(lake: Lake, slice: str, source: str, report: StageReport) -> pl.DataFrame:
    """The files to annotate (columns root, path, content, length, name); what can't be is counted as dropped."""
    roots = slice_roots(lake, slice, source).select(pl.col("root").unique())
    trees = lake.scan("tree_file").join(roots.lazy(), on="root", how="semi").select("root", "path", "perms", "content").collect()
    ids = trees.lazy().select(sha1_git="content").unique()
    there = lake.scan("content").filter(pl.col("verified") == "yes")
    here = there.join(ids, on="sha1_git", how="semi").select("sha1_git", "length").collect()
    gone = lake.scan("skipped_content").join(ids, on="sha1_git", how="semi").select("sha1_git", "length", "reason").collect()
    lengths = pl.concat([here.with_columns(reason=pl.lit(None, pl.String)), gone.join(here, on="sha1_git", how="anti")])
    files = trees.join(lengths.rename({"sha1_git": "content"}), on="content", how="left", maintain_order="left")
    files = files.with_columns(
        pl.col("length").fill_null(0),
        reason=pl.when(pl.col("perms") == SYMLINK_PERMS).then(pl.lit("symbolic-link")).otherwise("reason"),
    )
    report.rows_in, report.bytes_in = files.height, int(files["length"].sum())
    for reason, rows, nbytes in (
        files.filter(pl.col("reason").is_not_null()).group_by("reason").agg(pl.len(), pl.sum("length")).sort("reason").rows()
    ):
        report.drop(reason, rows, nbytes)
    kept = files.filter(pl.col("reason").is_null())
    report.rows_kept, report.bytes_kept = kept.height, int(kept["length"].sum())
    return store.named(kept.select("root", "path", "content", "length"))


@dataclass(frozen=True)
class Task:
    """A range of contents, or some paths or trees, and what each annotator has to say about them.

    Attributes:
        name: what an error calls it.
        lake: the lake.
        area: where rows go.
        units: annotator -> keys that are missing.
        ids: columns sha1_git, length: the contents to read; None for paths and trees.
        deadly: whether a worker has died on this content twice, so that a row says so instead of an answer.
    """

    name: str
    lake: Lake
    area: StagingArea
    units: Mapping[str, pl.DataFrame]
    ids: pl.DataFrame | None = None
    deadly: bool = False

    def __str__(self) -> str:
        """How an error names it."""
        return self.name


def _content_tasks(
    lake: Lake, area: StagingArea, annotators: Mapping[str, Annotator], todo: Mapping[str, pl.DataFrame], files: pl.DataFrame
) -> list[Task]:
    """Ranges of content identifiers of at most a batch of bytes each, with the units that are missing there."""
    units = {name: frame for name, frame in todo.items() if "content" in annotators[name].input and frame.height}
    if not units:
        return []
    wanted = pl.concat([frame.select(sha1_git="content") for frame in units.values()]).unique()
    lengths = files.select("length", sha1_git="content").unique("sha1_git")
    ids = wanted.join(lengths, on="sha1_git").select("sha1_git", "length").sort("sha1_git")
    ranges = list(slices_of(ids, lake.settings.batch_bytes))
    of_task = pl.concat([run.select(content="sha1_git", task=pl.lit(at)) for at, run in enumerate(ranges)])
    parts = {
        name: frame.join(of_task, on="content", maintain_order="left").partition_by("task", as_dict=True, include_key=False)
        for name, frame in units.items()
    }
    return [
        Task(
            f"annotating contents from {run['sha1_git'][0].hex()}",
            lake,
            area,
            {name: part[at,] for name, part in parts.items() if (at,) in part},
            run,
        )
        for at, run in enumerate(ranges)
    ]


def _unit_tasks(
    lake: Lake, area: StagingArea, annotators: Mapping[str, Annotator], todo: Mapping[str, pl.DataFrame], kind: str
) -> list[Task]:
    """Runs of missing paths or trees, each for one annotator of that input."""
    return [
        Task(f"annotating {kind}s ({name})", lake, area, {name: part})
        for name, frame in todo.items()
        if annotators[name].input == kind
        for part in frame.iter_slices(A_TASK[kind])
        if part.height
    ]


def annotate_task(task: Task) -> list[StagedFile]:
    """Run the annotators of a task over its contents, each content's bytes being read once."""
    settings = task.lake.settings
    annotators = current(settings)
    writer = task.area.writer(task.name)
    prepare(settings)
    if task.ids is None:
        for name, units in task.units.items():
            trees = annotators[name].input == "tree"
            for batch in _trees(task.lake, annotators[name], units) if trees else units.to_arrow().to_batches():
                writer.add(annotators[name].table.name, annotators[name].run(batch if trees else _plain(batch)))
        return writer.close()
    for contents in task.lake.contents(task.ids, settings.batch_bytes):
        for name, units in task.units.items():
            for batch in batches(contents, units, settings.batch_bytes // BATCHES_A_READ):
                one = annotators[name]
                writer.add(one.table.name, one.give_up(batch, DEADLY) if task.deadly else one.run(batch))
    return writer.close()


def smaller(task: Task) -> list[Task]:
    """What runs instead of a task that workers died on: its halves, then one annotator at a time, then a row that says so.

    One content that no memory is enough for must not cost the others their answers.
    """
    if task.ids is None or task.deadly:
        return []
    if task.ids.height == 1:
        if len(task.units) == 1:
            return [replace(task, deadly=True)]
        return [replace(task, name=f"{task.name}, {name}", units={name: units}) for name, units in task.units.items()]
    half = task.ids.height // 2
    parts = []
    for ids in (task.ids[:half], task.ids[half:]):
        content = pl.col("content").is_in(ids["sha1_git"].implode())
        units = {name: some for name, all_ in task.units.items() if (some := all_.filter(content)).height}
        parts.append(replace(task, name=f"annotating contents from {ids['sha1_git'][0].hex()}", ids=ids, units=units))
    return parts


def batches(contents: pa.RecordBatch, units: pl.DataFrame, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """What an annotator gets to see of some contents.

    Args:
        contents: columns sha1_git, data.
        units: columns content, and name where the annotator wants names.
        batch_bytes: bytes of content in one batch, at most, unless one content alone is larger.

    Yields:
        Batches of sha1_git, name (where units have it), data, in the order of the units.
    """
    lengths = np.diff(buffers(contents.column("data"))[0])
    at = pl.DataFrame({"content": pl.from_arrow(contents.column("sha1_git")), "at": range(len(lengths)), "length": lengths})
    chosen = units.join(at, on="content", maintain_order="left")
    for run in slices_of(chosen, batch_bytes):
        rows = run["at"].to_arrow()
        columns = {"sha1_git": contents.column("sha1_git").take(rows), "data": contents.column("data").take(rows)}
        if "name" in run.columns:
            columns["name"] = run["name"].to_arrow().cast(pa.binary())
        yield pa.record_batch(columns)


def _trees(lake: Lake, annotator: Annotator, roots: pl.DataFrame) -> Iterator[pa.RecordBatch]:
    """What an annotator of trees gets to see: root, files (see ``tree_files``), one tree at a time."""
    entries = lake.scan("tree_file").filter(pl.col("perms") != SYMLINK_PERMS).join(roots.lazy(), on="root", how="semi")
    files = store.named(entries.select("root", "path", "content").collect())
    columns = ["path", "content"]
    if annotator.needs:
        key = [name for name in annotator.needs.table.key if name != "digest"]
        said = pl.struct(field.name for field in annotator.needs.fields)
        known = store.rows(lake, annotator.needs).join(files.lazy().select(key), on=key, how="semi")
        files = files.join(known.select(*key, said=said).collect(), on=key, how="left")
        columns.append("said")
    trees = files.sort("root", "path").partition_by("root", as_dict=True, maintain_order=True)
    for root in roots["root"]:
        tree = trees[root,].select(columns).to_dicts()
        yield pa.record_batch({"root": pa.array([root], pa.binary()), "files": pa.array([tree], tree_files(annotator))})


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch([column.cast(pa.binary()) for column in batch.columns], names=batch.schema.names)


def _found(lake: Lake, annotator: Annotator, wanted: pl.DataFrame) -> pl.DataFrame:
    """What the report tells of an annotator's rows for some units: their key, their error, and what is counted."""
    key = [name for name in wanted.columns if name != "path"]
    told = [column for name, column in _COUNTED.values() if name == annotator.name]
    rows = store.rows(lake, annotator).select(*key, "error", *told)
    return rows.join(wanted.lazy().select(key), on=key, how="semi").collect()


def _describe(
    report: StageReport,
    annotators: Mapping[str, Annotator],
    todo: Mapping[str, pl.DataFrame],
    found: Mapping[str, pl.DataFrame],
    files: pl.DataFrame,
) -> None:
    """Fill ``details``."""
    report.details |= {detail: _top(files, found[name], column) for detail, (name, column) in _COUNTED.items()}
    report.details["errors"] = {name: int(rows["error"].count()) for name, rows in found.items() if rows["error"].count()}
    report.details["annotators"] = {
        name: {"digest": annotator.digest, "computed": todo[name].height, "reused": found[name].height - todo[name].height}
        for name, annotator in annotators.items()
    }


def _top(files: pl.DataFrame, rows: pl.DataFrame, column: str) -> list[dict[str, Any]]:
    """The most frequent values of an annotation over the files of a slice, with files and bytes; ``name`` null is: none."""
    key = [name for name in ("content", "name") if name in rows.columns]
    joined = files.join(rows.select(*key, value=column), on=key, how="left")
    counts = joined.group_by("value").agg(files=pl.len(), bytes=pl.sum("length"))
    return counts.sort(["files", "value"], descending=[True, False]).head(TOP).rename({"value": "name"}).to_dicts()


def _seconds_each(lake: Lake, report: StageReport) -> float:
    """Seconds that one annotation took, over all recorded runs of this stage and this one."""
    past = (
        lake.scan("stage_report")
        .filter(pl.col("stage") == STAGE, pl.col("computed") > 0)
        .select(pl.sum("seconds"), pl.sum("computed"))
        .collect()
    )
    seconds, computed = past.row(0)
    if report.computed:
        seconds, computed = seconds + report.seconds, computed + report.computed
    return float(seconds / computed) if computed else 0.0


def _checks(
    lake: Lake, report: StageReport, units: Mapping[str, pl.DataFrame], found: Mapping[str, pl.DataFrame]
) -> Sequence[CheckResult]:
    again = f"materialize {STAGE} of {report.slice} again"
    lost = {}
    for name, wanted in units.items():
        key = [column for column in wanted.columns if column != "path"]
        left = wanted.join(found[name], on=key, how="anti")
        if left.height:
            lost[name] = (left.height, left[key[0]][0].hex())
    first = next(
        (f"{name} says nothing about {rows} of its inputs, the first being {key}" for name, (rows, key) in lost.items()), ""
    )
    before = next((r for r in lake.reports() if (r.slice, r.source, r.stage) == (report.slice, report.source, BEFORE)), None)
    expected = before.files_kept if before else 0
    return [
        CheckResult(
            "conservation",
            report.conserved,
            f"{report.rows_in} files in, {report.rows_kept} kept, {report.rows_in - report.rows_kept} dropped with a reason"
            + ("" if report.conserved else f"; the figures must add up: this is a defect, report it, then {again}"),
        ),
        CheckResult(
            "everything_annotated",
            not lost,
            f"{first}: their bytes are not in content_data though nothing says why; ingest the slice again, then {again}"
            if lost
            else "every annotator has a row for every input of the slice",
            {"annotations": sum(frame.height for frame in units.values()), "errors": sum(report.details["errors"].values())},
        ),
        CheckResult(
            "no_empty_success",
            bool(report.rows_kept) or not expected,
            f"{report.rows_kept} files annotated"
            + (f"; the {before.unit} of {report.source} end with {BEFORE}" if before and before.unit != "files" else "")
            if report.rows_kept or not expected
            else f"{BEFORE} kept {expected} files of {report.source}, and none of them arrived here; {again}",
        ),
    ]
