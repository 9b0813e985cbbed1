# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The records of a table's rows, as its files have them, and how a file is cut into what tasks read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from codecommons import strict
from codecommons.archive.feeds import LeftOut, numbered_lines, parse
from codecommons.archive.unpack import unpacked
from codecommons.errors import ItemError
from codecommons.lake import StagingArea
from codecommons.settings import Settings

# Encoded bytes of the row groups of one task.
_TASK_BYTES = 64 << 20
_MOST_ROWS = 1024


@dataclass(frozen=True)
class Columns:
    """Which column of a table is what; a column that is not named is one of that name, if there is one.

    Attributes:
        text: what becomes a file's content; text or bytes.
        origin: where it is from, a URL; rows without one are from the table itself.
        path: of the file, from the root of its origin's tree. A row without one is named after its id, or else after its content.
        license: what the row says of its licence; of a list everything holds.
        date: when the text is from.
        language: of the text.
        id: the row's identifier.
    """

    text: str | None = None
    origin: str | None = None
    path: str | None = None
    license: str | None = None
    date: str | None = None
    language: str | None = None
    id: str | None = None

    def find(self, there: Sequence[str]) -> dict[str, str]:
        """What is what in a table with these columns; ``path`` may also be called ``name``.

        Raises:
            ItemError: ``missing-column``: one that was named, or the text, is not there.
        """
        found: dict[str, str] = {}
        for one in fields(self):
            named = getattr(self, one.name)
            if named is not None and named not in there:
                raise ItemError(
                    "missing-column", f"it has no column {named!r} to be the {one.name}; {strict.nearest(named, there)}"
                )
            for name in (named,) if named else (one.name, "name") if one.name == "path" else (one.name,):
                if name in there:
                    found.setdefault(one.name, name)
        if "text" not in found:
            raise ItemError(
                "missing-column", f"it has no column 'text'; name one, as in ?text=body; {strict.nearest('text', there)}"
            )
        return found


@dataclass(frozen=True)
class Part:
    """What one task reads: a file, or some row groups of one.

    Attributes:
        name: how an error calls it.
        path: the file.
        columns: which column is what.
        origin: of rows that name none.
        area: where rows go.
        groups: row groups of a Parquet file.
    """

    name: str
    path: Path
    columns: Columns
    origin: str
    area: StagingArea
    groups: tuple[int, ...] = ()

    def __str__(self) -> str:
        """How an error names it."""
        return self.name


def parts(name: str, path: Path, columns: Columns, origin: str, area: StagingArea) -> list[Part]:
    """Cut a file into what tasks read.

    Raises:
        ItemError: ``corrupt`` or ``missing-column``.
    """
    whole = Part(name, path, columns, origin, area)
    if not _is_parquet(path):
        return [whole]
    with _parquet_errors():
        metadata = pq.read_metadata(path)
    columns.find(metadata.schema.to_arrow_schema().names)
    runs: list[list[int]] = [[]]
    size = 0
    for group in range(metadata.num_row_groups):
        more = metadata.row_group(group).total_byte_size
        if runs[-1] and size + more > _TASK_BYTES:
            runs.append([])
            size = 0
        runs[-1].append(group)
        size += more
    return [Part(name, path, columns, origin, area, tuple(run)) for run in runs]


def records(part: Part, settings: Settings, left_out: LeftOut) -> Iterator[tuple[dict[str, Any], int]]:
    """Every row of a part, by what its columns are, with the length of its text; lines that can't be read go to ``left_out``."""
    return _parquet_rows(part, settings) if _is_parquet(part.path) else _json_rows(part, settings, left_out)


class Text(bytes):
    """Bytes of a column of text, which nobody has checked to be UTF-8."""


class Microseconds(int):
    """A moment, since 1970."""


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


@contextmanager
def _parquet_errors() -> Iterator[None]:
    """Say in one line what Arrow raises on a damaged file."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ItemError("corrupt", f"it is damaged ({(str(error).splitlines() or ['no reason given'])[0]})") from error


def _parquet_rows(part: Part, settings: Settings) -> Iterator[tuple[dict[str, Any], int]]:
    with _parquet_errors():
        # A text that many rows share stands once in its page: so it does in memory, where it could be a bomb.
        schema = pq.read_schema(part.path)
        found = part.columns.find(schema.names)
        kind = schema.field(found["text"]).type
        shared = [found["text"]] if _is_text(kind) else []
        file = pq.ParquetFile(part.path, read_dictionary=shared, pre_buffer=False)
    total = 0
    with file:
        for group in part.groups:
            metadata = file.metadata.row_group(group)
            average = max(1, metadata.total_byte_size // max(1, metadata.num_rows))
            most = max(1, min(_MOST_ROWS, settings.batch_bytes // (4 * average)))
            with _parquet_errors():
                batches = file.iter_batches(most, row_groups=[group], columns=sorted(set(found.values())), use_threads=False)
            while True:
                with _parquet_errors():
                    batch = next(batches, None)
                    if batch is None:
                        break
                    columns = {what: _values(batch.column(name), what) for what, name in found.items()}
                for row in zip(*columns.values(), strict=True):
                    record = dict(zip(columns, row, strict=True))
                    length = len(record["text"]) if isinstance(record["text"], (bytes, str)) else 0
                    total += length
                    if total > settings.max_archive_bytes:
                        raise ItemError("bomb", f"its texts have more than {settings.max_archive_bytes:,} bytes")
                    yield record, length


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.binary(), pa.large_string(), pa.large_binary())


def _values(column: pa.Array, what: str) -> list[Any]:
    """A column's values: strings as bytes that were not looked at, dates as times."""
    if pa.types.is_dictionary(column.type):
        distinct = _values(column.dictionary, what)
        return [None if at is None else distinct[at] for at in column.indices.to_pylist()]
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        plain = column.view(pa.large_binary() if pa.types.is_large_string(kind) else pa.binary()).to_pylist()
        return [value if value is None else Text(value) for value in plain]
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        moments = column.cast(pa.timestamp("us", kind.tz if pa.types.is_timestamp(kind) else None), safe=False)
        return [value if value is None else Microseconds(value) for value in moments.cast(pa.int64()).to_pylist()]
    return column.to_pylist()


def _json_rows(part: Part, settings: Settings, left_out: LeftOut) -> Iterator[tuple[dict[str, Any], int]]:
    """The rows of JSON lines; a key that an object lacks is null in it, but one that all lack is a missing column."""
    named = {one.name: getattr(part.columns, one.name) or one.name for one in fields(part.columns)}
    seen: set[str] = set()
    for _, raw in numbered_lines(unpacked(part.path, settings), left_out, 2 * settings.max_content_bytes):
        try:
            record = parse(raw)
        except ItemError as error:
            left_out.add(error.reason, error.detail, 0, len(raw))
            continue
        if len(seen) < _MOST_ROWS:
            seen.update(record)
        row = {what: record.get(name) for what, name in named.items()}
        if part.columns.path is None and "path" not in record:
            row["path"] = record.get("name")
        yield row, len(raw)
    if seen:
        part.columns.find(sorted(seen))
