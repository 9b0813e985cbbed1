# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.dedup.clusters import cluster_sizes, components

EDGES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=20)


def spread(edges):
    """The component of every member by relabelling until nothing changes."""
    name = list(range(13))
    for _ in name:
        for left, right in edges:
            name[left] = name[right] = min(name[left], name[right])
    return name


# The first example also compiles.
@settings(deadline=None)
@given(EDGES)
def test_every_pair_bears_the_smallest_member_it_is_connected_with(edges):
    left, right = np.array(edges, np.int64).reshape(-1, 2).T.copy()
    name = spread(edges)
    assert components(left, right, 13).tolist() == [name[one] for one, _ in edges]


@settings(deadline=None)
@given(EDGES)
def test_cluster_sizes_count_the_members_that_pairs_connect(edges):
    edges = [(left, right) for left, right in edges if left != right]
    name = spread(edges)
    members = {one for edge in edges for one in edge}
    sizes = [sum(name[other] == root for other in members) for root in {name[one] for one in members}]
    wanted = {"2": 2, "3": 3, "4 to 5": 5, "6 to 10": 10, "11 to 20": 20}
    low = dict(zip(wanted, [2, 3, 4, 6, 11], strict=True))
    counted = {label: sum(low[label] <= size <= high for size in sizes) for label, high in wanted.items()}
    pairs = pl.DataFrame([(b"%d" % a, b"%d" % b) for a, b in edges], schema={"a": pl.Binary, "b": pl.Binary}, orient="row")
    assert cluster_sizes(pairs) == {label: count for label, count in counted.items() if count}
