# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Proof that a release can be made again: from what its fingerprint names, under today's opt-out ledger, byte for byte.

It names digests of annotations and decisions. The rows of a digest stay when a rule changes, so a release is made again from its
own, whatever today's installation would say.

After a removal the new one differs in exactly the rows that were withdrawn, in copies that were elected in their place, and in
what rows tell of others (design section 7); anything else is a failure: a file of a shard none of whose origins lost or won a
row, and in the other shards what is said of a row that stayed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import polars as pl
import pyarrow as pa

from codecommons import strict
from codecommons.annotate import current
from codecommons.archive.objects import TAKEN_DOWN
from codecommons.datasets import discussions, shards
from codecommons.datasets.difference import KEY, Difference, Moved, difference, rows_and_drops
from codecommons.datasets.format import READ, Terms, format_of, terms_of
from codecommons.datasets.inputs import Inputs, resolve
from codecommons.datasets.releases import Release, manifest_of, release, supplies_of
from codecommons.datasets.rows import COMMIT_READ, MARKS, TREE, bucket
from codecommons.datasets.selection import select
from codecommons.datasets.specification import Specification
from codecommons.dedup.configuration import configured
from codecommons.dedup.crowds import crowds_of
from codecommons.engine import Engine
from codecommons.lake import Lake
from codecommons.lake.storage import lake_errors
from codecommons.license import decisions
from codecommons.swhid import Swhid, swhid_text

# What a manifest says of a row that is the same wherever the row stands.
_SAID = ("swhid", "length", "before_length", "language", "license", "license_type")
_COPIES = ("exact_duplicate", "near_duplicate", "near_repository")


