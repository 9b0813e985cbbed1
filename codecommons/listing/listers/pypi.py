# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Projects of the Python Package Index, or of whatever index pip is configured for: what was uploaded on which day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from codecommons.archive.sources import pypi
from codecommons.listing.versions import Registry


class PyPI(Registry):
    """Versions that have a source archive."""

    def versions(self, name: str) -> Iterable[tuple[str, dt.datetime | None]]:
        """See ``Registry.versions``."""
        return ((f"pypi:{item}", moment) for item, moment in pypi.versions(name))


LISTER = PyPI()
