# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""art53.json and art53.md: what a provider of a model says of this release under Art. 53(1)(d) of the EU AI Act.

The fields are those of the Commission's template for the public summary of training content (C(2025) 8311). The Act binds whoever
places a model on the market, so this is a feed: what the release knows is filled in, what only the provider knows says so.

Source: the template of 24 July 2025, sections and labels as filed summaries have them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import polars as pl

from codecommons.datasets.documents.document import Document
from codecommons.datasets.documents.figures import BYTES_PER_TOKEN, called, domain, harvested, rollup

# Upper bounds in tokens of the template's bands for text.
_BANDS = ((10**9, "less than 1 billion tokens"), (10**13, "1 billion to 10 trillion tokens"))
PROVIDER = "to be filled in by the provider of the model"
# The template asks for the most relevant tenth of domain names, by the size of what is from them.
_DOMAINS = 0.1


class Field(NamedTuple):
    """One field of the template.

    Attributes:
        section: its number.
        label: its words.
        value: the answer; null where only the provider of a model knows.
    """

    section: str
    label: str
    value: str | None


def fields(document: dict[str, Any], manifest: pl.DataFrame) -> list[Field]:
    """Every field of the template, in its order.

    Args:
        document: the release's ``fingerprint.json``.
        manifest: its rows.
    """
    return [Field(*one) for one in _fields(document, manifest)]


def _fields(document: dict[str, Any], manifest: pl.DataFrame) -> Iterator[tuple[str, str, str | None]]:
    inputs, result = document["inputs"], document["result"]
    year, month, day = inputs["as_of"].split("-")
    tokens = result["text_bytes"] / BYTES_PER_TOKEN
    band = next((name for limit, name in _BANDS if tokens < limit), "more than 10 trillion tokens")
    sources = sorted({one["source"] for one in harvested(document)})
    slices = sorted({one["slice"] for one in harvested(document)})
    languages = ", ".join(f"{one['value']} ({one['bytes']:,} bytes)" for one in rollup(manifest, "language", 20))
    what = called(document)
    gone = {step["rule"]: step for step in document["steps"]}
    opted_out = gone.get("opt_out", {"rows": 0, "bytes": 0})
    release = f"{document['name']}, as of {inputs['as_of']}, sha256:{document['fingerprint']}"

    yield "Head", "Version of the summary", f"of {release}"
    yield "Head", "Last update", f"{day}/{month}/{year}"
    yield "Head", "Link to previous versions", None
    yield "1.1", "Provider name and contact details", None
    yield "1.1", "Authorised representative name and contact details", None
    yield "1.2", "Versioned model name(s)", None
    yield "1.2", "Model dependencies", None
    yield "1.2", "Date of placement of the model on the Union market", None
    yield "1.3", "Text: present", "Yes"
    size = f"{result['text_bytes']:,} bytes of text in {result['rows']:,} {what}"
    yield "1.3", "Text: size", f"{band} (about {tokens:,.0f}, at {BYTES_PER_TOKEN} bytes a token; {size})"
    yield "1.3", "Text: types of content", f"Source code and the texts beside it: {languages}"
    for modality in ("Image", "Audio", "Video", "Other"):
        yield "1.3", f"{modality}: present", "No"
    yield (
        "1.3",
        "Latest date of data acquisition or collection",
        f"{slices[-1][5:7]}/{slices[-1][:4]}; this release is not added to afterwards",
    )
    yield (
        "1.3",
        "Linguistic characteristics",
        "Identifiers, comments and documentation of source code; natural languages are not told apart",
    )
    yield (
        "1.3",
        "Other relevant characteristics",
        "Not applicable: source code has no national, regional or demographic scope",
    )
    yield (
        "1.3",
        "Additional comments",
        "The number of tokens is estimated from bytes; texts are counted uncompressed, after all rules",
    )
    yield "2.1", "Publicly available datasets used", "Yes"
    yield "2.1", "Modalities", "Text"
    brought = f"harvested from {', '.join(sources)} in the slices of {slices[0]} to {slices[-1]}"
    chosen = "; ".join(f"{step['rule']} left out {step['rows']:,} {what}" for step in document["steps"] if step["rows"])
    yield (
        "2.1",
        "List of large publicly available datasets",
        f"{release}: {brought}. Selected from {document['candidates']['rows']:,} {what}: {chosen or 'all'}",
    )
    yield "2.1", "General description of other publicly available datasets", "Not applicable: there are no others"
    yield "2.1", "Comments", "manifest.parquet names every file by SWHID, with origin, visit, anchor, path and licence"
    yield "2.2.1", "Transactional commercial licensing agreements with rightsholders", "No"
    yield "2.2.1", "Modalities", "Not applicable"
    yield "2.2.2", "Private datasets from other third parties", "No"
    yield "2.2.2", "Modalities, known ones, and a general description of others", "Not applicable"
    yield (
        "2.3",
        "Crawlers used by or on behalf of the provider",
        "No: files were taken from registries, repositories and archives through their own interfaces",
    )
    yield "2.3", "Crawler names, purposes, behaviour and period", "Not applicable"
    yield "2.3", "Description of content and sources", f"{manifest['origin'].n_unique():,} origins, {brought}"
    yield "2.3", "Modality", "Text"
    yield "2.3", "Summary of the most relevant domain names", _domains(manifest)
    yield "2.3", "Comments", "Packages stand under their registry, as a package's origin is its purl"
    yield "2.4", "User data from the model or from other services", "No"
    yield "2.4", "Description and modality", "Not applicable"
    yield "2.5", "Synthetic data created by or for the provider", "No"
    yield "2.5", "Modality and models used", "Not applicable"
    yield "2.6", "Other sources", "No"
    yield "3.1", "Signatory to the General-Purpose AI Code of Practice", None
    honoured = (
        f"{opted_out['rows']:,} {what} ({opted_out['bytes']:,} bytes) were left out as their authors asked, or by markers in them"
    )
    yield (
        "3.1",
        "Measures to respect reservations of rights",
        f"{honoured}; the opt-out ledger stood at {inputs['opt_out']}. Licences: policy {inputs['policy']}",
    )
    yield "3.1", "Comments", "Authors get a signed receipt that proves the removal"
    yield (
        "3.2",
        "Removal of illegal content",
        "What was taken down is erased from the archive and refused when it comes again; nothing "
        "else was removed for this reason",
    )
    yield (
        "3.3",
        "Other information",
        f"Merkle root over the SWHIDs of all rows: {result['merkle']['swhids']['root']}",
    )


