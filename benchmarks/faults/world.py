# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A small slice, the process that works on it, and what a lake holds in the end."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import polars as pl

from codecommons.annotate import annotate_slice
from codecommons.annotate.annotator import prepare
from codecommons.archive import add_inputs, ingest_slice
from codecommons.datasets import build
from codecommons.dedup import compare_slice
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.license import qualify_slice
from codecommons.optout.signing import signing_key
from codecommons.settings import Settings

DAY = "2026-01-31"
STAGES = (ingest_slice, annotate_slice, qualify_slice, compare_slice)
DATASET = "all"
# Measurements differ from run to run; every other row must not.
NOT_DATA = frozenset({"stage_report"})
_DATES = {"GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z"}

State = dict[str, pl.DataFrame | bytes]


@dataclasses.dataclass(frozen=True)
class World:
    """What tries share.

    Attributes:
        folder: where they work.
        items: what the slice consists of.
        expected: what a lake holds that nobody disturbed.
        files: how many files it took to make it.
        seconds: how long that took.
    """

    folder: Path
    items: tuple[str, ...]
    expected: State
    files: int
    seconds: float

    @classmethod
    def make(cls, folder: Path, repository: bool = True) -> World:
        """A project and, unless somebody is in a hurry, a repository; and the undisturbed lake of them."""
        items: tuple[str, ...] = (f"path:{_project(folder / 'project')}",)
        if repository:
            items += (f"git:{_repository(folder / 'repository')}",)
        world = cls(folder, items, {}, 0, 0.0)
        prepare(settings_of(folder / "prepared"))
        signing_key(settings_of(folder / "prepared"))
        home = world.fresh("undisturbed")
        shutil.copytree(home / "lake", folder / "empty")
        before, begun = files_in(home), time.perf_counter()
        with world.started(home) as process:
            process.join()
            assert process.exitcode == 0
        seconds = time.perf_counter() - begun
        return dataclasses.replace(world, expected=state(settings_of(home)), files=files_in(home) - before, seconds=seconds)

    def fresh(self, name: str) -> Path:
        """An empty lake, in a home with what is prepared once for a machine."""
        return self.furnish(self.folder / name)

    def furnish(self, home: Path) -> Path:
        """The same anywhere; what is there stays."""
        shutil.copytree(self.folder / "prepared", home, dirs_exist_ok=True)
        (home / "datasets").mkdir(exist_ok=True)
        (home / "datasets" / f"{DATASET}.yaml").write_text("{shard: {bits: 1}}\n")
        if not (home / "lake").exists() and (self.folder / "empty").exists():  # to create sixty tables takes a second
            shutil.copytree(self.folder / "empty", home / "lake")
        Lake.open(settings_of(home))
        return home

    @contextmanager
    def started(self, home: Path, work: Callable[..., None] | None = None, **more: Any) -> Iterator[BaseProcess]:
        """A process of its own that takes the slice through every stage; it is dead in the end, however that ends."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        settings = dataclasses.replace(settings_of(home), **more)
        process = context.Process(target=work or run, args=(settings, self.items))
        process.start()
        try:
            yield process
        finally:
            if process.is_alive():
                os.kill(process.pid or 0, signal.SIGKILL)
            process.join()

    def finish(self, settings: Settings) -> list[str]:
        """Run it again, undisturbed, and say in which tables and files the lake differs from the undisturbed one."""
        run(settings, self.items)
        return self.differs(settings)

    def differs(self, settings: Settings) -> list[str]:
        """Names of tables and files of releases that are not as they should be."""
        found = state(settings)
        return [
            name for name in sorted(found.keys() | self.expected.keys()) if not _same(found.get(name), self.expected.get(name))
        ]


def settings_of(home: Path) -> Settings:
    """Settings of a home; tasks run in the process that asks."""
    return Settings(home=home, lake=str(home / "lake"), workers=0, bucket_bits=0)


def run(settings: Settings, items: tuple[str, ...]) -> None:
    """What an operator does: a slice through every stage, and a dataset of it."""
    lake = Lake.open(settings)
    add_inputs(lake, items, DAY)
    for stage in STAGES:
        for source in lake.log.sources(DAY):
            stage(lake, InlineEngine(), DAY, source)
    build(lake, InlineEngine(), DATASET)


def state(settings: Settings) -> State:
    """Every row that readers see, table by table, and every byte of every release."""
    lake = Lake.open(settings)
    names = sorted({table.name for table in lake.stored()} - NOT_DATA)
    known = lake.tables()
    raw = {
        name: pl.scan_delta(lake.storage.uri(name), storage_options=lake.storage.options) for name in names if name not in known
    }
    lazy = [raw[name] if name in raw else lake.scan(name) for name in names]
    rows: State = {}
    for name, frame in zip(names, pl.collect_all(lazy), strict=True):
        rows[name] = frame.sort([column for column, kind in frame.schema.items() if not kind.is_nested()])
    root = lake.path("datasets")
    for path in lake.fs.find(root):
        rows[f"datasets{path.removeprefix(root)}"] = lake.fs.cat_file(path)
    return rows


def _same(one: pl.DataFrame | bytes | None, other: pl.DataFrame | bytes | None) -> bool:
    if isinstance(one, pl.DataFrame) and isinstance(other, pl.DataFrame):
        return one.equals(other)
    return one is not None and not isinstance(one, pl.DataFrame) and one == other


def files_in(home: Path) -> int:
    """How many files a lake has."""
    return sum(len(names) for _, _, names in os.walk(home / "lake"))


def _project(root: Path) -> Path:
    (root / "src").mkdir(parents=True)
    (root / "LICENSE").write_text("SPDX-License-Identifier: MIT\n")
    body = "\n".join(f"def function_{n}(left, right):\n    return left * {n} + right" for n in range(40))
    (root / "src" / "one.py").write_text(body)
    (root / "src" / "two.py").write_text(body + "\n\ndef last():\n    return None\n")
    (root / "src" / "latin.txt").write_bytes("déjà vu\n".encode("latin-1"))
    return root


def _repository(root: Path) -> Path:
    root.mkdir(parents=True)
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    environment: Mapping[str, str] = {**os.environ, **_DATES}

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True, env=environment)

    git("init", "-q", "-b", "main")
    for number in range(3):
        (root / "LICENSE").write_text("SPDX-License-Identifier: Apache-2.0\n")
        (root / f"part_{number}.py").write_text("\n".join(f"PART_{number}_{line} = {line}" for line in range(30)) + "\n")
        git("add", "-A")
        git("commit", "-qm", f"part {number}")
    return root
