# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Thin Dagster resources: how a step gets at the lake, the engine, the catalogue and dbt.

Belongs here: opening things from ``Settings`` when a run starts (``lake``, ``engine``, ``catalogue``, ``dbt``).
Does not belong here: logic of any kind (that is a defect; it goes to ``codecommons``), and reading the environment in any other
way than ``Settings.from_environment``.
"""

from resources.engine import EngineResource
from resources.lake import LakeResource

__all__ = ["EngineResource", "LakeResource"]
