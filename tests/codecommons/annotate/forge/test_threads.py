# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Threads and repositories out of hours of events: complete, in order, once, without names, however the events are split."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from contextlib import closing
from dataclasses import replace
from itertools import count

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.annotate import annotate_slice
from codecommons.annotate.forge import text_form
from codecommons.archive.views import visited_trees
from codecommons.dedup import compare_slice
from codecommons.engine import local_engine
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.lake.schemas import TABLES
from codecommons.license import qualify_slice
from codecommons.optout import desk
from codecommons.optout.requests import Request, Submission
from codecommons.status import status
from codecommons.swhid import origin_id

DAY, NEXT = "2026-01-30", "2026-01-31"
HOUR, LATER = "2026-01-30-7", "2026-01-30-8"
THREADS, REPOSITORIES = "from thread order by repository, number", "from repository order by repository_id"


def parts(thread):
    return [(one["user"], one["role"], one["action"], one["text"]) for one in thread["messages"]]


def test_two_real_hours_give_the_threads_that_were_counted_from_them(days, shared_data):
    folder = shared_data / "gharchive"
    days.lake = Lake.open(replace(days.lake.settings, gharchive=str(folder)))
    for day, hour in ((DAY, "2015-01-01-0"), (NEXT, "2015-01-01-1")):
        report = days.bring(hour, day=day)
        assert report.rows_in == report.rows_kept
    with (folder / "threads.tsv").open() as lines:
        expected = {
            (row["repo"], int(row["number"]), {"pr": "pull_request", "issue": "issue"}[row["kind"]]): tuple(
                int(row[name]) for name in ("events", "opened_seen", "closed_seen", "comments", "actors")
            )
            for row in csv.DictReader(lines, delimiter="\t")
        }
    rows = days.ask(
        """select repository, number, any_value(thread.kind) as kind, any_value(thread.events) as events,
            any_value(opened_seen)::int as opened, max(text_kind is null and action = 'closed')::int as closed,
            any_value(thread.comments) as comments, count(distinct actor) as actors
        from thread join lake.thread_event as event using (repository, number) group by all"""
    )
    found = {
        (row["repository"], row["number"], row["kind"]): tuple(
            row[name] for name in ("events", "opened", "closed", "comments", "actors")
        )
        for row in rows
    }
    assert len(expected) == 1_768
    assert found == expected


def test_a_thread_is_told_in_order_across_days(days, forge):
    forge.issue("opened", "ada-example")
    forge.comment("grace-example", "Does it, @Ada-Example?", 11, comments=1)
    days.hour(HOUR, forge.events)
    days.bring(HOUR)
    forge.events.clear()
    forge.comment("ci-bot", "Stale.", 12, comments=2)
    forge.issue("closed", "ada-example", comments=2, body="Whenever it pours.", title="It stops in rain")
    days.hour("2026-01-31-7", forge.events)
    days.bring("2026-01-31-7", day=NEXT)
    [thread] = days.ask(THREADS)
    assert parts(thread) == [
        ("username_0", "author", "opened", "Whenever it pours."),
        ("username_1", "participant", "comment", "Does it, @username_0?"),
        ("username_2", "bot", "comment", "Stale."),
        ("username_0", "author", "closed", None),
    ]
    told = {
        name: thread[name] for name in ("title", "kind", "state", "completeness", "users", "bots", "comments", "events", "labels")
    }
    assert told == {
        "title": "It stops in rain",
        "kind": "issue",
        "state": "closed",
        "completeness": "complete",
        "users": 2,
        "bots": 1,
        "comments": 2,
        "events": 4,
        "labels": ["bug"],
    }
    assert thread["origin"] == "https://github.com/ada-example/engine"
    assert text_form(thread) == (
        "<issue_start>Title: It stops in rain\nusername_0: Whenever it pours."
        "<issue_comment>username_1: Does it, @username_0?<issue_closed><|endoftext|>"
    )


