# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How a step takes its slices one by one, and how it tells Dagster what became of each.

A slice that fails doesn't stop the others: it is recorded as failed in ``slice_log``, the step goes on, hands over what passed,
and fails at its end. The executor (``codecommons_dagster.build``) starts a step as soon as the outputs it needs are
there, so later stages go on with what passed, while a step that hands over nothing holds them back. That is why a step
here yields its check outputs itself and raises ``Failure``: a blocking check alone would stop the good slices with the bad ones.

What fails in a way that may pass, such as a server that can't be reached, is tried again by the step itself, before it hands
anything over (else the later stages would have gone on without it); after that the run is stamped, so that the daemon and the
sensor ``try_again`` know whether running it again makes sense. What fails over its input fails again: nobody tries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import dagster as dg
from dagster._core.errors import DagsterUserCodeProcessError
from dagster._core.storage.tags import RETRY_ON_ASSET_OR_OP_FAILURE_TAG
from dagster_shared.error import SerializableErrorInfo

from assets.expectations import SUITES
from assets.tags import BY_HAND, FAILURE, LOGGED, PASSING, PERMANENT, WITHOUT_EXPECTATIONS
from codecommons.engine import Engine
from codecommons.errors import CodeCommonsError, GateError, no_panic
from codecommons.lake import Lake
from codecommons.lake.storage import of_reader
from codecommons.report import STAGES, CheckResult, StageReport
from codecommons.settings import Settings

# The check of every stage that holds whatever went wrong, also what no check of the stage's own could see.
COMPLETED = "completed"

# Seconds before a step tries again what may pass: a busy server, a restarted one, a short outage.
WAITS = (10, 60, 240)

_SUITES = frozenset(suite.name for suite in SUITES)

Context = dg.OpExecutionContext | dg.AssetExecutionContext | dg.AssetCheckExecutionContext
Work = Callable[[Lake, Engine, str, str], StageReport]


@dataclass(frozen=True)
class Outcome:
    """What became of one source of one slice in one stage (for a dataset: both are its name).

    Attributes:
        partition: the partition key it counts for.
        source: the source.
        report: what the stage did; None when it raised.
        problem: None when it passed; else one line: the item, the reason, what to do next.
        skipped: whether it was left alone because an earlier step of the same run, red already, failed on it.
        passing: whether the problem may be gone when the same is tried again.
        logged: whether the lake's log has the problem.
    """

    partition: str
    source: str
    report: StageReport | None = None
    problem: str | None = None
    skipped: bool = False
    passing: bool = False
    logged: bool = True

    @property
    def passed(self) -> bool:
        """Whether the next stage may go on with it."""
        return self.problem is None


class _PlainError(DagsterUserCodeProcessError):
    """Dagster shows what another process has told of an error as it is, and any other error with where it was raised."""

    def _say(self, problem: str) -> None:
        self.user_code_process_error_infos = [SerializableErrorInfo(problem, [], None)]


class PlainFailure(_PlainError, dg.Failure):  # noqa: N818 (called as Dagster calls it)
    """A failure over what a user can put right: the interface has the line, and no trace of calls below it."""

    def __init__(self, problem: str) -> None:
        """With the line."""
        dg.Failure.__init__(self, problem, allow_retries=False)
        self._say(problem)


class PlainRetry(_PlainError, dg.RetryRequested):  # noqa: N818 (called as Dagster calls it)
    """The same of a step that is tried again."""

    def __init__(self, problem: str, seconds: int) -> None:
        """With the line, and how long to wait."""
        dg.RetryRequested.__init__(self, max_retries=len(WAITS), seconds_to_wait=seconds)
        self._say(problem)


def by_hand(run: dg.DagsterRun) -> bool:
    """Whether a command runs it; one that runs it again, from the interface or by itself, has its tags, but nobody who waits."""
    return BY_HAND in run.tags and run.parent_run_id is None


@contextmanager
def plain_errors(context: Context) -> Iterator[None]:
    """Turn what a user can put right into a ``Failure`` whose description is that line; what may pass is tried again first.

    So what a reader of tables stumbles over in its own words: it names no table, and has no advice.
    """
    try:
        yield
    except Exception as error:
        reads = of_reader(error) or isinstance(error, FileNotFoundError)
        reason = Lake.open(Settings.from_environment()).told(error) if reads else error
        if not isinstance(reason, CodeCommonsError):
            raise
        if reason.passing:
            try_again(context, str(reason))
        give_up(context, str(reason), reason.passing)


