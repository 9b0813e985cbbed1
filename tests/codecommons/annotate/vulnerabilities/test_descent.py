# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Commits that are affected, beside what git says of who descends from whom."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import time

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.annotate.vulnerabilities.descent import Question, affected

# Names of shapes, and the parents of each commit by their numbers.
SHAPES = {
    "a line": [[], [0], [1], [2], [3], [4]],
    "a branch that was merged": [[], [0], [1], [0], [3], [2, 4], [5]],
    "two releases, the fix picked into one": [[], [0], [1], [2], [1], [4], [3], [5]],
    "two roots that were merged": [[], [], [0], [1], [2, 3], [4]],
    "an octopus": [[], [0], [0], [0], [1, 2, 3], [4], [2, 5]],
}


def held(parents: dict[bytes, list[bytes]], dates: dict[bytes, int], missing: frozenset[bytes] = frozenset()):
    """A connection that has a history but for what is missing."""
    sql = duckdb.connect()
    there = [one for one in parents if one not in missing]
    date = pl.Struct({"seconds": pl.Int64, "microseconds": pl.Int32})
    rows = [{"id": one, "committer_date": {"seconds": dates[one], "microseconds": 0}} for one in there]
    sql.register("given", pl.DataFrame(rows, schema={"id": pl.Binary, "committer_date": date}).to_arrow())
    sql.execute("create table held as from given")
    edges = [(one, parent) for one in there for parent in parents[one]]
    history = pl.DataFrame(edges, schema={"id": pl.Binary, "parent_id": pl.Binary}, orient="row")
    sql.register("given_history", history.to_arrow())
    sql.execute("create table held_history as from given_history")
    return sql


def ask(sql, folder, *questions):
    return [answers for _, answers in sorted(affected(sql, folder, questions))]


def ids(count):
    return [hashlib.sha1(str(at).encode()).digest() for at in range(count)]


def closure(parents):
    """Of each commit: itself and its ancestors."""
    known: dict[bytes, set[bytes]] = {}
    for one in parents:
        reached, waiting = set(), [one]
        while waiting:
            at = waiting.pop()
            if at not in reached:
                reached.add(at)
                waiting += parents.get(at, [])
        known[one] = reached
    return known


def expected(upto, one, events):
    """The definition, word by word, over sets of ancestors."""
    said = {
        kind: [value for event, value in events if event == kind] for kind in ("introduced", "fixed", "last_affected", "limit")
    }
    limits = [bytes.fromhex(value) for value in said["limit"]]
    if limits and not any(one in upto.get(limit, set()) and one != limit for limit in limits):
        return False
    for value in said["introduced"]:
        begin = None if value == "0" else bytes.fromhex(value)
        if begin is not None and begin not in upto[one]:
            continue
        ends = [bytes.fromhex(value) for value in said["fixed"]]
        ends += [last for value in said["last_affected"] if (last := bytes.fromhex(value)) != one]
        on_the_way = [end for end in ends if end in upto[one] and (begin is None or begin in upto.get(end, set()))]
        if not on_the_way:
            return True
    return False


