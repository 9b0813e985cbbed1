# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Filter sets: named, versioned YAML files of limits on what annotators say, such as those of The Stack v2.

A set is data: each rule names a signal as ``annotator.column`` (a column of view ``annotation_<annotator>``; ``content.length``
is the size in bytes), the files it looks at, and the range that stays. What a rule leaves out names it as ``set@version:rule``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from codecommons import strict
from codecommons.annotate.annotator import Annotator, current
from codecommons.annotate.languages import is_language, some_languages
from codecommons.datasets.fingerprint import digest
from codecommons.errors import UsageError
from codecommons.plugins import discover
from codecommons.settings import Settings

# Raised when the code lets other files pass for the same set and signals.
VERSION = 1
# Linguist's kinds of languages, and what it knows no language of.
KINDS = ("programming", "markup", "data", "prose")
LENGTH = "content.length"
LANGUAGE, KIND = "language.language", "language.kind"
DROP, KEEP = "drop", "keep"


def _languages(value: Any, where: str) -> tuple[str, ...]:
    for name in (values := strict.texts(value, where)):
        if not is_language(name):
            raise UsageError(f"{where} has {name!r}, which Linguist has no language of; {strict.nearest(name, some_languages())}")
    return values


def _limit(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < strict.BEYOND:
        raise UsageError(f"{where} is {strict.shown(value)}; it must be a number, and less than 2**63")
    return value


def _is(value: Any, where: str) -> bool | tuple[str, ...]:
    return value if isinstance(value, bool) else strict.texts(value, where)


def _unknown(value: Any, where: str) -> str:
    if not isinstance(value, str) or value not in (DROP, KEEP):
        raise UsageError(f"{where} is {strict.shown(value)}; {strict.nearest(str(value), (DROP, KEEP))}")
    return value


@dataclass(frozen=True)
class Rule:
    """What a signal must be for a file to stay.

    Attributes:
        id: a slug; drops name it.
        signal: ``annotator.column``; of several the sum is looked at.
        per: a signal that it is divided by; where that is zero the quotient is unknown.
        least: the smallest value that stays; ``most`` the largest.
        equals: in place of limits: true, false, or the texts that stay.
        languages: of which files are looked at, as Linguist names them; none means all.
        not_languages: of which files are not.
        kinds: kinds of languages, likewise (``KINDS``).
        unknown: whether a file of which the annotator says nothing stays, as where a share of nothing is meant.
    """

    id: str = strict.rule(strict.slug)
    signal: tuple[str, ...] = strict.rule(strict.texts)
    per: str | None = strict.rule(strict.text, None)
    least: float | None = strict.rule(_limit, None)
    most: float | None = strict.rule(_limit, None)
    equals: bool | tuple[str, ...] | None = strict.rule(_is, None)
    languages: tuple[str, ...] = strict.rule(_languages, ())
    not_languages: tuple[str, ...] = strict.rule(_languages, ())
    kinds: tuple[str, ...] = strict.rule(strict.some_of(KINDS), ())
    unknown: str = strict.rule(_unknown, DROP)

    @property
    def signals(self) -> frozenset[str]:
        """All that it reads."""
        about = {*([LANGUAGE] if self.languages or self.not_languages else []), *([KIND] if self.kinds else [])}
        return frozenset({*self.signal, *([self.per] if self.per else []), *about} - {LENGTH})

    def passes(self) -> pl.Expr:
        """True for rows that stay; over the columns that ``column`` names."""
        value = self.value()
        match self.equals:
            case None:
                parts = [value >= self.least] if self.least is not None else []
                fits = pl.all_horizontal(*parts, *([value <= self.most] if self.most is not None else []))
            case bool():
                fits = value == self.equals
            case _:
                fits = value.is_in(list(self.equals))
        return fits.fill_null(self.unknown == KEEP) | ~self._looked_at()

    def value(self) -> pl.Expr:
        """What is compared; null where it is not known."""
        total = pl.col(column(self.signal[0]))
        for name in self.signal[1:]:
            total = total + pl.col(column(name))
        if self.per is None:
            return total
        whole = pl.col(column(self.per))
        return pl.when(whole != 0).then(total / whole)

    @property
    def measured(self) -> str:
        """What is compared, in words."""
        named = " + ".join(self.signal)
        if not self.per:
            return named
        return f"({named}) / {self.per}" if len(self.signal) > 1 else f"{named} / {self.per}"

    @property
    def wanted(self) -> str:
        """What it must be, in words."""
        match self.equals:
            case None:
                limits = {"at least": self.least, "at most": self.most}
                return " and ".join(f"{word} {limit:g}" for word, limit in limits.items() if limit is not None)
            case bool():
                return str(self.equals).lower()
            case _:
                return " or ".join(self.equals)

    @property
    def meaning(self) -> str:
        """Which files it leaves out, in words."""
        about = [f"in {' or '.join(self.languages)}"] if self.languages else []
        about += [f"not in {' or '.join(self.not_languages)}"] if self.not_languages else []
        about += [f"of {' or '.join(self.kinds)}"] if self.kinds else []
        unknown = " or not known" * (self.unknown == DROP)
        return f"those{''.join(f' {one},' for one in about)} whose {self.measured} is not {self.wanted}{unknown}"

    def evidence(self) -> pl.Expr:
        """What a drop says: the signal, its value, and what would have stayed."""
        wanted = self.wanted if self.equals is None else f"wanted {self.wanted}"
        return pl.format(f"{self.measured} is {{}}, {wanted}", self.value().cast(pl.String).fill_null("unknown"))

    def _looked_at(self) -> pl.Expr:
        chosen = [pl.lit(True)]
        if self.languages:
            chosen.append(pl.col(column(LANGUAGE)).is_in(list(self.languages)))
        if self.not_languages:
            chosen.append(~pl.col(column(LANGUAGE)).is_in(list(self.not_languages)).fill_null(False))
        if self.kinds:
            chosen.append(pl.col(column(KIND)).is_in(list(self.kinds)))
        return pl.all_horizontal(one.fill_null(False) for one in chosen)


def column(signal: str) -> str:
    """The column of the candidates that holds a signal."""
    return "length" if signal == LENGTH else signal


def _rules(value: Any, where: str) -> tuple[Rule, ...]:
    if not isinstance(value, list):
        raise UsageError(f"{where} must be a list of rules, each with an id, a signal and what must be true of it; it may be []")
    rules = [strict.read(Rule, item, f"{where} {at}") for at, item in enumerate(value, 1)]
    seen: set[str] = set()
    for rule in rules:
        limits = [one for one in (rule.least, rule.most, rule.equals) if one is not None]
        if not limits or (rule.equals is not None and len(limits) > 1):
            raise UsageError(f"{where}: rule {rule.id!r} needs least or most or both, or else equals")
        if rule.id in seen:
            raise UsageError(f"{where}: two rules are called {rule.id!r}")
        seen.add(rule.id)
    return tuple(rules)


@dataclass(frozen=True)
class FilterSet:
    """One set.

    Attributes:
        name: a slug, the name of the YAML file.
        version: whole number that its author raises with every change of meaning.
        description: what it is for, and where it is from.
        rules: all of them must pass; a file is left out by the first that it fails.
    """

    name: str = strict.rule(strict.slug)
    version: int = strict.rule(strict.whole(1, 1 << 30))
    description: str = strict.rule(strict.text)
    rules: tuple[Rule, ...] = strict.rule(_rules)

    @property
    def key(self) -> str:
        """What a fingerprint says of it: name, version, and 12 hex digits over its rules and the code that applies them."""
        return f"{self.name}@{self.version}-{digest([asdict(self), VERSION])[:12]}"

    @property
    def signals(self) -> frozenset[str]:
        """All that its rules read, ``content.length`` aside."""
        return frozenset().union(*(rule.signals for rule in self.rules))

    def named(self, rule: Rule) -> str:
        """How a drop names a rule of it."""
        return f"{self.name}@{self.version}:{rule.id}"


def read_filter_set(path: Path, signals: Mapping[str, pa.DataType]) -> FilterSet:
    """Read one file.

    Args:
        path: of the YAML file.
        signals: those that there are (``known_signals``).

    Raises:
        UsageError: it is no filter set; the message says where and what was meant.
    """
    found = strict.read_named(FilterSet, strict.source_of(path, "filter set"), path)
    for rule in found.rules:
        for name in sorted(rule.signals):
            if name not in signals:
                raise UsageError(f"{path}: rule {rule.id!r} reads {name!r}; {strict.nearest(name, [*signals, LENGTH])}")
        for name in (*rule.signal, *([rule.per] if rule.per else [])):
            kind, wanted = signals.get(name, pa.int64()), _wanted(rule)
            if not any(is_one(kind) for is_one in wanted):
                raise UsageError(f"{path}: rule {rule.id!r} compares {name}, which is {kind}, with something else")
    return found


def _wanted(rule: Rule) -> tuple[Any, ...]:
    match rule.equals:
        case None:
            return (pa.types.is_integer, pa.types.is_floating)
        case bool():
            return (pa.types.is_boolean,)
        case _:
            return (pa.types.is_string,)


def known_signals(settings: Settings) -> dict[str, pa.DataType]:
    """Every signal that a rule may read, with its type: of annotators that answer for every file, switched on or not."""
    return {
        f"{one.name}.{field.name}": field.type
        for one in _annotators(settings).values()
        if one.input != "tree" and one.names is None
        for field in one.fields
    }


def _annotators(settings: Settings) -> dict[str, Annotator]:
    return discover("codecommons.annotate.annotators", "ANNOTATOR", Annotator, settings.plugins)


def filter_sets(settings: Settings) -> dict[str, Path]:
    """Files of all sets, ours and the user's (``$CODECOMMONS_HOME/filters/*.yaml``), by name.

    Raises:
        UsageError: a user's set has the name of one of ours.
    """
    found, taken = strict.files_of(Path(__file__).with_name("filter_sets"), settings.home / "filters", "filter set")
    for why in taken.values():
        raise UsageError(why)
    return found


def chosen(settings: Settings, names: Iterable[str], where: str) -> tuple[FilterSet, ...]:
    """The sets of these names, in order.

    Args:
        settings: the user's.
        names: of sets.
        where: how an error names who asks.

    Raises:
        UsageError: there is no such set, it can't be read, or it reads an annotator that is switched off.
    """
    if not (wanted := tuple(names)):
        return ()
    files, signals, running = filter_sets(settings), known_signals(settings), current(settings)
    found = []
    for name in wanted:
        if name not in files:
            raise UsageError(f"{where}: filters has {name!r}, which is no filter set; {strict.nearest(name, files)}")
        one = read_filter_set(files[name], signals)
        for signal in sorted(one.signals):
            annotator = signal.partition(".")[0]
            if annotator not in running:
                raise UsageError(
                    f"{where}: filters: {name} reads {signal}, and the annotator {annotator} is switched off; let "
                    "CODECOMMONS_ANNOTATORS name it, and materialize enriched_context again"
                )
        found.append(one)
    return tuple(found)
