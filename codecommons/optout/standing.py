# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Where each request stands, which follows from the ledger alone.

Submitted as ``quarantined`` (in effect at once) or ``held`` (it waits) -> ``verified`` -> ``withdrawn``; ``refused`` and
``withdrawn`` are the ends. A verified request is applied by every release that is built from then on; the release's own account
says at which head of the ledger that was.

What an operator takes down is in the ledger, too: ``taken-down`` before anything is erased, ``erased`` when all of it is. It
stays in effect for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from codecommons.errors import UsageError
from codecommons.optout.requests import Request

# The verification ladder, lowest rung first.
RUNGS = ("claimed", "account", "challenge", "human")
# The rung from which a request of a scope is verified: whoever holds a repository does not by that own every copy of a content.
NEEDED = {"origin": "account", "path": "account", "owner": "account", "content": "human", "directory": "human", "author": "human"}
# From which states an action leads on, and whereto.
TRANSITIONS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "verified": (("quarantined", "held"), "verified"),
    "refused": (("quarantined", "held", "verified"), "refused"),
    "withdrawn": (("quarantined", "held", "verified"), "withdrawn"),
    "erased": (("taken-down", "erased"), "erased"),
}
TAKEN_DOWN = ("taken-down", "erased")
IN_EFFECT = ("quarantined", "verified", *TAKEN_DOWN)
OPEN = ("quarantined", "held", "verified")


@dataclass(frozen=True)
class Standing:
    """One request and where it stands.

    Attributes:
        id: 16 hex digits, how the digest of its first entry begins.
        request: what is asked for.
        state: quarantined, held, verified, refused or withdrawn; of what was taken down, taken-down or erased.
        rung: of ``RUNGS``, how far it is shown that the claimant may ask.
        why: one line on the state.
        evidence: what shows it: SWHIDs of archived objects, and notes.
        received: when it came, UTC.
        claimant: reference to the claimant's file, which is not in the lake.
        sequence: of its first entry.
        changed: sequence of its last entry.
        since: sequence of the entry that brought it into effect, which is a later one where it waited; None where none did.
    """

    id: str
    request: Request
    state: str
    rung: str
    why: str
    evidence: tuple[str, ...]
    received: str
    claimant: str
    sequence: int
    changed: int
    since: int | None

    @property
    def in_effect(self) -> bool:
        """Whether it leaves something out."""
        return self.state in IN_EFFECT


def standings(entries: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Standing]:
    """Fold a ledger.

    Args:
        entries: digest and content of each entry, in order.

    Returns:
        Every request by its identifier, in order.

    Raises:
        UsageError: an entry is about a request that isn't there, or leads on from a state that it can't.
    """
    found: dict[str, Standing] = {}
    for digest, entry in entries:
        action, sequence = entry["action"], entry["sequence"]
        if action in ("submitted", "taken-down"):
            request = Request.from_mapping(entry["request"])
            found[digest[:16]] = Standing(
                digest[:16],
                request,
                entry["state"],
                entry["rung"],
                entry["why"],
                tuple(entry.get("evidence", ())),
                entry["received"],
                entry["claimant"],
                sequence,
                sequence,
                sequence if entry["state"] in IN_EFFECT else None,
            )
        elif action in TRANSITIONS:
            one = one_of(found, entry["id"])
            state = after(one, action)
            found[one.id] = replace(
                one,
                state=state,
                rung=entry.get("rung", one.rung),
                why=entry["why"],
                evidence=(*one.evidence, *entry.get("evidence", ())),
                changed=sequence,
                since=sequence if one.since is None and state in IN_EFFECT else one.since,
            )
    return found


def one_of(found: Mapping[str, Standing], beginning: str) -> Standing:
    """The request whose identifier begins so.

    Raises:
        UsageError: there is none, or several.
    """
    fitting = [one for key, one in found.items() if beginning and key.startswith(beginning)]
    if len(fitting) != 1:
        how = "there is no request" if not fitting else f"{len(fitting)} requests begin with"
        raise UsageError(f"{how} {beginning!r}; `codecommons opt-out list` shows them all")
    return fitting[0]


def after(one: Standing, action: str) -> str:
    """The state that an action leads to.

    Raises:
        UsageError: it can't be taken from where the request stands.
    """
    sources, target = TRANSITIONS[action]
    if one.state not in sources:
        raise UsageError(f"request {one.id} is {one.state}: it can't be {action} any more; submit a new one")
    return target
