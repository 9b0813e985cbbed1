# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Vulnerabilities in the OSV format: each day, the records of one place that were modified on it."""

from __future__ import annotations

from dataclasses import dataclass

from codecommons import strict
from codecommons.listing.days import Daily, DaysOptions
from codecommons.listing.places import place


@dataclass(frozen=True, kw_only=True)
class RecordsOptions(DaysOptions):
    """Where the records are, as after ``osv:``: a path or a URI."""

    place: str = strict.rule(place)


class OSV(Daily[RecordsOptions]):
    """Records modified on days that are over."""

    options = RecordsOptions

    def requests(self, options: RecordsOptions, day: str) -> list[str]:
        """See ``Daily.requests``."""
        return [f"osv:{options.place}?modified={day}"]


LISTER = OSV()
