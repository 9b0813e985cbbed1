# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the annotators found in the trees that decisions are made for."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl

from codecommons.annotate import store
from codecommons.annotate.annotator import current
from codecommons.annotate.manifests.licenses import license_of
from codecommons.archive import slice_roots
from codecommons.lake import Lake
from codecommons.license.expressions import conjunction
from codecommons.license.lists import UNREADABLE, listed
from codecommons.license.policy import Policy
from codecommons.license.resolve import COLUMNS, LICENSE_FILE, MENTION, NEAREST, OTHERS
from codecommons.swhid import SYMLINK_PERMS

_SAYS_NOTHING = r"(?i)^(?:|unknown|none|null|n/?a|todo|tbd|fixme|-+|\.+|licen[cs]e)$"
# They speak of licences, often of others' too, and are not the licence.
_MENTIONS = re.compile(rb"(?i)(?:about|disclaimer|guidelines|notices?|readme)(?![a-z])")
_STATED = pl.element().struct.field("stated")
_FIELD = pl.element().struct.field("detector").str.contains("license-(?:tag|clue)$")
# Rows of an annotator (by its name), which may be about other files, too.
Said = Callable[[str], pl.LazyFrame]
_DECLARED = pl.Schema({"root": pl.Binary, "path": pl.Binary, "declared": pl.String, "declared_by": pl.String})
_OTHERS = re.compile(rb"(?i)(?:third|3rd)[-_. ]?part(?:y|ies)")


def slice_files(lake: Lake, slice: str, source: str) -> pl.DataFrame:
    """The files that come out of ``enriched_context``: those of the slice's trees that are no links and whose bytes are here.

    Returns:
        Columns root, path, content, length; each tree once.
    """
    roots = slice_roots(lake, slice, source).select("root").unique()
    trees = lake.scan("tree_file").join(roots.lazy(), on="root", how="semi").filter(pl.col("perms") != SYMLINK_PERMS)
    lengths = lake.scan("content").filter(pl.col("verified") == "yes").select("length", content="sha1_git")
    return trees.join(lengths, on="content").select("root", "path", "content", "length").collect()


def gather(lake: Lake, roots: pl.DataFrame) -> pl.DataFrame:
    """Every file of some trees with what is known about it.

    Args:
        lake: the lake.
        roots: column root.

    Returns:
        ``resolve.COLUMNS``, see ``resolve.nearest``.
    """
    paths = lake.scan("tree_file").join(roots.lazy(), on="root", how="semi").select("root", "path", "content")
    return known(store.named(paths.collect()), said_in(lake), _declared(lake, roots))


def said_in(lake: Lake) -> Said:
    """What the annotators of this installation have said."""
    annotators = current(lake.settings)
    return lambda name: store.rows(lake, annotators[name])


def known(files: pl.DataFrame, said: Said, declared: pl.DataFrame | None = None) -> pl.DataFrame:
    """Some files of trees with what is said about them.

    Args:
        files: columns root, path, content and name.
        said: what annotators say of them.
        declared: what collections do (root, path, declared, declared_by), nothing unless given.

    Returns:
        ``resolve.COLUMNS``, see ``resolve.nearest``.
    """
    keys = files.lazy().select("content", "name").unique()
    metadata = (
        said("project_metadata")
        .join(keys, on=["content", "name"], how="semi")
        .select("content", "name", metadata=_meant())
        .join(_fields(said, keys), on=["content", "name"], how="left")
    )
    vendored = said("path_facts").join(files.lazy().select("path").unique(), on="path", how="semi").select("path", "vendored")
    lists = (
        said("file_licenses")
        .filter((pl.col("files").list.len() > 0) | pl.col("error").is_not_null())
        .join(keys, on=["content", "name"], how="semi")
        .select("content", "name", "files", "lines")
        .collect()
    )
    declared = _DECLARED.to_frame() if declared is None else declared
    every = (
        files.lazy()
        .join(statements(said, keys).lazy(), on=["content", "name"], how="left")
        .join(metadata, on=["content", "name"], how="left")
        .join(vendored, on="path", how="left")
        .join(declared.lazy(), on=["root", "path"], how="left")
        .with_columns(
            pl.col("vendored").fill_null(value=False),
            lines=pl.when(pl.col("own").is_null() & pl.col("metadata").is_not_null()).then("field").otherwise("lines"),
        )
    )
    return listed(every.collect(), lists).select(COLUMNS)


