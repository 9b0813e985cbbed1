# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Dagster's view of the lakehouse: one module a stage with its checks beside it, and what they share.

Belongs here: partitions, asset and check declarations, and turning a ``StageReport`` into metadata. Does not belong here:
what a stage does (each asset calls one entry function of ``codecommons``), jobs and schedules (``codecommons_dagster``).

Modules that declare assets do without ``from __future__ import annotations``: Dagster reads the annotations of their functions.
"""

import warnings

import dagster as dg

# Partitioned checks and backfill policies are still marked beta and preview; a warning per declaration would bury real ones.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)
