# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How many rows a dataset would have: the rules of ``selection``, counted over ``facts`` without saying of each file why.

Rules are the same expressions; what follows them, choosing one of several copies, is done here once more, on numbers. That both
come to the same is tested on every lake that the tests of ``selection`` know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from codecommons.datasets.comparisons import Compare, Comparisons
from codecommons.datasets.election import Crowds, winners
from codecommons.datasets.facts import ANY, UNKNOWN, Facts
from codecommons.datasets.inputs import Inputs
from codecommons.datasets.losses import ALARMING, LOST
from codecommons.datasets.selection import Funnel, Step, preference, ruled
from codecommons.datasets.specification import AS_IS, Deduplicate, Specification
from codecommons.errors import GateError
from codecommons.lake import Lake

_SHORTEST = "shortest_path"


class Counted(Funnel):
    """A funnel that counts: rows stay where they are, and are marked."""

    def __init__(self, rows: pl.DataFrame) -> None:
        """Everything is in."""
        super().__init__(rows)
        self.key = ["content_id"]
        self.lengths = rows["length"].to_numpy()
        self.inside = np.ones(rows.height, bool)

    def keep(
        self, rule: str, passes: pl.Expr, *evidence: pl.Expr, kept: pl.Expr | None = None, similarity: pl.Expr | None = None
    ) -> None:
        """See ``Funnel``; evidence is not looked at."""
        passing = self.rows.with_columns(passes.fill_null(False).alias("passes"))["passes"].to_numpy()
        gone = self.inside & ~passing
        self.inside &= passing
        self.count(rule, int(np.count_nonzero(gone)), int(self.lengths[gone].sum()), int(np.count_nonzero(self.inside)))

    def keep_all(self, rules: Sequence[tuple[str, pl.Expr, pl.Expr]]) -> None:
        """See ``Funnel``."""
        for rule, passes, _ in rules:
            self.keep(rule, passes)

    def count(self, rule: str, rows: int, size: int, left: int) -> None:
        """Note what a rule has left out."""
        self.steps.append(Step(rule, rows, size, left))


@dataclass(frozen=True)
class Counts:
    """What a dataset would hold.

    Attributes:
        rows: of it, as ``Facts.rows``, by preference.
        at: their numbers among ``Facts.rows``.
        steps: as in ``selection.Selection``; also rows_in and lost.
        rows_in: candidates.
        lost: of groups that lose more to near-duplicates than is allowed, as ``losses.LOST``.
    """

    rows: pl.DataFrame
    at: np.ndarray
    steps: tuple[Step, ...]
    rows_in: int
    lost: pl.DataFrame

    def smallest(self, most: int) -> np.ndarray:
        """Places in ``rows`` of those with the smallest identifiers."""
        ids = self.rows["content_id"].to_numpy()
        return np.argpartition(ids, most)[:most] if len(ids) > most else np.arange(len(ids))


def countable(asked: Specification) -> bool:
    """Whether a dataset is counted here: one of files as they are, in which no repository stands for another."""
    return asked.rows == "files" and asked.deduplicate.repositories is None and asked.notebooks == AS_IS


def count(lake: Lake, known: Facts, asked: Specification, inputs: Inputs, compare: Compare) -> Counts:
    """Count what ``selection.select`` would choose.

    Args:
        lake: the lake.
        known: what is known of every candidate.
        asked: a specification that is ``countable``.
        inputs: what the facts are of.
        compare: compares texts in crowded bands that no plan over these facts has compared.

    Raises:
        GateError: an earlier stage has to run again.
        LakeError: texts can't be read.
        UsageError: the condition fails on a value.
    """
    if known.uncompared and asked.deduplicate.threshold is not None:
        raise GateError(known.uncompared.replace(ANY, asked.name, 1))
    texts = asked.names or asked.where or _SHORTEST in asked.deduplicate.order
    funnel = Counted(known.with_texts() if texts else known.rows)
    ruled(funnel, asked, lake, inputs)
    at = _in_order(funnel, asked.deduplicate.order)
    # What follows takes most memory, and few of the columns that rules have read.
    known.let_go()
    at, lost = _one_copy(funnel, known, asked.deduplicate, at, compare)
    rows = known.rows.select("content_id", "length", "origin", "language", "license")[at]
    return Counts(rows, at, tuple(funnel.steps), known.rows.height, lost)


def _in_order(funnel: Counted, order: tuple[str, ...]) -> np.ndarray:
    """Numbers of the rows that are in, by preference: as ``selection.in_order``, whose last terms rows are in already."""
    at = np.flatnonzero(funnel.inside)
    terms = preference(order)
    values = funnel.rows.select(term.alias(name) for name, (term, _) in terms.items())
    values = values if len(at) == values.height else values[at]
    # What is the same everywhere orders nothing, such as the verdict where one is accepted, and stars where no forge was asked.
    telling = [name for name in terms if values[name].null_count() < len(at) and not _constant(values[name])]
    if telling in ([], ["earliest"]):
        return at
    down = [terms[name][1] for name in telling]
    ranks = values.select(telling).with_row_index("at_first")
    return at[
        ranks.select(pl.arg_sort_by(*telling, "at_first", descending=[*down, False], nulls_last=True)).to_series().to_numpy()
    ]


def _constant(values: pl.Series) -> bool:
    return not values.null_count() and values.min() == values.max()


