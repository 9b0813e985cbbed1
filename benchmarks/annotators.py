# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What each annotator costs on real files: ``python -m benchmarks.annotators``.

Every annotator sees every distinct input of the corpus once, in batches as a task of the stage makes them, in one process; CPU
seconds of that process and of those it started, so that a busy machine does not show. Compiling and loading come before. Those
that users switch on are measured where what they need is installed, and report their own figure: the inputs are those they had an
answer for. Those of trees, which read what others said, are left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.accuracy import PAGE, put
from benchmarks.corpus import PACKAGES, File, files
from benchmarks.processes import children_cpu_seconds, machine
from codecommons.annotate import Annotator, current, prepare
from codecommons.errors import UsageError
from codecommons.plugins import discover
from codecommons.settings import Settings

COMPILING = 64  # files that are annotated before anything is measured
RESULT = Path("benchmarks/results/annotators.json")


@dataclass
class Cost:
    """One annotator over the corpus: inputs it wanted, bytes of their contents, rows with an error, CPU seconds."""

    name: str
    default: bool = True
    inputs: int = 0
    bytes: int = 0
    errors: int = 0
    cpu_seconds: float = 0.0


@dataclass(frozen=True)
class Result:
    """Costs of all annotators, and what they were measured on: distinct contents, and bytes of them."""

    environment: str
    contents: int
    bytes: int
    costs: list[Cost]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "megabytes_a_second": round(self.bytes / self.seconds / 1e6, 2)}

    @property
    def seconds(self) -> float:
        """CPU seconds of the default annotators together."""
        return sum(cost.cpu_seconds for cost in self.costs if cost.default)

    def to_markdown(self) -> str:
        """The table."""
        lines = [
            f"{self.contents:,} distinct contents, {self.bytes / 1e6:.0f} MB, {self.environment}. A speed is of the whole corpus "
            "per CPU second, or, of what users switch on, of what it was asked about; inputs are what an annotator wants of it "
            "(contents, contents under a name, or paths).",
            "",
            "| annotator | inputs | errors | CPU seconds | MB/s | inputs/s |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        ordered = sorted(self.costs, key=lambda cost: (not cost.default, -cost.cpu_seconds))
        speed = f"{self.seconds:.1f} | **{self.bytes / self.seconds / 1e6:.1f}** | "
        lines += [self._row(cost, self.bytes) for cost in ordered if cost.default]
        lines.append(f"| all together | | | {speed}|")
        return "\n".join(lines + [self._row(cost, cost.bytes) for cost in ordered if not cost.default])

    @staticmethod
    def _row(cost: Cost, size: int) -> str:
        seconds = max(cost.cpu_seconds, 1e-3)
        speed = f"{cost.cpu_seconds:.1f} | {size / seconds / 1e6:,.0f} | {cost.inputs / seconds:,.0f}"
        name = f"`{cost.name}`" if cost.default else f"`{cost.name}` (switched on)"
        return f"| {name} | {cost.inputs:,} | {cost.errors:,} | {speed} |"


def run(settings: Settings, packages: Path = PACKAGES, every: int = 1) -> Result:
    """Measure.

    Args:
        settings: cache of archives, plug-ins, batch size.
        packages: the list of archives.
        every: look at every so many archives only.

    Raises:
        UsageError: none of the archives can be had, or an annotator can't be used.
    """
    default = current(replace(settings, annotators=()))
    settings = replace(settings, annotators=_installed())
    annotators = {name: one for name, one in current(settings).items() if one.input != "tree"}
    prepare(settings)
    costs = {name: Cost(name, name in default) for name in annotators}
    contents: set[bytes] = set()
    paths: set[bytes] = set()
    size, first = 0, True
    for batch in _batches(files(settings, packages, every), settings.batch_bytes):
        fresh: dict[bytes, File] = {}
        for file in batch:
            if file.sha1 not in contents:
                fresh.setdefault(file.sha1, file)
        contents.update(fresh)
        size += sum(len(file.data) for file in fresh.values())
        inputs = {"content": list(fresh.values()), "named_content": batch, "path": [f for f in batch if f.path not in paths]}
        paths.update(file.path for file in batch)
        for name, annotator in annotators.items():
            if first:
                _annotate(annotator, inputs[annotator.input][:COMPILING], Cost(name))
            _annotate(annotator, inputs[annotator.input], costs[name])
        first = False
    return Result(machine(), len(contents), size, list(costs.values()))


def _batches(found: Iterator[File], most: int) -> Iterator[list[File]]:
    batch: list[File] = []
    size = 0
    for file in found:
        if batch and size + len(file.data) > most:
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += len(file.data)
    if batch:
        yield batch


def _annotate(annotator: Annotator, batch: list[File], cost: Cost) -> None:
    wanted = [file for file in batch if annotator.input != "named_content" or annotator.wants(file.name)]
    if not wanted:
        return
    columns = {
        "sha1_git": [file.sha1 for file in wanted],
        "name": [file.name for file in wanted],
        "path_id": [hashlib.sha1(file.path, usedforsecurity=False).digest() for file in wanted],
        "path": [file.path for file in wanted],
    }
    if annotator.input != "path":
        columns["data"] = [file.data for file in wanted]
    table = pa.record_batch({name: pa.array(values, pa.binary()) for name, values in columns.items()})
    start = _cpu()
    rows = annotator.run(table)
    cost.cpu_seconds += _cpu() - start
    first = rows[annotator.fields[0].name].is_valid().to_pylist()
    told = [file for file, valid in zip(wanted, first, strict=True) if cost.default or valid]
    cost.inputs += len(told)
    cost.bytes += sum(len(file.data) for file in told)
    cost.errors += len(wanted) - rows["error"].null_count


def _installed() -> tuple[str, ...]:
    """Names of annotators that users switch on, as far as what they need is installed."""
    found = []
    for name, annotator in discover("codecommons.annotate.annotators", "ANNOTATOR", Annotator).items():
        try:
            if annotator.extra and annotator.digest:
                found.append(name)
        except UsageError:
            continue
    return tuple(found)


def _cpu() -> float:
    return time.process_time() + children_cpu_seconds()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.annotators", description="What each annotator costs.")
    parser.add_argument("packages", nargs="?", type=Path, default=PACKAGES, help="the list (default: %(default)s)")
    parser.add_argument("--every", type=int, default=1, help="every so many archives only; nothing is written then")
    given = parser.parse_args()
    result = run(Settings.from_environment(), given.packages, given.every)
    print(result.to_markdown())
    if given.every == 1:
        PAGE.write_text(put(PAGE.read_text(), "What annotators cost", result.to_markdown()))
        RESULT.write_text(json.dumps(result.to_json(), indent=2) + "\n")
