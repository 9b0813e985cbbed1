# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How steps take slices one by one: a toy stage of our own writing over a real lake and a real Dagster run."""

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.outcomes import attempt, check_specs, plain_errors
from assets.partitions import BACKFILL, SLICES
from assets.specs import stage_spec
from assets.stages import run_stage
from assets.tags import BY_HAND, FAILURE
from codecommons.errors import GateError, LakeError, UnreachableError
from codecommons.lake import Lake, SliceInput, close_stage
from codecommons.report import CheckResult, StageReport
from codecommons.settings import Settings
from codecommons.status import status
from codecommons_dagster.build import EXECUTOR
from codecommons_dagster.instance import CONFIGURATION
from codecommons_dagster.jobs import NO_RETRY
from resources import EngineResource, LakeResource

DAYS = ["2026-01-01", "2026-01-02", "2026-01-03"]
AGAIN = "Put that right, then run: codecommons ingest --day 2026-01-01"


def toy_stage(stage, deps, behaviour):
    """A stage whose work on (day, source) is what ``behaviour`` says: passes, has a red check, or raises."""
    specs = [stage_spec(stage, "a toy", deps)]
    checks = check_specs(stage, {"even": "is even"}, SLICES)

    def work(lake, engine, day, source):
        if stage != "raw_archive_slice":
            lake.log.require_passed(day, source, "raw_archive_slice")
        says = behaviour.get((stage, day, source), "passes")
        if isinstance(says, Exception):
            raise says
        report = StageReport(stage, day, source, rows_in=2, bytes_in=10, rows_kept=2, bytes_kept=10, seconds=0.1)
        return close_stage(lake, report, [CheckResult("even", says == "passes", f"{day} is odd; run it again", FIGURES)])

    @dg.multi_asset(name=stage, specs=specs, check_specs=checks, backfill_policy=BACKFILL)
    def step(context: dg.AssetExecutionContext, lake: LakeResource, engine: EngineResource):
        yield from run_stage(context, lake, engine, work, specs, checks)

    return step


BEHAVIOUR: dict = {}
FIGURES = {"rows": 2, "share": 0.5, "wrong": ["one"], "who": "x"}


def toy_job():
    first = toy_stage("raw_archive_slice", [], BEHAVIOUR)
    second = toy_stage("enriched_context", ["raw_archive_slice"], BEHAVIOUR)
    job = dg.define_asset_job("toy", dg.AssetSelection.all())
    resources = {"lake": LakeResource(), "engine": EngineResource()}
    return dg.Definitions(assets=[first, second], resources=resources, jobs=[job], executor=EXECUTOR).resolve_job_def("toy")


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    monkeypatch.setenv("CODECOMMONS_WORKERS", "0")
    lake = Lake.open(Settings.from_environment())
    lake.log.add_input(SliceInput(day, source, "x", "1") for day in DAYS for source in ("npm", "pypi"))
    return lake


def run(behaviour, days=DAYS, assets=None):
    BEHAVIOUR.clear()
    BEHAVIOUR.update(behaviour)
    tags = {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[-1]}
    selection = [dg.AssetKey(name) for name in assets] if assets else None
    instance = dg.DagsterInstance.ephemeral()
    return dg.execute_job(dg.reconstructable(toy_job), instance=instance, tags=tags, asset_selection=selection)


def failures(result):
    return {
        event.step_key: event.step_failure_data.user_failure_data.description
        for event in result.all_events
        if event.is_step_failure
    }


def shown(result):
    """What the interface shows of errors: the line, the trace of calls below it, what caused it."""
    told = [event.event_specific_data.error for event in result.all_events if event.is_step_failure or event.is_step_up_for_retry]
    return [(error.message, error.stack, error.cause or error.context) for error in told]


def verdicts(lake, stage):
    log = lake.log.verdicts()
    return {(row["slice"], row["source"]): row["verdict"] for row in log.to_dicts() if row["stage"] == stage}


def test_a_failed_slice_is_recorded_and_later_stages_go_on_with_the_others(lake):
    result = run({("raw_archive_slice", "2026-01-02", "pypi"): "has a red check"})
    assert not result.success
    assert set(failures(result)) == {"raw_archive_slice"}
    assert "2026-01-02 is odd; run it again" in failures(result)["raw_archive_slice"]
    everything = {(day, source) for day in DAYS for source in ("npm", "pypi")}
    assert {key for key, verdict in verdicts(lake, "raw_archive_slice").items() if verdict == "failed"} == {
        ("2026-01-02", "pypi")
    }
    assert set(verdicts(lake, "enriched_context")) == everything - {("2026-01-02", "pypi")}


