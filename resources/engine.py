# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Where a step's work runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import dagster as dg

from codecommons.engine import Engine, chosen_engine
from codecommons.settings import Settings


class EngineResource(dg.ConfigurableResource):
    """The engine of the settings; a step's workers end with it, for the next step needs their memory and not what they know."""

    @contextmanager
    def open(self) -> Iterator[Engine]:
        """The engine, without a worker yet; those that tasks start end with the block."""
        with closing(chosen_engine(Settings.from_environment())) as engine:
            yield engine
