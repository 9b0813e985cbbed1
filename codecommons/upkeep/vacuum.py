# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a lake can do without: what killed processes left, files that commits replaced, and attempts that others replaced.

Everything that a published release was made from stays: facts are never removed, and neither is an attempt that a release names.
"""

from __future__ import annotations

import datetime as dt

from codecommons.datasets.releases import list_releases
from codecommons.lake import Lake
from codecommons.lake.garbage import Garbage, free, garbage, let_go, superseded


def removable(lake: Lake, now: dt.datetime | None = None) -> list[Garbage]:
    """What would go, by path: files, and the rows of attempts as ``table/slice source attempt``; nothing is changed.

    Raises:
        LakeError: the lake can't be read.
    """
    attempts = [
        Garbage(f"{one.table}/{' '.join(one.attempt)}", sum(file.bytes for file in one.files), len(one.files))
        for one in superseded(lake, _published(lake), now)
    ]
    return sorted([*garbage(lake, now), *attempts], key=lambda one: one.path)


def vacuum(lake: Lake, now: dt.datetime | None = None) -> list[Garbage]:
    """Remove it; says what went. Files of attempts that go are themselves garbage a day later.

    Raises:
        LakeError: the lake can't be read, or something can't be removed.
    """
    found = removable(lake, now)
    free(lake, garbage(lake, now))
    let_go(lake, superseded(lake, _published(lake), now))
    return found


def _published(lake: Lake) -> set[tuple[str, str, str]]:
    """The attempts that releases were made from."""
    return {
        (row["slice"], row["source"], row["attempt"]) for one in list_releases(lake) for row in one.document["inputs"]["slices"]
    }
