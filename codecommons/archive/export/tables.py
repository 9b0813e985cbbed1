# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The tables of an export as streams of Arrow batches, from a folder or S3, whichever of its layouts there is.

An export is a folder ``{orc,parquet}/<table>/*``. Of a table only the columns and, by their statistics, the row groups (Parquet)
or stripes (ORC) that matter are read, one after the other. Hashes stay the hex text they are; dates of revisions and releases
are made one type: seconds and microseconds, as the Parquet layout has them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import posixpath
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from codecommons.archive.export.selection import Selection
from codecommons.errors import CodeCommonsError, ItemError
from codecommons.lake.schemas import DATE
from codecommons.lake.storage import MEMORY_ADVICE
from codecommons.settings import Settings

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

T = TypeVar("T")
R = TypeVar("R")

LAYOUTS = ("parquet", "orc")

# Software Heritage's relational export, in its order (swh-export 1.12, relational.py). ``date`` stands for either of the types
# that an export has for it.
_TEXT, _BYTES, _WILD, _VISIT = pa.string(), pa.binary(), DATE, pa.timestamp("us")
COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "origin": {"id": _TEXT, "url": _TEXT},
    "origin_visit": {"origin": _TEXT, "visit": pa.int64(), "date": _VISIT, "type": _TEXT},
    "origin_visit_status": {
        "origin": _TEXT,
        "visit": pa.int64(),
        "date": _VISIT,
        "status": _TEXT,
        "snapshot": _TEXT,
        "type": _TEXT,
    },
    "snapshot": {"id": _TEXT},
    "snapshot_branch": {"snapshot_id": _TEXT, "name": _BYTES, "target": _TEXT, "target_type": _TEXT},
    "release": {
        "id": _TEXT,
        "name": _BYTES,
        "message": _BYTES,
        "target": _TEXT,
        "target_type": _TEXT,
        "author": _BYTES,
        "date": _WILD,
        "date_offset": pa.int16(),
        "date_raw_offset_bytes": _BYTES,
        "raw_manifest": _BYTES,
    },
    "revision": {
        "id": _TEXT,
        "message": _BYTES,
        "author": _BYTES,
        "date": _WILD,
        "date_offset": pa.int16(),
        "date_raw_offset_bytes": _BYTES,
        "committer": _BYTES,
        "committer_date": _WILD,
        "committer_offset": pa.int16(),
        "committer_date_raw_offset_bytes": _BYTES,
        "directory": _TEXT,
        "type": _TEXT,
        "raw_manifest": _BYTES,
    },
    "revision_history": {"id": _TEXT, "parent_id": _TEXT, "parent_rank": pa.int32()},
    "revision_extra_headers": {"id": _TEXT, "key": _BYTES, "value": _BYTES},
    "directory": {"id": _TEXT, "raw_manifest": _BYTES},
    "directory_entry": {"directory_id": _TEXT, "name": _BYTES, "type": _TEXT, "target": _TEXT, "perms": pa.int32()},
    "content": {
        "sha1": _TEXT,
        "sha1_git": _TEXT,
        "sha256": _TEXT,
        "blake2s256": _TEXT,
        "length": pa.int64(),
        "status": _TEXT,
    },
    "skipped_content": {
        "sha1": _TEXT,
        "sha1_git": _TEXT,
        "sha256": _TEXT,
        "blake2s256": _TEXT,
        "length": pa.int64(),
        "status": _TEXT,
        "reason": _TEXT,
    },
}

# What nothing can be made of without; other columns an older export may lack.
NEEDED = {
    "origin": ("url",),
    "origin_visit": ("origin", "visit", "date"),
    "origin_visit_status": ("origin", "visit", "status", "snapshot"),
    "snapshot": ("id",),
    "snapshot_branch": ("snapshot_id", "name", "target", "target_type"),
    "release": ("id", "target", "target_type"),
    "revision": ("id", "directory"),
    "revision_history": ("id", "parent_id"),
    "directory": ("id",),
    "directory_entry": ("directory_id", "name", "type", "target", "perms"),
    "content": ("sha1", "sha1_git", "length"),
}

_BATCH_ROWS = 32_768
_AHEAD = 2
# Bytes that are asked of S3 at once. An ORC reader jumps between the columns of a stripe, a few kB at a time: it gets blocks that
# are kept, as many as make a stripe.
_REQUEST, _BLOCKS = 4 << 20, 16


@dataclass(frozen=True)
class Range:
    """Values of one column from ``low`` on and up to ``high``, both included; None is no bound. What statistics can rule out."""

    column: str
    low: Any = None
    high: Any = None

    def expression(self, kind: pa.DataType) -> pc.Expression:
        """As a filter on a column of this type."""
        field, found = ds.field(self.column), []
        if self.low is not None:
            found.append(field >= pa.scalar(self.low, kind))
        if self.high is not None:
            found.append(field <= pa.scalar(self.high, kind))
        return found[0] if len(found) == 1 else found[0] & found[1]

    def misses(self, least: Any, most: Any) -> bool:
        """Whether no value between ``least`` and ``most`` is in it."""
        return (self.low is not None and most < self.low) or (self.high is not None and least > self.high)


def open_place(
    uri: str, selection: Selection, settings: Settings, connections: int = 8, tries: int = 5
) -> tuple[AbstractFileSystem, str]:
    """The file system of a place, a folder or on S3, and the path on it.

    Credentials and endpoint come from ``AWS_*``; without any credentials S3 is asked anonymously.

    Args:
        uri: absolute path or ``s3://bucket/prefix``.
        selection: says how S3 is to be asked.
        settings: hold the environment's ``AWS_*``.
        connections: to S3, at most.
        tries: how often S3 is asked before an error comes through.
    """
    import fsspec

    if not uri.startswith("s3://"):
        return fsspec.filesystem("file"), uri
    options = dict(settings.export_options)
    anonymous = is_anonymous(selection, settings)
    region = options.get("AWS_REGION")
    fs = fsspec.filesystem(
        "s3",
        anon=anonymous,
        key=None if anonymous else options.get("AWS_ACCESS_KEY_ID"),
        secret=None if anonymous else options.get("AWS_SECRET_ACCESS_KEY"),
        token=None if anonymous else options.get("AWS_SESSION_TOKEN"),
        profile=None if anonymous else options.get("AWS_PROFILE"),
        endpoint_url=selection.endpoint or options.get("AWS_ENDPOINT_URL"),
        client_kwargs={"region_name": region} if region else {},
        config_kwargs={"max_pool_connections": connections, "retries": {"total_max_attempts": tries, "mode": "standard"}},
        use_listings_cache=False,
    )
    fs.retries = tries
    return fs, uri.removeprefix("s3://")


def is_anonymous(selection: Selection, settings: Settings) -> bool:
    """Whether S3 is asked without credentials."""
    return selection.anonymous or not (dict(settings.export_options).keys() & {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"})


@contextmanager
def export_errors(where: str) -> Iterator[None]:
    """Turn what storage and readers raise into an ``ItemError`` that names the place."""
    try:
        yield
    except (CodeCommonsError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise ItemError("missing-export", f"{where} is not there: {_line(error)}") from error
    except PermissionError as error:
        raise ItemError(
            "unreachable",
            f"{where} may not be read: {_line(error)}; give AWS_* credentials, or anonymous=yes",
            False,
        ) from error
    except Exception as error:
        family = type(error).__module__.split(".")[0]
        if type(error).__name__ == "OutOfMemoryException":
            raise CodeCommonsError(f"{where}: {_line(error)}; {MEMORY_ADVICE}") from error
        if isinstance(error, (pa.ArrowInvalid, pa.ArrowNotImplementedError)) or family in {"pyorc", "duckdb", "_duckdb"}:
            raise ItemError("malformed-export", f"{where} can't be read: {_line(error)}") from error
        if isinstance(error, OSError) or family in {"botocore", "aiobotocore", "aiohttp", "s3fs"}:
            raise ItemError("unreachable", f"{where} can't be read: {_line(error)}") from error
        raise


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


class Export:
    """One export: its layout, its files, and streams of their rows."""

    def __init__(self, selection: Selection, settings: Settings) -> None:
        """List the files. ``failure`` keeps what a stream raised, as DuckDB tells only its text.

        Raises:
            ItemError: ``missing-export`` or ``unreachable``.
        """
        self.uri = selection.uri
        self.failure: ItemError | None = None
        with export_errors(f"the export {self.uri}"):
            self.fs, self.root = open_place(self.uri, selection, settings)
            self.layout, self.files = self._list()
        missing = sorted(COLUMNS.keys() - self.files.keys() - {"revision_extra_headers", "skipped_content"})
        if missing:
            raise ItemError(
                "missing-export",
                f"{self.uri} is no whole export, as table {missing[0]} is not there; name a folder with parquet/* or orc/*",
            )

    def _list(self) -> tuple[str, dict[str, list[tuple[str, int]]]]:
        root = self.root.rstrip("/")
        for folder in (*(posixpath.join(root, layout) for layout in LAYOUTS), root):
            found: dict[str, list[tuple[str, int]]] = {}
            kinds = set()
            for table in COLUMNS:
                listed = self.fs.find(posixpath.join(folder, table), detail=True)
                for path, info in sorted(listed.items()):
                    kind = path.rpartition(".")[2]
                    if kind in LAYOUTS and ("file" not in self.fs.protocol or Path(path).is_file()):
                        kinds.add(kind)
                        found.setdefault(table, []).append((path, int(info["size"])))
                if not found:
                    break  # without origins it is no export, and asking S3 for twelve more folders takes time
            if found:
                if len(kinds) > 1:
                    raise ItemError("malformed-export", f"{self.uri} mixes {' and '.join(sorted(kinds))} in one folder of tables")
                return kinds.pop(), found
        raise ItemError(
            "missing-export", f"there is no export at {self.uri}; name a folder with parquet/<table>/* or orc/<table>/*"
        )

    def digest(self) -> str:
        """Hex sha256 of what files there are and how large: an export never changes, and this shows if one does."""
        lines = [
            f"{path[len(self.root) :].lstrip('/')} {size}\n" for table in sorted(self.files) for path, size in self.files[table]
        ]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def __contains__(self, table: str) -> bool:
        """Whether there are files of a table."""
        return table in self.files

    def read(
        self, table: str, columns: Sequence[str], where: Range | None = None, matching: pc.Expression | None = None
    ) -> pa.RecordBatchReader:
        """Stream rows of a table, in the order of its files and of the rows in them.

        Args:
            table: one of ``COLUMNS``.
            columns: which of its columns; one that an older export lacks is null, unless it is ``NEEDED``.
            where: leaves out rows, and by statistics whole row groups and stripes.
            matching: a further filter on ``columns``.

        Returns:
            A reader, with the types of ``COLUMNS``, and ``file`` and ``row``, which number the files of the table and the rows
            of each file that were not left out.
        """
        wanted = {name: COLUMNS[table][name] for name in columns}
        schema = pa.schema([*wanted.items(), ("file", pa.int32()), ("row", pa.int64())])

        def batches() -> Iterator[pa.RecordBatch]:
            with self._kept_failure(), export_errors(f"table {table} of {self.uri}"):
                for number, (path, size) in enumerate(self.files.get(table, ())):
                    at = 0
                    for batch in self._file(table, path, size, wanted, where, matching):
                        if not batch.num_rows:
                            continue
                        arrays = [_as(batch, name, kind) for name, kind in wanted.items()]
                        rows = pa.array(np.arange(at, at + batch.num_rows))
                        files = pa.repeat(pa.scalar(number, pa.int32()), batch.num_rows)
                        yield pa.RecordBatch.from_arrays([*arrays, files, rows], schema=schema)
                        at += batch.num_rows

        return pa.RecordBatchReader.from_batches(schema, batches())

    @contextmanager
    def _kept_failure(self) -> Iterator[None]:
        try:
            yield
        except ItemError as error:
            self.failure = error
            raise

    def _file(
        self,
        table: str,
        path: str,
        size: int,
        wanted: dict[str, pa.DataType],
        where: Range | None,
        matching: pc.Expression | None,
    ) -> Iterator[pa.RecordBatch]:
        read = self._orc if self.layout == "orc" else self._parquet
        return read(table, path, size, wanted, where, matching)

    def _open(self, path: str, size: int, cache: str = "none") -> pa.NativeFile:
        """A file of the export; one on S3 isn't asked for its size again."""
        if "file" in self.fs.protocol:
            return pa.OSFile(path)
        return pa.PythonFile(self._open_remote(path, size, cache), mode="r")

    def _open_python(self, path: str, size: int) -> BinaryIO:
        return Path(path).open("rb") if "file" in self.fs.protocol else self._open_remote(path, size, "blockcache")

    def _open_remote(self, path: str, size: int, cache: str) -> BinaryIO:
        options = {"maxblocks": _BLOCKS} if cache == "blockcache" else {}
        return self.fs.open(path, "rb", size=size, block_size=_REQUEST, cache_type=cache, cache_options=options)

    def _parquet(
        self,
        table: str,
        path: str,
        size: int,
        wanted: dict[str, pa.DataType],
        where: Range | None,
        matching: pc.Expression | None,
    ) -> Iterator[pa.RecordBatch]:
        # Not whole row groups in advance: one may be larger than memory.
        options = ds.ParquetFragmentScanOptions(use_buffered_stream=True, buffer_size=_REQUEST, pre_buffer=False)
        with self._open(path, size) as opened:
            fragment = ds.ParquetFileFormat(default_fragment_scan_options=options).make_fragment(opened)
            schema = fragment.physical_schema
            _refuse_without(table, wanted, schema)
            condition = _condition(schema, where, matching)
            there = [name for name in wanted if name in schema.names]
            scanner = fragment.scanner(
                columns=there, filter=condition, batch_size=_BATCH_ROWS, batch_readahead=_AHEAD, fragment_readahead=1
            )
            yield from scanner.to_reader()

    def _orc(
        self,
        table: str,
        path: str,
        size: int,
        wanted: dict[str, pa.DataType],
        where: Range | None,
        matching: pc.Expression | None,
    ) -> Iterator[pa.RecordBatch]:
        from pyarrow import orc

        with self._open(path, size) as opened:
            file = orc.ORCFile(opened)
            schema, count = file.schema, file.nstripes
            _refuse_without(table, wanted, schema)
        there = [name for name in wanted if name in schema.names]
        if count and there:
            condition = _condition(schema, where, matching)
            stripes = self._stripes(path, size, where) if where and where.column in schema.names else range(count)

            def read(stripe: int) -> pa.Table:
                try:
                    # Of its own, as a file has one position.
                    with self._open(path, size, "blockcache") as mine:
                        rows = pa.Table.from_batches([orc.ORCFile(mine).read_stripe(stripe, columns=there)])
                except pa.ArrowInvalid as error:
                    if "nanosecond" not in str(error):
                        raise
                    rows = self._wild_stripe(path, size, stripe, there)
                return rows.filter(condition) if condition is not None else rows

            with ThreadPoolExecutor(_AHEAD) as threads:
                for rows in _ahead(threads, read, stripes):
                    yield from rows.to_batches(max_chunksize=_BATCH_ROWS)

    def _stripes(self, path: str, size: int, where: Range) -> list[int]:
        """Stripes in which something may be in a range."""
        import pyorc

        with self._open_python(path, size) as opened:
            reader = pyorc.Reader(opened)
            schema: Any = reader.schema
            column = list(schema.fields).index(where.column) + 1
            found = []
            for number in range(reader.num_of_stripes):
                statistics = reader.read_stripe(number)[column].statistics
                least: Any = statistics.get("minimum")
                most: Any = statistics.get("maximum")
                if isinstance(least, dt.datetime):
                    least, most = least.replace(tzinfo=None), most.replace(tzinfo=None)
                if least is None or most is None or not where.misses(least, most):
                    found.append(number)
        return found

    def _wild_stripe(self, path: str, size: int, stripe: int, columns: Sequence[str]) -> pa.Table:
        """A stripe with a date that is out of Arrow's range for ORC (the years 1677 to 2262), row by row."""
        import pyorc
        from pyorc.converters import ORCConverter

        class Moment(ORCConverter):
            @staticmethod
            def from_orc(seconds: int, nanoseconds: int, timezone: Any) -> dict[str, int]:
                return {"seconds": seconds, "microseconds": nanoseconds // 1000}

            @staticmethod
            def to_orc(*args: Any) -> Any:
                raise NotImplementedError  # pyorc wants both ways, and nothing is written

        with self._open_python(path, size) as opened:
            reader = pyorc.Reader(opened, column_names=columns, converters={pyorc.TypeKind.TIMESTAMP: Moment})
            schema: Any = reader.selected_schema
            names = list(schema.fields)
            values = list(zip(*reader.read_stripe(stripe), strict=True))
            kinds = {name: kind for table in ("revision", "release") for name, kind in COLUMNS[table].items()}
            return pa.table({name: pa.array(column, kinds[name]) for name, column in zip(names, values, strict=True)}).select(
                columns
            )


def _refuse_without(table: str, wanted: dict[str, pa.DataType], schema: pa.Schema) -> None:
    lacking = sorted(wanted.keys() & {*NEEDED.get(table, ())} - {*schema.names})
    if lacking:
        raise ItemError("malformed-export", f"table {table} has no column {lacking[0]}, but {', '.join(schema.names)}")


def _condition(schema: pa.Schema, where: Range | None, matching: pc.Expression | None) -> pc.Expression | None:
    ranged = where.expression(schema.field(where.column).type) if where and where.column in schema.names else None
    if ranged is None or matching is None:
        return ranged if matching is None else matching
    return ranged & matching


def _as(batch: pa.RecordBatch, name: str, kind: pa.DataType) -> pa.Array:
    """A column of a batch in the type that we have for it."""
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, kind)
    column = batch.column(name)
    if kind == DATE:
        return _dates(column)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us"), safe=False)  # a visit's nanoseconds are Arrow's, not the export's
    return column.cast(kind)


def _dates(column: pa.Array) -> pa.Array:
    """Seconds and microseconds, of either layout; seconds of a date before 1970 round down, so that microseconds count up."""
    if pa.types.is_struct(column.type):
        parts = [pc.struct_field(column, [name]).cast(DATE.field(name).type) for name in ("seconds", "microseconds")]
    else:
        micros = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        rest = pc.subtract(micros, pc.multiply(pc.divide(micros, 1_000_000), 1_000_000))
        below = pc.less(rest, 0).cast(pa.int64())
        seconds = pc.subtract(pc.divide(micros, 1_000_000), below)
        parts = [seconds, pc.add(rest, pc.multiply(below, 1_000_000)).cast(pa.int32())]
    return pa.StructArray.from_arrays(parts, fields=list(DATE), mask=column.is_null())


def _ahead(threads: ThreadPoolExecutor, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
    """Results in order, a few of them being made in advance."""
    waiting = iter(tasks)
    running = deque(threads.submit(function, task) for task in islice(waiting, _AHEAD))
    while running:
        result = running.popleft().result()
        running.extend(threads.submit(function, task) for task in islice(waiting, 1))
        yield result
