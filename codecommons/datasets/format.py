# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a format is: a way to write the rows of a shard, found by the name of its module in ``datasets/formats``.

A shard is one file, whose sha256 is in its name, and perhaps some beside it that differ in the ending. They hold what is needed
to know them again: the digest of their rows (``shards.rows_digest``) and where each row is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any, ClassVar, NamedTuple

import polars as pl
import pyarrow as pa

from codecommons.datasets.redaction import SPANS
from codecommons.datasets.specification import AS_IS, PATH, Format, Specification
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.plugins import discover
from codecommons.settings import Settings
from codecommons.strict import nearest, read

if TYPE_CHECKING:
    from codecommons.datasets.inputs import Inputs

Files = Sequence[IO[bytes]]
Columns = Mapping[str, pl.DataType | type[pl.DataType]]
# What is read back of every row.
READ: dict[str, pl.DataType | type[pl.DataType]] = {
    "swhid": pl.String,
    "text": pl.String,
    "encoding": pl.String,
    "redactions": SPANS,
}


class Terms(NamedTuple):
    """What a format works by.

    Attributes:
        asked: what the specification says of it.
        supplies: the files that it is given (``ShardFormat.supplies``).
        rows: what rows are; ``order`` and ``notebooks`` likewise, as the specification says.
    """

    asked: Format = Format()
    supplies: Mapping[str, bytes] = {}
    rows: str = "files"
    order: str = PATH
    notebooks: str = AS_IS


class Part(NamedTuple):
    """Some rows of a shard, read back.

    Attributes:
        expected: what the manifest says of them; no rows where the fault is the whole file's.
        found: of each row what was to be read, with ``stored`` for text: that, or what stands for it; None if it can't be read.
        fault: why it can't.
    """

    expected: pl.DataFrame
    found: pl.DataFrame | None
    fault: str = ""


class ShardFormat(ABC):
    """One kind of shards.

    Attributes:
        options: what a specification may say of it, beyond its kind.
        holds_text: whether ``stored`` is the text.
        media_types: of the shard's file.
        records: ending of the file that readers of tables take the rows from, and its media types.
        seconds_a_byte: what a byte of text takes to be written by two workers, as the demo has it (docs/performance.md).
        file_bytes_a_byte: bytes on disk that it becomes, likewise.
    """

    options: ClassVar[tuple[str, ...]] = ()
    holds_text: ClassVar[bool] = True
    media_types: ClassVar[tuple[str, ...]]
    seconds_a_byte: ClassVar[float] = 3.5e-8
    file_bytes_a_byte: ClassVar[float] = 0.2

    @abstractmethod
    def endings(self, asked: Format) -> tuple[str, ...]:
        """Endings of a shard's files: first that of the one whose digest is in the name, last the one that is written last."""

    def layouts(self) -> list[tuple[str, ...]]:
        """All that ``endings`` may be."""
        return [self.endings(Format())]

    def offsets(self, asked: Format) -> pa.Schema:
        """Columns of the manifest that say where in the shard a row is, beyond its number."""
        return pa.schema([])

    def columns(self, every: Mapping[str, pa.DataType], asked: Format) -> dict[str, pa.DataType]:
        """Columns, and their types, that readers of tables find, of those that rows have."""
        return dict(every)

    def examples(self, manifest: pl.DataFrame, asked: Format) -> int:
        """How many records readers of tables find."""
        return manifest.height

    @abstractmethod
    def writer(self) -> str:
        """The programs that shape the bytes, with their versions; part of the fingerprint."""

    @abstractmethod
    def rules(self, terms: Terms) -> list[Any]:
        """All else that shapes them, beside the rows; part of what a shard is known by."""

    def check(self, settings: Settings, asked: Specification) -> None:  # noqa: B027 (most formats can always be written)
        """Refuse what can't be done.

        Raises:
            UsageError: the message says what of the specification to change, or what to install.
        """

    def supplies(self, lake: Lake, asked: Specification, inputs: Inputs, rows: Callable[[], pl.DataFrame]) -> dict[str, bytes]:
        """Files that shards are made with, by name; they are published beside the shards, and their sha256 is in the fingerprint.

        Args:
            lake: the lake.
            asked: the specification.
            inputs: what the rows are from.
            rows: gives those of the selection.
        """
        return {}

    @abstractmethod
    def write(self, files: Files, schema: pa.Schema, tables: Iterable[pa.Table], identity: str, terms: Terms) -> None:
        """Write a shard.

        Args:
            files: empty ones, as many as there are endings.
            schema: of the rows.
            tables: the rows, one of ``shards.groups`` after the other.
            identity: what ``identity`` will answer.
            terms: what it works by.
        """

    @abstractmethod
    def identity(self, files: Files) -> str | None:
        """The digest of the rows that a shard says it has; None if it does not say. May raise one of ``UNREADABLE``."""

    def beside(
        self, schema: pa.Schema, tables: Iterable[pa.Table], places: pl.DataFrame, identity: str, terms: Terms
    ) -> list[str]:
        """The sha256 that the files beside a shard must have.

        Args:
            schema: of the rows.
            tables: as in ``write``, without their texts.
            places: as ``places`` answers.
            identity: as in ``write``.
            terms: what it works by.
        """
        return []

    @abstractmethod
    def places(self, files: Files, rows: pl.DataFrame, terms: Terms) -> pl.DataFrame:
        """Where each row is, in the columns ``offsets``. ``rows`` are as they were written. May raise one of ``UNREADABLE``."""

    @abstractmethod
    def swhids(self, files: Files, column: str = "swhid") -> Iterator[pl.Series]:
        """The SWHIDs of the rows in order, as a reader of the format finds them. Raises one of ``UNREADABLE``.

        Args:
            files: of the shard.
            column: ``swhid``, or ``before``; nothing where rows have no such column.
        """

    @abstractmethod
    def read(self, files: Files, expected: pl.DataFrame, terms: Terms, columns: Columns) -> Iterator[Part]:
        """Read a shard that somebody may have changed.

        Args:
            files: of the shard.
            expected: its rows of the manifest, in order.
            terms: what it was written by.
            columns: what to read, ``READ`` and more; of these ``text`` is given as ``stored``.
        """

    def stored(self, rows: pl.DataFrame, texts: Sequence[Sequence[bytes]], terms: Terms) -> list[bytes]:
        """What stands for texts of rows in a shard.

        Args:
            rows: ``Part.expected`` and ``Part.found`` side by side.
            texts: the texts of each, UTF-8: one, unless all sides of a commit stand in one place.
            terms: what it was written by.
        """
        return [text for text, *_ in texts]

    def records(self, asked: Format) -> tuple[str, tuple[str, ...]]:
        """Ending of the file that readers of tables take the rows from, and its media types."""
        return self.endings(asked)[0], self.media_types

    def explains(self, asked: Format) -> bool:
        """Whether a record is anything else than a row with its text, so that readers want to be told (``loading``)."""
        return not self.holds_text

    @abstractmethod
    def loading(self, asked: Format) -> str:
        """For the card: what the files are and how they are loaded, Markdown."""


