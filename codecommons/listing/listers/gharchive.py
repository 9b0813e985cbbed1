# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The hours of GH Archive: twenty-four files a day. ``CODECOMMONS_GHARCHIVE`` says where they are."""

from __future__ import annotations

from codecommons.listing.days import Daily, DaysOptions


class GHArchive(Daily[DaysOptions]):
    """Hours of days that are over."""

    options = DaysOptions

    def requests(self, options: DaysOptions, day: str) -> list[str]:
        """See ``Daily.requests``."""
        return [f"gharchive:{day}-{hour}" for hour in range(24)]


LISTER = GHArchive()
