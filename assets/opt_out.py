# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The opt-out ledger: the inbox is taken in, what the archive shows is verified, and releases that are out of date are named."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator

import dagster as dg

from assets import drawing
from assets.metadata import OWNERS
from assets.outcomes import plain_errors
from codecommons.errors import GateError
from codecommons.lake.stages import code_version
from resources import LakeResource

NAME = "opt_out"
CHECKS = {
    "ledger_intact": "Every entry names the digest of the one before, and nothing that a release was made at is missing.",
    "requests_understood": "Every file of the inbox could be read; the others lie in `opt-out/refused`, each with the reason.",
    "releases_up_to_date": "No dataset's newest release holds what has been opted out since.",
    "marts_up_to_date": "No mart names what is opted out: its rows have been taken out.",
}


@dg.asset(
    name=NAME,
    group_name=NAME,
    description="Which code is to be left out, and how far that is: the ledger, after the inbox is read. It names no claimant.",
    kinds={"deltalake"},
    owners=OWNERS,
    tags={"stage": NAME},
    code_version=code_version(),
    check_specs=[dg.AssetCheckSpec(name, asset=NAME, description=said) for name, said in CHECKS.items()],
)
def opt_out(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Read the inbox, look for challenges in what has been archived, and compare releases with the ledger."""
    from codecommons.optout import ledger
    from codecommons.optout.rounds import go_round

    with plain_errors(context):
        opened = lake.open()
        try:
            ledger.read(opened)
        except GateError as error:
            yield _check("ledger_intact", False, str(error))
            raise
        done = go_round(opened, dt.datetime.now(dt.UTC).isoformat(timespec="seconds"))
    entries, head = len(done.book.entries), done.book.head
    counted = Counter((one.request.scope, one.state) for one in done.book.standings.values())
    aside = f"{len(done.refused)} files, such as {done.refused[0]}: see its .reason.txt" if done.refused else "all were"
    again = [
        f"{one.name} holds {one.rows:,} rows that are out by now: `codecommons dataset build {one.name}`" for one in done.stale
    ]
    yield dg.MaterializeResult(
        metadata={
            "requests": dg.MetadataValue.md(
                drawing.table(("scope", "state", "requests"), [(*key, count) for key, count in sorted(counted.items())])
            ),
            "new files": done.understood,
            "verified by a challenge": done.verified,
            "entries": entries,
            "head": head,
            "releases to be made again": len(done.stale),
        },
        check_results=[
            _check("ledger_intact", True, f"{entries} entries up to {head[:12]}"),
            _check("requests_understood", not done.refused, aside),
            _check("releases_up_to_date", not again, "; ".join(again) or "none does"),
            _check("marts_up_to_date", not done.named, done.named or "none does"),
        ],
    )


def _check(name: str, passed: bool, said: str) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if name == "ledger_intact" else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(passed=passed, asset_key=NAME, check_name=name, description=said, severity=severity)


ASSETS = [opt_out]
