# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Where a step's work runs."""

from __future__ import annotations

from functools import cache

import dagster as dg

from codecommons.engine import Engine, local_engine
from codecommons.settings import Settings


class EngineResource(dg.ConfigurableResource):
    """The engine of this machine; steps and runs of one process share its workers."""

    def open(self) -> Engine:
        """Return the engine, without starting a worker yet."""
        return _engine(Settings.from_environment())


@cache
def _engine(settings: Settings) -> Engine:
    return local_engine(settings)
