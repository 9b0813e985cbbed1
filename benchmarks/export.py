# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a whole export of Software Heritage would take, from what ``make bench-scale`` measured: ``python -m benchmarks.export``.

Nothing is run: measured seconds and bytes are multiplied, and both go into docs/scale.md. A stage's work goes by bytes or
by contents, and the archive's contents are larger than those of packages, so every figure is a span: the smaller is by what has
been measured a content, the larger by what has been measured a byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import scale
from benchmarks.accuracy import put
from benchmarks.scale import RESULTS, Share, StageCost, slope
from codecommons.settings import Settings

PAGE = Path("docs/scale.md")
SECTION, MEASURED = "A full export", "What was measured"
# Software Heritage on 2026-06-04: contents, and bytes of them.
CONTENTS, BYTES = 27e9, 2e15
CORES = 1000
TASK_BYTES = 256 << 20
SLICES, BUCKETS = 100, 1024
# Of the tables, this one has the contents' bytes; the others' rows are the same for a content of any size.
_BYTES_OF_CONTENTS = "content_data"
_RELEASES = "datasets"


def read(path: Path = RESULTS) -> list[Share]:
    """The shares that were measured, the smallest first.

    Raises:
        SystemExit: nobody has measured any.
    """
    if not path.is_file():
        raise SystemExit(f"{path} is missing: run `make bench-scale` first")
    shares: list[dict[str, Any]] = json.loads(path.read_text())["shares"]
    return [Share(**{**one, "stages": [StageCost(**stage) for stage in one["stages"]]}) for one in shares]


def to_markdown(shares: list[Share], settings: Settings) -> str:
    """The plan's tables."""
    first, last = shares[0], shares[-1]
    by_content, by_byte = CONTENTS / last.contents, BYTES / last.content_bytes
    lines = [
        f"{CONTENTS / 1e9:.0f} billion contents, {BYTES / 1e15:.0f} PB, in {SLICES} slices; {BUCKETS:,} buckets; "
        f"{BYTES / TASK_BYTES / 1e6:.1f} million tasks of {TASK_BYTES >> 20} MB a stage; "
        f"{CORES:,} cores at {settings.core_hour:g} an hour, {settings.gigabyte_month:g} a GB and month.",
        "",
        f"| stage | CPU ms a content | CPU s a GB | core-hours | hours on {CORES:,} cores | cost | grows with power |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    total = [0.0, 0.0]
    for small, stage in zip(first.stages, last.stages, strict=True):
        hours = [stage.cpu_seconds * times / 3600 for times in (by_content, by_byte)]
        total = [sum(pair) for pair in zip(total, hours, strict=True)]
        rates = f"{stage.cpu_seconds / last.contents * 1e3:.2f} | {stage.cpu_seconds / last.content_bytes * 1e9:,.0f}"
        lines.append(f"| {stage.stage} | {rates} | {_spans(hours, settings.core_hour)} | {slope(small, stage):.2f} |")
    lines.append(f"| all five | | | {_spans(total, settings.core_hour)} | |")
    return "\n".join([*lines, "", *_storage(last.tables, last, by_content, by_byte, settings)])


def _spans(hours: list[float], price: float) -> str:
    low, high = hours
    return " | ".join(f"{low * times:,.0f} to {high * times:,.0f}" for times in (1, 1 / CORES, price))


def _storage(tables: Mapping[str, int], share: Share, by_content: float, by_byte: float, settings: Settings) -> list[str]:
    bytes_of = tables[_BYTES_OF_CONTENTS]
    rows = {name: size for name, size in tables.items() if name not in (_BYTES_OF_CONTENTS, _RELEASES)}
    kept = [("bytes of contents", bytes_of * by_byte), ("everything about them", sum(rows.values()) * by_content)]
    largest = sorted(rows.items(), key=lambda item: -item[1])[:4]
    kept += [(f"… of which `{name}`", size * by_content) for name, size in largest]
    lines = ["| kept | TB | a bucket, GB | a month |", "|---|---:|---:|---:|"]
    lines += [
        f"| {what} | {size / 1e12:,.0f} | {size / BUCKETS / 1e9:,.1f} | {size / 1e9 * settings.gigabyte_month:,.0f} |"
        for what, size in kept
    ]
    staged = BYTES / SLICES / 1e12
    keys = share.contents * by_content * 20 / 1e12
    return [
        *lines,
        "",
        f"Beside these: {staged:,.0f} TB while a slice is staged, as nothing is packed before it is merged, and {keys:.2f} TB "
        "of keys that a slice reads of each table that is kept by content, to find what is new.",
    ]


def main() -> None:
    """Put the plan, and what it comes from, into the page."""
    shares = read()
    page = put(PAGE.read_text(), MEASURED, scale.to_markdown(shares))
    PAGE.write_text(put(page, SECTION, to_markdown(shares, Settings.from_environment())))


if __name__ == "__main__":
    main()
