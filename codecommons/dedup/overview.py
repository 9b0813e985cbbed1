# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What people want to see of the duplicates of a slice: where they are, how large clusters are, and what a pair looks like."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from codecommons.annotate import store
from codecommons.annotate.annotator import current
from codecommons.archive import slice_roots
from codecommons.archive.tree import shown_path
from codecommons.dedup.clusters import cluster_sizes
from codecommons.dedup.configuration import configured
from codecommons.dedup.texts import read_texts, select_texts
from codecommons.drawing import plain, printable
from codecommons.errors import GateError
from codecommons.lake import Lake
from codecommons.swhid import Swhid, swhid_text

MOST_NAMES = 25
# So many pairs are shown, of so many that are looked at.
_EXAMPLES, _EXAMPLES_TRIED = 3, 99
# An example's texts are at most so long, and it shows so many lines of so many characters.
_EXAMPLE_BYTES, _EXAMPLE_LINES, _EXAMPLE_COLUMNS = 1 << 16, 10, 70


def overview(lake: Lake, slice: str, source: str, files: pl.DataFrame, pairs: pl.DataFrame) -> dict[str, Any]:
    """Describe the duplicates of a slice.

    Args:
        lake: the lake.
        slice: the day.
        source: the source.
        files: the slice's files (columns root, path, content, length).
        pairs: pairs that touch them (columns a, b, similarity, accepted).

    Returns:
        ``duplicates_by_language`` and ``duplicates_by_origin``, where most is repeated first: exact (files that repeat a content
        of the slice, each but the first by root and path); near (of the others, those in an accepted pair); repeated (both);
        files (all of them); rate (the share of them that is repeated). ``cluster_sizes``: how many clusters these accepted pairs
        make, by class of size; one that two sources have files in is told of by both. ``examples``: pairs by name, SWHIDs,
        similarity.
    """
    accepted = pairs.filter("accepted")
    near = pl.concat([accepted["a"], accepted["b"]]).unique()
    marked = files.sort("root", "path").with_columns(exact=~pl.col("content").is_first_distinct())
    marked = marked.with_columns(near=~pl.col("exact") & pl.col("content").is_in(near.implode()))
    language = store.rows(lake, current(lake.settings)["language"]).select("content", "name", "language")
    named = store.named(marked).lazy().join(language, on=["content", "name"], how="left").collect()
    origins = slice_roots(lake, slice, source).select("root", "origin").unique()
    details: dict[str, Any] = {
        "duplicates_by_language": _rates(named, "language"),
        "duplicates_by_origin": _rates(marked.join(origins, on="root"), "origin"),
    }
    if accepted.height:
        details["cluster_sizes"] = {name: {"clusters": count} for name, count in cluster_sizes(accepted).items()}
        details["examples"] = _examples(lake, files, accepted)
    return details


def _rates(files: pl.DataFrame, key: str) -> list[dict[str, Any]]:
    """One row a name, the most repeated files first."""
    counted = files.group_by(name=pl.col(key).fill_null("unknown")).agg(
        repeated=(pl.col("exact") | pl.col("near")).sum(), exact=pl.sum("exact"), near=pl.sum("near"), files=pl.len()
    )
    counted = counted.with_columns(rate=(pl.col("repeated") / pl.col("files")).round(4))
    return counted.sort("repeated", "name", descending=[True, False]).head(MOST_NAMES).to_dicts()


def _examples(lake: Lake, files: pl.DataFrame, accepted: pl.DataFrame) -> list[dict[str, Any]]:
    """Accepted pairs of small, middle and large similarity below 1, among short texts in which nothing private was found.

    No text is in them, as reports are kept for ever: ``differences`` reads the texts when somebody wants to see them.
    """
    unlike = accepted.filter(pl.col("similarity") < 1).sort("similarity", "a", "b")
    some = _spread(unlike, _EXAMPLES_TRIED)
    members = pl.concat([some["a"], some["b"]]).unique()
    found = [store.rows(lake, current(lake.settings)[name]) for name in ("secrets", "personal_data")]
    private = [
        rows.filter(pl.col("content").is_in(members.implode()) & (pl.col("spans").list.len() > 0)).select("content").collect()
        for rows in found
    ]
    texts = select_texts(lake, pl.DataFrame({"sha1_git": members}), configured(lake.settings))
    texts = texts.filter(pl.col("length") <= _EXAMPLE_BYTES)
    shown = texts.join(pl.concat(private), left_on="sha1_git", right_on="content", how="anti")["sha1_git"].implode()
    picked = _spread(some.filter(pl.col("a").is_in(shown) & pl.col("b").is_in(shown)), _EXAMPLES)
    paths = dict(files.sort("path").select("content", "path").unique("content", keep="first", maintain_order=True).iter_rows())
    return [
        {
            "name": " ~ ".join(shown_path(paths[one]) if one in paths else "a content from elsewhere" for one in (a, b)),
            "similarity": round(similarity, 4),
            "a": swhid_text("cnt", a),
            "b": swhid_text("cnt", b),
        }
        for a, b, similarity in picked.select("a", "b", "similarity").iter_rows()
    ]


def _spread(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    """As many rows at most, evenly from the first to the last."""
    if rows.height <= most:
        return rows
    return rows[[round(at * (rows.height - 1) / (most - 1)) for at in range(most)]]


def differences(lake: Lake, examples: Sequence[Mapping[str, Any]]) -> list[str]:
    """What differs in each of the examples of a report, as Markdown: a line that names it, and the first lines of a diff.

    Of what is opted out by now nothing is shown, and nothing at all where nobody can tell.
    """
    # Here, as it compares with pairs: it knows this package.
    from codecommons.optout.reach import out_of_sight

    try:
        hidden = out_of_sight(lake)
    except GateError:
        return []
    ids = {text: Swhid.parse(text).identifier for one in examples for text in (one["a"], one["b"])}
    asked = pl.DataFrame({"sha1_git": pl.Series(list(ids.values()), dtype=pl.Binary)})
    wanted = select_texts(lake, asked, configured(lake.settings))
    texts: dict[bytes, bytes] = {}
    for keys, data in read_texts(lake, wanted):
        texts.update(zip(keys.to_pylist(), data.to_pylist(), strict=True))
    shown = []
    for one in examples:
        a, b = (texts.get(ids[one[side]]) for side in ("a", "b"))
        diff = "their bytes are gone" if a is None or b is None else f"```diff\n{_diff(a, b)}\n```"
        if not hidden.isdisjoint((ids[one["a"]], ids[one["b"]])):
            diff = "opted out"
        # What differs is not shown as 1.00.
        shown.append(f"**{min(one['similarity'], 0.99):.2f}** {plain(one['name'])}\n\n{diff}")
    return shown


def _diff(a: bytes, b: bytes) -> str:
    one, other = (text.decode("utf-8", "replace").splitlines() for text in (a, b))
    lines = [line[:_EXAMPLE_COLUMNS].expandtabs(4) for line in difflib.unified_diff(one, other, n=1, lineterm="")][2:]
    return "\n".join(map(printable, lines[:_EXAMPLE_LINES])).replace("`" * 3, "'" * 3)
