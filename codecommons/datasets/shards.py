# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Rows to files (``formats``) whose bytes depend on nothing but the rows.

A shard (``rows.assign`` says which rows are in it) names its rows: one that an earlier release has, or a build that was killed,
is copied once its bytes have the digest in its name.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
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
from codecommons.datasets import discussions, redaction
from codecommons.datasets.candidates import Inputs
from codecommons.datasets.fingerprint import digest
from codecommons.datasets.format import ShardFormat, Terms, format_of
from codecommons.datasets.releases import Earlier
from codecommons.datasets.rows import Side, assign, bytes_of, described, form_of, readable, row_schema, row_text, sides, size
from codecommons.datasets.specification import AS_IS, Format, Redact, Specification
from codecommons.datasets.tokens import TOKENS
from codecommons.engine import Engine
from codecommons.lake import Lake
from codecommons.lake.storage import lake_errors
from codecommons.swhid import content_id, spread

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
# Where contents are in a scratch file.
_PLACED = pl.Schema({"content": pl.Binary, "offset": pl.Int64, "size": pl.Int64})
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
        talk: of discussions the specification, and whose events count (columns slice and source).
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
    talk: tuple[Specification, pl.DataFrame] | None = None

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


class _Faults(NamedTuple):
    """What is wrong with rows, as in ``Shard``."""

    damaged: list[str]
    revealing: list[str]
    unreadable: list[str]


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
            places = _spill([one.task for one in shards if one.kept is None], spill)
        return [_shard(one, spill, places) for one in shards]


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


def _shard(known: _Known, spill: IO[bytes], places: pl.DataFrame) -> Shard:
    task, rows, schema, identity, kept = known
    faults = _Faults([], [], [])
    with lake_errors(f"{task} of {task.folder}"):
        files = kept or _write(task, rows, schema, identity, faults, spill, places)
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
        unreadable=tuple(faults.unreadable),
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
    faults: _Faults,
    spill: IO[bytes],
    places: pl.DataFrame,
) -> _Written:
    """Write the files of a shard, whose contents are in a scratch file (``places`` as ``_spill`` returns them)."""
    looked = rows.sort("content").head(_SAMPLE) if task.redact.confidences else rows.clear()
    sample = {content for side in sides(schema.names) for content in looked[side.content]}
    endings = task.format.endings(task.terms.asked)
    with ExitStack() as stack:
        files = [stack.enter_context(task.lake.scratch_file()) for _ in endings]
        broken: list[int] = []
        tables = (
            _counted(_group_table(task, group, schema, spill, places, sample, faults), task.escape, broken)
            for group in groups(rows)
        )
        task.format.write(files, schema, tables, identity, task.terms)
        escaped = sum(broken) if task.escape else None
        sums = [sealed(file) for file in files]
        stem = f"{task.label}-{sums[0][0]}"
        back = pl.concat([pl.Series("swhid", [], dtype=pl.String), *task.format.swhids(files)])
        if back.to_list() != rows["swhid"].to_list() or task.format.identity(files) != identity:
            faults.unreadable.append(f"{stem}{endings[0]} does not hold the rows that were written to it")
        # What is there may be kept by a later build, which looks at no row again.
        if not any(faults):
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


def _spill(tasks: Sequence[ShardTask], spill: IO[bytes]) -> pl.DataFrame:
    """Write every content of some shards to the scratch file, in one pass over the lake.

    Returns:
        content (unique), offset and size: where it is there.
    """
    found, at = [pl.DataFrame(schema=_PLACED)], 0
    for contents, data in _contents(tasks):
        ends, blob = spread(data)
        spill.write(blob[ends[0] : ends[-1]])
        offsets = ends[:-1] - ends[0] + at
        found.append(pl.DataFrame({"content": contents, "offset": offsets, "size": np.diff(ends)}, schema=_PLACED))
        at += int(ends[-1] - ends[0])
    spill.flush()
    return pl.concat(found).unique("content")


