# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Licence policies: named, versioned YAML files that say what a licence is worth.

A policy judges what was resolved. Where a file's expression comes from is ``resolve``'s business; a policy's only word in that is
whose way of resolving it judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from codecommons import strict
from codecommons.errors import UsageError
from codecommons.lake.stages import digest
from codecommons.license import blue_oak, resolve
from codecommons.license.expressions import INDEX, categories, conjunction, evaluate, licenses
from codecommons.license.obligations import OBLIGATIONS, obligations
from codecommons.settings import Settings

# Raised when the code decides differently on the same evidence.
VERSION = 2

# From the best to the worst: an OR takes the best of its parts, an AND the worst. ``no_license`` is only ever said of nothing.
VERDICTS = ("permissive", "copyleft", "non_permissive", "no_license", "unknown")
_OF_LICENSES = tuple(one for one in VERDICTS if one != "no_license")
CONFLICT = "conflict"
# Rules that every policy has, because an author of policies must not be able to forget them.
UNRECOGNISED, NO_LICENSE, CONFLICTING = "unrecognised-license", "no-license", "conflicting-evidence"
# When a policy asks what a forge says of a whole repository (see ``forge``), and the forge's word for a licence file that it does
# not recognise: The Stack v2 took that for one that is not permissive.
LAST, FIRST, NEVER = "last", "first", "never"
NO_ASSERTION = "NOASSERTION"


class Judgement(NamedTuple):
    """What an expression is worth, the rule that says so, and what the licences ask for that it is worth it by."""

    verdict: str
    rule: str
    obligations: tuple[str, ...] = ()


def _verdict(value: Any, where: str) -> str:
    if value not in _OF_LICENSES:
        raise UsageError(f"{where} is {strict.shown(value)}; {strict.nearest(str(value), _OF_LICENSES)}")
    return str(value)


def _of_nothing(value: Any, where: str) -> str:
    if value not in VERDICTS[-2:]:
        raise UsageError(f"{where} is {strict.shown(value)}; without a licence it can only be {' or '.join(VERDICTS[-2:])}")
    return str(value)


def _identifiers(value: Any, where: str) -> tuple[str, ...]:
    for item in (values := strict.texts(value, where)):
        if item.lower() not in licenses():
            raise UsageError(f"{where} has {item!r}, which is no SPDX licence identifier; {strict.nearest(item, _spelled())}")
    return tuple(licenses()[item.lower()].identifier for item in values)


def _resolution(value: Any, where: str) -> str:
    if not isinstance(value, str) or value not in resolve.RESOLUTIONS:
        raise UsageError(f"{where} is {strict.shown(value)}; {strict.nearest(str(value), resolve.RESOLUTIONS)}")
    return str(value)


def _forge(value: Any, where: str) -> str:
    if not isinstance(value, str) or value not in (LAST, FIRST, NEVER):
        raise UsageError(f"{where} is {strict.shown(value)}; {strict.nearest(str(value), (LAST, FIRST, NEVER))}")
    return str(value)


@cache
def _spelled() -> frozenset[str]:
    return frozenset(one.identifier for one in licenses().values())


@dataclass(frozen=True)
class Rule:
    """What some licences are worth.

    Attributes:
        name: a slug; decisions name it.
        verdict: one of ``VERDICTS``, but not ``no_license``.
        licenses: SPDX identifiers it names.
        ratings: Blue Oak Council's ratings it names.
        categories: ScanCode's categories it names.
    """

    name: str = strict.rule(strict.slug)
    verdict: str = strict.rule(_verdict)
    licenses: tuple[str, ...] = strict.rule(_identifiers, ())
    ratings: tuple[str, ...] = strict.rule(strict.some_of(blue_oak.RATINGS), ())
    categories: tuple[str, ...] = strict.rule(strict.some_of(categories()), ())


