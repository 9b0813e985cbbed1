# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""An S3 server that fails now and then, behind a real proxy: whoever tries again loses nothing and doubles nothing."""

import dataclasses
import random

import pyarrow as pa
import pytest

from benchmarks.faults.proxy import FAULTS, faulty
from codecommons.engine.local import InlineEngine
from codecommons.errors import LakeError
from codecommons.lake import Lake
from codecommons.lake.commits import create_table
from codecommons.lake.schemas import TABLES
from codecommons.upkeep import verify

DAY, STAGE = "2026-01-31", "raw_archive_slice"
CUT = "answer cut off in the middle"


def put(lake: Lake, number: int) -> None:
    """What a slice does to a lake: facts, news, and the switch."""
    with lake.staging("test") as area:
        writer = area.writer("task")
        ids = pa.array([random.Random(n).randbytes(20) for n in (number, number + 1)], pa.binary())
        writer.add("origin", pa.table({"id": ids, "url": [f"u{number}", f"u{number + 1}"]}))
        lake.commit(area, [writer.close()], InlineEngine())
    rows = pa.Table.from_pylist([{"item": f"i{number}", "stage": STAGE}], pa.schema(TABLES["quarantine"].fields))
    lake.write_news({"quarantine": rows}, DAY, f"s{number}", "a")
    lake.log.record(DAY, f"s{number}", STAGE, "passed", "a")


def test_answers_that_break_off_in_the_middle_are_asked_for_again(settings_on_s3, bucket):
    """delta-rs tries a request again, but gives up over a list of which only a part has come."""
    with faulty(bucket.endpoint, 7, {CUT: 0.15}) as proxy:
        given = dict(settings_on_s3.storage_options) | {"AWS_ENDPOINT_URL": proxy.url}
        lake = Lake.open(dataclasses.replace(settings_on_s3, storage_options=tuple(sorted(given.items()))))
        put(lake, 0)
        for number in range(3):
            create_table(lake.storage, dataclasses.replace(TABLES["origin"], name=f"new_{number}"))
        assert proxy.done[CUT] > 5
    assert sorted(Lake.open(settings_on_s3).scan("origin").collect()["url"]) == ["u0", "u1"]


def test_requests_that_fail_before_or_after_the_server_has_seen_them_lose_and_double_no_row(settings_on_s3, bucket):
    failed, numbers = [], range(5)
    with faulty(bucket.endpoint, 7, dict.fromkeys(FAULTS[:-1], 0.03)) as proxy:
        given = dict(settings_on_s3.storage_options) | {"AWS_ENDPOINT_URL": proxy.url}
        settings = dataclasses.replace(settings_on_s3, storage_options=tuple(sorted(given.items())))
        for number in numbers:
            for _ in range(20):
                try:
                    put(Lake.open(settings), number)
                    break
                except LakeError as error:
                    failed.append(str(error))
            else:
                pytest.fail(f"it never came through: {failed}")
        assert set(proxy.done) == set(FAULTS[:-1]), "each of them must happen for this test to mean anything"
    lake = Lake.open(settings_on_s3)
    assert sorted(lake.scan("origin").collect()["url"]) == [f"u{number}" for number in range(6)]
    assert sorted(lake.scan("quarantine").collect()["item"]) == [f"i{number}" for number in numbers]
    assert lake.log.verdicts()["source"].to_list() == [f"s{number}" for number in numbers]
    assert verify(lake, InlineEngine(), everything=True).faults == []
    for line in failed:
        assert "run the same command again" in line or "can it be reached from here" in line, line
        assert "backup" not in line, "nothing is damaged"
        assert "\n" not in line