def _domains(manifest: pl.DataFrame) -> str:
    """The most relevant tenth of the domain names, by bytes."""
    names = {origin: domain(origin) for origin in manifest["origin"].unique()}
    named = manifest.with_columns(domain=pl.col("origin").replace_strict(names, return_dtype=pl.String))
    every = rollup(named, "domain")
    told = every[: max(1, round(_DOMAINS * len(every)))]
    return f"{len(told)} of {len(every)}: " + ", ".join(f"{one['value']} ({one['bytes']:,} bytes)" for one in told)


def summary_json(document: dict[str, Any], manifest: pl.DataFrame) -> str:
    """The feed, for a program."""
    rows = [{**one._asdict(), "by": "release" if one.value is not None else "provider"} for one in fields(document, manifest)]
    told = {"template": "C(2025) 8311", "release": document["fingerprint"], "fields": rows}
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def summary_markdown(document: dict[str, Any], manifest: pl.DataFrame) -> str:
    """The feed, for a person."""
    lines = [
        f"# Summary of training content: {document['name']}",
        "",
        "Under Art. 53(1)(d) of the EU AI Act the provider of a model publishes this. What the dataset knows is filled in.",
        "",
        "| § | field | |",
        "|---|---|---|",
    ]
    for section, label, value in fields(document, manifest):
        said = value if value is not None else f"**{PROVIDER}**"
        cell = said.replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {section} | {label} | {cell} |")
    return "\n".join(lines) + "\n"


DOCUMENT = Document(
    {
        "art53.json": lambda facts: [summary_json(facts.document, facts.manifest)],
        "art53.md": lambda facts: [summary_markdown(facts.document, facts.manifest)],
    },
    re.compile(r"bytes of text in ([\d,]+) "),
)
