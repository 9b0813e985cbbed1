# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The ledger: nothing is lost, nothing is changed unseen."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from codecommons.errors import GateError, UsageError
from codecommons.lake import Lake
from codecommons.optout import desk, ledger
from codecommons.optout.chain import GENESIS, canonical, digest_of, fault
from codecommons.optout.requests import Request, Submission

CONTACT = {"contact": "me@example.org"}
NOON = "2026-01-03T12:00:00+00:00"


def submission(at):
    return Submission((Request("origin", (f"https://forge.example/me/{at}",)),), CONTACT)


def chain(count):
    rows, head = [], GENESIS
    for sequence in range(1, count + 1):
        entry = {"sequence": sequence, "previous": head, "action": "note"}
        head = digest_of(entry)
        rows.append((sequence, head, canonical(entry).decode()))
    return rows


def test_every_change_to_a_chain_shows_but_a_shorter_one():
    rows = chain(5)
    assert fault(rows) is None
    assert fault(rows[:-1]) is None
    assert fault(rows[1:]) == "entry 1 is missing"
    assert fault(rows[:2] + rows[3:]) == "entry 3 is missing"
    assert fault([*rows[:2], *rows[1:]]) == "entry 2 is there twice"
    sequence, digest, text = rows[2]
    for other in (text.replace("note", "nota"), text.replace(" ", "") + " x", "{}", "[]"):
        assert fault([*rows[:2], (sequence, digest, other), *rows[3:]])
    other = {"sequence": 3, "previous": rows[1][1], "action": "other"}
    assert fault([*rows[:2], (3, digest_of(other), canonical(other).decode()), *rows[3:]]) == "entry 4 is not what was written"


def test_two_who_write_at_once_lose_nothing(lake):
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda at: desk.submit(Lake.open(lake.settings), submission(at), NOON), range(20)))
    found = ledger.read(lake)
    assert len(found.entries) == 20
    assert {one.request.values[0][-2:].strip("/") for one in found.standings.values()} == {str(at) for at in range(20)}


def test_a_ledger_that_is_cut_short_is_stale_to_whoever_saw_more(lake):
    desk.submit(lake, submission(1), NOON)
    older = ledger.read(lake)
    table = lake.path("opt_out_ledger")
    lake.fs.copy(table, f"{table}-backup", recursive=True)
    desk.submit(lake, submission(2), NOON)
    newer = ledger.read(lake)
    assert newer.holds(older.head)
    assert not older.holds(newer.head)
    lake.fs.rm(table, recursive=True)
    lake.fs.mv(f"{table}-backup", table, recursive=True)
    for reader in (ledger.read, lambda lake: desk.submit(lake, submission(3), NOON)):
        with pytest.raises(GateError, match="the opt-out ledger is stale: it has 1 entries, and entry 2 was"):
            reader(lake)
    (lake.settings.opt_out / "head.json").unlink()
    # Another home has seen less; a release that names the head knows more.
    assert ledger.read(lake).head == older.head
    with pytest.raises(GateError, match="release all/0a1b was made at"):
        ledger.gate(lake, {"all/0a1b": newer.head})


def test_a_ledger_that_is_cut_short_is_stale_though_home_and_lake_have_moved(lake, tmp_path):
    desk.submit(lake, submission(1), NOON)
    desk.submit(lake, submission(2), NOON)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(lake.settings.home, elsewhere)
    moved = Lake.open(replace(lake.settings, home=elsewhere, lake=str(elsewhere / "lake")))
    assert len(ledger.read(moved).entries) == 2
    newest = max((elsewhere / "lake" / "opt_out_ledger" / "_delta_log").glob("*.json"))
    newest.unlink()
    with pytest.raises(GateError, match="the opt-out ledger is stale: it has 1 entries, and entry 2 was"):
        ledger.read(moved)


def test_a_claim_alone_is_held_when_a_submission_names_many_things_in_many_requests(lake):
    requests = tuple(Request("content", (f"swh:1:cnt:{number:040x}",)) for number in range(1, 12))
    assert {one.state for one in desk.submit(lake, Submission(requests, CONTACT), NOON)} == {"held"}
    few = Submission(tuple(Request("content", (f"swh:1:cnt:{number:040x}",)) for number in range(20, 30)), CONTACT)
    assert {one.state for one in desk.submit(lake, few, NOON)} == {"quarantined"}


def test_a_request_goes_from_state_to_state_and_not_back(lake):
    [one] = desk.submit(lake, submission(1), NOON)
    assert desk.withdraw(lake, one.id).state == "withdrawn"
    for step in (lambda: desk.withdraw(lake, one.id), lambda: desk.refuse(lake, one.id, "no")):
        with pytest.raises(UsageError, match="is withdrawn: it can't be"):
            step()
    assert len(ledger.read(lake).entries) == 2
    [again] = desk.submit(lake, submission(1), NOON)
    assert again.id != one.id
    with pytest.raises(UsageError, match="there is no request"):
        desk.withdraw(lake, "zz")


@pytest.mark.parametrize(
    ("request_", "account", "state"),
    [
        (Request("origin", ("https://github.com/me/tool",)), "me", "verified"),
        (Request("owner", ("https://github.com/me/",)), "ME", "verified"),
        (Request("origin", ("https://github.com/you/tool",)), "me", "held"),
        (Request("origin", ("https://github.com/me/tool", "https://github.com/you/tool")), "me", "held"),
        (Request("owner", ("https://github.com/me/",)), "", "held"),
        (Request("origin", ("https://github.com/me/tool",)), "", "quarantined"),
        (Request("content", ("swh:1:cnt:" + "a" * 40,)), "me", "quarantined"),
        (Request("directory", ("swh:1:dir:" + "a" * 40,)), "me", "held"),
        (Request("origin", ("https://evil.example/me/tool",)), "me", "held"),
    ],
)
def test_somebody_elses_code_is_held_for_review(lake, request_, account, state):
    claimant = {"contact": "me@example.org", **({"account": account} if account else {})}
    [one] = desk.submit(lake, Submission((request_,), claimant), NOON)
    assert one.state == state


def test_a_request_without_anybody_to_answer_is_refused(lake):
    with pytest.raises(UsageError, match="needs a claimant"):
        desk.submit(lake, Submission(submission(1).requests), NOON)
    assert ledger.read(lake).entries == ()
