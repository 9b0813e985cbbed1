# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The texts of rows: bytes of the lake, re-hashed, decoded, and with what a dataset wants replaced or broken.

Contents lie by identifier and rows go by origin and path, so bytes pass through a scratch file: in as they lie, a row group at a
time (``spill``), and out by row (``texts``). Does not belong here: what is replaced (``redaction``), the text of one row
(``rows.row_text``), and the files that texts go to (``shards``).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from typing import IO, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from codecommons.annotate import notebooks
from codecommons.datasets import discussions, redaction
from codecommons.datasets.inputs import Inputs
from codecommons.datasets.rows import Side, form_of, row_text
from codecommons.datasets.specification import Redact, Specification
from codecommons.datasets.tokens import TOKENS
from codecommons.lake import Lake
from codecommons.swhid import content_id, spread

# Of discussions the specification, and whose events count (columns slice and source).
Talk = tuple[Specification, pl.DataFrame]
# Where contents are in a scratch file.
_PLACED = pl.Schema({"content": pl.Binary, "offset": pl.Int64, "size": pl.Int64})


class Spilled(NamedTuple):
    """Contents in a scratch file: content (unique), offset and size of those that are there."""

    file: IO[bytes]
    places: pl.DataFrame


class Making(NamedTuple):
    """What becomes of bytes.

    Attributes:
        redact: what the redactions of rows were chosen by.
        escape: names of ``tokens.TOKENS`` that are broken.
        notebooks: what becomes of notebooks.
        looked_through: contents in whose texts what should have been replaced is looked for.
    """

    redact: Redact
    escape: tuple[str, ...]
    notebooks: str
    looked_through: Collection[bytes] = ()


class Faults(NamedTuple):
    """SWHIDs of rows whose bytes are not what they should be, and of those in whose text something is left to replace."""

    damaged: list[str]
    revealing: list[str]


def spill(lake: Lake, rows: Sequence[pl.DataFrame], talk: Talk | None, file: IO[bytes]) -> Spilled:
    """Write every content of rows to a scratch file, in one pass over the lake.

    Args:
        lake: the lake.
        rows: content, and of commits before_content; of discussions origin and number.
        talk: of discussions what they are made from.
        file: where they go.
    """
    found, at = [pl.DataFrame(schema=_PLACED)], 0
    for contents, data in _contents(lake, pl.concat(rows), talk) if rows else ():
        ends, blob = spread(data)
        file.write(blob[ends[0] : ends[-1]])
        offsets = ends[:-1] - ends[0] + at
        found.append(pl.DataFrame({"content": contents, "offset": offsets, "size": np.diff(ends)}, schema=_PLACED))
        at += int(ends[-1] - ends[0])
    file.flush()
    return Spilled(file, pl.concat(found).unique("content"))


def _contents(lake: Lake, rows: pl.DataFrame, talk: Talk | None) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Identifiers and bytes of contents, many at a time."""
    if talk:
        for _, text in discussions.texts(lake, *talk, rows):
            yield pa.array([content_id(text)], pa.binary()), pa.array([text], pa.binary())
        return
    wanted = [rows.select(sha1_git=name) for name in ("content", "before_content") if name in rows.columns]
    for batch in lake.contents_as_they_lie(pl.concat(wanted)):
        yield batch["sha1_git"], batch["data"]


def texts(making: Making, group: pl.DataFrame, side: Side, spilled: Spilled, faults: Faults) -> pa.Array:
    """The texts of rows; null where one is damaged.

    Nearly all are UTF-8 in which nothing is replaced: these are the bytes, and Arrow looks whether they are text, many at once.

    Args:
        making: what becomes of bytes.
        group: rows, described, as many as may be in memory.
        side: whose columns are meant.
        spilled: the bytes.
        faults: what is wrong is added to it.
    """
    file = spilled.file.fileno()
    asked = group.select("path", content=side.content, encoding=side.encoding, swhid=side.swhid, spans=side.redactions)
    asked = asked.join(spilled.places, on="content", how="left", maintain_order="left")
    asked = asked.with_columns(pl.col("offset", "size").fill_null(0))
    plain = asked.select(pl.col("encoding").is_in(["ascii", "utf-8"]) & (pl.col("spans").list.len() == 0)).to_series().to_numpy()
    if making.notebooks in notebooks.FORMS:
        plain &= ~np.array([notebooks.is_notebook(path) for path in asked["path"]], bool)
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.where(plain, asked["size"].to_numpy(), 0))])
    blob = memoryview(bytearray(int(ends[-1])))
    contents, offsets = asked["content"].to_list(), asked["offset"].to_list()
    for at in np.flatnonzero(plain).tolist():
        piece = blob[ends[at] : ends[at + 1]]
        os.preadv(file, [piece], offsets[at])
        plain[at] = content_id(piece) == contents[at]
    found, tokens, ascii_ = _decoded(ends, blob, making.escape)
    plain &= ~tokens & (ascii_ | (asked["encoding"] != "ascii").to_numpy())
    others: list[str | None] = []
    rows = asked.with_columns(plain=pl.Series(plain)).filter(~pl.col("plain") | pl.col("content").is_in([*making.looked_through]))
    for path, content, encoding, swhid, spans, offset, length, stays in rows.iter_rows():
        data, form = os.pread(file, length, offset), form_of(path, making.notebooks)
        text = row_text(data, content, encoding, spans, making.escape, form)
        if text is None:
            faults.damaged.append(swhid)
        elif content in making.looked_through and redaction.left(text, making.redact):
            faults.revealing.append(swhid)
        if not stays:
            others.append(None if text is None else text.decode())
    return pc.replace_with_mask(found, pa.array(~plain), pa.array(others, pa.large_string())) if others else found


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
