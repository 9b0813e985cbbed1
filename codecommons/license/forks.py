# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Whose decision on a file holds, of several places that have had it since the same commit, or since the same time.

Forks share the commit that brought a file, and may say unlike things of it today. That commit has one tree, so it is asked: a
decision holds before others where the file stood at its path then, and so did what the decision rests on, in these words or in
others that say the same of licences (a year more, another version in a manifest), and nothing has come to that which names
another licence. What came later is a change of licence, by whom nobody can tell. Where that leaves several, or none, the
strictest of them holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from codecommons.annotate.annotator import current
from codecommons.lake import Lake
from codecommons.license.forge import FORGE
from codecommons.license.policy import CONFLICT, VERDICTS
from codecommons.swhid import Swhid

_STRICTNESS = {verdict: at for at, verdict in enumerate((*VERDICTS, CONFLICT))}
# Who tells what a file says of licences, and in which columns: not on which lines.
_SAYING = {"license_evidence": ("stated", "unread"), "project_metadata": ("license", "license_raw"), "file_licenses": ("files",)}
_NAMING = ("stated", "license")
_PLACE = ["revision", "path"]
_EVIDENCE = pl.Schema({"claim": pl.UInt32, "revision": pl.Binary, "path": pl.Binary, "content": pl.Binary})


def holding(lake: Lake, claims: pl.DataFrame, decisions: pl.LazyFrame) -> pl.DataFrame:
    """Leave out decisions that others hold before.

    Args:
        lake: the lake.
        claims: the places that have had a text since the same time: text (whatever names it), content, root and path (binary),
            origin, revision (binary: the commit that brought it, null where none did), verdict and rule of the decision there,
            null without one; and what else is to be kept.
        decisions: root, path, and evidence of the decisions of trees, in which that of forges need not be.

    Returns:
        Some of the rows, of each text at least one, in no order; those of one text have the same verdict. No decision is the
        strictest of all.
    """
    claims = claims.with_columns(
        strictness=pl.col("verdict").replace_strict(_STRICTNESS, default=len(_STRICTNESS), return_dtype=pl.Int8)
    )
    unlike = pl.col("strictness").n_unique().over("text") > 1
    contested = claims.filter(unlike)
    if contested.height:
        claims = pl.concat([claims.filter(~unlike), _as_it_came(lake, contested, decisions.select("root", "path", "evidence"))])
    return claims.filter(pl.col("strictness") == pl.col("strictness").max().over("text")).drop("strictness")


def _as_it_came(lake: Lake, claims: pl.DataFrame, decisions: pl.LazyFrame) -> pl.DataFrame:
    """Of each text the claims that were true when it came; all of them, where none was or nobody can tell."""
    claims = claims.with_row_index("claim")
    # What a forge shows today it need not have shown then.
    in_tree = claims.lazy().filter(~pl.col("rule").str.starts_with(f"{FORGE}/"))
    evidence = pl.DataFrame(list(_evidence(in_tree.join(decisions, on=["root", "path"]).collect())), _EVIDENCE, orient="row")
    wanted = pl.concat([claims.select(_PLACE), evidence.select(_PLACE)]).drop_nulls().unique()
    then = _then(lake, wanted)
    here = claims.join(then, on=_PLACE, how="left", maintain_order="left")["then"].eq(claims["content"])
    stood = _stood(lake, evidence.join(then, on=_PLACE, how="left"))
    # What is in no history, such as a release, is all of one time.
    alone = pl.col("revision").is_null()
    claims = claims.with_columns(here=alone | here.fill_null(value=False), stood=alone | pl.col("claim").is_in(stood))
    for true, among in (("here", ["text", "origin"]), ("stood", ["text"])):
        claims = claims.filter(pl.col(true) | ~pl.col(true).any().over(among))
    return claims.drop("claim", "here", "stood")


def _evidence(claims: pl.DataFrame) -> Iterator[tuple[int, bytes | None, bytes | None, bytes]]:
    """What decisions rest on, as ``_EVIDENCE``: the file alone where it speaks for itself."""
    for claim, revision, own, content, said in claims.select("claim", *_PLACE, "content", "evidence").iter_rows():
        places = [Swhid.parse(one) for one in said or () if one.startswith("swh:1:cnt:")]
        files = [(one.path and one.path[1:], one.identifier) for one in places]
        for path, identifier in files[:1] if files[:1] == [(own, content)] else files:
            yield claim, revision, path, identifier


