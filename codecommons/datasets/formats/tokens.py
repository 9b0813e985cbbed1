# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

r"""Tokens: one array of token numbers, with the files beside it by which Megatron or datatrove find documents.

A document is a row, or a repository (``repository_form``); the token that ends documents stands after each. Of a commit it is
``<commit_before>code<commit_msg>message<commit_after>code``; of a discussion, or a notebook in StarCoder2's form, the marks in
its text are the special tokens. What a row of Parquet says is in ``.rows.parquet``, with the place of its tokens instead of the
texts.

Sources: ``_IndexWriter`` of Megatron-LM's ``core/datasets/indexed_dataset.py``; ``TokenizedFile`` of datatrove's
``pipeline/tokens/tokenizer.py``; for documents those of ``repository_form``, ``tokens`` and ``annotate.forge.text``.
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from codecommons.annotate.forge.text import END
from codecommons.annotate.notebooks import STRUCTURED, is_notebook
from codecommons.datasets import tokenizer
from codecommons.datasets.format import Columns, Files, Part, ShardFormat, Terms
from codecommons.datasets.releases import list_releases, supplies_of, withdrawn
from codecommons.datasets.repository_form import DOCUMENT, MOST_BYTES, REPOSITORY, SEPARATOR, Edge, edges, edges_of, marked
from codecommons.datasets.rows import readable, repository
from codecommons.datasets.shards import (
    GROUP_BYTES,
    GROUP_ROWS,
    ROWS_KEY,
    UNREADABLE,
    WRITER,
    groups,
)
from codecommons.datasets.specification import Format, Specification
from codecommons.datasets.texts import texts_of
from codecommons.datasets.tokens import COMMIT, STARCODER2
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.settings import Settings

if TYPE_CHECKING:
    from codecommons.datasets.inputs import Inputs

_OFFSETS = pa.schema([pa.field(name, pa.int64()) for name in ("token", "tokens", "document")])
_ENDINGS = {"megatron": (".bin", ".idx"), "datatrove": (".ds", ".ds.index", ".ds.metadata")}
_ROWS = ".rows.parquet"
# What Megatron calls types.
_CODES = {"<u2": 8, "<i4": 4}
# What a specification says -> the special tokens that its texts have.
_PULL_REQUEST = """
<repo_name> <pr> <pr_status> <pr_is_merged> <pr_comment> <pr_event_id> <pr_review> <pr_review_state> <pr_review_comment>
<pr_in_reply_to_review_id> <pr_in_reply_to_comment_id> <pr_file> <pr_diff_hunk> <pr_diff_hunk_comment_line>
"""
_NEEDED = {
    f"document: {DOCUMENT}": (REPOSITORY, SEPARATOR),
    "rows: commits": COMMIT,
    "rows: issues": ("<issue_start>", "<issue_comment>", "<issue_closed>"),
    "rows: pull_requests": tuple(_PULL_REQUEST.split()),
    "notebooks: structured": ("<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>", "<empty_output>"),
}
_TEXTS = ("text", "before_text")


class Tokens(ShardFormat):
    """Tokens of the texts, in the files of one of two layouts."""

    options = ("tokenizer", "vocabulary", "document", "metadata", "layout", "end")
    holds_text = False
    media_types = ("application/octet-stream",)
    seconds_a_byte = 5e-7
    file_bytes_a_byte = 0.55

    def endings(self, asked: Format) -> tuple[str, ...]:
        """See ``ShardFormat``."""
        return (*_ENDINGS[asked.layout], _ROWS)

    def layouts(self) -> list[tuple[str, ...]]:
        """See ``ShardFormat``."""
        return [(*endings, _ROWS) for endings in _ENDINGS.values()]

    def offsets(self, asked: Format) -> pa.Schema:
        """See ``ShardFormat``."""
        return _OFFSETS

    def columns(self, every: Mapping[str, pa.DataType], asked: Format) -> dict[str, pa.DataType]:
        """See ``ShardFormat``."""
        kept = {name: kind for name, kind in every.items() if name not in _TEXTS}
        return kept | {field.name: field.type for field in _OFFSETS}

    def writer(self) -> str:
        """See ``ShardFormat``."""
        return f"tokenizers {tokenizer.library().__version__}, pyarrow {pa.__version__}"

    def rules(self, terms: Terms) -> list[Any]:
        """See ``ShardFormat``."""
        made = hashlib.sha256(terms.supplies[tokenizer.FILE]).hexdigest()
        asked = [terms.asked.document, terms.asked.layout, terms.asked.end]
        sizes = [tokenizer.VERSION, tokenizer.PIECE, GROUP_BYTES, GROUP_ROWS]
        # Files as they are, and whole repositories, were all that there was when shards were published first.
        later = [[name, value] for name, value in _later(terms) if value != dict(_later(Terms()))[name]]
        return ["tokens", 1, self.writer(), WRITER, made, *asked, *sizes, *later]

    def check(self, settings: Settings, asked: Specification) -> None:
        """See ``ShardFormat``."""
        said = asked.format
        if asked.rows != "files" and said.document == DOCUMENT:
            raise UsageError(f"format: document: {DOCUMENT} is of files, and rows is {asked.rows!r}; leave it out")
        if said.metadata != Format.metadata and said.document != DOCUMENT:
            raise UsageError(f"format: metadata is for document: {DOCUMENT}; leave it out")
        tokenizer.library()
        if said.tokenizer and said.vocabulary != Format.vocabulary:
            raise UsageError("format: vocabulary is for a tokenizer that is trained; leave it out, or tokenizer")
        if not said.tokenizer and said.end not in ("", *STARCODER2):
            raise UsageError(f"format: end is {said.end!r}, which a tokenizer that is trained has not; leave it out")
        if said.document == DOCUMENT and asked.shard.cap_bytes > MOST_BYTES:
            raise UsageError(
                f"format: document: repository makes documents of up to shard: cap_bytes, and they can have {MOST_BYTES} at most"
            )
        if said.tokenizer:
            supplies = {tokenizer.FILE: tokenizer.named(settings, said.tokenizer)}
            self._made(Terms(said, supplies, asked.rows, asked.order, asked.notebooks))

    def supplies(self, lake: Lake, asked: Specification, inputs: Inputs, rows: Callable[[], pl.DataFrame]) -> dict[str, bytes]:
        """The tokenizer: the user's; else that of the dataset's releases; else one that is trained now.

        It is trained but once, as every other text would make another one, and with it every shard.
        """
        if asked.format.tokenizer:
            return {tokenizer.FILE: tokenizer.named(lake.settings, asked.format.tokenizer)}
        for one in reversed(list_releases(lake, asked.name)):
            specification = one.document["inputs"]["specification"]
            before = specification.get("format", {})
            likewise = Format(**{name: before[name] for name in ("kind", "tokenizer", "vocabulary") if name in before})
            same_rows = specification.get("rows", "files") == asked.rows
            gone = tokenizer.FILE in withdrawn(lake, one)
            if same_rows and not gone and likewise == Format(asked.format.kind, "", asked.format.vocabulary):
                return dict(supplies_of(lake, one))
        chosen = rows().unique("content").sort("content")
        chosen = chosen.filter(pl.col("length").cum_sum() - pl.col("length") < tokenizer.TRAINING_BYTES)
        texts = texts_of(lake, chosen, asked, inputs)
        if asked.rows not in ("files", "commits"):
            texts = (piece for text in texts for piece in tokenizer.unmarked(text))
        special = (*STARCODER2, *(COMMIT if asked.rows == "commits" else ()))
        return {tokenizer.FILE: tokenizer.trained(texts, asked.format.vocabulary, special)}

    def write(self, files: Files, schema: pa.Schema, tables: Iterable[pa.Table], identity: str, terms: Terms) -> None:
        """See ``ShardFormat``."""
        made = self._made(terms)
        end = np.array([made.end], made.type).tobytes()
        at, ends = 0, list[int]()
        own_texts = [name for name in _TEXTS if name in schema.names]
        with _rows_writer(files[-1], schema, identity) as writer:
            for table, found in edges(tables, terms):
                # A damaged row has no text, and its shard comes to nothing.
                texts = [[text or "" for text in table[name].to_pylist()] for name in own_texts]
                plain = pl.DataFrame(table.drop_columns(own_texts))
                coded = _coded(made, terms, plain, list(zip(*texts, strict=True)), found)
                heads = _heads(made, terms, table["repository"].to_pylist(), found)
                own = []
                for head, tokens, (_, last, _) in zip(heads, coded, found, strict=True):
                    files[0].write(head.tobytes() + tokens.tobytes() + (end if last else b""))
                    own.append((at + head.size, tokens.size, len(ends)))
                    at += head.size + tokens.size + last
                    if last:
                        ends.append(at)
                _write_rows(writer, table, pl.DataFrame(own, schema=_OFFSETS.names, orient="row"))
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

    def places(self, files: Files, rows: pl.DataFrame, terms: Terms) -> pl.DataFrame:
        """See ``ShardFormat``."""
        return pl.DataFrame(_rows_file(files).read(columns=_OFFSETS.names))

    def swhids(self, files: Files, column: str = "swhid") -> Iterator[pl.Series]:
        """See ``ShardFormat``."""
        found = _rows_file(files)
        if column in found.schema_arrow.names:
            for batch in found.iter_batches(columns=[column], use_threads=False):
                yield pl.DataFrame(batch)[column]

    def read(self, files: Files, expected: pl.DataFrame, terms: Terms, columns: Columns) -> Iterator[Part]:
        """See ``ShardFormat``; ``stored`` is the bytes from the end of the row before to the end of this one."""
        made = self._made(terms)
        try:
            found = pl.DataFrame(_rows_file(files).read(columns=[name for name in columns if name not in _TEXTS]))
        except UNREADABLE as error:
            yield Part(expected[:0], None, f"what it says of its rows can't be read: {error}")
            return
        placed = marked(expected, terms)
        ends = (expected["token"] + expected["tokens"]).to_numpy() + placed["last"].cast(pl.Int64).to_numpy()
        size = files[0].seek(0, io.SEEK_END)
        if found.height != expected.height or size != (ends[-1] if len(ends) else 0) * made.type.itemsize:
            what = f"it has {found.height} rows and {size} bytes, not {expected.height} and as many as the manifest says"
            yield Part(expected[:0], None, what)
            return
        files[0].seek(0)
        placed = placed.with_columns(stretch=pl.Series(np.diff(ends, prepend=0) * made.type.itemsize))
        at = 0
        for part in groups(placed):
            if part["stretch"].min() < 0:  # type: ignore[operator]
                yield Part(part, None, "the manifest's places are out of order")
                return
            stored = pl.Series([files[0].read(size) for size in part["stretch"]], dtype=pl.Binary)
            yield Part(part, found[at : at + part.height].with_columns(stored=stored))
            at += part.height

    def stored(self, rows: pl.DataFrame, texts: Sequence[Sequence[bytes]], terms: Terms) -> list[bytes]:
        """See ``ShardFormat``; ``rows`` are ``marked``, as ``read`` gives them."""
        made = self._made(terms)
        found = edges_of(rows)
        heads = _heads(made, terms, [repository(origin) for origin in rows["origin"]], found)
        shown = rows.with_columns(path=readable(rows["path"]))
        coded = _coded(made, terms, shown, [[text.decode() for text in some] for some in texts], found)
        end = np.array([made.end], made.type).tobytes()
        return [
            head.tobytes() + tokens.tobytes() + (end if last else b"")
            for head, tokens, (_, last, _) in zip(heads, coded, found, strict=True)
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
            "file": "A document is a row (of commits `<commit_before>code<commit_msg>message<commit_after>code`)",
            "repository": "A document is the files of one origin, or of one tree where rows say what their tree has, that are in "
            "the shard, "
            "`<repo_name>name<file_sep>path⏎code<file_sep>path⏎code…`",
        }[asked.document]
        return (
            f"A shard is token numbers of `tokenizer.json` (`data/*{data}`); {how}. {what}, and the token that ends documents "
            f"stands after each. `data/*{_ROWS}` and `manifest.parquet` say of every row where its tokens begin (`token`), how "
            "many they are (`tokens`) and which `document` of the shard they are in."
        )

    @staticmethod
    def _made(terms: Terms) -> tokenizer.Made:
        said = (f"document: {terms.asked.document}", f"rows: {terms.rows}", f"notebooks: {terms.notebooks}")
        needed = tuple((why, token) for why in said for token in _NEEDED.get(why, ()))
        return tokenizer.made_from(terms.supplies[tokenizer.FILE], terms.asked.end, needed)


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
    kept = [field for field in schema if field.name not in _TEXTS]
    # A digest of every page: whoever reads where rows are without the fingerprint has nothing else to go by.
    with pq.ParquetWriter(file, pa.schema([*kept, *_OFFSETS]), write_page_checksum=True, **WRITER) as writer:
        yield writer
        writer.add_key_value_metadata({ROWS_KEY: identity})


def _write_rows(writer: pq.ParquetWriter, table: pa.Table, places: pl.DataFrame) -> None:
    for field in _OFFSETS:
        table = table.append_column(field, places[field.name].cast(pl.Int64).to_arrow())
    writer.write_table(table.select(writer.schema.names).cast(writer.schema))


def _rows_file(files: Files) -> pq.ParquetFile:
    return pq.ParquetFile(files[-1], page_checksum_verification=True)


def _later(terms: Terms) -> list[tuple[str, Any]]:
    """What shapes shards beyond what did at first."""
    asked = terms.asked
    return [("rows", terms.rows), ("order", terms.order), ("metadata", asked.metadata), ("notebooks", terms.notebooks)]


def _coded(
    made: tokenizer.Made, terms: Terms, rows: pl.DataFrame, texts: Sequence[Sequence[str]], found: Sequence[Edge]
) -> list[np.ndarray]:
    """The tokens of rows, each by itself: a file has the same ones whatever is before it.

    Args:
        made: the tokenizer.
        terms: what the format works by.
        rows: path, as text; of commits message.
        texts: of each row; of commits that of the file after and before.
        found: where each row stands.
    """
    if terms.rows == "commits":
        before, message, after = (made.mark(token) for token in COMMIT)
        said = [message or "" for message in rows["message"]]
        pieces = [piece for (new, old), why in zip(texts, said, strict=True) for piece in (old, why, new)]
        coded = iter(made.encode(pieces))
        return [np.concatenate([before, next(coded), message, next(coded), after, next(coded)]) for _ in texts]
    if terms.rows != "files":
        # The token that ends documents is put after each anyway.
        return made.encode_marked([text.removesuffix(END) for (text,) in texts])
    paths = rows["path"].to_list()
    whole = terms.asked.document == DOCUMENT
    texts_ = [
        f"{path}\n{text}" if whole and edge.named else text for path, (text,), edge in zip(paths, texts, found, strict=True)
    ]
    files = made.encode(texts_)
    if terms.notebooks == STRUCTURED:
        marked_ = [at for at, path in enumerate(paths) if is_notebook(path.encode())]
        for at, tokens in zip(marked_, made.encode_marked([texts_[at] for at in marked_]), strict=True):
            files[at] = tokens
    return [np.concatenate([made.mark(SEPARATOR), tokens]) for tokens in files] if whole else files


def _heads(made: tokenizer.Made, terms: Terms, repositories: Sequence[str], found: Sequence[Edge]) -> list[np.ndarray]:
    """What stands before rows: before the first of a repository its name, where it has metadata."""
    nothing = np.array([], made.type)
    if terms.asked.document != DOCUMENT:
        return [nothing] * len(found)
    names = {name: np.concatenate([made.mark(REPOSITORY), *made.encode([name])]) for name in dict.fromkeys(repositories)}
    return [names[name] if edge.first and edge.named else nothing for name, edge in zip(repositories, found, strict=True)]


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
