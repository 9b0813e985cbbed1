# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The lake of this environment."""

from __future__ import annotations

import dagster as dg

from codecommons.lake import Lake
from codecommons.settings import Settings


class LakeResource(dg.ConfigurableResource):
    """The lake that ``CODECOMMONS_HOME`` and ``CODECOMMONS_LAKE`` name when a step asks for it."""

    def open(self) -> Lake:
        """Open the lake, creating it where there is none.

        Raises:
            LakeError: the folder or bucket can't be reached, read or written.
        """
        return Lake.open(Settings.from_environment())