def made_by_git(folder, shape):
    """Make the commits of a shape with git; their hashes, and what git says each descends from."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*arguments, stdin=b""):
        done = subprocess.run(["git", "-C", str(folder), *arguments], input=stdin, capture_output=True, env=env, check=True)
        return done.stdout.decode()

    git("init", "-q", "--bare")
    stream = ""
    for at, parents in enumerate(shape):
        stream += f"commit refs/heads/c{at}\nmark :{at + 1}\ncommitter A <a@example.org> {1_700_000_000 + at % 3} +0000\n"
        stream += f"data 1\n{at}"
        stream += "".join(f"\n{'merge' if rank else 'from'} :{parent + 1}" for rank, parent in enumerate(parents)) + "\n\n"
    git("fast-import", "--quiet", stdin=stream.encode())
    commits = [bytes.fromhex(git("rev-parse", f"c{at}").strip()) for at in range(len(shape))]
    upto = {one: {bytes.fromhex(line) for line in git("rev-list", one.hex()).split()} for one in commits}
    return commits, upto


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_affected_follows_from_what_git_says_of_descent(name, tmp_path):
    shape = SHAPES[name]
    (tmp_path / "git").mkdir()
    commits, upto = made_by_git(tmp_path / "git", shape)
    parents = {one: [commits[at] for at in shape[place]] for place, one in enumerate(commits)}
    dates = {one: 1_700_000_000 + at % 3 for at, one in enumerate(commits)}
    chance = random.Random(name)
    questions = []
    for begin in ["0", *(one.hex() for one in commits)]:
        for kind in ("fixed", "last_affected", "limit"):
            ends = chance.sample([one.hex() for one in commits], 2)
            questions.append(Question([("introduced", begin), *((kind, end) for end in ends)], commits))
        questions.append(Question([("introduced", begin)], commits))
    found = ask(held(parents, dates), tmp_path, *questions)
    for question, answers in zip(questions, found, strict=True):
        assert answers == [expected(upto, one, question.events) for one in commits], question.events


def test_a_branch_stays_affected_until_it_has_a_fix_of_its_own(tmp_path):
    # 1.x: 0 - 1 - 2(fixed) - 6; 2.x: from 1: 4 - 5 - 7; and what merges both.
    shape = [[], [0], [1], [2], [1], [4], [3], [5]]
    commits = ids(len(shape))
    parents = {one: [commits[at] for at in shape[place]] for place, one in enumerate(commits)}
    sql = held(parents, dict.fromkeys(commits, 0))
    begin, fix, picked = commits[1].hex(), commits[2].hex(), commits[5].hex()
    one = Question([("introduced", begin), ("fixed", fix)], commits)
    both = Question([("introduced", begin), ("fixed", fix), ("fixed", picked)], commits)
    assert ask(sql, tmp_path, one, both) == [
        [False, True, False, False, True, True, False, True],
        [False, True, False, False, True, False, False, False],
    ]


@st.composite
def histories(draw):
    count = draw(st.integers(1, 12))
    shape = [draw(st.lists(st.integers(0, at - 1), max_size=3, unique=True)) if at else [] for at in range(count)]
    commits = ids(count)
    dates = {one: draw(st.integers(-3, 3)) for one in commits}
    some = st.sampled_from([one.hex() for one in commits])
    event = st.tuples(st.sampled_from(["introduced", "fixed", "last_affected", "limit"]), some)
    events = [*draw(st.lists(event, max_size=5)), ("introduced", draw(st.one_of(some, st.just("0"))))]
    missing = frozenset(draw(st.lists(st.sampled_from(commits), max_size=3)))
    return commits, {one: [commits[at] for at in shape[place]] for place, one in enumerate(commits)}, dates, events, missing


@settings(deadline=None, max_examples=40)
@given(histories())
def test_verdicts_agree_with_the_definition_and_more_history_never_changes_one(tmp_path_factory, history):
    commits, parents, dates, events, missing = history
    upto = closure(parents)
    right = [expected(upto, one, events) for one in commits]
    folder = tmp_path_factory.getbasetemp()
    [whole] = ask(held(parents, dates), folder, Question(events, commits))
    [part] = ask(held(parents, dates, missing), folder, Question(events, commits))
    assert whole == right
    assert all(said is None or said == truth for said, truth in zip(part, right, strict=True))
    assert all(said is None for said, one in zip(part, commits, strict=True) if one in missing)


def test_a_commit_that_is_nowhere_in_a_whole_history_is_no_ancestor(tmp_path):
    commits = ids(3)
    sql = held({commits[0]: [], commits[1]: [commits[0]], commits[2]: [commits[1]]}, dict.fromkeys(commits, 0))
    nowhere = "ab" * 20
    assert ask(
        sql,
        tmp_path,
        Question([("introduced", "0"), ("fixed", nowhere)], commits),
        Question([("introduced", nowhere)], commits),
        Question([("introduced", "0"), ("limit", nowhere)], commits),
    ) == [[True] * 3, [False] * 3, [None] * 3]


def test_more_commits_than_one_sweep_marks_and_circles_come_to_an_end(tmp_path):
    commits = ids(300)
    line = {one: [commits[at - 1]] if at else [] for at, one in enumerate(commits)}
    many = Question([("introduced", "0"), *(("fixed", one.hex()) for one in commits[150:])], commits)
    assert ask(held(line, dict.fromkeys(commits, 0)), tmp_path, many) == [[True] * 150 + [False] * 150]
    circle = {**line, commits[0]: [commits[-1]]}
    [answers] = ask(held(circle, dict.fromkeys(commits, 0)), tmp_path, Question([("introduced", commits[7].hex())], commits))
    assert answers == [True] * 300


def test_a_thousand_commits_in_one_range_cost_little(tmp_path):
    commits = ids(1000)
    line = {one: [commits[at - 1]] if at else [] for at, one in enumerate(commits)}
    events = [("introduced" if at % 2 else "fixed", one.hex()) for at, one in enumerate(commits)]
    begun = time.process_time()
    [answers] = ask(held(line, dict.fromkeys(commits, 0)), tmp_path, Question(events, commits))
    assert answers == [at % 2 == 1 for at in range(1000)]
    assert time.process_time() - begun < 3