def _rules(value: Any, where: str) -> tuple[Rule, ...]:
    if not isinstance(value, list) or not value:
        raise UsageError(f"{where} must be a list of rules, each with a name and a verdict")
    rules = [strict.read(Rule, item, f"{where} {at}") for at, item in enumerate(value, 1)]
    seen: dict[str, str] = dict.fromkeys((UNRECOGNISED, NO_LICENSE, CONFLICTING), "every policy")
    for rule in rules:
        if not rule.licenses and not rule.ratings and not rule.categories:
            raise UsageError(f"{where}: rule {rule.name!r} names no licence; give it licenses, ratings or categories")
        named = [*(f"rating {name}" for name in rule.ratings), *(f"category {name}" for name in rule.categories)]
        for key in (rule.name, *rule.licenses, *named):
            if key in seen:
                raise UsageError(f"{where}: {key!r} is in rule {rule.name!r} and in {seen[key]}; say it once")
            seen[key] = f"rule {rule.name!r}"
    return tuple(rules)


@dataclass(frozen=True)
class Policy:
    """One policy.

    Attributes:
        name: a slug, the name of the YAML file.
        version: whole number that its author raises with every change of meaning.
        description: what it is for.
        no_license: the verdict on a file of which nobody says anything: ``no_license`` or ``unknown``.
        rules: the one that names a licence by identifier decides, else the one that names its rating, else its category.
        resolution: one of ``resolve.RESOLUTIONS``.
        forge: when the forge is asked that shows the repository: last, where nobody else says anything; first; never.
        choices: whether OR is a choice. If not, all that is named must be good, as where licences are only listed.
        ignored: identifiers that say nothing; only where OR is no choice.
        ignored_beside_permissive: identifiers that say nothing where something permissive is said; likewise.
    """

    name: str = strict.rule(strict.slug)
    version: int = strict.rule(strict.whole(1, 1 << 30))
    description: str = strict.rule(strict.text)
    no_license: str = strict.rule(_of_nothing)
    rules: tuple[Rule, ...] = strict.rule(_rules)
    resolution: str = strict.rule(_resolution, resolve.NEAREST)
    forge: str = strict.rule(_forge, LAST)
    choices: bool = strict.rule(strict.flag, default=True)
    ignored: tuple[str, ...] = strict.rule(_identifiers, ())
    ignored_beside_permissive: tuple[str, ...] = strict.rule(_identifiers, ())

    def key(self, settings: Settings) -> str:
        """The value of column ``policy``: name and 12 hex digits over all that its decisions are made of."""
        made_of = [asdict(self), VERSION, INDEX, blue_oak.ratings(), resolve.key(settings, self.resolution)]
        return f"{self.name}-{digest(made_of)[:12]}"

    @cached_property
    def _by_license(self) -> Mapping[str, Judgement]:
        rated = {licenses()[name.lower()].identifier: rating for name, rating in blue_oak.ratings().items()}
        by_category, by_rating, by_name = (
            {name: rule for rule in self.rules for name in getattr(rule, kind)} for kind in ("categories", "ratings", "licenses")
        )
        worth = {}
        for one in licenses().values():
            rule = by_name.get(one.identifier) or by_rating.get(rated.get(one.identifier, "")) or by_category.get(one.category)
            if rule:
                worth[one.identifier] = Judgement(rule.verdict, rule.name, obligations(one))
        return worth

    def judge(self, expression: str) -> Judgement:
        """Say what an expression is worth: AND needs all of its licences, OR any one, and what is not known is not permissive.

        An empty expression is what nobody said anything of.
        """
        if not expression:
            return Judgement(self.no_license, NO_LICENSE)
        if expression == NO_ASSERTION and self.forge == FIRST:
            return Judgement("non_permissive", UNRECOGNISED)
        either = _best if self.choices else _all
        said = self._without_ignored(expression)
        if not said:
            return Judgement(self.no_license, NO_LICENSE)
        found = evaluate(said, self._judge_license, _all, either)
        # Of what is not known, the obligations of a part would only look like all of them.
        known = found is not None and found is not _EXCEPTION and found.verdict != "unknown"
        return found if found and known else Judgement("unknown", UNRECOGNISED)

    def decide(self, expression: str, otherwise: str) -> tuple[str, Judgement]:
        """Say what a file is worth of which one thing is said and, by the metadata beside it, another.

        Returns:
            The expression that was decided on, and what it is worth: a conflict where it hangs on whom to believe.
        """
        judgement = self.judge(expression)
        if otherwise:
            said = self.judge(otherwise)
            if said.verdict not in (judgement.verdict, "unknown"):
                return conjunction([expression, otherwise]), _all([judgement, said])._replace(verdict=CONFLICT, rule=CONFLICTING)
        return expression, judgement

    def _without_ignored(self, expression: str) -> str:
        """The expression without what says nothing; it is a list of licences then."""
        if not self.ignored and not self.ignored_beside_permissive:
            return expression
        named = sorted(evaluate(expression, lambda one, _: frozenset([one]), _union, _union) or ())
        left = [one for one in named if one not in self.ignored]
        if any(self._judge_license(one, None).verdict == "permissive" for one in left):
            left = [one for one in left if one not in self.ignored_beside_permissive]
        return conjunction(left) if len(left) < len(named) else expression

    def _judge_license(self, identifier: str, exception: str | None) -> Judgement:
        unknown = Judgement("unknown", UNRECOGNISED)
        one = licenses().get(identifier.lower())
        if one is None:
            return unknown
        if one.exception:
            alone = self._by_license.get(one.identifier, unknown)
            return alone if alone.verdict == "non_permissive" else _EXCEPTION
        base = self._by_license.get(one.identifier, unknown)
        if exception is None:
            return base
        # An exception grants more than its licence, whose verdict stays, unless the policy knows it as a restriction.
        extra = licenses().get(exception.lower())
        if extra is None or not extra.exception:
            return unknown
        added = self._by_license.get(extra.identifier, unknown)
        return base if added.verdict in ("permissive", "copyleft") else _all([base, added])