def try_again(context: Context, problem: str) -> None:
    """Have Dagster run this step again in a while, unless it has been tried often enough or somebody waits for the run.

    Raises:
        dg.RetryRequested: it will be run again.
    """
    if not by_hand(context.run) and context.retry_number < len(WAITS):
        seconds = WAITS[context.retry_number]
        context.log.warning("%s. It may pass: this step tries again in %d s", problem, seconds)
        raise PlainRetry(problem, seconds)


def give_up(context: Context, problem: str, passing: bool, logged: bool = False) -> NoReturn:
    """Fail the step, and say on the run whether running it again may help and whether the lake's log knows.

    Raises:
        dg.Failure: always; its description is the problem.
    """
    run = context.instance.get_run_by_id(context.run.run_id)
    if run is not None and not by_hand(run):
        kind = PASSING if passing or run.tags.get(FAILURE) == PASSING else PERMANENT
        known = logged and run.tags.get(LOGGED) != "false"
        tags = {FAILURE: kind, LOGGED: str(known).lower(), RETRY_ON_ASSET_OR_OP_FAILURE_TAG: str(kind == PASSING).lower()}
        context.instance.add_run_tags(context.run.run_id, tags)
    raise PlainFailure(problem)


def work_through(
    context: dg.AssetExecutionContext, lake: Lake, engine: Engine, stage: str, work: Work, only: str | None = None
) -> list[Outcome]:
    """Do a stage's work for every slice of the run and every source that has input (or ``only`` that one)."""
    return [
        attempt(context, lake, stage, day, source, partial(work, lake, engine, day, source))
        for day in context.partition_keys
        for source in lake.log.sources(day)
        if only in (None, source)
    ]


def attempt(
    context: dg.AssetExecutionContext, lake: Lake, stage: str, partition: str, source: str, work: Callable[[], StageReport]
) -> Outcome:
    """Do one piece of a stage's work; if it raises, say so in the run's log and in the lake's."""
    before = lake.log.verdict(partition, source, stage) if partition != source else None
    try:
        with no_panic():
            report = work()
    except Exception as raised:
        # The stage that a slice waits for has said so in the log; of what a dataset is refused for nobody else says anything.
        if isinstance(raised, GateError) and partition != source:
            context.log.warning(str(raised))
            return Outcome(partition, source, problem=str(raised), skipped=_runs_here(context, STAGES[STAGES.index(stage) - 1]))
        error = lake.told(raised)
        if not isinstance(error, CodeCommonsError):
            context.log.exception("%s of %s on %s: a defect of ours", stage, source, partition)
        reason = str(error) if isinstance(error, CodeCommonsError) else f"{type(error).__name__}: {error}"
        day = partition if partition != source else _day_of(lake, source)
        if day is not None:
            lake.log.record(day, source, stage, "failed", failing_check=COMPLETED, detail=reason)
        again = f"dataset build {source}" if partition == source else f"ingest --day {partition}"
        said = f"{stage} of {source} ({partition}): {reason}. Put that right, then run: codecommons {again}"
        passing = isinstance(error, CodeCommonsError) and error.passing
        return Outcome(partition, source, problem=said, passing=passing, logged=day is not None)
    context.log.info(
        "%s of %s (%s): %d of %d %s kept, %.1f s",
        stage,
        source,
        partition,
        report.rows_kept,
        report.rows_in,
        report.unit,
        report.seconds,
    )
    if before and before["failing_check"] in _SUITES and context.run.tags.get(WITHOUT_EXPECTATIONS):
        return _still_red(lake, before, report)
    return outcome_of(partition, source, report)


def _day_of(lake: Lake, dataset: str) -> str | None:
    """The day as of which a dataset was to be built; None when nobody can say."""
    from codecommons.datasets import day_of

    try:
        return day_of(lake, dataset)
    except CodeCommonsError:
        return None


def _still_red(lake: Lake, before: dict[str, Any], report: StageReport) -> Outcome:
    """A run without expectations doesn't open the gate that they have shut, unless the stage came to another outcome."""
    key = (report.slice, report.source, report.stage)
    now = lake.log.verdict(*key)
    if not now or now["verdict"] == "failed" or now["attempt"] != before["attempt"]:
        return outcome_of(report.slice, report.source, report)
    lake.log.record(*key, "failed", failing_check=before["failing_check"], detail=before["detail"])
    said = f"{report.stage} of {report.source} ({report.slice}): {before['failing_check']}: {before['detail']}"
    return Outcome(report.slice, report.source, report, said)


def outcome_of(partition: str, source: str, report: StageReport) -> Outcome:
    """The outcome that a stage's checks of itself give."""
    red = [check for check in report.checks if not check.passed]
    what = "; ".join(f"{check.name}: {check.description}" for check in red)
    problem = f"{report.stage} of {source} ({partition}): {what}" if red else None
    return Outcome(partition, source, report, problem, passing=any(check.passing for check in red))


