# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Before the first stage: what is followed is listed, and what is new becomes input of its day.

It has a group of its own, so that a backfill of the first stage replays what is recorded and asks nobody what there is today.
"""

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg
from pydantic import Field

from assets.drawing import table
from assets.metadata import table_metadata
from assets.outcomes import plain_errors
from assets.partitions import BACKFILL, SLICES
from assets.specs import table_spec
from codecommons.lake.schemas import CURSOR, LISTED_ORIGIN, SLICE_INPUT
from codecommons.listing import FollowReport
from resources import LakeResource

GROUP = "listing"
LISTED = "listed_to_the_end"

_specs = [table_spec(GROUP, one, GROUP) for one in (LISTED_ORIGIN, CURSOR, SLICE_INPUT)]
_check = dg.AssetCheckSpec(
    LISTED,
    asset=_specs[0].key,
    description="Every source was listed to its end; what was listed before one stopped is input all the same.",
    partitions_def=SLICES,
)
INPUT = _specs[-1].key


class FollowConfig(dg.Config):
    """What to follow."""

    names: list[str] = Field(default=[], description="Names in sources.yaml; all of it unless some are given.")
    only_due: bool = Field(default=False, description="Leave alone what was listed lately and has nothing waiting.")


@dg.multi_asset(name=GROUP, specs=_specs, check_specs=[_check], backfill_policy=BACKFILL)
def listing(
    context: dg.AssetExecutionContext, config: FollowConfig, lake: LakeResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Follow what `sources.yaml` names, day by day; a day that is over gets only what belongs to it."""
    from codecommons.listing import follow

    with plain_errors():
        opened, reports = lake.open(), dict[str, list[FollowReport]]()
        for day in context.partition_keys:
            reports[day] = follow(opened, day, config.names, config.only_due)
            context.add_asset_metadata(metadata(reports[day]), _specs[0].key, partition_key=day)
        for spec in _specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata=table_metadata(opened, spec.key.path[-1]))
        yield verdict(reports)


def metadata(reports: list[FollowReport]) -> dict[str, object]:
    """What following came to on a day: a line a source, and everything for who starts what comes next."""
    rows = [(one.name, one.lister, one.listed, one.new, sum(one.taken.values()), one.waiting, one.error or "") for one in reports]
    shown = table(("source", "lister", "listed", "new", "taken", "waiting", "problem"), rows) if rows else "Nothing is followed."
    problems = [f"- **{report.name}**: {problem}" for report in reports for problem in report.problems]
    return {
        "followed": dg.MetadataValue.md(shown),
        "left out": dg.MetadataValue.md("\n".join(problems) or "nothing"),
        "new": sum(report.new for report in reports),
        "taken": sum(sum(report.taken.values()) for report in reports),
        "waiting": sum(report.waiting for report in reports),
        "reports": dg.MetadataValue.json([asdict(report) for report in reports]),
    }


def verdict(reports: dict[str, list[FollowReport]]) -> dg.AssetCheckResult:
    """Red when a source could not be listed to its end; the next listing goes on from there."""
    red = [
        f"{one.name} on {day}: {one.error}. Next: codecommons follow {one.name}"
        for day in reports
        for one in reports[day]
        if one.error
    ]
    asked = sum(map(len, reports.values()))
    return dg.AssetCheckResult(
        passed=not red,
        asset_key=_specs[0].key,
        check_name=LISTED,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(red) or f"{asked} sources were listed to their end.",
    )


ASSETS = [listing]
