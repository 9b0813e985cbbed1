# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a slice costs that shares 95 % of its contents with the one before: ``python -m benchmarks.second_slice``.

Two folders of real files, ingested as two days, annotated through the stage itself; CPU seconds of the process and its workers.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy import PAGE, put
from benchmarks.corpus import File, files
from benchmarks.processes import tree_cpu_seconds
from codecommons.annotate import annotate_slice, prepare
from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine import local_engine
from codecommons.lake import Lake
from codecommons.settings import Settings

RESULT = Path("benchmarks/results/second_slice.json")
SHARED = 0.95
DAYS = ("2026-01-30", "2026-01-31")


@dataclass(frozen=True)
class Slice:
    """One slice: files, bytes, annotations computed and reused, CPU seconds of the stage."""

    files: int
    bytes: int
    computed: int
    reused: int
    cpu_seconds: float


@dataclass(frozen=True)
class Result:
    """The first slice and the second."""

    first: Slice
    second: Slice

    @property
    def share(self) -> float:
        """Cost of the second as a share of the first's."""
        return self.second.cpu_seconds / self.first.cpu_seconds

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "second_to_first": round(self.share, 4)}

    def to_markdown(self) -> str:
        """The table."""
        lines = ["| slice | files | MB | computed | reused | CPU seconds |", "|---|---:|---:|---:|---:|---:|"]
        for name, one in (("first", self.first), (f"second, {SHARED:.0%} of it known", self.second)):
            figures = f"{one.files:,} | {one.bytes / 1e6:.0f} | {one.computed:,} | {one.reused:,} | {one.cpu_seconds:.1f}"
            lines.append(f"| {name} | {figures} |")
        return "\n".join([*lines, "", f"The second costs {self.share:.1%} of the first."])


def run(settings: Settings, count: int) -> Result:
    """Lay out two folders of ``count`` files, and annotate both.

    Raises:
        UsageError: none of the archives can be had.
    """
    fresh = count - round(count * SHARED)
    found = list(itertools.islice(files(settings), count + fresh))
    step = max(1, len(found) // (2 * fresh))
    news = set(range(0, len(found), step))
    with tempfile.TemporaryDirectory(prefix="codecommons-") as folder:
        place = Path(folder)
        own = Settings(place / "home", str(place / "home" / "lake"), workers=settings.workers)
        lake, engine = Lake.open(own), local_engine(own)
        list(engine.map(_ready, [own]))
        slices = []
        shared = [file for at, file in enumerate(found) if at not in news]
        new = [file for at, file in enumerate(found) if at in news]
        half = len(new) // 2
        for day, extra in zip(DAYS, (new[:half], new[half:]), strict=True):
            _lay([*shared, *extra], place / day)
            add_inputs(lake, [f"path:{place / day}"], day)
            ingest_slice(lake, engine, day, "path")
            start = tree_cpu_seconds()
            report = annotate_slice(lake, engine, day, "path")
            cost = tree_cpu_seconds() - start
            slices.append(Slice(report.rows_in, report.bytes_in, report.computed, report.reused, cost))
    return Result(*slices)


def _ready(settings: Settings) -> None:
    """Compile and load in a worker before anything is measured."""
    prepare(settings)


def _lay(found: list[File], folder: Path) -> None:
    for at, file in enumerate(found):
        path = folder / f"{at // 100}" / str(at) / file.name.decode("utf-8", "replace")
        path.parent.mkdir(parents=True)
        path.write_bytes(file.data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.second_slice", description="What a slice costs that is mostly known."
    )
    parser.add_argument("--files", type=int, default=20000, help="files in each (default: %(default)s)")
    result = run(Settings.from_environment(), parser.parse_args().files)
    print(result.to_markdown())
    PAGE.write_text(put(PAGE.read_text(), "A second slice", result.to_markdown()))
    RESULT.write_text(json.dumps(result.to_json(), indent=2) + "\n")
