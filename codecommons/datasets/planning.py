# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a dataset would be, before it is built: the same selection, from tables alone.

Of contents it reads a byte only for pairs of an earlier day that no table has (``dedup.pairs_then``).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from codecommons.datasets import shards
from codecommons.datasets.candidates import resolve
from codecommons.datasets.documents.figures import BYTES_PER_TOKEN, rollup
from codecommons.datasets.format import format_for
from codecommons.datasets.losses import alarms
from codecommons.datasets.selection import Step, select
from codecommons.datasets.specification import Specification
from codecommons.engine import local_engine
from codecommons.lake import Lake


@dataclass(frozen=True)
class Plan:
    """Numbers before building.

    Attributes:
        name: of the dataset.
        as_of: its day.
        candidates: files that are looked at.
        rows: files that would be rows; ``bytes`` theirs; ``tokens`` about.
        shards: files that would be written.
        steps: what each rule leaves out, in order.
        languages: value, rows and bytes, most bytes first; ``licenses`` and ``origins`` likewise.
        left_out: slices that have not come through.
        alarms: what near-duplicates would wipe out, so that nothing would be published; a line each.
    """

    name: str
    as_of: str
    candidates: int
    rows: int
    bytes: int
    tokens: int
    shards: int
    steps: tuple[Step, ...]
    languages: list[dict[str, Any]]
    licenses: list[dict[str, Any]]
    origins: list[dict[str, Any]]
    left_out: tuple[str, ...]
    alarms: tuple[str, ...]


def plan(lake: Lake, specification: Specification) -> Plan:
    """Size up a dataset.

    Raises:
        UsageError: the specification refers to something that is not there.
        GateError: no slice has come through the stages before.
    """
    format_for(lake.settings, specification)
    inputs = resolve(lake, specification)
    with contextlib.closing(local_engine(lake.settings)) as engine:
        selection = select(lake, engine, specification.at(inputs.as_of), inputs)
    rows = shards.assign(selection.rows, specification.shard.bits, specification.shard.cap_bytes)
    size = int(rows["length"].sum())
    return Plan(
        name=specification.name,
        as_of=inputs.as_of,
        candidates=selection.rows_in,
        rows=rows.height,
        bytes=size,
        tokens=round(size / BYTES_PER_TOKEN),
        shards=rows["shard"].n_unique(),
        steps=selection.steps,
        languages=rollup(rows, "language", 20),
        licenses=rollup(rows, "license", 20),
        origins=rollup(rows, "origin", 20),
        left_out=inputs.left_out,
        alarms=tuple(alarms(specification.deduplicate, selection.lost)),
    )
