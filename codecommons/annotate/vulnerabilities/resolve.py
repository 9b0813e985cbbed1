# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Asks of what the lake holds whether statements affect it, and remembers the verdicts.

Records and code meet here from both sides: the slice of records asks about everything that the lake has, the slice of packages or
repositories asks everything that was ever said of them. Statements are committed before the lake is looked at, and visits before
their slice comes here; so of two that run at once at least one sees the other, and any order leaves the same rows.

A package is asked about its releases, a repository about the revisions that its tags and branches name. Which repositories a
statement speaks of is told by its address, and by history: what holds one of its commits is the same project, wherever it is.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from codecommons.annotate.vulnerabilities.descent import Question, affected
from codecommons.annotate.vulnerabilities.ranges import Affected
from codecommons.annotate.vulnerabilities.rules import digest
from codecommons.annotate.vulnerabilities.statements import GIT, PACKAGE, Range, Statement
from codecommons.engine import Engine
from codecommons.lake import Lake, StagedFile, StagingArea
from codecommons.lake.schemas import TABLES
from codecommons.lake.storage import lake_errors

_VERDICT = pa.schema(TABLES["vulnerability_verdict"].fields)
# Pairs of a task, and of histories that are marked together.
_PAIRS, _ASKED = 50_000, 200_000

# Who meets here: what a slice of records says and all that is named, or what a slice names and all that was ever said.
_OF_RECORDS = """
create temp table asking as select said.* from lake.vulnerability_statement as said semi join given using (statement);
create temp table asked as from lake.named;
"""
_OF_CODE = f"""
create temp table asked as select named.* from lake.named as named
    semi join (select origin from lake.origin_visit_status where slice = $slice and source = $source) using (origin);
create temp table asking as
    from lake.vulnerability_statement
    where kind = '{PACKAGE}' and place in (select place(origin) from asked where kind = '{PACKAGE}')
    union all
    select * replace ([]::varchar[] as versions) from lake.vulnerability_statement
    where kind = '{GIT}' and exists (from asked where kind = '{GIT}');
"""
_PACKAGES = f"""
create temp table version as
    select distinct asking.statement, asked.target, asked.version
    from asking join asked on asking.kind = '{PACKAGE}' and asked.kind = '{PACKAGE}' and asking.place = place(asked.origin)
        and asked.version is not null
    anti join lake.vulnerability_verdict as known
        on known.digest = $digest and known.statement = asking.statement and known.target = asked.target
    order by all
"""
_SOME = "select statement, target, version from version where rowid >= $low and rowid < $high"
_SAID = "select statement, ecosystem, events, versions, problem from asking semi join wanted using (statement)"
# By address, and by the commits that a history holds.
_REPOSITORIES = f"""
create temp table meant as
    select asking.statement, asked.origin
    from asking join (select distinct origin from asked where kind = '{GIT}') as asked on asking.place = place(asked.origin)
    where asking.kind = '{GIT}' and asking.problem is null
    union
    select spoken.statement, origin.url
    from (
        select distinct statement, unhex(one.value) as revision from asking, unnest(events) as event(one)
        where kind = '{GIT}' and length(one.value) = 40
    ) as spoken
    join lake.origin_revision as held using (revision)
    join lake.origin as origin on origin.id = held.origin
    where origin.url in (select origin from asked where kind = '{GIT}');
create temp table pair as
    select distinct meant.statement, asked.target
    from meant join asked using (origin)
    anti join lake.vulnerability_verdict as known
        on known.digest = $digest and known.statement = meant.statement and known.target = asked.target;
"""
_HELD = """
create temp table involved as select origin.id from lake.origin as origin
    where url in (select origin from meant semi join pair using (statement));
create temp table held as select id, committer_date from lake.revision
    where id in (select revision from lake.origin_revision where origin in (select id from involved));
create temp table held_history as select id, parent_id from lake.revision_history semi join held using (id);
"""
_TURNS = f"""
create temp table turn as
    select statement, (sum(count(*)) over (order by statement) // {_ASKED})::bigint as turn from pair group by statement
"""
_ASK = """
select pair.statement, list(pair.target order by pair.target), any_value(asking.events)
from turn join pair using (statement) join asking using (statement)
where turn.turn = $turn group by pair.statement order by pair.statement
"""


def resolve(lake: Lake, engine: Engine, slice: str, source: str, statements: pl.Series | None = None) -> int:
    """Ask everything that was not asked before, and commit the verdicts.

    Args:
        lake: the lake.
        engine: where versions are compared.
        slice: the day.
        source: the source.
        statements: identifiers of what the slice's records say; None for a slice that brings code.

    Returns:
        How many verdicts are new.

    Raises:
        LakeError: the lake can't be read or written.
    """
    if not lake.files("vulnerability_statement"):
        return 0
    with _asking(lake, slice, source, statements) as sql, lake.staging(f"vulnerabilities-{source}") as area:
        committed = lake.commit(area, itertools.chain(_comparisons(sql, area, engine), _descents(sql, lake, area)), engine)
    return committed["vulnerability_verdict"].rows_new if committed else 0


