# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""GH Archive's events: what they add to threads, and what they say of repositories (see ``annotate.forge``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from codecommons.annotate.feed import Problem, Reader, Said
from codecommons.annotate.forge import observations, repositories, thread_event, threads
from codecommons.engine import Engine
from codecommons.errors import ItemError
from codecommons.lake import Lake, NewsFile
from codecommons.lake.schemas import TABLES
from codecommons.lake.storage import lake_errors

_THREAD, _REPOSITORY = (pa.schema(TABLES[name].fields) for name in ("thread_event", "repository_observation"))


def _read(events: Sequence[Mapping[str, Any]]) -> Said:
    parts: list[dict[str, Any]] = []
    seen: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for event in events:
        kind, about = event["type"], {"item": event["item"], "id": event["id"]}
        if kind not in threads.EVENTS and kind not in repositories.EVENTS:
            continue
        record = orjson.loads(event["event"])
        if kind in repositories.EVENTS:
            told = observations(kind, record, event["url"])
            seen += [about | {"observed_at": event["created_at"]} | one for one in told]
        if kind in threads.EVENTS:
            here = {"created_at": event["created_at"], "repository_id": event["repo_id"], "complete": event["complete"]}
            here |= {"repository": event["repo"], "origin": event["url"]}
            try:
                if not event["repo"] or not event["created_at"]:
                    raise ItemError("no-thread", f"the {kind} has no repository or time")
                parts.append(about | here | thread_event(kind, record))
            except ItemError as error:
                problems.append(Problem(event["item"], error.reason, f"event {event['id']}: {error.detail}", False))
    rows = pa.Table.from_pylist(parts, _THREAD)
    return Said(rows, problems=problems, also={"repository_observation": pa.Table.from_pylist(seen, _REPOSITORY)})


def _figures(lake: Lake, engine: Engine, slice: str, source: str, files: Sequence[NewsFile]) -> dict[str, Any]:
    """How many threads the slice has a part of, and what of them."""
    threads_of: list[pl.Series] = []
    counts: Counter[str] = Counter()
    for one in files:
        counts[one.table] += one.rows
        if one.table == "thread_event":
            with lake_errors(f"reading {one.path}"), lake.fs.open(one.path, "rb") as file:
                columns = ["repository_id", "repository", "number", "complete", "bot"]
                events = pl.DataFrame(pq.ParquetFile(file).read(columns, use_threads=False))
            # As in the view ``thread``: a repository is its number, as names change.
            place = pl.coalesce(pl.col("repository_id").cast(pl.String), "repository")
            threads_of.append(events.select(pl.struct(place.alias("place"), "number").hash()).to_series().unique())
            counts["bots"] += int(events["bot"].count())
            counts["trimmed"] += int((~events["complete"]).sum())
    return {
        "threads": {
            "threads": pl.concat(threads_of).n_unique() if threads_of else 0,
            "events": counts["thread_event"],
            "of bots": counts["bots"],
            "not complete": counts["trimmed"],
        },
        "repositories observed": counts["repository_observation"],
    }


COLUMNS = ("item", "id", "type", "repo_id", "repo", "url", "created_at", "complete", "event")
READER = Reader("gharchive_event", COLUMNS, "thread_event", 2, _read, _figures, ("repository_observation",))
