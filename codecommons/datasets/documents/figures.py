# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What several documents of a release say in the same words and numbers."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pyarrow as pa

from codecommons.datasets.format import ShardFormat, terms_of
from codecommons.datasets.rows import CALLED, COMMIT, DISCUSSION, MARKS, ROW, TREE, size
from codecommons.datasets.specification import DISCUSSIONS, PATH

# Measured: a byte-level BPE of 32,000 entries trained on package sources makes one token of 3.1 bytes.
BYTES_PER_TOKEN = 3.1
# Where an origin is that is no address.
OWN = "a folder of the harvester's own"
# Column of a shard -> what it holds.
MEANING = {
    "swhid": "identifier of the file's bytes, with origin, visit, anchor and path",
    "text": "the file as Unicode text",
    "language": "programming language, as Linguist names it",
    "license": "SPDX expression that holds for the file in its tree",
    "license_type": "verdict of the licence policy",
    "origin": "where it was found: URL, or purl of a package",
    "visit": "snapshot of the origin",
    "anchor": "release or revision it belongs to",
    "path": "path in the tree of the anchor",
    "length": "bytes of the original file",
    "encoding": "encoding of the original bytes; they re-hash to the SWHID",
    "redactions": "byte spans of the original that are replaced in `text`",
    "repository": "readable name of the origin",
    "row_in_repository": "place among the rows of its origin in this shard",
    "revision": "of a commit: what it is called",
    "parent": "the revision before it",
    "message": "why it was made, without lines that name people",
    "before": "identifier of the file's bytes before the commit, with origin, visit, anchor and path",
    "before_text": "the file before the commit as Unicode text",
    "before_length": "bytes of that file",
    "before_encoding": "encoding of its bytes",
    "before_redactions": "byte spans of it that are replaced in `before_text`",
    "number": "of a discussion: its number at the forge",
    "title": "what it is called there",
    "state": "opened or closed, as far as events say",
    "completeness": "complete, partial (events are missing) or trimmed (the forge left things out)",
    "users": "people who take part, programs aside",
    "opened_at": "when it was opened, UTC",
    "similar_to": "the content that stands for this one among near-duplicates; empty for one that stands for itself",
    "similarity": "exact Jaccard similarity to it, of shingles of five words",
    "copies": "eligible files that have this content",
    "similar_repository": "the release or revision that stands for the one of this row, with its origin; empty where none does",
    "repository_similarity": "exact Jaccard similarity to it, of sets of contents",
    "token": "where in the shard its tokens begin, counted in tokens",
    "tokens": "how many they are",
    "document": "the document of the shard that they are in, counted from 0",
    "tree_files": "files that the tree of the anchor has",
    "tree_rows": "how many of them are in this dataset",
    "tree_left_out": "how many of them each rule left out",
    "files": "the files whose texts are in `text`: what a row says of each, and from which character (`start`) to which (`end`)",
}
# What of a specification's `deduplicate` has to be set for a mark to be there.
_MARKED_BY = {
    "similar_to": "threshold",
    "similarity": "threshold",
    "copies": "keep",
    "similar_repository": "repositories",
    "repository_similarity": "repositories",
}
TERMS = """\
This dataset follows the principles of Software Heritage for language models of code: knowledge derived from the archive is given
back under open licences, with documentation and tools; the training data is identified fully and precisely, by SWHID; authors
can exclude their code before training. Every file keeps its original licence (column `license`), whose conditions, such as
attribution, are yours to meet: `NOTICE` and `manifest.parquet` say what and from whom. Update to a newer release when one
appears: it honours what was withdrawn since."""


# What rows are -> how documents call them.
ROWS_ARE = {
    "files": "files of source code",
    "commits": "commits that changed one file, with the file before and after",
    "issues": "issues, each with what was said in it as one text",
    "pull_requests": "pull requests, each with what was said in it as one text",
}
# What columns of discussions mean instead.
_OF_TALK = {
    "text": "what was said, as one text in StarCoder2's form",
    "swhid": "identifier of that text before anything was replaced, with origin and number",
    "license": "licence of the repository, by what its forge says",
    "path": "kind and number at the forge",
    "length": "bytes of the text before anything was replaced",
    "encoding": "UTF-8: events are text",
    "redactions": "byte spans of that text that are replaced",
    "visit": "nothing: nobody archives a discussion",
    "anchor": "nothing, likewise",
    "language": "nothing: it is not code",
}


def kind_of(document: dict[str, Any]) -> str:
    """What rows are."""
    return str(document["inputs"]["specification"].get("rows", "files"))


