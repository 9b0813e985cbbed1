# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What every engine does, and what every worker does around a task."""

from __future__ import annotations

import ctypes
import gc
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from codecommons.errors import TaskCrashedError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Job(Generic[T, R]):
    """A function and the tasks to run it on, as ``Engine.map`` was asked."""

    function: Callable[[T], R]
    tasks: Sequence[T]
    name: Callable[[T], str]
    instead: Callable[[T], Sequence[T]] | None

    def parts(self, task: T) -> Sequence[T]:
        """What to run in place of a task that workers die on; empty when there is nothing smaller."""
        return self.instead(task) if self.instead else ()

    def crashed(self, task: T, what: str) -> TaskCrashedError:
        """The error that names such a task."""
        return TaskCrashedError(
            f"{what} on {self.name(task)} (killed, or out of memory); look at the system's log, then run the slice again"
        )


class Engine(ABC):
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
            instead: smaller tasks for one whose worker died again; none of them is how it gives up.

        Returns:
            Results in the order of the tasks, whatever finishes first; of a task that was replaced those of its parts.
            Whoever iterates gets:

        Raises:
            TaskCrashedError: workers died on the same task again.
        """
        return self.results(Job(function, tasks, name, instead))

    @abstractmethod
    def results(self, job: Job[T, R]) -> Iterator[R]:
        """What ``map`` returns."""

    @abstractmethod
    def close(self) -> None:
        """Let the workers go: what they imported, compiled and loaded, the next stage and the driver can't have meanwhile."""


# Whether what this worker has imported is out of the collector's way.
_settled = False


def run_task(function: Callable[[T], R], task: T) -> R:
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
