# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What runs when something appears."""

from __future__ import annotations

import json

import dagster as dg

from assets.partitions import DATASETS
from codecommons.datasets.specification import names, specification
from codecommons.errors import CodeCommonsError
from codecommons.settings import Settings
from codecommons_dagster.jobs import dataset_job


@dg.sensor(job=dataset_job, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def new_datasets(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Turns each new or changed specification in the home's ``datasets`` folder into a partition and a run that builds it.

    A dataset that somebody built before the sensor first saw it is taken as it is. A file that can't be read is told about
    and tried again at the next tick.
    """
    settings = Settings.from_environment()
    seen: dict[str, str] = json.loads(context.cursor or "{}")
    built = set(context.instance.get_dynamic_partitions(DATASETS.name or ""))
    wanted, unreadable = [], []
    for name in names(settings):
        try:
            digest = specification(settings, name).digest
        except CodeCommonsError as error:
            unreadable.append(str(error))
            continue
        if seen.get(name, digest if name in built else None) != digest:
            wanted.append(dg.RunRequest(run_key=f"{name}-{digest}", partition_key=name))
        seen[name] = digest
    return dg.SensorResult(
        run_requests=wanted,
        dynamic_partitions_requests=[
            DATASETS.build_add_request([request.partition_key for request in wanted if request.partition_key])
        ],
        cursor=json.dumps(seen, sort_keys=True),
        skip_reason="; ".join(unreadable) or None if not wanted else None,
    )
