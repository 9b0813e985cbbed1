# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Killing the process (-9) at any point and running again gives the rows of an undisturbed run (design.md, invariant 5).

A real process works on a real lake. It is stopped after the first file it makes, after the next, and so on, and the disk is
copied as a kill would leave it there: after every commit, and after the first and the last of the files that only wait for one;
another is killed at random times, again and again.
"""

import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
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


def settings_of(home: Path) -> Settings:
    return Settings(home=home, lake=str(home / "lake"), workers=0, bucket_bits=0)


def run_stages(home: Path, folder: Path) -> None:
    lake = Lake.open(settings_of(home))
    add_inputs(lake, [f"path:{folder}"], DAY)
    for stage in STAGES:
        stage(lake, InlineEngine(), DAY, "path")


def run_next_stage(home: Path, folder: Path) -> int:
    """Run the first stage that has not passed; says which stages have passed then."""
    lake = Lake.open(settings_of(home))
    add_inputs(lake, [f"path:{folder}"], DAY)
    passed = lake.log.verdicts().height
    for stage in STAGES[passed : passed + 1]:
        stage(lake, InlineEngine(), DAY, "path")
    return lake.log.verdicts().height


def state(home: Path) -> dict[str, pl.DataFrame]:
    lake = Lake.open(settings_of(home))
    names = sorted({path.name for path in (home / "lake").iterdir() if (path / "_delta_log").is_dir()} - NOT_DATA)
    known = lake.tables()
    lazy = [lake.scan(name) if name in known else pl.scan_delta(str(home / "lake" / name)) for name in names]
    rows = {}
    for name, frame in zip(names, pl.collect_all(lazy), strict=True):  # all at once: a third faster
        flat = [column for column, kind in frame.schema.items() if not kind.is_nested()]
        rows[name] = frame.sort(flat)
    return rows


def fresh(home: Path, cache: Path) -> None:
    """An empty lake; what set-up builds once for a machine is not built again for every kill."""
    Lake.open(settings_of(home))
    (home / "cache").symlink_to(cache)


def files_of(folder: Path) -> set[str]:
    return {f"{at}/{name}" for at, _, names in os.walk(folder) for name in names}


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
def undisturbed(folder: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, pl.DataFrame]]:
    """The rows that an undisturbed run has made after each stage; first those before any."""
    home = tmp_path_factory.mktemp("undisturbed")
    fresh(home, cache)
    rows = [state(home)]
    for number in range(1, len(STAGES) + 1):
        assert run_next_stage(home, folder) == number
        rows.append(state(home))
    return rows


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


def assert_same(found: dict[str, pl.DataFrame], expected: dict[str, pl.DataFrame], when: str) -> None:
    assert found.keys() == expected.keys(), when
    for name, rows in expected.items():
        assert found[name].equals(rows), f"table {name} differs {when}"


def kind_of(files: set[str]) -> str:
    """What new files do: they are rows of a table, or its empty log, or wait to become rows."""
    logs = {name.rpartition("/")[2] for name in files if "/_delta_log/" in name}
    if logs - {f"{0:020}.json"}:
        return "commit"
    return "create" if logs else "stage" if all("/_staging/" in name for name in files) else "write"


def telling(copies: Iterator[tuple[str, Path]]) -> Iterator[Path]:
    """Of copies and their kinds each commit, and of a row of another kind the first and the last: those between are alike."""
    before, held = "", None
    for kind, copy in copies:
        alike = kind == before != "commit"
        if held:
            if alike:
                shutil.rmtree(held)
            else:
                yield held
        held = copy if alike else None
        before = kind
        if not alike:
            yield copy
    if held:
        yield held


def copies_after_each_file(home: Path, folder: Path, copies: Path) -> Iterator[tuple[str, Path]]:
    """Run the stages in a process that is stopped whenever it has made a file.

    Yields what the new files are and a copy of the disk of each moment.
    """
    code = "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import test_killed_anywhere as own; "
    code += "own.run_stages(Path(sys.argv[2]), Path(sys.argv[3]))"
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(home), str(folder)]
    seen = files_of(home / "lake")
    with subprocess.Popen(command) as process:
        try:
            while process.poll() is None:
                if files_of(home / "lake") <= seen:
                    time.sleep(0.0002)
                    continue
                process.send_signal(signal.SIGSTOP)
                status = os.waitpid(process.pid, os.WUNTRACED)[1]
                if not os.WIFSTOPPED(status):
                    process.returncode = os.waitstatus_to_exitcode(status)
                    break
                new = files_of(home / "lake") - seen
                seen |= new
                yield kind_of(new), Path(shutil.copytree(home, copies / str(len(seen)), symlinks=True))
                process.send_signal(signal.SIGCONT)
        finally:
            process.kill()
    assert process.returncode == 0


def test_killed_after_each_kind_of_file_it_creates_a_rerun_gives_the_same_rows(folder, cache, undisturbed, tmp_path):
    home = tmp_path / "home"
    fresh(home, cache)
    stages = []
    for copy in telling(copies_after_each_file(home, folder, tmp_path)):
        stages.append(run_next_stage(copy, folder))
        assert_same(state(copy), undisturbed[stages[-1]], f"when it was killed with {copy.name} files made")
        shutil.rmtree(copy)
    assert_same(state(home), undisturbed[-1], "in the run that was stopped and went on")
    assert len(stages) > 40, "the run must be killed at many moments for this test to mean anything"
    assert set(stages) == {1, 2, 3, 4}


def test_killed_at_random_times_a_rerun_gives_the_same_rows(folder, cache, undisturbed, tmp_path):
    source = random.Random(20260131)
    home = tmp_path / "random"
    fresh(home, cache)
    for _ in range(8):
        with started(home, folder) as process:
            process.join(source.uniform(0.0, 2.0))
    with started(home, folder) as process:
        process.join(120)
        assert process.exitcode == 0
    assert_same(state(home), undisturbed[-1], "when it was killed eight times in a row at random times")
