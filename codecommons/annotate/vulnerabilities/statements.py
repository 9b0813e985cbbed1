# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a record of OSV says is affected: a statement a package, and one a repository of its commits.

Whatever is not as OSV's schema has it becomes a problem that the statement carries, or that the record is left with; the rest of
the record counts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from codecommons.archive.sources.osv import purl
from codecommons.errors import ItemError
from codecommons.lake.places import place

PACKAGE, GIT = "package", "git"
RANGES = ("SEMVER", "ECOSYSTEM", "GIT")
EVENTS = ("introduced", "fixed", "last_affected", "limit")
# Ten times what the largest real records have.
MOST_EVENTS = 10_000
# Commits of one range over a history: each costs a mark on every revision.
MOST_COMMITS = 1_000
# Where versions are names of tags.
_NOT_PACKAGED = (None, "OSS-Fuzz")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Range:
    """One range: its type, and (event, version or commit) as they stand in the record."""

    type: str
    events: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Statement:
    """What is affected of one package or one repository.

    Attributes:
        kind: ``package`` or ``git``.
        place: where, in the form that origins are compared in (``lake.places``); None where that can't be told.
        ecosystem: OSV's name of it; None where the record has none.
        name: of the package, as the ecosystem writes it, or the address of the repository.
        ranges: what is affected; of a repository one, of type ``GIT``.
        versions: what is affected, one by one; of a repository names of tags.
        problem: what is wrong with it; then nothing can be said of any version by its ranges.
    """

    kind: str
    place: str | None
    ecosystem: str | None
    name: str
    ranges: tuple[Range, ...]
    versions: tuple[str, ...] = ()
    problem: str | None = None

    @cached_property
    def digest(self) -> bytes:
        """What identifies it: sha256 over all that it says."""
        said = [self.kind, self.place, self.ecosystem, self.name, [[one.type, one.events] for one in self.ranges]]
        return hashlib.sha256(json.dumps([*said, self.versions, self.problem], separators=(",", ":")).encode()).digest()


def statements(record: dict[str, Any]) -> Iterator[tuple[int, Statement]]:
    """What a record says is affected.

    Args:
        record: OSV's JSON.

    Yields:
        The number of the entry of ``affected``, from 0, and a statement. An entry gives one for its package, if it names one, and
        one for each repository.
    """
    affected = record.get("affected")
    for number, entry in enumerate(affected if isinstance(affected, list) else []):
        if isinstance(entry, dict):
            for statement in _of_entry(entry):
                yield number, statement


def _of_entry(entry: dict[str, Any]) -> Iterator[Statement]:
    package: Any = entry.get("package")
    package = package if isinstance(package, dict) else {}
    ecosystem, name = _text(package.get("ecosystem")), _text(package.get("name"))
    versions = tuple(dict.fromkeys(one for one in _list(entry.get("versions")) if isinstance(one, str)))
    ranges: list[Range] = []
    problems: list[str] = []
    repositories: list[tuple[str, Range, str | None]] = []
    for said in _list(entry.get("ranges")):
        kind = said.get("type") if isinstance(said, dict) else None
        if kind not in RANGES:
            problems.append(f"a range of type {str(kind)[:40]!r} is none of OSV's")
            continue
        events, problem = _events(said.get("events"))
        if kind == "GIT":
            repositories.append((_text(said.get("repo")) or "", Range(kind, events), problem or _wrong_commits(events)))
        elif problem:
            problems.append(problem)
        else:
            ranges.append(Range(kind, events))
    packaged = ecosystem not in _NOT_PACKAGED
    problem = problems[0] if problems else None
    if packaged and (ranges or versions or problem or not repositories):
        yield Statement(PACKAGE, _package_place(entry), ecosystem, name or "", tuple(ranges), versions, problem)
    for address, git, problem in repositories:
        wrong = problem or (None if address else "a range of commits names no repository")
        where = place(address) if address else None
        yield Statement(GIT, where, ecosystem, address, () if wrong else (git,), () if packaged else versions, wrong)


def _events(said: Any) -> tuple[tuple[tuple[str, str], ...], str | None]:
    """The events of a range, and what is wrong with them."""
    found = [(event, value) for one in _list(said) if isinstance(one, dict) for event, value in one.items() if event in EVENTS]
    if any(not isinstance(value, str) or not value for _, value in found):
        return (), "an event of a range names no version"
    if len(found) > MOST_EVENTS:
        return (), f"a range has {len(found):,} events, more than {MOST_EVENTS:,}"
    if not any(event == "introduced" for event, _ in found):
        return (), "a range says nowhere where it begins (no event introduced)"
    return tuple(found), None


def _wrong_commits(events: tuple[tuple[str, str], ...]) -> str | None:
    commits = [(event, value) for event, value in events if (event, value) not in (("introduced", "0"), ("limit", "*"))]
    if len(commits) > MOST_COMMITS:
        return f"a range has {len(commits):,} commits, more than {MOST_COMMITS:,}"
    wrong = next((value for _, value in commits if not _COMMIT.fullmatch(value)), None)
    return None if wrong is None else f"{wrong[:50]!r} is no full commit hash"


def _package_place(entry: dict[str, Any]) -> str | None:
    """The origin of a package: its purl without version, as our sources name origins."""
    try:
        said = purl(entry)
        one = PackageURL.from_string(said) if said else None
    except (ItemError, ValueError):
        return None
    if one is None:
        return None
    name = canonicalize_name(one.name) if one.type == "pypi" else one.name
    return PackageURL(one.type, one.namespace, name).to_string()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
