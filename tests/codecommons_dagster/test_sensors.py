# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A new specification becomes a partition and a run."""

import json

import dagster as dg
import pytest

from codecommons_dagster.sensors import new_datasets


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CODECOMMONS_HOME", str(tmp_path))
    folder = tmp_path / "datasets"
    folder.mkdir()
    return folder


def tick(instance, cursor=None):
    result = new_datasets(dg.build_sensor_context(instance=instance, cursor=cursor))
    for request in result.dynamic_partitions_requests:
        instance.add_dynamic_partitions("dataset", request.partition_keys)
    return result


def test_a_new_specification_becomes_a_partition_and_a_run(folder, dagster_instance):
    (folder / "verilog.yaml").write_text("languages: [Verilog]\n")
    result = tick(dagster_instance)
    assert [request.partition_key for request in result.run_requests] == ["verilog"]
    assert dagster_instance.get_dynamic_partitions("dataset") == ["verilog"]


def test_a_specification_is_built_once_and_again_when_it_says_something_else(folder, dagster_instance):
    (folder / "verilog.yaml").write_text("languages: [Verilog]\n")
    first = tick(dagster_instance)
    (folder / "verilog.yaml").write_text("# the same\nlanguages: [Verilog]\n")
    second = tick(dagster_instance, first.cursor)
    assert second.run_requests == []
    (folder / "verilog.yaml").write_text("languages: [Verilog, SystemVerilog]\n")
    third = tick(dagster_instance, second.cursor)
    assert [request.partition_key for request in third.run_requests] == ["verilog"]
    assert third.run_requests[0].run_key != first.run_requests[0].run_key


def test_a_dataset_that_was_built_by_hand_is_taken_as_it_is(folder, dagster_instance):
    (folder / "mine.yaml").write_text("languages: [C]\n")
    dagster_instance.add_dynamic_partitions("dataset", ["mine"])
    result = tick(dagster_instance)
    assert result.run_requests == []
    assert "mine" in json.loads(result.cursor)


def test_a_specification_that_can_not_be_read_is_told_about_and_holds_no_other_back(folder, dagster_instance):
    (folder / "bad.yaml").write_text("langauges: [C]\n")
    result = tick(dagster_instance)
    assert result.run_requests == []
    assert "langauges" in result.skip_reason.skip_message
    (folder / "good.yaml").write_text("languages: [C]\n")
    assert [request.partition_key for request in tick(dagster_instance).run_requests] == ["good"]