def is_talk(document: dict[str, Any]) -> bool:
    """Whether rows are discussions."""
    return kind_of(document) in DISCUSSIONS


def called(document: dict[str, Any], count: int = 2) -> str:
    """What so many candidates or rows are."""
    one, more = CALLED[kind_of(document)]
    return one if count == 1 else more


def meaning(document: dict[str, Any], column: str) -> str:
    """What a column holds."""
    return (_OF_TALK if is_talk(document) else {}).get(column, MEANING[column])


def harvested(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The slices that rows are from: feeds tell of discussions, all other sources have files."""
    feeds = {one.name for one in pkgutil.iter_modules(import_module("codecommons.annotate.feeds").__path__)}
    return [one for one in document["inputs"]["slices"] if (one["source"] in feeds) == is_talk(document)]


def shard_bytes(document: dict[str, Any]) -> int:
    """Bytes of all files of shards."""
    return sum(part["bytes"] for shard in document["result"]["shards"] for part in (shard, *shard.get("beside", ())))


def redacted(document: dict[str, Any]) -> str:
    """One sentence about what is replaced in texts."""
    specification = document["inputs"]["specification"]
    asked = [
        f"{name} from confidence {specification['redact'][name]} on"
        for name in ("secrets", "personal_data")
        if specification["redact"][name] is not None
    ]
    if not asked:
        return (
            "Source code names its authors, and may hold addresses and secrets that somebody published; nothing is redacted here."
        )
    kept = ", ".join(specification["redact"]["keep"])
    counts = ", ".join(f"{count:,} {kind}" for kind, count in document["redactions"].items())
    what = " and ".join(asked) + (f", but not {kept}" if kept else "")
    return (
        f"Replaced in texts, as far as rules find it: {what} ({counts or 'none found'}). "
        "Column `redactions` says where; what rules don't find is still there."
    )


def escaped(document: dict[str, Any]) -> str:
    """One sentence about tokens that are broken, and in how many rows; nothing where none are."""
    names = ", ".join(document["inputs"]["specification"]["escape"])
    counts = [shard["escaped"] for shard in document["result"]["shards"] if "escaped" in shard]
    where = f" in {sum(counts):,} {called(document, sum(counts))}" if counts else ""
    return f"Tokens of {names} are broken{where} by a zero-width non-joiner after their first character." if names else ""


def marks(specification: dict[str, Any]) -> list[str]:
    """The columns that shards have beyond the usual ones."""
    weighed = specification["deduplicate"]
    told = {"commits": COMMIT, "issues": DISCUSSION, "pull_requests": DISCUSSION}.get(specification.get("rows", "files"), {})
    trees = TREE if specification.get("order", PATH) != PATH else {}
    return [*told, *(name for name in MARKS if weighed["keep"] == "all" and weighed[_MARKED_BY[name]] is not None), *trees]


def columns(document: dict[str, Any], form: ShardFormat) -> dict[str, pa.DataType]:
    """The columns of rows, where readers of tables take them from, and their types."""
    more = COMMIT | DISCUSSION | MARKS | TREE
    every = {one.name: one.type for one in ROW} | {name: more[name] for name in marks(document["inputs"]["specification"])}
    return form.columns(every, terms_of(document).asked)


def rollup(manifest: pl.DataFrame, column: str, most: int | None = None) -> list[dict[str, Any]]:
    """Files and bytes by the values of a column, most bytes first (ties by name): ``{value, rows, bytes}``."""
    grouped = manifest.group_by(value=pl.col(column).fill_null("unknown")).agg(
        rows=pl.len().cast(pl.Int64), bytes=size(manifest).sum()
    )
    return largest(grouped, most)


def largest(grouped: pl.DataFrame, most: int | None = None) -> list[dict[str, Any]]:
    """What ``rollup`` gives, from value, rows and bytes."""
    return grouped.sort("bytes", "rows", "value", descending=[True, True, False]).head(most or grouped.height).to_dicts()


def table(rows: list[dict[str, Any]], what: str = "files") -> str:
    """What ``rollup`` gives, as a Markdown table."""
    lines = [f"| {cell(row['value'])} | {row['rows']:,} | {row['bytes']:,} |" for row in rows]
    return "\n".join([f"| | {what} | bytes |", "|---|---:|---:|", *lines])


def cell(text: str) -> str:
    """A text as a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def domain(origin: str) -> str:
    """The registry or host that an origin is of."""
    if origin.startswith("pkg:"):
        return origin.partition("/")[0]
    return urlsplit(origin).hostname or OWN
