# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The third stage: what is said of every file in its own tree, resolved once, and what that is worth under every policy.

Thousands of files share a statement, and a policy judges statements. So a policy that changes is asked about some hundred
statements, and no tree, annotation or byte is looked at again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import polars as pl
import pyarrow as pa

from codecommons.archive import slice_roots
from codecommons.engine import Engine
from codecommons.lake import Lake, StagedFile, StagingArea, close_stage
from codecommons.lake.schemas import LICENSE_JUDGEMENT, LICENSE_RESOLUTION
from codecommons.lake.stages import digest, seconds_each
from codecommons.license import resolve
from codecommons.license.evidence import gather, slice_files
from codecommons.license.policy import Policy, policies, unreadable
from codecommons.report import STAGES, CheckResult, Measure, StageReport

STAGE, BEFORE = STAGES[2], STAGES[1]
# The policy whose verdicts the funnel shows; datasets choose their own.
DEFAULT = "permissive"
TOP = 20
_FILES_AT_ONCE = 200_000


def qualify_slice(lake: Lake, engine: Engine, slice: str, source: str) -> StageReport:
    """Decide on the files of a slice's trees under every policy: each tree is resolved once, each statement judged once.

    Args:
        lake: the lake.
        engine: where the work runs.
        slice: the day.
        source: the source.

    Returns:
        Rows are the files that the stage before kept; kept are those that the policy ``permissive`` calls permissive, the others
        are dropped by verdict (nothing is lost: each has its decision). Computed and reused are decisions. ``details``: policies
        (name -> key and verdicts), funnel (verdict, rule, files, bytes) and expressions (the most frequent), both under
        ``permissive``; remarks (policies that can't be read and so decide nothing, a line each).

    Raises:
        GateError: the slice has not been annotated well.
        LakeError: the lake can't be read or written.
    """
    lake.log.require_passed(slice, source, BEFORE)
    report = StageReport(STAGE, slice, source)
    known = policies(lake.settings)
    keys = {name: policy.key(lake.settings) for name, policy in known.items()}
    with Measure() as measure:
        roots = slice_roots(lake, slice, source).select("root").unique().sort("root")
        ways = sorted({policy.resolution for policy in known.values()})
        new_roots = {way: resolve_trees(lake, engine, source, way, roots) for way in ways}
        new_statements = {name: judge_statements(lake, engine, source, policy, roots) for name, policy in known.items()}
        decided = {name: _of_roots(lake, key, roots) for name, key in keys.items()}
        files = slice_files(lake, slice, source)
        _describe(report, keys, decided, files)
    report.details["remarks"] = [f"left out: {why}" for why in unreadable(lake.settings).values()]
    report.took(measure)
    report.computed = sum(
        frame.filter(
            pl.col("root").is_in(new_roots[known[name].resolution]["root"].implode())
            | pl.col("statement").is_in(new_statements[name]["statement"].implode())
        ).height
        for name, frame in decided.items()
    )
    report.reused = sum(frame.height for frame in decided.values()) - report.computed
    report.seconds_saved = report.reused * seconds_each(lake, report)
    checks = _checks(lake, report, known, decided, roots)
    before = lake.log.verdict(slice, source, BEFORE) or {}
    return close_stage(lake, report, checks, input_digest=digest([before.get("attempt"), sorted(keys.values())]))


def decisions(lake: Lake, key: str) -> pl.LazyFrame:
    """The decisions of a policy over all trees.

    Args:
        lake: the lake.
        key: ``Policy.key``.

    Returns:
        policy, root, path, content, expression (SPDX, null where nothing is said), verdict, rule (what decided and the policy's
        rule, ``header/permissive-license``), version (of the policy), obligations and evidence (lists of text).
    """
    judged = lake.scan(LICENSE_JUDGEMENT).filter(pl.col("policy") == key).drop("bucket")
    said = lake.scan(LICENSE_RESOLUTION).select("resolution", "root", "path", "content", "statement", "kind", "evidence")
    return said.join(judged, on=["resolution", "statement"]).select(
        "policy",
        "root",
        "path",
        "content",
        expression=pl.when(pl.col("decided") != "").then("decided"),
        verdict="verdict",
        rule=pl.format("{}/{}", "kind", "rule"),
        version="version",
        obligations="obligations",
        evidence="evidence",
    )


def resolve_trees(lake: Lake, engine: Engine, source: str, way: str, roots: pl.DataFrame) -> pl.DataFrame:
    """Resolve the trees that have not been, and say which these are."""
    key = resolve.key(lake.settings, way)
    new = lake.keys_missing(LICENSE_RESOLUTION, roots.select(pl.lit(key).alias("resolution"), "root")).select("root")
    with lake.staging(f"license-{source}") as area:
        task = partial(_resolve_task, lake, area, way, key)
        lake.commit(area, engine.map(task, list(_batches(lake, new)), name=lambda run: f"resolving {run.height} trees"), engine)
    return new


