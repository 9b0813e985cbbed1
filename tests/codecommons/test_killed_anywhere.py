# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Killing the process (-9) at any point and running again gives the rows of an undisturbed run (design.md, invariant 5).

A real process works on a real lake; the test watches the lake's folder and kills after the first file, the second, and so on.
"""

import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import polars as pl
import pytest

from codecommons.annotate import annotate_slice
from codecommons.annotate.annotator import prepare
from codecommons.archive import add_inputs, ingest_slice
from codecommons.dedup import compare_slice
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.license import qualify_slice
from codecommons.settings import Settings

DAY = "2026-01-31"
STAGES = (ingest_slice, annotate_slice, qualify_slice, compare_slice)
# Measurements and scratch differ from run to run; every other row must not.
NOT_DATA = {"stage_report"}
# 1 kills after every single file; a larger number leaves files out, for a quick look.
EVERY = int(os.environ.get("CODECOMMONS_KILL_EVERY", "1"))


def settings_of(home: Path) -> Settings:
    return Settings(home=home, lake=str(home / "lake"), workers=0, bucket_bits=0)


def run_stages(home: Path, folder: Path) -> None:
    lake = Lake.open(settings_of(home))
    add_inputs(lake, [f"path:{folder}"], DAY)
    for stage in STAGES:
        stage(lake, InlineEngine(), DAY, "path")


def state(home: Path) -> dict[str, pl.DataFrame]:
    lake = Lake.open(settings_of(home))
    names = {path.name for path in (home / "lake").iterdir() if (path / "_delta_log").is_dir()} - NOT_DATA
    rows = {}
    for name in sorted(names):
        frame = lake.scan(name).collect() if name in lake.tables() else pl.read_delta(str(home / "lake" / name))
        flat = [column for column, kind in frame.schema.items() if not kind.is_nested()]
        rows[name] = frame.sort(flat)
    return rows


def fresh(home: Path, cache: Path) -> None:
    """An empty lake; what set-up builds once for a machine is not built again for every kill."""
    Lake.open(settings_of(home))
    (home / "cache").symlink_to(cache)


def files_in(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project") / "project"
    (root / "src").mkdir(parents=True)
    (root / "LICENSE").write_text("SPDX-License-Identifier: MIT\n")
    body = "\n".join(f"def function_{n}(left, right):\n    return left * {n} + right" for n in range(40))
    (root / "src" / "one.py").write_text(body)
    (root / "src" / "two.py").write_text(body + "\n\ndef last():\n    return None\n")
    (root / "src" / "latin.txt").write_bytes("déjà vu\n".encode("latin-1"))
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What annotators prepare once."""
    home = tmp_path_factory.mktemp("prepared")
    prepare(settings_of(home))
    return home / "cache"


@pytest.fixture(scope="module")
def undisturbed(
    folder: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, pl.DataFrame], int, float]:
    """The rows of an undisturbed run, the files it made, and its seconds."""
    home = tmp_path_factory.mktemp("undisturbed")
    fresh(home, cache)
    before, start = files_in(home / "lake"), time.perf_counter()
    with started(home, folder) as process:
        process.join(120)
        assert process.exitcode == 0
    return state(home), files_in(home / "lake") - before, time.perf_counter() - start


@contextlib.contextmanager
def started(home: Path, folder: Path) -> Iterator[BaseProcess]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=run_stages, args=(home, folder))
    process.start()
    try:
        yield process
    finally:
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGKILL)
        process.join()


def rerun_and_compare(home: Path, folder: Path, expected: dict[str, pl.DataFrame], when: str) -> None:
    with started(home, folder) as process:
        process.join(120)
        assert process.exitcode == 0, f"the run after a kill {when} failed"
    found = state(home)
    assert found.keys() == expected.keys(), f"killed {when}"
    for name, rows in expected.items():
        assert found[name].equals(rows), f"table {name} differs after a kill {when}"


def test_killed_after_each_file_it_creates_a_rerun_gives_the_same_rows(folder, cache, undisturbed, tmp_path):
    expected, created, _ = undisturbed
    assert created > 50, "the run must go through many files for this test to mean anything"
    killed = 0
    for at in range(1, created, EVERY):
        home = tmp_path / f"kill-{at}"
        fresh(home, cache)
        target = files_in(home / "lake") + at
        with started(home, folder) as process:
            while process.is_alive() and files_in(home / "lake") < target:
                time.sleep(0.0005)
            killed += process.is_alive()
        rerun_and_compare(home, folder, expected, f"after file {at}")
        shutil.rmtree(home)
    assert killed > created / EVERY / 2, "most kills must have hit a running process"


def test_killed_at_random_times_a_rerun_gives_the_same_rows(folder, cache, undisturbed, tmp_path):
    expected, _, seconds = undisturbed
    source = random.Random(20260131)
    home = tmp_path / "random"
    fresh(home, cache)
    for _ in range(8):
        with started(home, folder) as process:
            process.join(source.uniform(0.0, seconds))
    rerun_and_compare(home, folder, expected, "eight times in a row at random times")
