# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a plan asks of candidates, as columns of numbers that are mapped into memory and not read: one row a file.

Making them takes what choosing rows takes; they are made by the first plan after the lake has changed, and kept in
``cache/plans``, a folder that may be emptied at any time. They are found by what they are made from: inputs, code, and the
version of every table that holds facts; so a lake that has changed in any way never meets them again, and a takedown removes
them. Every file is read once, for its checksum, before it is mapped. Beside them lies what plans have compared
(``comparisons``). Plans alone read them: what is built is chosen from the tables.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from io import RawIOBase
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from isal import isal_zlib

from codecommons.annotate import store
from codecommons.datasets.candidates import contents, files, first_occurrences, refuse_stale, repositories, trees
from codecommons.datasets.fingerprint import digest
from codecommons.datasets.inputs import Inputs
from codecommons.datasets.selection import LAST, copied, with_stars
from codecommons.dedup import known_then
from codecommons.engine import Engine
from codecommons.errors import GateError
from codecommons.lake import Lake
from codecommons.lake.stages import code_version
from codecommons.optout import ledger
from codecommons.optout.reach import resolve as reached

# Raised when the code makes other facts of the same lake: an installation from a checkout has the version of the last release.
VERSION = 3
# Sets that are kept: of the last days, and of the annotators that specifications have asked for.
MOST = 4
_FILES, _NAMES, _PAIRS, _CROWDS, _NOTE = "files.arrow", "names.arrow", "pairs.arrow", "crowds.arrow", "note.json"
# Seconds after which nobody is making a set any more.
_ABANDONED = 24 * 3600
# What only evidence says, or follows from the rest.
_UNUSED = ("name", "root", "visit", "snapshot", "skipped", "verified_reason", "rule", "evidence")
UNKNOWN = "unknown"
# Stands for the dataset in what is kept of a refusal.
ANY = "<dataset>"
# Hexadecimal digits of a checksum, and bytes of a file that it is made of at a time.
DIGITS, _BITE = 8, 1 << 20
CROWDS = pl.Schema({"band": pl.UInt32, "content_id": pl.UInt32})


@dataclass(frozen=True)
class Facts:
    """All candidates of a dataset's inputs.

    Attributes:
        rows: the columns of ``candidates.files`` that rules ask for, in the order that ``selection.in_order`` ends with
            (``selection.LAST``): texts as ``pl.Enum`` in order of the texts, ``content_id`` (a number, in order of the
            identifiers) in place of content; also opt_out, stars, first_verdict, copied.
        bytes: of the same rows ``content`` and ``path``, which are read where they are asked for.
        contents: how many numbers there are for contents.
        pairs: (a, b, similarity) of accepted pairs, a and b as ``content_id``.
        uncompared: why dataset ``ANY`` is refused if near-duplicates matter to it; empty if it is not.
        crowds: (band, content_id), by both, of those that share a band so crowded that a build compares them when it elects;
            bands are numbered from 0.
        anchors: how many of a band are compared with all others of it, at most.
        place: folder in which they are found the next time.
        mark: their checksum.
        mapped: the files in memory.
    """

    rows: pl.DataFrame
    bytes: pa.Table
    contents: int
    pairs: pl.DataFrame
    uncompared: str
    crowds: pl.DataFrame
    anchors: int
    place: Path
    mark: bytes
    mapped: tuple[mmap.mmap, ...]

    def let_go(self) -> None:
        """Give back the memory that files take which were read; what is asked for again comes back by itself."""
        for file in self.mapped:
            file.madvise(mmap.MADV_DONTNEED)

    def shown(self, at: np.ndarray) -> pl.DataFrame:
        """Some rows, by number, as a build has them: content, path (both bytes), origin, anchor, license and length."""
        texts = pl.DataFrame(self.bytes.take(pa.array(at)))
        rest = self.rows.select("length", "origin", "anchor", "license")[at]
        return texts.with_columns(rest.cast({pl.Enum: pl.String}).get_columns())

    def with_texts(self) -> pl.DataFrame:
        """The rows, with content, path and name as bytes."""
        return store.named(self.rows.with_columns(pl.DataFrame(self.bytes).get_columns()))


