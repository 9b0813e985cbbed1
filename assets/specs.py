# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How assets are declared: everything the catalogue shows of one, from the table behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import dagster as dg

from assets.metadata import OWNERS, column_schema
from assets.partitions import SLICES
from codecommons.lake.schemas import Table
from codecommons.lake.stages import code_version

SCOPES = {
    "content": "Keyed by identifier, append-only: the same row whichever slice brings it.",
    "slice": "News of a slice; readers see the attempt that `slice_log` names.",
    "log": "The lake's own bookkeeping.",
    "dataset": "Belongs to one release of a dataset.",
}


def table_spec(
    prefix: str,
    table: Table,
    stage: str,
    deps: Iterable[dg.CoercibleToAssetDep] = (),
    partitions: dg.PartitionsDefinition = SLICES,
    version: str | None = None,
) -> dg.AssetSpec:
    """One table that a step of a stage writes, as the asset ``prefix/table``."""
    return dg.AssetSpec(
        key=[prefix, table.name],
        deps=deps,
        group_name=stage,
        description=f"{table.description} {SCOPES[table.scope]}",
        metadata={"dagster/column_schema": column_schema(table), "dagster/table_name": table.name},
        kinds={"deltalake", "polars"},
        owners=OWNERS,
        tags={"stage": stage, "scope": table.scope},
        code_version=version or code_version(),
        partitions_def=partitions,
    )


def stage_spec(
    stage: str,
    description: str,
    deps: Sequence[dg.CoercibleToAssetDep],
    partitions: dg.PartitionsDefinition = SLICES,
    kinds: Iterable[str] = ("deltalake",),
) -> dg.AssetSpec:
    """The asset that closes a stage; it has the stage's name, its checks, and its report as metadata."""
    return dg.AssetSpec(
        key=stage,
        deps=deps,
        group_name=stage,
        description=description,
        kinds=set(kinds),
        owners=OWNERS,
        tags={"stage": stage},
        code_version=code_version(),
        partitions_def=partitions,
    )
