# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Shards of releases that hold a content, and a NOTICE that quotes it.

They are deleted, whole, and a note in the release says which. Its manifest stays.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import polars as pl
import pyarrow.parquet as pq

from codecommons.datasets.releases import NOTE, taken_down
from codecommons.lake import Lake
from codecommons.lake.erasing import Erased
from codecommons.lake.storage import lake_errors

NOTICE = "NOTICE"
_NAMED = re.compile(rb"swh:1:cnt:([0-9a-f]{40})")


@dataclass(frozen=True)
class Withdrawn:
    """A shard that was deleted.

    Attributes:
        release: ``dataset/fingerprint, 12 hex``.
        shard: its file, or ``NOTICE``.
    """

    release: str
    shard: str


def withdraw(lake: Lake, contents: pl.Series, takedown: str) -> tuple[list[Withdrawn], Erased]:
    """Delete every shard that has one of the contents, and every NOTICE that quotes one; killed anywhere, it can be run again.

    Args:
        lake: the lake.
        contents: sha1_git.
        takedown: its name in the ledger, which the note gives as the reason.

    Returns:
        All that this takedown has deleted, now or before, by release and shard; and what went now.

    Raises:
        LakeError: a release can't be read or written.
    """
    hexes = pl.Series([content.hex() for content in contents], dtype=pl.String).implode()
    root = lake.path("datasets")
    with lake_errors(f"reading {root}"):
        folders = sorted(path for path in lake.fs.glob(f"{root}/*/*") if lake.fs.isdir(path))
    found, gone = [], Erased()
    for folder in folders:
        release = folder.removeprefix(f"{root}/")
        before = taken_down(lake, f"datasets/{release}")
        with lake_errors(f"reading {folder}"):
            shards = {path.rpartition("/")[2]: path for path in sorted(lake.fs.glob(f"{folder}/data/*.parquet"))}
            holding = [name for name, path in shards.items() if _holds(lake, path, hexes)]
            shards[NOTICE] = f"{folder}/{NOTICE}"
            if lake.fs.exists(shards[NOTICE]) and _quotes(lake, shards[NOTICE], {content.hex() for content in contents}):
                holding.append(NOTICE)
        note = before | dict.fromkeys(holding, takedown)
        with lake_errors(f"writing {folder}"):
            if note != before:
                lake.fs.pipe_file(f"{folder}/{NOTE}", json.dumps(note, indent=1, sort_keys=True).encode())
            for name in holding:
                gone += Erased(0, 1, lake.fs.size(shards[name]))
                lake.fs.rm(shards[name])
        found += [Withdrawn(release, name) for name, why in sorted(note.items()) if why == takedown]
    return found, gone


def _holds(lake: Lake, path: str, hexes: pl.Series) -> bool:
    """Whether a shard has a row of one of the contents; one that can't be read might."""
    try:
        with lake.fs.open(path) as file:
            parquet = pq.ParquetFile(file)
            columns = [name for name in ("swhid", "before") if name in parquet.schema_arrow.names]
            for batch in parquet.iter_batches(columns=columns or ["swhid"], use_threads=False):
                if pl.DataFrame(batch).select(pl.any_horizontal(pl.all().str.slice(10, 40).is_in(hexes)).any()).item():
                    return True
    except (ValueError, KeyError):
        return True
    return False


def _quotes(lake: Lake, path: str, hexes: set[str]) -> bool:
    """Whether a NOTICE names one of the contents: what it states stands below."""
    with lake.fs.open(path) as file:
        return any(not hexes.isdisjoint(found[1].decode() for found in _NAMED.finditer(line)) for line in file)
