# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What was decided of a file in the tree of the commit that brought it, had anybody asked.

Nobody has resolved the trees of histories, and few of their files matter: the file itself and, in the folders on its way up, what
speaks for others by its name. Those are read here, and what no annotator has seen is annotated in passing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from codecommons.annotate import store
from codecommons.annotate.annotator import Annotator, current
from codecommons.annotate.annotators.license_evidence import is_license_file
from codecommons.annotate.stage import batches
from codecommons.lake import Lake
from codecommons.license.evidence import known
from codecommons.license.lists import HOMES, SIDECAR
from codecommons.license.policy import Policy
from codecommons.license.resolve import ANNOTATORS, ENVIRONMENT, RESOLUTIONS
from codecommons.swhid import SYMLINK_PERMS

_PLACE = ["root", "path", "content"]
_STATEMENT = ["expression", "otherwise"]


def as_it_came(lake: Lake, places: pl.DataFrame, judging: Policy) -> pl.DataFrame:
    """Decide on contents where commits brought them.

    Args:
        lake: the lake.
        places: columns revision, content and path (binary): commits, what they brought, and where that may have been.
        judging: the policy.

    Returns:
        revision, content, and the verdict of each path that had the content in the commit's tree; nothing of trees that are not
        here, or in which something that may speak for the file can't be read.
    """
    asked = places.select("revision", "content").unique().lazy()
    brought = lake.scan("introduced").select(places.columns).drop_nulls().join(asked, on=["revision", "content"], how="semi")
    trees = lake.scan("revision").select(revision="id", root="directory").join(asked, on="revision", how="semi").collect()
    there = pl.concat([places, brought.collect()]).unique().join(trees, on="revision")
    files = _around(lake, there.select("root", "path").unique())
    said = {annotator.name: _said(lake, annotator, files) for annotator in map(current(lake.settings).__getitem__, ANNOTATORS)}
    files = store.named(files)
    unread = files.join(said["license_evidence"], on=["content", "name"], how="anti")["root"].unique()
    files = files.filter(~pl.col("root").is_in(unread.implode()))
    rows = RESOLUTIONS[judging.resolution](known(files, lambda name: said[name].lazy())).select(*_PLACE, *_STATEMENT)
    rows = rows.join(there, on=_PLACE)
    stated = rows.select(_STATEMENT).unique(maintain_order=True)
    worth = [judging.decide(*row)[1].verdict for row in stated.iter_rows()]
    stated = stated.with_columns(verdict=pl.Series(worth, dtype=pl.String))
    return rows.join(stated, on=_STATEMENT).select("revision", "content", "verdict")


def _around(lake: Lake, places: pl.DataFrame) -> pl.DataFrame:
    """The files at places of trees (root, path), and those that may speak for them by their names; as root, path and content."""
    parts = pl.Series(pc.split_pattern(places["path"].to_arrow().cast(pa.binary()), b"/"), dtype=pl.List(pl.Binary))
    speaks = _may_speak(lake)
    front = places.select("root", directory="root", folder=pl.lit(b""), parts=parts)
    entries = lake.scan("directory_entry").filter(pl.col("perms") != SYMLINK_PERMS).rename({"directory_id": "directory"})
    found = [front.select("root", path="folder", content="directory").clear()]
    while front.height:
        front = front.with_columns(name=pl.col("parts").list.first(), parts=pl.col("parts").list.slice(1))
        here = entries.join(front.select("directory").unique().lazy(), on="directory", how="semi")
        names = here.select(pl.col("name").unique()).collect(engine="streaming")["name"]
        homes = names.filter(_each(names, lambda name: name.lower() in HOMES))
        beside = pl.Series([name.removesuffix(SIDECAR) for name in names if name.endswith(SIDECAR)], dtype=pl.Binary)
        asked = [names.filter(_each(names, speaks)), beside, homes, front["name"].drop_nulls()]
        wanted = pl.concat([one.alias("name") for one in asked]).unique().to_frame().lazy()
        listed = here.join(wanted, on="name", how="semi").select("directory", "name", "type", "target")
        inside = front.select("root", "directory", "folder").unique().join(listed.collect(engine="streaming"), on="directory")
        inside = inside.with_columns(path=_joined(inside["folder"], inside["name"]))
        found.append(inside.filter(type="file").select("root", "path", content="target"))
        folders = inside.filter(type="dir")
        onward = front.filter(pl.col("parts").list.len() > 0).drop("directory").join(folders, on=["root", "folder", "name"])
        # Some lists of licences have a folder for themselves, from which no way goes on.
        aside = folders.filter(pl.col("name").is_in(homes.implode())).with_columns(parts=pl.lit([], parts.dtype))
        front = pl.concat([one.select("root", "target", "path", "parts") for one in (onward, aside)])
        front = front.select("root", directory="target", folder=_joined(front["path"], b"/"), parts="parts")
    return pl.concat(found).unique().sort(_PLACE)


def _joined(first: pl.Series, second: pl.Series | bytes) -> pl.Series:
    parts = [one.to_arrow().cast(pa.binary()) if isinstance(one, pl.Series) else one for one in (first, second)]
    return pl.Series(pc.binary_join_element_wise(*parts, b""), dtype=pl.Binary)


def _each(names: pl.Series, true: Callable[[bytes], bool]) -> pl.Series:
    return pl.Series([true(name) for name in names], dtype=pl.Boolean)


def _may_speak(lake: Lake) -> Callable[[bytes], bool]:
    """Whether a file of a name may say something of other files."""
    wanting = [one for one in map(current(lake.settings).__getitem__, ANNOTATORS) if one.names]

    def speaks(name: bytes) -> bool:
        by_name = is_license_file(name) or name.endswith(SIDECAR) or name == ENVIRONMENT
        return by_name or any(annotator.wants(name) for annotator in wanting)

    return speaks


def _said(lake: Lake, annotator: Annotator, files: pl.DataFrame) -> pl.DataFrame:
    """What an annotator says of files: what it has said, and what it says now of those that only a history has."""
    wanted = store.units(annotator, files)
    key = [name for name in wanted.columns if name != "path"]
    said = store.rows(lake, annotator).join(wanted.lazy().select(key), on=key, how="semi").drop("bucket", strict=False).collect()
    new = wanted.join(said, on=key, how="anti")
    answers = [pl.DataFrame(replace(annotator, pinned=None).run(batch)) for batch in _batches(lake, annotator, new)]
    return pl.concat([said, *(answer.cast(said.schema) for answer in answers)])


def _batches(lake: Lake, annotator: Annotator, units: pl.DataFrame) -> Iterator[pa.RecordBatch]:
    if units.height and annotator.prepare:
        annotator.prepare(lake.settings.cache)
    if annotator.input == "path":
        columns = {column.name: column.to_arrow().cast(pa.binary()) for column in units.get_columns()}
        yield pa.record_batch(columns)
        return
    for contents in lake.contents(units.select(sha1_git="content")):
        yield from batches(contents, units, lake.settings.batch_bytes)
