# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The texts among contents, as UTF-8."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from codecommons.annotate import store
from codecommons.annotate.annotator import current
from codecommons.dedup.configuration import Configuration
from codecommons.lake import Lake

_UTF8 = ("utf-8", "utf-8-sig", "ascii")


def select_texts(lake: Lake, ids: pl.DataFrame, configuration: Configuration) -> pl.DataFrame:
    """Those contents that can be compared: their annotation says text, and they are neither empty nor too long.

    Args:
        lake: the lake.
        ids: column sha1_git.
        configuration: says what is too long.

    Returns:
        Columns sha1_git, length, encoding (None where unknown), by sha1_git.
    """
    wanted = ids.lazy().select("sha1_git").unique()
    encodings = (
        store.rows(lake, current(lake.settings)["encoding"])
        .filter(~pl.col("binary"))
        .select(sha1_git="content", encoding="encoding")
    )
    lengths = lake.scan("content").filter(pl.col("length").is_between(1, configuration.most_bytes)).select("sha1_git", "length")
    texts = wanted.join(lengths, on="sha1_git").join(encodings, on="sha1_git")
    return texts.select("sha1_git", "length", "encoding").sort("sha1_git").collect()


def unknown_texts(lake: Lake, ids: pl.DataFrame) -> pl.DataFrame:
    """Those contents that are here and whole, and of which today's annotator has not said whether they are text, by sha1_git.

    Args:
        lake: the lake.
        ids: column sha1_git.
    """
    said = store.rows(lake, current(lake.settings)["encoding"]).select(sha1_git="content")
    here = lake.scan("content").filter(pl.col("verified") == "yes").select("sha1_git").join(ids.lazy(), on="sha1_git", how="semi")
    return here.join(said, on="sha1_git", how="anti").sort("sha1_git").collect()


def read_texts(lake: Lake, texts: pl.DataFrame, in_order: bool = True) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Stream texts, a bounded batch at a time.

    Args:
        lake: the lake.
        texts: what ``select_texts`` returned, or rows of it.
        in_order: whether they come in order of sha1_git; as they lie otherwise, which is half as much work.

    Yields:
        Identifiers and UTF-8 texts. A content without bytes is simply absent.
    """
    foreign = texts.filter(~pl.col("encoding").fill_null("utf-8").str.to_lowercase().is_in(_UTF8))
    encodings = dict(zip(foreign["sha1_git"], foreign["encoding"], strict=True))
    for batch in lake.contents(texts.select("sha1_git", "length")) if in_order else lake.contents_as_they_lie(texts):
        ids, data = batch["sha1_git"], batch["data"]
        if encodings:
            data = _decode(ids, data, encodings)
        yield ids, data


def _decode(ids: pa.Array, data: pa.Array, encodings: dict[Any, str]) -> pa.Array:
    where = pc.is_in(ids, value_set=pa.array(list(encodings), pa.binary()))
    foreign = zip(ids.filter(where).to_pylist(), data.filter(where).to_pylist(), strict=True)
    texts = [to_utf8(text, encodings[key]) for key, text in foreign]
    return pc.replace_with_mask(data, where, pa.array(texts, pa.binary()))


def to_utf8(data: bytes, encoding: str) -> bytes:
    """A text as UTF-8; as it is where nobody knows the encoding."""
    if encoding.lower() in _UTF8:
        return data
    try:
        return data.decode(encoding, "replace").encode("utf-8", "replace")
    except LookupError:
        return data
