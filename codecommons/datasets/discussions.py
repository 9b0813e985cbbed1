# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Issues and pull requests as rows: each thread as one text, in the form that StarCoder2 was trained on.

Nobody archives a discussion, so its text is the content that a row is about: its SWHID is that of the text form in UTF-8, which
anybody can make again from the events of the slices that count, and bytes that are replaced are bytes of that. The licence is
what the forge says of the repository. People are called username_0 and so on, by who appears first (view ``thread``).

Source: StarCoder 2 and The Stack v2 (Lozhkov et al. 2024), section 2.2 and 2.3, for the text form and for what is worth keeping.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from codecommons.annotate.annotator import current
from codecommons.annotate.forge import text_form
from codecommons.datasets.candidates import repositories, trees
from codecommons.datasets.inputs import BENCHMARKS, Inputs
from codecommons.datasets.redaction import SPANS, broken, found, told
from codecommons.datasets.specification import Specification
from codecommons.lake import Lake
from codecommons.license.forge import licensed
from codecommons.license.policy import policy
from codecommons.optout import ledger
from codecommons.optout.reach import resolve as reached
from codecommons.swhid import content_id

# What a specification calls them -> what the view ``thread`` does, and the folder of their addresses at the forge.
KINDS = {"issues": ("issue", "issues"), "pull_requests": ("pull_request", "pull")}
_ITEM = pl.Struct({"benchmark": pl.String, "item": pl.String, "field": pl.String, "share": pl.Float64})
_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "slice": pl.String,
    "source": pl.String,
    "origin": pl.String,
    "content": pl.Binary,
    "length": pl.Int64,
    "path": pl.Binary,
    "number": pl.Int64,
    "title": pl.String,
    "state": pl.String,
    "completeness": pl.String,
    "users": pl.Int64,
    "opened_at": pl.String,
    "anchor_date": pl.Int64,
    "redactions": SPANS,
    "items": pl.List(_ITEM),
    "events": pl.Int64,
    "characters": pl.Int64,
    "described": pl.Int64,
    "people_say": pl.Int64,
    "bot_opened": pl.Boolean,
    "agreed": pl.Boolean,
}
_EPOCH = dt.datetime(1970, 1, 1)
# Threads that are held at once.
_AT_ONCE = 256
# Of a message that is longer, in lines, these many of its beginning and of its end stay.
_MOST_LINES, _FIRST, _LAST = 80, 60, 20
# A hunk of a diff that is longer, in characters, is left out.
_MOST_HUNK = 10_000

_FROM = """
select thread.* replace (coalesce(origin, repository) as origin), begun.slice as slice, begun.source as source
from thread join begun on begun.place = coalesce(repository_id::varchar, repository) and begun.number = thread.number
where kind = ? order by origin, thread.number
"""
_COUNTED = """
alter view lake.thread_event rename to every_thread_event;
create temp table wanted_thread as
    select distinct coalesce(repository_id::varchar, events.repository) as place, events.number
    from lake.every_thread_event as events {wanted};
create view lake.thread_event as
    select events.* from lake.every_thread_event as events semi join counted using (slice, source)
    semi join wanted_thread as wanted
        on wanted.place = coalesce(repository_id::varchar, repository) and wanted.number = events.number;
create or replace view lake.opted_out_origin as select null::varchar as origin where false;
create temp view begun as
    select place, number, min(slice) as slice, min(source) as source from lake.thread_part group by place, number
"""
# A repository may have had other names, so its threads are looked for by its number.
_WANTED = "semi join wanted on wanted.origin = coalesce(events.origin, events.repository) and wanted.number = events.number"


