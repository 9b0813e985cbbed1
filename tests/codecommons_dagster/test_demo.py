# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The main job, as a newcomer runs it, on a list of three small packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from codecommons.lake import Lake
from codecommons.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
LISTED = ("pypi:requests==2.30.0", "pypi:requests==2.31.0", "npm:left-pad@1.3.0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, corpus_archive: Callable[[str], Path]) -> Path:
    """What a checkout has of it: a list of packages and one specification. The PyPI archives are in the cache already."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "examples" / "datasets").mkdir(parents=True)
    lines = (ROOT / "examples" / "packages.txt").read_text().splitlines()
    kept = [line for line in lines if line.startswith(("# day:", *LISTED))]
    (folder / "examples" / "packages.txt").write_text("\n".join(kept) + "\n")
    shutil.copy(ROOT / "examples" / "datasets" / "python-permissive.yaml", folder / "examples" / "datasets")
    for name in LISTED[:2]:
        cached = corpus_archive(name)
        target = folder / "home" / "cache" / "archives" / cached.parent.name
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(cached, target)
    return folder


@pytest.fixture(scope="module")
def printed(folder: Path) -> list[str]:
    """What two demos in a row print, on a machine without npm."""
    tools = folder / "tools"
    tools.mkdir()
    for tool in ("git", "sh"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    environment = {**os.environ, "PATH": str(tools), "CODECOMMONS_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "codecommons_dagster.demo"]
    runs = [subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0], [run.stderr for run in runs]
    return [run.stdout for run in runs]


def test_the_demo_prints_the_funnel_what_is_in_it_and_where_it_is(folder: Path, printed: list[str]) -> None:
    assert "3 packages (1 from npm and 2 from pypi), 96 files" in printed[0]
    assert "Apache-2.0" in printed[0]
    assert "near_duplicate" in printed[0]
    assert "requests-2.3" in printed[0]
    [manifest] = (folder / "home" / "lake" / "datasets" / "python-permissive").glob("*/manifest.parquet")
    assert str(manifest.relative_to(folder)) in printed[0], "places are named from where one stands"


def test_without_npm_its_packages_are_quarantined_with_a_clear_line_and_nothing_fails(folder: Path, printed: list[str]) -> None:
    assert "npm:left-pad@1.3.0: npm-missing: npm is not installed" in printed[0]
    settings = Settings(home=folder / "home", lake=str(folder / "home" / "lake"), workers=0)
    verdicts = Lake.open(settings).log.verdicts()
    assert set(verdicts["verdict"]) == {"passed"}


def test_a_second_demo_does_almost_nothing_and_says_so(printed: list[str]) -> None:
    assert "Nothing was left to do." in printed[1]
    assert "Nothing was left to do." not in printed[0]
    total = next(line for line in printed[1].splitlines() if line.startswith("all five"))
    assert "100%" in total


def test_a_list_without_a_day_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("pypi:six==1.16.0\n")
    command = [sys.executable, "-m", "codecommons_dagster.demo", "list.txt"]
    environment = {**os.environ, "CODECOMMONS_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "# day: 2026-01-31" in done.stderr
