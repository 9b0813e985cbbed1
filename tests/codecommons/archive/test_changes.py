# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which revisions changed one file, against what git says of each of them."""

from __future__ import annotations

import subprocess

import polars as pl
import pytest

from codecommons import archive
from codecommons.archive import changes
from codecommons.engine import local_engine

from .conftest import git

DAY = "2026-01-30"


@pytest.fixture
def history(random_history):
    """A repository whose commits change, add, remove and link files, mostly one at a time; some merge."""

    def parents(dice, number):
        first = max(1, number - dice.choice([1, 1, 1, 2]))
        return [first, *([number - 3] if number > 3 and dice.random() < 0.1 else [])]

    return random_history(
        7,
        120,
        branches=2,
        parents=parents,
        changed=lambda dice, number: 6 if number == 1 else dice.choice([0, 1, 1, 1, 1, 2]),
        modes=["100644"] * 8 + ["100755", "120000"],
    )


def said_by_git(path):
    """Revision -> (parent, path, before, after), or None."""
    found = {}
    for line in git(path, "rev-list", "--parents", "--all").decode().splitlines():
        revision, *parents = line.split()
        found[revision] = None
        if len(parents) == 1:
            raw = git(path, "diff-tree", "-r", "-z", "--no-renames", parents[0], revision).split(b"\0")[:-1]
            if len(raw) == 2:
                old_mode, mode, before, after, _ = raw[0][1:].split()
                regular = {old_mode, mode} <= {b"100644", b"100755"}
                found[revision] = (parents[0], raw[1], before.decode(), after.decode()) if regular and before != after else None
    return found


def test_the_file_that_a_revision_changed_is_the_one_that_git_names(lake, history):
    archive.add_inputs(lake, [f"git:{history}"], DAY)
    archive.ingest_slice(lake, local_engine(lake.settings), DAY, "git")
    revisions = changes.unknown(lake, pl.Series([history.as_uri()]))
    with changes.asking(lake) as sql:
        rows = changes.changed(sql, revisions).to_dicts()
    found = {
        row["revision"].hex(): None
        if row["path"] is None
        else (row["parent"].hex(), row["path"], row["before"].hex(), row["after"].hex())
        for row in rows
    }
    expected = said_by_git(history)
    assert found == expected
    assert 20 < sum(one is not None for one in expected.values()) < 100


def test_of_a_revision_whose_parent_is_not_there_nothing_is_said_until_it_is(lake, history, tmp_path):
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--bare", "--depth", "3", "--branch", "b0", history.as_uri(), str(shallow)], check=True)
    archive.add_inputs(lake, [f"git:{shallow}"], DAY)
    archive.ingest_slice(lake, local_engine(lake.settings), DAY, "git")
    known = git(shallow, "rev-list", "--all").decode().split()
    with changes.asking(lake) as sql:
        rows = changes.changed(sql, pl.DataFrame({"revision": [bytes.fromhex(one) for one in known]}))
    missing = (shallow / "shallow").read_text().split()
    assert {row["revision"].hex() for row in rows.to_dicts()} == set(known) - {
        one for one in missing if len(git(history, "rev-list", "--parents", "-1", one).split()) == 2
    }
