# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""README.md: the dataset card, as Hugging Face shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import polars as pl

from codecommons.datasets.documents.document import Document
from codecommons.datasets.documents.figures import (
    ROWS_ARE,
    TERMS,
    called,
    cell,
    columns,
    escaped,
    kind_of,
    meaning,
    redacted,
    rollup,
    shard_bytes,
    table,
)
from codecommons.datasets.format import ShardFormat, terms_of

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"))


def card(document: dict[str, Any], manifest: pl.DataFrame, left_out: Iterable[str], form: ShardFormat) -> str:
    """The dataset card (README.md), with the front matter that Hugging Face reads.

    Args:
        document: the release's ``fingerprint.json``.
        manifest: its rows.
        left_out: slices that were not there yet.
        form: of the shards.
    """
    asked = terms_of(document).asked
    inputs, result = document["inputs"], document["result"]
    specification = inputs["specification"]
    size = next((name for limit, name in _SIZES if result["rows"] < limit), "n>10M")
    what = called(document)
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
  data_files: data/*{form.records(asked)[0]}
dataset_info:
- config_name: default
  splits:
  - name: train
    num_bytes: {result["text_bytes"]}
    num_examples: {form.examples(manifest, asked)}
  download_size: {shard_bytes(document)}
  dataset_size: {result["text_bytes"]}
---

# {document["name"]}

{cell(specification["description"]) or f"A dataset of {ROWS_ARE[kind_of(document)]}."}

| | |
|---|---|
{_publisher(specification["publisher"])}| rows | {result["rows"]:,} |
| bytes of text | {result["text_bytes"]:,} |
{_tokens(manifest)}| shards | {len(result["shards"]):,} |
| as of | {inputs["as_of"]} |
| licence policy | {inputs["policy"]} |
| fingerprint | `{document["fingerprint"]}` |

{form.loading(asked)}
Check it with `codecommons dataset verify {document["name"]} --release {document["fingerprint"][:12]}`.

| file | what it is |
|---|---|
| `manifest.parquet` | every row by SWHID, with where it is from and its licence |
| `NOTICE` | from whom it is under which licence: copyright statements and licence texts |
| `data-information.md` | what the Open Source AI Definition wants to be known of training data |
| `croissant.json` | the same for loaders and searches |
| `art53.md`, `art53.json` | what a provider of a model says of it under Art. 53(1)(d) of the EU AI Act |
| `fingerprint.json`, `attestation.dsse.json` | all that went in and came out, and a signed statement of it over every file |

## Languages

{_plot("languages")}

{table(rollup(manifest, "language", 20), what)}

## Licences

{_plot("licenses")}

{table(rollup(manifest, "license", 20), what)}

## Origins

{manifest["origin"].n_unique():,} in all.

{_plot("origins")}

{table(rollup(manifest, "origin", 20), what)}

## Sizes

{_plot("sizes")}

## From candidates to rows

{_plot("funnel")}

{document["candidates"]["rows"]:,} {what} ({document["candidates"]["bytes"]:,} bytes) were looked at. Each rule left out:

| rule | {what} | bytes | left |
|---|---:|---:|---:|
{"".join(f"| {step['rule']} | {step['rows']:,} | {step['bytes']:,} | {step['left']:,} |{chr(10)}" for step in document["steps"])}
{f"Slices that had not come through when this was built, so nothing is from them:{chr(10)}{waiting}" if waiting else ""}

## Personal data and secrets

{" ".join(filter(None, (redacted(document), escaped(document))))}

## Columns

| column | meaning |
|---|---|
{"".join(f"| {name} | {meaning(document, name)} |{chr(10)}" for name in columns(document, form))}
## Terms

{TERMS}
"""


def _plot(name: str) -> str:
    return f"![{name}](plots/{name}.svg)"


def _publisher(publisher: dict[str, str]) -> str:
    said = " ".join(filter(None, (publisher["name"], publisher["url"])))
    return f"| publisher | {cell(said)} |\n" if said else ""


def _tokens(manifest: pl.DataFrame) -> str:
    return f"| tokens | {manifest['tokens'].sum():,} |\n" if "tokens" in manifest.columns else ""


DOCUMENT = Document(
    {"README.md": lambda facts: [card(facts.document, facts.manifest, facts.left_out, facts.form)]},
    re.compile(r"^\| rows \| ([\d,]+) \|", re.MULTILINE),
)
