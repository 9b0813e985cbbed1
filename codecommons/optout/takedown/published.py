# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Shards of releases that hold a content, a NOTICE that quotes it, and a tokenizer that was trained on it.

They are deleted, whole, and a note in the release says which. Its manifest stays.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codecommons.datasets.format import formats
from codecommons.datasets.releases import MARKER, NOTE, sha256_of, taken_down
from codecommons.datasets.shards import UNREADABLE, opened_shard
from codecommons.datasets.tokenizer import FILE as TOKENIZER
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
        shard: its file, ``NOTICE`` or ``tokenizer.json``.
    """

    release: str
    shard: str


def withdraw(lake: Lake, contents: pl.Series, takedown: str) -> tuple[list[Withdrawn], Erased]:
    """Delete every shard that has one of the contents, and what was made of one beside; killed anywhere, it can be run again.

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
    trained = {folder: tokenizer for folder in folders if (tokenizer := _trained(lake, folder))}
    tainted = {trained[folder] for folder in trained if _names(lake, f"{folder}/manifest.parquet", contents)}
    for folder in folders:
        release = folder.removeprefix(f"{root}/")
        before = taken_down(lake, f"datasets/{release}")
        with lake_errors(f"reading {folder}"):
            shards = _shards(lake, folder)
            holding = [name for name, paths in shards.items() if _holds(lake, paths, hexes)]
            shards[NOTICE] = [f"{folder}/{NOTICE}"]
            if lake.fs.exists(f"{folder}/{NOTICE}") and _quotes(lake, f"{folder}/{NOTICE}", {one.hex() for one in contents}):
                holding.append(NOTICE)
            shards[TOKENIZER] = [f"{folder}/{TOKENIZER}"]
            if trained.get(folder) in tainted:
                holding.append(TOKENIZER)
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


def _trained(lake: Lake, folder: str) -> str | None:
    """The sha256 of a release's tokenizer, if it was trained on texts of the dataset: it spells words that were in them twice."""
    with lake_errors(f"reading {folder}"):
        marker = f"{folder}/{MARKER}"
        document = lake.fs.cat_file(marker) if lake.fs.exists(marker) else b"{}"
    try:
        given = json.loads(document)["inputs"]["specification"]["format"]["tokenizer"]
    except (ValueError, KeyError, TypeError):  # not published to its end, or by an earlier version
        given = ""
    return None if given else sha256_of(lake, f"{folder}/{TOKENIZER}")


def _names(lake: Lake, path: str, contents: pl.Series) -> bool:
    """Whether a manifest has a row of one of the contents; where there is none, nobody can tell."""
    with lake_errors(f"reading {path}"):
        if not lake.fs.exists(path):
            return True
        wanted = contents.to_arrow()
        with pq.ParquetFile(path, filesystem=lake.storage.arrow_fs) as manifest:
            columns = [name for name in ("content", "before_content") if name in manifest.schema_arrow.names]
            batches = manifest.iter_batches(columns=columns, use_threads=False)
            return any(
                pc.any(pc.is_in(column, wanted.cast(column.type))).as_py() for batch in batches for column in batch.columns
            )


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


def _quotes(lake: Lake, path: str, hexes: set[str]) -> bool:
    """Whether a NOTICE names one of the contents: what it states stands below."""
    with lake.fs.open(path) as file:
        return any(not hexes.isdisjoint(found[1].decode() for found in _NAMED.finditer(line)) for line in file)