def _one_copy(
    funnel: Counted, known: Facts, asked: Deduplicate, at: np.ndarray, compare: Compare
) -> tuple[np.ndarray, pl.DataFrame]:
    """Those rows that stay, of equal and similar ones; and what was lost, as ``Counts.lost``."""
    every = known.rows["content_id"].to_numpy()
    ids, numbers = every[at], np.arange(len(at), dtype=np.int32)
    place = np.full(known.contents, -1, np.int32)
    place[ids[::-1]] = numbers[::-1]  # of several values the last one stays, so the first row
    alone = place[ids] == numbers
    reached, at, ids = at, _left_out(funnel, "exact_duplicate", at, alone), ids[alone]
    if asked.threshold is None or asked.keep == "all":
        return at, pl.DataFrame(schema=LOST)
    place[ids] = numbers[: len(at)]
    winner = _elected(known, asked.threshold, place, at, compare)
    stays = winner < 0
    gone, instead = at[~stays], at[winner[~stays]]
    at = _left_out(funnel, "near_duplicate", at, stays)
    return at, _losses(known, asked, reached, at, gone, instead)


def _elected(known: Facts, threshold: float, place: np.ndarray, at: np.ndarray, compare: Compare) -> np.ndarray:
    """Of each of the rows ``at``, by preference, the number of the one that stays instead, -1 where it stays itself.

    ``place`` says of each content which of these rows it is, -1 for none.
    """
    members = place[known.crowds["content_id"].to_numpy()].astype(np.int64)
    inside = members >= 0
    bands, members = known.crowds["band"].cast(pl.Int64).to_numpy()[inside], members[inside]
    order = np.lexsort((members, bands))
    compared = Comparisons(known, compare)
    crowds = Crowds(bands[order], members[order], known.anchors, threshold, lambda left, right: compared.of(at[left], at[right]))
    winner, _ = winners(*_close(known.pairs, threshold, place), len(at), crowds)
    compared.keep()
    return winner


def _close(pairs: pl.DataFrame, threshold: float, place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of rows that are in and similar enough: both, by ``place``, and how similar they are."""
    one, other = (place[pairs[end].to_numpy()] for end in ("a", "b"))
    similarity = pairs["similarity"].to_numpy()
    close = (one >= 0) & (other >= 0) & (similarity >= threshold)
    return one[close], other[close], similarity[close]


def _left_out(funnel: Counted, rule: str, at: np.ndarray, stays: np.ndarray) -> np.ndarray:
    gone = at[~stays]
    funnel.count(rule, len(gone), int(funnel.lengths[gone].sum()), len(at) - len(gone))
    return at[stays]


def _losses(
    known: Facts, asked: Deduplicate, reached: np.ndarray, kept: np.ndarray, gone: np.ndarray, instead: np.ndarray
) -> pl.DataFrame:
    """What ``losses.losses`` tells of the groups that lost more than is allowed.

    Args:
        known: the facts.
        asked: how much is allowed.
        reached: rows before any copy was left out.
        kept: those that stay, of each content one.
        gone: of each content that near-duplicates left out the row that stood for it.
        instead: the row that stays for each of these.
    """
    found = [pl.DataFrame(schema=LOST)]
    ids = known.rows["content_id"].to_numpy()
    going = np.full(known.contents, -1, np.int32)
    going[ids[gone]] = instead
    lost = reached[going[ids[reached]] >= 0] if len(gone) else gone
    for kind, most in asked.most_lost:
        names, codes = _codes(known.rows[kind])
        # No more of a group can be lost, and no fewer stay: which rows of it are the same bytes is asked only where that is bad.
        at_most, at_least = (np.bincount(codes[rows], minlength=len(names)) for rows in (lost, kept))
        for group in np.flatnonzero(at_most > most * (at_most + at_least)):
            files = np.unique(ids[reached[codes[reached] == group]])
            rows = going[files[going[files] >= 0]]
            if len(files) < ALARMING or len(rows) <= most * len(files):
                continue
            _, first, counts = np.unique(ids[rows], return_index=True, return_counts=True)
            best = int(np.argmax(counts))  # of equals the first, in order of identifiers
            one = known.shown(rows[first[[best]]])
            named = f"swh:1:cnt:{one['content'][0].hex()} of {one['origin'][0]}"
            row = (kind, names[int(group)], len(files), len(rows), named, counts[best])
            found.append(pl.DataFrame([row], schema=LOST, orient="row"))
    return pl.concat(found).sort("kind", "name")


def rolled(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Files and bytes of each value of a column, as ``documents.figures.rolled``: value, rows, bytes."""
    names, codes = _codes(rows[column])
    files = np.bincount(codes, minlength=len(names))
    # Sums of whole numbers below 2**53 are exact.
    sizes = np.bincount(codes, rows["length"].to_numpy(), minlength=len(names)).astype(np.int64)
    return pl.DataFrame({"value": names, "rows": files, "bytes": sizes}).filter(pl.col("rows") > 0)


def table(rows: pl.DataFrame, one: str, other: str) -> dict[tuple[Any, Any], int]:
    """How many rows have each two values of two columns."""
    (names, left), (others, right) = _codes(rows[one]), _codes(rows[other])
    pairs = left.astype(np.int64) * len(others) + right
    counts = np.bincount(pairs, minlength=len(names) * len(others)).reshape(len(names), len(others))
    return {(names[int(at)], others[int(of)]): int(counts[at, of]) for at, of in zip(*counts.nonzero(), strict=True)}


def _codes(column: pl.Series) -> tuple[pl.Series, np.ndarray]:
    """The values that a column may have, and of each row the number of its own; ``unknown`` for null."""
    assert isinstance(column.dtype, pl.Enum)
    return column.dtype.categories, column.fill_null(UNKNOWN).to_physical().to_numpy()
