# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What Python's three kinds of manifests share: requirements, classifiers, and what people call their links."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from codecommons.annotate.manifests.project import LONGEST, MOST, fullname, limited, purl, text, texts, url

_LINKS = {
    "code_repository": ("source", "sourcecode", "code", "repository", "repo", "github", "gitlab", "git"),
    "issue_tracker": ("issues", "issuetracker", "bugtracker", "bugreports", "bugs", "tracker", "bugtracking", "issue"),
    "homepage": ("homepage", "home", "website"),
}


def requirements(lines: Iterable[Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Package URLs of requirements that always hold, and of those that an extra asks for.

    What is no requirement is left out; no more than ``MOST`` are looked at, and none longer than ``LONGEST``.
    """
    needed: list[str | None] = []
    extra: list[str | None] = []
    for line in itertools.islice(lines, MOST):
        if len(said := str(line)) > LONGEST:
            continue
        try:
            one = Requirement(said)
        except (InvalidRequirement, RecursionError):  # parentheses without end
            continue
        exact = [part.version for part in one.specifier if part.operator in ("==", "===") and "*" not in part.version]
        package = purl("pypi", canonicalize_name(one.name), exact[0] if len(one.specifier) == 1 and exact else None)
        (extra if one.marker and "extra" in str(one.marker) else needed).append(package)
    return limited(needed), limited(extra)


def license_classifiers(classifiers: Any) -> tuple[str, ...]:
    """Those classifiers that speak of licences."""
    return tuple(one for one in texts(list(classifiers or ())) if one.startswith("License ::"))


def languages(classifiers: Any) -> tuple[str, ...]:
    """The languages that classifiers name, without their versions; Python where they name none."""
    names = [one.split("::")[1].strip() for one in texts(list(classifiers or ())) if one.startswith("Programming Language ::")]
    return limited(names) or ("Python",)


def links(labelled: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> dict[str, str | None]:
    """Repository, tracker and homepage among links, by what people call them (as the index itself does)."""
    found: dict[str, str | None] = {}
    for label, address in labelled.items() if isinstance(labelled, Mapping) else labelled:
        plain = re.sub(r"[^a-z]", "", label.lower())
        for name, labels in _LINKS.items():
            if plain in labels:
                found.setdefault(name, url(address))
    return found


def people(names: Any, addresses: Any) -> tuple[str, ...]:
    """Full names of the authors that the fields of names and addresses name.

    Old tools write one name and its address there. Those that go by PEP 621 write ``Name <address>, …`` into the second field and
    into the first only whose address nobody knows.
    """
    who, where = text(names), text(addresses)
    if where is None or "<" not in where:
        return limited([fullname(who, where)])
    found: list[tuple[str | None, str]] = []
    for part in where[: MOST * 100].split(">"):
        before, sign, address = part.rpartition("<")
        said = (before if sign else part).strip(" ,\n\t")
        *alone, name = [said] if said.startswith('"') else said.split(",")
        found += [(None, one.strip()) for one in (alone if sign else [*alone, name]) if "@" in one]
        found += [(text(name.strip('" ')), address.strip())] if sign else []
    if who and len(found) == 1 and found[0][0] is None:
        return limited([fullname(who, found[0][1])])
    named = {name for name, _ in found}
    others = [] if who is None or {one.strip() for one in (who, *who.split(","))} & named else [who]
    return limited([*others, *(fullname(*one) for one in found)])


def keywords(value: Any) -> tuple[str, ...]:
    """Keywords as a list, or as text with commas, or else white space, between them."""
    if isinstance(value, list):
        return texts(value)
    said = text(value)
    return limited(map(text, said.split(",") if "," in said else said.split())) if said else ()
