# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a dataset is made from, at fixed versions: slices, annotators, policy, pairs, opt-outs; or why none can be made now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from codecommons.annotate.annotator import current
from codecommons.annotate.benchmarks.items import benchmark_of
from codecommons.annotate.spans import NAMES
from codecommons.archive.source import sources
from codecommons.datasets.condition import FILTER_SIGNALS, signals_of
from codecommons.datasets.filtering import FilterSet, chosen
from codecommons.datasets.releases import list_releases
from codecommons.datasets.specification import AS_IS, DEPENDENCIES, DISCUSSIONS, Specification, is_pattern, specification
from codecommons.dedup.configuration import configured
from codecommons.errors import GateError, UsageError
from codecommons.lake import Lake
from codecommons.license.policy import policy
from codecommons.optout import ledger
from codecommons.report import STAGES
from codecommons.strict import nearest

# Signals by annotator, under the names that filters and conditions use.
SIGNALS: Mapping[str, tuple[str, ...]] = {
    "encoding": ("encoding", "binary"),
    "line_statistics": ("lines", "max_line", "mean_line", "alphabetic", "alphanumeric"),
    "language": ("language",),
    "generated": ("generated",),
    "path_facts": ("vendored", "documentation", "test", "generated_folder"),
}
# Read only where a dataset's condition names one.
ON_DEMAND: Mapping[str, tuple[str, ...]] = {"filter_signals": tuple(FILTER_SIGNALS)}
# What tells that two contents are the same text.
SAME_TEXT = "normalized_text"
# Read only where a dataset leaves items of benchmarks out.
BENCHMARKS = "benchmark_items"
# Read only where the files of a tree come by what they import, and where notebooks become texts.
IMPORTS, NOTEBOOK = "in_edges", "notebook"


@dataclass(frozen=True)
class Inputs:
    """Everything a dataset is made from, at fixed versions.

    Attributes:
        as_of: the last day that counts.
        slices: live attempts by stage of every slice and source that counts, in order.
        left_out: slices and sources up to that day that did not come through, with the stage they stand at.
        policy: digest of the licence policy, ``name@hex12``.
        annotators: name -> digest of the annotators that are read.
        pairs: configuration of the near-duplicate pairs.
        opt_out: head of the opt-out ledger, 64 hex digits.
        filters: the filter sets that it names.
        notebooks: what becomes of notebooks.
    """

    as_of: str
    slices: tuple[dict[str, Any], ...]
    left_out: tuple[str, ...]
    policy: str
    annotators: Mapping[str, str]
    pairs: str
    opt_out: str
    filters: tuple[FilterSet, ...] = ()
    notebooks: str = AS_IS

    @property
    def spans(self) -> tuple[str, ...]:
        """Those annotators that say what a dataset replaces."""
        return tuple(name for name in NAMES if name in self.annotators)

    def to_mapping(self) -> dict[str, Any]:
        """What the fingerprint holds of it. Slices that are left out change nothing, so they are not part of it."""
        return {
            **({"filters": [one.key for one in self.filters]} if self.filters else {}),
            "as_of": self.as_of,
            "slices": list(self.slices),
            "policy": self.policy,
            "annotators": dict(self.annotators),
            "pairs": self.pairs,
            "opt_out": self.opt_out,
        }


def day_of(lake: Lake, name: str) -> str:
    """The day as of which a dataset is built now.

    Raises:
        UsageError: there is no such dataset, or its specification is wrong.
        GateError: no slice up to the day has come through.
    """
    return resolve(lake, specification(lake.settings, name)).as_of


