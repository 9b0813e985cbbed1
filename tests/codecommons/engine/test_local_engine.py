# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The local engine keeps order, survives a crash, and names the task that kills its worker."""

import functools
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codecommons.engine.local import InlineEngine, PoolEngine
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


def test_an_exception_in_a_task_reaches_the_driver_as_it_is():
    with pytest.raises(ValueError, match="three is no good"):
        list(PoolEngine(2).map(fail_on_three, range(6)))


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
