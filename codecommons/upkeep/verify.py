# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Is the lake whole: every table readable, every reference leads somewhere, and bytes are what their names say.

Files of tables are written with a checksum a page, so a flipped bit shows wherever pages are read. Without ``everything``, logs,
sizes and footers of all files are looked at, pages and identities of a sample that the seed chooses; a lake that grows is thus
looked at in a time that does not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from codecommons.datasets.releases import Release, files_of, list_releases, sha256_of, withdrawn
from codecommons.engine import Engine
from codecommons.errors import LakeError
from codecommons.lake import Lake
from codecommons.lake.damage import Damage, damaged, torn_entry
from codecommons.lake.files import DataFile, data_files, open_table
from codecommons.lake.ranges import bucket_range, in_range
from codecommons.lake.schemas import Table
from codecommons.lake.storage import Storage, lake_errors
from codecommons.swhid import content_id, directory_id
from codecommons.upkeep.references import REFERENCES, Dangling, dangling

# What is read without ``everything``.
_SAMPLE_BYTES = 256 << 20
_SAMPLE_DIRECTORIES = 1_000
# Files of one task: enough to pay for it.
_TASK_BYTES = 64 << 20
_DIRECTORIES_AT_ONCE = 20_000
REPAIR = "codecommons lake repair"
# What can't be made again from anything.
ORIGINAL = frozenset({"slice_input", "listed_origin", "cursor", "opt_out_ledger"})
RESTORE = "put the table's folder back from a backup (codecommons lake restore, to another place); nobody can make it again"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        table: whose rows are wrong or lost; ``releases`` for the files of datasets.
        what: one line: where, and what is wrong.
        next: the command that puts it right.
        file: the data file, from the table's folder; None where the whole table is meant.
        bucket: the bucket that is meant where nobody can tell which file.
        release: ``name/12 hex`` of the release whose file it is.
        columns: that the table lacks, being of an earlier version; nothing else of it is wrong.
        entry: of the table's log that has lost what was committed.
    """

    table: str
    what: str
    next: str = REPAIR
    file: str | None = None
    bucket: int | None = None
    release: str | None = None
    columns: tuple[str, ...] = ()
    entry: str | None = None


@dataclass
class Verified:
    """What was looked at, and what was found.

    Attributes:
        tables: whose logs and files were looked at.
        files: data files that are there with the size and the footer they were written with.
        bytes: of those whose every page was read.
        contents: that were hashed; ``directories`` likewise.
        references: columns that were followed.
        releases: whose files were looked at.
        faults: what is wrong, in the order of the tables.
        remarks: what is worth a look and explained.
    """

    tables: int = 0
    files: int = 0
    bytes: int = 0
    contents: int = 0
    directories: int = 0
    references: int = 0
    releases: int = 0
    faults: list[Fault] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


@dataclass(frozen=True)
class _Files:
    """What one task looks at: files of one table, of which those ``in_full`` are read to the end."""

    storage: Storage
    table: str
    files: tuple[DataFile, ...]
    in_full: frozenset[str]

    def __str__(self) -> str:
        """How an error names it."""
        return f"reading {len(self.files)} files of table {self.table}"


@dataclass(frozen=True)
class _Looked:
    bytes: int
    contents: int
    faults: tuple[Fault, ...]


def verify(lake: Lake, engine: Engine, everything: bool = False, seed: int = 0) -> Verified:
    """Look at the whole lake; nothing is changed.

    Args:
        lake: the lake.
        engine: where files are read.
        everything: read every page of every file, hash every content and directory and every file of a release.
        seed: chooses the sample otherwise: another seed looks at other files.

    Raises:
        LakeError: the lake can't be reached. What is damaged in it is a fault.
    """
    found = Verified()
    tables = lake.stored()
    found.tables = len(tables)
    outside = damaged(lake.storage, tables)
    broken = {damage.table for damage in outside}
    with ThreadPoolExecutor(8) as threads:
        named = sorted({table.name for table in tables} - broken)
        outside += [damage for damage in threads.map(partial(torn_entry, lake.storage), named) if damage]
    broken = {damage.table for damage in outside}
    sound = [table for table in tables if table.name not in broken]
    for damage in outside:
        found.faults += list(_outside(lake, damage))
    files = {table.name: data_files(open_table(lake.storage, table)) for table in sound}
    found.files = sum(map(len, files.values()))
    tasks = list(_tasks(lake.storage, files, everything, seed))
    for looked in engine.map(_look, tasks, name=str):
        found.bytes += looked.bytes
        found.contents += looked.contents
        found.faults += looked.faults
    found.faults = [replace(one, next=RESTORE) if one.table in ORIGINAL and not one.columns else one for one in found.faults]
    unreadable = broken | {fault.table for fault in found.faults}
    if not unreadable & {"directory", "directory_entry"}:
        _directories(lake, found, everything, seed)
    if not unreadable:
        _references(lake, found)
    if not unreadable & {"opt_out_ledger"}:
        _releases(lake, found, everything)
    return found


def _outside(lake: Lake, damage: Damage) -> Iterator[Fault]:
    """Damage that shows without reading rows: file by file where the log is sound."""
    name = damage.table
    try:
        files = data_files(open_table(lake.storage, Table(name, "", (), ())))
        with lake_errors(f"reading table {name}"):
            sizes = {path: info["size"] for path, info in lake.fs.find(lake.path(name), detail=True).items()}
    except LakeError:
        yield Fault(name, damage.what)
        return
    whole = {file.path: lake.path(name, file.path) for file in files}
    some = False
    for file in files:
        there = sizes.get(whole[file.path])
        if there != file.bytes:
            wrong = "is missing" if there is None else f"has {there:,} bytes, not {file.bytes:,}"
            yield Fault(name, f"table {name}: its file {file.path} {wrong}", file=file.path)
            some = True
    right = tuple(file for file in files if sizes.get(whole[file.path]) == file.bytes)
    for fault in _look(_Files(lake.storage, name, right, frozenset())).faults:
        yield fault
        some = True
    if not some:
        yield Fault(name, damage.what, columns=damage.columns, entry=damage.entry)


def _tasks(storage: Storage, files: Mapping[str, Sequence[DataFile]], everything: bool, seed: int) -> Iterator[_Files]:
    every = [(name, file) for name, some in sorted(files.items()) for file in some]
    chosen = {(name, file.path) for name, file in every}
    if not everything:
        order, left = random.Random(seed).sample(every, len(every)), _SAMPLE_BYTES
        chosen = set()
        for name, file in order:
            if file.bytes <= left:
                left -= file.bytes
                chosen.add((name, file.path))
    for name, some in sorted(files.items()):
        run: list[DataFile] = []
        size = 0
        for file in some:
            run.append(file)
            size += file.bytes
            if size >= _TASK_BYTES or file is some[-1]:
                yield _Files(storage, name, tuple(run), frozenset(one.path for one in run if (name, one.path) in chosen))
                run, size = [], 0


def _look(task: _Files) -> _Looked:
    """Read footers, and of some files every page; runs in a worker."""
    faults: list[Fault] = []
    size = contents = 0
    for file in task.files:
        path = task.storage.path(task.table, file.path)
        try:
            with pq.ParquetFile(path, filesystem=task.storage.arrow_fs, page_checksum_verification=True) as opened:
                if file.rows is not None and opened.metadata.num_rows != file.rows:
                    what = f"has {opened.metadata.num_rows:,} rows, not {file.rows:,}"
                    faults.append(Fault(task.table, f"table {task.table}: its file {file.path} {what}", file=file.path))
                elif file.path in task.in_full:
                    hashed, wrong = _read(opened, task.table)
                    contents += hashed
                    if wrong:
                        what = f"has other bytes than its name says for swh:1:cnt:{wrong}"
                        faults.append(Fault(task.table, f"table {task.table}: its file {file.path} {what}", file=file.path))
                    size += file.bytes
        except (OSError, ValueError, pa.ArrowException) as error:
            what = f"can't be read ({str(error).partition(chr(10))[0]})"
            faults.append(Fault(task.table, f"table {task.table}: its file {file.path} {what}", file=file.path))
    return _Looked(size, contents, tuple(faults))


def _read(opened: pq.ParquetFile, table: str) -> tuple[int, str | None]:
    """Read every row group; contents are hashed: how many, and the first that is wrong (hex)."""
    hashed, wrong = 0, None
    for group in range(opened.num_row_groups):
        rows = opened.read_row_group(group, use_threads=False)
        if table == "content_data":
            for identifier, data in zip(rows["sha1_git"], rows["data"], strict=True):
                hashed += 1
                if wrong is None and content_id(data.as_py()) != identifier.as_py():
                    wrong = identifier.as_py().hex()
    return hashed, wrong


def _directories(lake: Lake, found: Verified, everything: bool, seed: int) -> None:
    """Hash directories from their entries, a range of identifiers at a time."""
    claimed = lake.scan("directory").filter(pl.col("verified") == "yes")
    total = claimed.select(pl.len()).collect().item()
    parts = max(1, -(-total // _DIRECTORIES_AT_ONCE))
    bits = lake.settings.bucket_bits
    # Without everything one range: as many directories as a sample has, from wherever the seed points.
    first = random.Random(seed).randrange(max(1, -(-total // _SAMPLE_DIRECTORIES)))
    ranges = (
        [bucket_range(0, 0, part, parts) for part in range(parts)]
        if everything
        else [bucket_range(0, 0, first, max(1, -(-total // _SAMPLE_DIRECTORIES)))]
    )
    for low, high in ranges:
        where = in_range("id", low, high), in_range("directory_id", low, high)
        directories = _rows(lake, "directory", ["id", "raw_manifest", "verified"], where[0]).filter(pl.col("verified") == "yes")
        entries = _rows(lake, "directory_entry", ["directory_id", "name", "perms", "target"], where[1])
        of = {key[0]: rows.select("name", "perms", "target").rows() for key, rows in entries.group_by("directory_id")}
        for identifier, raw in directories.select("id", "raw_manifest").iter_rows():
            found.directories += 1
            if directory_id(of.get(identifier, []), raw) != identifier:
                bucket = int.from_bytes(identifier[:2], "big") >> (16 - bits)
                what = f"table directory_entry: the entries of swh:1:dir:{identifier.hex()} don't hash to its name"
                found.faults.append(Fault("directory_entry", what, bucket=bucket))


def _rows(lake: Lake, table: str, columns: list[str], where: ds.Expression) -> pl.DataFrame:
    files = [lake.path(table, file.path) for file in lake.files(table)]
    schema = pa.schema([field for field in lake.tables()[table].fields if field.name in columns])
    if not files:
        return pl.DataFrame(schema.empty_table())
    with lake_errors(f"table {table} in {lake.settings.lake}"):
        dataset = ds.dataset(files, schema=schema, format="parquet", filesystem=lake.storage.arrow_fs)
        return pl.DataFrame(dataset.to_table(columns=columns, filter=where, use_threads=False))


def _references(lake: Lake, found: Verified) -> None:
    visits = lake.scan("origin_visit_status").select("status", "source").unique().collect()
    partial = sorted(set(visits.filter((pl.col("status") == "partial") | (pl.col("source") == "swh"))["source"].to_list()))
    found.references = len(REFERENCES)
    for one in dangling(lake):
        if one.reference.may_lack and partial:
            found.remarks.append(f"{_said(one)}; origins of {', '.join(partial)} that are themselves incomplete explain such")
        else:
            lost = one.reference.targets[0].partition(".")[0]
            found.faults.append(Fault(lost, _said(one)))


def _said(one: Dangling) -> str:
    return f"{one.reference}: {one.values:,} values name nothing, such as {one.example}"


def _releases(lake: Lake, found: Verified, everything: bool) -> None:
    """Every file of every release is there; with the bytes it was published with, if everything is looked at."""
    for path in sorted(lake.fs.glob(lake.path("datasets", "*", "*", "fingerprint.json"))):
        name, _, digits = "/".join(path.split("/")[-3:-1]).partition("/")
        found.releases += 1
        advice = f"codecommons dataset verify {name}"
        try:
            one = next((one for one in list_releases(lake, name) if one.folder == f"datasets/{name}/{digits}"), None)
        except LakeError as error:
            found.faults.append(Fault("releases", str(error), advice, release=f"{name}/{digits}"))
            continue
        if one is None:
            what = f"release {name}/{digits}: its fingerprint.json is that of another release"
            found.faults.append(Fault("releases", what, advice, release=f"{name}/{digits}"))
            continue
        for file, wrong in _wrong_files(lake, one, everything):
            found.faults.append(
                Fault("releases", f"release {name}/{digits}: {file} {wrong}", file=file, release=f"{name}/{digits}")
            )


def _wrong_files(lake: Lake, one: Release, everything: bool) -> Iterator[tuple[str, str]]:
    folder, gone = one.folder, withdrawn(lake, one)
    with lake_errors(f"reading {folder}"):
        there = {path.removeprefix(f"{lake.path(folder)}/") for path in lake.fs.find(lake.path(folder))}
    for file, sha256 in files_of(one.document).items():
        if file in gone:
            continue
        if file not in there:
            yield file, "is missing"
        elif everything and sha256_of(lake, lake.path(folder, file)) != sha256:
            yield file, "has other bytes than were published"
