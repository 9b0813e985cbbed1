# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Licence policies: named, versioned YAML files that say what a licence is worth.

A policy judges expressions. Where a file's expression comes from is ``decide``'s business; a policy's only word in that is which
folders are foreign and which paths are the project's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from codecommons import strict
from codecommons.annotate.annotator import current
from codecommons.errors import UsageError
from codecommons.lake.stages import digest
from codecommons.license.expressions import INDEX, categories, evaluate, licenses
from codecommons.settings import Settings

# Raised when the code decides differently on the same evidence.
VERSION = 1

# From the best to the worst: an OR takes the best of its parts, an AND the worst.
VERDICTS = ("permissive", "copyleft", "non_permissive", "unknown")
CONFLICT = "conflict"
# Rules that every policy has, because an author of policies must not be able to forget them.
UNRECOGNISED, NO_LICENSE, CONFLICTING = "unrecognised-license", "no-license", "conflicting-evidence"

# Annotators whose answers decisions are made of.
ANNOTATORS = ("language", "license_evidence", "path_facts", "project_metadata")

_LIMIT_BYTES = 1 << 16


class Judgement(NamedTuple):
    """What an expression is worth, and the rule that says so."""

    verdict: str
    rule: str


def _verdict(value: Any, where: str) -> str:
    if value not in VERDICTS:
        raise UsageError(f"{where} is {value!r}; {strict.nearest(str(value), VERDICTS)}")
    return str(value)


def _identifiers(value: Any, where: str) -> tuple[str, ...]:
    for item in (values := strict.texts(value, where)):
        if item.lower() not in licenses():
            raise UsageError(f"{where} has {item!r}, which is no SPDX licence identifier; {strict.nearest(item, _spelled())}")
    return tuple(licenses()[item.lower()].identifier for item in values)


@cache
def _spelled() -> frozenset[str]:
    return frozenset(one.identifier for one in licenses().values())


@dataclass(frozen=True)
class Rule:
    """What some licences are worth.

    Attributes:
        name: a slug; decisions name it.
        verdict: one of ``VERDICTS``.
        licenses: SPDX identifiers it names.
        categories: ScanCode's categories it names.
    """

    name: str = strict.rule(strict.slug)
    verdict: str = strict.rule(_verdict)
    licenses: tuple[str, ...] = strict.rule(_identifiers, ())
    categories: tuple[str, ...] = strict.rule(strict.some_of(categories()), ())


def _rules(value: Any, where: str) -> tuple[Rule, ...]:
    if not isinstance(value, list) or not value:
        raise UsageError(f"{where} must be a list of rules, each with a name and a verdict")
    rules = [strict.read(Rule, item, f"{where} {at}") for at, item in enumerate(value, 1)]
    seen: dict[str, str] = dict.fromkeys((UNRECOGNISED, NO_LICENSE, CONFLICTING), "every policy")
    for rule in rules:
        if not rule.licenses and not rule.categories:
            raise UsageError(f"{where}: rule {rule.name!r} names no licence; give it licenses or categories")
        for key in (rule.name, *rule.licenses, *(f"category {name}" for name in rule.categories)):
            if key in seen:
                raise UsageError(f"{where}: {key!r} is in rule {rule.name!r} and in {seen[key]}; say it once")
            seen[key] = f"rule {rule.name!r}"
    return tuple(rules)


def _patterns(value: Any, where: str) -> tuple[str, ...]:
    for pattern in (values := strict.texts(value, where)):
        try:
            re.compile(pattern)
        except re.error as error:
            raise UsageError(f"{where} has {pattern!r}, which is no regular expression: {error}") from None
    return values


