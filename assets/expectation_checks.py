# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The Great Expectations suites as blocking asset checks: one step runs all suites of a stage, so the import is paid once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import dagster as dg

from assets.expectations import SUITES, Suite
from assets.outcomes import Outcome, evaluations, hand_over, plain_errors
from assets.partitions import DATASETS, SLICES
from assets.stages import Event
from assets.tags import WITHOUT_EXPECTATIONS
from assets.validation import validate
from codecommons.annotate import current
from codecommons.lake import Lake
from codecommons.report import STAGES, CheckResult
from resources import LakeResource


@dataclass(frozen=True)
class Subject:
    """What a suite looks at: one source of one slice, or the newest release of a dataset.

    Attributes:
        partition: the partition key its verdict counts for.
        slice: the slice in the lake's log.
        source: the source in the lake's log.
        fingerprint: of the release, for a dataset.
        previous: the source's last slice before this one that passed the stage; empty when there is none.
    """

    partition: str
    slice: str
    source: str
    fingerprint: str = ""
    previous: str = ""


def expectation_step(stage: str) -> dg.AssetChecksDefinition:
    """The step that runs every suite of a stage over what has passed it."""
    suites = [suite for suite in SUITES if suite.stage == stage]
    partitions = DATASETS if stage == STAGES[-1] else SLICES
    specs = [
        dg.AssetCheckSpec(
            suite.name, asset=stage, description=suite.description, blocking=suite.blocking, partitions_def=partitions
        )
        for suite in suites
    ]

    @dg.multi_asset_check(name=f"{stage}_expectations", specs=specs)
    def step(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> Iterator[Event]:
        if WITHOUT_EXPECTATIONS in context.run.tags:
            # Dagster adds every check of an asset to a backfill that is started in the interface, whichever its job leaves out.
            context.log.info("this run leaves Great Expectations out; a run of `slice` has them")
            yield from hand_over(context, [], [], specs)
            return
        with plain_errors(context):
            opened, partitions_here = lake.open(), context.op_execution_context.partition_keys
            looked_at = subjects(opened, stage, partitions_here)
            judged = judge(opened, looked_at, suites)
            outcomes = [record(opened, stage, subject, judged[subject]) for subject in looked_at]
            results = [(subject.partition, subject.source, check) for subject in looked_at for check in judged[subject]]
            failed_before = {day for day in partitions_here if opened.log.sources(day)} - {
                subject.partition for subject in looked_at
            }
            yield from evaluations(stage, [key for key in partitions_here if key not in failed_before], results, specs)
            yield from hand_over(context, outcomes, [], specs)

    return step


def subjects(lake: Lake, stage: str, partitions: Sequence[str]) -> list[Subject]:
    """What passed the stage in the partitions of a run."""
    if stage != STAGES[-1]:
        return [
            Subject(day, day, source, previous=lake.log.passed_before(day, source, stage) or "")
            for day in partitions
            for source in lake.log.passed_sources(day, stage)
        ]
    newest = [report for report in lake.reports() if report.stage == stage and report.source in partitions]
    return [
        Subject(report.source, report.slice, report.source, str(report.details.get("fingerprint", "")))
        for report in newest
        if report.source in lake.log.passed_sources(report.slice, stage)
    ]


def judge(lake: Lake, looked_at: Sequence[Subject], suites: Sequence[Suite]) -> dict[Subject, list[CheckResult]]:
    """Run every suite on every subject; queries run in DuckDB over the lake's views, Great Expectations over their results."""
    found = []
    with lake.sql() as connection:
        connection.execute("set variable digests = ?", [{name: one.digest for name, one in current(lake.settings).items()}])
        for subject in looked_at:
            for name in ("slice", "source", "fingerprint", "previous"):
                connection.execute(f"set variable {name} = ?", [getattr(subject, name)])
            found += [(suite, connection.execute(suite.query).df()) for suite in suites]
    results = validate(found)
    return {subject: [_with_next_command(next(results), subject) for _ in suites] for subject in looked_at}


def _with_next_command(check: CheckResult, subject: Subject) -> CheckResult:
    if check.passed:
        return check
    command = f"dataset build {subject.source}" if subject.fingerprint else f"ingest --day {subject.slice}"
    return replace(check, description=f"{check.description}. Put that right, then run: codecommons {command}")


def record(lake: Lake, stage: str, subject: Subject, results: Sequence[CheckResult]) -> Outcome:
    """Shut the lake's gate behind a subject that doesn't meet what is expected of it; a warning shuts nothing."""
    red = [check for check in results if not check.passed and check.name in _BLOCKING]
    if not red:
        return Outcome(subject.partition, subject.source)
    lake.log.record(subject.slice, subject.source, stage, "failed", failing_check=red[0].name, detail=red[0].description)
    what = "; ".join(f"{check.name}: {check.description}" for check in red)
    return Outcome(subject.partition, subject.source, problem=f"{stage} of {subject.source} ({subject.partition}): {what}")


def expectations_shut(lake: Lake, day: str) -> bool:
    """Whether a gate of a slice is shut by expectations, so that only a run that looks again can open it."""
    names = {suite.name for suite in SUITES}
    return any(row["slice"] == day and row["failing_check"] in names for row in lake.log.verdicts().to_dicts())


_BLOCKING = frozenset(suite.name for suite in SUITES if suite.blocking)
CHECKS = [expectation_step(stage) for stage in STAGES]
CHECK_KEYS = [key for step in CHECKS for key in step.check_keys]