def judge_statements(lake: Lake, engine: Engine, source: str, policy: Policy, roots: pl.DataFrame) -> pl.DataFrame:
    """Judge the statements about some trees that have not been, and say which these are."""
    key, resolution = policy.key(lake.settings), resolve.key(lake.settings, policy.resolution)
    said = lake.scan(LICENSE_RESOLUTION).filter(pl.col("resolution") == resolution).join(roots.lazy(), on="root", how="semi")
    statements = said.select("statement", "expression", "otherwise").unique("statement").sort("statement").collect()
    wanted = statements.select(pl.lit(key).alias("policy"), "statement")
    new = statements.join(lake.keys_missing(LICENSE_JUDGEMENT, wanted), on="statement", how="semi").sort("statement")
    judged = [policy.decide(*row) for row in new.select("expression", "otherwise").iter_rows()]
    rows = {
        "policy": [key] * new.height,
        "statement": new["statement"].to_list(),
        "resolution": [resolution] * new.height,
        "decided": [decided for decided, _ in judged],
        "verdict": [judgement.verdict for _, judgement in judged],
        "rule": [judgement.rule for _, judgement in judged],
        "version": [policy.version] * new.height,
        "obligations": [list(judgement.obligations) for _, judgement in judged],
    }
    with lake.staging(f"license-{source}") as area:
        writer = area.writer(f"judge-{policy.name}")
        writer.add(LICENSE_JUDGEMENT.name, pa.table(rows, schema=pa.schema(LICENSE_JUDGEMENT.fields)))
        lake.commit(area, [writer.close()], engine)
    return new


def _batches(lake: Lake, roots: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut roots into runs of a bounded number of files; a tree is never cut."""
    counts = lake.scan("tree_file").join(roots.lazy(), on="root", how="semi").group_by("root").len().sort("root").collect()
    run = (counts["len"].cum_sum() - 1) // _FILES_AT_ONCE
    yield from counts.select("root", run=run).partition_by("run", maintain_order=True, include_key=False)


def _resolve_task(lake: Lake, area: StagingArea, way: str, key: str, roots: pl.DataFrame) -> list[StagedFile]:
    writer = area.writer(f"resolve-{way}")
    rows = resolve.RESOLUTIONS[way](gather(lake, roots))
    said = rows.select("expression", "otherwise").unique()
    names = [statement_id(*row) for row in said.iter_rows()]
    said = said.with_columns(statement=pl.Series(names, dtype=pl.Binary), resolution=pl.lit(key))
    rows = rows.join(said, on=["expression", "otherwise"], how="left")
    writer.add(LICENSE_RESOLUTION.name, rows.select(f.name for f in LICENSE_RESOLUTION.fields).to_arrow())
    return writer.close()


def statement_id(expression: str, otherwise: str) -> bytes:
    """What ``license_resolution.statement`` is."""
    return hashlib.sha1(f"{expression}\0{otherwise}".encode(), usedforsecurity=False).digest()


def _of_roots(lake: Lake, key: str, roots: pl.DataFrame) -> pl.DataFrame:
    """The decisions on some trees, with what they were judged from."""
    judged = (
        lake.scan(LICENSE_JUDGEMENT)
        .filter(pl.col("policy") == key)
        .select("resolution", "statement", "verdict", "rule", "decided")
    )
    said = lake.scan(LICENSE_RESOLUTION).join(roots.lazy(), on="root", how="semi")
    return (
        said.join(judged, on=["resolution", "statement"])
        .select(
            "root",
            "path",
            "statement",
            "otherwise",
            said="expression",
            expression=pl.when(pl.col("decided") != "").then("decided"),
            verdict="verdict",
            rule=pl.format("{}/{}", "kind", "rule"),
            evidence=pl.col("evidence").list.len(),
        )
        .collect()
    )


def _describe(report: StageReport, keys: dict[str, str], decided: dict[str, pl.DataFrame], files: pl.DataFrame) -> None:
    """Fill the report's figures and ``details``."""
    sizes = files.select("root", "path", "length")
    counted = {name: frame.drop("evidence", "statement").join(sizes, on=["root", "path"]) for name, frame in decided.items()}
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
    for said, otherwise, verdict, rule in decided.select("said", "otherwise", "verdict", "rule").unique().sort(pl.all()).rows():
        _, right = policy.decide(said, otherwise)
        if (verdict, rule.partition("/")[2]) != (right.verdict, right.rule):
            found.append(
                f"policy {policy.name} says {right.verdict} of {said or 'nothing'}, yet files with it are {verdict} by {rule}"
            )
    return found
