# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What ingesting a slice takes at most, and how that grows as the slice does: ``python -m benchmarks.memory``.

Packages are the archives of the list: all of them, and some with a tenth of their bytes. Histories are those of the git
benchmark, of 6,000 commits and of ten times as many, unless others are named. Each slice is loaded into a new lake by a process
of its own, which is watched from outside; what a slice consists of has been looked up before.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.accuracy import put
from benchmarks.corpus import lend_cache
from benchmarks.git import COMMITS, git_dir, make_history
from benchmarks.processes import PeakMemory, machine
from codecommons import archive
from codecommons.archive.packages import PackageSource
from codecommons.archive.source import sources
from codecommons.archive.unpack import members
from codecommons.engine import local_engine
from codecommons.errors import CodeCommonsError, ItemError, UsageError
from codecommons.lake import Lake, SliceInput
from codecommons.settings import Settings
from codecommons.swhid import git

DAY = "2026-01-31"
RESULT, PAGE = Path("benchmarks/results/memory.json"), Path("docs/performance.md")
PACKAGES = Path("examples/packages.txt")
TIMES = 10


@dataclass(frozen=True)
class Peak:
    """What one slice took.

    Attributes:
        slice: what it consists of, in words.
        objects: files in the archives, or objects in the repository.
        bytes: of all of them, unpacked.
        peak_memory: bytes, the largest sum of PSS over the process tree.
        largest_process: bytes, the most that a single process had (``VmHWM``).
        gap: seconds between two looks at the tree, all but one in a hundred.
    """

    slice: str
    objects: int
    bytes: int
    peak_memory: int
    largest_process: int
    gap: float


