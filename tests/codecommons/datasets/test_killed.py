# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Builds in processes of their own: killed (-9) wherever they stand, or two at once."""

import multiprocessing
import os
import shutil
import time
from pathlib import Path

import polars as pl
import pytest

from codecommons.datasets import build, list_releases, verify
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.optout.signing import signing_key
from codecommons.settings import Settings

TABLES = ("dataset", "dataset_row", "dataset_drop", "shard")


def started(home):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["codecommons.datasets"])
    process = context.Process(target=build, args=(lake_of(home), InlineEngine(), "all"))
    process.start()
    return process


def ended(process):
    process.join(120)
    return process.exitcode


def lake_of(home):
    return Lake.open(Settings(home=home, lake=str(home / "lake"), workers=0, bucket_bits=1))


def files_in(home):
    return sum(len(names) for _, _, names in os.walk(home / "lake"))


def state(home):
    """Everything a reader can see of the dataset: rows of its tables and bytes of its releases."""
    lake = lake_of(home)
    rows = {name: lake.scan(name).collect().sort(pl.all().exclude(pl.List(pl.String))).to_dicts() for name in TABLES}
    root = home / "lake" / "datasets"
    return rows, {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture(params=["parquet", "tokens, vocabulary: 512"])
def ready(shop, tmp_path_factory, request):
    """A home in which the dataset can be built, to be copied."""
    shop.specify("all", f"{{shard: {{bits: 4}}, escape: [starcoder2], format: {{kind: {request.param}}}}}")
    signing_key(shop.settings)  # a home makes its own, and the attestations of two would differ
    return lambda: Path(shutil.copytree(shop.settings.home, tmp_path_factory.mktemp("copy") / "home"))


def test_a_build_killed_anywhere_publishes_nothing_by_half_and_runs_again_to_the_same_end(ready):
    undisturbed = ready()
    before = files_in(undisturbed)
    assert ended(started(undisturbed)) == 0
    made = files_in(undisturbed) - before
    expected = state(undisturbed)
    killed, kept = 0, 0
    for after in range(1, made, max(1, made // 6)):
        home = ready()
        process = started(home)
        while files_in(home) < before + after and process.is_alive():
            time.sleep(0.001)
        process.kill()
        killed += ended(process) == -9
        for one in list_releases(lake_of(home), "all"):
            assert verify(lake_of(home), "all", one.fingerprint).passed, after
        kept += build(lake_of(home), InlineEngine(), "all").details.get("shards_kept", 0)
        assert state(home) == expected, after
    assert killed > 2
    # It goes on where it was: shards that were written are not written again.
    assert kept > 0


def test_two_builds_of_one_dataset_at_once_make_one_release(ready):
    home = ready()
    assert [ended(process) for process in [started(home), started(home)]] == [0, 0]
    [one] = list_releases(lake_of(home), "all")
    assert verify(lake_of(home), "all").passed
    rows = lake_of(home).scan("dataset_row").collect()
    assert rows.height == rows.n_unique() == one.document["result"]["rows"]
