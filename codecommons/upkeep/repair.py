# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Damage is taken out, and what is missing then is made again from the raw slices.

A lake is a function of what its slices consist of, so nearly every row can be made again. Three steps, each of which may be
killed and run again: the files that can't be trusted leave their tables, and with them the rows which say that these are there;
the log says of every slice that it has to be made again; every slice goes through the stages, which add what is missing and
nothing else. An item that can't be had any more stays what it was, if all of it is still there or came with another one. What
nobody can make again (what slices consist of, what was listed, the opt-out ledger) is named and left for ``restore``.

No file is deleted: those that left a table go with the next garbage a day later, a table whose log was lost lies in ``_damaged``.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from codecommons.annotate import annotate_slice
from codecommons.archive import ingest_slice
from codecommons.archive.tally import BEFORE_REPAIR
from codecommons.datasets.build import build
from codecommons.datasets.releases import is_whole, list_releases
from codecommons.datasets.reproduce import specification_of
from codecommons.dedup import compare_slice
from codecommons.engine import Engine
from codecommons.errors import CodeCommonsError, LakeError, UsageError
from codecommons.lake import Lake, commits
from codecommons.lake.damage import DAMAGED
from codecommons.lake.erasing import at_work
from codecommons.lake.files import DataFile, data_files, open_table
from codecommons.lake.schemas import TABLES, Table
from codecommons.lake.storage import lake_errors
from codecommons.license import qualify_slice
from codecommons.report import STAGES
from codecommons.upkeep.verify import ORIGINAL, REPAIR, RESTORE, Fault, Verified, verify

# The failing check of slices that have to be made again.
CHECK = "whole"
WORK = dict(zip(STAGES[:-1], (ingest_slice, annotate_slice, qualify_slice, compare_slice), strict=True))
# What says that something was done before, whatever it was, and by which key: without it sources are read again, and only what is
# missing is added. What it came to is set aside, for items that can't be read again.
_MEMORY = {"extid": "extid", "collection_tree": "state"}
# What says that rows of a table are there: a loader that finds it looks for none of them. Keyed alike, so in the same bucket.
_SAYS = {
    "content_data": "content",
    "directory_entry": "directory",
    "revision_history": "revision",
    "revision_extra_headers": "revision",
}
# The same, in whatever bucket: heads that were traced, texts whose pairs were looked for, commits whose authors are known.
_SAYS_OF_ALL = {
    "person": ("revision", "release"),
    "introduced": ("origin_revision",),
    "origin_revision": ("origin_revision",),
    "band": ("signature",),
    "crowded_band": ("signature",),
    "duplicate_pair": ("signature",),
}
_SAYING = {*_MEMORY, *_SAYS.values(), *(name for names in _SAYS_OF_ALL.values() for name in names)}
_OF_RELEASES = ("dataset_row", "dataset_drop", "shard", "dataset")