def _contents(tasks: Sequence[ShardTask]) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Identifiers and bytes of contents, many at a time."""
    if not tasks:
        return
    lake, talk = tasks[0].lake, tasks[0].talk
    rows = pl.concat([task.rows for task in tasks])
    if talk:
        for _, text in discussions.texts(lake, *talk, rows):
            yield pa.array([content_id(text)], pa.binary()), pa.array([text], pa.binary())
        return
    wanted = [rows.select(sha1_git=name) for name in ("content", "before_content") if name in rows.columns]
    for batch in lake.contents_as_they_lie(pl.concat(wanted)):
        yield batch["sha1_git"], batch["data"]


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


def _group_table(
    task: ShardTask,
    group: pl.DataFrame,
    schema: pa.Schema,
    spill: IO[bytes],
    places: pl.DataFrame,
    sample: Collection[bytes],
    faults: _Faults,
) -> pa.Table:
    texts = {side.text: _texts(task, group, side, spill, places, sample, faults) for side in sides(schema.names)}
    table = _table(group, [name for name in schema.names if name not in texts])
    for name, column in texts.items():
        table = table.append_column(name, column)
    return table.select(schema.names).cast(schema)


def _texts(
    task: ShardTask,
    group: pl.DataFrame,
    side: Side,
    spill: IO[bytes],
    places: pl.DataFrame,
    sample: Collection[bytes],
    faults: _Faults,
) -> pa.Array:
    """The texts of rows; null where one is damaged.

    Nearly all are UTF-8 in which nothing is replaced: these are the bytes, and Arrow looks whether they are text, many at once.
    """
    asked = group.select("path", content=side.content, encoding=side.encoding, swhid=side.swhid, spans=side.redactions)
    asked = asked.join(places, on="content", how="left", maintain_order="left")
    asked = asked.with_columns(pl.col("offset", "size").fill_null(0))
    plain = asked.select(pl.col("encoding").is_in(["ascii", "utf-8"]) & (pl.col("spans").list.len() == 0)).to_series().to_numpy()
    if task.terms.notebooks in notebooks.FORMS:
        plain &= ~np.array([notebooks.is_notebook(path) for path in asked["path"]], bool)
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.where(plain, asked["size"].to_numpy(), 0))])
    blob = memoryview(bytearray(int(ends[-1])))
    contents, offsets = asked["content"].to_list(), asked["offset"].to_list()
    for at in np.flatnonzero(plain).tolist():
        piece = blob[ends[at] : ends[at + 1]]
        os.preadv(spill.fileno(), [piece], offsets[at])
        plain[at] = content_id(piece) == contents[at]
    texts, tokens, ascii_ = _decoded(ends, blob, task.escape)
    plain &= ~tokens & (ascii_ | (asked["encoding"] != "ascii").to_numpy())
    others: list[str | None] = []
    rows = asked.with_columns(plain=pl.Series(plain)).filter(~pl.col("plain") | pl.col("content").is_in([*sample]))
    for path, content, encoding, swhid, spans, offset, length, stays in rows.iter_rows():
        data, form = os.pread(spill.fileno(), length, offset), form_of(path, task.terms.notebooks)
        text = row_text(data, content, encoding, spans, task.escape, form)
        if text is None:
            faults.damaged.append(swhid)
        elif content in sample and not task.lake.settings.pinned and redaction.left(text, task.redact):
            faults.revealing.append(swhid)
        if not stays:
            others.append(None if text is None else text.decode())
    return pc.replace_with_mask(texts, pa.array(~plain), pa.array(others, pa.large_string())) if others else texts


def _decoded(ends: np.ndarray, blob: memoryview, escape: Sequence[str]) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """Texts that lie end to end; which have a token that is to be broken (all, if one is no UTF-8); which are ASCII."""
    try:
        data = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(ends) - 1, [None, pa.py_buffer(ends), pa.py_buffer(blob)])
        texts = data.cast(pa.large_string())
    except pa.ArrowInvalid:
        return pa.nulls(len(ends) - 1, pa.large_string()), np.ones(len(ends) - 1, bool), np.zeros(len(ends) - 1, bool)
    tokens = np.zeros(len(texts), bool)
    for name in escape:
        tokens |= pc.match_substring_regex(texts, TOKENS[name].pattern).to_numpy(zero_copy_only=False)
    return texts, tokens, pc.string_is_ascii(texts).to_numpy(zero_copy_only=False)


def _table(group: pl.DataFrame, names: Sequence[str]) -> pa.Table:
    return group.with_columns(path=readable(group["path"])).select(names).to_arrow()


def texts_of(lake: Lake, rows: pl.DataFrame, asked: Specification, inputs: Inputs) -> Iterator[str]:
    """The texts of rows with different contents, by content; what is missing or damaged has none."""
    talk = asked.rows in discussions.KINDS
    known = {
        content: (encoding, spans, () if talk else asked.escape, form_of(path, asked.notebooks))
        for content, encoding, spans, path in rows.select("content", "encoding", "redactions", "path").iter_rows()
    }
    if talk:
        said = (text for _, text in discussions.texts(lake, asked, discussions.slices_of(inputs), rows))
        found = ((identifier, text) for text in said if (identifier := content_id(text)) in known)
    else:
        batches = lake.contents(rows.select(sha1_git="content", length="length"), lake.settings.batch_bytes)
        found = (one for batch in batches for one in zip(batch["sha1_git"].to_pylist(), batch["data"].to_pylist(), strict=True))
    for content, data in found:
        text = row_text(data, content, *known[content])
        if text is not None:
            yield text.decode()