@dataclass(frozen=True)
class Result:
    """Slices in pairs, the small one first."""

    environment: str
    workers: int
    batch_bytes: int
    pairs: list[tuple[Peak, Peak]]

    def to_json(self) -> dict[str, Any]:
        """As plain values, with the growths."""
        return {**asdict(self), "growth": [round(large.peak_memory / small.peak_memory - 1, 3) for small, large in self.pairs]}

    def to_markdown(self) -> str:
        """The table."""
        lines = [
            f"{self.workers} workers, batches of {self.batch_bytes >> 20} MiB, {self.environment}; of a hundred looks at the "
            f"tree, 99 came within {1000 * max(one.gap for pair in self.pairs for one in pair):.0f} ms of the one before.",
            "",
            "| slice | files or objects | MB | peak MB | largest process, MB | grows by |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for small, large in self.pairs:
            for one in (small, large):
                growth = f"{one.peak_memory / small.peak_memory - 1:.0%}" if one is large else ""
                figures = f"{one.bytes / 1e6:,.0f} | {one.peak_memory / 1e6:.0f} | {one.largest_process / 1e6:.0f} | {growth}"
                lines.append(f"| {one.slice} | {one.objects:,} | {figures} |")
        return "\n".join(lines)


def run(settings: Settings, packages: Path, histories: Sequence[Path], say: Callable[[str], None]) -> Result:
    """Load all slices, one after the other.

    Args:
        settings: the user's; only the cache of archives is shared.
        packages: the list.
        histories: two repositories, the small one first.
        say: takes a line of progress.

    Raises:
        UsageError: none of the archives can be had.
    """
    with _lake(settings) as lake:
        archives = _archives(lake, packages, say)
    pairs = []
    for few, many in ((_tenth(archives), archives),):
        pairs.append((_packages(settings, few, say), _packages(settings, many, say)))
    small, large = histories
    pairs.append((_history(settings, small, say), _history(settings, large, say)))
    return Result(machine(), settings.workers, settings.batch_bytes, pairs)


@dataclass(frozen=True)
class _Archive:
    row: SliceInput
    files: int
    bytes: int


@contextmanager
def _lake(settings: Settings) -> Iterator[Lake]:
    """A new lake beside the user's, with the cache of it."""
    home = settings.home / "benchmark-memory"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    lend_cache(settings, home)
    try:
        yield Lake.open(replace(settings, home=home, lake=str(home / "lake")))
    finally:
        shutil.rmtree(home)


def _archives(lake: Lake, packages: Path, say: Callable[[str], None]) -> list[_Archive]:
    """Those of the list that can be had, each once, in its order."""
    known = sources(lake.settings)
    found: list[_Archive] = []
    for row in archive.add_inputs(lake, archive.read_package_list(packages), DAY):
        source = known[row.source]
        assert isinstance(source, PackageSource)
        try:
            sizes = [len(one.data or b"") for one in members(source.fetch(row, lake.settings), lake.settings)]
        except ItemError as error:
            say(f"without {row.source}:{row.item}: {error.detail}")
            continue
        found.append(_Archive(row, len(sizes), sum(sizes)))
    if not found:
        raise UsageError("none of the archives can be had; is the package index configured?")
    return found


def _tenth(archives: Sequence[_Archive]) -> list[_Archive]:
    """From all over the list, so many that they have a tenth of its bytes."""
    found, seen, taken = [], 0, 0
    for one in archives:
        seen += one.bytes
        if TIMES * (taken + one.bytes) <= seen:
            found.append(one)
            taken += one.bytes
    return found


def _packages(settings: Settings, archives: Sequence[_Archive], say: Callable[[str], None]) -> Peak:
    with _lake(settings) as lake:
        lake.log.add_input([one.row for one in archives])
        objects, size = sum(one.files for one in archives), sum(one.bytes for one in archives)
        return _watched(lake, f"{len(archives)} packages", objects, size, say)


def _history(settings: Settings, repository: Path, say: Callable[[str], None]) -> Peak:
    command = ["git", f"--git-dir={git_dir(repository)}", "cat-file", "--batch-check=%(objectsize)", "--batch-all-objects"]
    sizes = [int(line) for line in subprocess.run(command, env=git.environment(), capture_output=True, check=True).stdout.split()]
    commits = int(git.run(repository, "rev-list", "--all", "--count"))
    with _lake(settings) as lake:
        archive.add_inputs(lake, [f"git:{repository}"], DAY)
        return _watched(lake, f"a history of {commits:,} commits", len(sizes), sum(sizes), say)


def _watched(lake: Lake, name: str, objects: int, size: int, say: Callable[[str], None]) -> Peak:
    say(name)
    process = multiprocessing.get_context("spawn").Process(target=_ingest, args=(lake.settings,))
    process.start()
    assert process.pid is not None
    with PeakMemory(process.pid) as peak:
        process.join()
    failed = [report.source for report in lake.reports() if not all(check.passed for check in report.checks)]
    if process.exitcode or failed:
        raise CodeCommonsError(f"{name}: the slice did not come in; {', '.join(failed) or f'code {process.exitcode}'}")
    return Peak(name, objects, size, peak.total, peak.largest, peak.gap)


def _ingest(settings: Settings) -> None:
    lake, engine = Lake.open(settings), local_engine(settings)
    for source in lake.log.sources(DAY):
        archive.ingest_slice(lake, engine, DAY, source)
        engine.close()


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory", description="Peak memory of slices, and of ten times as large ones."
    )
    parser.add_argument("histories", nargs="*", type=Path, help="two local repositories, the small one first; made unless given")
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="the list (default: %(default)s)")
    arguments = parser.parse_args()
    if len(arguments.histories) not in (0, 2):
        parser.error("name two repositories, or none")
    with tempfile.TemporaryDirectory(prefix="codecommons-") as folder:
        histories = [path.absolute() for path in arguments.histories]
        for times in (1, TIMES)[len(histories) :]:
            histories.append(Path(folder, f"{times}.git"))
            make_history(histories[-1], times * COMMITS)
        try:
            result = run(
                Settings.from_environment(), arguments.packages, histories, lambda line: print(line, file=sys.stderr, flush=True)
            )
        except CodeCommonsError as error:
            print(f"Error: {error}", file=sys.stderr)
            return 1
    print(result.to_markdown())
    if not arguments.histories:
        PAGE.write_text(put(PAGE.read_text(), "Peak memory", result.to_markdown()))
        RESULT.write_text(json.dumps(result.to_json(), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