def facts(lake: Lake, engine: Engine, inputs: Inputs, name: str) -> Facts:
    """What is known of every candidate.

    Args:
        lake: the lake.
        engine: where pairs are compared that only a smaller lake would have.
        inputs: what a dataset is made from.
        name: of the dataset, for messages.

    Raises:
        GateError: an earlier stage has to run again (``candidates.refuse_stale``), or the opt-out ledger is broken.
        LakeError: a table can't be read.
    """
    folder = lake.settings.cache / "plans"
    place = folder / _key(lake, inputs)[:32]
    with contextlib.suppress(OSError, ValueError):
        found = read(place)
        place.touch()
        return found
    # Not there, or damaged: nothing else would ever take it out of the way.
    shutil.rmtree(place, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="codecommons-plans-") as elsewhere:
        # Where the home can't be written, they are made each time.
        own = Path(elsewhere)
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            own = Path(tempfile.mkdtemp(prefix=".", dir=folder))
        try:
            _make(lake, engine, inputs, name, own)
            found = read(own)
            found = replace(found, place=place)
            with contextlib.suppress(OSError):
                if own.parent == folder:
                    own.rename(place)
                _let_go(folder)
        finally:
            if own.parent == folder:
                shutil.rmtree(own, ignore_errors=True)
        return found


def _key(lake: Lake, inputs: Inputs) -> str:
    read_by_filters = sorted(set[str]().union(*(one.signals for one in inputs.filters)))
    asked = {name: value for name, value in inputs.to_mapping().items() if name != "filters"}
    in_effect = sorted(repr(one) for one in ledger.read(lake).effective)
    return digest([code_version(), VERSION, asked, read_by_filters, in_effect, lake.versions()])


