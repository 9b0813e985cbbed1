# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A process pool sized to the machine.

The interface is what Ray tasks offer: a module-level function, picklable tasks, results in the order of the tasks.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from codecommons.errors import TaskCrashedError
from codecommons.settings import Settings

T = TypeVar("T")
R = TypeVar("R")

# Imported once by the fork server, so that workers start in milliseconds and share it; not Polars, which may hang after a fork.
_PRELOAD = [
    "numpy",
    "pyarrow",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "deltalake",
    "numba",
    "codecommons.swhid.blake2s",
    "codecommons.engine.preloaded",
]


class Engine(Protocol):
    """Maps a pure function over tasks, each of bounded memory."""

    workers: int

    def map(
        self,
        function: Callable[[T], R],
        tasks: Sequence[T],
        name: Callable[[T], str] = str,
        instead: Callable[[T], Sequence[T]] | None = None,
    ) -> Iterator[R]:
        """Run ``function`` on every task.

        Args:
            function: a module-level function, or a ``functools.partial`` of one.
            tasks: picklable descriptions of work.
            name: what to call a task in an error.
            instead: smaller tasks for one whose worker died twice; none of them is how it gives up.

        Yields:
            Results in the order of the tasks, whatever finishes first; of a task that was replaced those of its parts.

        Raises:
            TaskCrashedError: a worker died twice on the same task.
        """
        ...

    def close(self) -> None:
        """Let the workers go: what they imported, compiled and loaded, the next stage and the driver can't have meanwhile."""
        ...


@dataclass
class InlineEngine:
    """Runs tasks in the calling process, one after the other."""

    workers: int = 0

    def map(
        self,
        function: Callable[[T], R],
        tasks: Sequence[T],
        name: Callable[[T], str] = str,
        instead: Callable[[T], Sequence[T]] | None = None,
    ) -> Iterator[R]:
        """See ``Engine.map``; who dies here takes the driver along."""
        return map(function, tasks)

    def close(self) -> None:
        """See ``Engine.close``; there is nobody to let go."""


class PoolEngine:
    """Runs tasks in ``workers`` processes that stay until ``close``; two tasks a worker are queued, so results don't pile up."""

    def __init__(self, workers: int) -> None:
        """No process starts before the first task."""
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(
        self,
        function: Callable[[T], R],
        tasks: Sequence[T],
        name: Callable[[T], str] = str,
        instead: Callable[[T], Sequence[T]] | None = None,
    ) -> Iterator[R]:
        """See ``Engine.map``."""
        todo = deque(tasks)
        while todo:
            try:
                yield from self._drain(function, todo, 2 * self.workers)
            except BrokenProcessPool:
                self._pool = None
                yield from self._one_by_one(function, todo, name, instead)

    def close(self) -> None:
        """See ``Engine.close``; another map starts new workers."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
            release_memory()  # this process has merged and counted what they sent

    def _one_by_one(
        self, function: Callable[[T], R], todo: deque[T], name: Callable[[T], str], instead: Callable[[T], Sequence[T]] | None
    ) -> Iterator[R]:
        """Nobody can tell whose worker died: what was in flight runs again alone, and who dies alone is named."""
        for task in list(todo)[: 2 * self.workers]:
            try:
                yield from self._drain(function, todo, 1, limit=1)
            except BrokenProcessPool:
                self._pool = None
                if parts := instead(task) if instead else ():
                    todo.popleft()
                    todo.extendleft(reversed(parts))
                    return
                raise TaskCrashedError(
                    f"a worker died twice on {name(task)} (killed, or out of memory); look at the system's log, "
                    "then run the slice again"
                ) from None

    def _drain(self, function: Callable[[T], R], todo: deque[T], ahead: int, limit: int | None = None) -> Iterator[R]:
        """Yield results in order, ``ahead`` tasks in flight; a task leaves ``todo`` when its result is there."""
        running: deque[Future[R]] = deque()
        waiting = iter(list(todo)[:limit])
        try:
            while True:
                running.extend(self._workers().submit(_run, function, task) for task in islice(waiting, ahead - len(running)))
                if not running:
                    return
                result = running[0].result()
                running.popleft()
                todo.popleft()
                yield result
        finally:
            for future in running:
                future.cancel()

    def _workers(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(_PRELOAD)
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_die_with, initargs=(os.getpid(),))
        return self._pool


def _die_with(driver: int) -> None:
    """End this worker when the driver is gone: one that was killed can't tell its workers, and they would stay for ever."""

    def watch() -> None:
        select.select([os.pidfd_open(driver)], [], [])
        os._exit(1)

    if hasattr(os, "pidfd_open"):  # Linux
        threading.Thread(target=watch, daemon=True).start()


# Whether what this worker has imported is out of the collector's way.
_settled = False


def _run(function: Callable[[T], R], task: T) -> R:
    """Run one task, then give freed memory back: what a worker keeps for later, the other processes can't have now."""
    global _settled
    if not _settled:  # the function's module is imported now, and much with it
        gc.freeze()
        _settled = True
    try:
        return function(task)
    finally:
        release_memory()


def release_memory() -> None:
    """Hand memory that Arrow and the C library hold but don't use back to the system."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:  # glibc only
        trim(0)


def local_engine(settings: Settings) -> Engine:
    """The engine of this machine: inline for no or one worker, else a pool."""
    return PoolEngine(settings.workers) if settings.workers > 1 else InlineEngine()
