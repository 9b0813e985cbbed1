# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What happens to requests: taken in, verified, refused, withdrawn. All of a submission goes into the ledger, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.optout import claimants
from codecommons.optout.ledger import Ledger, append, read
from codecommons.optout.requests import Request, Submission, is_form, parse, parse_form, plain
from codecommons.optout.standing import NEEDED, OPEN, RUNGS, Standing, after, one_of
from codecommons.optout.verification import by_account, by_challenge

# A claim alone takes effect at once for this many values of a claimant, in however many files, pending verification; more waits
# for a person.
MOST_CLAIMED = 10


def submit(lake: Lake, submission: Submission, received: str) -> list[Standing]:
    """Take in requests.

    What comes from the account it is about is verified at once. Other requests for single origins, paths or contents take effect
    at once, pending verification; those for owners, directories, authors or many things, and those from another account than the
    one they are about, are held until somebody has looked.

    Args:
        lake: the lake.
        submission: what was sent.
        received: when it came, UTC, as ISO 8601.

    Returns:
        Where they stand, in order.

    Raises:
        UsageError: nobody could answer the claimant, or all of it is there already.
        GateError: the ledger is broken or stale.
        LakeError: it can't be written.
    """
    account = submission.claimant.get("account", "")
    if not account and not submission.claimant.get("contact"):
        raise UsageError("a request needs a claimant: their contact, or the account that it came from; nothing was taken")
    reference = claimants.keep(lake.settings, submission.claimant)
    before: list[int] = []

    def entries(ledger: Ledger) -> list[dict[str, Any]]:
        there = {one.request: one for one in ledger.standings.values() if one.state in OPEN}
        new = [request for request in submission.requests if request not in there]
        if not new:
            known = ", ".join(there[request].id for request in submission.requests)
            raise UsageError(f"this was asked for before, as {known}; `codecommons opt-out list` shows where it stands")
        before[:] = [len(ledger.entries)]
        waiting = (one for one in ledger.standings.values() if one.claimant == reference and one.state == "quarantined")
        claimed = sum(len(one.request.values) for one in waiting) + sum(len(one.values) for one in new)
        return [
            {
                "action": "submitted",
                "received": received,
                "claimant": reference,
                "request": one.to_mapping(),
                **_first(one, account, claimed),
            }
            for one in new
        ]

    ledger = append(lake, entries)
    taken = [one for one in ledger.standings.values() if one.sequence > before[0]]
    return [_verified_by_account(lake, one, account) for one in taken]


def _first(request: Request, account: str, values: int) -> dict[str, str]:
    """How a request begins whose claimant has so many values that nobody has verified, with those that came with it."""
    if by_account(request, account):
        return {"state": "quarantined", "rung": "claimed", "why": "in effect until it is verified"}
    if account and request.scope in ("origin", "owner", "path"):
        return {"state": "held", "rung": "claimed", "why": "not under the account that it came from: a person has to look"}
    wide = request.scope in ("owner", "directory", "author") or (request.within or "").endswith("/")
    if wide or values > MOST_CLAIMED:
        return {"state": "held", "rung": "claimed", "why": "too wide to take effect on a claim alone: it has to be verified"}
    return {"state": "quarantined", "rung": "claimed", "why": "in effect until it is verified or refused"}


def _verified_by_account(lake: Lake, one: Standing, account: str) -> Standing:
    evidence = by_account(one.request, account)
    if evidence is None or RUNGS.index("account") < RUNGS.index(NEEDED[one.request.scope]):
        return one
    return _step(lake, one.id, "verified", rung="account", why="it came from the account it is about", evidence=[evidence])


def read_requests(source: bytes, name: str, account: str | None) -> Submission:
    """Read requests of either kind: an issue form, or a YAML or JSON file.

    Args:
        source: the file's bytes.
        name: how errors name it.
        account: the forge account that they came from, if an operator has seen it.

    Raises:
        UsageError: see ``requests.parse`` and ``requests.parse_form``.
    """
    if is_form(source):
        return parse_form(source, name, account)
    submission = parse(source, name)
    claimant = dict(submission.claimant)
    # What a file says of its own account is only a claim.
    if said := claimant.pop("account", None):
        claimant["notes"] = f"{claimant.get('notes', '')} claims the account {said}".strip()
    return Submission(submission.requests, {**claimant, **({"account": account} if account else {})})


def applied(ledger: Ledger, releases: Mapping[str, str | None]) -> dict[str, list[str]]:
    """Request -> releases that were made since it was verified, by name.

    Args:
        ledger: the ledger.
        releases: what a release is called -> the head of the ledger it was made at.
    """
    place = {digest: at for at, (digest, _) in enumerate(ledger.entries, 1)}
    since = {name: place.get(head or "", 0) for name, head in releases.items()}
    return {
        one.id: sorted(name for name, at in since.items() if one.state == "verified" and at >= one.changed)
        for one in ledger.standings.values()
    }


def verify(lake: Lake, identifier: str, trees: pl.DataFrame, saw: str | None = None) -> Standing:
    """Verify a request: by what a person saw, else by the challenge in the archive.

    Args:
        lake: the lake.
        identifier: of the request, or how it begins.
        trees: every tree of the lake (see ``datasets.candidates.trees``).
        saw: what a person saw that shows it, who they are included.

    Raises:
        UsageError: it is not there, has ended, or can't be shown.
        GateError: the ledger is broken or stale.
    """
    one = one_of(read(lake).standings, identifier)
    after(one, "verified")
    if saw:
        return _step(lake, one.id, "verified", rung="human", why="a person looked into it", evidence=[plain(saw, "--saw")])
    needed = NEEDED[one.request.scope]
    if RUNGS.index("challenge") < RUNGS.index(needed):
        raise UsageError(
            f"request {one.id} is for a {one.request.scope}: only a person can verify that; say with --saw what you saw"
        )
    anchors, lacking = by_challenge(lake, one.request, one.id, trees)
    if lacking or not anchors:
        raise UsageError(
            f"request {one.id}: {lacking[0] if lacking else 'none of its origins'} has no archived .codecommons-opt-out with the "
            f"line {one.id}; commit it, ingest the origin again, then verify"
        )
    return _step(lake, one.id, "verified", rung="challenge", why="the challenge is archived", evidence=anchors)


def refuse(lake: Lake, identifier: str, why: str) -> Standing:
    """Refuse a request; what it left out comes back with the next release."""
    return _step(lake, identifier, "refused", why=plain(why, "--refuse"))


def withdraw(lake: Lake, identifier: str, why: str = "withdrawn by the claimant") -> Standing:
    """Take a request back; what it left out comes back with the next release."""
    return _step(lake, identifier, "withdrawn", why=plain(why, "--why"))


def _step(lake: Lake, identifier: str, action: str, why: str, rung: str | None = None, evidence: Sequence[str] = ()) -> Standing:
    found = ""

    def entries(ledger: Ledger) -> list[dict[str, Any]]:
        nonlocal found
        one = one_of(ledger.standings, identifier)
        after(one, action)
        found = one.id
        told = {"rung": rung} if rung else {}
        return [{"action": action, "id": one.id, "why": why, "evidence": list(evidence), **told}]

    return append(lake, entries).standings[found]
