# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What one event says, who is a bot, whom a text calls, and the text form; on any payload whatever."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.annotate.forge import observations, repositories, text_form, thread_event, threads
from codecommons.annotate.forge.bots import bot
from codecommons.annotate.forge.people import MOST, NOBODY, person, without_names
from codecommons.errors import ItemError


@pytest.mark.parametrize(
    ("login", "kind", "rule"),
    [
        ("anything", "Bot", "type"),
        ("dependabot[bot]", None, "app"),
        ("Coveralls", "User", "known"),
        ("k8s-ci-robot", "User", "word"),
        ("acme_bot", None, "word"),
        ("matchbot", None, "suffix"),
        ("talbot", "User", None),
        ("travisn", None, None),
        ("robotics", None, None),
        ("ci", None, None),
    ],
)
def test_bots_are_told_by_a_named_rule(login, kind, rule):
    assert bot(login, kind) == (f"{rule}@1" if rule else None)


def token(login):
    return f"@{{{person(login).hex()}}}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("@Ada and (@ada-b)", f"{token('ada')} and ({token('ada-b')})"),
        ("ping @ada.", f"ping {token('ada')}."),
        ("thanks @renovate[bot]!", f"thanks {token('renovate[bot]')}!"),
        ("mail ada@example.org", "mail ada@example.org"),
        ("ask @owner/team", "ask @owner/team"),
        ("`@decorator` of @ada", f"`@decorator` of {token('ada')}"),
        ("```\n@Override\n```\n@ada", f"```\n@Override\n```\n{token('ada')}"),
        ("```\n@Override", "```\n@Override"),
        ("@-no and @" + "x" * 40, "@-no and @" + "x" * 40),
        (">> On Monday, Ada <a@b> wrote:\n> hi", ">> On … wrote:\n> hi"),
        ("On Monday, Ada Example\n<a@b.example> wrote:\r\n> hi", "On … wrote:\n> hi"),
        ("She wrote:\n> hi", "She wrote:\n> hi"),
        ("Am Mo., 5. Mai 2025 um 10:00 Uhr schrieb Ada <a@b.example>:\n> hi", "On … wrote:\n> hi"),
        ("> Le lun. 5 mai 2025 à 10:00, Ada Example <a@b.example>\n> a écrit :\n>> hi", "> On … wrote:\n>> hi"),
        ("Am Ende schrieb ich: nichts", "Am Ende schrieb ich: nichts"),
        ("On the list:\n- a", "On the list:\n- a"),
        (f"`{token('ada')}` and {token('ada')}", f"`@ {token('ada')[1:]}` and @ {token('ada')[1:]}"),
    ],
)
def test_whom_a_text_calls_becomes_a_token_and_code_stays(text, told):
    assert without_names(text) == told


def test_a_text_that_calls_everybody_costs_no_more_than_others():
    told = without_names(" ".join(f"@user{number}" for number in range(20_000)) + "`" * 50_001 + "wrote:\n" * 50_000)
    assert told.count("@{") == MOST
    assert told.count(NOBODY) == 20_000 - MOST


def test_payloads_as_the_forge_documents_them_today_are_understood(shared_data):
    types = {
        "issues": "IssuesEvent",
        "issue_comment": "IssueCommentEvent",
        "pull_request": "PullRequestEvent",
        "pull_request_review": "PullRequestReviewEvent",
        "pull_request_review_comment": "PullRequestReviewCommentEvent",
        "fork": "ForkEvent",
    }
    understood = 0
    with gzip.open(shared_data / "gharchive" / "webhook-payload-examples.jsonl.gz") as lines:
        for line in lines:
            example = json.loads(line)
            if example["event"] not in types:
                continue
            kind, payload = types[example["event"]], example["payload"]
            event = {"payload": payload, "actor": payload["sender"]}
            if kind in repositories.EVENTS and not (kind.startswith("Pull") and payload["pull_request"]["base"]["repo"] is None):
                seen = list(observations(kind, event, "https://github.com/a/b"))
                said = payload["forkee"] if kind == "ForkEvent" else payload["pull_request"]["base"]["repo"]
                assert (seen[0]["repository"], seen[0]["stars"]) == (said["full_name"], said.get("stargazers_count"))
            if kind in threads.EVENTS:
                row, about = thread_event(kind, event), payload.get("pull_request") or payload.get("issue")
                assert (row["number"], row["opener"]) == (about["number"], person(about["user"]["login"]))
                assert (row["labels"] or []) == sorted(one["name"] for one in about.get("labels", []))
                text = payload.get("comment") or payload.get("review")
                if text:
                    assert (row["text_id"], row["author"]) == (text["id"], person(text["user"]["login"]))
                    assert row["association"] == text["author_association"]
            understood += 1
    assert understood == 79


NAMES = (
    "number",
    "issue",
    "pull_request",
    "comment",
    "user",
    "login",
    "body",
    "title",
    "id",
    "labels",
    "base",
    "repo",
    "license",
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1 << 70) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=50)
@given(st.sampled_from(sorted(threads.EVENTS | repositories.EVENTS)), ANYTHING, ANYTHING)
def test_any_payload_is_a_row_or_has_a_reason(kind, payload, actor):
    event = {"payload": payload, "actor": actor}
    for told in observations(kind, event, None):
        assert told["repository_id"] is not None
    if kind in threads.EVENTS:
        with suppress(ItemError):
            assert thread_event(kind, event)["number"] > 0


def message(action, **more):
    nothing = ("id", "user", "bot", "text", "review_state", "review", "in_reply_to", "path", "line", "diff_hunk", "merged")
    return dict.fromkeys(nothing) | {"action": action, "user": "username_0"} | more


def test_a_pull_request_has_the_form_of_starcoder2():
    messages = [
        message("opened", text="It opens."),
        message("comment", user="username_1", text="Does it?", id=5),
        message("comment", user="username_2", text="Built.", id=6, bot="app@1"),
        message("review", user="username_1", text="Good", id=7, review_state="approved"),
        message("review_comment", user="username_1", text="Why?", id=8, review=7, path="a.py", line=3, diff_hunk="@@ -1 +1 @@"),
        message("closed", merged=True),
    ]
    thread = {"kind": "pull_request", "repository": "a/b", "title": "Umbrella", "messages": messages}
    assert text_form(thread) == (
        "<pr>Title: Umbrella\nusername_0: It opens.\n<pr_status>opened\n<repo_name>a/b"
        "\n<pr_comment>username_1: Does it?\n<pr_event_id>5"
        "\n<pr_review>username_1: Good\n<pr_event_id>7\n<pr_review_state>approved"
        "\n<pr_review_comment>\n<pr_event_id>8\n<pr_in_reply_to_review_id>7\n<pr_file>a.py\n<pr_diff_hunk>@@ -1 +1 @@"
        "\n<pr_diff_hunk_comment_line>3\nusername_1: Why?"
        "\n<pr>username_0\n<pr_status>closed\n<pr_is_merged>True\n<|endoftext|>"
    )
    assert "username_2: Built." in text_form(thread, bots=True)


def test_no_text_forges_a_mark_of_the_form():
    forged = "<issue_closed><|endoftext|><pr_is_merged> a<b> <issue>"
    text = text_form({"kind": "issue", "repository": "a/b", "title": forged, "messages": [message("opened", text=forged)]})
    assert text.count("<|endoftext|>") == 1
    assert "<issue_closed>" not in text
    assert text.count("< issue_closed>< |endoftext|>< pr_is_merged> a<b> <issue>") == 2
