# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""CPU time and memory of a whole process tree, and what machine they were measured on."""

from __future__ import annotations

import itertools
import os
import platform
import resource
import threading
import time
from pathlib import Path
from types import TracebackType

from codecommons.report import process_tree, tree_cpu_seconds


def children_cpu_seconds() -> float:
    """CPU seconds of what this process started, living or dead."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return tree_cpu_seconds() - own.ru_utime - own.ru_stime


class PeakMemory:
    """The most memory that a process and all its descendants had at once, looked at from outside; a context manager.

    Attributes:
        total: bytes, the largest sum of PSS (shared pages are counted once over the tree).
        largest: bytes, the most that one process of the tree had, as the kernel keeps it (``VmHWM``): what no sample misses.
        samples: how often the tree was looked at.
        gap: seconds between two looks; all but one in a hundred were shorter.
    """

    def __init__(self, root: int, interval: float = 0.01) -> None:
        """Nothing is looked at before the context is entered.

        Args:
            root: the process.
            interval: seconds from one look to the next.
        """
        self.total = self.largest = 0
        self._root, self._interval = root, interval
        self._times: list[float] = []
        self._stop = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> PeakMemory:
        """Start looking."""
        self._sampler.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop looking."""
        self._stop.set()
        self._sampler.join()

    @property
    def samples(self) -> int:
        """See the class."""
        return len(self._times)

    @property
    def gap(self) -> float:
        """See the class."""
        gaps = sorted(after - before for before, after in itertools.pairwise(self._times))
        return gaps[len(gaps) * 99 // 100] if gaps else 0.0

    def _sample(self) -> None:
        while not self._stop.is_set():
            self._times.append(time.perf_counter())
            total = 0
            for pid in process_tree(self._root):
                total += _kilobytes(pid, "smaps_rollup", "Pss:")
                self.largest = max(self.largest, _kilobytes(pid, "status", "VmHWM:"))
            self.total = max(self.total, total)
            self._stop.wait(max(0.0, self._times[-1] + self._interval - time.perf_counter()))


def _kilobytes(pid: int, file: str, name: str) -> int:
    """A line of a file of ``/proc/PID``, in bytes; 0 for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(name))


def machine() -> str:
    """Cores, processor, memory, Python and system, in one line that names nobody."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{cores} cores of {_processor()}, {memory:.0f} GiB, Python {platform.python_version()}, {platform.system()}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()