@dataclass
class Repaired:
    """What was done, and what is left.

    Attributes:
        found: what was wrong before.
        taken: table -> how many of its files left it, or -1: all of it was set aside.
        slices: ``day source`` -> what its stages came to: ``passed``, or why not.
        releases: ``name/12 hex`` -> the same.
        left: faults that can't be put right from here.
    """

    found: list[Fault]
    taken: dict[str, int] = field(default_factory=dict)
    slices: dict[str, str] = field(default_factory=dict)
    releases: dict[str, str] = field(default_factory=dict)
    left: list[Fault] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether all of it was put right."""
        return not self.left and all(said == "passed" for said in (*self.slices.values(), *self.releases.values()))


def repair(
    lake: Lake,
    engine: Engine,
    found: Verified | None = None,
    others_stopped: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Repaired:
    """Find what is damaged and put it right.

    Args:
        lake: the lake.
        engine: where files are read and slices are made.
        found: what a verification of everything has found; it is done here otherwise.
        others_stopped: the operator's word that nothing else works on the lake: who does may have found rows that go now, and
            would remember that they are there.
        tell: is told of each step.

    Raises:
        UsageError: somebody may be at work, and nobody has said otherwise.
        LakeError: the lake can't be read or written; what was done stays done, and the next run goes on.
    """
    if found is None:
        tell("looking at everything")
        found = verify(lake, engine, everything=True)
    done = Repaired(found.faults)
    done.left = [fault for fault in found.faults if fault.table in ORIGINAL and not fault.columns]
    if done.left:
        # Without these nobody can tell what the lake should be.
        return done
    for fault in found.faults:
        if fault.columns:
            tell(f"adding columns to {fault.table}: {', '.join(fault.columns)}")
            commits.add_columns(lake.storage, lake.tables()[fault.table])
    mine = [fault for fault in found.faults if not fault.release and not fault.columns]
    if mine:
        if not others_stopped and (busy := at_work(lake.storage)):
            raise UsageError(
                f"{lake.path('_staging', busy[0])} may be of a run at work; wait until it has ended, or stop it and all else "
                "that works on this lake, then say --others-stopped"
            )
        tell(f"taking out what is damaged: {', '.join(sorted({fault.table for fault in mine}))}")
        done.taken = take_out(lake, mine)
    lake = Lake.open(lake.settings)
    _make_slices(lake, engine, done, tell)
    if done.slices:
        # A slice passes when its files are there; whether all that they hang from is, nobody has looked yet.
        done.left += [replace(fault, next=RESTORE) for fault in verify(lake, engine).faults if not fault.release]
    _make_releases(lake, engine, done, tell)
    return done


def take_out(lake: Lake, faults: Sequence[Fault]) -> dict[str, int]:
    """Take files that can't be trusted out of their tables, and let every slice be made again.

    Returns:
        Table -> how many files went, or -1 where all of it was set aside.

    Raises:
        LakeError: a table can't be read or written.
    """
    stored = {table.name: table for table in lake.stored()}
    aside = sorted({fault.table for fault in faults if not _readable(lake, fault.table)})
    gone: dict[str, dict[str, DataFile]] = defaultdict(dict)
    for fault in faults:
        if fault.table in aside:
            _lost(lake, stored, gone, fault.table, None)
            continue
        files = _files(lake, fault.table)
        exact = [file for file in files if fault.file == file.path]
        if fault.file is None and fault.bucket is not None:
            exact = [file for file in files if dict(file.partition).get("bucket") == str(fault.bucket)]
        gone[fault.table] |= {file.path: file for file in exact}
        for file in exact:
            _lost(lake, stored, gone, fault.table, file)
        if not exact:  # rows that nobody knows the file of
            _lost(lake, stored, gone, fault.table, None)
    # First the log: whoever is killed from here on leaves slices that everybody knows to be unfinished.
    tables = sorted({fault.table for fault in faults} - {"stage_report"})
    if tables and "slice_log" not in tables:
        _distrust(lake, tables)
    taken = {name: len(files) for name, files in sorted(gone.items()) if files and name not in aside}
    # What says that rows are there goes before the rows do.
    for name in sorted(taken, key=lambda name: name not in _SAYING):
        wrong = {fault.file for fault in faults if fault.table == name}
        some = {path for path in gone[name] if name in _MEMORY and path not in wrong}
        _replace(lake, name, some, _aside)
        _replace(lake, name, set(gone[name]) - some)
    for name in aside:
        _set_aside(lake, name)
        taken[name] = -1
    if "slice_log" in tables:
        _distrust(lake, tables)
    for fault in faults:
        if fault.entry and fault.table not in aside:
            _close(lake, fault.table, fault.entry)
    return taken


def _readable(lake: Lake, name: str) -> bool:
    try:
        _files(lake, name)
    except LakeError:
        return False
    return True


def _files(lake: Lake, name: str) -> list[DataFile]:
    return data_files(open_table(lake.storage, Table(name, "", (), ())))


def _lost(
    lake: Lake,
    stored: dict[str, Table],
    gone: dict[str, dict[str, DataFile]],
    name: str,
    file: DataFile | None,
) -> None:
    """What has to go with a file of a table; None stands for any of its files."""
    partition = dict(file.partition) if file else {}
    if name == "stage_report":  # measurements: nothing stands on them, and nobody can take them again
        return

    def take(other: str, like: dict[str, str]) -> None:
        if other in stored and _readable(lake, other):
            some = [one for one in _files(lake, other) if like.items() <= dict(one.partition).items()]
            gone[other] |= {one.path: one for one in some}

    if name in TABLES and TABLES[name].scope == "slice" and file:
        take(name, partition)  # an attempt that has some of its rows is not written again
    if name in _OF_RELEASES:
        for other in _OF_RELEASES:
            take(other, partition)
        return
    if name in _SAYS:
        take(_SAYS[name], {key: value for key, value in partition.items() if key == "bucket"})
    for other in _SAYS_OF_ALL.get(name, ()):
        take(other, {key: value for key, value in partition.items() if key != "bucket"})
    for other in _MEMORY:
        take(other, {})


def _replace(lake: Lake, name: str, paths: set[str], kept: Callable[[pl.DataFrame], pl.DataFrame] | None = None) -> None:
    """Take files out of a table; what is kept of the rows of each is put in its place."""
    delta = open_table(lake.storage, Table(name, "", (), ()))
    table = Table(name, "", tuple(pa.schema(delta.schema())), (), "log", tuple(delta.metadata().partition_columns))

    def prepare(delta: DeltaTable) -> list[AddAction | RemoveAction]:
        files = [file for file in data_files(delta) if file.path in paths]
        actions: list[AddAction | RemoveAction] = [file.remove() for file in files]
        for file in files:
            if kept is None:
                continue
            rows = pq.ParquetFile(lake.path(name, file.path), filesystem=lake.storage.arrow_fs).read()
            left = kept(pl.DataFrame(rows)).to_arrow().cast(rows.schema)
            actions += [commits.write_file(lake.storage, table, file.partition, left).add()] if left.num_rows else []
        return actions

    commits.commit_loop(lake.storage, table, prepare, {"what": "damage"})


def _aside(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``_MEMORY`` under keys of nothing that was done."""
    [key] = [name for name in rows.columns if name in _MEMORY.values()]
    keys = pl.when(_is_aside(key)).then(key).otherwise(pl.col(key) + pl.lit(BEFORE_REPAIR))
    kind = [pl.lit("before-repair").alias("extid_type")] if "extid_type" in rows.columns else []
    return rows.with_columns(keys.alias(key), *kind)


