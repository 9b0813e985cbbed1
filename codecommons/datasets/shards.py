# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Rows to files (``formats``) whose bytes depend on nothing but the rows.

A shard (``rows.assign`` says which rows are in it) names its rows: one that an earlier release has, or a build that was killed,
is copied once its bytes have the digest in its name.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import zstandard

from codecommons.annotate import notebooks
from codecommons.datasets import discussions, redaction, texts
from codecommons.datasets.fingerprint import digest
from codecommons.datasets.format import ShardFormat, Terms, format_of
from codecommons.datasets.inputs import Inputs
from codecommons.datasets.releases import Earlier
from codecommons.datasets.rows import assign, bytes_of, described, readable, row_schema, sides, size
from codecommons.datasets.specification import AS_IS, Format, Redact, Specification
from codecommons.datasets.texts import Faults, Making, Spilled, Talk
from codecommons.datasets.tokens import TOKENS
from codecommons.engine import Engine
from codecommons.lake import Lake
from codecommons.lake.storage import lake_errors

_MANIFEST: dict[str, pa.DataType] = {
    "shard": pa.string(),
    "row": pa.int64(),
    "swhid": pa.string(),
    "content": pa.binary(),
    "before_content": pa.binary(),
    "revision_id": pa.binary(),
    "origin": pa.string(),
    "visit": pa.string(),
    "anchor": pa.string(),
    "path": pa.binary(),
    "length": pa.int64(),
    "before_length": pa.int64(),
    "language": pa.string(),
    "license": pa.string(),
    "license_type": pa.string(),
    "sha256": pa.string(),
}
MANIFEST = pa.schema(_MANIFEST)
# Readers hold a row group at a time; one of 8 MB of text is quick to fetch and still compresses well.
GROUP_BYTES = 8 << 20
GROUP_ROWS = 4096
# Where a footer says which rows are there, by their digest.
ROWS_KEY = b"codecommons.rows"
# What readers of formats raise where a file was changed, or cut short by who was killed.
UNREADABLE = (pa.ArrowException, pl.exceptions.PolarsError, zstandard.ZstdError, OSError, ValueError, KeyError, TypeError)
# Ending of the file that says in how many rows of a shard tokens are broken.
_ESCAPED = ".escaped"
# Contents of shards that are read together; a scratch file has as much, or one shard.
_BUNDLE_BYTES = 1 << 30
# Rows of a shard whose text is looked through for what should have been replaced: those of smallest identifier.
_SAMPLE = 64


@dataclass(frozen=True)
class ShardTask:
    """One shard to write.

    Attributes:
        lake: where the bytes are.
        label: bucket, and part of an origin that is split.
        rows: its rows in order, with the columns ``selection.ROWS``; of commits ``CHANGES``; where they are marked, ``MARKS``.
        folder: where the file goes, on the lake's file system.
        redact: what the redactions of its rows were chosen by.
        escape: names of ``tokens.TOKENS`` that are broken in texts.
        kind: of ``formats``.
        terms: what that works by.
        earlier: shards of this label that may have the same rows, the likeliest first.
        talk: of discussions what their texts are made from.
    """

    lake: Lake
    label: str
    rows: pl.DataFrame
    folder: str
    redact: Redact
    escape: tuple[str, ...]
    kind: str
    terms: Terms
    earlier: tuple[Earlier, ...] = ()
    talk: Talk | None = None

    @property
    def format(self) -> ShardFormat:
        """How it is written."""
        return format_of(self.lake.settings, self.kind)

    def __str__(self) -> str:
        """How an error names it."""
        return f"writing shard {self.label}"


@dataclass(frozen=True)
class Bundle:
    """Shards that are written one after the other, of contents that are read together.

    Contents lie by identifier and shards go by origin, so what is read for one shard unpacks nearly all of a lake: reading for
    each of four by itself took four times as long.
    """

    tasks: tuple[ShardTask, ...]

    def __str__(self) -> str:
        """How an error names it."""
        return f"reading contents of shards {', '.join(task.label for task in self.tasks)}"


@dataclass(frozen=True)
class Shard:
    """One shard that was written.

    Attributes:
        name: file name, bucket and sha256.
        sha256: of the file, hex.
        rows: how many.
        text_bytes: length of the contents in it.
        file_bytes: size of the file.
        manifest: its rows of the manifest.
        damaged: SWHIDs of rows whose bytes are missing, do not re-hash, or are not in their encoding; then the file is worthless.
        revealing: SWHIDs of rows of the sample in whose text something is left that should have been replaced; likewise.
        kept: whether it is an earlier one, whose rows were looked at when it was written.
        beside: the files that belong to it, of the same name but for the ending: name, sha256 and bytes.
        unreadable: how what was read back differs from what was written; then the file is worthless.
        escaped: rows in whose texts a token is broken; None where none is to be.
    """

    name: str
    sha256: str
    rows: int
    text_bytes: int
    file_bytes: int
    manifest: pa.Table
    damaged: tuple[str, ...]
    revealing: tuple[str, ...] = ()
    kept: bool = False
    beside: tuple[dict[str, Any], ...] = ()
    unreadable: tuple[str, ...] = ()
    escaped: int | None = None


