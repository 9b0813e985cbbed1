# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What every test may ask for: the shared data, a fresh lake, real archives, and a Dagster instance that forgets.

``CODECOMMONS_TEST_CACHE`` names a folder where downloaded archives outlive a clean checkout.
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

if TYPE_CHECKING:
    import dagster as dg

    from codecommons.lake import Lake
    from codecommons.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DAY = "2026-01-31"

# How long an example takes is the machine's affair; tests that are about time look at the processor's.
hypothesis_settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("patient")


# What is imported and compiled stays, a million objects: to look through them again and again took a tenth of the tests' time.
gc.set_threshold(50_000, 20, 50)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes that are no short text give a test no name: many hold the time at which they were packed."""
    return f"{argname}-of-{len(val)}" if isinstance(val, bytes) and not (val.isascii() and len(val) < 40) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The library's files come last: they are short, so no process still has a long one when the others are done."""
    library = ROOT / "tests" / "codecommons"
    items.sort(key=lambda item: library in item.path.parents)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data with known answers, beside the checkout; a file that is missing in it fails the test that opens it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data with known answers is not beside this checkout (../shared/data)")
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a fresh home; tasks run in this process, and two buckets are enough to have rows in another one."""
    from codecommons.settings import Settings

    return Settings(home=tmp_path / "home", lake=str(tmp_path / "home" / "lake"), workers=0, bucket_bits=1)


@pytest.fixture(scope="session")
def fresh_lake(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Settings], Lake]:
    """Opens a lake on a local folder; a new one is a copy of an empty one, which takes a tenth of the time of creating it.

    The tables of annotators and of comparing are there, too, as in any lake that was used.
    """
    from codecommons.annotate.annotator import current
    from codecommons.dedup.tables import TABLES as DEDUP_TABLES
    from codecommons.lake import Lake

    empty_lakes = tmp_path_factory.mktemp("empty-lakes")

    def open_(settings: Settings) -> Lake:
        if not Path(settings.lake).exists():
            empty = replace(settings, lake=str(empty_lakes / str(settings.bucket_bits)))
            made = Lake.open(empty)
            for table in (*(one.table for one in current(empty).values()), *DEDUP_TABLES):
                made.register(table)
            shutil.copytree(empty.lake, settings.lake)
        return Lake.open(settings)

    return open_


@pytest.fixture
def lake(settings: Settings, fresh_lake: Callable[[Settings], Lake]) -> Lake:
    """A fresh lake on a local folder."""
    return fresh_lake(settings)


@pytest.fixture(scope="session")
def corpus_archive(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """A real archive of ``examples/packages.txt`` by what it is called there, such as ``pypi:six==1.16.0``.

    It comes through the product's own source and cache, once for all sessions, and is verified against the list's sha256.
    """
    from codecommons.archive import parse_request, read_package_list
    from codecommons.archive.source import sources
    from codecommons.errors import ItemError
    from codecommons.lake import SliceInput
    from codecommons.settings import Settings

    home = Path(os.environ.get("CODECOMMONS_TEST_CACHE") or request.config.cache.mkdir("codecommons"))
    cached = Settings(home=home, lake=str(home / "lake"), workers=0)
    listed = {line.split()[0]: line for line in read_package_list(ROOT / "examples" / "packages.txt")}

    def archive(name: str) -> Path:
        wanted = parse_request(listed[name], cached)
        row = SliceInput(DAY, wanted.source, wanted.item, sha256=wanted.sha256)
        try:
            return sources(cached)[wanted.source].fetch(row, cached)
        except ItemError as error:
            if error.reason != "unreachable" or os.environ.get("CI"):
                raise
            pytest.skip(f"{name} can't be downloaded here: {error}")

    return archive


@pytest.fixture
def dagster_instance() -> Iterator[dg.DagsterInstance]:
    """An instance in memory; Dagster is imported once a session, by the first test that asks."""
    import dagster as dg

    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="session")
def decision_rows():
    """What ``license_qualified`` writes of one file under one policy: table -> row."""
    from codecommons.license.stage import statement_id

    def rows(policy, root, path, content, *, expression="", verdict="permissive", rule="license-file/r", evidence=()):
        kind, _, rule = rule.partition("/")
        # Statements are told apart by their verdict here, which tests choose freely.
        statement, resolution = statement_id(expression or "", verdict or ""), f"nearest-of-{policy}"
        said = {"resolution": resolution, "root": root, "path": path, "content": content, "statement": statement}
        said |= {"expression": expression or "", "otherwise": "", "kind": kind, "evidence": list(evidence)}
        judged = {"policy": policy, "statement": statement, "resolution": resolution, "decided": expression or ""}
        judged |= {"verdict": verdict, "rule": rule, "version": 1, "obligations": []}
        return {"license_resolution": said, "license_judgement": judged}

    return rows
