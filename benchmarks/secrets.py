# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Secrets beside detect-secrets, on the same samples and the same files in the same run: ``python -m benchmarks.secrets``.

The peer runs in an environment of its own, whose Python is named: ``python3.11 -m venv ENV && ENV/bin/pip install
detect-secrets==1.5.0``, then ``--peer ENV/bin/python``. Files are text of the benchmark's archives, chosen by sha1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy import PAGE, put
from benchmarks.accuracy.secrets import Place, Sample, Score, held_out, score, secret_samples
from benchmarks.corpus import PACKAGES, files
from codecommons.annotate import spans
from codecommons.annotate.spans.finder import Finder
from codecommons.errors import UsageError
from codecommons.settings import Settings

RESULT = Path("benchmarks/results/secrets.json")

# Prints, for every file named on standard input, what detect-secrets finds, then the CPU seconds of looking.
_PEER = """
import json, sys, time
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings
paths = sys.stdin.read().splitlines()
with default_settings():
    list(scan_file(paths[0]))
    start = time.process_time()
    found = {path: [[one.line_number, one.secret_value] for one in scan_file(path)] for path in paths}
    print(json.dumps({"seconds": time.process_time() - start, "found": found}))
"""


@dataclass(frozen=True)
class Side:
    """What one of both does: precision and recall on the held-out samples; spans in the files, and CPU seconds for these."""

    name: str
    precision: float
    recall: float
    spans: int
    cpu_seconds: float


@dataclass(frozen=True)
class Result:
    """Both, and what they looked at: how many files, and bytes of them."""

    files: int
    bytes: int
    sides: list[Side]

    def to_markdown(self) -> str:
        """The table."""
        lines = ["| | precision | recall | spans in files of the corpus | MB/s | files/s |", "|---|---:|---:|---:|---:|---:|"]
        for side in self.sides:
            speed = f"{self.bytes / 1e6 / side.cpu_seconds:.3g} | {self.files / side.cpu_seconds:,.0f}"
            lines.append(f"| {side.name} | {side.precision:.3f} | {side.recall:.3f} | {side.spans} | {speed} |")
        said = f"{self.files} files of {self.bytes / 1e6:.1f} MB, in CPU seconds of one core; imports and start left out."
        return "\n".join([*lines, "", said])


def run(settings: Settings, data: Path, peer: str, count: int) -> Result:
    """Ask both about the held-out samples and about ``count`` files.

    Raises:
        UsageError: none of the archives can be had.
    """
    samples = list(held_out(secret_samples(data / "secrets")))
    texts = {file.sha1: file for file in files(settings, PACKAGES) if file.data and b"\0" not in file.data}
    corpus = [
        Sample(f"{at}{Path(os.fsdecode(texts[sha1].name)).suffix}", texts[sha1].data, ())
        for at, sha1 in enumerate(sorted(texts)[:count])
    ]
    finder = spans.compiled("secrets")
    sides: dict[str, Callable[[Sequence[Sample]], tuple[dict[str, list[Place]], float]]] = {
        "ours": lambda given: _ours(finder, given),
        "detect-secrets": lambda given: _theirs(peer, given),
    }
    measured = []
    for name, answers in sides.items():
        told, _ = answers(samples)
        one = _scored(samples, told)
        found, seconds = answers(corpus)
        measured.append(Side(name, round(one.precision, 4), round(one.recall, 4), sum(map(len, found.values())), seconds))
    return Result(len(corpus), sum(len(sample.data) for sample in corpus), measured)


def _scored(samples: Sequence[Sample], found: dict[str, list[Place]]) -> Score:
    return score(samples, lambda sample: found[sample.name])["all"]


def _ours(finder: Finder, samples: Sequence[Sample]) -> tuple[dict[str, list[Place]], float]:
    start = time.process_time()
    found = {sample.name: finder.find(sample.data)[0] for sample in samples}
    seconds = time.process_time() - start
    return {name: [Place(one.kind, one.start, one.end) for one in spans] for name, spans in found.items()}, seconds


def _theirs(python: str, samples: Sequence[Sample]) -> tuple[dict[str, list[Place]], float]:
    """What the peer finds: a line and a value, which stands for every place where the line has it."""
    with tempfile.TemporaryDirectory() as folder:
        # The ending tells the peer whether values stand in quotes.
        paths = {sample.name: Path(folder, f"{at}{Path(sample.name).suffix or '.txt'}") for at, sample in enumerate(samples)}
        for sample in samples:
            paths[sample.name].write_bytes(sample.data)
        named = "\n".join(map(str, paths.values()))
        answer: dict[str, Any] = json.loads(
            subprocess.run([python, "-c", _PEER], input=named, capture_output=True, text=True, check=True).stdout
        )
    found: dict[str, list[Place]] = {}
    for sample in samples:
        places = []
        lines = sample.data.splitlines(keepends=True)
        for number, value in answer["found"][str(paths[sample.name])]:
            start = lines[number - 1].find(value.encode()) if value and number <= len(lines) else -1
            if start >= 0:
                first = sum(map(len, lines[: number - 1])) + start
                places.append(Place("", first, first + len(value.encode())))
        found[sample.name] = sorted(set(places))
    return found, float(answer["seconds"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.secrets", description="Secrets beside detect-secrets 1.5.")
    parser.add_argument("--peer", required=True, metavar="PYTHON", help="the Python of an environment that has detect-secrets")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the known answers (default: %(default)s)")
    parser.add_argument("--files", type=int, default=200, help="files of the corpus (default: %(default)s)")
    given = parser.parse_args()
    try:
        result = run(Settings.from_environment(), given.data, given.peer, given.files)
    except UsageError as error:
        sys.exit(f"Error: {error}")
    print(result.to_markdown())
    PAGE.write_text(put(PAGE.read_text(), "Beside detect-secrets", result.to_markdown()))
    RESULT.write_text(json.dumps(asdict(result), indent=2) + "\n")