def test_what_comes_twice_edited_or_deleted_is_there_once_as_it_was_last(days, forge):
    forge.issue("opened", "ada-example")
    forge.comment("grace-example", "Frist", 11)
    forge.comment("grace-example", "First", 11, action="edited")
    forge.comment("joan-example", "Buy this", 12)
    forge.comment("joan-example", "Buy this", 12, action="deleted")
    days.hour(HOUR, [*forge.events, *forge.events])
    days.hour(LATER, forge.events)
    days.bring(HOUR, LATER)
    days.bring(LATER, day=NEXT)
    [thread] = days.ask(THREADS)
    assert [one[3] for one in parts(thread)] == ["Whenever it rains.", "First"]
    assert thread["events"] == 5
    assert thread["messages"][1]["time"].minute == 2


def test_since_the_forge_trims_events_a_pull_request_says_so(days, forge):
    forge.trimmed("opened", "ada-example")
    forge.comment("grace-example", "Thanks", 11, number=3, pull_request={"url": "x"}, title="Umbrella", body="Opens.")
    forge.trimmed("merged", "grace-example")
    forge.trimmed("opened", "ada-example", number=4)
    days.hour(HOUR, forge.events)
    days.bring(HOUR)
    told, untold = days.ask(THREADS)
    assert (told["kind"], told["title"], told["completeness"], told["merged"]) == ("pull_request", "Umbrella", "trimmed", True)
    assert parts(told) == [
        ("username_0", "author", "opened", "Opens."),
        ("username_1", "participant", "comment", "Thanks"),
        ("username_1", "participant", "merged", None),
    ]
    assert (untold["title"], untold["completeness"], parts(untold)) == (
        None,
        "trimmed",
        [("username_0", "author", "opened", None)],
    )
    assert (untold["base"], untold["head"]) == ("b" * 40, "c" * 40)


def test_a_review_or_a_comment_of_the_trimmed_layout_says_what_it_says_and_no_more(days, forge):
    place = {"id": forge.number, "name": "engine", "url": f"https://api.github.com/repos/{forge.repository}"}
    pull = {
        "id": 5,
        "number": 3,
        "url": "x",
        **{end: {"ref": "main", "sha": "b" * 40, "repo": place} for end in ("base", "head")},
    }
    grace = {"login": "grace-example", "id": 2}
    review = {"id": 21, "user": grace, "body": "Leaks.", "state": "changes_requested", "submitted_at": "2025-10-08T10:00:00Z"}
    comment = {"id": 22, "user": grace, "body": "Here.", "path": "a.c", "line": 7, "created_at": "2025-10-08T10:01:00Z"}
    forge.event("PullRequestReviewEvent", "grace-example", {"action": "created", "pull_request": pull, "review": review})
    forge.event("PullRequestReviewCommentEvent", "grace-example", {"action": "created", "pull_request": pull, "comment": comment})
    days.hour(HOUR, forge.events)
    days.bring(HOUR)
    [thread] = days.ask(THREADS)
    assert (thread["kind"], thread["number"], thread["title"], thread["completeness"]) == ("pull_request", 3, None, "trimmed")
    assert parts(thread) == [
        ("username_0", "participant", "review", "Leaks."),
        ("username_0", "participant", "review_comment", "Here."),
    ]


def test_whether_the_opener_is_a_bot_comes_from_the_event_that_names_the_opener(days, forge):
    forge.issue("opened", "helper", number=6, user={"login": "helper", "type": "Bot"})
    forge.issue("closed", "ada-example", number=6, user={"login": "helper", "type": "User"})
    days.hour(HOUR, forge.events)
    days.bring(HOUR)
    [thread] = days.ask(THREADS)
    first = thread["messages"][0]
    assert (first["action"], first["role"], first["bot"]) == ("opened", "author", None)


def test_a_thread_of_which_we_saw_a_part_is_partial(days, forge):
    forge.comment("grace-example", "Third", 13, comments=3)
    forge.issue("reopened", "grace-example", number=5, comments=1)
    days.hour(HOUR, forge.events)
    days.bring(HOUR)
    assert [(one["completeness"], one["comments"], one["comments_counted"], one["opened_seen"]) for one in days.ask(THREADS)] == [
        ("partial", 1, 3, False),
        ("partial", 0, 1, False),
    ]


def test_a_repository_that_is_renamed_keeps_its_threads(days, forge):
    forge.issue("opened", "ada-example")
    forge.repository = "ada-example/turbine"
    forge.comment("grace-example", "Renamed", 11)
    days.hour(HOUR, forge.events)
    days.bring(HOUR)
    [thread] = days.ask(THREADS)
    assert (thread["repository"], len(thread["messages"])) == ("ada-example/turbine", 2)


