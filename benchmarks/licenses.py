# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Our licence detection beside plain ScanCode: ``CODECOMMONS_SCANCODE=ENV/bin/python python -m benchmarks.licenses``.

The sample is taken by sha1 from three kinds of file: named like a licence file, with a word of licences in the first 4,000 bytes,
and others. An answer is the set of licences and exceptions named for a file. ScanCode runs as its command line would run it, file
by file, in one process that has loaded its index; both sides in CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy import PAGE, put
from benchmarks.corpus import PACKAGES, File, files
from codecommons.annotate import notices
from codecommons.annotate.annotators.license_evidence import evidence_of, expression_of, is_license_file
from codecommons.annotate.expressions import licensing
from codecommons.annotate.scancode.client import INSTALL, version_of
from codecommons.errors import UsageError
from codecommons.settings import Settings

RESULT = Path("benchmarks/results/licenses.json")
SAMPLE = {"licence files": 50, "with a word of licences": 60, "others": 40}
MOST_BYTES = 200_000
_WORD = re.compile(rb"(?i)licen[cs]e|copyright|spdx|permission|redistribut")

PLAIN = """
import json, os, sys, tempfile, time
answers, sys.stdout = sys.stdout, sys.stderr
from licensedcode.cache import get_index
from scancode.api import get_licenses
get_index()
print(json.dumps("ready"), file=answers, flush=True)
for line in sys.stdin:
    start = time.process_time()
    said = get_licenses(json.loads(line))["detected_license_expression_spdx"]
    print(json.dumps([said, time.process_time() - start]), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Kind:
    """One kind of file: how many the corpus has, the sample's bytes and CPU seconds of both, answers that are the same."""

    name: str
    corpus: int
    sample: int
    bytes: int
    same: int
    ours_seconds: float
    scancode_seconds: float
    differences: list[str]


@dataclass(frozen=True)
class Result:
    """The sample by kinds, and ours over all text of the corpus."""

    version: str
    kinds: list[Kind]
    corpus_bytes: int
    corpus_seconds: float

    @property
    def same(self) -> float:
        """The share of same answers that the kinds have in the corpus."""
        return sum(kind.corpus * kind.same / kind.sample for kind in self.kinds) / sum(kind.corpus for kind in self.kinds)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "same_share_of_corpus": round(self.same, 4)}

    def to_markdown(self) -> str:
        """The table, and every difference."""
        lines = [
            "| files | in the corpus | sample | same answer | ours, CPU s | ScanCode, CPU s | times as fast |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        for kind in self.kinds:
            same = f"{kind.same} ({kind.same / kind.sample:.1%})"
            speed = f"{kind.ours_seconds:.2f} | {kind.scancode_seconds:.1f} | {kind.scancode_seconds / kind.ours_seconds:,.0f}"
            lines.append(f"| {kind.name} | {kind.corpus:,} | {kind.sample} | {same} | {speed} |")
        lines += [
            "",
            f"Plain ScanCode {self.version}. Weighted as the corpus is, {self.same:.1%} of files get the same answer. "
            f"Ours over the whole corpus: {self.corpus_bytes / self.corpus_seconds / 1e6:.0f} MB per CPU second.",
            "",
            "Different:",
            "",
            *(f"- {one}" for kind in self.kinds for one in kind.differences),
        ]
        return "\n".join(lines)


def run(settings: Settings, packages: Path = PACKAGES) -> Result:
    """Ask both about the sample, and ours about all.

    Raises:
        UsageError: there is no ScanCode, or none of the archives can be had.
    """
    if settings.scancode is None:
        raise UsageError(f"CODECOMMONS_SCANCODE must name the Python of an environment with ScanCode; {INSTALL}")
    version = version_of(settings.scancode)
    notices.prepare(settings.cache)
    evidence_of(b"Permission is hereby granted, free of charge, to any person obtaining a copy of this thing " * 4)
    kinds: dict[str, dict[bytes, File]] = {name: {} for name in SAMPLE}
    seen: set[bytes] = set()
    corpus_bytes, corpus_seconds = 0, 0.0
    for file in files(settings, packages):
        if file.sha1 in seen or not file.data:
            continue
        seen.add(file.sha1)
        start = time.process_time()
        evidence_of(file.data)
        corpus_seconds += time.process_time() - start
        corpus_bytes += len(file.data)
        if b"\0" in file.data or len(file.data) > MOST_BYTES:
            continue
        word = _WORD.search(file.data[:4000]) is not None
        name = "licence files" if is_license_file(file.name) else "with a word of licences" if word else "others"
        kinds[name][file.sha1] = file
    peer = subprocess.Popen(
        [settings.scancode, "-I", "-c", PLAIN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        _answer(peer)
        measured = [_measure(name, [kinds[name][key] for key in sorted(kinds[name])], peer) for name in SAMPLE]
    finally:
        peer.kill()
        peer.communicate()
    return Result(version, measured, corpus_bytes, corpus_seconds)


def _measure(name: str, pool: list[File], peer: subprocess.Popen[str]) -> Kind:
    sample = pool[: SAMPLE[name]]
    same, ours_seconds, scancode_seconds = 0, 0.0, 0.0
    differences = []
    for file in sample:
        start = time.process_time()
        ours = expression_of(evidence_of(file.data))
        ours_seconds += time.process_time() - start
        with tempfile.TemporaryDirectory(prefix="codecommons-") as folder:
            path = Path(folder, file.name.decode("utf-8", "replace"))
            path.write_bytes(file.data)
            assert peer.stdin is not None
            peer.stdin.write(json.dumps(str(path)) + "\n")
            peer.stdin.flush()
            theirs, seconds = _answer(peer)
        scancode_seconds += seconds
        if _keys(ours) == _keys(theirs):
            same += 1
        else:
            path_text = file.path.decode("utf-8", "replace")
            differences.append(f"`{path_text}`: ours {_shown(ours, theirs)}; ScanCode's {_shown(theirs, ours)}")
    size = sum(len(file.data) for file in sample)
    return Kind(name, len(pool), len(sample), size, same, ours_seconds, scancode_seconds, differences)


def _answer(peer: subprocess.Popen[str]) -> Any:
    assert peer.stdout is not None
    line = peer.stdout.readline()
    if not line:
        raise UsageError("ScanCode ended before it answered; try it alone")
    return json.loads(line)


def _keys(expression: str | None) -> frozenset[str]:
    return frozenset(licensing().license_keys(expression)) if expression else frozenset()


def _shown(expression: str | None, other: str | None) -> str:
    """What one says and the other does not."""
    alone = sorted(_keys(expression) - _keys(other))
    return f"alone {', '.join(alone)}" if alone else "nothing alone"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.licenses", description="Licence detection beside plain ScanCode.")
    parser.add_argument("packages", nargs="?", type=Path, default=PACKAGES, help="the list (default: %(default)s)")
    try:
        result = run(Settings.from_environment(), parser.parse_args().packages)
    except UsageError as error:
        sys.exit(f"Error: {error}")
    print(result.to_markdown())
    PAGE.write_text(put(PAGE.read_text(), "Beside ScanCode", result.to_markdown()))
    RESULT.write_text(json.dumps(result.to_json(), indent=2, ensure_ascii=False) + "\n")
