# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What an annotator is, and how it is run without one bad content costing a batch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from codecommons.errors import UsageError
from codecommons.lake.schemas import HASH, Table
from codecommons.lake.stages import digest
from codecommons.plugins import discover
from codecommons.settings import Settings

Input = Literal["content", "named_content", "path", "tree"]

KEYS: dict[str, tuple[pa.Field, ...]] = {
    "content": (pa.field("content", HASH),),
    "named_content": (pa.field("content", HASH), pa.field("name", pa.binary())),
    "path": (pa.field("path_id", HASH), pa.field("path", pa.binary())),
    "tree": (pa.field("root", HASH),),
}

# A notice with a word changed: it takes every way through the matching of licences.
SAMPLE = (
    b"This program is free software; you can redistribute it and/or modify it under the good terms of the GNU General Public "
    b"License as published by the Free Software Foundation\n"
)


@dataclass(frozen=True)
class Annotator:
    """A pure function over batches of files, with everything that its answers depend on.

    Attributes:
        name: also the name of its module; its table is ``annotation_<name>``.
        description: what one row says, one sentence.
        version: raised by hand whenever the same input may get another answer.
        input: what one row is about. ``content``: columns sha1_git, data. ``named_content``: sha1_git, name (bytes of
            the last part of a path), data; one content can have several names. ``path``: path (bytes, from the root).
            ``tree``: root (sha1_git of a root directory), files, see ``tree_files``.
        fields: columns of the answer.
        annotate: one answer per row of the batch, in order, as a table with the columns ``fields``.
        tools: distributions whose version can change an answer.
        configuration: JSON values that can change an answer.
        names: a regular expression (case ignored) that a file's name must match as a whole; other files get no row.
        prepare: called with a folder for derived data (a cache, safe to delete) before the first batch of a process.
        configure: for an annotator that users switch on: what the settings make of it, None where they leave it off.
        extra: for an annotator that users switch on by its name in ``CODECOMMONS_ANNOTATORS``: the extra of this package that
            brings what it needs.
        needs: for ``tree``: the annotator of contents whose answer about each file it gets.
        pinned: the digest of rows that are there and count in place of what this installation would say; it then says nothing.
    """

    name: str
    description: str
    version: int
    input: Input
    fields: tuple[pa.Field, ...]
    annotate: Callable[[pa.RecordBatch], pa.Table]
    tools: tuple[str, ...] = ()
    configuration: Mapping[str, Any] = field(default_factory=dict)
    names: str | None = None
    prepare: Callable[[Path], None] | None = None
    configure: Callable[[Settings], Annotator | None] | None = None
    extra: str | None = None
    needs: Annotator | None = None
    pinned: str | None = None

    @cached_property
    def digest(self) -> str:
        """16 hex digits over all that an answer depends on beside the input.

        Raises:
            UsageError: a distribution named in ``tools`` is not installed.
        """
        if self.pinned:
            return self.pinned
        try:
            tools = {tool: version(tool) for tool in self.tools}
        except PackageNotFoundError as missing:
            how = f"; pip install 'codecommons[{self.extra}]'" if self.extra else ""
            raise UsageError(f"the annotator {self.name} needs the package {missing.name}, which is not installed{how}") from None
        shape = [[f.name, str(f.type)] for f in self.fields]
        needs = [self.needs.digest] if self.needs else []
        return digest([self.name, self.version, self.input, shape, tools, dict(self.configuration), self.names, *needs])

    @cached_property
    def table(self) -> Table:
        """Its table: digest, what the row is about, the answer, and ``error``: why there is no answer."""
        key = KEYS[self.input]
        names = tuple(f.name for f in key if f.name != "path")
        fields = (pa.field("digest", pa.string()), *key, *self.fields, pa.field("error", pa.string()))
        return Table(f"annotation_{self.name}", self.description, fields, ("digest", *names), partition=("digest",))

    def wants(self, name: bytes) -> bool:
        """Whether a file of this name gets a row."""
        return self._pattern is None or self._pattern.fullmatch(name.decode("utf-8", "replace")) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        return None if self.names is None else re.compile(self.names, re.IGNORECASE)

    def run(self, batch: pa.RecordBatch) -> pa.Table:
        """Annotate a batch; a row that the annotator fails on gets nulls and the reason in ``error``.

        Args:
            batch: the columns that ``input`` names; for ``path`` also ``path_id``. An answer may bring ``error`` itself.

        Returns:
            Rows of ``table``, one per row of the batch, in order.

        Raises:
            UsageError: what the annotator needs is not installed, or does not work.
        """
        return self._rows(batch, self._answers(batch))

    def give_up(self, batch: pa.RecordBatch, reason: str) -> pa.Table:
        """Rows of ``table`` that say why there is no answer for a batch; what the annotator does with it nobody may try again."""
        return self._rows(batch, self._failed(batch, reason))

    def _rows(self, batch: pa.RecordBatch, answer: pa.Table) -> pa.Table:
        if self.pinned:
            raise UsageError(f"the annotator {self.name} is pinned to rows of {self.pinned}; nothing can be added to them")
        names = [f.name for f in KEYS[self.input]]
        key = [batch.column("sha1_git" if name == "content" else name) for name in names]
        same = pa.repeat(pa.scalar(self.digest, pa.string()), batch.num_rows)
        columns = [same, *key, *(answer.column(f.name) for f in self.fields), answer.column("error")]
        return pa.table(columns, schema=pa.schema(self.table.fields))

    def _failed(self, batch: pa.RecordBatch, reason: str) -> pa.Table:
        row: dict[str, Any] = {**{f.name: None for f in self.fields}, "error": reason}
        return pa.Table.from_pylist([row] * batch.num_rows, schema=pa.schema([*self.fields, pa.field("error", pa.string())]))

    def _answers(self, batch: pa.RecordBatch) -> pa.Table:
        schema = pa.schema([*self.fields, pa.field("error", pa.string())])
        try:
            answer = self.annotate(batch)
            if answer.num_rows != batch.num_rows:
                raise ValueError(f"{answer.num_rows} answers for {batch.num_rows} rows")
            if "error" not in answer.column_names:
                answer = answer.append_column("error", pa.nulls(batch.num_rows, pa.string()))
            return answer.select(schema.names).cast(schema)
        except UsageError:  # the installation's fault, which a row would blame on a content for ever
            raise
        except Exception as error:  # whatever a file makes an annotator do, the others still get their answer
            if batch.num_rows == 1:
                return self._failed(batch, f"{type(error).__name__}: {error}"[:500])
            half = batch.num_rows // 2
            return pa.concat_tables([self._answers(batch.slice(0, half)), self._answers(batch.slice(half))])


