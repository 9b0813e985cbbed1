# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Datasets: shards beside what plain libraries take for the same rows, and a whole build beside datatrove's.

``python -m benchmarks.builds [--peers PYTHON]``, over a copy of the lake that the settings name (``make demo``). The peer runs in
an interpreter of its own: ``python -m venv PLACE`` and ``PLACE/bin/pip install "datatrove[io]" regex orjson``.

The build takes every text whose licence is no conflict, each content once, within the limits of ``LIMITS``. datatrove gets the
same texts as one Parquet file, decoded, chosen and without copies, and the same limits as filters in Python. What ours filters by
was annotated before, once for all datasets; what annotating these lines takes is measured, too, and stands beside it. A small
dataset is built before, as datatrove, too, is measured after it was imported.

Every format is measured beside its library with the same rows in memory on both sides, and the same settings: Parquet by
``pyarrow``; lines by ``orjson`` and zstd; tokens by ``tokenizers`` and a file of numbers. Ours seals what it wrote with sha256,
and, where it says so, reads it back. Everything is CPU seconds of a process tree, with one worker.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from tokenizers import Tokenizer

from benchmarks.accuracy import put
from benchmarks.processes import machine, tree_cpu_seconds
from codecommons.annotate.annotator import current
from codecommons.datasets import build, release, specification, tokenizer
from codecommons.datasets import shards as shards_
from codecommons.datasets.format import ShardFormat, Terms, format_of
from codecommons.datasets.inputs import Inputs, resolve
from codecommons.datasets.selection import select
from codecommons.datasets.specification import Filters, Format, Specification
from codecommons.engine.local import InlineEngine
from codecommons.errors import LakeError
from codecommons.lake import Lake
from codecommons.license.policy import VERDICTS
from codecommons.report import Measure
from codecommons.settings import Settings

RESULT, PAGE = Path("benchmarks/results/builds.json"), Path("docs/performance.md")
NAME = "benchmark"
LIMITS = {"min_length": 1, "max_lines": 100_000, "max_line": 1000, "max_mean_line": 100, "min_alphabetic": 0.25}
ASKED = {
    "license": {"policy": "permissive", "accept": list(VERDICTS)},
    "filters": LIMITS,
    "deduplicate": {"threshold": None},
}
PASSES = 3
# Made first, so that all is imported: a few files of every package.
WARM = "warm"
# Texts of the tokens that are measured, and of what their tokenizer is trained on.
TOKENS_BYTES = 8 << 20


@dataclass(frozen=True)
class Written:
    """One format, from rows in memory: CPU seconds of its library, of ours, and of ours with reading back."""

    kind: str
    bytes: int
    plain: float
    writing: float
    checked: float


