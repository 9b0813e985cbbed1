# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""data-information.md: what the Open Source AI Definition wants to be known of training data.

It asks for so much that a skilled person can build a substantially equivalent system: a complete description of all data
(provenance, scope and characteristics, how they were obtained and selected, labelling, processing and filtering), a listing of
all that are public with where to get them, and one of all that third parties have, under terms that the OSI has approved.

Source: the Open Source AI Definition 1.0, Open Source Initiative, "Data Information".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from codecommons.datasets.documents.document import Document, Facts
from codecommons.datasets.documents.figures import (
    BYTES_PER_TOKEN,
    OWN,
    called,
    cell,
    domain,
    escaped,
    harvested,
    is_talk,
    redacted,
    rollup,
    table,
)
from codecommons.datasets.rules import LIMITS
from codecommons.drawing import size

# Origins that are listed here; NOTICE lists them all, with the release or revision of each.
MOST_ORIGINS = 1000
# Kind of rows -> what one is.
WHAT = {
    "files": "a file",
    "commits": "a change that a commit made to one file",
    "issues": "a public discussion of an issue at a forge, by its users",
    "pull_requests": "a public discussion of a pull request at a forge, by its users",
}
# Rule -> which files it leaves out. Of limits ``rules.LIMITS`` says what they measure, of filter sets ``Facts.rules``.
RULES = {
    "opt_out": "those whose authors asked for it, in the opt-out ledger or by a marker in the code, and what was taken down",
    "source": "those of other sources or origins than the specification names",
    "language": "those in other languages than the specification names",
    "name": "those with other names than the specification has patterns for",
    "where": "those for which the specification's condition does not hold",
    "no_regular_file": "symbolic links",
    "no_bytes": "those whose bytes the archive does not have",
    "unverified": "those whose bytes were not shown to hash to their SWHID",
    "not_annotated": "those that no annotator has seen",
    "binary": "those that are no text",
    "no_encoding": "those that no known encoding decodes",
    "license": "those whose licence is not worth a verdict that the specification accepts, or is not known",
    "conflict": "those whose text was seen earlier, in any origin, under a licence that is not accepted",
    "generated": "those that a program wrote",
    "vendored": "copies of other projects' files",
    "documentation": "documentation",
    "test": "tests",
    "message": "those whose message the rule set that the specification names does not let pass",
    "before_unreadable": "those whose version before can't be read",
    "no_message": "those whose message is no text",
    "benchmark": "those with an item of a benchmark that the specification names",
    "before_conflict": "those whose version before was seen earlier, in any origin, under a licence that is not accepted",
    "before_benchmark": "those whose version before has such an item",
    "broken_notebook": "notebooks that can't be read, so that no text can be made of them",
    "not_redactable": "those in which not all is known that would have to be replaced",
    "near_repository": "those of repositories that nearly repeat another one",
    "exact_duplicate": "those whose bytes another row has",
    "near_duplicate": "those that an elected similar row stands for",
}


def data_information(facts: Facts) -> Iterator[str]:
    """The statement, section by section as the definition asks."""
    document, manifest = facts.document, facts.manifest
    inputs, result = document["inputs"], document["result"]
    specification, tokens = inputs["specification"], result["text_bytes"] / BYTES_PER_TOKEN
    what = called(document)
    steps = "".join(_step(step, specification, facts.rules) for step in document["steps"])
    labels = "".join(
        f"| {name} | {cell(facts.meanings.get(name, ''))} | {version} |\n" for name, version in inputs["annotators"].items()
    )
    yield f"""# Data information: {document["name"]}

This states of dataset {document["name"]}, as of {inputs["as_of"]}, sha256:{document["fingerprint"]}, what the Open Source AI
Definition 1.0 wants to be known of training data. It may be used under the Apache License 2.0. {_publisher(specification)}

## 1. All data: a complete description

### Provenance

{_from(facts)}
Each of the {result["rows"]:,} rows {_identity(facts)}. The rows were
harvested by source and day:

{_slices(facts)}

A row is {WHAT[specification.get("rows", "files")]}. None was made for this dataset, or bought.

### Scope and characteristics

{result["rows"]:,} rows, {result["text_bytes"]:,} bytes of text (about {tokens:,.0f} tokens, at {BYTES_PER_TOKEN} bytes each),
in {len(result["shards"]):,} shards. {cell(specification["description"])}

By language:

{table(rollup(manifest, "language"), what)}

By licence:

{table(rollup(manifest, "license"), what)}

By verdict of the policy {inputs["policy"]}:

{table(rollup(manifest, "license_type"), what)}

### How the data were obtained

From registries, repositories and archives through their own interfaces. The bytes of every row hash to its SWHID.
{_waiting(facts)}

### How the data were selected

By the specification at the end of this statement. {document["candidates"]["rows"]:,} {what}
({document["candidates"]["bytes"]:,} bytes) were looked at, and these rules were applied to them in this order:

| rule | leaves out | {what} | bytes | left |
|---|---|---:|---:|---:|
{steps}
### Labelling

All labels were made by programs; no person labelled anything, and no model did unless its name says so.

| label | what it says | version |
|---|---|---|
{labels}
Licences were judged by policy {inputs["policy"]}, and similar texts compared by configuration {inputs["pairs"]}.

### Processing and filtering

Bytes are decoded to Unicode; column `encoding` gives them back. {redacted(document)} {escaped(document)}
{_copies(specification["deduplicate"])} Rows are ordered by origin, path and SWHID.
"""
    yield from _public(facts)
    yield f"""
## 3. Data from third parties

None: nothing was licensed or bought, and nothing that is needed to make this dataset again costs a fee.

## Making it again

All that went in is in `fingerprint.json`. In a lake that has the slices above, `codecommons dataset reproduce {document["name"]}`
makes the dataset again and compares it byte for byte; what was opted out or taken down since is left out, and named.

The specification:

{_indented(specification)}
"""


