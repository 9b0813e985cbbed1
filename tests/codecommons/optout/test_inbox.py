# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest

from codecommons.errors import GateError, LakeError
from codecommons.lake import Lake
from codecommons.optout import inbox, ledger
from codecommons.settings import Settings

NOW = "2026-03-01T12:00:00+00:00"
REQUEST = """
scope: origin
values: ["https://github.com/jane/{name}"]
claimant: {{contact: jane@example.org}}
"""


@pytest.fixture
def lake(tmp_path, fresh_lake):
    return fresh_lake(Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0))


def put(lake: Lake, name: str, text: str) -> None:
    path = lake.settings.opt_out / "inbox" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def names(lake: Lake, folder: str) -> list[str]:
    return sorted(path.name for path in (lake.settings.opt_out / folder).glob("*"))


def test_every_file_is_taken_once_and_one_that_is_nonsense_holds_no_other_back(lake):
    put(lake, "a.yaml", REQUEST.format(name="one"))
    put(lake, "b.yaml", "requests: [\x07")
    put(lake, "c.yaml", REQUEST.format(name="two"))
    taken = list(inbox.take_in(lake, NOW))
    assert [len(one.standings) for one in taken if not one.refused] == [1, 1]
    assert len(ledger.read(lake).entries) == 2
    assert ledger.waiting(lake.settings) == []
    [bad] = inbox.put_aside(lake.settings)
    assert (lake.settings.opt_out / "refused" / f"{bad}.reason.txt").read_text().strip()
    assert len(names(lake, "taken")) == 2

    put(lake, "again.yaml", REQUEST.format(name="one"))
    assert [one.standings for one in inbox.take_in(lake, NOW)] == [()]
    assert len(ledger.read(lake).entries) == 2


def test_a_link_in_the_inbox_is_not_followed(lake, tmp_path):
    secret = tmp_path / "secret.yaml"
    secret.write_text(REQUEST.format(name="one"))
    put(lake, "x.yaml", "")
    (lake.settings.opt_out / "inbox" / "x.yaml").unlink()
    (lake.settings.opt_out / "inbox" / "x.yaml").symlink_to(secret)
    assert [one.refused for one in inbox.take_in(lake, NOW)] == [True]
    assert secret.exists()
    assert ledger.read(lake).entries == ()


def test_files_that_say_the_same_are_put_aside_each_with_its_reason_and_no_error_names_one(lake):
    for name in ("jane-doe.yaml", "john-doe.yaml"):
        put(lake, name, "nonsense")
    assert len(list(inbox.take_in(lake, NOW))) == 2
    assert len(names(lake, "refused")) == 4
    put(lake, "jane-doe.yaml", "x")
    put(lake, ".being-written", "x")
    with pytest.raises(GateError, match="1 opt-out requests") as refused:
        ledger.gate(lake, {})
    assert "jane" not in str(refused.value)


def test_no_release_is_made_while_a_request_lies_unread_in_any_folder_of_the_inbox(lake):
    put(lake, "github.com/jane/a.yaml", REQUEST.format(name="one"))
    with pytest.raises(GateError, match="without a file reads them") as refused:
        ledger.gate(lake, {})
    assert refused.value.passing, "the daemon reads it within a minute, and the dataset is tried again"
    [taken] = inbox.take_in(lake, NOW)
    assert [one.state for one in taken.standings] == ["verified"], "it lies under the account that it is about"
    ledger.gate(lake, {})


def test_an_inbox_that_can_not_be_listed_is_not_taken_for_an_empty_one(lake):
    inbox = lake.settings.opt_out / "inbox"
    inbox.parent.mkdir(parents=True)
    assert ledger.waiting(lake.settings) == []
    inbox.write_text("a file where a folder belongs")
    with pytest.raises(LakeError, match="inbox"):
        ledger.waiting(lake.settings)
    with pytest.raises((GateError, LakeError), match="inbox"):
        ledger.gate(lake, {})
