# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Dagster's view of the lakehouse: one module a stage with its checks beside it, and what they share.

Belongs here: a module a stage (``raw_archive_slice``, ``enriched_context``, ``license_qualified``, ``deduped``,
``training_shards``) and what stands beside them (``listing``, ``opt_out``, ``marts``, ``lake_state``); how slices are cut
(``partitions``), how steps take them (``stages``, ``outcomes``, ``tags``), what is expected of the tables (``expectations``,
``expectation_checks``, ``validation``), and what the web interface shows (``specs``, ``metadata``, ``drawing``, ``lineage``,
``pages``).
Does not belong here: what a stage does (each asset calls one entry function of ``codecommons``), jobs and schedules
(``codecommons_dagster``).

Modules that declare assets do without ``from __future__ import annotations``: Dagster reads the annotations of their functions.
"""

import warnings

import dagster as dg

# Partitioned checks and backfill policies are still marked beta and preview; a warning per declaration would bury real ones.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)
