# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which tables of a lake are damaged, and how to say so.

Readers fail in their own words, most of which name no table, and often long after a table was opened. Whoever has to tell a
person what happened looks here which table it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow.parquet as pq

from codecommons.errors import CodeCommonsError, LakeError, UnreachableError
from codecommons.lake.files import DataFile, data_files, open_table
from codecommons.lake.schemas import Table
from codecommons.lake.storage import ADVICE, Storage, lake_errors, of_reader, unreachable

# Where a table goes whose log can't be read (``upkeep.repair``), as it is: nothing reads it there.
DAMAGED = "_damaged"
_MAGIC = b"PAR1"
# How a view begins that tells why it can't answer.
REFUSAL = "the lake refuses: "
# What an entry of a log says beside who wrote it.
_ACTIONS = ("add", "remove", "metaData", "protocol", "txn", "domainMetadata")
_FILES_AT_ONCE = 1000
# When pages have to be read to find the culprit, small tables come first, and it ends here.
_MOST_BYTES = 4 << 30


@dataclass(frozen=True)
class Damage:
    """One table that can't be read.

    Attributes:
        table: its name.
        what: one line: the table, where it is, and what is wrong with it.
        next: what to do.
        columns: that it lacks, being of an earlier version, where that is all.
        entry: of its log that is torn (see ``torn_entry``), where that is all.
    """

    table: str
    what: str
    next: str
    columns: tuple[str, ...] = ()
    entry: str | None = None

    def __str__(self) -> str:
        """Both as one line."""
        return f"{self.what}; {self.next}"


def damaged(storage: Storage, tables: Iterable[Table], pages: bool = False) -> list[Damage]:
    """Look for tables whose log can't be read or lacks columns, or whose files are missing, cut short or no Parquet files.

    Args:
        storage: the lake's files.
        tables: which tables to look at; one that isn't there counts as damaged.
        pages: also read every page, until a table turns out to be damaged or ``_MOST_BYTES`` have been read.

    Returns:
        What was found, by table.
    """
    some = sorted(tables, key=lambda table: table.name)
    with ThreadPoolExecutor(8) as threads:
        looked = list(threads.map(lambda table: _outside(storage, table), some))
    found = [damage for damage, _ in looked if damage]
    if not found and pages:
        sound = sorted(zip((files for _, files in looked), some, strict=True), key=lambda one: sum(file.bytes for file in one[0]))
        found = next(([damage] for damage in _inside(storage, sound) if damage), [])
    return found


def require_whole(storage: Storage, table: Table, files: Iterable[DataFile]) -> None:
    """Refuse files of a table of which one is missing or cut short: Polars breaks down over it and names no table.

    Only a local folder is looked at: of S3 every file would be a request, and what is there is whole.

    Raises:
        LakeError: it names the table, the file and what to do.
    """
    if storage.remote:
        return
    for file in files:
        try:
            size = os.stat(storage.path(table.name, file.path)).st_size  # noqa: PTH116 (a Path a file would cost more)
        except FileNotFoundError:
            raise LakeError(str(_damage(storage, table, f"{file.path} is missing"))) from None
        if size != file.bytes:
            raise LakeError(str(_damage(storage, table, f"{file.path} {_resized(size, file.bytes)}")))


def told(error: Exception, storage: Storage, tables: Iterable[Table]) -> Exception:
    """What a person should see of an error: why a view refused, a line about the damaged table, else the error itself."""
    lake, module = storage.settings.lake, type(error).__module__.partition(".")[0]
    if isinstance(error, CodeCommonsError) or not (of_reader(error) or isinstance(error, FileNotFoundError)):
        return error
    _, refused, why = str(error).partition(REFUSAL)
    if refused:
        return LakeError(why)
    if storage.remote and unreachable(error):
        return UnreachableError(f"{lake} can't be reached: {str(error).partition(chr(10))[0]}")
    named = re.search(rf"table (\w+) in {re.escape(lake)}\b|{re.escape(lake)}/(\w+)/", str(error))
    # DuckDB says which file it failed on, or that the query is wrong; only what it hasn't understood itself is of no kind.
    if not named and module in ("duckdb", "_duckdb") and type(error).__name__ != "Error":
        return error
    asked = {named[1] or named[2]} if named else None
    every = list(tables)
    found = damaged(storage, [table for table in every if asked is None or table.name in asked], pages=True)
    if asked and not found:  # of a query over several tables Polars may name a file of another one
        found = damaged(storage, every)
    if found:
        return LakeError(str(found[0]))
    if asked is None:
        return error
    return LakeError(f"table {asked.pop()} in {lake} can't be read: {str(error).partition(chr(10))[0]}; {ADVICE}")


