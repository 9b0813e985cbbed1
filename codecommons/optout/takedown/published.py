# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Shards of releases that hold a content: they are deleted, whole, and a note in the release says which. Its manifest stays."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from codecommons.datasets.format import formats
from codecommons.datasets.releases import NOTE, taken_down
from codecommons.datasets.shards import UNREADABLE, opened_shard
from codecommons.lake import Lake
from codecommons.lake.erasing import Erased
from codecommons.lake.storage import lake_errors


@dataclass(frozen=True)
class Withdrawn:
    """A shard that was deleted.

    Attributes:
        release: ``dataset/fingerprint, 12 hex``.
        shard: its file.
    """

    release: str
    shard: str


def withdraw(lake: Lake, contents: pl.Series, takedown: str) -> tuple[list[Withdrawn], Erased]:
    """Delete every shard with a row of one of the contents; killed anywhere, it can be run again.

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
            shards = _shards(lake, folder)
            holding = [name for name, paths in shards.items() if _holds(lake, paths, hexes)]
        note = before | dict.fromkeys(holding, takedown)
        with lake_errors(f"writing {folder}"):
            if note != before:
                lake.fs.pipe_file(f"{folder}/{NOTE}", json.dumps(note, indent=1, sort_keys=True).encode())
            for name in holding:
                for path in reversed(shards[name]):
                    gone += Erased(0, 1, lake.fs.size(path))
                    lake.fs.rm(path)
        found += [Withdrawn(release, name) for name, why in sorted(note.items()) if why == takedown]
    return found, gone


def _shards(lake: Lake, folder: str) -> dict[str, list[str]]:
    """The shards of a release's folder: name -> its files, that of the name first."""
    firsts = {endings[0] for form in formats(lake.settings).values() for endings in form.layouts()}
    together: dict[str, list[str]] = defaultdict(list)
    for path in sorted(lake.fs.glob(f"{folder}/data/*")):
        stem, ending = _split(path)
        together[stem].insert(0 if ending in firsts else len(together[stem]), path)
    return {paths[0].rpartition("/")[2]: paths for paths in together.values()}


def _split(path: str) -> tuple[str, str]:
    """A file's path without its ending, and that, which begins at the first dot of its name."""
    folder, _, name = path.rpartition("/")
    stem, dot, ending = name.partition(".")
    return f"{folder}/{stem}", dot + ending


def _holds(lake: Lake, paths: Sequence[str], hexes: pl.Series) -> bool:
    """Whether a shard has a row of one of the contents; one that can't be read might."""
    there = {_split(path)[1] for path in paths}
    for form in formats(lake.settings).values():
        for endings in form.layouts():
            if set(endings) == there:
                try:
                    with opened_shard(lake, paths[0], endings) as files:
                        named = (rows for column in ("swhid", "before") for rows in form.swhids(files, column))
                        return any(rows.str.slice(10, 40).is_in(hexes).any() for rows in named)
                except UNREADABLE as error:
                    # What the system says, of a disk or a server, is said of no file.
                    if isinstance(error, OSError) and error.errno:
                        raise
    return True
