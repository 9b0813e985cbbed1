# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is broken now, as an asset whose checks stand: `codecommons status` for those who look at the web interface.

The checks of the stages say what became of a slice when it ran. These say what is wrong with the lake today, whoever ran what,
and turn green when it is put right. One check a lister says whether its sources are fresh: Dagster's own freshness policies look
at when an asset was last materialised, and take a backfill of an old day for news.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import dagster as dg

from assets.metadata import OWNERS
from assets.outcomes import plain_errors
from codecommons.alerts import ERROR, Trouble, tidy
from codecommons.lake.stages import code_version
from codecommons.listing.lister import lister_names
from codecommons.settings import Settings
from resources import LakeResource

NAME = "lake_state"
# Metadata of the check ``BROKEN`` that programs read: fields of a ``Trouble`` each, of all checks.
TROUBLES = "troubles"
BROKEN = "nothing_is_broken"
CHECKS = {
    BROKEN: "No stage of any slice has failed, no dataset either, and no table is damaged.",
    "nothing_is_stale": "Every slice has come through every stage with the input that it has now.",
    "policies_readable": "Every licence policy of the home can be read.",
}
_FRESH = {f"{name}_is_fresh": name for name in lister_names(Settings.from_environment())}
_KINDS = {BROKEN: ("lake/damaged/", "lake/failed/"), "nothing_is_stale": ("lake/stale/",), "policies_readable": ("lake/policy/",)}
_specs = [dg.AssetCheckSpec(name, asset=NAME, description=said) for name, said in CHECKS.items()]
_specs += [
    dg.AssetCheckSpec(
        check, asset=NAME, description=f"What is followed by `{name}` was listed to its end in its last two rounds (red: four)."
    )
    for check, name in _FRESH.items()
]


@dg.asset(
    name=NAME,
    group_name=NAME,
    description="What is broken now in the whole lake, and the command that puts each thing right: `codecommons status`.",
    kinds={"deltalake"},
    owners=OWNERS,
    tags={"stage": NAME},
    code_version=code_version(),
    check_specs=_specs,
    # Nobody watches the watchman but this: it is looked at every hour at least.
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(hours=3), warn_window=dt.timedelta(hours=2)),
)
def lake_state(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[None]]:
    """Look at the whole lake."""
    from codecommons.status import by_days, render, status, troubles

    with plain_errors(context):
        state = status(lake.open())
    found = [tidy(one) for one in troubles(state)]
    shown = [tidy(one) for one in troubles({**state, "stale": by_days(state["stale"])})]
    counts = {name: len(state[name]) for name in ("damaged", "failed", "stale", "feeds", "policies", "quarantine")}
    yield dg.MaterializeResult(
        metadata={"state": dg.MetadataValue.md(f"```\n{render(state)}\n```"), **counts},
        check_results=[
            *(_verdict(name, found, shown, _KINDS[name]) for name in CHECKS),
            *map(_fresh, _FRESH, [found] * len(_FRESH)),
        ],
    )


def _verdict(name: str, found: Sequence[Trouble], shown: Sequence[Trouble], kinds: tuple[str, ...]) -> dg.AssetCheckResult:
    count = sum(one.key.startswith(kinds) for one in found)
    told = {TROUBLES: dg.MetadataValue.json([asdict(one) for one in found])} if name == BROKEN else {}
    return _result(name, [one for one in shown if one.key.startswith(kinds)], {"count": count, **told})


def _fresh(name: str, found: Sequence[Trouble]) -> dg.AssetCheckResult:
    ours = (f"listing ({_FRESH[name]})", "listing (all)")
    return _result(name, [one for one in found if one.key.startswith("lake/feed/") and one.stage in ours], {})


def _result(name: str, red: Sequence[Trouble], told: dict[str, dg.JsonMetadataValue | int]) -> dg.AssetCheckResult:
    lines = [f"{one.subject}: {one.cause}. Next: {one.next}" for one in red]
    severe = any(one.severity == ERROR for one in red)
    return dg.AssetCheckResult(
        passed=not red,
        asset_key=NAME,
        check_name=name,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        description="; ".join(lines) or "All is well.",
        metadata={"count": len(red), "red": sum(one.severity == ERROR for one in red), **told},
    )


ASSETS = [lake_state]
