# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""NOTICE: from whom under which licence, with the copyright statements and licence texts that licences ask to pass on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from textwrap import fill
from typing import Any

import polars as pl

from codecommons.datasets.attribution import Attributions
from codecommons.datasets.documents.document import Document, Facts
from codecommons.datasets.documents.figures import called
from codecommons.license.texts import texts
from codecommons.swhid import Swhid

_WIDTH = 100
_TOP = "=" * _WIDTH


def notice(facts: Facts) -> Iterator[str]:
    """For every licence the origins whose files are here under it, with the files that say so and the copyright statements there.

    At the end are the texts of all licences that are named.
    """
    manifest = facts.manifest.with_columns(pl.col("license").fill_null("unknown"))
    yield _head(facts)
    places = facts.attributions.files.group_by("license", "origin", maintain_order=True).agg(
        files=pl.struct("anchor", "path", "content")
    )
    grouped = manifest.group_by("license", "origin").agg(pl.len(), pl.col("anchor").drop_nulls().unique().sort())
    grouped = grouped.join(places, on=["license", "origin"], how="left").sort("license", "origin")
    for (license_,), rows in grouped.group_by("license", maintain_order=True):
        yield f"\n{_TOP}\n{license_}: {_counted(facts, int(rows['len'].sum()))}\n"
        for origin, count, anchors, files in rows.select("origin", "len", "anchor", "files").iter_rows():
            yield f"\n  {origin}: {_counted(facts, count)}{' from ' * bool(anchors)}{', '.join(anchors)}\n"
            yield from _files(origin, files or (), facts.attributions)
    for name, text in texts(manifest["license"].unique().sort()).items():
        yield f"\n{_TOP}\nThe text of {name}\n\n{text}\n"


def _counted(facts: Facts, rows: int) -> str:
    return f"{rows:,} {called(facts.document, rows)}"


def _files(origin: str, files: Iterable[dict[str, Any]], found: Attributions) -> Iterator[str]:
    """Where each file is, and what is stated there and was not in one before."""
    told: set[str] = set()
    for one in files:
        said = [text for text in found.statements.get(one["content"], ()) if text not in told]
        told.update(said)
        yield f"    {Swhid('cnt', one['content'], origin=origin, anchor=one['anchor'], path=b'/' + one['path'])}\n"
        yield from (f"      {text}\n" for text in said)
        if not found.whole(one["content"]):
            yield "      … and more in the file\n"


def _head(facts: Facts) -> str:
    document = facts.document
    paragraphs = (
        f"The {document['result']['rows']:,} rows of this dataset keep the licences they came with; manifest.parquet names the "
        "licence of each, and the place it comes from. Below are, by licence, the origins, the files beside or above theirs that "
        "state licence or copyright, by SWHID, and the copyright statements in those, as written and each once. The texts of the "
        "licences are at the end, without what a project may have changed in its own, which the SWHID names.",
        _rows_own(document["inputs"]["specification"]["redact"]),
    )
    title = f"NOTICE of dataset {document['name']}, as of {document['inputs']['as_of']}, sha256:{document['fingerprint']}"
    return "\n\n".join([title, *(fill(one, _WIDTH) for one in paragraphs)]) + "\n"


def _rows_own(redact: dict[str, Any]) -> str:
    """What becomes of notices in the files themselves, and of what is replaced in texts."""
    own = "What a file of the dataset states itself stands in its own text (column `text`) and is not repeated here."
    if redact["secrets"] is None and redact["personal_data"] is None:
        return own
    gone = redact["personal_data"] is not None and "name" not in redact["keep"]
    names = " There names are replaced, so that who is named has to be looked up in the file that the row's SWHID names." * gone
    return f"{own}{names} Here names stay, as licences ask for; what else the dataset replaces in texts is replaced here, too."


DOCUMENT = Document({"NOTICE": notice}, re.compile(r"^The ([\d,]+) rows", re.MULTILINE))
