# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""On a real Ray cluster (a head and nodes that come and go) work gives what it gives on this machine, whatever dies meanwhile."""

import functools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import grpc
import polars as pl
import pytest
import ray
from ray import cloudpickle, cluster_utils

from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.dedup import compare_slice
from codecommons.engine import chosen_engine
from codecommons.engine.cluster import RayEngine
from codecommons.errors import TaskCrashedError, UsageError
from codecommons.lake import Lake
from codecommons.license import qualify_slice
from codecommons.report import Elsewhere, Measure
from codecommons.settings import Settings

DAY = "2026-01-31"
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}


@pytest.fixture(scope="module")
def cluster() -> Iterator[cluster_utils.Cluster]:
    # Tasks import this module by its name, which pytest's way of importing gives to no other process.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    made = cluster_utils.Cluster(initialize_head=True, head_node_args=NODE)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def node(cluster):
    """A second node, which a test may kill."""
    added = cluster.add_node(**NODE)
    cluster.wait_for_nodes()
    yield added
    if added in cluster.list_all_nodes():
        cluster.remove_node(added)


@pytest.fixture
def engine(cluster) -> Iterator[RayEngine]:
    made = RayEngine(cluster.address)
    yield made
    made.close()


def square(number: int) -> int:
    return number * number


def fail_on_three(number: int) -> int:
    if number == 3:
        raise UsageError("three is no good")
    return number


def sum_unless(deadly: int, numbers: tuple[int, ...]) -> int:
    if deadly in numbers:
        os.kill(os.getpid(), signal.SIGKILL)
    return sum(numbers)


def noted(folder: Path, number: int) -> int:
    """Note the start of a task; the fourth and fifth take as long as it takes to kill their node."""
    (folder / f"{number}-{time.monotonic_ns()}").touch()
    if number in (3, 4) and len(list(folder.glob(f"{number}-*"))) == 1:
        time.sleep(20)
    return number


def test_results_come_in_the_order_of_the_tasks(engine, node):
    assert engine.workers == 2
    assert list(engine.map(square, range(40))) == [n * n for n in range(40)]
    assert list(engine.map(square, [])) == []
    engine.close()
    assert list(engine.map(square, [3])) == [9], "the engine must be usable after it was closed"


def test_an_error_in_a_task_reaches_the_driver_as_it_is(engine):
    with pytest.raises(UsageError, match=r"^three is no good$"):
        list(engine.map(fail_on_three, range(6)))


def test_a_task_that_workers_die_on_is_named_or_replaced_by_its_parts(engine):
    def halves(task):
        half = len(task) // 2
        return [task[:half], task[half:]] if half else [(0,)]

    tasks = [tuple(range(at, at + 4)) for at in (1, 5, 9)]
    with pytest.raises(TaskCrashedError, match="workers died 3 times on numbers from 5"):
        list(engine.map(functools.partial(sum_unless, 6), tasks, name=lambda task: f"numbers from {task[0]}"))
    done = list(engine.map(functools.partial(sum_unless, 6), tasks, instead=halves))
    assert (done[0], done[-1], sum(done)) == (sum(tasks[0]), sum(tasks[2]), sum(map(sum, tasks)) - 6)


def test_a_node_that_is_killed_costs_only_the_tasks_it_had(cluster, engine, node, tmp_path):
    results = []
    mapped = threading.Thread(target=lambda: results.extend(engine.map(functools.partial(noted, tmp_path), range(12))))
    mapped.start()
    deadline = time.monotonic() + 60
    while not (list(tmp_path.glob("3-*")) and list(tmp_path.glob("4-*"))) and time.monotonic() < deadline:
        time.sleep(0.1)
    cluster.remove_node(node, allow_graceful=False)
    mapped.join(100)
    assert results == list(range(12))
    again = [number for number in range(12) if len(list(tmp_path.glob(f"{number}-*"))) > 1]
    assert again in ([3], [4]), "the node had one of the two slow tasks, and nothing that was done is done again"


def test_a_slice_has_the_rows_that_this_machine_makes_of_it_though_a_node_is_killed_meanwhile(cluster, node, tmp_path):
    def kill(staging):
        while not list(staging.rglob("*.arrow")):
            time.sleep(0.05)
        cluster.remove_node(node, allow_graceful=False)

    folder = tmp_path / "project"
    folder.mkdir()
    body = "\n".join(f"def function_{n}(left, right):\n    return left * {n} + right" for n in range(40))
    for number in range(30):
        (folder / f"{number}.py").write_text(f"# SPDX-License-Identifier: MIT\n{body}\nlast = {number}\n")
    rows = {}
    for where in ("", cluster.address):
        home = tmp_path / ("cluster" if where else "local")
        settings = Settings(home=home, lake=str(home / "lake"), workers=0, ray=where, batch_bytes=20_000)
        lake, engine = Lake.open(settings), chosen_engine(settings)
        add_inputs(lake, [f"path:{folder}"], DAY)
        if where:
            threading.Thread(target=kill, args=(home / "lake" / "_staging",), daemon=True).start()
        for stage in (ingest_slice, annotate_slice, qualify_slice, compare_slice):
            report = stage(lake, engine, DAY, "path")
            assert [check.description for check in report.checks if not check.passed] == []
        engine.close()
        rows[where] = {name: _sorted(lake.scan(name).collect()) for name in sorted(lake.tables()) if name != "stage_report"}
    assert node not in cluster.list_all_nodes()
    here, there = rows.values()
    assert here["duplicate_pair"].height > 400
    assert here.keys() == there.keys()
    assert [name for name in here if not here[name].equals(there[name])] == []


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort([name for name, kind in frame.schema.items() if not kind.is_nested()])