def formats(settings: Settings | None = None) -> dict[str, ShardFormat]:
    """Every format by name: ours, and those of the users' plug-in folders."""
    folders = settings.plugins if settings else ()
    return discover("codecommons.datasets.formats", "FORMAT", ShardFormat, folders)  # type: ignore[type-abstract] # to find, not to make


def format_of(settings: Settings | None, kind: str) -> ShardFormat:
    """One format.

    Raises:
        UsageError: there is none of that name; the message says which is meant.
    """
    known = formats(settings)
    if kind not in known:
        raise UsageError(f"format: kind is {kind!r}; {nearest(kind, known)}")
    return known[kind]


def format_for(settings: Settings, asked: Specification) -> ShardFormat:
    """The format of a specification that can be written here.

    Raises:
        UsageError: there is none of that name, it is not to be had here, or something is said of it that it has not.
    """
    try:
        found = format_of(settings, asked.format.kind)
        default = asdict(Format())
        for name, value in asdict(asked.format).items():
            if name != "kind" and value != default[name] and name not in found.options:
                able = [kind for kind, other in formats(settings).items() if name in other.options]
                raise UsageError(f"format: {name} is for kind {' or '.join(able)}; the kind is {asked.format.kind}")
        found.check(settings, asked)
    except UsageError as error:
        raise UsageError(f"dataset {asked.name}: {error}") from None
    return found


def terms_of(document: Mapping[str, Any], supplies: Mapping[str, bytes] | None = None) -> Terms:
    """What a release's shards were written by, from its ``fingerprint.json``.

    Raises:
        UsageError: it says what nobody could have asked for.
    """
    said = document["inputs"]["specification"]
    more = {name: said[name] for name in ("rows", "order", "notebooks") if name in said}
    return Terms(read(Format, said.get("format", {}), f"release {document['name']}: format"), supplies or {}, **more)
