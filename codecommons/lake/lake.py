# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The lake as stages see it."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import IO, TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from codecommons.engine import Engine
from codecommons.engine.local import InlineEngine
from codecommons.errors import LakeError
from codecommons.lake import commits, contents
from codecommons.lake.damage import Damage, damaged, told
from codecommons.lake.files import DataFile, data_files, open_table
from codecommons.lake.garbage import modified
from codecommons.lake.keys import missing
from codecommons.lake.merging import Merged, MergeTask, bundles, merge_all, rewrite
from codecommons.lake.news import NewsFile, place
from codecommons.lake.schemas import COMMIT_ORDER, STAGE_REPORT, TABLES, Table
from codecommons.lake.slices import SliceLog
from codecommons.lake.snapshots import newest
from codecommons.lake.staging import StagedFile, StagingArea
from codecommons.lake.storage import Storage, lake_errors
from codecommons.report import StageReport
from codecommons.settings import Settings

if TYPE_CHECKING:
    import duckdb
    from fsspec import AbstractFileSystem

# design.md section 5: above this many files in one partition of a table they are merged into one.
MOST_FILES = 32


@dataclass(frozen=True)
class Committed:
    """What a commit did to one table: rows that were staged, rows and bytes (in memory) that were new."""

    rows_in: int
    rows_new: int
    bytes_new: int


