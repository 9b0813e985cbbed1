# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Texts that go with a release, made from the same numbers as its manifest: the dataset card and the licence roll-up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import polars as pl

from codecommons.datasets.shards import MARKS, ROW

_MEANING = {
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
    "similar_to": "the content that stands for this one among near-duplicates; empty for one that stands for itself",
    "similarity": "exact Jaccard similarity to it, of shingles of five words",
    "copies": "eligible files that have this content",
}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"))
_TERMS = """\
This dataset follows the principles of Software Heritage for language models of code: knowledge derived from the archive is given
back under open licences, with documentation and tools; the training data is identified fully and precisely, by SWHID; authors
can exclude their code before training. Every file keeps its original licence (column `license`), whose conditions, such as
attribution, are yours to meet: `NOTICE` and `manifest.parquet` say what and from whom. Update to a newer release when one
appears: it honours what was withdrawn since."""


def rollup(manifest: pl.DataFrame, column: str, most: int | None = None) -> list[dict[str, Any]]:
    """Files and bytes by the values of a column, most bytes first (ties by name): ``{value, rows, bytes}``."""
    grouped = manifest.group_by(value=pl.col(column).fill_null("unknown")).agg(
        rows=pl.len().cast(pl.Int64), bytes=pl.col("length").sum()
    )
    return grouped.sort("bytes", "rows", "value", descending=[True, True, False]).head(most or grouped.height).to_dicts()


def card(document: dict[str, Any], manifest: pl.DataFrame, left_out: Iterable[str]) -> str:
    """The dataset card (README.md), with the front matter that Hugging Face reads.

    Args:
        document: the release's ``fingerprint.json``.
        manifest: its rows.
        left_out: slices that were not there yet.
    """
    inputs, result = document["inputs"], document["result"]
    specification = inputs["specification"]
    weighed = specification["deduplicate"]
    marks = [name for name in MARKS if weighed["keep"] == "all" and (name == "copies" or weighed["threshold"] is not None)]
    size = next((name for limit, name in _SIZES if result["rows"] < limit), "n>10M")
    waiting = "".join(f"\n- {item}" for item in left_out)
    return f"""---
pretty_name: {json.dumps(document["name"])}
license: other
license_name: various
license_link: NOTICE
task_categories: [text-generation]
tags: [code, software-heritage, swhid]
size_categories: [{size}]
configs:
- config_name: default
  data_files: data/*.parquet
---

# {document["name"]}

{specification["description"] or "A dataset of source code."}

| | |
|---|---|
| rows | {result["rows"]:,} |
| bytes of text | {result["text_bytes"]:,} |
| shards | {len(result["shards"]):,} |
| as of | {inputs["as_of"]} |
| licence policy | {inputs["policy"]} |
| fingerprint | `{document["fingerprint"]}` |

Load it with `datasets.load_dataset("parquet", data_files="data/*.parquet")` or `polars.scan_parquet("data/*.parquet")`.
Check it with `codecommons dataset verify {document["name"]} {document["fingerprint"][:12]}`.

## Languages

{_table(rollup(manifest, "language", 20))}

## Licences

{_table(rollup(manifest, "license", 20))}

## Origins

{manifest["origin"].n_unique():,} in all.

{_table(rollup(manifest, "origin", 20))}

## From candidates to rows

{document["candidates"]["rows"]:,} files ({document["candidates"]["bytes"]:,} bytes) were looked at. Each rule left out:

| rule | files | bytes | left |
|---|---:|---:|---:|
{"".join(f"| {step['rule']} | {step['rows']:,} | {step['bytes']:,} | {step['left']:,} |{chr(10)}" for step in document["steps"])}
{f"Slices that had not come through when this was built, so nothing is from them:{chr(10)}{waiting}" if waiting else ""}

## Columns

| column | meaning |
|---|---|
{"".join(f"| {name} | {_MEANING[name]} |{chr(10)}" for name in (*ROW.names, *marks))}
## Terms

{_TERMS}
"""


def notice(document: dict[str, Any], manifest: pl.DataFrame) -> str:
    """The licence roll-up: under every licence, the origins whose files are here under it."""
    lines = [
        f"NOTICE of dataset {document['name']}, as of {document['inputs']['as_of']}",
        "",
        "Every file keeps its own licence. manifest.parquet names it for each file, with the place it comes from.",
    ]
    grouped = manifest.group_by(license=pl.col("license").fill_null("unknown"), origin="origin").agg(
        pl.len(), pl.col("anchor").unique().sort()
    )
    for (license_,), rows in grouped.sort("license", "origin").group_by("license", maintain_order=True):
        lines += ["", f"{license_}: {rows['len'].sum():,} files"]
        for origin, count, anchors in rows.select("origin", "len", "anchor").iter_rows():
            lines += [f"  {origin}: {count:,} files from {', '.join(anchors)}"]
    return "\n".join(lines) + "\n"


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [f"| {_cell(row['value'])} | {row['rows']:,} | {row['bytes']:,} |" for row in rows]
    return "\n".join(["| | files | bytes |", "|---|---:|---:|", *lines])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
