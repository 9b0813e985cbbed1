# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a dataset would be, before it is built: the same rules, counted over what tables say of every file (``facts``).

Of contents it reads a byte only for pairs in crowded bands that no table has (``dedup.known_then``) and no plan has compared
(``comparisons``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import polars as pl

from codecommons.datasets import counting, facts
from codecommons.datasets.documents.figures import BYTES_PER_TOKEN, largest, rollup
from codecommons.datasets.format import ShardFormat, format_for
from codecommons.datasets.inputs import Inputs, resolve
from codecommons.datasets.losses import alarms
from codecommons.datasets.rows import CALLED, assign, labelled, parted, qualified, readable
from codecommons.datasets.selection import Selection, Step, emptied, select
from codecommons.datasets.specification import Specification
from codecommons.dedup import similarities
from codecommons.engine import Engine, local_engine
from codecommons.lake import Lake
from codecommons.lake.schemas import STAGE_REPORT
from codecommons.optout import ledger
from codecommons.report import STAGES, StageReport

# Languages and licences of the table of both; what is beyond stands under ``OTHER``.
MOST_LANGUAGES, MOST_LICENSES, OTHER = 20, 8, "other"
SAMPLES = 3
UNMEASURED = "the demo's builds, as this lake has none in this format that was measured"
# The latest builds that a prediction goes by, and those among which they are looked for.
BUILDS, LOOKED_AT = 20, 200
# Of a lake that has built nothing yet: the largest dataset of the demo (docs/performance.md), with two workers.
SECONDS_A_CANDIDATE = 1.0e-4


@dataclass(frozen=True)
class Prediction:
    """What a build will take.

    Attributes:
        seconds: by the clock, if nothing is there yet that can be kept.
        bytes: of shards on disk.
        basis: what it is reckoned from, in words.
    """

    seconds: float
    bytes: int
    basis: str


@dataclass(frozen=True)
class OptOuts:
    """What authors asked for, as the plan sees it.

    Attributes:
        head: of the ledger, 64 hex digits.
        requests: those in effect.
        rows: files that they, or markers in the code, leave out; ``bytes`` theirs.
    """

    head: str
    requests: int
    rows: int
    bytes: int


@dataclass(frozen=True)
class Sample:
    """One row that would be there: identifier with qualifiers, path, origin and SPDX expression."""

    swhid: str
    path: str
    origin: str
    license: str


@dataclass(frozen=True)
class Plan:
    """Numbers before building.

    Attributes:
        name: of the dataset.
        rows_are: what is counted: files, commits, issues or pull_requests.
        as_of: its day.
        candidates: files that are looked at.
        rows: files that would be rows; ``bytes`` theirs; ``tokens`` about.
        shards: files that would be written.
        predicted: what building would take.
        steps: what each rule leaves out, in order.
        removed_most: name of the rule that leaves out most files, None where none leaves any out.
        opt_outs: what authors asked for.
        languages: value, rows and bytes, most bytes first; ``licenses`` and ``origins`` likewise.
        language_by_license: a line a language: its name under ``language``, files by licence under ``licenses``, which are those
            of most bytes, and ``OTHER``.
        samples: some rows, those of smallest identifier.
        left_out: slices that have not come through.
        alarms: why nothing would be published, a line each: no row is left, or near-duplicates wipe a group out.
    """

    name: str
    rows_are: str
    as_of: str
    candidates: int
    rows: int
    bytes: int
    tokens: int
    shards: int
    predicted: Prediction
    steps: tuple[Step, ...]
    removed_most: str | None
    opt_outs: OptOuts
    languages: list[dict[str, Any]]
    licenses: list[dict[str, Any]]
    origins: list[dict[str, Any]]
    language_by_license: list[dict[str, Any]]
    samples: tuple[Sample, ...]
    left_out: tuple[str, ...]
    alarms: tuple[str, ...]

    @property
    def called(self) -> str:
        """What is counted, in words."""
        return CALLED[self.rows_are][1]


def plan(lake: Lake, specification: Specification) -> Plan:
    """Size up a dataset.

    Raises:
        UsageError: the specification refers to something that is not there.
        GateError: no slice has come through the stages before.
    """
    form = format_for(lake.settings, specification)
    inputs = resolve(lake, specification)
    asked = specification.at(inputs.as_of)
    with contextlib.closing(local_engine(lake.settings)) as engine:
        known = facts.facts(lake, engine, inputs, asked.name) if counting.countable(asked) else None
        if known is None:
            found = _selected(select(lake, engine, asked, inputs), asked)
        else:
            found = _counted(lake, engine, known, asked, inputs)
    size = sum(one["bytes"] for one in found.languages)
    most = max(found.steps, key=lambda step: step.rows)
    opted_out = next(step for step in found.steps if step.rule == "opt_out")
    languages = found.languages[:MOST_LANGUAGES]
    empty = emptied(specification.rows, found.steps, found.candidates)
    return Plan(
        name=specification.name,
        rows_are=specification.rows,
        as_of=inputs.as_of,
        candidates=found.candidates,
        rows=sum(one["rows"] for one in found.languages),
        bytes=size,
        tokens=round(size / BYTES_PER_TOKEN),
        shards=found.shards,
        predicted=predicted(lake, found.candidates, size, specification.format.kind, form),
        steps=found.steps,
        removed_most=most.rule if most.rows else None,
        opt_outs=OptOuts(inputs.opt_out, len(ledger.read(lake).effective), opted_out.rows, opted_out.bytes),
        languages=languages,
        licenses=found.licenses,
        origins=found.origins,
        language_by_license=_table(
            found.both, _values(found.languages[:MOST_LANGUAGES]), _values(found.licenses)[:MOST_LICENSES]
        ),
        samples=found.samples,
        left_out=inputs.left_out,
        alarms=(*([empty] if empty else []), *alarms(specification.deduplicate, found.lost)),
    )


class _Found(NamedTuple):
    """What a dataset would hold, in numbers: as ``Plan``, with all languages; ``both`` is rows by language and licence."""

    candidates: int
    steps: tuple[Step, ...]
    lost: pl.DataFrame
    shards: int
    languages: list[dict[str, Any]]
    licenses: list[dict[str, Any]]
    origins: list[dict[str, Any]]
    both: dict[tuple[str, str], int]
    samples: tuple[Sample, ...]


def _selected(selection: Selection, asked: Specification) -> _Found:
    rows = assign(selection.rows, asked.shard.bits, asked.shard.cap_bytes)
    named = rows.select(pl.col("language", "license").fill_null("unknown"))
    both = {(language, license): count for language, license, count in named.group_by("language", "license").len().iter_rows()}
    return _Found(
        selection.rows_in,
        selection.steps,
        selection.lost,
        rows["shard"].n_unique(),
        rollup(rows, "language"),
        rollup(rows, "license", MOST_LANGUAGES),
        rollup(rows, "origin", MOST_LANGUAGES),
        both,
        _samples(rows),
    )


def _counted(lake: Lake, engine: Engine, known: facts.Facts, asked: Specification, inputs: Inputs) -> _Found:
    counts = counting.count(lake, known, asked, inputs, partial(similarities, lake, engine))
    origins = counting.rolled(counts.rows, "origin")
    return _Found(
        counts.rows_in,
        counts.steps,
        counts.lost,
        _shards(known, counts, origins, asked),
        largest(counting.rolled(counts.rows, "language")),
        largest(counting.rolled(counts.rows, "license"), MOST_LANGUAGES),
        largest(origins, MOST_LANGUAGES),
        counting.table(counts.rows, "language", "license"),
        _samples(known.shown(counts.at[counts.smallest(SAMPLES)])),
    )


def _shards(known: facts.Facts, counts: counting.Counts, origins: pl.DataFrame, asked: Specification) -> int:
    """How many files there would be."""
    labels = labelled(origins.rename({"value": "origin", "bytes": "length"}), asked.shard.bits, asked.shard.cap_bytes)
    split = labels.filter(pl.col("split") > 0).with_columns(pl.col("origin").cast(pl.String))
    whole = labels.filter(pl.col("split") == 0)["shard"].n_unique()
    if not split.height:
        return whole
    large = known.shown(counts.at[counts.rows["origin"].is_in(split["origin"].implode()).to_numpy()])
    return whole + parted(large.join(split, on="origin"))["shard"].n_unique()


def predicted(lake: Lake, candidates: int, size: int, kind: str, form: ShardFormat) -> Prediction:
    """Say what a build will take, by what builds of this lake took that wrote all of their shards, else by those of the demo.

    Args:
        lake: the lake.
        candidates: files that are looked at.
        size: bytes of the rows.
        kind: of the format: writing tokens takes many times as long as writing texts.
        form: the format.
    """
    reports = lake.scan(STAGE_REPORT).filter(pl.col("stage") == STAGES[-1], pl.col("computed") > 0, pl.col("reused") == 0)
    built = [StageReport.from_row(row) for row in reports.sort("run").tail(LOOKED_AT).collect().to_dicts()]
    timed = [one for one in built if "selecting_seconds" in one.details and one.details.get("format") == kind][-BUILDS:]
    looked_at, written = sum(one.rows_in for one in timed), sum(one.bytes_kept for one in timed)
    if not looked_at or not written:
        seconds = candidates * SECONDS_A_CANDIDATE + size * form.seconds_a_byte
        return Prediction(round(seconds, 1), round(size * form.file_bytes_a_byte), UNMEASURED)
    selecting = sum(one.details["selecting_seconds"] for one in timed)
    writing = sum(one.seconds for one in timed) - selecting
    files = sum(one.details["shard_bytes"] for one in timed)
    seconds = candidates * selecting / looked_at + size * writing / written
    return Prediction(round(seconds, 1), round(size * files / written), f"{len(timed)} builds of this lake")


def _values(rolled: list[dict[str, Any]]) -> list[str]:
    return [one["value"] for one in rolled]


def _table(both: Mapping[tuple[str, str], int], languages: list[str], licenses: list[str]) -> list[dict[str, Any]]:
    shown = {language: dict.fromkeys([*licenses, OTHER], 0) for language in languages}
    for (language, license), count in both.items():
        if language in shown:
            shown[language][license if license in licenses else OTHER] += count
    return [{"language": language, "licenses": counts} for language, counts in shown.items()]


def _samples(rows: pl.DataFrame) -> tuple[Sample, ...]:
    chosen = rows.sort("content", "origin", "anchor", "path").head(SAMPLES)
    named = chosen.select(swhid=qualified("content", "origin", "anchor", "path"), path=readable(chosen["path"]))
    return tuple(
        Sample(*one) for one in named.with_columns(chosen["origin"], license=chosen["license"].fill_null("unknown")).iter_rows()
    )
