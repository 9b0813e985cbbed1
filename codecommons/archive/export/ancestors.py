# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Every ancestor of some revisions.

A history may be a million generations deep, and a join a generation would take as many readings of the edges. So revisions are
numbered once, the parents of each lie side by side in a file, and the walk back is array look-ups in that file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

_ROWS = 1 << 16


def ancestors(sql: duckdb.DuckDBPyConnection, folder: Path) -> Iterator[pa.Array]:
    """Walk back from table ``sought`` (id) along table ``edge`` (id, parent_id).

    Args:
        sql: the connection; table ``node`` (id, number) stays in it.
        folder: where the files of the walk go.

    Yields:
        Numbers in ``node`` of all ancestors that are no ``sought`` ones without edges, a batch at a time.
    """
    sql.execute(
        "create or replace table node as select id, row_number() over (order by id) - 1 as number "
        "from (select id from edge union select parent_id from edge)"
    )
    [(count,)] = sql.execute("select count(*) from node").fetchall()
    [(edges,)] = sql.execute("select count(*) from edge").fetchall()
    if not count:
        return
    starts = np.memmap(folder / "starts", np.int64, "w+", shape=(count + 1,))
    parents = np.memmap(folder / "parents", np.int64, "w+", shape=(edges,))
    at = 0
    for batch in sql.execute(
        "select child.number, parent.number from edge join node as child on child.id = edge.id "
        "join node as parent on parent.id = edge.parent_id order by child.number"
    ).to_arrow_reader(_ROWS):
        child, parent = (column.to_numpy() for column in batch.columns)
        parents[at : at + len(parent)] = parent
        at += len(parent)
        numbers, counts = np.unique(child, return_counts=True)
        starts[numbers + 1] += counts
    np.cumsum(starts, out=starts)
    reached = np.memmap(folder / "reached", np.bool_, "w+", shape=(count,))
    begun = sql.execute("select number from node where id in (select id from sought) order by number").to_arrow_table()
    frontier = begun["number"].to_numpy()
    reached[frontier] = True
    while len(frontier):
        first, after = starts[frontier], starts[frontier + 1]
        lengths = after - first
        # Positions of all parents of the frontier: for every one a run of its own length.
        offsets = np.repeat(first - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
        found = np.unique(parents[np.arange(lengths.sum()) + offsets])
        frontier = found[~reached[found]]
        reached[frontier] = True
    for low in range(0, count, _ROWS):
        numbers = np.flatnonzero(reached[low : low + _ROWS])
        if len(numbers):
            yield pa.array(numbers + low, pa.int64())