REPOSITORY = {
    "id": 9,
    "full_name": "ada-example/engine",
    "html_url": "https://github.com/ada-example/engine",
    "description": "It goes",
    "language": "Ada",
    "license": {"key": "mit", "spdx_id": "MIT"},
    "topics": ["steam", "analysis"],
    "default_branch": "trunk",
    "fork": False,
    "stargazers_count": 41,
    "forks_count": 5,
}


def test_repositories_are_told_by_their_newest_events_and_joined_to_origins(days, forge):
    forge.pull("opened", "ada-example", repo=REPOSITORY)
    forge.pull("closed", "ada-example", repo=REPOSITORY | {"stargazers_count": 42})
    fork = {"id": 10, "full_name": "joan-example/engine", "html_url": "https://github.com/joan-example/engine", "fork": True}
    forge.event("ForkEvent", "joan-example", {"forkee": REPOSITORY | fork})
    for _ in range(3):
        forge.event("WatchEvent", "joan-example", {"action": "started"})
    days.hour(HOUR, forge.events)
    days.hour(LATER, forge.events[3:])
    with days.lake.staging("test") as area:
        writer = area.writer("test")
        url = "https://github.com/Ada-Example/engine.git"
        writer.add("origin", pa.Table.from_pylist([{"id": origin_id(url), "url": url}], pa.schema(TABLES["origin"].fields)))
        days.lake.commit(area, [writer.close()], InlineEngine())
    days.bring(HOUR, LATER)
    engine, forked = days.ask(REPOSITORIES)
    told = {
        name: engine[name] for name in ("origin", "stars", "forks", "license", "language", "topics", "default_branch", "fork")
    }
    assert told == {
        "origin": "https://github.com/ada-example/engine",
        "stars": 42,
        "forks": 5,
        "license": "MIT",
        "language": "Ada",
        "topics": ["analysis", "steam"],
        "default_branch": "trunk",
        "fork": False,
    }
    assert (engine["star_events"], engine["fork_events"], engine["visited"]) == (3, 1, [url])
    assert (forked["fork"], forked["forked_from"], forked["visited"]) == (True, engine["origin"], [])


def test_no_view_has_the_name_of_a_person(days, forge):
    people = ("ada-secret", "grace-secret", "joan-secret")
    asked = {"body": f"cc @{people[1]} and @{people[2].upper()}.", "title": f"Ask @{people[1]}", "user": {"login": people[0]}}
    forge.issue("opened", people[0], **asked)
    forge.comment(people[1], f"On Monday, {people[0]} <notify@example.org> wrote:\n> text\n", 11, **asked)
    forge.pull("opened", people[2], user={"login": people[2]}, repo=REPOSITORY)
    days.hour(HOUR, forge.events)
    days.bring(HOUR)
    with days.lake.sql() as sql:
        found = sql.execute("select view_name from duckdb_views() where schema_name = 'main' and not internal").fetchall()
        views = [name for (name,) in found]
        shown = {name: str(sql.execute(f'from "{name}"').fetchall()) for name in views}
    assert {"thread", "repository", "gharchive_event"} <= shown.keys()
    assert [name for name, text in shown.items() if "secret" in text.lower()] == []
    issue = days.ask(THREADS)[0]
    assert issue["title"] == "Ask @username_1"
    assert [one["text"] for one in issue["messages"]] == ["cc @username_1 and @username_2.", "On … wrote:\n> text\n"]
    assert [one["user"] for one in issue["messages"]] == ["username_0", "username_1"]


NAMED = {
    "As Grace-Secret's patch says; thanks grace-secret!": "As username_1's patch says; thanks username_1!",
    "My-grace-secret and grace-secretary": "My-grace-secret and grace-secretary",
    "See https://forge.example/grace-secret, src.grace-secret.h or a/grace-secret": None,
    "Every post has an author: @author = author": "Every post has an author: @username_2 = author",
    "`grace-secret`\n```\ngrace-secret\n```": None,
    "Bob says that the engine runs, and ada_grace-secret": None,
    "L'été de grace-secret: 雨": "L'été de username_1: 雨",
    "": None,
}


