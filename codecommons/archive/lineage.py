# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which revisions of the lake the histories of some origins hold, in bounded memory.

A history may be a million generations deep, and a join a generation would take as many readings of the lake. So revisions are
numbered once, the newest first, and the parents of each lie side by side in a file. One sweep through that file hands down, from
every revision to its parents, which origins hold it: a bit an origin, in a second file. As a parent is seldom newer than its
child, little is touched that is not near. What is newer all the same, as clocks and people lie, was passed already and is
taken up at once: dates decide how far the sweep has to reach, never what it finds.

The files have no name, so that nothing of them stays when the process is killed. What was read of them is given back as it goes.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from heapq import heappop, heappush
from pathlib import Path
from typing import IO, Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

# Origins that one sweep tells apart: the bits of a mark.
ORIGINS = 64
# Revisions of one part of the files: 512 KB of each.
_WINDOW = 1 << 16
# Revisions after which what was read is given back: each may lie somewhere else, and the system reads 64 KB around it.
_VISITS = 1 << 10
# Revisions that wait for their turn, 10 MB; what finds no room is found by another sweep.
_WAITING = 1 << 18

_NUMBERED = """
create or replace temp table node as
    select id, row_number() over () - 1 as number
    from (select id from revision order by committer_date.seconds desc nulls last)
"""
# One join after the other: two at once need twice the memory, and DuckDB can't put all of it on the disk.
_FROM = """
create or replace temp table edge as
    select node.number, history.parent_id from revision_history as history join node on node.id = history.id
"""
_EDGES = """
select edge.number, node.number as parent from edge join node on node.id = edge.parent_id order by edge.number
"""
_MARKED = """
select node.id as revision, marked.parents, marked.bits from node join marked using (number) order by number
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
        self._sql, self._folder, self._window, self._waiting = sql, folder, window, waiting
        self._files = ExitStack()

    def __enter__(self) -> Lineage:
        """Number all revisions and write down the parents of each.

        Raises:
            duckdb.Error: a table can't be read.
            OSError: the files can't be written.
        """
        self._sql.execute(_NUMBERED)
        [(self._count,)] = self._sql.execute("select count(*) from node").fetchall()
        with ExitStack() as files:
            self._sql.execute(_FROM)
            edges = self._sql.execute(_EDGES).to_arrow_reader(self._window)
            parents: IO[bytes] = files.enter_context(tempfile.TemporaryFile(dir=self._folder))
            starts: IO[bytes] = files.enter_context(tempfile.TemporaryFile(dir=self._folder))
            marks: IO[bytes] = files.enter_context(tempfile.TemporaryFile(dir=self._folder))
            for part in self._places(edges, parents):
                starts.write(part.tobytes())
            self._sql.execute("drop table edge")
            for low in self._windows():
                marks.write(bytes(8 * min(self._window, self._count - low)))
            self._parents, self._starts, self._marks = _Mapped(parents), _Mapped(starts), _Mapped(marks, np.uint64)
            self._files = files.pop_all()
        self._touched = np.zeros(len(self._windows()), np.bool_)
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files, which are gone then."""
        self._files.close()

    def reached(self, heads: pl.DataFrame, rows: int) -> Iterator[pl.DataFrame]:
        """What heads reach, themselves included, as far as it is in the lake.

        Args:
            heads: columns revision (binary) and bit (0 to ``ORIGINS`` - 1).
            rows: how many are given at once, or up to a window more.

        Yields:
            ``revision``, ``parents`` (how many of them are there; int32) and ``bits`` (uint64: of the heads that reach it); each
            revision once, the newest first.
        """
        self._sql.register("head", heads.to_arrow())
        begun = self._sql.execute("select number, bit from node join head on head.revision = node.id").fetchnumpy()
        self._sql.unregister("head")
        numbers, bits = (np.asarray(begun[name], np.uint64) for name in ("number", "bit"))
        np.bitwise_or.at(self._marks.array, numbers, np.uint64(1) << bits)
        self._touched[numbers // np.uint64(self._window)] = True
        missed = True
        while missed:
            missed = False
            for window, low in enumerate(self._windows()):
                if self._touched[window]:
                    missed |= self._hand_down(low)
        for marked in gathered(rows, self._marked()):
            self._sql.register("marked", marked.to_arrow())
            yield pl.DataFrame(self._sql.execute(_MARKED).to_arrow_table())
            self._sql.unregister("marked")

    def _hand_down(self, low: int) -> bool:
        """Give the marks of a part, and of what was passed before and is marked by it, to the parents.

        Returns:
            Whether some found no room to wait.
        """
        until, missed, done = low + self._window, False, 0
        waiting = (np.flatnonzero(self._marks.array[low:until]) + low).tolist()  # in order, which makes it a heap
        # Views give numbers of Python's own, and faster: some 0.7 us a revision, less than all else that is done with one.
        starts, parents, marks = (one.array.data for one in (self._starts, self._parents, self._marks))
        while waiting:
            one = heappop(waiting)
            mark = marks[one]
            for parent in parents[starts[one] : starts[one + 1]].tolist():
                known = marks[parent]
                if mark | known != known:
                    marks[parent] = mark | known
                    self._touched[parent // self._window] = True
                    if parent >= until:
                        continue
                    if len(waiting) < self._waiting:
                        heappush(waiting, parent)
                    else:
                        missed = True
            done += 1
            if done % _VISITS == 0:
                self._forget()
        self._forget()
        return missed

    def _marked(self) -> Iterator[pl.DataFrame]:
        """What has marks, which are taken away: number, parents and bits."""
        for window in np.flatnonzero(self._touched):
            low = window * self._window
            marks = self._marks.array[low : low + self._window]
            at = np.flatnonzero(marks) + low
            count = (self._starts.array[at + 1] - self._starts.array[at]).astype(np.int32)
            yield pl.DataFrame({"number": at, "parents": count, "bits": marks[at - low]})
            marks[:] = 0
            self._touched[window] = False
            self._forget()

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
            after = int(children[-1]) + 1
            yield from upto(after, children)
            parents.write(found.tobytes())
            at, written = after, written + len(children)
        yield from upto(self._count + 1, np.empty(0, np.int64))

    def _forget(self) -> None:
        for one in (self._starts, self._parents, self._marks):
            one.forget()


class _Mapped:
    """Numbers of a file as an array. The file has all its bytes already: a full disk would end the process later."""

    def __init__(self, file: IO[bytes], dtype: Any = np.int64) -> None:
        file.flush()
        self._map = mmap.mmap(file.fileno(), 0) if file.tell() else None
        self.array: NDArray[Any] = np.frombuffer(self._map if self._map is not None else b"", dtype)

    def forget(self) -> None:
        """Give back the memory that was read into; the system keeps what was written."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)


def gathered(rows: int, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Frames put together until they have so many rows, the last ones fewer."""
    waiting: list[pl.DataFrame] = []
    for frame in frames:
        waiting.append(frame)
        if sum(one.height for one in waiting) >= rows:
            yield pl.concat(waiting)
            waiting.clear()
    if waiting:
        yield pl.concat(waiting)
