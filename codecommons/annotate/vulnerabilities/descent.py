# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Whether a revision is affected, by the history that the lake has.

OSV's schema orders commits by descent: ``u < v`` where ``u`` is an ancestor of ``v``. As that is no line, "the events in their
order" is read as OSV's own service reads it: a revision is affected when it descends from an ``introduced`` commit, or is it, and
no ``fixed`` one lies on the way, that is, descends from the former and is an ancestor of the revision, or is it. What is
``introduced`` at ``0`` is before everything. A branch into which a fix was picked needs a ``fixed`` event of its own, which OSV's
schema asks for: that two commits do the same is never guessed. With ``limit`` events, only ancestors of one of them are affected.

Histories may be cut off. What follows from commits that are there is told; where a verdict would depend on what is not there,
there is none. So a verdict stays true whatever comes later.

Commits hand their marks down to their descendants in sweeps of ``archive.lineage`` over the history turned around: 64 marks at
a time, in bounded memory, and harmless where what should be a history goes round in circles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from codecommons.annotate.vulnerabilities.ranges import ENDLESS, FIRST, FIXED, INTRODUCED, LAST_AFFECTED, LIMIT
from codecommons.archive.lineage import ORIGINS, Lineage

_ROWS = 200_000
Marks = NDArray[np.uint64]

# What Lineage reads: from parents to children, the oldest first, and as it is. `~` turns every order around and overflows never.
_TURNED = """
create or replace temp view revision as
    select id, struct_pack(seconds := ~committer_date.seconds) as committer_date from held;
create or replace temp view revision_history as select parent_id as id, id as parent_id from held_history;
"""
_STRAIGHT = """
create or replace temp view revision as select id, committer_date from held;
create or replace temp view revision_history as select id, parent_id from held_history;
"""
_CUT = """
select distinct history.id as revision from held_history as history anti join held on held.id = history.parent_id order by all
"""


@dataclass(frozen=True)
class Question:
    """A statement about commits, and the revisions it is asked about.

    Attributes:
        events: of its range, as (event, hex commit or ``0`` or ``*``).
        revisions: identifiers.
    """

    events: Sequence[tuple[str, str]]
    revisions: Sequence[bytes]


def affected(
    sql: duckdb.DuckDBPyConnection, folder: Path, questions: Sequence[Question]
) -> Iterator[tuple[int, list[bool | None]]]:
    """Answer questions about revisions.

    Args:
        sql: has the tables ``held`` (id, committer_date) and ``held_history`` (id, parent_id): these histories, or more.
        folder: where files go as long as this runs.
        questions: what is asked.

    Yields:
        The place of a question, and for each of its revisions whether it is affected, or None where what is there of the
        history doesn't tell. Every question once, in their order.

    Raises:
        duckdb.Error: the tables can't be read.
        OSError: the files can't be written.
    """
    nodes = _nodes(sql, questions)
    index = {one: at for at, one in enumerate(nodes["revision"])}
    below = dict(_below_limits(sql, folder, questions, nodes, index))
    cut = pl.DataFrame(sql.execute(_CUT).to_arrow_table())["revision"].to_list()
    sql.execute(_TURNED)
    with Lineage(sql, folder) as lineage:
        whole = np.ones(len(index), bool)
        if cut:
            whole = _marked(lineage, nodes, [cut])[:, 0] == 0
        for places, commits in _batches(questions, index, (INTRODUCED, FIXED, LAST_AFFECTED)):
            marks = _marked(lineage, nodes, [[commit] for commit in commits])
            for place in places:
                yield place, _judged(questions[place], below.get(place), _Descent(index, commits, marks, whole))


