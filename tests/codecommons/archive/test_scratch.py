# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a process that was killed left in the cache is removed by the next, and nothing of one that is at work."""

import multiprocessing
import threading
import time
from pathlib import Path

import duckdb

from codecommons.archive.scratch import scratch_folder
from codecommons.errors import LakeError
from codecommons.lake.storage import lake_errors
from codecommons.settings import Settings


def fill_and_wait(settings: Settings) -> None:
    with scratch_folder("duckdb", settings) as folder:
        (folder / "spilled").write_bytes(b"much")
        time.sleep(120)


def left(settings: Settings) -> list[Path]:
    return sorted((settings.cache / "scratch").iterdir())


def test_the_folder_of_a_killed_process_goes_and_that_of_a_living_one_stays(settings: Settings) -> None:
    processes = [multiprocessing.get_context("forkserver").Process(target=fill_and_wait, args=(settings,)) for _ in range(2)]
    for process in processes:
        process.start()
    scratch = settings.cache / "scratch"
    while all(process.is_alive() for process in processes) and len(list(scratch.glob("*/spilled"))) < 2:
        time.sleep(0.01)
    processes[0].kill()
    processes[0].join()
    with scratch_folder("download", settings) as folder:
        assert list(folder.iterdir()) == []
        assert len(list(scratch.glob("duckdb-*/spilled"))) == 1
    processes[1].kill()
    processes[1].join()
    with scratch_folder("download", settings):
        pass
    assert left(settings) == []


def test_many_at_once_never_take_a_folder_of_each_other(settings: Settings) -> None:
    lost = []

    def work(number: int) -> None:
        for _ in range(50):
            with scratch_folder(str(number), settings) as folder:
                (folder / "mine").write_bytes(b"")
                time.sleep(0.001)
                lost.extend([folder] if not (folder / "mine").exists() else [])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost == left(settings) == []


def test_out_of_memory_is_no_damage_and_the_advice_is_about_memory() -> None:
    said = ""
    try:
        with lake_errors("tracing histories"), duckdb.connect(config={"memory_limit": "10MB", "temp_directory": ""}) as sql:
            sql.execute("create temp table t as select sha1(i::varchar) from range(3000000) r(i) order by 1")
    except LakeError as error:
        said = str(error)
    assert said.startswith("tracing histories: Out of Memory Error: ")
    assert "CODECOMMONS_BATCH_BYTES" in said
    assert "backup" not in said
