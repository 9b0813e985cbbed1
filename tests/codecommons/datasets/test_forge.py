# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a forge says of a repository, where nobody in its tree says anything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from codecommons.annotate.forge.repositories import newest
from codecommons.datasets import build
from codecommons.engine.local import InlineEngine
from codecommons.explain import explain
from codecommons.lake import Lake
from codecommons.lake.schemas import TABLES
from codecommons.license import forge, policy
from codecommons.report import STAGES
from codecommons.settings import Settings

ENGINE = "https://github.com/Ada/Engine"


def observe(
    lake: Lake,
    day: str,
    *seen: tuple[str, str | None],
    stars: int | None = None,
    numbers: Sequence[int] = (),
    talked: bool = False,
) -> None:
    """Let a day's hours have said this of repositories, in this order; or have told of discussions there."""
    schema = pa.schema(TABLES["repository_observation"].fields)
    rows: list[dict[str, Any]] = [
        {
            "item": "07",
            "id": str(9 + at),
            "part": "base",
            "observed_at": dt.datetime.fromisoformat(f"{day}T07:00:00Z"),
            "repository_id": numbers[at] if numbers else sum(origin.encode()),
            "origin": origin,
            "license": license,
            "stars": None if stars is None else stars + at,
        }
        for at, (origin, license) in enumerate(seen)
    ]
    news = {"repository_observation": pa.Table.from_pylist(rows, schema)}
    if talked:
        events = [{name: row[name] for name in ("item", "id", "repository_id", "origin")} | {"kind": "issue"} for row in rows]
        news = {"thread_event": pa.Table.from_pylist(events, pa.schema(TABLES["thread_event"].fields))}
    lake.write_news(news, day, "gharchive", "a" * 16)
    for stage in STAGES[:4]:
        lake.log.record(day, "gharchive", stage, "passed", "a" * 16)


def days(*names: str) -> pl.DataFrame:
    return pl.DataFrame({"slice": names, "source": ["gharchive"] * len(names)}, schema={"slice": pl.String, "source": pl.String})


def test_the_newest_observation_up_to_the_day_counts_and_addresses_are_compared_by_their_form(fresh_lake, tmp_path):
    lake = fresh_lake(Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0, bucket_bits=1))
    # The tenth event came after the ninth: identifiers are numbers.
    observe(lake, "2026-01-01", (ENGINE, "MIT"), (ENGINE, "apache-2.0"), ("https://github.com/ada/odd", "Made-Up-1.0"))
    observe(lake, "2026-01-02", (f"{ENGINE}.git", "GPL-3.0"), ("https://github.com/ada/new", None))
    asked = {"nothing": (), "first": ("2026-01-01",), "second": ("2026-01-01", "2026-01-02")}
    found = {name: dict(newest(lake, days(*some)).select("place", "license").iter_rows()) for name, some in asked.items()}
    engine, odd = "github.com/ada/engine", {"github.com/ada/odd": "Made-Up-1.0"}
    assert found == {
        "nothing": {},
        "first": {engine: "apache-2.0"} | odd,
        "second": {engine: "GPL-3.0", "github.com/ada/new": None} | odd,
    }


def test_a_repository_goes_by_all_the_names_that_it_alone_has_had(fresh_lake, tmp_path):
    lake = fresh_lake(Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0, bucket_bits=1))
    forge_of = "https://github.com/ada/"
    # 1 was called old, is called new, and was talked of as older; 2 had the name taken before 3 took it.
    observe(lake, "2026-01-01", (f"{forge_of}old", "MIT"), (f"{forge_of}taken", "MIT"), numbers=(1, 2))
    observe(lake, "2026-01-02", (f"{forge_of}new", "GPL-3.0"), (f"{forge_of}moved", "ISC"), numbers=(1, 2))
    observe(lake, "2026-01-03", (f"{forge_of}Older", None), (f"{forge_of}taken", None), numbers=(1, 3), talked=True)
    found = dict(newest(lake, days("2026-01-01", "2026-01-02", "2026-01-03")).select("place", "license").iter_rows())
    here = "github.com/ada/"
    assert found == dict.fromkeys((f"{here}old", f"{here}new", f"{here}older"), "GPL-3.0") | {
        f"{here}taken": "MIT",
        f"{here}moved": "ISC",
    }
    before = dict(newest(lake, days("2026-01-01")).select("place", "license").iter_rows())
    assert before == {f"{here}old": "MIT", f"{here}taken": "MIT"}