@dataclass(frozen=True)
class Reproduction:
    """What came of making a release again.

    Attributes:
        name: of the dataset.
        fingerprint: of the release.
        rows: rows of the new one.
        withdrawn: rows that the ledger leaves out by now; the evidence names the requests, each of which has a receipt.
        elected: rows that came in the place of withdrawn ones, or had to make room for those that did.
        told: files of shards with the same rows, which tell something else as a copy or a file of their tree was withdrawn.
        problems: all else that differs; none means reproduced.
    """

    name: str
    fingerprint: str
    rows: int
    withdrawn: tuple[Moved, ...]
    elected: tuple[Moved, ...]
    told: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing differs that may not."""
        return not self.problems


def reproduce(lake: Lake, engine: Engine, name: str, fingerprint: str | None = None) -> Reproduction:
    """Make a release again, of nothing but the lake, and compare; nothing is published.

    Args:
        lake: the lake.
        engine: where shards are written.
        name: of the dataset.
        fingerprint: of the release, or how it begins; the last one by default.

    Raises:
        UsageError: there is no such release, or what it is made from is not there any more.
        GateError: a slice has to go through a stage again, or the opt-out ledger is broken.
        LakeError: the lake can't be read or written.
    """
    one = release(lake, name, fingerprint)
    asked = specification_of(one)
    lake = _as_pinned(lake, one)
    inputs = _as_decided(lake, resolve(lake, asked), one)
    selection = select(lake, engine, asked, inputs)
    terms = terms_of(one.document, supplies_of(lake, one))
    with lake.staging(f"reproduce-{name}") as area:
        folder = f"{lake.path(area.folder)}/data"
        written = shards.write(lake, engine, asked, selection.rows, folder, {}, terms.supplies, inputs)
        columns = shards.manifest_schema(format_of(lake.settings, asked.format.kind), asked.format)
        table = pl.DataFrame(pa.concat_tables([columns.empty_table(), *(shard.manifest for shard in written)]))
        files, otherwise = _others(lake, one, terms, written, table, folder)
    old, old_drops = rows_and_drops(lake, one)
    found = difference(old, old_drops, table, selection.drops)
    withdrawn = tuple(moved for moved in found.went if moved.rule == "opt_out")
    removed = _opted_out(selection.drops).join(_opted_out(old_drops), on=KEY, how="anti", nulls_equal=True)
    came, went = _elected(lake, found, removed, old["content"], table["content"])
    odd = [f"{row.swhid} is not there any more: {row.rule}" for row in found.went if row not in withdrawn and row not in went]
    odd += [f"{row.swhid} was not there: {row.rule}" for row in found.came if row not in came]
    may_tell = removed.height > 0 and not (MARKS | TREE).keys().isdisjoint(selection.rows.columns)
    told = tuple(f"data/{file}" for file in files if may_tell)
    odd += [f"data/{file} differs, with the same rows" for file in files if not may_tell]
    odd += [f"{swhid} stayed, and is described otherwise" for swhid in otherwise]
    changed = _changed(one.document["inputs"], inputs.to_mapping()) if odd else []
    return Reproduction(name, one.fingerprint, table.height, withdrawn, (*came, *went), told, (*odd, *changed))


def _as_pinned(lake: Lake, one: Release) -> Lake:
    """The lake with the rows of annotators that a release was made from, where they are others by now: these are kept."""
    known, pinned = current(lake.settings), one.document["inputs"]["annotators"]
    others = sorted((name, digest) for name, digest in pinned.items() if name in known and known[name].digest != digest)
    return Lake.open(replace(lake.settings, pinned=tuple(others))) if others else lake


def _as_decided(lake: Lake, inputs: Inputs, one: Release) -> Inputs:
    """Inputs with the decisions about licences that a release was made from, where they are kept."""
    policy = one.document["inputs"]["policy"]
    if inputs.policy == policy or decisions(lake, policy).limit(1).collect().is_empty():
        return inputs
    return replace(inputs, policy=policy)


def specification_of(one: Release) -> Specification:
    """The specification that a release was made from, whatever the file of its name says by now."""
    values = _written(one.document["inputs"]["specification"])
    return strict.read(Specification, values, f"the specification of release {one.name} {one.fingerprint[:12]}")


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    """A specification as a person would write it: empty texts and lists, and a condition that is not there, can't be written."""
    plain = {key: _written(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    return {key: value for key, value in plain.items() if value not in ([], "") and (key, value) != ("where", None)}


def _opted_out(drops: pl.DataFrame) -> pl.DataFrame:
    return drops.filter(pl.col("rule") == "opt_out")


def _elected(
    lake: Lake, found: Difference, removed: pl.DataFrame, before: pl.Series, after: pl.Series
) -> tuple[list[Moved], list[Moved]]:
    """The rows that came, and those that went, as a consequence of what was removed.

    A row comes as what it was a copy of went, and goes as it is a copy of one that came; so it is with repositories, which change
    with each of their files. And in a crowded band it matters who else stays (``election``): see ``_Crowds``. It all begins with
    what was removed: a row that comes in its place may push another one out, in whose place a third comes.

    Args:
        lake: the lake.
        found: what differs.
        removed: candidates that were opted out since (columns content, origin, anchor).
        before: contents of the rows of the release.
        after: those of the new one.
    """
    gone = {swhid_text("cnt", content) for content in removed["content"]}
    new: set[str] = set()
    repositories = {f"{anchor} of {origin}" for anchor, origin in removed.select("anchor", "origin").iter_rows()}
    crowds = _Crowds(lake, before, after, removed["content"])
    came: dict[Moved, None] = {}
    went: dict[Moved, None] = {}

    def follows(moved: Moved, others: set[str], stay: pl.Series) -> bool:
        if moved.rule == "near_repository":
            return not repositories.isdisjoint({_repository(moved), *moved.evidence})
        return moved.rule in _COPIES and (moved.kept in others or crowds.let(moved, stay, gone | new))

    steps = -1
    while removed.height and steps < len(came) + len(went):
        steps = len(came) + len(went)
        for rows, known, others, mine, stay in ((found.came, came, gone, new, after), (found.went, went, new, gone, before)):
            fresh = [moved for moved in rows if moved not in known and follows(moved, others, stay)]
            known.update(dict.fromkeys(fresh))
            mine |= {_content(moved) for moved in fresh}
            repositories |= {_repository(moved) for moved in fresh}
    return list(came), list(went)


class _Crowds:
    """Who was or is not compared, as more rows of a crowded band stay than are compared with all others.

    A removal there changes who the first of them are: two that are alike may both have stayed until one is among these, or may
    both stay as it is not any more.
    """

    def __init__(self, lake: Lake, before: pl.Series, after: pl.Series, removed: pl.Series) -> None:
        """Nothing is read before somebody asks."""
        self._lake, self._configuration = lake, configured(lake.settings)
        self._contents = pl.concat([before, after, removed])

    @cached_property
    def _members(self) -> pl.DataFrame:
        return crowds_of(self._lake, self._contents, self._configuration)

    @cached_property
    def _bands(self) -> dict[str, set[bytes]]:
        rows = self._members.group_by("content").agg("value").iter_rows()
        return {swhid_text("cnt", content): set(values) for content, values in rows}

    @cached_property
    def _taken_down(self) -> bool:
        """Whether something was erased, and with it what bands it was in."""
        left = self._lake.scan("skipped_content").filter(pl.col("reason") == TAKEN_DOWN)
        return not left.filter(pl.col("sha1_git").is_in(self._contents.implode())).limit(1).collect().is_empty()

    def let(self, moved: Moved, stay: pl.Series, changed: set[str]) -> bool:
        """Whether a row could stay beside what it is a copy of, among those that stay, until something changed in their band."""
        if moved.rule != "near_duplicate":
            return False
        shared = self._bands.get(_content(moved), set()) & self._bands.get(moved.kept or "", set())
        some = self._members.filter(pl.col("value").is_in(list(shared)) & pl.col("content").is_in(stay.implode()))
        full = set(some.group_by("value").len().filter(pl.col("len") > self._configuration.anchors)["value"])
        return bool(full) and (self._taken_down or any(not full.isdisjoint(self._bands.get(one, ())) for one in changed))


def _content(moved: Moved) -> str:
    return moved.swhid.partition(";")[0]


def _repository(moved: Moved) -> str:
    place = Swhid.parse(moved.swhid)
    return f"{place.anchor} of {place.origin}"


def _others(
    lake: Lake, one: Release, terms: Terms, written: list[shards.Shard], now: pl.DataFrame, folder: str
) -> tuple[list[str], list[str]]:
    """Files that differ though no row came or went there, and SWHIDs of rows that stayed elsewhere and are described otherwise.

    Args:
        lake: the lake.
        one: the release.
        terms: what its shards were written by.
        written: the new shards.
        now: their manifest.
        folder: where they are.
    """
    was = manifest_of(lake, one, *now.columns)
    was = was.with_columns(pl.lit(None, kind).alias(name) for name, kind in now.schema.items() if name not in was.columns)
    was, now = (rows.with_columns(bucket=bucket(pl.col("shard"))) for rows in (was, now))
    pairs = [(was, now), (now, was)]
    moved = pl.concat([mine.join(other, on=KEY, how="anti", nulls_equal=True).select("origin") for mine, other in pairs])
    touched = pl.concat([mine.join(moved, on="origin", how="semi")["bucket"] for mine, _ in pairs]).unique().implode()
    before, after = (
        _said(lake, terms, rows.filter(pl.col("bucket").is_in(touched)).drop("bucket"), place)
        for rows, place in ((was, lake.path(one.folder, "data")), (now, folder))
    )
    both = before.join(after, on=KEY, nulls_equal=True).filter(pl.col("said") != pl.col("said_right"))
    files = pl.Series("file", _other_files(one, written), pl.String).to_frame()
    elsewhere = files.filter(~bucket(pl.col("file")).is_in(touched))
    return elsewhere["file"].to_list(), both["swhid"].sort().to_list()


def _said(lake: Lake, terms: Terms, manifest: pl.DataFrame, folder: str) -> pl.DataFrame:
    """Rows of shards: ``KEY``, swhid, and a hash of all that is said of each; a shard that is gone has none."""
    form = format_of(lake.settings, terms.asked.kind)
    endings = form.endings(terms.asked)
    columns = READ | (COMMIT_READ if terms.rows == "commits" else {"number": pl.Int64} if terms.rows in discussions.KINDS else {})
    found = [manifest.clear().select(*KEY, "swhid", said=pl.lit(0, pl.UInt64))]
    for name in manifest["shard"].unique().sort():
        path = f"{folder}/{name}"
        rows = manifest.filter(pl.col("shard") == name).sort("row")
        with lake_errors(f"reading {path}"):
            if not lake.fs.exists(path):
                continue
            with shards.opened_shard(lake, path, endings) as files:
                for part in form.read(files, rows, terms, columns):
                    if part.found is not None:
                        said = pl.concat([part.expected.select(_SAID), part.found.drop("stored", "swhid")], how="horizontal")
                        hashed = pl.Series("said", said.write_ndjson().splitlines(), dtype=pl.String).hash(0)
                        found.append(part.expected.select(*KEY, "swhid").with_columns(hashed))
    return pl.concat(found)


def _other_files(one: Release, written: list[shards.Shard]) -> list[str]:
    before = {(part["name"], part["sha256"]) for shard in one.shards for part in (shard, *shard.get("beside", ()))}
    now = {(shard.name, shard.sha256) for shard in written}
    now |= {(part["name"], part["sha256"]) for shard in written for part in shard.beside}
    return sorted({name for name, _ in before ^ now})


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What may be why: inputs that are not what they were. The ledger is not among them."""
    names = [name for name in now if name != "opt_out" and now[name] != before.get(name)]
    return [f"{name} has changed since: {before.get(name)} then, {now[name]} now" for name in names]
