# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Packages of the npm registry, or of whatever registry npm is configured for: what was published on which day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from codecommons.archive.sources import npm
from codecommons.listing.versions import Registry


class Npm(Registry):
    """Versions, all of which have a tarball."""

    def versions(self, name: str) -> Iterable[tuple[str, dt.datetime | None]]:
        """See ``Registry.versions``."""
        return ((f"npm:{item}", moment) for item, moment in npm.versions(name))


LISTER = Npm()
