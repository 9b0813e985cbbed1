# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Objects as rows: what the readers found, column by column, in batches of bounded size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa

from codecommons.archive.tally import Tally
from codecommons.lake import StagedFile, StagingArea
from codecommons.lake.schemas import TABLES
from codecommons.lake.staging import Writer
from codecommons.swhid import (
    ContentHashes,
    Date,
    Release,
    Revision,
    blake2s_column,
    hash_content,
    offset_minutes,
    origin_id,
    release_id,
    revision_id,
    snapshot_id,
)
from codecommons.swhid.parsing import entry_type

# Why a content that was taken down has no bytes here (see ``optout.takedown``).
TAKEN_DOWN = "taken-down"

Branches = Mapping[bytes, tuple[str, bytes] | None]
Entry = tuple[bytes, int, bytes]

# What a row costs beside its content, roughly; a batch of small rows is bounded too.
_ROW_BYTES = 200
_RUN_BYTES = 4 << 20


class Rows:
    """Collects the rows of one task and stages them whenever a batch is full.

    Every identifier is computed from the bytes that are stored, so every row says ``verified = yes``. An object is
    written once a task however often it is met.
    """

    def __init__(self, area: StagingArea, task: str) -> None:
        """Stage into ``area``; ``task`` only helps to read the staging folder."""
        self.settings = area.storage.settings
        self.refused = area.refused
        self._area, self._task = area, task
        self._writer = area.writer(task)
        self._staged: list[StagedFile] = []
        self._rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._waiting = 0
        self._seen: set[tuple[str, bytes]] = set()
        self._attempt: _Attempt | None = None

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Keep what is added inside only if it goes through to the end; what was added before stays in any case."""
        self._attempt = attempt = _Attempt({table: len(rows) for table, rows in self._rows.items()}, self._waiting)
        try:
            yield
        except BaseException:
            for table, rows in self._rows.items():
                del rows[attempt.rows.get(table, 0) :]
            self._waiting = attempt.waiting
            self._seen -= attempt.seen
            raise
        else:
            if attempt.writer is not None:
                self._staged += attempt.writer.close()
        finally:
            self._attempt = None

    def content(self, identifier: bytes, data: bytes) -> None:
        """One content, by its ``sha1_git``; its other hashes are computed here, of what is new only.

        Of one that was taken down the bytes are not taken.
        """
        if identifier in self.refused:
            self.skipped_content(identifier, TAKEN_DOWN, hash_content(data), len(data))
        elif self._new("content", identifier):
            # BLAKE2s comes when the batch is written: it is nearly twice as fast for many at once.
            self._rows["content"].append((identifier, sha1(data).digest(), sha256(data).digest(), data))
            self._grow(len(data) + _ROW_BYTES)

    def skipped_content(
        self, sha1_git: bytes, reason: str, hashes: ContentHashes | None = None, length: int | None = None
    ) -> None:
        """One content without bytes; of one that is missing upstream only the identifier is known."""
        if self._new("skipped_content", sha1_git):
            one, two, three = (hashes.sha1, hashes.sha256, hashes.blake2s256) if hashes else (None, None, None)
            self._rows["skipped_content"].append((sha1_git, one, two, three, length, "absent", reason))
            self._grow(_ROW_BYTES)

    def directory(self, identifier: bytes, entries: Iterable[Entry], raw_manifest: bytes | None = None) -> None:
        """One directory with all its entries."""
        if self._new("directory", identifier):
            entries = list(entries)
            self._rows["directory"].append((identifier, raw_manifest, "yes", None))
            self._rows["directory_entry"].append((identifier, entries))
            self._grow(_ROW_BYTES * (1 + len(entries)) + len(raw_manifest or b""))

    def revision(self, revision: Revision, identifier: bytes | None = None) -> bytes:
        """One commit; returns its identifier. Who has just hashed the bytes it was read from may say it."""
        identifier = identifier or revision_id(revision)
        if self._new("revision", identifier):
            author, committer = self._person(revision.author), self._person(revision.committer)
            date, committed = _date(revision.date), _date(revision.committer_date)
            self._rows["revision"].append(
                (
                    identifier,
                    revision.message,
                    author,
                    *date,
                    committer,
                    *committed,
                    revision.directory,
                    "git",
                    revision.raw_manifest,
                    "yes",
                    None,
                )
            )
            self._rows["revision_history"].extend((identifier, parent, rank) for rank, parent in enumerate(revision.parents))
            self._rows["revision_extra_headers"].extend(
                (identifier, rank, key, value) for rank, (key, value) in enumerate(revision.extra_headers)
            )
            self._grow(_ROW_BYTES * 2 + len(revision.message or b"") + sum(len(value) for _, value in revision.extra_headers))
        return identifier

    def release(self, release: Release, identifier: bytes | None = None) -> bytes:
        """One tag or package version; returns its identifier. Who has just hashed the bytes it was read from may say it."""
        identifier = identifier or release_id(release)
        if self._new("release", identifier):
            author, date = self._person(release.author), _date(release.date)
            self._rows["release"].append(
                (
                    identifier,
                    release.name,
                    release.message,
                    release.target,
                    release.target_type,
                    author,
                    *date,
                    release.raw_manifest,
                    "yes",
                    None,
                )
            )
            self._grow(_ROW_BYTES + len(release.message or b""))
        return identifier

    def snapshot(self, branches: Branches) -> bytes:
        """One snapshot with all its branches, dangling ones included; returns its identifier."""
        identifier = snapshot_id(branches)
        if self._new("snapshot", identifier):
            self._rows["snapshot"].append((identifier, "yes", None))
            for name, branch in sorted(branches.items()):
                kind, target = branch or (None, None)
                self._rows["snapshot_branch"].append((identifier, name, target, kind))
            self._grow(_ROW_BYTES * (1 + len(branches)))
        return identifier

    def origin(self, url: str) -> None:
        """One place software was found at."""
        if self._new("origin", origin_id(url)):
            self._rows["origin"].append((origin_id(url), url))
            self._grow(_ROW_BYTES)

    def tree_files(self, root: bytes, files: Iterable[tuple[bytes, int, bytes]]) -> None:
        """Files (path, perms, content) of a root directory."""
        for path, perms, content in files:
            self._rows["tree_file"].append((root, path, perms, content))
            self._grow(_ROW_BYTES)

    def declarations(self, root: bytes, rows: Iterable[tuple[Any, ...]]) -> None:
        """What a collection declares of the files of a root directory: columns of table ``declaration`` from ``path`` on."""
        for row in rows:
            self._rows["declaration"].append((root, *row))
            self._grow(_ROW_BYTES)

    def collection_tree(self, state: bytes, origin: str, root: bytes, tally: Tally) -> None:
        """One tree that a state of a collection was loaded as."""
        kept, skipped = tally.kept, tally.skipped
        self._rows["collection_tree"].append((state, origin, root, kept.rows, kept.bytes, skipped.rows, skipped.bytes))
        self._grow(_ROW_BYTES)

    def loaded(self, extid: bytes, kind: str, version: int, target: bytes | None, target_type: str | None, tally: Tally) -> None:
        """What an external identifier was loaded as (table ``extid``), so that it is never loaded twice."""
        kept, skipped = tally.kept, tally.skipped
        row = (extid, kind, version, target, target_type, kept.rows, kept.bytes, skipped.rows, skipped.bytes, tally.detail())
        self._rows["extid"].append(row)
        self._grow(_ROW_BYTES)

    def close(self) -> list[StagedFile]:
        """Stage what is left; the list travels back to the driver. Rows that are not closed never reach the lake."""
        self._flush(self._writer)
        return [*self._staged, *self._writer.close()]

    def _person(self, fullname: bytes | None) -> bytes | None:
        if fullname is None:
            return None
        digest = sha256(fullname).digest()
        if self._new("person", digest):
            self._rows["person"].append((digest, fullname))
        return digest

    def _new(self, table: str, identifier: bytes) -> bool:
        key = (table, identifier)
        if key in self._seen:
            return False
        self._seen.add(key)
        if self._attempt is not None:
            self._attempt.seen.add(key)
        return True

    def _grow(self, count: int) -> None:
        self._waiting += count
        if self._waiting < self.settings.batch_bytes:
            return
        attempt = self._attempt
        if attempt is None:
            self._flush(self._writer)
            return
        # A batch is full in the middle of an attempt: what was there before it is safe, the rest goes where it can be dropped.
        begun = {table: rows[attempt.rows.get(table, 0) :] for table, rows in self._rows.items()}
        for table, rows in self._rows.items():
            del rows[attempt.rows.get(table, 0) :]
        self._flush(self._writer)
        self._rows.update(begun)
        attempt.writer = attempt.writer or self._area.writer(self._task)
        self._flush(attempt.writer)
        attempt.rows.clear()
        attempt.waiting = 0

    def _flush(self, writer: Writer) -> None:
        for table, rows in self._rows.items():
            if not rows:
                continue
            rows.sort(key=itemgetter(0))  # references move here; the writer would have to move every byte
            if table == "content":
                told: list[pa.Table] = []
                writer.write("content_data", _contents(rows, told))
                writer.write("content", told)
            else:
                writer.write(table, [_table(table, rows)])
        self._rows.clear()
        self._waiting = 0


def _contents(rows: list[tuple[bytes, bytes, bytes, bytes]], told: list[pa.Table]) -> Iterator[pa.Table]:
    """Rows of ``content_data`` from contents (sha1_git, sha1, sha256, bytes); those of ``content`` go to ``told``."""
    for run in _runs(rows):
        data = _table("content_data", [(row[0], row[3]) for row in run])
        last = blake2s_column(data["data"].chunk(0)).to_pylist()
        hashes = [(*row[:3], digest, len(row[3]), "visible", "yes", None) for row, digest in zip(run, last, strict=True)]
        told.append(_table("content", hashes))
        yield data


def _runs(rows: list[tuple[bytes, bytes, bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes, bytes, bytes]]]:
    """Contents in runs of some megabytes: so much is laid together in memory that is used again and again."""
    start = size = 0
    for at, row in enumerate(rows):
        size += len(row[3])
        if size >= _RUN_BYTES:
            yield rows[start : at + 1]
            start, size = at + 1, 0
    if start < len(rows):
        yield rows[start:]


def _table(name: str, rows: list[tuple[Any, ...]]) -> pa.Table:
    fields = TABLES[name].fields
    columns = _entries(rows) if name == "directory_entry" else zip(*rows, strict=True)
    arrays = [_array(column, one.type) for column, one in zip(columns, fields, strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _entries(rows: list[tuple[Any, ...]]) -> Iterator[Sequence[Any] | pa.Array]:
    """The columns of table ``directory_entry``, from directories with a list of entries each."""
    counts = [len(entries) for _, entries in rows]
    flat = list(chain.from_iterable(entries for _, entries in rows))
    names, perms, targets = zip(*flat, strict=True) if flat else ((), (), ())
    modes, places = np.unique(np.array(perms, np.int32), return_inverse=True)
    yield _array([identifier for identifier, _ in rows], pa.binary()).take(pa.array(np.repeat(np.arange(len(rows)), counts)))
    yield names
    yield pa.array([entry_type(int(mode)) for mode in modes], pa.string()).take(pa.array(places))
    yield targets
    yield pa.array(modes[places])


def _array(values: Sequence[Any] | pa.Array, kind: pa.DataType) -> pa.Array:
    """Values of a column; bytes without nulls are laid end to end at once, where Arrow would grow its buffer again and again."""
    if isinstance(values, pa.Array):
        return values
    if pa.types.is_struct(kind):
        parts = zip(*[value or (None,) * kind.num_fields for value in values], strict=True)
        arrays = [pa.array(part, kind.field(at).type) for at, part in enumerate(parts)]
        return pa.StructArray.from_arrays(arrays, fields=list(kind), mask=pa.array([value is None for value in values]))
    if not pa.types.is_binary(kind) or None in values:
        return pa.array(values, kind)
    ends = np.zeros(len(values) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, values), np.int64, len(values)), out=ends[1:])
    if ends[-1] >> 31:
        return pa.array(values, kind)  # which says that this is too much for one array
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(b"".join(values))])


@dataclass
class _Attempt:
    """Where an attempt began: rows and bytes that waited then, what was first seen since, and where its full batches went."""

    rows: dict[str, int]
    waiting: int
    seen: set[tuple[str, bytes]] = field(default_factory=set)
    writer: Writer | None = None


def _date(date: Date | None) -> tuple[tuple[int, int] | None, int | None, bytes | None]:
    if date is None:
        return None, None, None
    return (date.seconds, date.microseconds), offset_minutes(date.offset_bytes), date.offset_bytes
