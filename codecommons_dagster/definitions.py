# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The code location ``codecommons``, named by ``workspace.yaml`` and ``[tool.dg]``."""

from __future__ import annotations

import dagster as dg

from codecommons_dagster.build import build_defs


@dg.definitions
def defs() -> dg.Definitions:
    """Everything."""
    return build_defs()