def _outside(storage: Storage, table: Table) -> tuple[Damage | None, list[DataFile]]:
    """Damage that shows without reading rows, and the files of the table."""
    try:
        delta = open_table(storage, table)
        files = data_files(delta)
        with lake_errors(f"table {table.name} in {storage.settings.lake}"):
            root = storage.path(table.name)
            sizes = {path: one["size"] for path, one in storage.fs.find(root, detail=True).items()}
            for at in range(0, len(files), _FILES_AT_ONCE):
                for file, wrong in _wrong(storage, table, files[at : at + _FILES_AT_ONCE], sizes):
                    return _damage(storage, table, f"{file.path} {wrong}"), files
        there = {field.name for field in delta.schema().fields}
        if lacks := tuple(one.name for one in table.fields if one.name not in there):
            # `Lake.open` adds them, unless the lake was open in this version before: somebody has put an old folder there.
            what = f"table {table.name} in {storage.settings.lake} lacks columns of this version: {', '.join(lacks)}"
            return Damage(table.name, what, ADVICE.partition(";")[0], lacks), files
        log = storage.path(table.name, "_delta_log")
        if empty := min((path for path, size in sizes.items() if not size and _entry(path, log)), default=None):
            return torn(storage, table.name, empty.rpartition("/")[2]), files
    except LakeError as error:
        return Damage(table.name, str(error).removesuffix(f"; {ADVICE}"), ADVICE), []
    return None, files


def torn_entry(storage: Storage, table: str) -> Damage | None:
    """The first entry of a table's log since its last checkpoint that changes nothing: nobody commits such a one.

    It is what the crash of a machine may leave of a commit. Readers take no offence: what the commit brought is just not there.

    Raises:
        LakeError: the log can't be read.
    """
    log = storage.path(table, "_delta_log")
    with lake_errors(f"table {table} in {storage.settings.lake}"):
        there = sorted(storage.fs.find(log))
        checkpoints = [path for path in there if ".checkpoint." in path]
        entries = [path for path in there if _entry(path, log) and path > max(checkpoints, default="")]
        texts = storage.fs.cat(entries) if entries else {}
    for path, text in sorted(texts.items()):
        if not any(f'"{action}":'.encode() in text for action in _ACTIONS):
            return torn(storage, table, path.rpartition("/")[2])
    return None


def torn(storage: Storage, table: str, entry: str) -> Damage:
    """The damage that a torn entry is."""
    what = f"table {table} in {storage.settings.lake} is damaged: entry {entry} of its log has lost what was committed"
    return Damage(table, what, ADVICE, entry=entry)


def _entry(path: str, log: str) -> bool:
    return path.startswith(f"{log}/") and path.endswith(".json") and path.removeprefix(f"{log}/")[:20].isdigit()


def _wrong(storage: Storage, table: Table, files: list[DataFile], sizes: dict[str, int]) -> Iterator[tuple[DataFile, str]]:
    paths = [storage.path(table.name, file.path) for file in files]
    for file, path in zip(files, paths, strict=True):
        if path not in sizes:
            yield file, "is missing"
        elif sizes[path] != file.bytes:
            yield file, _resized(sizes[path], file.bytes)
    tails = storage.fs.cat_ranges(paths, [max(0, file.bytes - 4) for file in files], [file.bytes for file in files])
    for file, tail in zip(files, tails, strict=True):
        if tail != _MAGIC:
            yield file, "is no Parquet file"


def _inside(storage: Storage, tables: Iterable[tuple[list[DataFile], Table]]) -> Iterator[Damage | None]:
    """Read every page of every file, to the last one that the limit allows."""
    left = _MOST_BYTES
    for files, table in tables:
        for file in files:
            left -= file.bytes
            if left < 0:
                return
            try:
                with pq.ParquetFile(storage.path(table.name, file.path), filesystem=storage.arrow_fs) as opened:
                    for _ in opened.iter_batches(use_threads=False):
                        pass
            except (OSError, ValueError) as error:
                yield _damage(storage, table, f"{file.path} can't be read ({str(error).partition(chr(10))[0]})")


def _resized(size: int, right: int) -> str:
    return f"has {size:,} bytes, not {right:,}"


def _damage(storage: Storage, table: Table, wrong: str) -> Damage:
    return Damage(table.name, f"table {table.name} in {storage.settings.lake} is damaged: its file {wrong}", ADVICE)