class _Written(NamedTuple):
    """A shard's files: sha256 and size of the first, the others as in ``Shard.beside``, where rows are, and ``escaped``."""

    sha256: str
    size: int
    beside: tuple[dict[str, Any], ...]
    places: pl.DataFrame
    escaped: int | None


def write(
    lake: Lake,
    engine: Engine,
    asked: Specification,
    rows: pl.DataFrame,
    folder: str,
    earlier: Mapping[str, tuple[Earlier, ...]],
    supplies: Mapping[str, bytes],
    inputs: Inputs,
) -> list[Shard]:
    """Write all shards of a dataset.

    Args:
        lake: the lake.
        engine: where they are written.
        asked: the specification.
        rows: those of a ``selection.Selection``.
        folder: where files go, on the lake's file system.
        earlier: label -> shards that may have the same rows, as ``releases.shards_before`` says.
        supplies: files that the format works with (``ShardFormat.supplies``).
        inputs: what the rows are from.

    Raises:
        LakeError: the lake can't be read or written.
    """
    assigned = assign(rows, asked.shard.bits, asked.shard.cap_bytes)
    talk = (asked, discussions.slices_of(inputs)) if asked.rows in discussions.KINDS else None
    terms = Terms(asked.format, supplies, asked.rows, asked.order, asked.notebooks)
    how = (asked.redact, () if talk else asked.escape, asked.format.kind, terms)
    tasks = [
        ShardTask(lake, label, part, folder, *how, earlier.get(label, ()), talk)
        for (label,), part in assigned.group_by("shard", maintain_order=True)
    ]
    return [shard for some in engine.map(write_bundle, _bundles(tasks, engine.workers)) for shard in some]


