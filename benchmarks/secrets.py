# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Secrets beside detect-secrets, on the same samples and the same files in the same run: ``python -m benchmarks.secrets``.

The peer runs in an environment of its own, whose Python is named: ``python3.11 -m venv ENV && ENV/bin/pip install
detect-secrets==1.5.0``, then ``--peer ENV/bin/python``. Files come from the archives that the demo has downloaded.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy.secrets import Place, Sample, held_out, score, secret_samples
from codecommons.annotate import spans
from codecommons.archive.unpack import members
from codecommons.settings import Settings
from codecommons.swhid import FILE_PERMS

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


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.secrets", description="Secrets beside detect-secrets 1.5.")
    parser.add_argument("--peer", required=True, metavar="PYTHON", help="the Python of an environment that has detect-secrets")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the known answers (default: %(default)s)")
    parser.add_argument("--files", type=int, default=300, help="files of the corpus (default: %(default)s)")
    arguments = parser.parse_args()
    samples = list(held_out(secret_samples(arguments.data / "secrets")))
    files = _corpus(Settings.from_environment(), arguments.files)
    if not files:
        print("Error: there are no downloaded archives; run `make demo` first", file=sys.stderr)
        return 1
    ours, theirs = spans.Finder(spans.read("secrets")), arguments.peer
    print("| | precision | recall | spans in files of the corpus | MB/s | files/s |\n|---|---:|---:|---:|---:|---:|")
    for name, answers in (("ours", lambda given: _ours(ours, given)), ("detect-secrets", lambda given: _theirs(theirs, given))):
        found, _ = answers(samples)
        one = score(samples, lambda sample, found=found: found[sample.name])["all"]
        found, seconds = answers(files)
        size, count = sum(len(sample.data) for sample in files) / 1e6, sum(map(len, found.values()))
        print(
            f"| {name} | {one.precision:.3f} | {one.recall:.3f} | {count} | {size / seconds:.3g} | {len(files) / seconds:.3g} |"
        )
    print(f"\n{len(files)} files of {size:.1f} MB, in CPU seconds of one core, files already read; imports and start left out.")
    return 0


def _corpus(settings: Settings, count: int) -> list[Sample]:
    """Distinct text files of the downloaded archives, always the same ones of the same archives."""
    endings: dict[bytes, str] = {}
    for path in sorted((settings.cache / "archives").rglob("*")):
        for one in members(path, settings) if path.is_file() else ():
            if one.data and one.perms == FILE_PERMS and b"\0" not in one.data:
                endings.setdefault(one.data, Path(os.fsdecode(one.path)).suffix)
    chosen = random.Random(0).sample(sorted(endings), min(count, len(endings)))
    return [Sample(f"{at}{endings[data]}", data, ()) for at, data in enumerate(chosen)]


def _ours(finder: spans.Finder, samples: Sequence[Sample]) -> tuple[dict[str, list[Place]], float]:
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
    sys.exit(main())
