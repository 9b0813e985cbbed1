# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

r"""Tokens: one array of token numbers, with the files beside it by which Megatron or datatrove find documents.

A document is a file, or the files of an origin as StarCoder 2 reads them, ``<repo_name>name<file_sep>path\ncode<file_sep>…``;
the token that ends documents stands after each. What a row of Parquet says is in ``.rows.parquet``, with the place of its tokens
instead of the text.

Sources: ``_IndexWriter`` of Megatron-LM's ``core/datasets/indexed_dataset.py``; ``TokenizedFile`` of datatrove's
``pipeline/tokens/tokenizer.py``; for documents StarCoder 2 and The Stack v2 (Lozhkov et al. 2024), section 4.1.
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, pairwise
from typing import IO, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from codecommons.datasets import tokenizer
from codecommons.datasets.format import Columns, Files, Part, ShardFormat, Terms
from codecommons.datasets.releases import list_releases, supplies_of
from codecommons.datasets.rows import readable, repository
from codecommons.datasets.shards import (
    GROUP_BYTES,
    GROUP_ROWS,
    ROWS_KEY,
    UNREADABLE,
    WRITER,
    groups,
    texts_of,
)
from codecommons.datasets.specification import Format, Specification
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.settings import Settings

_ENDINGS = {"megatron": (".bin", ".idx"), "datatrove": (".ds", ".ds.index", ".ds.metadata")}
_ROWS = ".rows.parquet"
# What Megatron calls types.
_CODES = {"<u2": 8, "<i4": 4}
# A document's length is 31 bits of Megatron's index, and a part of an origin that is split may be twice the cap.
_MOST_BYTES = 1 << 30


class Tokens(ShardFormat):
    """Tokens of the texts, in the files of one of two layouts."""

    options = ("tokenizer", "vocabulary", "document", "layout", "end")
    offsets = pa.schema([pa.field(name, pa.int64()) for name in ("token", "tokens", "document")])
    holds_text = False
    media_types = ("application/octet-stream",)

    def endings(self, asked: Format) -> tuple[str, ...]:
        """See ``ShardFormat``."""
        return (*_ENDINGS[asked.layout], _ROWS)

    def layouts(self) -> list[tuple[str, ...]]:
        """See ``ShardFormat``."""
        return [(*endings, _ROWS) for endings in _ENDINGS.values()]

    def writer(self) -> str:
        """See ``ShardFormat``."""
        return f"tokenizers {tokenizer.library().__version__}, pyarrow {pa.__version__}"

    def rules(self, terms: Terms) -> list[Any]:
        """See ``ShardFormat``."""
        made = hashlib.sha256(terms.supplies[tokenizer.FILE]).hexdigest()
        asked = [terms.asked.document, terms.asked.layout, terms.asked.end]
        sizes = [tokenizer.VERSION, tokenizer.PIECE, GROUP_BYTES, GROUP_ROWS]
        return ["tokens", 1, self.writer(), WRITER, made, *asked, *sizes]

    def check(self, settings: Settings, asked: Specification) -> None:
        """See ``ShardFormat``."""
        said = asked.format
        if asked.rows != "files":
            raise UsageError(f"format: tokens are those of files, and rows is {asked.rows!r}; choose parquet or jsonl")
        tokenizer.library()
        if said.tokenizer and said.vocabulary != Format.vocabulary:
            raise UsageError("format: vocabulary is for a tokenizer that is trained; leave it out, or tokenizer")
        if not said.tokenizer and said.end not in ("", *tokenizer.STARCODER2):
            raise UsageError(f"format: end is {said.end!r}, which a tokenizer that is trained has not; leave it out")
        if said.document == "repository" and asked.shard.cap_bytes > _MOST_BYTES:
            raise UsageError(
                f"format: document: repository makes documents of up to shard: cap_bytes, and they can have {_MOST_BYTES} at most"
            )
        if said.tokenizer:
            self._made(Terms(said, {tokenizer.FILE: tokenizer.named(settings, said.tokenizer)}))

    def supplies(self, lake: Lake, asked: Specification, rows: Callable[[], pl.DataFrame]) -> dict[str, bytes]:
        """The tokenizer: the user's; else that of the dataset's releases; else one that is trained now.

        It is trained but once, as every other text would make another one, and with it every shard.
        """
        if asked.format.tokenizer:
            return {tokenizer.FILE: tokenizer.named(lake.settings, asked.format.tokenizer)}
        for one in reversed(list_releases(lake, asked.name)):
            before = one.document["inputs"]["specification"].get("format", {})
            likewise = Format(**{name: before[name] for name in ("kind", "tokenizer", "vocabulary") if name in before})
            if likewise == Format(asked.format.kind, "", asked.format.vocabulary):
                return dict(supplies_of(lake, one))
        chosen = rows().unique("content").sort("content")
        chosen = chosen.filter(pl.col("length").cum_sum() - pl.col("length") < tokenizer.TRAINING_BYTES)
        texts = texts_of(lake, chosen, asked)
        return {tokenizer.FILE: tokenizer.trained(texts, asked.format.vocabulary)}

    def write(self, files: Files, schema: pa.Schema, tables: Iterable[pa.Table], identity: str, terms: Terms) -> None:
        """See ``ShardFormat``."""
        made = self._made(terms)
        end = np.array([made.end], made.type).tobytes()
        at, ends = 0, list[int]()
        with _rows_writer(files[-1], schema, identity) as writer:
            for table, edges in _with_edges(tables, terms.asked.document):
                paths, names = table["path"].to_pylist(), table["repository"].to_pylist()
                # A damaged row has no text, and its shard comes to nothing.
                coded = _coded(made, terms.asked.document, paths, [text or "" for text in table["text"].to_pylist()])
                heads = _heads(made, terms.asked.document, names, edges)
                own = []
                for head, tokens, (_, last) in zip(heads, coded, edges, strict=True):
                    files[0].write(head.tobytes() + tokens.tobytes() + (end if last else b""))
                    own.append((at + head.size, tokens.size, len(ends)))
                    at += head.size + tokens.size + last
                    if last:
                        ends.append(at)
                _write_rows(writer, table, pl.DataFrame(own, schema=self.offsets.names, orient="row"))
        for file, content in zip(files[1:-1], _index(terms.asked.layout, np.array(ends, "<i8"), made.type), strict=True):
            file.write(content)

    def identity(self, files: Files) -> str | None:
        """See ``ShardFormat``."""
        found = (pq.read_metadata(files[-1]).metadata or {}).get(ROWS_KEY)
        return found.decode() if found else None

    def beside(
        self, schema: pa.Schema, tables: Iterable[pa.Table], places: pl.DataFrame, identity: str, terms: Terms
    ) -> list[str]:
        """See ``ShardFormat``."""
        at, sink = 0, _Sum()
        with _rows_writer(sink, schema, identity) as writer:
            for table in tables:
                _write_rows(writer, table, places[at : at + len(table)])
                at += len(table)
        ends = places.group_by("document", maintain_order=True).agg(end=(pl.col("token") + pl.col("tokens")).max() + 1)["end"]
        index = _index(terms.asked.layout, ends.to_numpy(), self._made(terms).type)
        return [*(hashlib.sha256(content).hexdigest() for content in index), sink.digest.hexdigest()]

    def places(self, files: Files, rows: pl.DataFrame) -> pl.DataFrame:
        """See ``ShardFormat``."""
        return pl.DataFrame(_rows_file(files).read(columns=self.offsets.names))

    def swhids(self, files: Files, column: str = "swhid") -> Iterator[pl.Series]:
        """See ``ShardFormat``."""
        if column == "swhid":  # rows are files
            for batch in _rows_file(files).iter_batches(columns=["swhid"], use_threads=False):
                yield pl.DataFrame(batch)["swhid"]

    def read(self, files: Files, expected: pl.DataFrame, terms: Terms, columns: Columns) -> Iterator[Part]:
        """See ``ShardFormat``; ``stored`` is the bytes from the end of the row before to the end of this one."""
        made = self._made(terms)
        try:
            found = pl.DataFrame(_rows_file(files).read(columns=["swhid", "encoding", "redactions"]))
        except UNREADABLE as error:
            yield Part(expected[:0], None, f"what it says of its rows can't be read: {error}")
            return
        [(_, edges)] = _with_edges([expected.select("origin").to_arrow()], terms.asked.document)
        ends = (expected["token"] + expected["tokens"]).to_numpy() + np.array([last for _, last in edges], np.int64)
        size = files[0].seek(0, io.SEEK_END)
        if found.height != expected.height or size != (ends[-1] if len(ends) else 0) * made.type.itemsize:
            what = f"it has {found.height} rows and {size} bytes, not {expected.height} and as many as the manifest says"
            yield Part(expected[:0], None, what)
            return
        files[0].seek(0)
        marked = expected.with_columns(
            first=pl.Series([first for first, _ in edges], dtype=pl.Boolean),
            last=pl.Series([last for _, last in edges], dtype=pl.Boolean),
            stretch=pl.Series(np.diff(ends, prepend=0) * made.type.itemsize),
        )
        at = 0
        for part in groups(marked):
            if part["stretch"].min() < 0:  # type: ignore[operator]
                yield Part(part, None, "the manifest's places are out of order")
                return
            stored = pl.Series([files[0].read(size) for size in part["stretch"]], dtype=pl.Binary)
            yield Part(part, found[at : at + part.height].with_columns(stored=stored))
            at += part.height

    def stored(self, rows: pl.DataFrame, texts: Sequence[bytes], terms: Terms) -> list[bytes]:
        """See ``ShardFormat``; ``rows`` have the columns ``first`` and ``last`` of ``read``."""
        made = self._made(terms)
        edges = list(rows.select("first", "last").iter_rows())
        heads = _heads(made, terms.asked.document, [repository(origin) for origin in rows["origin"]], edges)
        coded = _coded(made, terms.asked.document, readable(rows["path"]).to_list(), [text.decode() for text in texts])
        end = np.array([made.end], made.type).tobytes()
        return [
            head.tobytes() + tokens.tobytes() + (end if last else b"")
            for head, tokens, (_, last) in zip(heads, coded, edges, strict=True)
        ]

    def records(self, asked: Format) -> tuple[str, tuple[str, ...]]:
        """See ``ShardFormat``."""
        return _ROWS, ("application/x-parquet",)

    def loading(self, asked: Format) -> str:
        """See ``ShardFormat``."""
        data = self.endings(asked)[0]
        how = {
            "megatron": "Megatron's `IndexedDataset` opens it by its path without the ending",
            "datatrove": 'datatrove\'s `DatatroveFolderDataset` opens the folder (`filename_pattern="*.ds"`)',
        }[asked.layout]
        what = {
            "file": "A document is a file",
            "repository": "A document is the files of one origin that are in the shard, "
            "`<repo_name>name<file_sep>path⏎code<file_sep>path⏎code…`",
        }[asked.document]
        return (
            f"A shard is token numbers of `tokenizer.json` (`data/*{data}`); {how}. {what}, and the token that ends documents "
            f"stands after each. `data/*{_ROWS}` and `manifest.parquet` say of every row where its tokens begin (`token`), how "
            "many they are (`tokens`) and which `document` of the shard they are in."
        )

    @staticmethod
    def _made(terms: Terms) -> tokenizer.Made:
        return tokenizer.made_from(terms.supplies[tokenizer.FILE], terms.asked.end, terms.asked.document == "repository")


class _Sum(io.RawIOBase):
    """A file of which only the digest is kept."""

    def __init__(self) -> None:
        """Nothing was written."""
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        """It is there to be written to."""
        return True

    def write(self, data: Any) -> int:
        """Add to the digest."""
        self.digest.update(data)
        return len(data)


@contextmanager
def _rows_writer(file: IO[bytes] | _Sum, schema: pa.Schema, identity: str) -> Iterator[pq.ParquetWriter]:
    """What writes rows without their texts, and what they are known by."""
    kept = [field for field in schema if field.name != "text"]
    # A digest of every page: whoever reads where rows are without the fingerprint has nothing else to go by.
    with pq.ParquetWriter(file, pa.schema([*kept, *Tokens.offsets]), write_page_checksum=True, **WRITER) as writer:
        yield writer
        writer.add_key_value_metadata({ROWS_KEY: identity})


def _write_rows(writer: pq.ParquetWriter, table: pa.Table, places: pl.DataFrame) -> None:
    for field in Tokens.offsets:
        table = table.append_column(field, places[field.name].cast(pl.Int64).to_arrow())
    writer.write_table(table.select(writer.schema.names).cast(writer.schema))


def _rows_file(files: Files) -> pq.ParquetFile:
    return pq.ParquetFile(files[-1], page_checksum_verification=True)


def _with_edges(tables: Iterable[pa.Table], document: str) -> Iterator[tuple[pa.Table, list[tuple[bool, bool]]]]:
    """Tables of rows in order, with whether each row is the first of its document, and the last."""
    before: str | None = None
    for table, following in pairwise(chain(tables, (None,))):
        if document == "file":
            yield table, [(True, True)] * len(table)
            continue
        origins = table["origin"].to_pylist()
        around = [before, *origins, None if following is None else following["origin"][0].as_py()]
        yield table, [(own != left, own != right) for left, own, right in zip(around, origins, around[2:], strict=False)]
        before = origins[-1]


def _coded(made: tokenizer.Made, document: str, paths: Sequence[str], texts: Sequence[str]) -> list[np.ndarray]:
    """The tokens of rows, each by itself: a file has the same ones whatever is before it."""
    if document == "file":
        return made.encode(texts)
    mark = np.array([made.special[tokenizer.SEPARATOR]], made.type)
    coded = made.encode([f"{path}\n{text}" for path, text in zip(paths, texts, strict=True)])
    return [np.concatenate([mark, tokens]) for tokens in coded]


def _heads(
    made: tokenizer.Made, document: str, repositories: Sequence[str], edges: Sequence[tuple[bool, bool]]
) -> list[np.ndarray]:
    """What stands before rows: before the first of a repository its name."""
    nothing = np.array([], made.type)
    if document == "file":
        return [nothing] * len(edges)
    mark = np.array([made.special[tokenizer.REPOSITORY]], made.type)
    names = {name: np.concatenate([mark, *made.encode([name])]) for name in dict.fromkeys(repositories)}
    return [names[name] if first else nothing for name, (first, _) in zip(repositories, edges, strict=True)]


def _index(layout: str, ends: np.ndarray, type_: np.dtype) -> list[bytes]:
    """The files beside tokens, from where documents end."""
    count = int(ends[-1]) if len(ends) else 0
    if layout == "datatrove":
        return [ends.astype("<u8").tobytes(), f"{tokenizer.FILE}|{type_.itemsize}\n{count}\n{count / 1e6:.3g} MT".encode()]
    starts = np.concatenate([np.zeros(1, "<i8"), ends])
    head = b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, _CODES[type_.str], len(ends), len(ends) + 1)
    lengths, pointers = np.diff(starts).astype("<i4"), starts[:-1] * type_.itemsize
    return [b"".join([head, lengths.tobytes(), pointers.tobytes(), np.arange(len(ends) + 1, dtype="<i8").tobytes()])]


FORMAT = Tokens()
