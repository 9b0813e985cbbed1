# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Proof that a release can be made again: from what its fingerprint names, under today's opt-out ledger, byte for byte.

After a removal the new one differs in exactly the rows that were withdrawn, and in copies that were elected in their place
(design section 7); anything else is a failure: a file of a shard none of whose origins lost or won a row, and in the other
shards what is said of a row that stayed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from codecommons import strict
from codecommons.datasets import discussions, shards
from codecommons.datasets.candidates import resolve
from codecommons.datasets.difference import KEY, Moved, difference, rows_and_drops
from codecommons.datasets.format import READ, Terms, format_of, terms_of
from codecommons.datasets.releases import Release, manifest_of, release, supplies_of
from codecommons.datasets.rows import COMMIT_READ
from codecommons.datasets.selection import select
from codecommons.datasets.specification import Specification
from codecommons.engine import Engine
from codecommons.lake import Lake
from codecommons.lake.storage import lake_errors

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
        problems: all else that differs; none means reproduced.
    """

    name: str
    fingerprint: str
    rows: int
    withdrawn: tuple[Moved, ...]
    elected: tuple[Moved, ...]
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
    inputs = resolve(lake, asked)
    selection = select(lake, engine, asked, inputs)
    terms = terms_of(one.document, supplies_of(lake, one))
    with lake.staging(f"reproduce-{name}") as area:
        folder = f"{lake.path(area.folder)}/data"
        written = shards.write(lake, engine, asked, selection.rows, folder, {}, terms.supplies, inputs)
        columns = shards.manifest_schema(format_of(lake.settings, asked.format.kind), asked.format)
        table = pl.DataFrame(pa.concat_tables([columns.empty_table(), *(shard.manifest for shard in written)]))
        others = [*_others(lake, one, terms, written, table, folder)]
    old, old_drops = rows_and_drops(lake, one)
    found = difference(old, old_drops, table, selection.drops)
    withdrawn = tuple(moved for moved in found.went if moved.rule == "opt_out")
    moved = _elected(found.came, found.went, withdrawn)
    elected = (*moved[0], *moved[1])
    odd = [f"{row.swhid} is not there any more: {row.rule}" for row in found.went if row not in withdrawn and row not in moved[1]]
    odd += [f"{row.swhid} was not there: {row.rule}" for row in found.came if row not in moved[0]]
    odd += others
    changed = _changed(one.document["inputs"], inputs.to_mapping()) if odd else []
    return Reproduction(name, one.fingerprint, table.height, withdrawn, elected, (*odd, *changed))


def specification_of(one: Release) -> Specification:
    """The specification that a release was made from, whatever the file of its name says by now."""
    values = _written(one.document["inputs"]["specification"])
    return strict.read(Specification, values, f"the specification of release {one.name} {one.fingerprint[:12]}")


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    """A specification as a person would write it: empty texts and lists, and a condition that is not there, can't be written."""
    plain = {key: _written(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    return {key: value for key, value in plain.items() if value not in ([], "") and (key, value) != ("where", None)}


def _elected(
    came: tuple[Moved, ...], went: tuple[Moved, ...], withdrawn: tuple[Moved, ...]
) -> tuple[tuple[Moved, ...], tuple[Moved, ...]]:
    """Those rows that came because what they were a copy of went, and those that went as they are a copy of one that came.

    It all begins with what was withdrawn: a row that comes in its place may push another one out, in whose place a third comes.
    """
    gone, new = {_content(moved) for moved in withdrawn}, set[str]()
    before = -1
    while before < len(gone) + len(new):
        before = len(gone) + len(new)
        new |= {_content(moved) for moved in came if moved.rule in _COPIES and moved.kept in gone}
        gone |= {_content(moved) for moved in went if moved.rule in _COPIES and moved.kept in new}
    return (
        tuple(moved for moved in came if moved.rule in _COPIES and moved.kept in gone),
        tuple(moved for moved in went if moved.rule in _COPIES and moved.kept in new),
    )


def _content(moved: Moved) -> str:
    return moved.swhid.partition(";")[0]


def _others(lake: Lake, one: Release, terms: Terms, written: list[shards.Shard], now: pl.DataFrame, folder: str) -> Iterator[str]:
    """What differs though no row came or went there.

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
    pairs = [(was, now), (now, was)]
    moved = pl.concat([mine.join(other, on=KEY, how="anti", nulls_equal=True).select("origin") for mine, other in pairs])
    touched = [mine.join(moved, on="origin", how="semi")["shard"].unique().sort().to_list() for mine, _ in pairs]
    stems = {_stem(name) for names in touched for name in names}
    yield from (f"data/{name} differs, with the same rows" for name in _other_files(one, written) if _stem(name) not in stems)
    before, after = (
        _told(lake, terms, mine, place, names)
        for (mine, _), place, names in zip(pairs, (lake.path(one.folder, "data"), folder), touched, strict=True)
    )
    both = before.join(after, on=KEY, nulls_equal=True).filter(pl.col("said") != pl.col("said_right"))
    yield from (f"{swhid} stayed, and is described otherwise" for swhid in both["swhid"].sort())


def _told(lake: Lake, terms: Terms, manifest: pl.DataFrame, folder: str, names: Collection[str]) -> pl.DataFrame:
    """Rows of some shards: ``KEY``, swhid, and a hash of all that is said of each; a shard that is gone has none."""
    form = format_of(lake.settings, terms.asked.kind)
    endings = form.endings(terms.asked)
    columns = READ | (COMMIT_READ if terms.rows == "commits" else {"number": pl.Int64} if terms.rows in discussions.KINDS else {})
    found = [manifest.clear().select(*KEY, "swhid", said=pl.lit(0, pl.UInt64))]
    for name in names:
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


def _stem(name: str) -> str:
    return name.partition(".")[0]


def _other_files(one: Release, written: list[shards.Shard]) -> list[str]:
    before = {(part["name"], part["sha256"]) for shard in one.shards for part in (shard, *shard.get("beside", ()))}
    now = {(shard.name, shard.sha256) for shard in written}
    now |= {(part["name"], part["sha256"]) for shard in written for part in shard.beside}
    return sorted({name for name, _ in before ^ now})


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What may be why: inputs that are not what they were. The ledger is not among them."""
    names = [name for name in now if name != "opt_out" and now[name] != before.get(name)]
    return [f"{name} has changed since: {before.get(name)} then, {now[name]} now" for name in names]
