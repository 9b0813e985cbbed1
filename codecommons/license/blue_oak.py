# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Blue Oak Council's ratings of permissive licences: facts that it gives away under CC0-1.0, kept in ``blue-oak.json``.

``python -m codecommons.license.refresh VERSION`` fetches another version of the list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("blue-oak.json")
# From the best to the worst; all of them are of permissive licences.
RATINGS = ("Model", "Gold", "Silver", "Bronze", "Lead")


@cache
def ratings() -> Mapping[str, str]:
    """SPDX identifier, as the Council writes it -> its rating."""
    rated = json.loads(FILE.read_text())["ratings"]
    return {identifier: rating for rating, identifiers in rated.items() for identifier in identifiers}
