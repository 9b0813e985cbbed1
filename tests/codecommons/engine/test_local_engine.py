# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The local engine keeps order, survives a crash, names the task that kills its worker, and holds no more than it must."""

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codecommons.engine.local import InlineEngine, PoolEngine, die_with
from codecommons.errors import TaskCrashedError


def square(number: int) -> int:
    return number * number


def die_on(victim: int, marker: Path | None, number: int) -> int:
    if number == victim and (marker is None or not marker.exists()):
        if marker:
            marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def fail_on_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is no good")
    return number


@pytest.mark.parametrize("engine", [InlineEngine(), PoolEngine(2), PoolEngine(3)], ids=["inline", "two", "three"])
def test_results_come_in_the_order_of_the_tasks_for_any_number_of_workers(engine):
    assert list(engine.map(square, range(40))) == [n * n for n in range(40)]
    assert list(engine.map(square, [])) == []


def test_a_worker_that_dies_once_is_replaced_and_nothing_is_lost_or_doubled(tmp_path):
    engine = PoolEngine(2)
    killer = functools.partial(die_on, 5, tmp_path / "died")
    assert list(engine.map(killer, range(12))) == [n * n for n in range(12)]
    assert (tmp_path / "died").exists()


def test_a_worker_that_dies_twice_on_a_task_fails_with_the_name_of_the_task():
    engine = PoolEngine(2)
    with pytest.raises(TaskCrashedError, match="archive number 5"):
        list(engine.map(functools.partial(die_on, 5, None), range(12), name=lambda n: f"archive number {n}"))
    assert list(engine.map(square, [2, 3])) == [4, 9], "the engine must be usable after a crash"


def test_a_task_that_workers_die_on_is_replaced_by_its_parts_until_one_is_left():
    def halves(task):
        half = len(task) // 2
        return [task[:half], task[half:]] if half else [(0,)]

    tasks = [tuple(range(at, at + 8)) for at in (1, 9, 17)]
    done = list(PoolEngine(2).map(functools.partial(sum_unless, 12), tasks, instead=halves))
    assert done[0] == sum(tasks[0])
    assert done[-1] == sum(tasks[2])
    assert sum(done) == sum(map(sum, tasks)) - 12


def test_an_exception_in_a_task_reaches_the_driver_as_it_is():
    with pytest.raises(ValueError, match="three is no good"):
        list(PoolEngine(2).map(fail_on_three, range(6)))


def sum_unless(deadly: int, numbers: tuple[int, ...]) -> int:
    if deadly in numbers:
        os.kill(os.getpid(), signal.SIGKILL)
    return sum(numbers)


def process_of(number: int) -> int:
    return os.getpid()


def test_workers_stay_for_the_next_map_and_end_when_the_engine_is_closed():
    engine = PoolEngine(2)
    first = set(engine.map(process_of, range(20)))
    assert first & set(engine.map(process_of, range(20)))
    engine.close()
    assert not any(Path("/proc", str(worker)).exists() for worker in first)
    assert first.isdisjoint(engine.map(process_of, range(4))), "the engine must be usable after it was closed"
    engine.close()
    engine.close()


IMPORTED = """
import sys
from codecommons.engine.local import PoolEngine

def imported(number):
    return {name.partition(".")[0] for name in sys.modules}

if __name__ == "__main__":
    print(*next(PoolEngine(2).map(imported, [1])))
"""


def test_a_worker_holds_nothing_that_only_the_driver_needs_and_nothing_that_must_not_be_forked(tmp_path):
    """Polars starts a thread when it is imported, and warns that a fork may hang.

    In a process of its own, for there is one fork server a process, and whoever starts it says what it imports.
    """
    (tmp_path / "imported.py").write_text(IMPORTED)
    done = subprocess.run([sys.executable, str(tmp_path / "imported.py")], capture_output=True, text=True, check=True)
    found = set(done.stdout.split())
    assert found.isdisjoint({"dagster", "great_expectations", "dbt", "polars"})
    assert {"pyarrow", "deltalake", "numba"} <= found, "the fork server has what every worker needs"


def wait_in(folder: Path, number: int) -> None:
    (folder / str(os.getpid())).touch()
    time.sleep(120)


def drive(folder: Path) -> None:
    list(PoolEngine(2).map(functools.partial(wait_in, folder), range(2)))


def test_workers_end_when_their_driver_is_killed(tmp_path):
    driver = multiprocessing.get_context("spawn").Process(target=drive, args=(tmp_path,))
    driver.start()
    eventually(lambda: len(list(tmp_path.iterdir())) == 2)
    driver.kill()
    driver.join()
    eventually(lambda: not any(Path("/proc", path.name).exists() for path in tmp_path.iterdir()))


def eventually(happens: Callable[[], bool]) -> None:
    for _ in range(300):
        if happens():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen within 30 s")


def test_a_worker_whose_driver_was_gone_before_it_started_ends():
    context = multiprocessing.get_context("fork")
    driver = context.Process(target=int)
    driver.start()
    driver.join()
    worker = context.Process(target=wait_unless_without, args=(driver.pid,))
    worker.start()
    worker.join(20)
    assert worker.exitcode == 1


def wait_unless_without(driver: int) -> None:
    die_with(driver)
    time.sleep(15)