@dataclass(frozen=True)
class Result:
    """What was measured; seconds are CPU seconds, the least of ``PASSES`` for the writers.

    Attributes:
        environment: the machine.
        candidates: texts that are looked at; ``candidate_bytes`` theirs, as UTF-8.
        rows: of the dataset; ``bytes`` of their texts.
        writing: shards from rows that are chosen: reading the lake, re-hashing, decoding, writing, sealing, reading back.
        plain: the Parquet library alone, with the same settings and texts in memory.
        formats: each one beside its library, rows in memory on both sides.
        building: the whole build, chosen from tables, published with all of its documents.
        annotating: the lines of these texts, which is what the limits read.
        peer: datatrove's pipeline; None where it is not installed. ``peer_rows`` are what it kept.
        memory: bytes at most of writing a quarter of the rows, and all of them.
    """

    environment: str
    candidates: int
    candidate_bytes: int
    rows: int
    bytes: int
    writing: float
    plain: float
    building: float
    annotating: float
    peer: float | None
    peer_rows: int
    memory: tuple[int, int]
    formats: list[Written]

    def to_json(self) -> dict[str, Any]:
        """As plain values, with the ratios."""
        return {**asdict(self), "share_of_plain": round(self.plain / self.writing, 3), "times_peer": self._times(self.building)}

    def to_markdown(self) -> str:
        """A table and some sentences."""

        def line(what: str, size: int, seconds: float, note: str = "") -> str:
            return f"| {what} | {seconds:.1f} | {size / seconds / 1e6:,.0f} | {note} |"

        share, annotated = self.plain / self.writing, self.building + self.annotating
        lines = [
            f"{self.candidates:,} texts ({self.candidate_bytes / 1e6:.0f} MB), {self.rows:,} of them within the limits "
            f"({self.bytes / 1e6:.0f} MB); one worker, {self.environment}.",
            "",
            "| | CPU seconds | MB/s | |",
            "|---|---:|---:|---|",
            line("the Parquet library, rows in memory", self.bytes, self.plain),
            line("shards, from the lake", self.bytes, self.writing, f"**{share:.2f}** of the library's rate"),
            line("a whole build", self.candidate_bytes, self.building, self._beside(self.building)),
            line("… with annotating its lines", self.candidate_bytes, annotated, self._beside(annotated)),
        ]
        if self.peer is not None:
            lines.append(line("datatrove: reader, filters, writer", self.candidate_bytes, self.peer, f"keeps {self.peer_rows:,}"))
        quarter, whole = self.memory
        lines += [
            "",
            "| rows in memory | MB | library, CPU seconds | ours | | … and read back | |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        for one in self.formats:
            ours = f"{one.writing:.2f} | **{one.plain / one.writing:.2f}** | {one.checked:.2f} | {one.plain / one.checked:.2f}"
            lines.append(f"| {one.kind} | {one.bytes / 1e6:.0f} | {one.plain:.2f} | {ours} |")
        lines += [
            "",
            f"Writing a quarter of the rows peaks at {quarter / 1e6:,.0f} MB, all of them at {whole / 1e6:,.0f} MB.",
        ]
        return "\n".join(lines)

    def _times(self, seconds: float) -> float | None:
        return None if self.peer is None else round(self.peer / seconds, 2)

    def _beside(self, seconds: float) -> str:
        times = self._times(seconds)
        return "" if times is None else f"**{times:.1f}x** datatrove"


def run(settings: Settings, peers: str) -> Result:
    """Copy the lake and measure.

    Raises:
        LakeError: the build is refused.
    """
    with tempfile.TemporaryDirectory(prefix="codecommons-", dir=settings.home) as place:
        home = Path(place)
        shutil.copytree(settings.lake, home / "lake")
        (home / "datasets").mkdir()
        (home / f"datasets/{NAME}.yaml").write_text(json.dumps(ASKED))
        own = replace(settings, home=home, lake=str(home / "lake"), workers=0)
        lake, engine = Lake.open(own), InlineEngine()
        (home / f"datasets/{WARM}.yaml").write_text(json.dumps({**ASKED, "names": ["setup.py", "package.json"]}))
        build(lake, engine, WARM)
        cpu = tree_cpu_seconds()
        report = build(lake, engine, NAME)
        building = tree_cpu_seconds() - cpu
        for check in report.checks:
            if not check.passed:
                raise LakeError(f"the build is refused, {check.name}: {check.description}")
        asked = specification(own, NAME)
        inputs = resolve(lake, asked)
        rows = select(lake, engine, asked.at(inputs.as_of), inputs).rows
        quarter = rows.filter(pl.col("content").hash(0) % 4 == 0)
        memory = tuple(_peak(lake, asked, inputs, part, f"{place}/part") for part in (quarter, rows))
        writing = min(_seconds(lambda: _write(lake, asked, inputs, rows, f"{place}/shards")) for _ in range(PASSES))
        folder = lake.path(release(lake, NAME).folder, "data")
        plain = min(_plain(folder, f"{place}/plain.parquet") for _ in range(PASSES))
        everything = select(lake, engine, replace(asked.at(inputs.as_of), filters=Filters()), inputs).rows
        texts, size = _texts(lake, everything, home / "texts")
        annotating = _annotating(own, texts)
        peer, kept = _peer(peers, home / "texts")
        return Result(
            machine(),
            texts.num_rows,
            size,
            rows.height,
            report.bytes_kept,
            writing,
            plain,
            building,
            annotating,
            peer,
            kept,
            (memory[0], memory[1]),
            _formats(lake, folder),
        )


def _formats(lake: Lake, folder: str) -> list[Written]:
    """Write the rows of a release's first shard again, in every format and by its library."""
    source = pq.ParquetFile(min(Path(folder).glob("*.parquet")))
    tables = [source.read_row_group(number) for number in range(source.num_row_groups)]
    fewer, size = list[pa.Table](), 0
    for table in tables:
        if size < TOKENS_BYTES:
            fewer.append(table)
            size += table["length"].to_numpy().sum()
    made = tokenizer.trained((text for table in fewer for text in table["text"].to_pylist()), 8192)
    writers = {
        "parquet": (_parquet, tables, {}),
        "jsonl": (_jsonl, tables, {}),
        "tokens": (_tokens, fewer, {tokenizer.FILE: made}),
    }
    found = []
    for kind, (library, rows, supplies) in writers.items():
        form, terms = format_of(lake.settings, kind), Terms(Format(kind), supplies)

        def ours(check: bool, form: ShardFormat = form, terms: Terms = terms, rows: list[pa.Table] = rows) -> None:
            with ExitStack() as stack:
                files = [stack.enter_context(lake.scratch_file()) for _ in form.endings(terms.asked)]
                form.write(files, source.schema_arrow.remove_metadata(), rows, "0" * 64, terms)
                for file in files:
                    shards_.sealed(file)
                if check:
                    expected = [swhid for table in rows for swhid in table["swhid"].to_pylist()]
                    assert pl.concat([*form.swhids(files)]).to_list() == expected

        def plain(library: Any = library, rows: list[pa.Table] = rows) -> None:
            with lake.scratch_file() as file:
                library(file, rows, made)

        # In turns: what comes later in a process is slower, tokens by a tenth.
        works = (plain, partial(ours, False), partial(ours, True))
        turns = [[_seconds(work) for work in works] for _ in range(PASSES)]
        seconds = [min(one) for one in zip(*turns, strict=True)]
        found.append(Written(kind, int(sum(table["length"].to_numpy().sum() for table in rows)), *seconds))
    return found


def _parquet(file: IO[bytes], tables: list[pa.Table], made: bytes) -> None:
    with pq.ParquetWriter(file, tables[0].schema, **shards_.WRITER) as writer:
        for table in tables:
            writer.write_table(table)


def _jsonl(file: IO[bytes], tables: list[pa.Table], made: bytes) -> None:
    with zstandard.ZstdCompressor(level=3, write_checksum=True).stream_writer(file, closefd=False) as packed:
        for table in tables:
            for row in table.to_pylist():
                packed.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def _tokens(file: IO[bytes], tables: list[pa.Table], made: bytes) -> None:
    library = Tokenizer.from_str(made.decode())
    end = library.token_to_id("<|endoftext|>")
    for table in tables:
        for one in library.encode_batch_fast(table["text"].to_pylist(), add_special_tokens=False):
            file.write(np.array([*one.ids, end], np.uint16).tobytes())


def _seconds(work: Any) -> float:
    cpu = tree_cpu_seconds()
    work()
    return tree_cpu_seconds() - cpu


def _write(lake: Lake, asked: Specification, inputs: Inputs, rows: pl.DataFrame, folder: str) -> None:
    shards_.write(lake, InlineEngine(), asked, rows, folder, {}, {}, inputs)
    shutil.rmtree(folder)


def _peak(lake: Lake, asked: Specification, inputs: Inputs, rows: pl.DataFrame, folder: str) -> int:
    with Measure() as measured:
        _write(lake, asked, inputs, rows, folder)
    return measured.peak_memory


def _plain(folder: str, target: str) -> float:
    """Write the rows of a release again with the library, file by file, from memory."""
    total = 0.0
    for path in sorted(Path(folder).glob("*.parquet")):
        source = pq.ParquetFile(path)
        groups = [source.read_row_group(number) for number in range(source.num_row_groups)]
        cpu = time.process_time()
        with pq.ParquetWriter(target, source.schema_arrow, **shards_.WRITER) as writer:
            for group in groups:
                writer.write_table(group)
        total += time.process_time() - cpu
    return total


def _texts(lake: Lake, chosen: pl.DataFrame, folder: Path) -> tuple[pa.Table, int]:
    """Every text that the limits are asked about, as one Parquet file; and the bytes of them."""
    known = {
        content: (encoding, length) for content, encoding, length in chosen.select("content", "encoding", "length").iter_rows()
    }

    def rows() -> Iterator[dict[str, Any]]:
        for batch in lake.contents(chosen.select(sha1_git="content", length="length")):
            for content, data in zip(batch["sha1_git"].to_pylist(), batch["data"].to_pylist(), strict=True):
                encoding, length = known[content]
                yield {"id": content.hex(), "text": data.decode(encoding), "length": length, "data": data}

    table = pa.Table.from_pylist(list(rows()))
    folder.mkdir()
    pq.write_table(table.select(["id", "text", "length"]), folder / "texts.parquet", compression="zstd", row_group_size=1000)
    return table, int(pa.compute.sum(pa.compute.binary_length(table["text"])).as_py())


def _annotating(settings: Settings, texts: pa.Table) -> float:
    annotator = current(settings)["line_statistics"]
    names = {"sha1_git": pa.array([bytes(20)] * texts.num_rows, pa.binary(20)), "data": texts["data"].combine_chunks()}
    batches = pa.table(names).to_batches(max_chunksize=1000)
    annotator.run(batches[0])
    cpu = time.process_time()
    for batch in batches:
        annotator.run(batch)
    return time.process_time() - cpu


def _peer(python: str, folder: Path) -> tuple[float | None, int]:
    """What datatrove took, and kept; nothing where it is not installed."""
    if subprocess.run([python, "-c", "import datatrove"], capture_output=True, check=False).returncode:
        print(f"Without datatrove: {python} has none; see the head of this module", file=sys.stderr)
        return None, 0
    script = Path(__file__).with_name("builds_peers.py")
    done = subprocess.run(
        [python, "-I", str(script), str(folder), json.dumps(LIMITS)], capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout.splitlines()[-1])
    return said["cpu_seconds"], said["rows"]


if __name__ == "__main__":
    # One core for both: the library would take all there are.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.builds", description="Shards and whole builds beside others.")
    parser.add_argument("--peers", default=sys.executable, help="an interpreter that has datatrove (default: this one)")
    result = run(Settings.from_environment(), parser.parse_args().peers)
    print(result.to_markdown())
    PAGE.write_text(put(PAGE.read_text(), "Builds", result.to_markdown()))
    RESULT.write_text(json.dumps(result.to_json(), indent=2) + "\n")