@dataclass(frozen=True)
class _Descent:
    """Who descends from whom, among the revisions and commits in question.

    Attributes:
        index: their places, of those that are there.
        commits: which bit of a mark is whose.
        marks: by place, of the commits that a revision is or descends from.
        whole: by place, whether all ancestors are there.
    """

    index: dict[bytes, int]
    commits: dict[bytes, int]
    marks: Marks
    whole: NDArray[np.bool_]

    def of(self, commit: bytes, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which revisions are known to be the commit or to descend from it."""
        bit = self.commits.get(commit)
        if bit is None:
            return np.zeros(len(places), bool)
        return (self.marks[places, bit // ORIGINS] >> np.uint64(bit % ORIGINS) & np.uint64(1)).astype(bool)


def _judged(question: Question, below: NDArray[np.bool_] | None, descent: _Descent) -> list[bool | None]:
    places = np.array([descent.index.get(one, -1) for one in question.revisions], np.int64)
    there = places >= 0
    at = places[there]
    fixes, lasts = _known(descent, question, FIXED), _known(descent, question, LAST_AFFECTED)
    own = descent.marks[at]
    others = own.copy()  # the last affected commit is affected itself
    for place, bit in lasts.T.tolist():
        others[at == place, bit // ORIGINS] &= ~(np.uint64(1) << np.uint64(bit % ORIGINS))
    found, refuted, begun = np.zeros(len(at), bool), np.ones(len(at), bool), np.zeros(len(at), bool)
    for event, value in question.events:
        if event == INTRODUCED:
            begins = np.ones(len(at), bool) if value == FIRST else descent.of(bytes.fromhex(value), at)
            after = None if value == FIRST else bytes.fromhex(value)
            ended = ((own & _bits(descent, fixes, after)) | (others & _bits(descent, lasts, after))).any(axis=1)
            found |= begins & ~ended
            begun |= begins
            refuted &= ended
    # Of a history that is whole, what has no mark is no descendant. Of another one, only what has marks is known.
    whole = descent.whole[at]
    yes = np.where(whole, found, begun & (not _commits(question, (FIXED, LAST_AFFECTED))))
    no = np.where(whole, ~found, refuted)
    if below is not None:
        known = all(
            (place := descent.index.get(limit)) is not None and descent.whole[place] for limit in _commits(question, (LIMIT,))
        )
        no |= ~below[there] & known
        yes &= below[there] & ~no
    answers: list[bool | None] = [None] * len(places)
    for where, is_yes, is_no in zip(np.flatnonzero(there).tolist(), yes.tolist(), no.tolist(), strict=True):
        answers[where] = True if is_yes else False if is_no else None
    return answers


def _bits(descent: _Descent, commits: NDArray[np.int64], after: bytes | None) -> Marks:
    """The bits of those commits (places and bits) that are another one or descend from it; of all, where there is none."""
    places, bits = commits
    if after is not None:
        follow = descent.of(after, places)
        bits = bits[follow]
    mask: Marks = np.zeros(descent.marks.shape[1], np.uint64)
    np.bitwise_or.at(mask, bits // ORIGINS, np.uint64(1) << (bits % ORIGINS).astype(np.uint64))
    return mask


def _known(descent: _Descent, question: Question, event: str) -> NDArray[np.int64]:
    """The commits of an event that are there: their places, and their bits."""
    found = [(descent.index[one], descent.commits[one]) for one in _commits(question, (event,)) if one in descent.commits]
    return np.array(found, np.int64).reshape(-1, 2).T


def _nodes(sql: duckdb.DuckDBPyConnection, questions: Sequence[Question]) -> pl.DataFrame:
    """The revisions and commits in question that are there, numbered: ``at`` and ``revision``."""
    wanted = {one for question in questions for one in (*question.revisions, *_commits(question))}
    sql.register("wanted", pl.DataFrame({"id": sorted(wanted)}, schema={"id": pl.Binary}).to_arrow())
    here = pl.DataFrame(sql.execute("select id as revision from held semi join wanted using (id) order by id").to_arrow_table())
    sql.unregister("wanted")
    return here.cast({"revision": pl.Binary}).with_row_index("at")


def _below_limits(
    sql: duckdb.DuckDBPyConnection, folder: Path, questions: Sequence[Question], nodes: pl.DataFrame, index: dict[bytes, int]
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Of the questions that have limits: which of their revisions are known to be an ancestor of one."""
    limited = [
        at for at, question in enumerate(questions) if _commits(question, (LIMIT,)) and (LIMIT, ENDLESS) not in question.events
    ]
    if not limited:
        return
    sql.execute(_STRAIGHT)
    with Lineage(sql, folder) as lineage:
        for places, commits in _batches([questions[at] for at in limited], index, (LIMIT,)):
            marks = _marked(lineage, nodes, [[commit] for commit in commits])
            above = _Descent(index, commits, marks, np.ones(len(index), bool))
            for place in places:
                question = questions[limited[place]]
                at = np.array([index.get(one, -1) for one in question.revisions], np.int64)
                below = np.zeros(len(at), bool)
                for limit in _commits(question, (LIMIT,)):
                    below |= (at >= 0) & above.of(limit, at) & (at != index.get(limit, -1))
                yield limited[place], below


def _commits(question: Question, events: Sequence[str] = (INTRODUCED, FIXED, LAST_AFFECTED, LIMIT)) -> list[bytes]:
    """The commits of some events of a question."""
    return [bytes.fromhex(value) for event, value in question.events if event in events and value not in (FIRST, ENDLESS)]


def _batches(
    questions: Sequence[Question], index: dict[bytes, int], events: Sequence[str]
) -> Iterator[tuple[list[int], dict[bytes, int]]]:
    """Questions, by their places, whose commits one sweep can mark, and the bit of each commit; a question of many needs more."""
    places: list[int] = []
    commits: dict[bytes, int] = {}
    for place, question in enumerate(questions):
        own = [one for one in _commits(question, events) if one in index]
        if places and len(commits.keys() | set(own)) > ORIGINS:
            yield places, commits
            places, commits = [], {}
        for one in own:
            commits.setdefault(one, len(commits))
        places.append(place)
    if places:
        yield places, commits


def _marked(lineage: Lineage, nodes: pl.DataFrame, sources: Sequence[Sequence[bytes]]) -> Marks:
    """The marks of the numbered revisions: a bit for each group of sources that it is among or descends from."""
    marks: Marks = np.zeros((nodes.height, max(1, -(-len(sources) // ORIGINS))), np.uint64)
    for word, low in enumerate(range(0, len(sources), ORIGINS)):
        heads = [(one, bit) for bit, group in enumerate(sources[low : low + ORIGINS]) for one in group]
        frame = pl.DataFrame(heads, schema={"revision": pl.Binary, "bit": pl.Int64}, orient="row")
        for reached in lineage.reached(frame, _ROWS):
            met = reached.select("revision", "bits").join(nodes, on="revision")
            marks[met["at"].to_numpy(), word] = met["bits"].to_numpy()
    return marks
