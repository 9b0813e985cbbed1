# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Resources open what the environment names when a step asks, and nothing else."""

import multiprocessing
import os

import dagster as dg
import pytest

from codecommons.errors import LakeError
from codecommons.lake.views import connection_config
from codecommons.settings import Settings
from resources import EngineResource, LakeResource
from resources.catalogue import catalogue
from resources.dbt import DbtResource


def test_the_lake_is_the_one_that_the_environment_names_at_that_moment(tmp_path, monkeypatch):
    resource = LakeResource()
    for name in ("one", "two"):
        monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path / name))
        assert resource.open().settings.home == tmp_path / name


def test_a_lake_that_can_not_be_opened_says_so(tmp_path, monkeypatch):
    (tmp_path / "lake").write_text("a file, not a folder")
    monkeypatch.setenv("CODECOMMONS_LAKE", str(tmp_path / "lake"))
    with pytest.raises(LakeError, match="lake"):
        LakeResource().open()


def children() -> set[int | None]:
    return {child.pid for child in multiprocessing.active_children()}


def test_the_workers_of_a_step_end_with_it_also_when_it_fails(tmp_path, monkeypatch):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    monkeypatch.setenv("CODECOMMONS_WORKERS", "2")
    before = children()
    with EngineResource().open() as engine:
        assert list(engine.map(abs, [-1, 2])) == [1, 2]
        assert children() - before
    assert not children() - before

    def step() -> None:
        with EngineResource().open() as engine:
            assert list(engine.map(abs, [-1])) == [1]
            assert children() - before
            raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        step()
    assert not children() - before


def test_the_catalogue_is_a_duckdb_file_that_finds_the_extensions_of_the_set_up(settings):
    resource = catalogue(settings)
    assert resource.connection_config == connection_config(settings)
    with resource.get_connection() as connection:
        connection.execute("load delta")
        assert connection.execute("select 1").fetchone() == (1,)
    assert settings.catalogue.is_file()


def test_dbt_sees_the_variables_of_its_profile(tmp_path, monkeypatch):
    from codecommons_dagster.setup import dbt_project

    settings = Settings(home=tmp_path, lake=str(tmp_path / "lake"))
    dbt = dbt_project(settings)
    for name in dbt.environment:
        monkeypatch.delenv(name, raising=False)
    resource = DbtResource.of(dbt.project, dbt.environment)
    resource.setup_for_execution(dg.build_init_resource_context())
    assert os.environ["CODECOMMONS_CATALOGUE"] == str(settings.catalogue)
    for name in dbt.environment:
        monkeypatch.delenv(name)