def test_nothing_goes_on_when_nothing_passed(lake):
    result = run({("raw_archive_slice", day, source): "has a red check" for day in DAYS for source in ("npm", "pypi")})
    assert set(failures(result)) == {"raw_archive_slice"}
    assert verdicts(lake, "enriched_context") == {}
    assert not [event for event in result.all_events if event.event_type_value == "ASSET_MATERIALIZATION"]


def test_an_error_fails_its_slice_only_and_is_told_in_one_line(lake):
    result = run({("raw_archive_slice", "2026-01-01", "npm"): LakeError("the disk is full; make room")})
    said = failures(result)["raw_archive_slice"]
    assert "raw_archive_slice of npm (2026-01-01): the disk is full; make room" in said
    assert shown(result) == [(said, [], None)], "and no trace of calls stands below it"
    assert lake.log.verdict("2026-01-01", "npm", "raw_archive_slice")["detail"] == "the disk is full; make room"
    assert len(verdicts(lake, "enriched_context")) == 5


def test_what_a_reader_says_of_a_damaged_table_in_its_own_words_is_told_in_one_line(lake):
    """As on S3, where nobody looks for every file before reading, and where steps show what their tables hold."""
    [file] = Path(lake.settings.lake).glob("slice_input/*.parquet")
    file.write_bytes(file.read_bytes()[:4] + bytes(200) + file.read_bytes()[204:])

    @dg.op
    def shows(context: dg.OpExecutionContext):
        with plain_errors(context):
            pl.read_parquet(file)

    @dg.job
    def looks():
        shows()

    [failed] = looks.execute_in_process(raise_on_error=False).get_step_failure_events()
    said = failed.step_failure_data.user_failure_data.description
    assert (failed.step_failure_data.error.message, failed.step_failure_data.error.stack) == (said, [])
    assert said.startswith(f"table slice_input in {lake.settings.lake} is damaged: its file {file.name} can't be read")
    assert "`codecommons lake repair` puts it right" in said


def test_a_dataset_that_fails_is_told_by_status_until_it_is_built(lake):
    """Its partition is its name: what became of it stands in the log under the day as of which it was to be built."""

    def build(raised):
        def work():
            if raised:
                raise raised
            return StageReport("training_shards", "2026-01-02", "mine")

        with dg.build_asset_context() as context:
            return attempt(context, lake, "training_shards", "mine", "mine", work)

    (lake.settings.home / "datasets").mkdir()
    (lake.settings.home / "datasets" / "mine.yaml").write_text("{}")
    assert not build(LakeError("the disk is full; make room")).passed
    assert status(lake)["healthy"], "without any slice there is no day, and the run's own failure says so"
    lake.log.record("2026-01-02", "npm", "deduped", "passed", "attempt")
    assert not build(GateError("the opt-out ledger is stale")).passed
    assert [row["detail"] for row in status(lake)["failed"]] == ["the opt-out ledger is stale"], "which no stage before has said"
    assert not build(LakeError("the disk is full; make room")).passed
    [row] = status(lake)["failed"]
    assert (row["slice"], row["source"], row["detail"]) == ("2026-01-02", "mine", "the disk is full; make room")
    assert row["next"] == "codecommons dataset build mine"
    lake.log.record("2026-01-03", "mine", "training_shards", "passed", "attempt")
    assert status(lake)["failed"] == [], "the dataset is there as of a later day"


def test_a_defect_of_ours_fails_its_slice_only(lake):
    result = run({("enriched_context", "2026-01-03", "pypi"): ZeroDivisionError("oh")})
    assert "ZeroDivisionError: oh" in failures(result)["enriched_context"]
    assert verdicts(lake, "enriched_context")[("2026-01-03", "pypi")] == "failed"
    assert list(verdicts(lake, "enriched_context").values()).count("passed") == 5


def test_a_stage_refuses_in_another_run_what_has_not_passed_and_names_the_check(lake):
    run(
        {("raw_archive_slice", day, source): "has a red check" for day in DAYS for source in ("npm", "pypi")}, days=["2026-01-01"]
    )
    result = run({}, days=["2026-01-01"], assets=["enriched_context"])
    said = failures(result)["enriched_context"]
    assert "check even failed: 2026-01-01 is odd; run it again" in said
    assert verdicts(lake, "enriched_context") == {}


