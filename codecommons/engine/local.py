# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A process pool sized to the machine."""

from __future__ import annotations

import multiprocessing
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import islice
from typing import TypeVar

from codecommons.engine.engine import Engine, Job, release_memory, run_task
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


class InlineEngine(Engine):
    """Runs tasks in the calling process, one after the other; who dies there takes the driver along."""

    def __init__(self, workers: int = 0) -> None:
        """No worker is ever started, whatever the number says."""
        self.workers = workers

    def results(self, job: Job[T, R]) -> Iterator[R]:
        """See ``Engine.results``."""
        return map(job.function, job.tasks)

    def close(self) -> None:
        """See ``Engine.close``; there is nobody to let go."""


class PoolEngine(Engine):
    """Runs tasks in ``workers`` processes that stay until ``close``; two tasks a worker are queued, so results don't pile up."""

    def __init__(self, workers: int) -> None:
        """No process starts before the first task."""
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def results(self, job: Job[T, R]) -> Iterator[R]:
        """See ``Engine.results``."""
        todo = deque(job.tasks)
        while todo:
            try:
                yield from self._drain(job.function, todo, 2 * self.workers)
            except BrokenProcessPool:
                self._pool = None
                yield from self._one_by_one(job, todo)

    def close(self) -> None:
        """See ``Engine.close``; another map starts new workers."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
            release_memory()  # this process has merged and counted what they sent

    def _one_by_one(self, job: Job[T, R], todo: deque[T]) -> Iterator[R]:
        """Nobody can tell whose worker died: what was in flight runs again alone, and who dies alone is named."""
        for task in list(todo)[: 2 * self.workers]:
            try:
                yield from self._drain(job.function, todo, 1, limit=1)
            except BrokenProcessPool:
                self._pool = None
                if parts := job.parts(task):
                    todo.popleft()
                    todo.extendleft(reversed(parts))
                    return
                raise job.crashed(task, "a worker died twice") from None

    def _drain(self, function: Callable[[T], R], todo: deque[T], ahead: int, limit: int | None = None) -> Iterator[R]:
        """Yield results in order, ``ahead`` tasks in flight; a task leaves ``todo`` when its result is there."""
        running: deque[Future[R]] = deque()
        waiting = iter(list(todo)[:limit])
        try:
            while True:
                running.extend(self._workers().submit(run_task, function, task) for task in islice(waiting, ahead - len(running)))
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
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=die_with, initargs=(os.getpid(),))
        return self._pool


def die_with(driver: int) -> None:
    """End this worker when the driver is gone: one that was killed can't tell its workers, and they would stay for ever."""

    def watch() -> None:
        with suppress(ProcessLookupError):  # it is gone already
            select.select([os.pidfd_open(driver)], [], [])
        os._exit(1)

    if hasattr(os, "pidfd_open"):  # Linux
        threading.Thread(target=watch, daemon=True).start()


def local_engine(settings: Settings) -> Engine:
    """The engine of this machine: inline for no or one worker, else a pool."""
    return PoolEngine(settings.workers) if settings.workers > 1 else InlineEngine()
