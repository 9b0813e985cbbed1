"""A process pool sized to the machine.

The interface is what Ray tasks offer: a module-level function, picklable tasks, results in the order of the tasks.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Protocol, TypeVar

from codecommons.errors import TaskCrashedError
from codecommons.settings import Settings

T = TypeVar("T")
R = TypeVar("R")

# Imported once by the fork server, so that a worker starts in milliseconds; none of them may start threads at import.
_PRELOAD = ["numpy", "pyarrow", "pyarrow.parquet", "pyarrow.dataset", "deltalake"]


class Engine(Protocol):
    """Maps a pure function over tasks, each of bounded memory."""

    workers: int

    def map(self, function: Callable[[T], R], tasks: Sequence[T], name: Callable[[T], str] = str) -> Iterator[R]:
        """Run ``function`` on every task.

        Args:
            function: a module-level function, or a ``functools.partial`` of one.
            tasks: picklable descriptions of work.
            name: what to call a task in an error.

        Yields:
            Results in the order of the tasks, whatever finishes first.

        Raises:
            TaskCrashedError: a worker died twice on the same task.
        """
        ...


@dataclass
class InlineEngine:
    """Runs tasks in the calling process, one after the other."""

    workers: int = 0

    def map(self, function: Callable[[T], R], tasks: Sequence[T], name: Callable[[T], str] = str) -> Iterator[R]:
        """See ``Engine.map``."""
        return map(function, tasks)


@dataclass
class PoolEngine:
    """Runs tasks in ``workers`` processes; at most two tasks a worker are queued, so that results are not piled up."""

    workers: int

    def map(self, function: Callable[[T], R], tasks: Sequence[T], name: Callable[[T], str] = str) -> Iterator[R]:
        """See ``Engine.map``."""
        todo = deque(tasks)
        while todo:
            try:
                yield from self._drain(function, todo, self.workers)
            except BrokenProcessPool:
                # Nobody can tell whose worker died: what was in flight runs again alone, and who dies alone is named.
                for _ in range(min(2 * self.workers, len(todo))):
                    task = todo[0]
                    try:
                        yield from self._drain(function, deque([task]), 1)
                    except BrokenProcessPool:
                        raise TaskCrashedError(
                            f"a worker died twice on {name(task)} (killed, or out of memory); see the system's log, "
                            "then run the slice again"
                        ) from None
                    todo.popleft()

    def _drain(self, function: Callable[[T], R], todo: deque[T], workers: int) -> Iterator[R]:
        """Yield the results of ``todo``; a task leaves ``todo`` only when its result has been yielded."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOAD)
        with ProcessPoolExecutor(min(workers, len(todo)), mp_context=context) as pool:
            running: deque[Future[R]] = deque()
            ahead = iter(list(todo))
            try:
                for task in ahead:
                    running.append(pool.submit(function, task))
                    if len(running) >= 2 * workers:
                        yield self._next(running, todo)
                while running:
                    yield self._next(running, todo)
            finally:
                for future in running:
                    future.cancel()

    @staticmethod
    def _next(running: deque[Future[R]], todo: deque[T]) -> R:
        result = running[0].result()
        running.popleft()
        todo.popleft()
        return result


def local_engine(settings: Settings) -> Engine:
    """The engine of this machine: inline for no or one worker, else a pool."""
    return PoolEngine(settings.workers) if settings.workers > 1 else InlineEngine()