def statements(said: Said, keys: pl.LazyFrame) -> pl.DataFrame:
    """What files state themselves.

    Args:
        said: what annotators say.
        keys: columns content and name.

    Returns:
        content, name; own (an expression), lines and speaks, as ``resolve.nearest`` takes them; nothing of files that state
        nothing.
    """
    evidence = said("license_evidence").join(keys, on=["content", "name"], how="semi")
    languages = said("language").select("content", "name", "language", "kind")
    stating = (
        evidence.filter(pl.col("stated").is_not_null() | pl.col("unread"))
        .join(languages, on=["content", "name"], how="left")
        .select(
            "content",
            "name",
            "license_file",
            "language",
            "kind",
            own=pl.coalesce("stated", pl.lit(UNREADABLE)),
            lines=_lines(pl.col("evidence")),
        )
        .collect()
    )
    rows = stating.select("name", "license_file", "language", "kind").iter_rows()
    speaks = pl.Series("speaks", [_speaks(*row) for row in rows], dtype=pl.String)
    told = stating.select("content", "name", "own", "lines", speaks)
    # Code and READMEs that say nothing are nobody's licence, whatever they are called.
    terms = pl.col("speaks").is_in([LICENSE_FILE, OTHERS]).fill_null(value=False)
    return told.filter((pl.col("own") != UNREADABLE) | terms)


def contradicted(lake: Lake, judging: Policy, rows: pl.DataFrame) -> list[str]:
    """Rows whose verdict is not what the policy says of their licence, or of what the file itself states.

    Args:
        lake: the lake.
        judging: the policy.
        rows: columns swhid, content, path, license (expression, or null) and license_type (the verdict).

    Returns:
        A sentence for each, in their order.
    """
    rows = store.named(rows.select("swhid", "content", "path", "license", "license_type"))
    if judging.resolution == NEAREST:  # who asks no header may contradict one
        own = statements(said_in(lake), rows.lazy().select("content", "name").unique()).filter(pl.col("speaks").is_null())
        rows = rows.join(own.select("content", "name", "own"), on=["content", "name"], how="left", maintain_order="left")
    else:
        rows = rows.with_columns(own=pl.lit(None, pl.String))
    texts = {one or "" for name in ("license", "own") for one in rows[name].unique()}
    worth = {one: judging.judge(one).verdict for one in sorted(texts)}
    by = pl.coalesce("own", "license", pl.lit(""))
    found = rows.with_columns(by=by).with_columns(right=pl.col("by").replace_strict(worth, return_dtype=pl.String))
    wrong = found.filter(pl.col("right").ne_missing(pl.col("license_type")))
    return [
        f"{swhid} is {verdict or 'undecided'}, and {'it states' if own else 'its licence is'} {by or 'nothing'}, "
        f"which is {right} under {judging.name}"
        for swhid, verdict, own, by, right in wrong.select("swhid", "license_type", "own", "by", "right").iter_rows()
    ]


def _meant() -> pl.Expr:
    """What a manifest says of the licence; one that says something else than that nobody knows, and can't be read, says so."""
    raw = pl.col("license_raw").str.strip_chars()
    silent = raw.is_null() | raw.str.contains(_SAYS_NOTHING)
    return pl.coalesce("license", pl.when(~silent).then(pl.lit(UNREADABLE)))


def _fields(said: Said, keys: pl.LazyFrame) -> pl.LazyFrame:
    """Where manifests (columns content, name) say it: ``field``, the lines with a tag of a licence; null where none is one."""
    evidence = said("license_evidence").join(keys, on=["content", "name"], how="semi")
    return evidence.select("content", "name", field=_lines(pl.col("evidence"), _FIELD))


def _declared(lake: Lake, roots: pl.DataFrame) -> pl.DataFrame:
    """What collections declare of files (columns root, path, declared, declared_by), read as package metadata is read.

    All that is declared of a file holds, so one part that nobody can read makes the whole unknown.
    """
    rows = (
        lake.scan("declaration")
        .join(roots.lazy(), on="root", how="semi")
        .filter(pl.col("licenses").list.len() > 0)
        .select("root", "path", "licenses", "declared_by")
        .collect()
    )
    words = rows["licenses"].explode().unique().to_list()
    known = {word: license_of(word) for word in words}
    readable = [[known[word] for word in each] for each in rows["licenses"].to_list()]
    expressions = [conjunction(filter(None, each)) if all(each) else UNREADABLE for each in readable]
    return rows.select("root", "path", pl.Series("declared", expressions, dtype=pl.String), "declared_by")


def _speaks(name: bytes, license_file: bool, language: str | None, kind: str | None) -> str | None:
    """What a file named like a licence file is to its folder: nothing when it is code or data, less when it is a README."""
    if not license_file or (kind in ("programming", "data", "markup") and language != "HTML"):
        return None
    if _OTHERS.search(name):
        return OTHERS
    return MENTION if _MENTIONS.match(name) else LICENSE_FILE


def _lines(evidence: pl.Expr, which: pl.Expr = _STATED) -> pl.Expr:
    """From the first line of the first statement that counts to the last line of the last, as ``3-20``."""
    counts = evidence.list.eval(pl.element().filter(which))
    first = counts.list.eval(pl.element().struct.field("start_line")).list.min()
    last = counts.list.eval(pl.element().struct.field("end_line")).list.max()
    return pl.format("{}-{}", first, last)
