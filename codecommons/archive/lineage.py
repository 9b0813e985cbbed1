# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which revisions of the lake the histories of some origins hold, in bounded memory.

A history may be a million generations deep, and a join a generation would take as many readings of the lake. So revisions are
numbered once, the newest first, and the parents of each lie side by side in a file. One sweep through that file hands down, from
every revision to its parents, which origins hold it: a bit an origin, in a second file. As a parent is seldom newer than its
child, little is touched that is not near. What is newer all the same, as clocks and people lie, was passed already and is
taken up at once: dates decide how far the sweep jumps, never what it finds.

The files have no name, so that nothing of them stays when the process is killed; what was read of them is given back as it goes.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import IO, Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

# Origins that one sweep tells apart: the bits of a mark.
ORIGINS = 64
# Revisions of one part of the files, and revisions that are passed before what was read is given back: 64 KB to 1.3 MB of a file.
_WINDOW = 1 << 16
# Revisions that wait for their turn because a child of theirs is older: 8 MB. If more do, there is another sweep.
_WAITING = 1 << 20
# Bytes of an identifier.
_HASH = 20

_NUMBERED = """
create or replace temp table node as
    select id, row_number() over () - 1 as number
    from (select id from revision order by committer_date.seconds desc nulls last)
"""
_EDGES = """
select child.number, parent.number as parent
from revision_history as history
join node as child on child.id = history.id
join node as parent on parent.id = history.parent_id
order by child.number
"""


