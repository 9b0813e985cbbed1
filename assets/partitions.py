# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How assets are cut: a slice is one UTC day, a dataset one specification. All share one object each, so ranges stay whole."""

from __future__ import annotations

import dagster as dg

from codecommons.settings import Settings

# Today's slice exists from midnight on (end_offset), since `codecommons ingest` fills it during the day.
SLICES = dg.DailyPartitionsDefinition(start_date=Settings.from_environment().first_day.isoformat(), timezone="UTC", end_offset=1)

# One partition per dataset; its name is the stem of the specification's YAML file.
DATASETS = dg.DynamicPartitionsDefinition(name="dataset")

# A run costs seconds before any work and a partition a tenth of one, so a backfill takes up to a month in one run.
BACKFILL = dg.BackfillPolicy.multi_run(max_partitions_per_run=31)
