# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Where work runs.

Belongs here: the one interface through which stages map a pure function over tasks (``engine``), and the engines behind it: the
processes of this machine (``local``; ``preloaded`` is what they share) and a cluster's (``cluster``).
Does not belong here: what the tasks do, and commits (workers write files, the driver commits them).
"""

from codecommons.engine.engine import Engine
from codecommons.engine.local import local_engine
from codecommons.settings import Settings

__all__ = ["Engine", "chosen_engine", "local_engine"]


def chosen_engine(settings: Settings) -> Engine:
    """The engine that the settings ask for: a Ray cluster's, or that of this machine."""
    if settings.ray:
        from codecommons.engine.cluster import RayEngine

        return RayEngine(settings.ray)
    return local_engine(settings)