def _then(lake: Lake, places: pl.DataFrame) -> pl.DataFrame:
    """Add to places (revision, path) which file stood there, ``then``; places where none did are left out."""
    trees = lake.scan("revision").select("id", "directory").join(places.lazy(), left_on="id", right_on="revision", how="semi")
    parts = pl.Series(pc.split_pattern(places["path"].to_arrow().cast(pa.binary()), b"/"), dtype=pl.List(pl.Binary))
    front = places.with_columns(parts=parts).join(trees.collect(), left_on="revision", right_on="id")
    found = [front.clear().select(*_PLACE, then="directory")]
    while front.height:
        entries = lake.scan("directory_entry").select("directory_id", "name", "type", "target")
        asked = front.select("directory").unique().lazy()
        entries = entries.join(asked, left_on="directory_id", right_on="directory", how="semi")
        front = front.with_columns(name=pl.col("parts").list.first(), parts=pl.col("parts").list.slice(1)).join(
            entries.collect(engine="streaming"), left_on=["directory", "name"], right_on=["directory_id", "name"]
        )
        last = pl.col("parts").list.len() == 0
        found.append(front.filter(last & (pl.col("type") == "file")).select(*_PLACE, then="target"))
        front = front.filter(~last & (pl.col("type") == "dir")).select(*_PLACE, "parts", directory="target")
    # A tree that was made by hand may have a name twice.
    return pl.concat(found).sort(*_PLACE, "then").unique(_PLACE, keep="first", maintain_order=True)


def _stood(lake: Lake, evidence: pl.DataFrame) -> list[int]:
    """Claims of which some evidence says what the file said that stood in its place ``then``, and the rest names no more."""
    named = [
        (claim, (content, name), (then, name))
        for claim, content, path, then in evidence.select("claim", "content", "path", "then").iter_rows()
        for name in [(path or b"").rpartition(b"/")[2]]
    ]
    changed = {claim for claim, now, then in named if now != then}
    said = _said(lake, {file for claim, *files in named if claim in changed for file in files if file[0] is not None})
    stood: dict[int, set[str]] = {}
    more: dict[int, list[set[str]]] = {}
    for claim, now, then in named:
        answer = said.get(now, {})
        licenses = {answer[column] for column in _NAMING if column in answer}
        if now == then or (answer and answer == said.get(then)):
            stood.setdefault(claim, set()).update(licenses)
        else:
            more.setdefault(claim, []).append(licenses)
    return [claim for claim, known in stood.items() if all(one and one <= known for one in more.get(claim, []))]


def _said(lake: Lake, files: Iterable[tuple[bytes, bytes]]) -> dict[tuple[bytes, bytes], dict[str, Any]]:
    """What files (content and name) say of licences; nothing of those that say nothing, or whose bytes are not here.

    Nobody has annotated what only a history has, so that is done here.
    """
    wanted = pl.DataFrame(sorted(files), {"sha1_git": pl.Binary, "name": pl.Binary}, orient="row")
    known = current(lake.settings)
    found: dict[tuple[bytes, bytes], dict[str, Any]] = {}
    for annotator in (replace(known[name], pinned=None) for name in _SAYING):
        if wanted.height and annotator.prepare:
            annotator.prepare(lake.settings.cache)
        names = [name for name in wanted["name"].unique() if annotator.wants(name)]
        mine = wanted.filter(pl.col("name").is_in(names))
        for batch in lake.contents(mine.select("sha1_git")):
            rows = pl.DataFrame(batch).join(mine, on="sha1_git", maintain_order="left_right").select("sha1_git", "name", "data")
            columns = {column.name: column.to_arrow().cast(pa.binary()) for column in rows.get_columns()}
            answers = annotator.run(pa.record_batch(columns)).select(list(_SAYING[annotator.name])).to_pylist()
            for key, answer in zip(rows.select("sha1_git", "name").iter_rows(), answers, strict=True):
                found.setdefault(key, {}).update({column: one for column, one in answer.items() if one})
    return {key: answer for key, answer in found.items() if answer}
