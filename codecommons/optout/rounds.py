# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A round through all that opting out asks for: the inbox, challenges, releases, marts."""

from __future__ import annotations

from dataclasses import dataclass

from codecommons.archive.views import visited_trees
from codecommons.datasets.staleness import Stale, stale
from codecommons.errors import LakeError
from codecommons.lake import Lake
from codecommons.optout import inbox, ledger, marts, reach


@dataclass(frozen=True)
class Round:
    """What a round found and did.

    Attributes:
        understood: files of the inbox that were taken in.
        verified: requests whose challenge has been archived since they came.
        book: the ledger as it stands now.
        refused: digests of files that were put aside and that nobody has taken away.
        stale: the newest releases that hold what is left out now.
        named: why a mart may still name what is left out; empty where none does.
    """

    understood: int
    verified: int
    book: ledger.Ledger
    refused: list[str]
    stale: list[Stale]
    named: str


def go_round(lake: Lake, received: str) -> Round:
    """Take the inbox in, look for challenges in what has been archived, take what is out out of marts, and look at releases.

    Args:
        lake: the lake.
        received: when the inbox is read, UTC, as ISO 8601.

    Raises:
        GateError: the ledger is broken or stale.
        LakeError: the lake or the inbox can't be read or written.
    """
    trees = visited_trees(lake)
    taken = list(inbox.take_in(lake, received))
    verified = inbox.verify_challenged(lake, trees)
    book = ledger.read(lake)
    excluded = reach.resolve(lake, book.effective, trees)
    old = stale(lake, excluded, trees)
    try:
        marts.leave_out(lake.settings, reach.hidden(lake, excluded, trees))
        named = ""
    except LakeError as error:
        named = str(error)
    return Round(sum(not one.refused for one in taken), len(verified), book, inbox.put_aside(lake.settings), old, named)
