# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The tables of annotations: what is there, and what is missing."""

from __future__ import annotations

import hashlib
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from codecommons.annotate.annotator import Annotator
from codecommons.lake import Lake


def rows(lake: Lake, annotator: Annotator) -> pl.LazyFrame:
    """Rows of one version of an annotator."""
    lake.register(annotator.table)
    return lake.scan(annotator.table).filter(pl.col("digest") == annotator.digest)


def units(annotator: Annotator, files: pl.DataFrame) -> pl.DataFrame:
    """What an annotator has to say something about, for some files.

    Args:
        annotator: the annotator.
        files: columns root, content (both sha1_git), path (bytes, from the root).

    Returns:
        Distinct keys, sorted: the key columns of the annotator's table without digest, and path where it is the input.
    """
    match annotator.input:
        case "content":
            return files.select("content").unique().sort("content")
        case "named_content":
            pairs = named(files).select("content", "name").unique().sort("content", "name")
            if annotator.names is None:
                return pairs
            wanted = pl.Series([name for name in pairs["name"].unique() if annotator.wants(name)], dtype=pl.Binary)
            return pairs.filter(pl.col("name").is_in(wanted.implode()))
        case "path":
            paths = files["path"].unique()
            ids = pl.Series([hashlib.sha1(path, usedforsecurity=False).digest() for path in paths], dtype=pl.Binary)
            return pl.DataFrame({"path_id": ids, "path": paths}).sort("path_id")
        case "tree":
            return files.select("root").unique().sort("root")


def missing(lake: Lake, annotator: Annotator, wanted: pl.DataFrame) -> pl.DataFrame:
    """Those of ``wanted`` (see ``units``) that have no annotation of the annotator's current digest."""
    lake.register(annotator.table)
    keys = wanted.with_columns(digest=pl.lit(annotator.digest))
    return lake.keys_missing(annotator.table, keys).select(wanted.columns)


def named(files: pl.DataFrame) -> pl.DataFrame:
    """Add ``name``, the last part of ``path``, in bytes."""
    paths: pa.Array[Any] = files["path"].to_arrow().cast(pa.large_binary())
    names = pc.replace_substring_regex(paths, pattern="(?s)^.*/", replacement="")
    return files.with_columns(pl.Series("name", names, dtype=pl.Binary))
