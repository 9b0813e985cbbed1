# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The band index: new texts are signed, their bands go into the lake, and what shares a band is compared exactly.

The order makes it safe to be killed and to run beside another slice. Bands are committed before they are probed, so of two slices
at least one sees the other's; and a text's ``signature`` row comes last, so a text that has one has all its pairs, and the bands
that it crowded are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from codecommons.compiled import compiled
from codecommons.dedup.candidates import new_pairs
from codecommons.dedup.clusters import components
from codecommons.dedup.configuration import WORDS, Configuration
from codecommons.dedup.crowds import forget, stale_pairs
from codecommons.dedup.signatures import sign
from codecommons.dedup.similarity import jaccard, shingle_sets
from codecommons.dedup.tables import BAND, CANDIDATE, CROWDED_BAND, DUPLICATE_PAIR, SIGNATURE, TABLES
from codecommons.dedup.texts import read_texts, select_texts
from codecommons.engine import Engine
from codecommons.engine.engine import release_memory
from codecommons.lake import Committed, Lake, StagedFile, StagingArea
from codecommons.lake.files import DataFile
from codecommons.lake.ranges import bucket_range, in_range, slices_of
from codecommons.lake.schemas import Table
from codecommons.lake.staging import Writer, staged_batches
from codecommons.lake.storage import lake_errors

# Rows that a task looks at in one go; a row is 30 to 50 bytes.
_BANDS_AT_ONCE = 2_000_000
_PAIRS_AT_ONCE = 100_000
# Texts of so many batches are in a scratch file at once, as sets of shingles: most take as much room as the text.
_SPILLED_BATCHES = 32
_COMPARED = ("a", "b", "similarity", "accepted")


@dataclass(frozen=True)
class Compared:
    """What a comparison did.

    Attributes:
        texts: texts that were asked for.
        new: those that had not been compared before.
        bytes: their bytes.
        short: new texts with fewer words than a shingle.
        candidates: pairs that share a band; a pair counts once per part of the index that shows it.
        pairs: pairs that are new in the lake, at the floor or above.
        crowded: crowded bands that new texts came into.
    """

    texts: int
    new: int = 0
    bytes: int = 0
    short: int = 0
    candidates: int = 0
    pairs: int = 0
    crowded: int = 0


@dataclass(frozen=True)
class Context:
    """What every task needs to know: the lake, where it stages rows, what is compared how, and the key of that."""

    lake: Lake
    area: StagingArea
    configuration: Configuration
    key: str


@dataclass(frozen=True)
class Part:
    """Keys from ``low`` up to ``high``, which is not one of them, in some Parquet files of the lake or in what was staged."""

    low: bytes
    high: bytes | None
    files: tuple[str, ...] = ()

    def __str__(self) -> str:
        """How an error names it."""
        return f"keys from {self.low.hex()} to {self.high.hex() if self.high else 'the end'}"


def compare_texts(lake: Lake, engine: Engine, texts: pl.DataFrame, configuration: Configuration = WORDS) -> Compared:
    """Bring texts into the band index and find their near-duplicates among all that is there.

    Args:
        lake: the lake; bytes and encodings of the texts are in it.
        engine: where the tasks run.
        texts: what ``select_texts`` returned.
        configuration: what counts as a near-duplicate.

    Raises:
        LakeError: a table can't be read or written.
        TaskCrashedError: a worker died twice on the same task.
    """
    key = configuration.key(lake.settings)
    for table in TABLES:
        lake.register(table)
    wanted = texts.select(pl.lit(key).alias("configuration"), content="sha1_git")
    new = texts.join(lake.keys_missing(SIGNATURE, wanted), left_on="sha1_git", right_on="content", how="semi").sort("sha1_git")
    if not new.height:
        return Compared(texts.height)
    with lake.staging("deduped") as area:
        area.tables = {**area.tables, CANDIDATE.name: CANDIDATE}
        context = Context(lake, area, configuration, key)
        runs = list(slices_of(new.select("sha1_git", "length", "encoding"), lake.settings.batch_bytes))
        signed = list(
            engine.map(partial(_sign, context), runs, name=lambda run: f"signing texts from {run['sha1_git'][0].hex()}")
        )
        signatures, bands = (_of(table, (files for files, _ in signed)) for table in (SIGNATURE, BAND))
        lake.commit(area, [bands], engine)
        probed = lake.delta(BAND).version()
        found = _probe(context, engine, bands)
        candidates = _of(CANDIDATE, found)
        pairs = lake.commit(area, [_of(CROWDED_BAND, found), *compared(context, engine, candidates)], engine)
        if lake.delta(BAND).version() != probed:
            # Another slice may have crowded a band, and forgotten its stale pairs, before these pairs were there to be forgotten.
            found = _probe(context, engine, bands)
        crowded = _read_all(lake, _paths(_of(CROWDED_BAND, found)), ["value"])["value"]
        asked_for = (_read_all(lake, (file.path,), ["a", "b"]) for file in _of(CANDIDATE, found))
        stale = stale_pairs(lake, configuration, key, crowded, asked_for)
        if stale.height:
            forget(lake, key, stale)
        lake.commit(area, [signatures], engine)
    none = Committed(0, 0, 0)
    return Compared(
        texts=texts.height,
        new=new.height,
        bytes=int(new["length"].sum()),
        short=sum(short for _, short in signed),
        candidates=sum(file.rows for file in candidates),
        pairs=pairs.get(DUPLICATE_PAIR.name, none).rows_new,
        crowded=len(crowded),
    )