def _public(facts: Facts) -> Iterator[str]:
    result = facts.document["result"]
    names = {origin: domain(origin) for origin in facts.manifest["origin"].unique()}
    hosts = facts.manifest.with_columns(host=pl.col("origin").replace_strict(names, return_dtype=pl.String))
    origins = rollup(facts.manifest, "origin")
    shown, rest = origins[:MOST_ORIGINS], origins[MOST_ORIGINS:]
    own = hosts.filter(pl.col("host") == OWN).height
    public = f"All {result['rows']:,} rows are public."
    if own:
        public = (
            f"{result['rows'] - own:,} of {result['rows']:,} rows are public; {own:,} are from {OWN}, and in the shards alone."
        )
    more = f" The {len(rest):,} others have {size(sum(one['bytes'] for one in rest))}; NOTICE lists them." if rest else ""
    yield f"""
## 2. Public data, and where to get them

{public} `manifest.parquet` (sha256 {result["manifest"]["sha256"]}) lists each by its SWHID,
which resolves at <https://archive.softwareheritage.org> where the archive has it, and by the origin it was taken from. The shards
hold the texts themselves.

By registry or host:

{table(rollup(hosts, "host"))}

By origin, a URL or the purl of a package, the largest first.{more}

{table(shown)}
"""


def _from(facts: Facts) -> str:
    origins, anchors = facts.manifest["origin"].n_unique(), facts.manifest["anchor"].drop_nulls().n_unique()
    if is_talk(facts.document):
        return f"Discussions of {origins:,} origins."
    return f"Files of {origins:,} origins, from {anchors:,} releases and revisions of theirs."


def _identity(facts: Facts) -> str:
    if is_talk(facts.document):
        return "names the text form of a discussion by SWHID, with its origin and number there; no archive has it"
    return "names its bytes by SWHID, with origin, visit, release or revision, and path"


def _slices(facts: Facts) -> str:
    slices = pl.DataFrame(harvested(facts.document)).select("source", "slice").unique()
    days = slices.group_by("source").agg(first=pl.min("slice"), last=pl.max("slice"), days=pl.len()).sort("source")
    lines = [f"| {cell(source)} | {first} | {last} | {count:,} |" for source, first, last, count in days.iter_rows()]
    return "\n".join(["| source | first day | last day | days |", "|---|---|---|---:|", *lines])


def _waiting(facts: Facts) -> str:
    if not facts.left_out:
        return ""
    return f"Nothing is from slices that had not come through yet: {', '.join(facts.left_out)}."


def _step(step: dict[str, Any], specification: dict[str, Any], rules: Mapping[str, str]) -> str:
    rule = step["rule"]
    threshold = specification["filters"].get(rule)
    limit = LIMITS.get(rule)
    told = {**RULES, **rules}
    those = f"those with {'more' if limit.upper else 'less'} than {threshold}: {limit.meaning}" if limit else told.get(rule, "")
    return f"| {rule} | {cell(those)} | {step['rows']:,} | {step['bytes']:,} | {step['left']:,} |\n"


def _copies(asked: dict[str, Any]) -> str:
    """Which duplicates are there, and which copy stands for them."""
    first = f"Of equal files the one that comes first by {', '.join(asked['order'])} is kept"
    if asked["threshold"] is None:
        return f"{first}; similar ones are all kept."
    similar = f"from a Jaccard similarity of {asked['threshold']} on"
    return (
        f"{first}; similar ones, {similar}, are marked."
        if asked["keep"] == "all"
        else f"{first}, and of similar ones, {similar}."
    )


def _publisher(specification: dict[str, Any]) -> str:
    said = " ".join(filter(None, (specification["publisher"]["name"], specification["publisher"]["url"])))
    return f"It is published by {cell(said)}." if said else ""


def _indented(specification: dict[str, Any]) -> str:
    """JSON as Markdown shows it as it is, whatever it holds."""
    lines = json.dumps(specification, indent=1, sort_keys=True, ensure_ascii=False).splitlines()
    return "\n".join(f"    {line}" for line in lines)


DOCUMENT = Document({"data-information.md": data_information}, re.compile(r"^Each of the ([\d,]+) rows", re.MULTILINE))