def refused(settings):
    with pytest.raises(UsageError) as raised:
        list(chosen_engine(settings).map(square, [1]))
    said = str(raised.value)
    assert said.startswith(f"CODECOMMONS_RAY is {settings.ray!r} and no Ray cluster answers there: ")
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1:1", "Connection refused"),
        ("127.0.0.1:port", "invalid literal"),
        ("nonsense", "Invalid address format"),
        ("http://127.0.0.1:8265", "Invalid Ray address"),
    ],
)
def test_what_is_wrong_with_a_cluster_is_one_line(settings, address, why):
    assert why in refused(replace(settings, ray=address))


@pytest.mark.parametrize(
    ("answer", "why"), [(b"", "timed out"), (b"HTTP/1.0 505 No\r\n\r\n", "what listens there is no head of a Ray cluster")]
)
def test_what_listens_and_is_no_cluster_is_not_waited_for(settings, monkeypatch, answer, why):
    """Ray itself would ask it for minutes."""
    monkeypatch.setattr("codecommons.engine.cluster._LOOK", 2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted = []
        threading.Thread(target=lambda: accepted.append(server.accept()[0]) or accepted[0].sendall(answer), daemon=True).start()
        assert why in refused(replace(settings, ray=f"127.0.0.1:{server.getsockname()[1]}"))


def test_another_grpc_service_is_told_apart_at_once(settings):
    """As Ray's own for clients is, whose port is easily taken for the head's; Ray itself would ask it for minutes."""
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    begun = time.monotonic()
    assert "what listens there is no head of a Ray cluster" in refused(replace(settings, ray=f"127.0.0.1:{port}"))
    assert time.monotonic() < begun + 30
    server.stop(0)


WAITS = """
import sys, time
from codecommons.engine import cluster
from codecommons.errors import ClusterGoneError
cluster._LOOK, cluster._PATIENCE = 1, 4
engine = cluster.RayEngine(sys.argv[1])
try:
    for one in engine.map(time.sleep, [0, 0, 600]):
        print("done", flush=True)
except ClusterGoneError as error:
    print(error, flush=True)
engine.close()
print("and the driver lives", flush=True)
"""


def test_a_cluster_that_goes_while_tasks_run_is_one_line_and_the_driver_lives():
    """Ray itself would end the process after a minute, with no error that anybody could handle."""
    other = cluster_utils.Cluster(initialize_head=True, head_node_args=NODE)
    address = other.address
    try:
        driver = subprocess.Popen([sys.executable, "-c", WAITS, address], stdout=subprocess.PIPE, text=True)
        assert [driver.stdout.readline() for _ in range(2)] == ["done\n"] * 2
        other.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
        said = driver.communicate(timeout=100)[0].splitlines()
    finally:
        driver.kill()
        other.shutdown()
    # Ray itself tells much of the node that it has lost.
    assert [line for line in said if line.startswith(f"the Ray cluster at {address} does not answer any more: ")]
    assert "and the driver lives" in said
    assert driver.returncode == 0


def burn(seconds: float) -> int:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return os.getpid()


def test_what_nodes_spend_on_tasks_counts_as_spent(engine):
    before = Elsewhere.cpu_seconds
    with Measure() as measured:
        assert os.getpid() not in list(engine.map(burn, [0.5, 0.5]))
    assert 0.9 < Elsewhere.cpu_seconds - before <= measured.cpu_seconds


def test_a_cluster_that_nobody_works_on_is_not_waited_for_for_ever():
    other = cluster_utils.Cluster(initialize_head=True, head_node_args=NODE | {"num_cpus": 0})
    try:
        done = subprocess.run([sys.executable, "-c", WAITS, other.address], capture_output=True, text=True, timeout=100)
    finally:
        other.shutdown()
    said = [line for line in done.stdout.splitlines() if line.startswith("the Ray cluster at ")]
    assert [line.partition(" has ")[2] for line in said] == [
        "had no core for 4 seconds; start a node with ray start --address, then run the slice again"
    ]
    assert "and the driver lives" in done.stdout
