# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The code location as a whole."""

import subprocess
import sys

import dagster as dg
import pytest

from assets.partitions import DATASETS, SLICES
from codecommons.report import STAGES

SLICE_STAGES = STAGES[:-1]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def defs(home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODECOMMONS_HOME", str(home))
        from codecommons_dagster.build import build_defs

        yield build_defs()


@pytest.fixture(scope="module")
def graph(defs):
    return defs.resolve_asset_graph()


def test_everything_loads_without_a_lake_and_every_job_resolves(defs, home):
    dg.Definitions.validate_loadable(defs)
    assert not (home / "lake").exists(), "nothing has opened one, so no table was read"
    assert {job.name for job in defs.resolve_all_job_defs()} >= {"follow", "slice", "ingest", "dataset", "marts"}


def test_every_asset_has_an_owner_a_kind_a_group_a_stage_tag_and_a_description(graph):
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    assert {node.group_name for node in nodes} == {"listing", *STAGES, "marts", "opt_out", "lake_state"}
    for node in nodes:
        assert node.owners, node.key
        assert 1 <= len(node.kinds) <= 3, node.key
        assert node.tags.get("stage") == node.group_name, node.key
        assert node.description, node.key


def test_every_stage_closes_with_an_asset_of_its_name_that_hangs_on_the_stage_before(graph):
    for stage, before in zip(STAGES[1:], STAGES, strict=False):
        upstream = graph.get_ancestor_asset_keys(dg.AssetKey(stage))
        assert dg.AssetKey(before) in upstream


def test_a_blocking_check_of_the_stage_and_one_of_great_expectations_stand_behind_every_stage(graph):
    from assets.expectation_checks import CHECK_KEYS

    for stage in STAGES:
        keys = {key for key in graph.asset_check_keys if key.asset_key == dg.AssetKey(stage)}
        ours = {key for key in keys if graph.get(key).blocking}
        assert ours & set(CHECK_KEYS), stage
        assert ours - set(CHECK_KEYS), stage


def test_slices_share_one_partitions_definition_and_datasets_another(graph):
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        expected = {"marts": None, "opt_out": None, "lake_state": None, STAGES[-1]: DATASETS}.get(node.group_name, SLICES)
        assert node.partitions_def == expected, key
    assert len(SLICES.get_partition_keys()) <= 4000


def test_todays_slice_exists_so_that_ingest_can_fill_it():
    import datetime as dt

    assert SLICES.get_last_partition_key() == dt.datetime.now(dt.UTC).date().isoformat()


def test_every_source_has_a_step_of_its_own(defs):
    from codecommons.archive.source import sources
    from codecommons.settings import Settings

    steps = {node.name for node in defs.resolve_job_def("slice").nodes}
    assert {f"archive_{name}" for name in sources(Settings.from_environment())} <= steps


def test_the_ingest_job_leaves_great_expectations_out_and_the_slice_job_leaves_dbt_out(defs):
    ingest = {node.name for node in defs.resolve_job_def("ingest").nodes}
    whole = {node.name for node in defs.resolve_job_def("slice").nodes}
    assert whole - ingest == {f"{stage}_expectations" for stage in SLICE_STAGES}
    assert "marts" not in whole


def test_the_tests_of_dbt_are_checks_of_the_marts_and_of_the_catalogue_but_of_no_stage(graph):
    names = {key.asset_key.to_user_string(): key.name for key in graph.asset_check_keys}
    assert {"popular_content_name", "catalogue"} <= set(names)
    ours = {key for key in graph.asset_check_keys if key.asset_key.path[0] in STAGES}
    assert not [key for key in ours if key.name.startswith(("source_", "not_null", "unique"))]


def test_loading_the_code_location_imports_nothing_heavy(tmp_path):
    heavy = "great_expectations", "dagster_dbt", "dbt", "unearth"
    script = f"import sys, codecommons_dagster.build; print(sorted(set({heavy!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={"CODECOMMONS_HOME": str(tmp_path)}, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_resource_can_be_replaced(tmp_path):
    from codecommons_dagster.build import build_stages
    from resources import LakeResource

    class Other(LakeResource):
        pass

    assert isinstance(build_stages(lake=Other()).resources["lake"], Other)