@pytest.mark.parametrize(
    ("name", "said", "rule", "verdict"),
    [
        ("permissive", "MIT", "nothing/no-license", ("MIT", "permissive", "forge/permissive-license")),
        ("permissive", "GPL-3.0", "nothing/no-license", ("GPL-3.0-only", "copyleft", "forge/copyleft-license")),
        ("permissive", "MIT", "license-file/copyleft-license", None),
        ("permissive", "MIT", "foreign/no-license", None),
        ("permissive", "apache-2.0", "nothing/no-license", ("Apache-2.0", "permissive", "forge/permissive-license")),
        ("permissive", "NOASSERTION", "nothing/no-license", None),
        ("permissive", "Made-Up-1.0", "nothing/no-license", None),
        ("permissive", None, "nothing/no-license", None),
        ("stack-v2", "MIT", "license-file/any-other", ("MIT", "permissive", "forge/permissive-license")),
        ("stack-v2", "GPL-3.0", "license-file/permissive-license", ("GPL-3.0-only", "non_permissive", "forge/any-other")),
        ("stack-v2", "NOASSERTION", "nothing/no-license", ("NOASSERTION", "non_permissive", "forge/unrecognised-license")),
        ("stack-v2", "NOASSERTION", "license-file/permissive-license", None),
    ],
)
def test_the_forge_decides_where_nobody_else_does_or_first_for_the_stack(fresh_lake, tmp_path, name, said, rule, verdict):
    lake = fresh_lake(Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0, bucket_bits=1))
    observe(lake, "2026-01-01", (ENGINE, said))
    before = ("BSD-2-Clause", "unknown", rule, ["swh:1:dir:" + "0" * 40])
    columns = {"license": pl.String, "verdict": pl.String, "rule": pl.String, "evidence": pl.List(pl.String)}
    rows = pl.DataFrame([before, before], schema=columns, orient="row").with_columns(origin=pl.Series([ENGINE, "pkg:pypi/other"]))
    judging = policy(lake.settings, name)
    found = forge.last_resort(rows.lazy(), newest(lake, days("2026-01-01")), judging).collect()
    mine, other = found.sort("origin").drop("origin").rows()
    assert other == before
    if verdict is None:
        assert mine == before
    else:
        assert mine[:3] == verdict
        assert mine[3] == [f"{ENGINE}, event 9 of 2026-01-01T07:00:00Z", *before[3]]


def test_a_dataset_takes_a_silent_repository_by_what_its_forge_says_and_shows_who_said_so(world):
    silent = {"verdict": "unknown", "license": None, "rule": "nothing/no-license", "source": "git"}
    world.add(ENGINE.lower(), {"a.py": b"a = 1\n"}, **silent)
    world.add("https://github.com/ada/strict", {"b.py": b"b = 1\n"}, **silent)
    world.passed()
    observe(world.lake, "2026-01-01", (ENGINE, "MIT"), ("https://github.com/ada/strict", "AGPL-3.0"))
    report = build(world.lake, InlineEngine(), world.specify("all", "{}"))
    assert [check.description for check in report.checks if not check.passed] == []
    rows = pl.read_parquet(f"{world.settings.lake}/{report.details['folder']}/data/*.parquet")
    assert rows.select("origin", "license", "license_type").rows() == [(ENGINE.lower(), "MIT", "permissive")]
    [why] = world.lake.scan("dataset_drop").select("evidence").collect().to_series().to_list()
    assert "copyleft: forge/copyleft-license" in why
    [told] = explain(world.lake, ENGINE.lower())["forge"]
    assert (told["origin"], told["license"]) == (ENGINE, "MIT")
    assert "https://github.com/ada/strict, event 10 of 2026-01-01T07:00:00Z" in why


def test_of_equal_copies_the_one_with_more_stars_stays_whatever_its_name(world):
    origins = [f"https://github.com/ada/{name}" for name in ("one", "two", "three")]
    for origin in origins:
        world.add(origin, {"a.py": b"def shared():\n    return 'the same bytes in three repositories'\n"}, source="git")
    world.passed()

    def kept(name: str, specification: str) -> str:
        report = build(world.lake, InlineEngine(), world.specify(name, specification))
        return pl.read_parquet(f"{world.settings.lake}/{report.details['folder']}/data/*.parquet")["origin"].item()

    # Without stars it goes by identifiers; the other two are more and most popular.
    before = kept("before", "{}")
    liked, most_liked = (origin for origin in origins if origin != before)
    observe(world.lake, "2026-01-01", (liked, None), (most_liked, None), stars=7)
    assert kept("popular", "{}") == most_liked
    assert kept("plain", "deduplicate: {order: [permissive, earliest]}") == before