def test_a_word_that_is_the_login_of_somebody_in_the_thread_has_the_name_there(days, forge):
    # Bob is too short to be told from a word; the project is called like somebody who speaks in it.
    forge.issue("opened", "ada-secret")
    for number, (login, text) in enumerate((*(("grace-secret", text) for text in NAMED), ("bob", "Hi"), ("engine", "Hi"))):
        forge.comment(login, text, 11 + number, title="For grace-secret")
    days.hour(HOUR, forge.events)
    days.bring(HOUR)
    [issue] = days.ask(THREADS)
    assert issue["title"] == "For username_1"
    said = [one["text"] for one in issue["messages"] if one["user"] == "username_1"]
    assert said == [text if named is None else named for text, named in NAMED.items()]


@pytest.mark.parametrize(
    ("scope", "value"), [("origin", "https://github.com/Ada-Example/engine.git"), ("owner", "https://github.com/ada-example/")]
)
def test_discussions_of_an_origin_that_is_opted_out_are_in_no_view_and_others_are(days, forge, new_forge, scope, value):
    other = new_forge()
    other.repository, other.number = "joan-example/loom", 99
    forge.issue("opened", "ada-example")
    other.issue("opened", "joan-example", number=1)
    for one in other.events:
        one["id"] = f"9{one['id']}"
    days.hour(HOUR, [*forge.events, *other.events])
    days.bring(HOUR)
    assert len(days.ask(THREADS)) == len(days.ask(REPOSITORIES)) == 2
    [one] = desk.submit(
        days.lake, Submission((Request(scope, (value,), None),), {"contact": "someone@example.org"}), f"{DAY}T12:00:00+00:00"
    )
    desk.verify(days.lake, one.id, visited_trees(days.lake), "checked by a test")
    assert [row["repository"] for row in days.ask(THREADS)] == ["joan-example/loom"]
    assert [row["repository"] for row in days.ask(REPOSITORIES)] == ["joan-example/loom"]
    desk.withdraw(days.lake, one.id)
    assert len(days.ask(THREADS)) == 2


def test_a_bad_hour_costs_none_of_the_good_events(days, forge):
    forge.issue("opened", "ada-example")
    good = [json.dumps(one).encode() for one in forge.events]
    huge = json.dumps(forge.comment("grace-example", "x" * 3_000_000, 11)).encode()
    deep = b'{"id":"77","type":"IssuesEvent","payload":' + b'{"issue":' * 10_000 + b"1" + b"}" * 10_000 + b"}"
    typed = count(2000)
    wrong = [
        json.dumps({**forge.events[0], "id": str(next(typed)), "payload": payload}).encode()
        for payload in (
            {},
            {"issue": 5},
            {"issue": {"number": "1"}},
            {"issue": {"number": True}},
            {"issue": {"number": -4}},
            {"issue": {"number": 1 << 70}},
            {"issue": {"number": 1, "title": ["a"], "user": "b", "labels": 5, "created_at": {}, "comments": "6"}},
        )
    ]
    days.hour(HOUR, b"\n".join([b"\xff\xfe\x00garbage", b"[]", deep, *good, *wrong, huge, b'{"id": "9']))
    whole = gzip.compress(b"\n".join(good), 1)
    (days.folder / f"{LATER}.json.gz").write_bytes(whole[:-9])
    report = days.bring(HOUR, LATER)
    assert report.conserved
    assert all(check.passed for check in report.checks)
    assert {reason: count.rows for reason, count in report.dropped.items()} == {"no-thread": 6}
    [thread] = days.ask(THREADS)
    assert [len(one["text"]) for one in thread["messages"]] == [len("Whenever it rains."), 3_000_000]
    reasons = days.ask("select stage, reason, count(*) as n from quarantine group by all order by all")
    assert {(row["stage"], row["reason"]): row["n"] for row in reasons} == {
        ("enriched_context", "no-thread"): 6,
        ("raw_archive_slice", "not-json"): 1,
        ("raw_archive_slice", "not-utf8"): 1,
        ("raw_archive_slice", "truncated"): 1,
        ("raw_archive_slice", "wrong-type"): 1,
    }