class Lineage:
    """The revisions of a lake and their parents that are there. A context manager; its files live as long as it is open."""

    def __init__(self, sql: duckdb.DuckDBPyConnection, folder: Path, window: int = _WINDOW, waiting: int = _WAITING) -> None:
        """Nothing is read yet.

        Args:
            sql: has ``revision`` and ``revision_history``; table ``node`` (id, number) will stay in it.
            folder: where the files go.
            window: revisions that are looked at together.
            waiting: revisions that may wait for their turn, at least one.
        """
        self._sql, self._folder, self._window = sql, folder, window
        self._waiting = np.empty(waiting, np.int64)
        self._files = ExitStack()
        self._visit: _Visit = _hand_down

    def __enter__(self) -> Lineage:
        """Number all revisions and write down the parents of each.

        Raises:
            duckdb.Error, pyarrow.ArrowException: a table can't be read.
            OSError: the files can't be written.
        """
        with ExitStack() as files:
            self._sql.execute(_NUMBERED)
            [(self._count,)] = self._sql.execute("select count(*) from node").fetchall()
            ids = self._sql.execute("select id from node order by number").to_arrow_reader(self._window)
            self._ids = files.enter_context(_Column(self._folder, np.dtype((np.void, _HASH)), map(_hashes, ids)))
            edges = self._sql.execute(_EDGES).to_arrow_reader(self._window)
            parents: IO[bytes] = files.enter_context(tempfile.TemporaryFile(dir=self._folder))
            self._starts = files.enter_context(_Column(self._folder, np.dtype(np.int64), self._places(edges, parents)))
            self._parents = files.enter_context(_Column(self._folder, np.dtype(np.int64), (), parents))
            empty = (np.zeros(min(self._window, self._count - low), np.uint64) for low in self._windows())
            self._marks = files.enter_context(_Column(self._folder, np.dtype(np.uint64), empty))
            self._files = files.pop_all()
        self._touched = np.zeros(len(self._windows()), np.bool_)
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files, which are gone then."""
        self._files.close()

    def reached(self, heads: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """What heads reach, themselves included, as far as it is in the lake.

        Args:
            heads: columns revision (binary) and bit (0 to ``ORIGINS`` - 1).

        Yields:
            ``revision``, ``parents`` (how many are there; int32) and ``bits`` (uint64: of the heads that reach it), each revision
            once, newer ones first, at most ``window`` at a time.
        """
        self._sql.register("head", heads.to_arrow())
        begun = self._sql.execute("select number, bit from head join node on node.id = head.revision").fetchnumpy()
        self._sql.unregister("head")
        np.bitwise_or.at(self._marks.array, begun["number"], np.uint64(1) << begun["bit"].astype(np.uint64))
        self._touched[begun["number"] // self._window] = True
        again = 0
        while again < self._count:
            again = self._sweep(again)
        for window in np.flatnonzero(self._touched):
            low = window * self._window
            marks = self._marks.array[low : low + self._window]
            at = np.flatnonzero(marks) + low
            found = pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(_HASH), len(at), [None, pa.py_buffer(self._ids.array[at].tobytes())]
            )
            yield pl.DataFrame(
                {
                    "revision": pl.Series(found.cast(pa.binary())),
                    "parents": (self._starts.array[at + 1] - self._starts.array[at]).astype(np.int32),
                    "bits": marks[at - low],
                }
            )
            marks[:] = 0
            self._touched[window] = False
            self._forget()

    def _sweep(self, begin: int) -> int:
        """Hand marks down from revision ``begin`` on; returns from where on once more, ``count`` when all is handed down."""
        again = self._count
        for window, low in enumerate(self._windows()):
            at, until, depth = max(begin, low), min(low + self._window, self._count), 0
            while self._touched[window] and (at < until or depth):
                at, depth, missed = self._visit(
                    self._starts.array,
                    self._parents.array,
                    self._marks.array,
                    self._touched,
                    self._waiting,
                    at,
                    depth,
                    until,
                    self._window,
                )
                again = min(again, missed)
                self._forget()
                # To compile, or to find what was compiled, takes as long as some windows.
                self._visit = _compiled()
        return again

    def _windows(self) -> range:
        return range(0, self._count, self._window)

    def _places(self, edges: Iterable[pa.RecordBatch], parents: IO[bytes]) -> Iterator[NDArray[np.int64]]:
        """Write parents one after the other; yields where those of each revision begin, and at last where all end."""
        at = written = 0

        def upto(end: int, children: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
            for low in range(at, end, self._window):
                yield written + np.searchsorted(children, np.arange(low, min(low + self._window, end)))

        for batch in edges:
            children, found = (column.to_numpy() for column in batch.columns)
            yield from upto(int(children[-1]) + 1, children)
            parents.write(found.tobytes())
            at, written = max(at, int(children[-1]) + 1), written + len(children)
        yield from upto(self._count + 1, np.empty(0, np.int64))

    def _forget(self) -> None:
        for column in (self._ids, self._starts, self._parents, self._marks):
            column.forget()


class _Column:
    """Numbers or hashes in a file without a name, as an array. A context manager."""

    def __init__(self, folder: Path, dtype: np.dtype[Any], parts: Iterable[NDArray[Any]], file: IO[bytes] | None = None) -> None:
        """Write ``parts`` to the file: the disk may be full, and a mapped file would end the process then."""
        self._file = file or tempfile.TemporaryFile(dir=folder)
        for part in parts:
            self._file.write(part.tobytes())
        self._file.flush()
        self._map = mmap.mmap(self._file.fileno(), 0) if self._file.tell() else None
        self.array: NDArray[Any] = np.frombuffer(self._map or b"", dtype)

    def __enter__(self) -> _Column:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; the mapping goes with the array."""
        self._file.close()

    def forget(self) -> None:
        """Give the memory back that the file's pages take; the system may keep them."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)


def _hashes(batch: pa.RecordBatch) -> NDArray[Any]:
    ids = batch.column(0).cast(pa.binary(_HASH))
    return np.frombuffer(ids.buffers()[1], np.dtype((np.void, _HASH)), len(ids), ids.offset * _HASH)


_Visit = Callable[..., tuple[int, int, int]]


def _hand_down(
    starts: NDArray[np.int64],
    parents: NDArray[np.int64],
    marks: NDArray[np.uint64],
    touched: NDArray[np.bool_],
    waiting: NDArray[np.int64],
    at: int,
    depth: int,
    until: int,
    window: int,
) -> tuple[int, int, int]:
    """Give the marks of some revisions to their parents, ``window`` revisions at most.

    Args:
        starts: where the parents of each revision begin.
        parents: of all revisions.
        marks: of each revision; changed.
        touched: which parts of ``window`` revisions have marks; changed.
        waiting: revisions that were passed before they were marked; changed.
        at: the next revision.
        depth: how many are waiting.
        until: where to stop, if none is waiting.
        window: see above.

    Returns:
        ``at``, ``depth``, and the first revision that found no room to wait.
    """
    missed = len(marks)
    for _ in range(window):
        while depth == 0 and at < until:
            if marks[at] != 0:
                waiting[0] = at
                depth = 1
            at += 1
        if depth == 0:
            break
        depth -= 1
        one = waiting[depth]
        for place in range(starts[one], starts[one + 1]):
            parent = parents[place]
            more = marks[parent] | marks[one]
            if more != marks[parent]:
                marks[parent] = more
                touched[parent // window] = True
                if parent < at:
                    if depth < len(waiting):
                        waiting[depth] = parent
                        depth += 1
                    else:
                        missed = min(missed, parent)
    return at, depth, missed


@cache
def _compiled() -> _Visit:
    from numba import njit

    compiled: _Visit = njit(cache=True)(_hand_down)
    return compiled