def _badness(judgement: Judgement) -> int:
    return VERDICTS.index(judgement.verdict)


# An exception that was found by itself: beside a licence it takes nothing away from it, alone it says nothing; unless it is a
# restriction to the policy, as the Commons Clause is.
_EXCEPTION = Judgement("unknown", "exception-alone")


def _best(parts: list[Judgement]) -> Judgement:
    """One of them is enough: the best, with what it asks for."""
    return min(parts, key=_badness)


def _all(parts: list[Judgement]) -> Judgement:
    """All of them hold: the worst, with what any of them asks for."""
    parts = [part for part in parts if part is not _EXCEPTION] or parts
    asked = {one for part in parts for one in part.obligations}
    return max(parts, key=_badness)._replace(obligations=tuple(one for one in OBLIGATIONS if one in asked))


def _union(parts: list[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*parts)


def read_policy(path: Path) -> Policy:
    """Read one policy file.

    Raises:
        UsageError: it is no policy; the message says where and what was meant.
    """
    return _parsed(path, strict.source_of(path, "licence policy"))


@lru_cache(64)
def _parsed(path: Path, source: bytes) -> Policy:
    """Once for each text: all policies together take 50 ms, and a build or a view of the lake asks for them again and again."""
    policy = strict.read_named(Policy, source, path)
    if policy.choices and (policy.ignored or policy.ignored_beside_permissive):
        raise UsageError(f"{path}: what is ignored in a choice can't be told; say choices: false, or ignore nothing")
    ruled = {license: rule.name for rule in policy.rules for license in rule.licenses}
    if both := sorted(ruled.keys() & set(policy.ignored)):
        raise UsageError(f"{path}: {both[0]!r} is ignored and is in rule {ruled[both[0]]!r}; say one of the two")
    return policy


def policies(settings: Settings) -> dict[str, Policy]:
    """Every policy that can be read, ours and the user's (``$CODECOMMONS_HOME/policies/*.yaml``), by name."""
    return _all_of(settings)[0]


def unreadable(settings: Settings) -> dict[str, str]:
    """The user's files that are no policy, or have the name of one of ours: name -> why. What does not need them goes on."""
    return _all_of(settings)[1]


def policy(settings: Settings, name: str) -> Policy:
    """One policy.

    Raises:
        UsageError: there is none of that name, and the message says which is meant; or its file is no policy.
    """
    known, broken = _all_of(settings)
    if name not in known:
        raise UsageError(broken.get(name) or f"there is no licence policy {name!r}; {strict.nearest(name, known)}")
    return known[name]


def _all_of(settings: Settings) -> tuple[dict[str, Policy], dict[str, str]]:
    ours = Path(__file__).with_name("policies")
    files, broken = strict.files_of(ours, settings.home / "policies", "policy")
    known = {}
    for name, path in files.items():
        try:
            known[name] = read_policy(path)
        except UsageError as error:
            if path.parent == ours:
                raise
            broken[name] = str(error)
    return known, broken