def _of(table: Table, staged: Iterable[Sequence[StagedFile]]) -> list[StagedFile]:
    return [file for files in staged for file in files if file.table.name == table.name]


def _sign(context: Context, texts: pl.DataFrame) -> tuple[list[StagedFile], int]:
    """Stage the bands and signature rows of one run of texts; also says how many are too short to have any band."""
    bands = context.configuration.bands
    writer = context.area.writer("sign")
    short = 0
    for ids, data in read_texts(context.lake, texts):
        words, values = sign(data, context.configuration)
        writer.add(SIGNATURE.name, _rows(SIGNATURE, context.key, content=ids, words=pa.array(words)))
        long = np.flatnonzero(words >= context.configuration.shingle)
        short += len(ids) - len(long)
        owners = ids.take(pa.array(np.repeat(long, bands), pa.int64()))
        # Big-endian, so that the order of the bytes is the order of the numbers.
        packed = pa.py_buffer(values[long].astype(">u8").tobytes())
        value = pa.FixedSizeBinaryArray.from_buffers(pa.binary(8), len(owners), [None, packed])
        writer.add(BAND.name, _rows(BAND, context.key, value=value.cast(pa.binary()), content=owners))
    return writer.close(), short


def _paths(staged: Iterable[StagedFile]) -> tuple[str, ...]:
    return tuple(file.path for file in staged)


def files_of(lake: Lake, table: Table, key: str) -> list[DataFile]:
    """The files of one of the tables that hold rows of a configuration."""
    return lake.files(table, {"configuration": key})


