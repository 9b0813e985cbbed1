# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The third stage: one decision for every file in its own tree, under every policy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import polars as pl

from codecommons.archive import slice_roots
from codecommons.engine import Engine
from codecommons.lake import Lake, StagedFile, StagingArea, close_stage
from codecommons.lake.schemas import LICENSE_DECISION
from codecommons.lake.stages import digest, seconds_each
from codecommons.license.decide import decide
from codecommons.license.evidence import gather, slice_files
from codecommons.license.policy import CONFLICT, NO_LICENSE, Policy, policies
from codecommons.report import STAGES, CheckResult, Measure, StageReport

STAGE, BEFORE = STAGES[2], STAGES[1]
# The policy whose verdicts the funnel shows; datasets choose their own.
DEFAULT = "permissive"
TOP = 20
_FILES_AT_ONCE = 200_000


def qualify_slice(lake: Lake, engine: Engine, slice: str, source: str) -> StageReport:
    """Decide on the files of a slice's trees under every policy, each tree once per policy digest.

    Args:
        lake: the lake.
        engine: where the work runs.
        slice: the day.
        source: the source.

    Returns:
        Rows are the files that the stage before kept; kept are those that the policy ``permissive`` calls permissive, the others
        are dropped by verdict (nothing is lost: each has its decision). Computed and reused are decisions. ``details``: policies
        (name -> key and verdicts), funnel (verdict, rule, files, bytes) and expressions (the most frequent), both under
        ``permissive``.

    Raises:
        GateError: the slice has not been annotated well.
        LakeError: the lake can't be read or written.
        UsageError: a policy file makes no sense.
    """
    lake.log.require_passed(slice, source, BEFORE)
    report = StageReport(STAGE, slice, source)
    known = policies(lake.settings)
    keys = {name: policy.key(lake.settings) for name, policy in known.items()}
    with Measure() as measure:
        roots = slice_roots(lake, slice, source).select("root").unique().sort("root")
        missing = {name: _missing(lake, keys[name], roots) for name in known}
        with lake.staging(f"license-{source}") as area:
            for name, policy in known.items():
                task = partial(_decide_task, lake, area, policy, keys[name])
                lake.commit(
                    area,
                    engine.map(task, list(_batches(lake, missing[name])), name=lambda run: f"deciding on {run.height} trees"),
                    engine,
                )
        decided = {name: _decisions(lake, key, roots).collect() for name, key in keys.items()}
        files = slice_files(lake, slice, source)
        _describe(report, keys, decided, files)
    report.seconds, report.peak_memory = measure.seconds, measure.peak_memory
    report.computed = sum(decided[name].join(frame, on="root", how="semi").height for name, frame in missing.items())
    report.reused = sum(frame.height for frame in decided.values()) - report.computed
    report.seconds_saved = report.reused * seconds_each(lake, report)
    checks = _checks(lake, report, known, decided, roots)
    before = lake.log.verdict(slice, source, BEFORE) or {}
    return close_stage(lake, report, checks, input_digest=digest([before.get("attempt"), sorted(keys.values())]))


def decisions(lake: Lake, policy: Policy) -> pl.LazyFrame:
    """The decisions of a policy as it is now, over all trees (columns of ``license_decision``)."""
    return lake.scan(LICENSE_DECISION).filter(pl.col("policy") == policy.key(lake.settings))


def _missing(lake: Lake, key: str, roots: pl.DataFrame) -> pl.DataFrame:
    """The trees that have no decisions under a policy."""
    return lake.keys_missing(LICENSE_DECISION, roots.select(pl.lit(key).alias("policy"), "root")).select("root")