def _bundles(tasks: Sequence[ShardTask], workers: int) -> list[Bundle]:
    """Tasks in order, in as few bundles as keep all workers busy and scratch files small."""
    sizes = [bytes_of(task.rows) for task in tasks]
    most = min(_BUNDLE_BYTES, -(-sum(sizes) // max(1, workers)))
    bundles: list[list[ShardTask]] = []
    room = 0
    for task, length in zip(tasks, sizes, strict=True):
        if room <= 0:
            bundles.append([])
            room = most
        bundles[-1].append(task)
        room -= length
    return [Bundle(tuple(some)) for some in bundles]


def write_bundle(bundle: Bundle) -> list[Shard]:
    """Write some shards; memory depends on the batch size and the largest content, not on the shards.

    Contents come from the lake in order of their identifier and leave in order of origin and path, so they pass through a
    scratch file.

    Raises:
        LakeError: the lake can't be read or written.
    """
    shards = [_known(task) for task in bundle.tasks]
    lake = bundle.tasks[0].lake
    with lake.scratch_file() as spill:
        with lake_errors(str(bundle)):
            new = [task for task, *_, kept in shards if kept is None]
            spilled = texts.spill(lake, [task.rows for task in new], bundle.tasks[0].talk, spill)
        return [_shard(one, spilled) for one in shards]


class _Known(NamedTuple):
    """A shard before it is written: its rows, what it is known by, and its files if an earlier one is kept."""

    task: ShardTask
    rows: pl.DataFrame
    schema: pa.Schema
    identity: str
    kept: _Written | None


def _known(task: ShardTask) -> _Known:
    rows = described(task.rows)
    schema = row_schema(rows.columns)
    forms = [] if task.terms.notebooks == AS_IS else [[task.terms.notebooks, notebooks.VERSION]]
    identity = rows_digest(rows, schema, task.redact, task.escape, [*task.format.rules(task.terms), *forms])
    with lake_errors(f"{task} of {task.folder}"):
        return _Known(task, rows, schema, identity, _keep(task, rows, schema, identity))


def _shard(known: _Known, spilled: Spilled) -> Shard:
    task, rows, schema, identity, kept = known
    faults, unreadable = Faults([], []), list[str]()
    with lake_errors(f"{task} of {task.folder}"):
        files = kept or _write(task, rows, schema, identity, spilled, faults, unreadable)
    name = f"{task.label}-{files.sha256}{task.format.endings(task.terms.asked)[0]}"
    place = {"shard": pl.lit(name), "row": pl.int_range(pl.len(), dtype=pl.Int64), "sha256": pl.lit(files.sha256)}
    columns = manifest_schema(task.format, task.terms.asked)
    none = {"before_content": pl.Binary, "revision_id": pl.Binary, "before_length": pl.Int64}
    absent = [pl.lit(None, kind).alias(name) for name, kind in none.items() if name not in rows.columns]
    placed = pl.concat([rows.with_columns(*absent, **place), files.places], how="horizontal")
    return Shard(
        name=name,
        sha256=files.sha256,
        rows=rows.height,
        text_bytes=bytes_of(rows),
        file_bytes=files.size,
        manifest=placed.select(columns.names).to_arrow().cast(columns),
        damaged=tuple(faults.damaged),
        revealing=tuple(faults.revealing),
        kept=kept is not None,
        beside=files.beside,
        unreadable=tuple(unreadable),
        escaped=files.escaped,
    )


def rows_digest(rows: pl.DataFrame, schema: pa.Schema, redact: Redact, escape: Sequence[str], rules: Sequence[Any]) -> str:
    """What decides a shard's bytes, 64 hex digits: the writer, and its rows; texts follow from SWHID, encoding and redactions.

    Args:
        rows: of one shard, described.
        schema: of the rows.
        redact: what the redactions were chosen by.
        escape: names of ``tokens.TOKENS`` that are broken.
        rules: of the format (``ShardFormat.rules``).
    """
    texts = [redaction.RULES, asdict(redact), list(escape), [TOKENS[name].pattern for name in escape]]
    hasher = hashlib.sha256(digest([*rules, schema.names, texts]).encode())
    for part in rows.iter_slices(GROUP_ROWS):
        shown = part.with_columns(path=readable(part["path"])).select(name for name in schema.names if name in part.columns)
        hasher.update(shown.write_ndjson().encode())
    return hasher.hexdigest()


def _keep(task: ShardTask, rows: pl.DataFrame, schema: pa.Schema, identity: str) -> _Written | None:
    """Copy an earlier shard that has the same rows and is what its name says."""
    endings = task.format.endings(task.terms.asked)
    for path, escaped in task.earlier:
        try:
            if task.escape and escaped is None:
                escaped = int(task.lake.fs.cat_file(_beside_of(path, endings, _ESCAPED)))
            with opened_shard(task.lake, path, endings) as files:
                if task.format.identity(files) != identity:
                    continue
                sums = [sealed(file) for file in files]
                places = task.format.places(files, rows, task.terms)
                texts = {side.text for side in sides(schema.names)}
                tables = (_table(group, [name for name in schema.names if name not in texts]) for group in groups(rows))
                if [sha256 for sha256, _ in sums[1:]] != task.format.beside(schema, tables, places, identity, task.terms):
                    continue
        # Cut short by who was killed, or gone since: another build of this dataset has ended.
        except UNREADABLE:
            continue
        stem = f"{task.label}-{sums[0][0]}"
        if PurePosixPath(path).name != stem + endings[0]:
            continue
        if not task.lake.storage.remote:
            task.lake.fs.makedirs(task.folder, exist_ok=True)
        try:
            for ending in endings:
                task.lake.fs.cp_file(_beside_of(path, endings, ending), f"{task.folder}/{stem}{ending}")
            _note(task, stem, escaped)
        except FileNotFoundError:
            continue
        return _Written(*sums[0], _beside(stem, endings, sums), places, escaped)
    return None


@contextmanager
def opened_shard(lake: Lake, path: str, endings: Sequence[str]) -> Iterator[list[IO[bytes]]]:
    """The files of a shard.

    Args:
        lake: the lake.
        path: of its first file, on the lake's file system.
        endings: of all of them.
    """
    with ExitStack() as stack:
        yield [stack.enter_context(lake.fs.open(_beside_of(path, endings, ending))) for ending in endings]


def _beside_of(path: str, endings: Sequence[str], ending: str) -> str:
    """The path of another file of the same shard."""
    return path.removesuffix(endings[0]) + ending


def _note(task: ShardTask, stem: str, escaped: int | None) -> None:
    """Tell a later build, if this one is killed, what no shard says; no release has this file, but its fingerprint the number."""
    if escaped is not None:
        task.lake.fs.pipe_file(f"{task.folder}/{stem}{_ESCAPED}", str(escaped).encode())


def _beside(stem: str, endings: Sequence[str], sums: Sequence[tuple[str, int]]) -> tuple[dict[str, Any], ...]:
    beside = zip(endings[1:], sums[1:], strict=True)
    return tuple({"name": stem + ending, "sha256": sha256, "bytes": size} for ending, (sha256, size) in beside)


def _write(
    task: ShardTask,
    rows: pl.DataFrame,
    schema: pa.Schema,
    identity: str,
    spilled: Spilled,
    faults: Faults,
    unreadable: list[str],
) -> _Written:
    """Write the files of a shard, whose contents are in a scratch file; what is wrong is added to the lists."""
    # What is made again by the rules of its day is not judged by today's.
    looked = rows.clear() if task.lake.settings.pinned or not task.redact.confidences else rows.sort("content").head(_SAMPLE)
    sample = {content for side in sides(schema.names) for content in looked[side.content]}
    making = Making(task.redact, task.escape, task.terms.notebooks, sample)
    endings = task.format.endings(task.terms.asked)
    with ExitStack() as stack:
        files = [stack.enter_context(task.lake.scratch_file()) for _ in endings]
        broken: list[int] = []
        tables = (_counted(_group_table(making, group, schema, spilled, faults), task.escape, broken) for group in groups(rows))
        task.format.write(files, schema, tables, identity, task.terms)
        escaped = sum(broken) if task.escape else None
        sums = [sealed(file) for file in files]
        stem = f"{task.label}-{sums[0][0]}"
        back = pl.concat([pl.Series("swhid", [], dtype=pl.String), *task.format.swhids(files)])
        if back.to_list() != rows["swhid"].to_list() or task.format.identity(files) != identity:
            unreadable.append(f"{stem}{endings[0]} does not hold the rows that were written to it")
        # What is there may be kept by a later build, which looks at no row again.
        if not any((*faults, unreadable)):
            for file, ending in zip(files, endings, strict=True):
                put(task.lake, file, f"{task.folder}/{stem}{ending}")
            _note(task, stem, escaped)
        return _Written(*sums[0], _beside(stem, endings, sums), task.format.places(files, rows, task.terms), escaped)


def _counted(table: pa.Table, escape: Sequence[str], into: list[int]) -> pa.Table:
    """The same table; in how many of its rows tokens are broken is added to a list."""
    if escape:
        texts = [table[side.text] for side in sides(table.column_names)]
        found = [pc.match_substring_regex(text, redaction.BROKEN[name]).to_numpy() for text in texts for name in escape]
        into.append(int(np.count_nonzero(np.any(np.array(found, bool), axis=0))))
    return table


def manifest_schema(form: ShardFormat, asked: Format) -> pa.Schema:
    """The columns of the manifest of shards in a format."""
    return pa.schema([*MANIFEST, *form.offsets(asked)])


def sealed(file: IO[bytes]) -> tuple[str, int]:
    """sha256 (hex) and size of a file that was written."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()  # type: ignore[arg-type]


def put(lake: Lake, file: IO[bytes], target: str) -> None:
    """Copy a scratch file to a path on the lake's file system."""
    file.seek(0)
    with lake.fs.open(target, "wb") as out:
        shutil.copyfileobj(file, out, 1 << 20)


# Every setting that shapes the bytes is written here; what is left to pyarrow is pinned with it and named in the fingerprint.
WRITER: dict[str, Any] = {
    "version": "2.6",
    "data_page_version": "1.0",
    "compression": "zstd",
    "compression_level": 3,
    "use_dictionary": ["language", "license", "license_type", "origin", "visit", "anchor", "encoding", "repository"],
    "write_statistics": ["swhid", "origin", "language", "license", "license_type", "length"],
    "store_schema": True,
}
MANIFEST_WRITER: dict[str, Any] = {
    **WRITER,
    "use_dictionary": ["shard", "origin", "visit", "anchor", "language", "license", "license_type", "sha256"],
    "write_statistics": ["shard", "row", "swhid", "content", "origin", "language", "license", "license_type", "length"],
}


def groups(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Runs of rows with at most ``GROUP_BYTES`` of contents, unless one alone has more, and at most ``GROUP_ROWS`` rows."""
    ends = rows.select(size(rows).cum_sum()).to_series().to_numpy()
    start = 0
    while start < rows.height:
        before = ends[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(ends, before + GROUP_BYTES, "right")))
        end = min(end, start + GROUP_ROWS)
        yield rows[start:end]
        start = end


def _group_table(making: Making, group: pl.DataFrame, schema: pa.Schema, spilled: Spilled, faults: Faults) -> pa.Table:
    own = {side.text: texts.texts(making, group, side, spilled, faults) for side in sides(schema.names)}
    table = _table(group, [name for name in schema.names if name not in own])
    for name, column in own.items():
        table = table.append_column(name, column)
    return table.select(schema.names).cast(schema)


def _table(group: pl.DataFrame, names: Sequence[str]) -> pa.Table:
    return group.with_columns(path=readable(group["path"])).select(names).to_arrow()
