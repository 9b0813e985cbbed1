# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a stage tells about itself: one ``StageReport``; plots, checks, the demo's report and the cost mart are made from it."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

STAGES = ("raw_archive_slice", "enriched_context", "license_qualified", "deduped", "training_shards")


@dataclass(frozen=True)
class Count:
    """So many rows (files, unless a stage says otherwise) and bytes."""

    rows: int = 0
    bytes: int = 0

    def __add__(self, other: Count) -> Count:
        """Add both figures."""
        return Count(self.rows + other.rows, self.bytes + other.bytes)


@dataclass(frozen=True)
class CheckResult:
    """A verdict of a stage about its own output.

    Attributes:
        name: stable name, the same in the lake's log and in the UI.
        passed: whether the next stage may go on.
        description: when red: the item, the reason and the command to run next; when green: what was looked at.
        metadata: figures worth showing (JSON values).
        passing: whether what made it red may well be gone when the stage runs again, as when a server can't be reached.
    """

    name: str
    passed: bool
    description: str
    metadata: dict[str, Any] = field(default_factory=dict)
    passing: bool = False


@dataclass
class StageReport:
    """What one stage did for one slice and source.

    Attributes:
        stage: one of ``STAGES``.
        slice: the day, ``2026-01-31``; for a dataset its as-of day.
        source: the source, or the dataset's name.
        rows_in: files that came in; ``bytes_in`` their bytes.
        rows_kept: files that went on; ``bytes_kept`` their bytes.
        dropped: reason -> what it dropped; ``rows_in == rows_kept + sum of dropped``.
        computed: units of work done now; ``reused`` those found done already.
        seconds: wall seconds now; ``seconds_saved`` what the reused work took when it was done.
        peak_memory: bytes, peak of the sum of PSS over the process tree.
        details: JSON values of the stage's own, such as top languages; ``details["checks"]`` holds its check results, and
            ``details["unit"]`` says what a row is where it is no file.
    """

    stage: str
    slice: str
    source: str
    rows_in: int = 0
    bytes_in: int = 0
    rows_kept: int = 0
    bytes_kept: int = 0
    dropped: dict[str, Count] = field(default_factory=dict)
    computed: int = 0
    reused: int = 0
    seconds: float = 0.0
    seconds_saved: float = 0.0
    peak_memory: int = 0
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def conserved(self) -> bool:
        """Whether every file that came in was kept or dropped for a stated reason."""
        out = sum(self.dropped.values(), Count(self.rows_kept, self.bytes_kept))
        return out == Count(self.rows_in, self.bytes_in)

    @property
    def unit(self) -> str:
        """What a row is: ``files``, or ``records`` of a feed, which have no files: later stages don't see them."""
        return str(self.details.get("unit", "files"))

    @property
    def files_kept(self) -> int:
        """What the next stage gets to see."""
        return self.rows_kept if self.unit == "files" else 0

    @property
    def checks(self) -> list[CheckResult]:
        """The stage's verdicts about itself."""
        return [CheckResult(**check) for check in self.details.get("checks", [])]

    def took(self, measured: Measure) -> None:
        """Note what the work took; ``details`` has CPU seconds and the bytes that it added to the lake."""
        self.seconds, self.peak_memory = measured.seconds, measured.peak_memory
        self.details |= {"cpu_seconds": round(measured.cpu_seconds, 3), "stored_bytes": measured.stored_bytes}

    def drop(self, reason: str, rows: int, nbytes: int = 0) -> None:
        """Count ``rows`` and their bytes as left out for ``reason``; nothing happens for no rows."""
        if rows:
            self.dropped[reason] = self.dropped.get(reason, Count()) + Count(rows, nbytes)

    def to_row(self) -> dict[str, Any]:
        """The row of table ``stage_report`` (without slice, source and attempt)."""
        row = asdict(self)
        del row["slice"], row["source"]
        row["dropped"] = json.dumps(row["dropped"], sort_keys=True)
        row["details"] = json.dumps(row["details"], sort_keys=True)
        return row

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> StageReport:
        """Read a row of table ``stage_report``."""
        values = {name: row[name] for name in cls.__dataclass_fields__ if name in row}
        values["dropped"] = {reason: Count(**count) for reason, count in json.loads(row["dropped"]).items()}
        values["details"] = json.loads(row["details"])
        return cls(**values)


class Stored:
    """The bytes that this process has committed to lakes so far, as packed in their files; what is deleted is not taken off."""

    bytes = 0


class Elsewhere:
    """The CPU seconds that nodes of a cluster have spent on tasks of this process so far."""

    cpu_seconds = 0.0


class Measure:
    """Wall seconds, CPU seconds and peak memory of this process and all its children, as a context manager.

    Attributes:
        seconds: from the clock; ``cpu_seconds`` user and system, also of children that have ended and of tasks on other nodes.
        stored_bytes: what was committed to lakes meanwhile.
        peak_memory: bytes, see below.

    Memory is the sum of PSS (shared pages counted once over the tree), sampled at most every 0.25 s from ``/proc``;
    0 where the system has no ``smaps_rollup``. That of other nodes is not in it.
    """

    def __init__(self) -> None:
        """Nothing is measured before the context is entered."""
        self.seconds = self.cpu_seconds = 0.0
        self.peak_memory = self.stored_bytes = 0
        self._stop = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Measure:
        """Start the clock and the sampler."""
        self._start, self._cpu, self._stored = time.perf_counter(), _spent(), Stored.bytes
        self._sampler.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop both."""
        self.seconds, self.cpu_seconds = time.perf_counter() - self._start, max(0.0, _spent() - self._cpu)
        self.stored_bytes = Stored.bytes - self._stored
        self._stop.set()
        self._sampler.join()

    def _sample(self) -> None:
        while True:
            start = time.perf_counter()
            self.peak_memory = max(self.peak_memory, tree_memory())
            # The kernel walks every page for a sample: 20 ms for a large process, and no more than 2 % of the time.
            if self._stop.wait(max(0.25, 50 * (time.perf_counter() - start))):
                return


def _spent() -> float:
    return tree_cpu_seconds() + Elsewhere.cpu_seconds


def tree_cpu_seconds() -> float:
    """CPU seconds of this process, its living descendants, and the dead ones that they waited for."""
    return sum(sum(map(int, fields[11:15])) for fields in process_tree(os.getpid()).values()) / os.sysconf("SC_CLK_TCK")


def tree_memory(root: int | None = None) -> int:
    """Bytes of PSS of a process (this one by default) and all its descendants, now."""
    total = 0
    for pid in process_tree(root or os.getpid()):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def process_tree(root: int) -> dict[int, list[str]]:
    """A process and all its living descendants: what ``/proc/PID/stat`` says of each behind its name."""
    children: dict[int, list[int]] = {}
    stats: dict[int, list[str]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(entry.parent.name)
        stats[pid] = fields
        children.setdefault(int(fields[1]), []).append(pid)
    found: dict[int, list[str]] = {}
    todo = [root]
    while todo:
        pid = todo.pop()
        todo += children.get(pid, [])
        if pid in stats:
            found[pid] = stats[pid]
    return found
