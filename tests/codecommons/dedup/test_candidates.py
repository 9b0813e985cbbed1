# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest

from codecommons.dedup.candidates import new_pairs


def made(groups, arrived, newcomers, anchors, most):
    """The pairs made when ``newcomers`` join those that have arrived."""
    here = sorted(arrived | newcomers)
    rows = [(group, member) for group in sorted(groups) for member in here if member in groups[group]]
    numbers, members = (
        (np.array(column, np.int64) for column in zip(*rows, strict=True)) if rows else (np.empty(0, np.int64),) * 2
    )
    new = np.array([member in newcomers for member in members.tolist()], bool)
    found = [
        pair
        for low, high in new_pairs(numbers, members, new, anchors, most)
        for pair in zip(low.tolist(), high.tolist(), strict=True)
    ]
    return set(found)


def wanted(groups, members, anchors):
    """Each with each, or in larger groups each with the anchors."""
    pairs = set()
    for group in groups.values():
        inside = sorted(group & members)
        pairs |= {(a, b) for a, b in combinations(inside, 2) if a in inside[:anchors]}
    return pairs


@pytest.mark.parametrize("seed", range(30))
def test_whatever_the_order_of_arrival_all_pairs_of_the_final_set_are_made(seed):
    chance = random.Random(seed)
    members = set(range(chance.randint(0, 30)))
    groups = {g: {m for m in members if chance.random() < chance.choice([0.1, 0.5, 1])} for g in range(5)}
    anchors, most = chance.choice([1, 2, 5, 100]), chance.choice([1, 7, 1 << 20])
    waiting = sorted(members)
    chance.shuffle(waiting)
    arrived, pairs = set(), set()
    while waiting:
        newcomers = {waiting.pop() for _ in range(min(len(waiting), chance.randint(1, 12)))}
        new = made(groups, arrived, newcomers, anchors, most)
        assert all(a < b and (a in newcomers or b in newcomers) for a, b in new)
        pairs |= new
        arrived |= newcomers
    final = wanted(groups, members, anchors)
    assert final <= pairs
    assert made(groups, set(), members, anchors, most) == final


def test_a_crowded_band_costs_members_times_anchors_not_members_squared():
    count, anchors = 100_000, 8
    rows = np.arange(count)
    total = sum(len(low) for low, _ in new_pairs(np.zeros(count, np.int64), rows, np.ones(count, bool), anchors))
    assert total == anchors * count - anchors * (anchors + 1) // 2
