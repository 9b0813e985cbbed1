# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""NOTICE: the licence roll-up, from whom under which licence."""

from __future__ import annotations

from typing import Any

import polars as pl


def notice(document: dict[str, Any], manifest: pl.DataFrame) -> str:
    """The licence roll-up: under every licence, the origins whose files are here under it."""
    lines = [
        f"NOTICE of dataset {document['name']}, as of {document['inputs']['as_of']}",
        "",
        "Every file keeps its own licence. manifest.parquet names it for each file, with the place it comes from.",
    ]
    grouped = manifest.group_by(license=pl.col("license").fill_null("unknown"), origin="origin").agg(
        pl.len(), pl.col("anchor").drop_nulls().unique().sort()
    )
    for (license_,), rows in grouped.sort("license", "origin").group_by("license", maintain_order=True):
        lines += ["", f"{license_}: {rows['len'].sum():,} files"]
        for origin, count, anchors in rows.select("origin", "len", "anchor").iter_rows():
            lines += [f"  {origin}: {count:,} files" + (f" from {', '.join(anchors)}" if anchors else "")]
    return "\n".join(lines) + "\n"
