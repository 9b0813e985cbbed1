# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Small files of many slices become large ones; no row changes, and who reads at the same time goes on."""

from __future__ import annotations

from codecommons.annotate.annotator import current
from codecommons.dedup.tables import TABLES as DEDUP_TABLES
from codecommons.engine import Engine
from codecommons.lake import Lake
from codecommons.lake.lake import MOST_FILES


def compact(lake: Lake, engine: Engine, most: int = MOST_FILES) -> dict[str, tuple[int, int]]:
    """Merge the files of every bucket of every table that has more than ``most``.

    Returns:
        Table -> files before and after, of the buckets that were merged; tables of which nothing was are not in it.

    Raises:
        LakeError: a table can't be read or written; what was merged stays so.
    """
    there = {table.name for table in lake.stored()}
    for table in (*DEDUP_TABLES, *(annotator.table for annotator in current(lake.settings).values())):
        if table.name in there:
            lake.register(table)
    with lake.staging("compact"):  # a sign of life: what is written and not yet committed is nobody's garbage
        merged = {name: lake.compact(engine, name, most) for name in sorted(lake.tables()) if name in there}
    return {name: files for name, files in merged.items() if files[0]}
