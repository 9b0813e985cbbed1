# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Receipts: what a claimant gets to show, to anybody who has the published key, that what they asked for is not in a release."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.optout.check import MOST_CONTENTS, PREDICATE, STATEMENT
from codecommons.optout.ledger import read
from codecommons.optout.merkle import Tree
from codecommons.optout.reach import contents_of, origins_of
from codecommons.optout.signing import sealed, signing_key
from codecommons.optout.standing import one_of


@dataclass(frozen=True)
class Published:
    """A release, as far as a receipt needs it.

    Attributes:
        name: ``dataset/fingerprint, 12 hex``.
        fingerprint: 64 hex digits.
        as_of: its day.
        ledger: the head of the ledger that it was made at, None for releases from before there was one.
        account: what its fingerprint is made from: ``inputs`` (digest), ``shards`` (name, sha256, rows), ``manifest`` (sha256).
        swhids: core SWHIDs of its rows.
        origins: of its rows.
    """

    name: str
    fingerprint: str
    as_of: str
    ledger: str | None
    account: dict[str, Any]
    swhids: list[str]
    origins: list[str]


def prove(lake: Lake, identifier: str, trees: pl.DataFrame, releases: Iterable[Published]) -> bytes:
    """Make a signed receipt for a request that is in effect.

    Args:
        lake: the lake.
        identifier: of the request, or how it begins.
        trees: every tree of the lake (see ``archive.views.visited_trees``).
        releases: all of them.

    Returns:
        The receipt's bytes: the same for the same lake, ledger and key.

    Raises:
        UsageError: there is no such request, it is not in effect, or no release was made since.
        GateError: the ledger is broken or stale.
    """
    ledger = read(lake)
    one = one_of(ledger.standings, identifier)
    if not one.in_effect or one.since is None:
        raise UsageError(f"request {one.id} is {one.state}: it leaves nothing out, so there is nothing to prove")
    place = {digest: at for at, (digest, _) in enumerate(ledger.entries, 1)}
    contents = contents_of(lake, one, trees)
    wanted = [f"swh:1:cnt:{content.hex()}" for content in contents["content"].head(MOST_CONTENTS)]
    if not contents.height and one.request.scope in ("path", "directory", "author"):
        raise UsageError(f"request {one.id} fits nothing that the lake has: look at its spelling; there is nothing to prove")
    asked = one.request.values if one.request.within is None else (one.request.within,)
    by_origin = one.request.scope in ("origin", "owner")
    named = sorted({*asked, *origins_of(one.request, trees["origin"].unique().to_list())}) if by_origin else []
    # An origin is a whole text, and an owner a beginning that ends in a slash.
    gone = [(text, one.request.scope == "origin" or not text.endswith("/")) for text in named]
    after, before = [], []
    for release in releases:
        if release.ledger is None or place.get(release.ledger, 0) < one.since:
            before.append(release.name)
            continue
        swhids, origins = Tree(release.swhids), Tree(release.origins)
        after.append(
            {
                "name": release.name,
                "fingerprint": release.fingerprint,
                "as_of": release.as_of,
                "ledger": release.ledger,
                "merkle": {"swhids": swhids.to_mapping(), "origins": origins.to_mapping()},
                "account": release.account,
                "absent": {
                    "swhids": [swhids.absence(swhid) for swhid in wanted if not swhids.holds(swhid)],
                    "origins": [origins.absence(text, exact) for text, exact in gone if not origins.holds(text, exact)],
                },
                "elsewhere": [swhid for swhid in wanted if swhids.holds(swhid)],
            }
        )
    if not after:
        raise UsageError(
            f"no release was made since request {one.id} took effect; "
            "`codecommons dataset build NAME` makes one, then prove it again"
        )
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": release["name"], "digest": {"sha256": release["fingerprint"]}} for release in after],
        "predicateType": PREDICATE,
        "predicate": {
            "request": {
                **one.request.to_mapping(),
                "id": one.id,
                "state": one.state,
                "rung": one.rung,
                "received": one.received,
                "entry": ledger.entries[one.sequence - 1][0],
            },
            "ledger": {"entries": len(ledger.entries), "head": ledger.head},
            "contents": contents.height,
            "releases": after,
            "releases_before": sorted(before),
        },
    }
    return sealed(signing_key(lake.settings), statement)