def _batches(lake: Lake, roots: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut roots into runs of a bounded number of files; a tree is never cut."""
    counts = lake.scan("tree_file").join(roots.lazy(), on="root", how="semi").group_by("root").len().sort("root").collect()
    run = (counts["len"].cum_sum() - 1) // _FILES_AT_ONCE
    yield from counts.select("root", run=run).partition_by("run", maintain_order=True, include_key=False)


def _decide_task(lake: Lake, area: StagingArea, policy: Policy, key: str, roots: pl.DataFrame) -> list[StagedFile]:
    writer = area.writer(f"decide-{policy.name}")
    rows = decide(gather(lake, roots), policy).with_columns(policy=pl.lit(key))
    writer.add(LICENSE_DECISION.name, rows.select(f.name for f in LICENSE_DECISION.fields).to_arrow())
    return writer.close()


def _decisions(lake: Lake, key: str, roots: pl.DataFrame) -> pl.LazyFrame:
    mine = lake.scan(LICENSE_DECISION).filter(pl.col("policy") == key)
    return mine.join(roots.lazy(), on="root", how="semi").select(
        "root", "path", "expression", "verdict", "rule", evidence=pl.col("evidence").list.len()
    )


def _describe(report: StageReport, keys: dict[str, str], decided: dict[str, pl.DataFrame], files: pl.DataFrame) -> None:
    """Fill the report's figures and ``details``."""
    sizes = files.select("root", "path", "length")
    counted = {name: frame.drop("evidence").join(sizes, on=["root", "path"]) for name, frame in decided.items()}
    mine = counted[DEFAULT]
    report.rows_in, report.bytes_in = files.height, int(files["length"].sum())
    for row in _count(mine, "verdict"):
        if row["verdict"] == "permissive":
            report.rows_kept, report.bytes_kept = row["files"], row["bytes"]
        else:
            report.drop(row["verdict"], row["files"], row["bytes"])
    report.details["policies"] = {
        name: {"key": keys[name], "verdicts": {row["verdict"]: row["files"] for row in _count(frame, "verdict")}}
        for name, frame in counted.items()
    }
    report.details["funnel"] = _count(mine, "verdict", "rule")
    report.details["expressions"] = [{"name": row["expression"], **row} for row in _count(mine, "expression", "verdict")[:TOP]]


def _count(files: pl.DataFrame, *columns: str) -> list[dict[str, Any]]:
    """Files and bytes by some columns, most files first."""
    counts = files.group_by(columns).agg(files=pl.len(), bytes=pl.sum("length"))
    return counts.sort(["files", *columns], descending=[True, *(False for _ in columns)]).to_dicts()


def _checks(
    lake: Lake, report: StageReport, known: dict[str, Policy], decided: dict[str, pl.DataFrame], roots: pl.DataFrame
) -> list[CheckResult]:
    again = f"materialize {STAGE} of {report.slice} again"
    expected = lake.scan("tree_file").join(roots.lazy(), on="root", how="semi").select("root", "path").collect()
    twice = {name: frame.height - frame.select("root", "path").n_unique() for name, frame in decided.items()}
    lost = {name: expected.join(frame, on=["root", "path"], how="anti").height for name, frame in decided.items()}
    wrong = [name for name in known if twice[name] or lost[name]]
    silent = sum(_silent(frame).height for frame in decided.values())
    against = [found for name, policy in known.items() for found in _against(policy, decided[name])]
    arrived = sum(
        one.files_kept for one in lake.reports() if (one.slice, one.source, one.stage) == (report.slice, report.source, BEFORE)
    )
    return [
        CheckResult(
            "conservation",
            report.conserved,
            f"{report.rows_in} files in, {report.rows_kept} permissive, the others by verdict"
            if report.conserved
            else f"{report.rows_in} files came in, and verdicts are there for another number; {again}",
        ),
        CheckResult(
            "one_decision_a_file",
            not wrong,
            f"every one of {expected.height} files has one decision under each of {len(known)} policies"
            if not wrong
            else f"policy {wrong[0]}: {lost[wrong[0]]} files without a decision, {twice[wrong[0]]} with more than one; {again}",
            {"trees": roots.height, "files": expected.height, "policies": len(known)},
        ),
        CheckResult(
            "reason_and_evidence",
            not silent,
            "every decision names its rule and its evidence"
            if not silent
            else f"{silent} decisions have no rule or no evidence; {again}",
        ),
        CheckResult(
            "policy_honoured",
            not against,
            "every verdict is what its policy says of the expression" if not against else f"{against[0]}; {again}",
        ),
        CheckResult(
            "no_empty_success",
            bool(report.rows_in) or not arrived,
            f"{report.rows_in} files decided on"
            if report.rows_in or not arrived
            else f"{BEFORE} kept {arrived} files of {report.source}, and none of them arrived here; {again}",
        ),
    ]


def _silent(decided: pl.DataFrame) -> pl.DataFrame:
    return decided.filter(pl.col("rule").is_null() | (pl.col("evidence").fill_null(0) == 0))


def _against(policy: Policy, decided: pl.DataFrame) -> list[str]:
    """Verdicts that the policy does not give, as sentences."""
    found = []
    for expression, verdict, rule in (
        decided.select("expression", "verdict", "rule").unique().sort("expression", "verdict", "rule").rows()
    ):
        said = policy.judge(expression) if expression is not None else None
        right = (said.verdict, said.rule) if said else ("unknown", NO_LICENSE)
        if verdict != CONFLICT and (verdict, rule.partition("/")[2]) != right:
            found.append(f"policy {policy.name} says {right[0]} of {expression}, yet files with it are {verdict} by {rule}")
    return found
