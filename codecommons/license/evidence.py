"""What the annotators found in the trees that decisions are made for."""

from __future__ import annotations

import polars as pl

from codecommons.annotate import store
from codecommons.annotate.annotator import current
from codecommons.archive import slice_roots
from codecommons.lake import Lake
from codecommons.license.decide import COLUMNS

SYMBOLIC_LINK = 0o120000


def slice_files(lake: Lake, slice: str, source: str) -> pl.DataFrame:
    """The files that come out of ``enriched_context``: those of the slice's trees that are no links and whose bytes are here.

    Returns:
        Columns root, path, content, length; each tree once.
    """
    roots = slice_roots(lake, slice, source).select("root").unique()
    trees = lake.scan("tree_file").join(roots.lazy(), on="root", how="semi").filter(pl.col("perms") != SYMBOLIC_LINK)
    lengths = lake.scan("content").select("length", content="sha1_git")
    return trees.join(lengths, on="content").select("root", "path", "content", "length").collect()


def gather(lake: Lake, roots: pl.DataFrame) -> pl.DataFrame:
    """Every file of some trees with what is known about it.

    Args:
        lake: the lake.
        roots: column root.

    Returns:
        ``decide.COLUMNS``, see ``decide``.
    """
    annotators = current(lake.settings)
    files = store.named(
        lake.scan("tree_file").join(roots.lazy(), on="root", how="semi").select("root", "path", "content").collect()
    )
    keys = files.lazy().select("content", "name").unique()
    evidence = store.rows(lake, annotators["license_evidence"]).join(keys, on=["content", "name"], how="semi")
    evidence = evidence.select("content", "name", "license_file", own="expression", lines=_lines(pl.col("evidence")))
    metadata = (
        store.rows(lake, annotators["project_metadata"])
        .join(keys, on=["content", "name"], how="semi")
        .select("content", "name", metadata="license")
    )
    vendored = (
        store.rows(lake, annotators["path_facts"])
        .join(files.lazy().select("path").unique(), on="path", how="semi")
        .select("path", "vendored")
    )
    every = (
        files.lazy()
        .join(evidence, on=["content", "name"], how="left")
        .join(metadata, on=["content", "name"], how="left")
        .join(vendored, on="path", how="left")
        .with_columns(pl.col("license_file", "vendored").fill_null(value=False))
    )
    return every.select(COLUMNS).collect()


def _lines(evidence: pl.Expr) -> pl.Expr:
    """From the first line of the first piece of evidence to the last line of the last, as ``3-20``."""
    first = evidence.list.eval(pl.element().struct.field("start_line")).list.min()
    last = evidence.list.eval(pl.element().struct.field("end_line")).list.max()
    return pl.format("{}-{}", first, last)