class Lake:
    """Every table, by name. Picklable: only settings travel, so a task can take it along."""

    def __init__(self, storage: Storage, tables: Mapping[str, Table] = TABLES) -> None:
        """Use ``Lake.open``."""
        self.storage = storage
        self._tables = dict(tables)

    @classmethod
    def open(cls, settings: Settings | None = None) -> Lake:
        """Open a lake, creating it where there is none.

        Args:
            settings: where it is; without them the environment says so.

        Raises:
            LakeError: the folder or bucket can't be reached, read or written.
        """
        settings = settings or Settings.from_environment()
        odd = next((sign for sign in "%*?[" if sign in settings.lake), None)
        if odd:
            what = "Delta takes for an escape" if odd == "%" else "readers of tables take for a pattern"
            raise LakeError(f"the lake's path {settings.lake} has a {odd} in it, which {what}; choose another")
        storage = Storage(settings)
        with lake_errors(f"opening the lake {settings.lake}"):
            marker = storage.path("lake.json")
            storage.fs.makedirs(storage.path(), exist_ok=True)
            known = _marker(storage, marker)
        if known["bucket_bits"] != settings.bucket_bits:
            storage = Storage(replace(settings, bucket_bits=known["bucket_bits"]))
        lake = cls(storage)
        columns = {name: table.schema.names for name, table in TABLES.items()}
        old = [table for name, table in TABLES.items() if known["tables"].get(name) != columns[name]]
        if old:
            with ThreadPoolExecutor(8) as threads:
                current = list(threads.map(partial(_bring_up_to_date, storage, known["tables"]), old))
            done = [table.name for table, is_current in zip(old, current, strict=True) if is_current]
            known["tables"] |= {name: columns[name] for name in done}
            lake._write_marker(known)
        return lake

    def _write_marker(self, content: dict[str, Any]) -> None:
        with lake_errors(f"writing {self.storage.path('lake.json')}"):
            self.storage.fs.pipe_file(self.storage.path("lake.json"), json.dumps(content, sort_keys=True).encode())

    def __getstate__(self) -> dict[str, Any]:
        """Leave connections behind."""
        return {"storage": self.storage, "_tables": self._tables}

    @property
    def settings(self) -> Settings:
        """What the lake was opened with; ``bucket_bits`` is the lake's own."""
        return self.storage.settings

    @property
    def fs(self) -> AbstractFileSystem:
        """The file system of the lake, for releases; paths come from ``path``."""
        return self.storage.fs

    def path(self, *parts: str) -> str:
        """A path on ``fs`` below the lake's root."""
        return self.storage.path(*parts)

    @cached_property
    def log(self) -> SliceLog:
        """What slices consist of and how far they came."""
        return SliceLog(self.storage)

    def tables(self) -> dict[str, Table]:
        """Every table that is declared or registered, by name."""
        return dict(self._tables)

    def register(self, table: Table) -> None:
        """Make a table of a plug-in known: it is created when it is missing, and gets the columns that an older one lacks."""
        known = self._tables.get(table.name)
        if known is not None and known != table:
            raise LakeError(f"table {table.name} is declared twice, differently; give one of the plug-ins another name")
        if known is None:
            try:
                there = newest(self.storage, table).columns
            except LakeError as error:
                if not isinstance(error.__cause__, TableNotFoundError):
                    raise
                commits.create_table(self.storage, table)
            else:
                if not there.issuperset(table.schema.names):
                    commits.add_columns(self.storage, table)
            self._tables[table.name] = table

    def delta(self, table: str | Table) -> DeltaTable:
        """The Delta table itself, at its newest version, to do with as one likes."""
        return open_table(self.storage, self._table(table))

    def files(self, table: str | Table, partition: Mapping[str, str] | None = None) -> list[DataFile]:
        """The files of a table at its newest version, those of one partition if given, by path."""
        return newest(self.storage, self._table(table)).files_of(partition or {})

    def versions(self) -> dict[str, str]:
        """What tells the state of every table that holds facts from all others, without opening one; logs and releases aside.

        That is the newest entry of its log, with its size and when it was written: the number alone may come twice, where a lake
        was restored from a backup.
        """
        aside = {name for name, table in self._tables.items() if table.scope in ("log", "dataset")}
        found = {}
        with lake_errors(f"reading the lake {self.settings.lake}"):
            for log in self.fs.glob(self.path("*", "_delta_log")):
                name = log.rpartition("/")[0].rpartition("/")[2]
                if name not in aside:
                    entries = {info["name"].rpartition("/")[2]: info for info in self.fs.ls(log, detail=True)}
                    newest = max((entry for entry in entries if entry[:20].isdigit()), default="")
                    one = entries.get(newest)
                    found[name] = f"{newest} {one['size']} {modified(one).isoformat()}" if one else ""
        return found

    def scan(self, table: str | Table) -> pl.LazyFrame:
        """Rows that readers may see: of a content-scoped table what none overrules, of a slice-scoped one the live attempts."""
        declared = self._table(table)
        frame = newest(self.storage, declared).scan()
        if declared.scope == "slice":
            frame = frame.join(self.log.live().lazy(), on=["slice", "source", "attempt"], how="semi")
        if declared.unless:
            with lake_errors(f"table {declared.name} in {self.settings.lake}"):
                standing = self.keys_missing(declared.unless, frame.select(declared.key).collect())
            frame = frame.join(standing.lazy(), on=declared.key, how="semi")
        return frame

    def keys_missing(self, table: str | Table, keys: pl.DataFrame) -> pl.DataFrame:
        """Those of ``keys`` (the table's key columns) that the table does not hold, in their order.

        A row whose identifier could not be verified does not count: who brings the object itself replaces it.
        """
        declared = self._table(table)
        return missing(self.storage, declared, newest(self.storage, declared).files, keys)

    def staging(self, label: str) -> StagingArea:
        """A folder for what workers find; ``label`` only helps to read the folder."""
        area = StagingArea(self.storage, self._tables)
        area.folder = f"_staging/{label}-{area.folder.rpartition('/')[2]}"
        return area

    def commit(self, area: StagingArea, staged: Iterable[Sequence[StagedFile]], engine: Engine) -> dict[str, Committed]:
        """Bring staged rows into their tables, each key once, what is pointed to before what points to it.

        Args:
            area: where the files are.
            staged: what the tasks' writers returned, in the order of the tasks.
            engine: where the merging runs.

        Returns:
            Table name -> what was new. Committing the same rows again changes nothing.

        Raises:
            LakeError: a table can't be read or written.
        """
        groups: dict[str, dict[tuple[tuple[str, str], ...], list[StagedFile]]] = defaultdict(lambda: defaultdict(list))
        for files in staged:
            for file in files:
                for partition in file.partitions:
                    groups[file.table.name][partition].append(file)
        rank = {name: at for at, name in enumerate(COMMIT_ORDER)}
        names = sorted(groups, key=lambda name: (rank.get(name, len(rank)), name))
        versions = {name: newest(self.storage, self._table(name)).delta for name in names}
        tasks = [task for name in names for task in self._merge_tasks(name, groups[name], versions[name])]
        merged: dict[str, list[Merged]] = defaultdict(list)
        for some in engine.map(merge_all, bundles(tasks, engine.workers), name=str):
            for one in some:
                merged[one.task.table.name].append(one)
        return {name: self._commit_merged(name, merged[name], versions[name], engine) for name in names}

    def _merge_tasks(
        self, name: str, groups: Mapping[tuple[tuple[str, str], ...], list[StagedFile]], delta: DeltaTable
    ) -> list[MergeTask]:
        known: dict[tuple[tuple[str, str], ...], list[DataFile]] = defaultdict(list)
        for file in data_files(delta):
            known[tuple(sorted(file.partition))].append(file)
        return [
            MergeTask(self.storage, self._tables[name], partition, tuple(files), tuple(known[tuple(sorted(partition))]))
            for partition, files in sorted(groups.items())
        ]

    def _commit_merged(self, name: str, merged: list[Merged], delta: DeltaTable, engine: Engine) -> Committed:
        for _ in range(commits.ATTEMPTS):
            actions: list[AddAction | RemoveAction] = [file.remove() for one in merged for file in one.replaced]
            actions += [one.file.add() for one in merged if one.file]
            with lake_errors(f"committing to table {name} in {self.settings.lake}"):
                if not actions or commits.try_commit(delta, self._tables[name], actions, {"what": "objects"}):
                    break
            # Somebody was faster: merge again, against what is there now, where anything was added.
            delta = self.delta(name)
            before = {one.task.partition: one.task.known for one in merged}
            groups = {one.task.partition: list(one.task.staged) for one in merged}
            again = [task for task in self._merge_tasks(name, groups, delta) if task.known != before[task.partition]]
            redone = {one.task.partition: one for some in engine.map(merge_all, bundles(again, engine.workers)) for one in some}
            merged = [redone.get(one.task.partition, one) for one in merged]
        else:
            raise LakeError(
                f"table {name}: {commits.ATTEMPTS} commits in a row lost against other writers; run the same command again"
            )
        if any(one.files > MOST_FILES for one in merged):
            self.compact(engine, name)
        return Committed(
            sum(one.rows_in for one in merged),
            sum(one.rows_new for one in merged),
            sum(one.bytes_new for one in merged),
        )

    def compact(self, engine: Engine, name: str, most: int = MOST_FILES) -> tuple[int, int]:
        """Merge the files of every partition of a table that has more than ``most``; readers of older versions go on.

        Rows of a content-scoped table are sorted by key: what comes out depends on the set of rows alone. News stay as they are,
        as the names of their files mean something.

        Returns:
            Files before and after of the partitions that were merged.

        Raises:
            LakeError: the table can't be read or written.
        """
        table, delta = self._table(name), self.delta(name)
        files: dict[tuple[tuple[str, str], ...], list[DataFile]] = defaultdict(list)
        for file in data_files(delta):
            files[file.partition].append(file)
        many = {partition: some for partition, some in sorted(files.items()) if len(some) > most}
        if table.scope in ("slice", "dataset") or not many:
            return 0, 0
        if table.scope == "log":
            self._compact_log(name, sorted(many))
        else:
            tasks = [MergeTask(self.storage, table, tuple(partition), (), tuple(some)) for partition, some in many.items()]
            for one in engine.map(rewrite, tasks, name=str):
                self._exchange(name, one)
        return sum(map(len, many.values())), len(many)

    def _exchange(self, name: str, one: Merged) -> None:
        """Put a merged file in the place of those it was made of, unless somebody has replaced one of them: then all stays."""
        assert one.file is not None
        actions: list[AddAction | RemoveAction] = [*(file.remove() for file in one.replaced), one.file.add()]
        for _ in range(commits.ATTEMPTS):
            delta = self.delta(name)
            there = {file.path for file in data_files(delta, dict(one.task.partition))}
            with lake_errors(f"compacting table {name} in {self.settings.lake}"):
                if not {file.path for file in one.replaced} <= there:
                    return
                if commits.try_commit(delta, self._table(name), actions, {"what": "compaction"}):
                    return

    def _compact_log(self, name: str, partitions: Sequence[tuple[tuple[str, str], ...]]) -> None:
        """Merge the files of some partitions in delta-rs' own way."""
        for partition in partitions:
            filters = [(column, "=", value) for column, value in partition]
            with lake_errors(f"compacting table {name} in {self.settings.lake}"), contextlib.suppress(CommitFailedError):
                self.delta(name).optimize.compact(partition_filters=filters or None, max_concurrent_tasks=1)

    def write_news(
        self, news: Mapping[str, pa.Table], slice: str, source: str, attempt: str, files: Sequence[NewsFile] = ()
    ) -> None:
        """Write rows of slice-scoped tables under an attempt; what an attempt has written before is not written again.

        Args:
            news: table -> its rows.
            slice: the day.
            source: the source.
            attempt: the attempt.
            files: rows of other tables that workers have written, all of a table at once.
        """
        partition = (("slice", slice), ("source", source), ("attempt", attempt))
        for name, rows in sorted(news.items()):
            self._write_partition(self._table(name), partition, rows)
        for name in sorted({file.table for file in files}):
            self._adopt(self._table(name), partition, [file for file in files if file.table == name])

    def _adopt(self, table: Table, partition: tuple[tuple[str, str], ...], files: Sequence[NewsFile]) -> None:
        placed: list[DataFile] = []

        def prepare(delta: DeltaTable) -> list[AddAction | RemoveAction]:
            if data_files(delta, dict(partition)):
                return []
            if not placed:
                placed.extend(place(self.storage, table, partition, file) for file in files)
            return [file.add() for file in placed]

        commits.commit_loop(self.storage, table, prepare, dict(partition))

    def replace_release(self, table: str, dataset: str, fingerprint: str, rows: pa.Table) -> None:
        """Write the rows of one release of a dataset; a release that is there stays as it is."""
        self._write_partition(self._table(table), (("dataset", dataset), ("fingerprint", fingerprint)), rows)

    def _write_partition(self, table: Table, partition: tuple[tuple[str, str], ...], rows: pa.Table) -> None:
        if not rows.num_rows:
            return

        def prepare(delta: DeltaTable) -> list[AddAction | RemoveAction]:
            if data_files(delta, dict(partition)):
                return []
            fields = pa.schema(table.fields)
            return [commits.write_file(self.storage, table, partition, rows.select(fields.names).cast(fields)).add()]

        commits.commit_loop(self.storage, table, prepare, dict(partition))

    def append_report(self, report: StageReport, attempt: str) -> None:
        """Add one run of a stage to ``stage_report``; runs of a slice, source and stage are counted from 1."""
        mine = (pl.col("slice") == report.slice) & (pl.col("source") == report.source) & (pl.col("stage") == report.stage)

        def prepare(delta: DeltaTable) -> list[AddAction | RemoveAction]:
            last = self.scan(STAGE_REPORT).filter(mine).select(pl.col("run").max()).collect().item()
            row = {**report.to_row(), "slice": report.slice, "source": report.source, "attempt": attempt, "run": (last or 0) + 1}
            rows = pa.Table.from_pylist([row], schema=pa.schema(STAGE_REPORT.fields))
            return [commits.write_file(self.storage, STAGE_REPORT, (), rows).add()]

        commits.commit_loop(self.storage, STAGE_REPORT, prepare, {"stage": report.stage, "slice": report.slice})
        self.compact(InlineEngine(), STAGE_REPORT.name)

    def runs(self) -> pl.DataFrame:
        """How often every stage of a slice and source has run (columns slice, source, stage, run)."""
        return self.scan(STAGE_REPORT).group_by("slice", "source", "stage").agg(pl.col("run").max()).collect()

    def reports(self, since: pl.DataFrame | None = None) -> list[StageReport]:
        """The newest report of every slice, source and stage, by these; only of those that ran since ``runs`` said ``since``."""
        reports = self.scan(STAGE_REPORT)
        if since is not None:
            before = since.lazy().rename({"run": "before"})
            reports = reports.join(before, on=["slice", "source", "stage"], how="left").filter(
                pl.col("run") > pl.col("before").fill_null(0)
            )
        rows = reports.sort("run").group_by("slice", "source", "stage", maintain_order=True).last().collect()
        return [StageReport.from_row(row) for row in rows.sort("slice", "source", "stage").to_dicts()]

    def contents(self, ids: pl.DataFrame, batch_bytes: int | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the bytes of contents, in order of sha1_git.

        Args:
            ids: column sha1_git (binary), optionally length (int64; else looked up).
            batch_bytes: bytes of content in one batch, at most, unless a single content is larger.

        Yields:
            Batches of (sha1_git, data). A content without bytes is simply absent.
        """
        ids = ids.unique("sha1_git")
        if "length" not in ids.columns:
            ids = ids.join(self.scan("content").select("sha1_git", "length").collect(), on="sha1_git", how="left")
        ids = ids.select("sha1_git", pl.col("length").fill_null(0)).sort("sha1_git")
        if ids.height:
            yield from contents.in_order(self.storage, self._content_files(), ids, batch_bytes or self.settings.batch_bytes)

    def contents_as_they_lie(self, ids: pl.DataFrame) -> Iterator[pa.RecordBatch]:
        """Stream the bytes of contents in the order of the files, each row group read once.

        Half as much work as ``contents`` for who wants much of the lake and can do without an order.

        Args:
            ids: column sha1_git (binary).

        Yields:
            Batches of (sha1_git, data), of a row group each. A content without bytes is simply absent.
        """
        yield from contents.as_they_lie(self.storage, self._content_files(), ids)

    def _content_files(self) -> list[str]:
        return [self.path("content_data", file.path) for file in self.files("content_data")]

    def scratch_file(self) -> IO[bytes]:
        """A file without a name, gone when it is closed or its process dies, on a disk (``/tmp`` may be memory)."""
        folder = self.settings.home / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)

    def sql(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in memory with every view."""
        from codecommons.lake.views import connect

        return connect(self)

    def damage(self) -> list[Damage]:
        """Tables whose log or files are damaged, as far as shows without reading rows, by name."""
        return damaged(self.storage, self.stored())

    def told(self, error: Exception) -> Exception:
        """What a person should see of an error: one line about the damaged table that a reader stumbled over, else the error."""
        return told(error, self.storage, self.stored())

    def stored(self) -> list[Table]:
        """The tables that must be there, and those that a stage or a plug-in has made: their columns don't matter here."""
        with lake_errors(f"reading the lake {self.settings.lake}"):
            folders = self.fs.glob(self.path("*", "_delta_log"))
        names = {folder.rpartition("/")[0].rpartition("/")[2] for folder in folders}
        return [*TABLES.values(), *(Table(name, "", (), ()) for name in sorted(names - set(TABLES)))]

    def _table(self, table: str | Table) -> Table:
        if isinstance(table, Table):
            self.register(table)
            return table
        try:
            return self._tables[table]
        except KeyError:
            raise LakeError(f"there is no table {table!r}; there are {', '.join(sorted(self._tables))}") from None


def _bring_up_to_date(storage: Storage, known: Mapping[str, Any], table: Table) -> bool:
    """Create a table, or give one of an earlier version the columns it lacks; False if that can't be done now."""
    if table.name not in known:
        commits.create_table(storage, table)
        return True
    try:
        commits.add_columns(storage, table)
    except LakeError:  # it is damaged, or another process does the same: whoever uses the table is told
        return False
    return True


def _marker(storage: Storage, path: str) -> dict[str, Any]:
    """What ``lake.json`` says, or would say of a new lake: how many buckets it has, and its tables with their columns."""
    if not storage.fs.exists(path):
        return {"bucket_bits": storage.settings.bucket_bits, "tables": {}}
    try:
        known = json.loads(storage.fs.cat_file(path))
        tables = known["tables"]
        return {"bucket_bits": int(known["bucket_bits"]), "tables": tables if isinstance(tables, dict) else dict.fromkeys(tables)}
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"{path} is damaged: it doesn't say how many buckets the lake has and which tables; restore it from a backup"
        ) from error