def band_parts(lake: Lake, key: str) -> list[Part]:
    """The whole band table of a configuration, in parts that fit a task."""
    files = files_of(lake, BAND, key)
    parts = []
    for bucket in sorted({int(dict(file.partition)["bucket"]) for file in files}):
        mine = [file for file in files if int(dict(file.partition)["bucket"]) == bucket]
        count = -(-sum(file.rows for file in mine) // _BANDS_AT_ONCE)
        paths = tuple(lake.path(BAND.name, file.path) for file in mine)
        parts += [Part(*bucket_range(bucket, lake.settings.bucket_bits, part, count), paths) for part in range(count)]
    return parts


def _probe(context: Context, engine: Engine, newcomers: Sequence[StagedFile]) -> list[list[StagedFile]]:
    """What ``_find`` stages, of every part of the band table as it is now."""
    return list(
        engine.map(
            partial(_find, context, newcomers), band_parts(context.lake, context.key), name=lambda part: f"probing bands, {part}"
        )
    )


def _find(context: Context, newcomers: Sequence[StagedFile], part: Part) -> list[StagedFile]:
    """Stage the pairs of newcomers (their bands) that share a band of this part, and its crowded bands."""
    rows = read_rows(context.lake, part.files, ["value", "content"], in_range("value", part.low, part.high))
    new = _staged(context, newcomers, ["value", "content"], part).with_columns(new=True)
    rows = (
        rows.filter(pl.len().over("value") > 1)
        .join(new, on=["value", "content"], how="left")
        .with_columns(pl.col("new").fill_null(False))
    )
    writer = context.area.writer("find")
    anchors = context.configuration.anchors
    bands = rows.group_by("value").agg(pl.len(), pl.any("new"))
    crowded = bands.filter((pl.col("len") > anchors) & pl.col("new")).select("value").sort("value")
    writer.add(CROWDED_BAND.name, _rows(CROWDED_BAND, context.key, value=crowded["value"].to_arrow().cast(pa.binary())))
    stage_pairs(writer, rows, anchors)
    return writer.close()


def stage_pairs(writer: Writer, rows: pl.DataFrame, anchors: int) -> None:
    """Stage as candidates the pairs that hold a member that is ``new`` of some bands (columns value, content, new)."""
    rows = rows.sort("value", "content").with_columns(group=pl.col("value").rle_id())
    members = rows.select("content").unique().sort("content").with_row_index("member")
    rows = rows.join(members, on="content", how="left", maintain_order="left")
    ids = members["content"].to_arrow()
    groups, ranks = (rows[name].cast(pl.Int64).to_numpy() for name in ("group", "member"))
    for low, high in new_pairs(groups, ranks, rows["new"].to_numpy(), anchors):
        a, b = (ids.take(pa.array(side, pa.int64())) for side in (low, high))
        writer.add(CANDIDATE.name, pa.table({"a": a, "b": b}))


def compared(context: Context, engine: Engine, candidates: Sequence[StagedFile]) -> Iterator[list[StagedFile]]:
    """Compare staged candidates exactly; yields staged rows of ``duplicate_pair`` for those that reach the floor."""
    verify = partial(_verify, context, candidates)
    return engine.map(verify, _candidate_parts(candidates), name=lambda part: f"comparing pairs, {part}")


def _candidate_parts(candidates: Sequence[StagedFile]) -> list[Part]:
    count = -(-sum(file.rows for file in candidates) // _PAIRS_AT_ONCE)
    return [Part(*bucket_range(0, 0, part, count)) for part in range(count)]


def _verify(context: Context, candidates: Sequence[StagedFile], part: Part) -> list[StagedFile]:
    """Compare the candidates of this part exactly and stage those that reach the floor."""
    pairs = _staged(context, candidates, ["a", "b"], part).unique()
    ids = pl.concat([pairs["a"], pairs["b"]]).unique()
    texts = select_texts(context.lake, pl.DataFrame({"sha1_git": ids}), context.configuration).with_row_index("text")
    known = texts.select("sha1_git", "text")
    pairs = pairs.join(known.rename({"sha1_git": "a", "text": "left"}), on="a")
    pairs = pairs.join(known.rename({"sha1_git": "b", "text": "right"}), on="b")
    floor, threshold = context.configuration.floor, context.configuration.threshold
    left, right = _numbers(pairs)
    # Related texts together; in a crowded band the left ones are a few anchors, so that each of the others is needed once.
    pairs = pairs[np.lexsort((left, right, components(left, right, texts.height)))]
    writer = context.area.writer("verify")
    for some in _blocks(pairs, texts["length"].to_numpy(), _SPILLED_BATCHES * context.lake.settings.batch_bytes):
        with context.lake.scratch_file() as file:
            starts, sizes = _spill(context.lake, texts, some, context.configuration, file)
            for block in _blocks(some, 8 * sizes, context.lake.settings.batch_bytes):
                similarity = pl.Series(_compare(file, starts, sizes, *_numbers(block), floor), dtype=pl.Float64)
                block = block.with_columns(similarity=similarity, accepted=similarity >= threshold)
                rows = block.filter(pl.col("similarity") >= floor).to_arrow()
                columns = {name: rows[name].cast(DUPLICATE_PAIR.schema.field(name).type) for name in _COMPARED}
                writer.add(DUPLICATE_PAIR.name, _rows(DUPLICATE_PAIR, context.key, **columns))
                release_memory()  # sets of shingles differ in size: those of the next block would not fit where these were
    return writer.close()


def _spill(
    lake: Lake, texts: pl.DataFrame, pairs: pl.DataFrame, configuration: Configuration, file: IO[bytes]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Write the sets of shingles of all texts of some pairs, each once.

    Returns:
        Where each row of ``texts`` begins in the file, in shingles, and how many it has: none where it is in no pair, or where
        its bytes have gone meanwhile.
    """
    starts, sizes = np.zeros(texts.height, np.int64), np.zeros(texts.height, np.int64)
    wanted = texts[np.unique(np.concatenate(_numbers(pairs)))]
    at = 0
    for ids, data in read_texts(lake, wanted, in_order=False):
        sets, ends = shingle_sets(data, configuration)
        rows = pl.DataFrame({"sha1_git": ids}).join(wanted, on="sha1_git", how="left", maintain_order="left")["text"].to_numpy()
        starts[rows], sizes[rows] = at + ends[:-1], np.diff(ends)
        with lake_errors(f"writing a scratch file in {lake.settings.home}"):
            file.write(sets.data)
        at += len(sets)
    return starts, sizes


def _compare(
    file: IO[bytes],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    floor: float,
) -> NDArray[np.float64]:
    """Similarity of pairs of texts (places in ``starts`` and ``sizes``) whose sets of shingles fit into memory together."""
    wanted = np.unique(np.concatenate([left, right]))
    offsets = np.concatenate([[0], np.cumsum(sizes[wanted])])
    sets = np.empty(offsets[-1], np.uint64)
    for at, text in enumerate(wanted):
        file.seek(8 * starts[text])
        file.readinto(sets[offsets[at] : offsets[at + 1]].data)  # type: ignore[attr-defined]
    return jaccard(sets, offsets, np.searchsorted(wanted, left), np.searchsorted(wanted, right), floor)


def _blocks(pairs: pl.DataFrame, sizes: NDArray[np.int64], most: int) -> Iterator[pl.DataFrame]:
    """Cut pairs, as they come, into blocks whose texts have ``most`` together, or one pair."""
    yield from pairs.with_columns(block=_cut(*_numbers(pairs), sizes, most)).partition_by("block", maintain_order=True)


def _numbers(pairs: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return pairs["left"].cast(pl.Int64).to_numpy(), pairs["right"].cast(pl.Int64).to_numpy()


@compiled(nogil=True)
def _cut(left: NDArray[np.int64], right: NDArray[np.int64], sizes: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """The number of each pair's block; a block ends where the next pair's texts don't fit any more."""
    seen = np.full(len(sizes), -1, np.int64)
    blocks = np.empty(len(left), np.int64)
    block = total = 0
    for pair in range(len(left)):
        x, y = left[pair], right[pair]
        more = (sizes[x] if seen[x] != block else 0) + (sizes[y] if seen[y] != block else 0)
        if total and total + more > most:
            block += 1
            total = 0
            more = sizes[x] + sizes[y]
        total += more
        seen[x] = seen[y] = block
        blocks[pair] = block
    return blocks


def _rows(table: Table, key: str, **columns: pa.Array | pa.ChunkedArray) -> pa.Table:
    count = len(next(iter(columns.values())))
    return pa.table({"configuration": pa.repeat(pa.scalar(key), count), **columns}, schema=pa.schema(table.fields))


def _staged(context: Context, files: Sequence[StagedFile], columns: list[str], part: Part) -> pl.DataFrame:
    batches = staged_batches(context.lake.storage, files, columns, part.low, part.high)
    return pl.DataFrame(pa.Table.from_batches(batches, schema=pa.schema([(name, pa.binary()) for name in columns])))


def _read_all(lake: Lake, files: tuple[str, ...], columns: list[str]) -> pl.DataFrame:
    return read_rows(lake, files, columns, None)


def read_rows(lake: Lake, files: tuple[str, ...], columns: list[str], where: ds.Expression | None) -> pl.DataFrame:
    """Binary columns of some files of the lake, or of staged ones."""
    schema = pa.schema([(name, pa.binary()) for name in columns])
    # Staged files are plain Arrow, the lake's own are Parquet.
    kind: Literal["ipc", "parquet"] = "ipc" if files and files[0].endswith(".arrow") else "parquet"
    dataset = ds.dataset(list(files), schema=schema, format=kind, filesystem=lake.storage.arrow_fs)
    frame = pl.from_arrow(dataset.to_table(filter=where, use_threads=False))
    assert isinstance(frame, pl.DataFrame)
    return frame