def story(forge):
    """Something of everything, in two repositories."""
    forge.issue("opened", "ada-example")
    forge.comment("grace-example", "One, @joan-example", 11, comments=1)
    forge.pull("opened", "joan-example", repo=REPOSITORY)
    forge.comment("grace-example", "Two", 12, number=2, pull_request={}, comments=1)
    forge.comment("grace-example", "Two and a half", 12, number=2, pull_request={}, action="edited")
    forge.repository, forge.number = "joan-example/loom", 10
    forge.issue("opened", "joan-example")
    forge.trimmed("closed", "joan-example")
    forge.event("WatchEvent", "ada-example", {"action": "started"})
    fork = {"id": 11, "full_name": "a/b", "html_url": "https://github.com/a/b"}
    forge.event("ForkEvent", "ada-example", {"forkee": REPOSITORY | fork})
    forge.repository, forge.number = "ada-example/engine", 9
    forge.pull("closed", "ada-example", repo=REPOSITORY | {"stargazers_count": 1}, merged=True)
    return forge.events


@pytest.fixture(scope="module")
def whole(tmp_path_factory, fresh_days, new_forge):
    """The story, in one hour: its events, and what the views say."""
    days = fresh_days(tmp_path_factory.mktemp("whole"))
    events = story(new_forge())
    days.hour(HOUR, events)
    days.bring(HOUR)
    return events, days.ask(THREADS), days.ask(REPOSITORIES)


@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_threads_and_repositories_are_the_same_however_events_are_split(data, whole, fresh_days, tmp_path_factory):
    events, threads, repositories = whole
    hours = {"2026-01-29-1": DAY, HOUR: NEXT, LATER: DAY}
    placed = [(event, data.draw(st.sets(st.sampled_from(sorted(hours)), min_size=1))) for event in events]
    days = fresh_days(tmp_path_factory.mktemp("split"))
    for hour in hours:
        days.hour(hour, data.draw(st.permutations([event for event, chosen in placed if hour in chosen])))
    for day in data.draw(st.permutations([DAY, NEXT])):
        days.bring(*(hour for hour in hours if hours[hour] == day), day=day)
    assert days.ask(THREADS) == threads
    assert days.ask(REPOSITORIES) == repositories


def test_workers_and_runs_change_no_row_and_nothing_is_read_twice(fresh_days, forge, tmp_path):
    events = story(forge)

    def rows(days):
        tables = ("thread_event", "repository_observation", "quarantine", "slice_log")
        return {name: sorted(map(str, days.lake.scan(name).collect().to_dicts())) for name in tables}

    found = []
    for workers in (0, 2):
        days = fresh_days(tmp_path / str(workers))
        for number, hour in enumerate((HOUR, LATER)):
            days.hour(hour, events[number::2])
        with closing(local_engine(replace(days.lake.settings, workers=workers))) as engine:
            report = days.bring(HOUR, LATER, engine=engine)
            assert (report.computed, report.reused) == (len(events), 0)
            again = annotate_slice(days.lake, engine, DAY, "gharchive")
        assert (again.computed, again.reused) == (0, len(events))
        found.append(rows(days))
    assert found[0] == found[1]
    assert (report.details["threads"]["threads"], report.details["repositories observed"]) == (4, 3)
    before = days.ask(THREADS)
    second = days.bring(HOUR, day=NEXT)
    assert (second.computed, second.reused) == (0, len(events[::2]))
    assert days.ask(THREADS) == before


def test_the_stages_after_it_let_a_day_of_events_pass(days, forge):
    days.hour(HOUR, story(forge))
    days.bring(HOUR)
    for stage in (qualify_slice, compare_slice):
        assert [
            check.description for check in stage(days.lake, InlineEngine(), DAY, "gharchive").checks if not check.passed
        ] == []
    state = status(days.lake)
    assert (state["healthy"], state["stale"]) == (True, [])


def test_a_login_is_hashed_as_its_owner_can(days, forge):
    forge.issue("opened", "Ada-Example")
    days.hour(HOUR, forge.events)
    days.bring(HOUR)
    assert days.ask("select distinct actor from lake.thread_event") == [{"actor": hashlib.sha256(b"ada-example").digest()}]


@pytest.mark.parametrize("hour", [[], [{"id": "1", "type": "PushEvent", "payload": {}, "created_at": "2026-01-30T07:00:00Z"}]])
def test_an_hour_without_threads_is_no_failure(days, hour):
    days.hour(HOUR, hour)
    report = days.bring(HOUR)
    assert all(check.passed for check in report.checks)
    assert days.ask(THREADS) == []
