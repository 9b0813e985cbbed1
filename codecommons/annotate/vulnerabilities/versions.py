# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The order of versions, as each ecosystem defines it.

PEP 440 is read by ``packaging``; Debian's, Maven's, RubyGems', NuGet's, Alpine's and RPM's versions by ``univers``; semantic ones
here. An ecosystem that is not named has no order that we know well enough: what is affected is then told by lists alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from packaging.version import Version

# A longer text is no version; numbers of so many digits are harmless to every parser.
LONGEST = 200
_SEMANTIC = re.compile(
    r"v?(0|[1-9][0-9]*)(?:\.(0|[1-9][0-9]*))?(?:\.(0|[1-9][0-9]*))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII
)
_SEMANTIC_ECOSYSTEMS = ("crates.io", "Go", "Hex", "npm", "Pub", "SwiftURL")
_UNIVERS = {
    "AlmaLinux": "RpmVersion",
    "Alpine": "AlpineLinuxVersion",
    "Chainguard": "AlpineLinuxVersion",
    "Debian": "DebianVersion",
    "Mageia": "RpmVersion",
    "Maven": "MavenVersion",
    "NuGet": "NugetVersion",
    "openEuler": "RpmVersion",
    "openSUSE": "RpmVersion",
    "Photon OS": "RpmVersion",
    "Red Hat": "RpmVersion",
    "Rocky Linux": "RpmVersion",
    "RubyGems": "RubygemsVersion",
    "SUSE": "RpmVersion",
    "Ubuntu": "DebianVersion",
    "Wolfi": "AlpineLinuxVersion",
}

# From a version to something that compares as it does; raises an exception of whatever kind where it is none.
Order = Callable[[str], Any]


def order(ecosystem: str, kind: str) -> Order | None:
    """The order of an ecosystem's versions.

    Args:
        ecosystem: OSV's name of it, with or without what stands behind a colon (``Debian:12``).
        kind: of the range: ``SEMVER`` is the same order everywhere; ``ECOSYSTEM`` is the ecosystem's own.

    Returns:
        What makes a comparable value of a version; None where we know of no order.
    """
    name = ecosystem.partition(":")[0]
    if kind == "SEMVER" or name in _SEMANTIC_ECOSYSTEMS:
        return semantic
    if name == "PyPI":
        return Version
    return _of_univers(_UNIVERS[name]) if name in _UNIVERS else None


def semantic(version: str) -> tuple[Any, ...]:
    """A semantic version as a tuple that compares by its precedence (SemVer 2.0.0, section 11).

    A leading ``v``, as Go writes it, and missing numbers (``1.2`` for ``1.2.0``), as records write them, are understood.

    Raises:
        ValueError: it is none.
    """
    match = _SEMANTIC.fullmatch(version)
    if match is None:
        raise ValueError("it is no semantic version")
    numbers = [int(number or 0) for number in match.groups()[:3]]
    said = match[4]
    if said is None:
        return (*numbers, 1, ())
    identifiers = said.split(".")
    if not all(identifiers):
        raise ValueError("it is no semantic version")
    return (*numbers, 0, tuple((0, int(one), "") if one.isdigit() else (1, 0, one) for one in identifiers))


@cache
def _of_univers(name: str) -> Order:
    from univers import versions  # only where such a package is met

    return getattr(versions, name)
