# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

r"""Near-duplicates: ours beside rensa, datasketch, text-dedup and datatrove, on the same texts in one run.

``python -m benchmarks.duplicates [--peers PYTHON] [--megabytes N]``. The peers run in an interpreter of their own: make one with
``python -m venv PLACE`` and ``PLACE/bin/pip install -r benchmarks/duplicates/peers.txt``, and name ``PLACE/bin/python``. Texts
are the beginning of the list of packages, where versions of the same projects stand together.

All have the same shingles (five ``\w+`` words, lower case), 36 bands of 7 and threshold 0.7; but datatrove has words of its own.
Each runs in a process of its own on one core; CPU seconds, without reading the texts. What is right is known exactly (``truth``).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.corpus import PACKAGES, lend_cache
from benchmarks.duplicates.peers import TOOLS
from benchmarks.duplicates.truth import exact_pairs
from benchmarks.processes import machine, tree_cpu_seconds
from codecommons import archive
from codecommons.annotate import annotate_slice
from codecommons.annotate.columns import buffers
from codecommons.archive.sources import pypi
from codecommons.dedup import WORDS, Configuration, compare_texts
from codecommons.dedup.texts import read_texts, select_texts
from codecommons.engine import local_engine
from codecommons.engine.local import InlineEngine
from codecommons.errors import ItemError
from codecommons.lake import Lake
from codecommons.license.evidence import slice_files
from codecommons.settings import Settings
from codecommons.shingles import SHINGLE, shingle_hashes, word_table

RESULT = Path("benchmarks/results/duplicates.json")
OURS, IN_LAKE = "ours", "ours, in the lake"
# The sixteen releases up to these, of projects that have so many as source archives.
GROWTH = {
    "click": "8.1.7",
    "docutils": "0.20.1",
    "flask": "3.0.3",
    "jinja2": "3.1.4",
    "mutagen": "1.47.0",
    "nbconvert": "7.16.4",
    "paramiko": "3.4.0",
    "requests": "2.32.3",
    "sqlparse": "0.5.0",
    "urllib3": "1.26.18",
    "werkzeug": "3.0.3",
}
RELEASES = 16


@dataclass(frozen=True)
class Found:
    """What one tool did.

    Attributes:
        seconds: CPU seconds by part.
        memory: bytes that the process grew by at most, with the texts loaded.
        pairs: that it holds for duplicates; ``right`` of them are.
        missed: true pairs that it has not.
    """

    seconds: dict[str, float]
    memory: int
    pairs: int
    right: int
    missed: int

    @property
    def total(self) -> float:
        """All its seconds."""
        return sum(self.seconds.values())

    @property
    def scores(self) -> tuple[float, float, float]:
        """Precision, recall and F1 of the pairs."""
        precision = self.right / self.pairs if self.pairs else 1.0
        recall = self.right / (self.right + self.missed) if self.right + self.missed else 1.0
        return precision, recall, 2 * precision * recall / (precision + recall) if self.right else 0.0


@dataclass(frozen=True)
class Growth:
    """One size.

    Attributes:
        releases: of each project.
        texts: distinct ones in them; ``bytes`` theirs.
        pairs: kept in the lake.
        seconds: CPU seconds of comparing all of them, from nothing.
        added_seconds: of the newer half, when the older one has been compared.
    """

    releases: int
    texts: int
    bytes: int
    pairs: int
    seconds: float
    added_seconds: float


@dataclass(frozen=True)
class Duplicates:
    """Everything one run measured."""

    environment: str
    texts: int
    bytes: int
    true_pairs: int
    tools: dict[str, Found]
    growth: list[Growth]

    def to_json(self) -> dict[str, Any]:
        """As plain values, with ratios."""
        scores = {
            name: dict(zip(("precision", "recall", "f1"), (round(score, 4) for score in found.scores), strict=True))
            for name, found in self.tools.items()
        }
        return {**asdict(self), "scores": scores, "times_as_fast": {name: round(self.ratio(name), 2) for name in self.tools}}

    def ratio(self, tool: str) -> float:
        """How many times as fast ours is, in memory as the peers are."""
        return self.tools[tool].total / self.tools[OURS].total

    def to_markdown(self) -> str:
        """Two tables for the README."""
        lines = [
            f"{self.texts:,} texts ({self.bytes / 1e6:.0f} MB), {self.true_pairs:,} pairs with a similarity of {WORDS.threshold} "
            f"or more; one core of {self.environment}.",
            "",
            "| near-duplicates | signatures MB/s | all MB/s | ours is | more memory | precision | recall | F1 |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for name, found in self.tools.items():
            signing = found.seconds.get("shingles", 0.0) + found.seconds.get("signatures", 0.0)
            speed = f"{self.bytes / signing / 1e6:.1f}" if signing else ""
            scores = " | ".join(f"{score:.3f}" for score in found.scores)
            times = "" if name == OURS else f"{self.ratio(name):,.1f}x"
            lines.append(
                f"| {name} | {speed} | {self.bytes / found.total / 1e6:.1f} | {times} | {found.memory / 1e6:,.0f} MB | {scores} |"
            )
        lines += [
            "",
            "| releases of each project | texts | MB | pairs | seconds from nothing | seconds of the newer half |",
        ]
        lines.append("|---:|---:|---:|---:|---:|---:|")
        for one in self.growth:
            figures = f"{one.texts:,} | {one.bytes / 1e6:.1f} | {one.pairs:,} | {one.seconds:.1f} | {one.added_seconds:.1f}"
            lines.append(f"| {one.releases} | {figures} |")
        return "\n".join(lines)


def run(settings: Settings, peers: str, megabytes: float, say: Callable[[str], None]) -> Duplicates:
    """Measure everything.

    Raises:
        UsageError: none of the archives can be had.
    """
    with tempfile.TemporaryDirectory(prefix="codecommons-") as place:
        folder, home = Path(place, "texts"), Path(place, "home")
        folder.mkdir()
        # First, as it leaves all compiled code in its cache: in a fresh checkout the tools' processes would compile it.
        say("growth")
        growth = list(_growth(settings, Path(place, "growth")))
        say("the texts, through the first two stages")
        lake = _lake(settings, home)
        requests = archive.read_package_list(PACKAGES)
        texts = _texts(lake, requests, round(megabytes * 1e6))
        pq.write_table(texts, folder / "texts.parquet")
        np.savez(folder / "shingles.npz", **_shingles(texts["text"].combine_chunks().cast(pa.binary())))
        say("the exact pairs")
        truth = _as_set(exact_pairs(texts["text"].to_pylist(), WORDS.threshold))
        tools = {}
        ours = [sys.executable, "-m", "benchmarks.duplicates.ours", str(folder)]
        setting = [str(folder), str(WORDS.bands), str(WORDS.rows), str(WORDS.threshold)]
        commands = {OURS: ours, IN_LAKE: [*ours, str(home)]}
        commands |= {name: [peers, str(Path(__file__).with_name("peers.py")), name, *setting] for name in TOOLS}
        for name, command in commands.items():
            say(name)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                say(f"{name} could not be run: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
                continue
            measured = json.loads(done.stdout.splitlines()[-1])
            pairs = _as_set(np.load(folder / f"pairs-{name}.npy"))
            right = len(pairs & truth)
            tools[name] = Found(measured["seconds"], measured["memory"], len(pairs), right, len(truth) - right)
        size = pa.compute.sum(pa.compute.binary_length(texts["text"].cast(pa.large_binary()))).as_py()
        return Duplicates(machine(), texts.num_rows, size, len(truth), tools, growth)


def _shingles(texts: pa.Array) -> dict[str, Any]:
    """Our shingles of all texts, as they come, and the CPU seconds of the faster of two turns."""
    offsets, data = buffers(texts)
    turns = []
    for _ in range(2):
        start = time.process_time()
        scratch, found, table = np.empty(len(data) + 1, np.uint64), [], word_table()
        for text in range(len(texts)):
            words = shingle_hashes(data, offsets[text], offsets[text + 1], table, False, scratch)
            found.append(scratch[: max(0, words - SHINGLE + 1)].copy())
        turns.append(time.process_time() - start)
    return {"hashes": np.concatenate(found), "offsets": np.cumsum([0, *map(len, found)]), "seconds": min(turns)}


def _lake(settings: Settings, home: Path) -> Lake:
    """An empty lake that finds archives where the user keeps them."""
    home.mkdir()
    lend_cache(settings, home)
    return Lake.open(Settings(home, str(home / "lake"), workers=settings.workers))


def _texts(lake: Lake, requests: list[str], most: int) -> pa.Table:
    """UTF-8 texts of the first packages of the list that hold as many bytes (columns sha1_git, text)."""
    engine, found, size = local_engine(lake.settings), list[pl.DataFrame](), 0
    for number in range(0, len(requests), 4):
        day = f"2026-01-{1 + number // 4:02d}"
        ids = _bring(lake, engine, requests[number : number + 4], day)
        new = ids.join(pl.concat(found), on="sha1_git", how="anti") if found else ids
        texts = select_texts(lake, new, WORDS)
        size += int(texts["length"].sum())
        found.append(texts.select("sha1_git"))
        if size >= most:
            break
    engine.close()
    everything = select_texts(lake, pl.concat(found), WORDS)
    batches = [pa.record_batch({"sha1_git": ids, "text": data.cast(pa.binary())}) for ids, data in read_texts(lake, everything)]
    table = pa.Table.from_batches(batches)
    # What is no UTF-8 in spite of its encoding is no text for the peers.
    clean = [data.decode("utf-8", "replace") for data in table["text"].to_pylist()]
    return table.set_column(1, "text", pa.array(clean, pa.large_string()))


def _bring(lake: Lake, engine: Any, requests: list[str], day: str) -> pl.DataFrame:
    """Ingest and annotate; column sha1_git."""
    archive.add_inputs(lake, requests, day)
    ids = []
    for source in sorted({request.partition(":")[0] for request in requests}):
        archive.ingest_slice(lake, engine, day, source)
        annotate_slice(lake, engine, day, source)
        ids.append(slice_files(lake, day, source).select(sha1_git="content"))
    return pl.concat(ids).unique()


def _growth(settings: Settings, home: Path) -> Iterator[Growth]:
    """One release of every project, then two, four, eight, sixteen: from nothing, and the newer half on top of the older."""
    lake, engine = _lake(settings, home), local_engine(settings)
    days = []
    for at, requests in enumerate(zip(*(_releases(*project) for project in GROWTH.items()), strict=True)):
        days.append(_bring(lake, engine, list(requests), f"2026-01-{1 + at:02d}"))
    engine.close()
    for count in (1, 2, 4, 8, 16):
        whole = Configuration(name=f"whole-{count}")
        texts = select_texts(lake, pl.concat(days[:count]).unique(), whole)
        start = tree_cpu_seconds()
        compared = compare_texts(lake, InlineEngine(), texts, whole)
        seconds = tree_cpu_seconds() - start
        halves = Configuration(name=f"halves-{count}")
        added = 0.0
        if count > 1:
            compare_texts(lake, InlineEngine(), select_texts(lake, pl.concat(days[: count // 2]).unique(), halves), halves)
            start = tree_cpu_seconds()
            compare_texts(lake, InlineEngine(), texts, halves)
            added = tree_cpu_seconds() - start
        yield Growth(count, texts.height, int(texts["length"].sum()), compared.pairs, seconds, added)


def _releases(project: str, newest: str) -> list[str]:
    """The sixteen stable releases up to the newest, oldest first."""
    source = pypi.SOURCE
    offered = [item for item, _ in pypi.versions(project) if source.is_stable(source.split(item)[1])]
    items = sorted(offered, key=lambda item: source.version_key(source.split(item)[1]))
    known = [item for item in items if source.version_key(source.split(item)[1]) <= source.version_key(newest)]
    if len(known) < RELEASES:
        raise ItemError("missing-version", f"{project} has only {len(known)} releases up to {newest} as source archives")
    return [f"pypi:{item}" for item in known[-RELEASES:]]


def _as_set(pairs: Any) -> set[tuple[int, int]]:
    return set(map(tuple, pairs.tolist()))
