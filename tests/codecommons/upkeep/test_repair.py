# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A repair of a lake whose sources are gone: what is not lost stays, what came with others is found there, the rest is named."""

import json
import shutil
from pathlib import Path

import pytest

from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.lake.files import data_files
from codecommons.swhid import content_id
from codecommons.upkeep import repair, verify

DAYS = ("2026-01-29", "2026-01-30", "2026-01-31")


def overwrite(lake: Lake, table: str, bucket: int | None = None) -> None:
    for file in data_files(lake.delta(table)):
        if bucket is None or dict(file.partition)["bucket"] == str(bucket):
            Path(lake.path(table, file.path)).write_bytes(b"rot")


def in_bucket(bucket: int) -> str:
    return next(text for text in (f"print({n})\n" for n in range(99)) if content_id(text.encode())[0] >> 7 == bucket)


@pytest.fixture
def gone(lake: Lake, tmp_path: Path) -> Lake:
    """Three days: a table and a folder that are gone since, and another folder with the same file; one bucket is damaged."""
    table, folder, other = tmp_path / "texts.jsonl", tmp_path / "gone", tmp_path / "other"
    table.write_text(json.dumps({"text": in_bucket(1), "path": "a.py"}))
    for place in (folder, other):
        place.mkdir()
        (place / "shared.py").write_text(in_bucket(0))
    for day, item in zip(DAYS, (f"table:{table}", f"path:{folder}", f"path:{other}"), strict=True):
        add_inputs(lake, [item], day)
        ingest_slice(lake, InlineEngine(), day, item.partition(":")[0])
    table.unlink()
    for place in (folder, lake.settings.cache):
        shutil.rmtree(place)
    overwrite(lake, "content_data", 0)
    return Lake.open(lake.settings)


def test_what_can_not_be_read_again_is_what_it_was_if_all_of_it_is_there_and_what_is_lost_is_named(gone: Lake) -> None:
    before = gone.scan("extid").collect().sort("extid")
    done = repair(gone, InlineEngine())
    assert done.passed, "the folder's day has failed until a later one brought its file"
    assert set(done.slices.values()) == {"passed"}
    assert verify(gone, InlineEngine(), everything=True).faults == []
    known = before.join(gone.scan("extid").collect(), on="extid", how="semi")
    assert known.height == 1, "what was read again is known again, and nothing else"
    assert gone.scan("extid").collect().height == before.height

    overwrite(gone, "directory_entry")
    done = repair(Lake.open(gone.settings), InlineEngine())
    assert not done.passed
    assert [fault.table for fault in done.left] == ["directory"]