@contextmanager
def _asking(lake: Lake, slices: pl.DataFrame, wanted: pl.DataFrame | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The view ``thread`` over the events of some slices alone, opted out or not; of some threads (origin, number), if asked."""
    with lake.sql() as sql:
        sql.register("counted", slices.to_arrow())
        if wanted is not None:
            sql.register("wanted", wanted.select("origin", "number").unique().to_arrow())
        sql.execute(_COUNTED.format(wanted="" if wanted is None else _WANTED))
        yield sql


def texts(
    lake: Lake, asked: Specification, slices: pl.DataFrame, wanted: pl.DataFrame | None = None
) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Threads as the view ``thread`` has them, each with its text form before anything is replaced; by origin and number.

    Args:
        lake: the lake.
        asked: what kind, and whether long messages are cut and tokens broken.
        slices: columns slice and source: whose events count.
        wanted: columns origin and number: only these, and what a repository of one of their names has under their numbers.

    Raises:
        LakeError: a table can't be read.
    """
    kind, _ = KINDS[asked.rows]
    with _asking(lake, slices, wanted) as sql:
        for batch in sql.execute(_FROM, [kind]).to_arrow_reader(_AT_ONCE):
            for thread in batch.to_pylist():
                yield thread, text_form(_shaped(thread, asked)).encode("utf-8", "replace")


def _shaped(thread: Mapping[str, Any], asked: Specification) -> dict[str, Any]:
    """A thread with its long messages cut, where StarCoder2's filter is asked for, and tokens broken in what people said."""
    cut = asked.messages == "starcoder2"

    def said(text: str | None) -> str | None:
        return None if text is None else broken(shortened(text) if cut else text, asked.escape)

    def message(one: Mapping[str, Any]) -> dict[str, Any]:
        hunk = one["diff_hunk"]
        hunk = None if cut and hunk and len(hunk) > _MOST_HUNK else said(hunk)
        return {**one, "text": said(one["text"]), "diff_hunk": hunk, "path": said(one["path"])}

    return {**thread, "title": said(thread["title"]), "messages": [message(one) for one in thread["messages"] or ()]}


def shortened(text: str) -> str:
    """A message of which, if it is long, the middle is left out."""
    lines = text.split("\n")
    return text if len(lines) <= _MOST_LINES else "\n".join([*lines[:_FIRST], *lines[-_LAST:]])


def slices_of(inputs: Inputs) -> pl.DataFrame:
    """Whose events count: columns slice and source."""
    return pl.DataFrame(inputs.slices, schema_overrides={"slice": pl.String}).select("slice", "source").unique()


def candidates(lake: Lake, inputs: Inputs, asked: Specification) -> pl.DataFrame:
    """One row per thread, without its text.

    Returns:
        content (of the text form), length (its bytes), path (such as ``issues/12``), redactions (of its bytes), items (of
        benchmarks; empty unless they are asked for); slice and source of its first event; license, verdict and rule by what the
        forge says of the repository; ``rows.DISCUSSION``; what ``MESSAGES`` ask of; opt_out, why it is out, or null. What
        only files have (anchor, snapshot, root, language, encoding) is null, or UTF-8.

    Raises:
        LakeError: a table can't be read.
    """
    _, folder = KINDS[asked.rows]
    matcher = _matcher(lake, asked)
    rows: list[dict[str, Any]] = []
    frames = [pl.DataFrame(schema=_COLUMNS)]
    for thread, text in texts(lake, asked, slices_of(inputs)):
        rows.append(_row(thread, text, folder, asked, matcher))
        if len(rows) == _AT_ONCE:
            frames.append(pl.DataFrame(rows, schema=_COLUMNS))
            rows.clear()
    every = pl.concat([*frames, pl.DataFrame(rows, schema=_COLUMNS)])
    nothing = {"anchor": pl.String, "snapshot": pl.Binary, "root": pl.Binary, "language": pl.String}
    empty = [pl.lit(None, kind).alias(name) for name, kind in nothing.items()]
    every = every.with_columns(empty, encoding=pl.lit("utf-8"), since="anchor_date")
    judging = policy(lake.settings, asked.license.policy)
    every = licensed(every, repositories(lake, inputs), judging)
    excluded = reached(lake, ledger.read(lake).effective, trees(lake, inputs))
    return excluded.marked(every)


def _row(
    thread: Mapping[str, Any], text: bytes, folder: str, asked: Specification, matcher: Callable[[bytes], list[dict[str, Any]]]
) -> dict[str, Any]:
    messages = thread["messages"] or []
    human = [one for one in messages if one["bot"] is None]
    opened = next((one for one in messages if one["action"] == "opened"), None)
    at = thread["opened_at"]
    return {
        "slice": thread["slice"],
        "source": thread["source"],
        "origin": thread["origin"],
        "content": content_id(text),
        "length": len(text),
        "path": f"{folder}/{thread['number']}".encode(),
        "number": thread["number"],
        "title": None if thread["title"] is None else told(thread["title"], asked.redact, asked.escape),
        "state": thread["state"],
        "completeness": thread["completeness"],
        "users": thread["users"],
        "opened_at": at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None,
        "anchor_date": int((at - _EPOCH).total_seconds()) if at else None,
        "redactions": [span._asdict() for span in found(text, asked.redact)],
        "items": matcher(text),
        "events": thread["events"],
        "characters": sum(len(one["text"] or "") for one in human),
        "described": len(opened["text"] or "") if opened else 0,
        "people_say": sum(bool(one["text"]) and one["action"] != "opened" for one in human),
        "bot_opened": bool(opened and opened["bot"] is not None),
        "agreed": bool(thread["merged"]) or any(one["review_state"] == "approved" for one in messages),
    }


def _matcher(lake: Lake, asked: Specification) -> Callable[[bytes], list[dict[str, Any]]]:
    """What finds the items of benchmarks in a text; nothing where none is to be left out."""
    if not asked.decontaminate.benchmarks:
        return lambda _: []
    annotator = current(lake.settings)[BENCHMARKS]

    def items(text: bytes) -> list[dict[str, Any]]:
        batch = pa.record_batch({"sha1_git": pa.array([b""], pa.binary()), "data": pa.array([text], pa.binary())})
        found: list[dict[str, Any]] = annotator.run(batch).column("items").to_pylist()[0] or []
        return found

    return items


_CHARACTERS = pl.col("characters")
_TITLE = pl.col("title").fill_null("")
# Of StarCoder2's rules those that are about what is said; a pull request's files and diff are in the repository.
MESSAGES: dict[str, dict[str, list[tuple[str, pl.Expr]]]] = {
    "none": {kind: [] for kind in KINDS},
    "starcoder2": {
        "issues": [
            ("says_enough", _CHARACTERS >= 200),
            (
                "is_a_talk",
                (pl.col("users") >= 2) | ((pl.col("users") == 1) & (_CHARACTERS <= 7_000) & (pl.col("events") <= 10)),
            ),
        ],
        "pull_requests": [
            ("is_opened_by_a_person", ~pl.col("bot_opened")),
            ("is_answered_by_a_person", pl.col("people_say") > 0),
            ("is_agreed_on", pl.col("agreed")),
            ("has_a_title", _TITLE.str.len_chars().is_between(10, 500)),
            ("is_no_release", ~_TITLE.str.to_lowercase().str.contains(r"depend|release")),
            ("is_described", pl.col("described") >= 20),
            ("is_of_some_length", pl.col("length").is_between(200, 1_000_000)),
        ],
    },
}
VERSION = 1


def failed(asked: Specification) -> pl.Expr:
    """The first rule of a filter of messages that a thread does not keep, as ``starcoder2@1: is_a_talk``; null: it keeps all."""
    rules = MESSAGES[asked.messages][asked.rows]
    names = (pl.lit(f"{asked.messages}@{VERSION}: {name}") for name, _ in rules)
    broken_ = (pl.when(~keeps.fill_null(value=False)).then(name) for (_, keeps), name in zip(rules, names, strict=True))
    return pl.coalesce(*broken_, pl.lit(None, pl.String))
