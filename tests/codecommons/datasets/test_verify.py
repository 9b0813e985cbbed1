# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from pathlib import Path

import pytest

from codecommons.datasets import build, list_releases, release, verify
from codecommons.datasets.releases import publish
from codecommons.engine.local import InlineEngine
from codecommons.errors import LakeError, UsageError


@pytest.fixture
def built(shop):
    report = build(shop.lake, InlineEngine(), shop.specify("all", "{shard: {bits: 0}}"))
    return shop, Path(shop.settings.lake, report.details["folder"])


def test_an_untouched_release_is_verified_row_by_row(built):
    shop, _ = built
    found = verify(shop.lake, "all")
    assert found.passed
    assert found.rows == 7


def test_a_flipped_byte_in_a_shard_is_found_with_its_rows(built):
    shop, folder = built
    [shard] = (folder / "data").iterdir()
    data = bytearray(shard.read_bytes())
    data[len(data) // 3] ^= 1
    shard.write_bytes(data)
    problems = verify(shop.lake, "all").problems
    assert any("sha256" in problem.what and shard.name in problem.file for problem in problems)


def test_a_text_that_was_changed_is_named_by_its_swhid(built):
    import polars as pl
    import pyarrow.parquet as pq

    from codecommons.datasets.rows import ROW

    shop, folder = built
    [shard] = (folder / "data").iterdir()
    rows = pl.read_parquet(shard).with_columns(
        text=pl.when(pl.col("path") == "index.js").then(pl.lit("changed")).otherwise("text")
    )
    pq.write_table(rows.to_arrow().cast(ROW), shard)
    problems = verify(shop.lake, "all").problems
    [changed] = [problem for problem in problems if problem.row is not None]
    assert changed.swhid == rows.filter(path="index.js")["swhid"].item()
    assert changed.what == "its text is not that of the bytes its SWHID names, with its redactions"


def test_an_edited_fingerprint_does_not_pass(built):
    shop, folder = built
    marker = folder / "fingerprint.json"
    marker.write_text(marker.read_text().replace('"permissive"', '"anything"'))
    assert "fingerprint.json" in [problem.file for problem in verify(shop.lake, "all").problems]


def test_a_missing_shard_is_named(built):
    shop, folder = built
    [shard] = (folder / "data").iterdir()
    shard.unlink()
    assert [problem.what for problem in verify(shop.lake, "all").problems] == ["it is missing"]


def test_a_release_is_found_by_the_beginning_of_its_fingerprint(built):
    shop, folder = built
    assert release(shop.lake, "all", folder.name[:6]).folder.endswith(folder.name)
    with pytest.raises(UsageError, match=f"no release 'zzz' of dataset all; there is {folder.name}"):
        release(shop.lake, "all", "zzz")
    with pytest.raises(UsageError, match=r"no release of dataset 'al'; did you mean 'all'\?"):
        verify(shop.lake, "al")


@pytest.mark.parametrize("name", ["*", "a?l", "[a]ll", "../datasets/all", ""])
def test_the_name_of_a_release_is_never_a_pattern_or_a_path(built, name):
    shop, _ = built
    assert list_releases(shop.lake, name) == []
    with pytest.raises(UsageError, match="no release of dataset"):
        verify(shop.lake, name)


def test_a_release_whose_files_are_not_all_in_place_is_none(built):
    shop, _ = built
    document = {"name": "all", "fingerprint": "f" * 64}
    with pytest.raises(LakeError, match="publishing"):
        publish(shop.lake, document, shop.lake.path("_staging", "none"), ["data/missing.parquet"])
    assert "f" * 64 not in {one.fingerprint for one in list_releases(shop.lake)}