def _let_go(folder: Path) -> None:
    """Remove all but the sets that were used last, and what plans that were killed have left; whoever still maps one keeps it."""
    for half in folder.glob(".*"):
        if time.time() - half.stat().st_mtime > _ABANDONED:
            shutil.rmtree(half, ignore_errors=True)
    there = sorted(folder.glob("[!.]*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in there[MOST:]:
        shutil.rmtree(path, ignore_errors=True)


def _make(lake: Lake, engine: Engine, inputs: Inputs, name: str, folder: Path) -> None:
    rows = files(lake, inputs)
    refuse_stale(lake, name, rows, near=False)
    try:
        refuse_stale(lake, ANY, rows, near=True)
        uncompared = ""
    except GateError as error:
        uncompared = str(error)
    said = [column for column in rows.columns if column.startswith("said_")]
    rows = reached(lake, ledger.read(lake).effective, trees(lake, inputs)).marked(rows.drop(said))
    rows = with_stars(rows, repositories(lake, inputs)).drop(_UNUSED)
    ids = rows.select("content").unique().sort("content")
    first = first_occurrences(lake, inputs, ids)
    rows = rows.join(first, on="content", how="left").with_columns(copied())
    rows = rows.drop(name for name in first.columns if name not in ("content", "first_verdict")).sort(*LAST, nulls_last=True)
    known = known_then(lake, engine, contents(lake, inputs), ids)
    pairs = known.pairs.filter("accepted").select("a", "b", "similarity").collect()
    numbers = ids.with_row_index("content_id")
    rows = rows.join(numbers, on="content", how="left", maintain_order="left")
    for end in ("a", "b"):
        pairs = pairs.join(numbers.rename({"content": end}), on=end).drop(end).rename({"content_id": end})
    crowds = known.crowds.select(pl.col("band").rle_id(), content_id="place")
    write(folder, rows, ids.height, pairs, uncompared, crowds, known.anchors)


def write(
    folder: Path,
    rows: pl.DataFrame,
    contents: int,
    pairs: pl.DataFrame,
    uncompared: str = "",
    crowds: pl.DataFrame | None = None,
    anchors: int = 0,
) -> None:
    """Write facts as ``read`` reads them: rows with texts as texts, content and path beside ``content_id``."""
    columns: dict[str, pa.Array] = {}
    names = []
    for column in rows.get_columns():
        if column.dtype == pl.String:
            # In order, so that numbers are in the order of the texts.
            values = pl.concat([column.unique().drop_nulls(), pl.Series([UNKNOWN], dtype=pl.String)]).unique().sort()
            width = next(
                kind for kind, most in ((pl.UInt8, 255), (pl.UInt16, 65_535), (pl.UInt32, 1 << 32)) if len(values) < most
            )
            column = column.replace_strict(values, pl.Series(range(len(values)), dtype=width), default=None, return_dtype=width)
            names.append(pl.DataFrame({"value": values}).with_columns(column=pl.lit(column.name)))
        columns[column.name] = column.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    put(folder, pa.table(columns), pl.concat(names), contents, pairs, uncompared, crowds, anchors)


def put(
    folder: Path,
    files: pa.Table,
    names: pl.DataFrame,
    contents: int,
    pairs: pl.DataFrame,
    uncompared: str = "",
    crowds: pl.DataFrame | None = None,
    anchors: int = 0,
) -> None:
    """The same, of columns that are numbers already; ``names`` says what they stand for (value, column), in order."""
    tables = {
        _FILES: files,
        _NAMES: names.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()),
        _PAIRS: pairs.rechunk().to_arrow(),
        _CROWDS: (CROWDS.to_frame() if crowds is None else crowds.cast(CROWDS)).rechunk().to_arrow(),
    }
    sums = {}
    for file, table in tables.items():
        _put(folder / file, table)
        sums[file] = _sum(folder / file)
    note = json.dumps({"contents": contents, "uncompared": uncompared, "anchors": anchors, "sums": sums}).encode()
    (folder / _NOTE).write_bytes(f"{isal_zlib.crc32(note):0{DIGITS}x}".encode() + note)


def read(folder: Path) -> Facts:
    """Map what ``write`` has written.

    Raises:
        OSError: it is not there, or it can't be read.
        ValueError: it is not what was written.
    """
    data = (folder / _NOTE).read_bytes()
    mark = data[:DIGITS]
    if int(mark, 16) != isal_zlib.crc32(data[DIGITS:]):
        raise ValueError(f"{folder / _NOTE} was changed")
    note = json.loads(data[DIGITS:])
    for file, expected in note["sums"].items():
        if _sum(folder / file) != expected:
            raise ValueError(f"{folder / file} was changed")
    files = tuple(_mapped(folder / name) for name in (_FILES, _NAMES, _PAIRS, _CROWDS))
    found, names, pairs, crowds = (pa.ipc.open_file(pa.py_buffer(file)).read_all() for file in files)
    by_column = pl.DataFrame(names).group_by("column", maintain_order=True)
    texts = {str(column): rows["value"] for (column,), rows in by_column}
    rows = pl.DataFrame(found.drop_columns(["content", "path"]))
    rows = rows.with_columns(pl.col(column).cat.to(pl.Enum(values)) for column, values in texts.items())
    near = (pl.DataFrame(pairs), note["uncompared"], pl.DataFrame(crowds), note["anchors"])
    return Facts(rows, found.select(["content", "path"]), note["contents"], *near, folder, mark, files)


def _put(path: Path, table: pa.Table) -> None:
    table = table.combine_chunks()
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _sum(path: Path) -> int:
    with path.open("rb", buffering=0) as file:
        return checksum(file)


def checksum(file: RawIOBase) -> int:
    """A checksum of what is left of a file, which is read and not mapped, so that its pages are nobody's memory."""
    found, bite = 0, memoryview(bytearray(_BITE))
    while size := file.readinto(bite):
        found = isal_zlib.crc32(bite[:size], found)
    return found


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
