# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The fourth stage: what is the same, and what nearly is. It drops nothing: datasets elect among duplicates (``datasets``)."""

from __future__ import annotations

import polars as pl

from codecommons.dedup.configuration import configured
from codecommons.dedup.index import compare_texts
from codecommons.dedup.overview import overview
from codecommons.dedup.pairs import pairs
from codecommons.dedup.tables import DUPLICATE_PAIR, SIGNATURE
from codecommons.dedup.texts import select_texts, unknown_texts
from codecommons.engine import Engine
from codecommons.lake import Lake, close_stage
from codecommons.lake.stages import digest, seconds_each
from codecommons.license.evidence import slice_files
from codecommons.report import STAGES, CheckResult, Measure, StageReport

STAGE, BEFORE = STAGES[3], STAGES[2]


def compare_slice(lake: Lake, engine: Engine, slice: str, source: str) -> StageReport:
    """Compare the texts of a slice with each other and with everything compared before.

    Args:
        lake: the lake.
        engine: where the work runs.
        slice: the day.
        source: the source.

    Returns:
        Rows are files; kept is one file of each content, the others are dropped as ``exact_duplicate``. Computed and reused
        are texts. ``details``: configuration; contents and texts of the slice; short (new texts too short to be compared);
        candidates and pairs found now; crowded (bands that new texts came into and that more texts share than are compared with
        each other); accepted and rejected (pairs that touch the slice); near_duplicates (contents of the
        slice in an accepted pair) with near_duplicate_bytes and near_duplicate_rate (of texts); megabytes_a_second of new text;
        and what ``overview`` says.

    Raises:
        GateError: the slice's licences have not been decided well.
        LakeError: the lake can't be read or written.
    """
    lake.log.require_passed(slice, source, BEFORE)
    report = StageReport(STAGE, slice, source)
    comparing = configured(lake.settings)
    key = comparing.key(lake.settings)
    with Measure() as measure:
        files = slice_files(lake, slice, source)
        contents = files.group_by("content").agg(files=pl.len(), length=pl.first("length")).sort("content")
        texts = select_texts(lake, contents.select(sha1_git="content"), comparing)
        compared = compare_texts(lake, engine, texts, comparing)
        mine = _touching(lake, contents)
        described = overview(lake, slice, source, files, mine)
    report.took(measure)
    report.rows_in, report.bytes_in = int(contents["files"].sum()), int((contents["files"] * contents["length"]).sum())
    report.rows_kept, report.bytes_kept = contents.height, int(contents["length"].sum())
    report.drop("exact_duplicate", report.rows_in - report.rows_kept, report.bytes_in - report.bytes_kept)
    report.computed, report.reused = compared.new, texts.height - compared.new
    report.seconds_saved = report.reused * seconds_each(lake, report)
    accepted = mine.filter("accepted")
    near = contents.filter(pl.col("content").is_in(pl.concat([accepted["a"], accepted["b"]]).implode()))
    report.details.update(
        configuration=key,
        contents=contents.height,
        texts=texts.height,
        short=compared.short,
        candidates=compared.candidates,
        pairs=compared.pairs,
        crowded=compared.crowded,
        accepted=accepted.height,
        rejected=mine.height - accepted.height,
        near_duplicates=near.height,
        near_duplicate_bytes=int(near["length"].sum()),
        near_duplicate_rate=near.height / texts.height if texts.height else 0.0,
        megabytes_a_second=compared.bytes / 1e6 / report.seconds,
        **described,
    )
    before = lake.log.verdict(slice, source, BEFORE) or {}
    return close_stage(
        lake, report, _checks(lake, report, key, contents, texts, mine), input_digest=digest([before.get("attempt"), key])
    )


def _touching(lake: Lake, contents: pl.DataFrame) -> pl.DataFrame:
    """The pairs with at least one content of the slice (columns a, b, similarity, accepted)."""
    ours = contents.lazy().select("content", ours=pl.lit(True))
    every = pairs(lake).join(ours.rename({"content": "a", "ours": "left"}), on="a", how="left")
    every = every.join(ours.rename({"content": "b", "ours": "right"}), on="b", how="left")
    return every.filter(pl.col("left") | pl.col("right")).select("a", "b", "similarity", "accepted").sort("a", "b").collect()


def _checks(
    lake: Lake, report: StageReport, key: str, contents: pl.DataFrame, texts: pl.DataFrame, mine: pl.DataFrame
) -> list[CheckResult]:
    comparing = configured(lake.settings)
    again = f"materialize {STAGE} of {report.slice} again"
    left = lake.keys_missing(SIGNATURE, texts.select(pl.lit(key).alias("configuration"), content="sha1_git"))
    unread = unknown_texts(lake, contents.select(sha1_git="content"))
    odd = mine.filter(
        (pl.col("a") >= pl.col("b"))
        | ~pl.col("similarity").is_between(comparing.floor, 1.0)
        | (pl.col("accepted") != (pl.col("similarity") >= comparing.threshold))
        | mine.select("a", "b").is_duplicated()
    )
    arrived = sum(
        one.rows_in for one in lake.reports() if (one.slice, one.source, one.stage) == (report.slice, report.source, BEFORE)
    )
    unsaid = (
        f"of {unread.height} contents nobody has said whether they are text, the first being "
        f"swh:1:cnt:{unread['sha1_git'][0].hex()}: materialize {STAGES[1]} of {report.slice} again, then {STAGE}"
        if unread.height
        else ""
    )
    return [
        CheckResult(
            "conservation",
            report.conserved,
            f"{report.rows_in} files in, {report.rows_kept} contents, the other files repeat one of them"
            if report.conserved
            else f"{report.rows_in} files came in and {report.rows_kept} contents don't account for them; {again}",
        ),
        CheckResult(
            "every_text_compared",
            not left.height and not unread.height,
            f"all {texts.height} texts have been compared"
            if not left.height and not unread.height
            else unsaid
            or f"{left.height} texts have not been compared, the first being swh:1:cnt:{left['content'][0].hex()}: "
            f"their bytes may be missing; ingest the slice again, then {again}",
            {"texts": texts.height, "new": report.computed},
        ),
        CheckResult(
            "pairs_are_sound",
            not odd.height,
            f"{mine.height} pairs: each once, smaller identifier first, accepted exactly from {comparing.threshold} on"
            if not odd.height
            else f"the pair swh:1:cnt:{odd['a'][0].hex()}, swh:1:cnt:{odd['b'][0].hex()} is not; "
            f"restore table {DUPLICATE_PAIR.name}, then {again}",
        ),
        CheckResult(
            "no_empty_success",
            bool(report.rows_in) or not arrived,
            f"{report.rows_in} files compared"
            if report.rows_in or not arrived
            else f"{BEFORE} decided on {arrived} files of {report.source}, and none of them arrived here; {again}",
        ),
    ]