@dataclass(frozen=True)
class Policy:
    """One policy.

    Attributes:
        name: a slug, the name of the YAML file.
        version: whole number that its author raises with every change of meaning.
        description: what it is for.
        rules: the first that names a licence by identifier decides, else the first that names its category.
        foreign_folders: names of folders with somebody else's code.
        own_paths: regular expressions; a path in which one is found is the project's own, though Linguist calls it vendored.
    """

    name: str = strict.rule(strict.slug)
    version: int = strict.rule(strict.whole(1, 1 << 30))
    description: str = strict.rule(strict.text)
    rules: tuple[Rule, ...] = strict.rule(_rules)
    foreign_folders: tuple[str, ...] = strict.rule(strict.texts, ())
    own_paths: tuple[str, ...] = strict.rule(_patterns, ())

    def key(self, settings: Settings) -> str:
        """The value of column ``policy``: name and 12 hex digits over all that its decisions are made of."""
        annotators = current(settings)
        made_of = [asdict(self), VERSION, INDEX, *(annotators[name].digest for name in ANNOTATORS)]
        return f"{self.name}-{digest(made_of)[:12]}"

    @cached_property
    def _by_license(self) -> Mapping[str, Judgement]:
        named = {name: Judgement(rule.verdict, rule.name) for rule in self.rules for name in rule.categories}
        worth = {one.identifier: named.get(one.category) for one in licenses().values()}
        worth |= {name: Judgement(rule.verdict, rule.name) for rule in self.rules for name in rule.licenses}
        return {name: judgement for name, judgement in worth.items() if judgement}

    def judge(self, expression: str) -> Judgement:
        """Say what an expression is worth: AND needs all of its licences, OR any one, and what is not known is not permissive."""
        unknown = Judgement("unknown", UNRECOGNISED)
        return (
            evaluate(
                expression, self._judge_license, lambda parts: max(parts, key=_badness), lambda parts: min(parts, key=_badness)
            )
            or unknown
        )

    def _judge_license(self, identifier: str, exception: str | None) -> Judgement:
        unknown = Judgement("unknown", UNRECOGNISED)
        one = licenses().get(identifier.lower())
        if one is None or one.exception:
            return unknown
        base = self._by_license.get(one.identifier, unknown)
        if exception is None:
            return base
        # An exception grants more than its licence, whose verdict stays, unless the policy knows it as a restriction.
        extra = licenses().get(exception.lower())
        if extra is None or not extra.exception:
            return unknown
        added = self._by_license.get(extra.identifier, unknown)
        return base if added.verdict in ("permissive", "copyleft") else max(base, added, key=_badness)


def _badness(judgement: Judgement) -> int:
    return VERDICTS.index(judgement.verdict)


def read_policy(path: Path) -> Policy:
    """Read one policy file.

    Raises:
        UsageError: it is no policy; the message says where and what was meant.
    """
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the licence policy {path} can't be read: {error.strerror}") from error
    policy = strict.read(Policy, strict.load(source, str(path), _LIMIT_BYTES), str(path))
    if policy.name != path.stem:
        raise UsageError(f"{path}: name is {policy.name!r}; it must be the file's name, {path.stem!r}")
    return policy


def policies(settings: Settings) -> dict[str, Policy]:
    """Every policy, ours and the user's (``$CODECOMMONS_HOME/policies/*.yaml``), by name.

    Raises:
        UsageError: a file is no policy, or a user's policy has the name of one of ours.
    """
    ours = {path.stem: read_policy(path) for path in sorted(Path(__file__).with_name("policies").glob("*.yaml"))}
    theirs = {path.stem: read_policy(path) for path in sorted((settings.home / "policies").glob("*.yaml"))}
    for name in sorted(ours.keys() & theirs.keys()):
        raise UsageError(f"{settings.home / 'policies' / name}.yaml takes the name of a policy that CodeCommons has; rename it")
    return dict(sorted((ours | theirs).items()))


def policy(settings: Settings, name: str) -> Policy:
    """One policy.

    Raises:
        UsageError: there is none of that name; the message says which is meant.
    """
    known = policies(settings)
    if name not in known:
        raise UsageError(f"there is no licence policy {name!r}; {strict.nearest(name, known)}")
    return known[name]