def test_each_partition_has_its_own_metadata_and_check_results(lake):
    result = run({("raw_archive_slice", "2026-01-02", "pypi"): "has a red check"})
    checks = [
        event.asset_check_evaluation_data for event in result.all_events if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    red = {(check.check_name, check.partition) for check in checks if not check.passed}
    assert red == {("even", "2026-01-02"), ("completed", "2026-01-02")}
    assert {check.partition for check in checks} == set(DAYS)
    even = next(check for check in checks if check.check_name == "even")
    kinds = {name: value for name, value in even.metadata.items() if name.startswith("npm: ")}
    assert {name.removeprefix("npm: "): value.value for name, value in kinds.items()} == FIGURES, "the UI plots what is a figure"
    shown = {
        event.partition: event.step_materialization_data.materialization.metadata
        for event in result.all_events
        if event.event_type_value == "ASSET_MATERIALIZATION" and event.asset_key == dg.AssetKey("raw_archive_slice")
    }
    assert shown["2026-01-01"]["verdict"].value == "passed"
    assert "is odd" in shown["2026-01-02"]["verdict"].value
    assert shown["2026-01-03"]["files kept"].value == 4


def test_a_day_without_input_succeeds_and_says_so(lake):
    result = run({}, days=["2026-01-05"])
    assert result.success
    checks = [
        event.asset_check_evaluation_data for event in result.all_events if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    assert {check.description for check in checks if check.passed} == {"There is nothing to look at."}


def launched(behaviour, monkeypatch, tags=()):
    """A run as the daemon launches it; the work behaves as the next of its behaviours says."""
    monkeypatch.setattr("assets.outcomes.WAITS", (0, 0, 0))
    BEHAVIOUR.clear()
    BEHAVIOUR.update(behaviour)
    with dg.DagsterInstance.ephemeral() as instance:
        days = {"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[0]}
        result = dg.execute_job(dg.reconstructable(toy_job), instance=instance, tags={**days, **dict(tags)})
        tries = [event.step_key for event in result.all_events if event.is_step_up_for_retry]
        return result, tries, instance.get_run_by_id(result.run_id).tags


class Outage:
    """What can't be reached the first times."""

    def __init__(self, times):
        self.times = times

    def __eq__(self, other):
        self.times -= 1
        if self.times >= 0:
            raise UnreachableError("s3://lake can't be reached")
        return other == "passes"


def test_a_step_tries_again_what_may_pass_and_nothing_after_it_has_gone_on_without_it(lake, monkeypatch):
    result, tries, tags = launched({("raw_archive_slice", DAYS[0], "npm"): Outage(2)}, monkeypatch)
    assert result.success
    assert tries == ["raw_archive_slice"] * 2
    assert shown(result) == [(f"raw_archive_slice of npm ({DAYS[0]}): s3://lake can't be reached. {AGAIN}", [], None)] * 2
    assert FAILURE not in tags
    order = [event.step_key for event in result.all_events if event.event_type_value in ("STEP_START", "STEP_RESTARTED")]
    assert order == ["raw_archive_slice"] * 3 + ["enriched_context"]
    assert lake.log.passed_sources(DAYS[0], "enriched_context") == ["npm", "pypi"]


@pytest.mark.parametrize(
    ("error", "tries", "kind", "again"),
    [(UnreachableError("s3://lake can't be reached"), 3, "passing", "true"), (LakeError("disk full"), 0, "permanent", "false")],
)
def test_a_run_says_whether_its_failure_may_pass_and_the_daemon_is_told(lake, monkeypatch, error, tries, kind, again):
    result, tried, tags = launched({("raw_archive_slice", DAYS[0], "npm"): error}, monkeypatch)
    assert not result.success
    assert tried == ["raw_archive_slice"] * tries
    assert (tags[FAILURE], tags["dagster/retry_on_asset_or_op_failure"]) == (kind, again)


def test_a_command_that_a_person_waits_for_fails_at_once(lake, monkeypatch):
    behaviour = {("raw_archive_slice", DAYS[0], "npm"): UnreachableError("s3://lake can't be reached")}
    result, tried, tags = launched(behaviour, monkeypatch, {BY_HAND: "true"}.items())
    assert not result.success
    assert (tried, FAILURE in tags) == ([], False)


def test_the_daemon_runs_again_what_may_pass_and_nothing_else(lake, monkeypatch, tmp_path):
    monkeypatch.setattr("assets.outcomes.WAITS", ())
    days = {"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[0]}
    said = {}
    with dg.DagsterInstance.local_temp(str(tmp_path), {"run_retries": CONFIGURATION["run_retries"]}) as instance:
        for error in (UnreachableError("s3://lake can't be reached"), LakeError("disk full")):
            BEHAVIOUR.clear()
            BEHAVIOUR[("raw_archive_slice", DAYS[0], "npm")] = error
            run = dg.execute_job(dg.reconstructable(toy_job), instance=instance, tags={**days, **NO_RETRY})
            said[type(error)] = instance.get_run_by_id(run.run_id).tags["dagster/will_retry"]
    assert said == {UnreachableError: "true", LakeError: "false"}
