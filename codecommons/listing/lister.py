# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a lister is: it asks one kind of place what it has, page by page. Each is a module in ``listing/listers``."""

from __future__ import annotations

import datetime as dt
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from codecommons import strict
from codecommons.errors import CodeCommonsError, UsageError
from codecommons.plugins import discover, names
from codecommons.settings import Settings

HOURS = {"day": 24, "week": 24 * 7}


class ListingError(CodeCommonsError):
    """A place can't be listed, or not to its end; what was listed before stays, and the next listing goes on from there."""


def hours(value: Any, where: str) -> int:
    """How often: ``day``, ``week``, or ``hours: n``."""
    match value:
        case str() if value in HOURS:
            return HOURS[value]
        case {"hours": int(number)} if len(value) == 1 and 1 <= number <= 24 * 366 and not isinstance(number, bool):
            return number
    raise UsageError(f"{where} is {value!r}; it must be day, week, or {{hours: 6}}")


def variable(value: Any, where: str) -> str:
    """The name of an environment variable."""
    name = strict.text(value, where)
    if not name.isidentifier():
        raise UsageError(f"{where} is not the name of an environment variable; write the name, never the token itself")
    return name


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every entry of ``sources.yaml`` says; a lister adds its own by a subclass.

    Attributes:
        lister: which lister, by name.
        every: hours between two listings.
        max_items: items that become input on one day, at most; the rest waits for the next day.
        max_pages: pages that one listing asks for, at most; the next one goes on from there.
        own_network: whether what others have written may lead to this machine or into its own network, beside the servers that
            the entry itself names.
    """

    lister: str = strict.rule(strict.text)
    every: int = strict.rule(hours, 24)
    max_items: int = strict.rule(strict.whole(1, 10_000_000), 1000)
    max_pages: int = strict.rule(strict.whole(1, 1_000_000), 1000)
    own_network: bool = strict.rule(strict.flag, False)


AnyOptions = TypeVar("AnyOptions", bound=Options)


@dataclass(frozen=True)
class Listed:
    """One thing that a place has.

    Attributes:
        request: what to ingest, as ``archive.parse_request`` reads it.
        last_update: when it last changed, as the place says (UTC); None where it doesn't say.
        due: the day it belongs to; None for what is what we see on the day we look.
        problem: why it can't be ingested; it is recorded with that.
        own: whether it was named by the owner of this machine (in ``sources.yaml``, a list or a folder of theirs), so that it
            may be something of this machine. What a server or anybody else says is not: of it only packages and what is
            behind http(s) is taken.
    """

    request: str
    last_update: dt.datetime | None = None
    due: str | None = None
    problem: str | None = None
    own: bool = False


@dataclass(frozen=True)
class Page:
    """Some of what a place has, and where to go on after it (JSON values)."""

    entries: tuple[Listed, ...]
    cursor: Mapping[str, Any]


@dataclass(frozen=True)
class Context:
    """What a listing happens in.

    Attributes:
        day: the day that is listed.
        today: whether that day is not over.
        settings: of the process.
        wait: how to wait some seconds.
    """

    day: str
    today: bool
    settings: Settings
    wait: Callable[[float], None] = time.sleep


class Lister(ABC, Generic[AnyOptions]):
    """Asks one kind of place; one module defines one as ``LISTER``."""

    options: type[AnyOptions]
    # Whether its items belong to days of their own, so that a day that is over can be listed truthfully.
    dated: bool = False

    @abstractmethod
    def pages(self, options: AnyOptions, cursor: Mapping[str, Any], context: Context) -> Iterator[Page]:
        """List what is new or may have changed since the cursor, which is empty the first time.

        Every page says where to go on after it; a listing that ends there goes on there, and one that ended goes on with what
        is new. What is listed twice costs nothing.

        Raises:
            ListingError: the place can't be asked, or what it answers makes no sense.
        """

    def appeared(self, options: AnyOptions, settings: Settings) -> list[str]:
        """Names of what appears once in a while, where looking is so cheap that a sensor may do it every few minutes.

        Raises:
            ListingError: the place can't be asked.
        """
        return []


def lister_names(settings: Settings) -> list[str]:
    """The names of all listers; none of them is imported."""
    return names("codecommons.listing.listers", settings.plugins)


def listers(settings: Settings) -> dict[str, Lister]:
    """Every lister by name: ours, and those of the users' plug-in folders."""
    return discover("codecommons.listing.listers", "LISTER", Lister, settings.plugins)  # type: ignore[type-abstract]