def _runs_here(context: dg.AssetExecutionContext, stage: str) -> bool:
    return dg.AssetKey(stage) in context.job_def.asset_layer.executable_asset_keys


def check_specs(stage: str, checks: dict[str, str], partitions: dg.PartitionsDefinition) -> list[dg.AssetCheckSpec]:
    """Declare a stage's own checks (name -> description) and ``COMPLETED`` on the asset that closes it; they block."""
    described = {COMPLETED: "Every source of the slice got through the stage.", **checks}
    return [
        dg.AssetCheckSpec(name, asset=stage, description=description, blocking=True, partitions_def=partitions)
        for name, description in described.items()
    ]


def checks_of(outcome: Outcome) -> list[CheckResult]:
    """A stage's checks of itself, and ``COMPLETED``."""
    own = outcome.report.checks if outcome.report else []
    return [*own, CheckResult(COMPLETED, outcome.passed, outcome.problem or "passed")]


def evaluations(
    stage: str, partitions: Iterable[str], results: Iterable[tuple[str, str, CheckResult]], specs: Sequence[dg.AssetCheckSpec]
) -> Iterator[dg.AssetCheckEvaluation]:
    """Give check results to Dagster, one per partition and check, all sources taken together.

    Args:
        stage: whose closing asset was checked.
        partitions: the partitions that were looked at; one without any result has no input, which is no failure.
        results: (partition, source, result).
        specs: the checks that are declared; results of others are left out.
    """
    found: dict[tuple[str, str], list[tuple[str, CheckResult]]] = defaultdict(list)
    for partition, source, check in results:
        found[partition, check.name].append((source, check))
    busy = {partition for partition, _ in found}
    for partition in partitions:
        for spec in specs:
            group = found[partition, spec.name]
            if group or partition not in busy:
                yield _evaluation(stage, spec, partition, group)


def _evaluation(
    stage: str, spec: dg.AssetCheckSpec, partition: str, results: Sequence[tuple[str, CheckResult]]
) -> dg.AssetCheckEvaluation:
    """One check of one partition: red when it is red for any source, and then its description speaks of the red ones only."""
    red = [result for result in results if not result[1].passed]
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(stage),
        check_name=spec.name,
        passed=not red,
        severity=dg.AssetCheckSeverity.ERROR if spec.blocking else dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{source}: {check.description}" for source, check in red or results)
        or "There is nothing to look at.",
        metadata={f"{source}: {label}": _shown(value) for source, check in results for label, value in check.metadata.items()},
        partition=partition,
        # Blocking is done by `hand_over`; Dagster's own would stop the good slices of a range too.
        blocking=False,
    )


def _shown(value: Any) -> dg.MetadataValue[Any]:
    """Figures as figures, which the UI plots over time; the rest as it reads best."""
    if isinstance(value, (dict, list)):
        return dg.MetadataValue.json(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return dg.MetadataValue.float(value) if isinstance(value, float) else dg.MetadataValue.int(value)
    return dg.MetadataValue.text(str(value))


def hand_over(
    context: Context,
    outcomes: Sequence[Outcome],
    results: Iterable[dg.MaterializeResult[None]],
    checks: Iterable[dg.AssetCheckSpec],
) -> Iterator[dg.MaterializeResult[None] | dg.Output[None]]:
    """Yield a step's assets and check outputs unless nothing passed, then fail the step if anything failed.

    Raises:
        dg.Failure: its description has a line for each source of a slice that failed.
    """
    if not outcomes or any(outcome.passed for outcome in outcomes):
        yield from results
        for spec in checks:
            yield dg.Output(None, output_name=spec.get_python_identifier())
    fail(context, outcomes)


def try_again_what_may_pass(context: Context, outcomes: Sequence[Outcome]) -> None:
    """Run the step again if anything failed in it that may pass; to be called before anything is handed over."""
    for outcome in outcomes:
        if outcome.problem and outcome.passing:
            try_again(context, outcome.problem)


def fail(context: Context, outcomes: Sequence[Outcome]) -> None:
    """Fail the step over what failed in it; what an earlier step of this run has failed on already is told there."""
    told = [outcome.problem for outcome in outcomes if outcome.problem and not outcome.skipped]
    if told:
        lines = "\n".join(f"- {problem}" for problem in told)
        said = told[0] if len(outcomes) == 1 else f"{len(told)} of {len(outcomes)} failed:\n{lines}"
        passing = any(outcome.passing for outcome in outcomes)
        give_up(context, said, passing, all(outcome.logged for outcome in outcomes))


def by_partition(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes per partition key, in order."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.partition].append(outcome)
    return dict(groups)