@contextmanager
def _asking(lake: Lake, slice: str, source: str, statements: pl.Series | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB over the lake, with who asks (``asking``) and who is asked (``asked``)."""
    cache = lake.settings.cache
    with lake_errors(f"looking for what vulnerabilities affect in the lake {lake.settings.lake}"), ExitStack() as opened:
        cache.mkdir(parents=True, exist_ok=True)
        # A folder each: DuckDB gives its files the same names in every process.
        spill = opened.enter_context(tempfile.TemporaryDirectory(prefix="duckdb-", dir=cache))
        sql = opened.enter_context(lake.sql())
        sql.execute("set memory_limit = '1GB'; set threads = 2")
        sql.execute("set temp_directory = $folder", {"folder": spill})
        if statements is None:
            first, second = _OF_CODE.strip().split(";\n")
            sql.execute(first, {"slice": slice, "source": source})
            sql.execute(second)
        else:
            sql.register("given", pl.DataFrame({"statement": statements.cast(pl.Binary)}).to_arrow())
            sql.execute(_OF_RECORDS)
        yield sql


@dataclass(frozen=True)
class _Task:
    """Pairs of statements and versions, for one worker.

    Attributes:
        area: where verdicts go.
        pairs: columns statement, target, version.
        said: the statements: columns statement, ecosystem, events, versions, problem.
    """

    area: StagingArea
    pairs: pl.DataFrame
    said: pl.DataFrame

    def __str__(self) -> str:
        """How an error names it."""
        return f"comparing {self.pairs.height} versions"


def _comparisons(sql: duckdb.DuckDBPyConnection, area: StagingArea, engine: Engine) -> Iterator[list[StagedFile]]:
    """Verdicts about versions, a few tasks at a time."""
    sql.execute(_PACKAGES, {"digest": digest()})
    [(pairs,)] = sql.execute("select count(*) from version").fetchall()
    tasks = (_task(sql, area, low) for low in range(0, pairs, _PAIRS))
    while some := list(itertools.islice(tasks, max(1, 2 * engine.workers))):
        yield from engine.map(compare, some, name=str)


def _task(sql: duckdb.DuckDBPyConnection, area: StagingArea, low: int) -> _Task:
    pairs = pl.DataFrame(sql.execute(_SOME, {"low": low, "high": low + _PAIRS}).to_arrow_table())
    sql.register("wanted", pairs.select(pl.col("statement").unique()).to_arrow())
    said = pl.DataFrame(sql.execute(_SAID).to_arrow_table())
    sql.unregister("wanted")
    return _Task(area, pairs, said)


def compare(task: _Task) -> list[StagedFile]:
    """Say of each version whether its statement affects it; runs in a worker."""
    asked = {row["statement"]: Affected(_statement(row)) for row in task.said.iter_rows(named=True)}
    rows = []
    for statement, target, version in task.pairs.select("statement", "target", "version").iter_rows():
        said = asked[statement].verdict(version)
        rows.append((digest(), statement, target, said.affected, said.rule, said.detail))
    return _staged(task.area, rows)


def _statement(row: dict[str, Any]) -> Statement:
    ranges = [
        Range(kind, tuple((one["event"], one["value"]) for one in events))
        for (_, kind), events in itertools.groupby(row["events"], key=lambda one: (one["range"], one["type"]))
    ]
    return Statement(PACKAGE, None, row["ecosystem"], "", tuple(ranges), tuple(row["versions"]), row["problem"])


def _descents(sql: duckdb.DuckDBPyConnection, lake: Lake, area: StagingArea) -> Iterator[list[StagedFile]]:
    """Verdicts about revisions, where the history tells."""
    first, second = _REPOSITORIES.strip().rstrip(";").split(";\n")
    sql.execute(first)
    sql.execute(second, {"digest": digest()})
    [(pairs,)] = sql.execute("select count(*) from pair").fetchall()
    if not pairs:
        return
    sql.execute(_HELD)
    sql.execute(_TURNS)
    turns = [turn for (turn,) in sql.execute("select distinct turn from turn order by turn").fetchall()]
    for turn in turns:
        questions = [
            (statement, Question([(one["event"], one["value"]) for one in events], targets))
            for statement, targets, events in sql.execute(_ASK, {"turn": turn}).fetchall()
        ]
        yield _staged(area, list(_told(sql, lake.settings.cache, questions)))


def _told(sql: duckdb.DuckDBPyConnection, folder: Path, questions: list[tuple[bytes, Question]]) -> Iterator[tuple[Any, ...]]:
    for place, answers in affected(sql, folder, [question for _, question in questions]):
        statement, question = questions[place]
        for target, answer in zip(question.revisions, answers, strict=True):
            if answer is not None:
                yield digest(), statement, target, answer, "git-range", None


def _staged(area: StagingArea, rows: list[tuple[Any, ...]]) -> list[StagedFile]:
    writer = area.writer("vulnerabilities")
    if rows:
        columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), _VERDICT.types, strict=True)]
        writer.add("vulnerability_verdict", pa.Table.from_arrays(columns, schema=_VERDICT))
    return writer.close()