def _forget_aside(lake: Lake) -> None:
    """Remove what was set aside of all that was read again since."""
    for name, key in _MEMORY.items():
        keys = lake.scan(name).select(key).unique().collect()
        again = keys.filter(~_is_aside(key)).select(pl.col(key) + pl.lit(BEFORE_REPAIR))
        if again.join(keys, on=key, how="semi").height:
            every = {file.path for file in lake.files(name)}
            _replace(lake, name, every, partial(pl.DataFrame.join, other=again, on=key, how="anti", maintain_order="left"))


def _is_aside(key: str) -> pl.Expr:
    return pl.col(key).bin.ends_with(BEFORE_REPAIR)


def _close(lake: Lake, name: str, entry: str) -> None:
    """Have an entry of a log that has lost what was committed say that nothing was: what that brought is made again."""
    actions = ({"commitInfo": {"operation": "REPAIR"}}, {"txn": {"appId": REPAIR, "version": int(entry[:20])}})
    path = lake.path(name, "_delta_log", entry)
    with lake_errors(f"writing {path}"):
        lake.fs.pipe_file(path, "".join(f"{json.dumps(action)}\n" for action in actions).encode())


def _set_aside(lake: Lake, name: str) -> None:
    """Move the folder of a table whose log can't be read out of the way, and begin the table anew."""
    target = lake.path(DAMAGED, f"{name}-{uuid.uuid4().hex[:8]}")
    with lake_errors(f"moving table {name} to {target}"):
        if not lake.storage.remote:
            lake.fs.makedirs(lake.path(DAMAGED), exist_ok=True)
        if lake.fs.exists(lake.path(name)):
            lake.fs.mv(lake.path(name), target, recursive=True)
    if name in lake.tables():
        commits.create_table(lake.storage, lake.tables()[name])


def _distrust(lake: Lake, tables: Iterable[str]) -> None:
    detail = f"rows of {', '.join(tables)} were damaged and have been taken out; `codecommons lake repair` makes them again"
    lake.log.distrust(STAGES[0], CHECK, detail)


def _make_slices(lake: Lake, engine: Engine, done: Repaired, tell: Callable[[str], None]) -> None:
    """Make slices again, and those that failed once more as long as others pass: these may have brought what those lacked."""
    log = lake.log.verdicts()
    todo = log.filter((log["failing_check"] == CHECK) & (log["stage"] == STAGES[0])).select("slice", "source")
    left, before = todo.sort("slice", "source").rows(), 0
    while left and len(left) != before:
        before = len(left)
        for day, source in left:
            tell(f"making {source} of {day} again")
            done.slices[f"{day} {source}"] = _make(lake, engine, day, source)
        left = [(day, source) for day, source in left if done.slices[f"{day} {source}"] != "passed"]
    _forget_aside(lake)


def _make(lake: Lake, engine: Engine, day: str, source: str) -> str:
    """Take one source of a slice through the stages; what a stage raises is its verdict."""
    for stage, work in WORK.items():
        try:
            work(lake, engine, day, source)
        except CodeCommonsError as error:
            lake.log.record(day, source, stage, "failed", failing_check=CHECK, detail=str(error))
            return f"{stage}: {error}"
        verdict = lake.log.verdict(day, source, stage) or {}
        if verdict.get("verdict") != "passed":
            return f"{stage}: {verdict.get('detail')}"
    return "passed"


def _make_releases(lake: Lake, engine: Engine, done: Repaired, tell: Callable[[str], None]) -> None:
    """Build releases again whose files or rows are not all there: of the same inputs it is the same release, byte for byte."""
    damaged = {fault.release for fault in done.found if fault.release}
    recorded = set(lake.scan("dataset").select("fingerprint").collect()["fingerprint"])
    log = lake.log.verdicts()
    logged = set(log.filter(log["stage"] == STAGES[-1]).select("slice", "source").iter_rows())
    try:
        every = list_releases(lake)
    except LakeError as error:
        done.left.append(Fault("releases", str(error), "restore it from a backup, or remove its folder and build it again"))
        return
    for one in every:
        name = one.folder.removeprefix("datasets/")
        known = one.fingerprint in recorded and (one.document["inputs"]["as_of"], one.name) in logged
        if name not in damaged and known:
            continue
        tell(f"making release {name} again")
        try:
            built = build(lake, engine, one.name, specification_of(one)).details.get("fingerprint")
            again = f"its inputs have changed since: build it anew with `codecommons dataset build {one.name}`"
            done.releases[name] = "passed" if built == one.fingerprint and is_whole(lake, one) else again
        except CodeCommonsError as error:
            done.releases[name] = str(error)
