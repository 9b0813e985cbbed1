# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Threads: two whole hours of GH Archive of 2015, each a day of a fresh lake, against an index of theirs that was counted apart.

Which events make a thread, its kind, whether it was opened or closed, comments and actors are asked. Texts have no known answers
here, and the layout since 2025-10-07 has no real sample.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from benchmarks.accuracy import Accuracy
from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.settings import Settings

SECTION = "Threads"
_ASKED = ("kind", "events", "opened_seen", "closed_seen", "comments", "actors")
_KINDS = {"pull_request": "pr", "issue": "issue"}
_QUERY = """
select repository, number, any_value(thread.kind), any_value(thread.events), any_value(opened_seen)::int,
    max(text_kind is null and action = 'closed')::int, any_value(thread.comments), count(distinct actor)
from thread join lake.thread_event as event using (repository, number) group by all
"""


def measure(data: Path) -> list[Accuracy]:
    """Compare every thread of either side."""
    folder = data / "gharchive"
    with (folder / "threads.tsv").open() as lines:
        expected = {
            f"{row['repo']}#{row['number']}": tuple(row[name] for name in _ASKED) for row in csv.DictReader(lines, delimiter="\t")
        }
    found = {
        f"{repository}#{number}": (_KINDS[kind], *map(str, counts)) for repository, number, kind, *counts in _threads(folder)
    }
    threads = sorted(expected.keys() | found.keys())
    measured = [
        Accuracy(
            SECTION,
            "grouping: threads there",
            len(threads),
            len(expected.keys() & found.keys()),
            [
                f"`{one}`: {'not found' if one in expected else 'there is no such thread'}"
                for one in sorted(expected.keys() ^ found.keys())
            ],
        )
    ]
    for at, name in enumerate(_ASKED):
        wrong = [
            f"`{one}`: expected {expected[one][at]}, found {found[one][at]}"
            for one in threads
            if one in expected and one in found and expected[one][at] != found[one][at]
        ]
        measured.append(Accuracy(SECTION, name.replace("_", " "), len(expected), len(expected) - len(wrong), wrong))
    return measured


def _threads(folder: Path) -> list[tuple[str, int, str, int, int, int, int, int]]:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), lake=str(Path(home) / "lake"), workers=0, gharchive=str(folder))
        lake, engine = Lake.open(settings), InlineEngine()
        for day, hour in (("2015-01-01", "2015-01-01-0"), ("2015-01-02", "2015-01-01-1")):
            add_inputs(lake, [f"gharchive:{hour}"], day)
            ingest_slice(lake, engine, day, "gharchive")
            annotate_slice(lake, engine, day, "gharchive")
        with lake.sql() as sql:
            return sql.execute(_QUERY).fetchall()