def resolve(lake: Lake, specification: Specification) -> Inputs:
    """Fix the versions of everything that a specification refers to.

    Raises:
        UsageError: there is no such licence policy or source, or the day is yet to come.
        GateError: no slice up to the day has come through, or the opt-out ledger is broken, stale or not read to its end.
    """
    known = sources(lake.settings)
    for name in specification.sources:
        if not is_pattern(name) and name not in known:
            raise UsageError(f"dataset {specification.name}: sources has {name!r}; {nearest(name, known)}")
    judging = policy(lake.settings, specification.license.policy).key(lake.settings)
    threshold, comparing = specification.deduplicate.threshold, configured(lake.settings)
    if threshold is not None and threshold < comparing.threshold:
        raise UsageError(
            f"dataset {specification.name}: deduplicate: threshold is {threshold}; "
            f"pairs are accepted from {comparing.threshold} on"
        )
    log = lake.log.verdicts().filter(pl.col("stage").is_in(STAGES[:-1]))
    if specification.as_of:
        _refuse_future(specification, log)
        log = log.filter(pl.col("slice") <= specification.as_of)
    passed = log.filter((pl.col("stage") == "deduped") & (pl.col("verdict") == "passed")).select("slice", "source")
    if not passed.height:
        until = f" up to {specification.as_of}" if specification.as_of else ""
        raise GateError(
            f"training_shards refuses {specification.name}: no slice{until} has come through deduped; ingest some, "
            "or see `codecommons status`"
        )
    used = (
        log.join(passed, on=["slice", "source"], how="semi")
        .sort("slice", "source", "stage")
        .select("slice", "source", "stage", "attempt")
    )
    as_of = specification.as_of or str(passed["slice"].max())
    wanted = lake.scan("slice_input").select("slice", "source").filter(pl.col("slice") <= as_of).unique().collect()
    rest = wanted.join(log, on=["slice", "source"], how="full", coalesce=True).join(passed, on=["slice", "source"], how="anti")
    named = signals_of(specification.where or "")
    demanded = [name for name, signals in ON_DEMAND.items() if named.intersection(signals)]
    filters = chosen(lake.settings, specification.filters.sets, f"dataset {specification.name}")
    demanded += [name.partition(".")[0] for one in filters for name in one.signals]
    demanded += [*_benchmarks(lake, specification), *_imports(lake, specification)]
    demanded += [NOTEBOOK] if specification.notebooks != AS_IS else []
    # Of a discussion annotators say nothing; only their rules are applied to its text.
    usual = () if specification.rows in DISCUSSIONS else (*SIGNALS, SAME_TEXT)
    read = {*usual, *specification.redact.confidences, *demanded}
    state = pl.format("{} {}", "stage", "verdict").fill_null("has not run")
    stuck = rest.sort("slice", "source", "stage").group_by("slice", "source", maintain_order=True).agg(state)
    before = list_releases(lake, specification.name)
    heads = {one.folder: head for one in before if (head := one.document["inputs"].get("opt_out"))}
    return Inputs(
        as_of=as_of,
        slices=tuple(used.to_dicts()),
        left_out=tuple(f"{day} {source} ({', '.join(states)})" for day, source, states in stuck.iter_rows()),
        policy=judging,
        annotators={name: one.digest for name, one in sorted(current(lake.settings).items()) if name in read},
        pairs=comparing.key(lake.settings),
        opt_out=ledger.gate(lake, heads).head,
        filters=filters,
        notebooks=specification.notebooks,
    )


def _refuse_future(specification: Specification, log: pl.DataFrame) -> None:
    """Nobody knows what will come through until then, and documents would be of that day; slices that are there are no future."""
    last = max([dt.datetime.now(dt.UTC).date().isoformat(), *log["slice"]])
    if specification.as_of and specification.as_of > last:
        raise UsageError(f"dataset {specification.name}: as_of is {specification.as_of}, and it is {last}; name no day to come")


def _imports(lake: Lake, specification: Specification) -> tuple[str, ...]:
    """The annotator of what files import, where a specification asks for its order.

    Raises:
        UsageError: it is switched off.
    """
    if specification.order != DEPENDENCIES:
        return ()
    if IMPORTS not in current(lake.settings):
        raise UsageError(
            f"dataset {specification.name}: order: {DEPENDENCIES} reads the annotator {IMPORTS}, which is switched off; let "
            f"CODECOMMONS_ANNOTATORS name it and syntax, and materialize enriched_context again"
        )
    return (IMPORTS,)


def _benchmarks(lake: Lake, specification: Specification) -> tuple[str, ...]:
    """The annotator of benchmarks' items, where a specification asks for it.

    Raises:
        UsageError: nobody has pointed to one of the benchmarks.
    """
    if not specification.decontaminate.benchmarks:
        return ()
    known = [benchmark_of(path) for path in lake.settings.benchmarks]
    for name in specification.decontaminate.benchmarks:
        if name not in known:
            raise UsageError(
                f"dataset {specification.name}: decontaminate: benchmarks has {name!r}; "
                + (nearest(name, known) if known else "let CODECOMMONS_BENCHMARKS name its file")
            )
    return (BENCHMARKS,)
