# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Where work runs.

Belongs here: the one interface through which stages map a pure function over tasks, and the engines behind it.
Does not belong here: what the tasks do, and commits (workers write files, the driver commits them).
"""

from codecommons.engine.local import Engine, local_engine

__all__ = ["Engine", "local_engine"]