def current(settings: Settings) -> dict[str, Annotator]:
    """The annotators of this installation and of the user's plug-in folders, by name, without those that are switched off.

    Raises:
        UsageError: a plug-in can't be used, or an annotator that is switched on lacks something; the message says which.
    """
    found = discover("codecommons.annotate.annotators", "ANNOTATOR", Annotator, settings.plugins)
    for name, annotator in found.items():
        if annotator.name != name:
            raise UsageError(f"the annotator in {name}.py calls itself {annotator.name!r}; file and annotator need one name")
    optional = [name for name, one in found.items() if one.extra]
    for name in settings.annotators:
        if name not in optional:
            raise UsageError(f"CODECOMMONS_ANNOTATORS names {name!r}; it may name {', '.join(optional)}")
        needed = found[name].needs
        if needed and needed.extra and needed.name not in settings.annotators:
            raise UsageError(f"CODECOMMONS_ANNOTATORS names {name}, which needs {needed.name}: name that, too")
        _ = found[name].digest  # what is not installed is told before anything runs
    left = {name: one for name, one in found.items() if not one.extra or name in settings.annotators}
    configured = {name: one.configure(settings) if one.configure else one for name, one in left.items()}
    pins = dict(settings.pinned)
    return {name: replace(one, pinned=pins[name]) if name in pins else one for name, one in configured.items() if one}


def tree_files(annotator: Annotator) -> pa.DataType:
    """The type of ``files``, which an annotator of trees gets: path (bytes, from the root), content, and what it needs to know.

    The last is the struct ``said``: the fields of ``needs``, null where that has no answer; without ``needs`` it is not there.
    """
    said = [pa.field("said", pa.struct(annotator.needs.fields))] if annotator.needs else []
    return pa.list_(pa.struct([pa.field("path", pa.binary()), pa.field("content", HASH), *said]))


def prepare(settings: Settings) -> None:
    """Build and compile what the annotators need: some seconds once on a machine, milliseconds in every process after that.

    Raises:
        UsageError: a plug-in can't be used.
    """
    sample = {"sha1_git": bytes(20), "name": b"LICENSE", "data": SAMPLE, "path_id": bytes(20), "path": b"LICENSE"}
    batch = pa.record_batch({name: pa.array([value], pa.binary()) for name, value in sample.items()})
    for annotator in current(settings).values():
        if annotator.prepare:
            annotator.prepare(settings.cache)
        if annotator.input != "tree":
            annotator.run(batch)
