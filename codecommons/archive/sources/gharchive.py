# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""GH Archive: what happened on a forge in one hour: ``gharchive:2025-01-31-0``, or the file of an hour by its path or URI.

An hour is got from the folder or URL that ``CODECOMMONS_GHARCHIVE`` names. Since 2025-10-07 the forge leaves out what commits
and pull requests say; such events are there and not ``complete``. An event is kept whole in column ``event``, whichever layout
it has: people's logins, names and addresses are in it, so no view shows it. The second stage makes threads of
it (``annotate.forge``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from codecommons import strict
from codecommons.archive.feeds import Feed, FeedFile, LeftOut, moment, numbered_lines, typed
from codecommons.archive.fetching import is_local, name_of, place, refuse_credentials
from codecommons.archive.unpack import unpacked
from codecommons.errors import ItemError, UsageError
from codecommons.settings import Settings

_HOUR = re.compile(r"(\d{4}-\d\d-\d\d)-(0?\d|1\d|2[0-3])")
_FILE = re.compile(r"(\d{4}-\d\d-\d\d-(?:\d|1\d|2[0-3]))\.json(\.gz|\.zst)?")
# From the address of the forge's interface to the one that people and archives know.
_INTERFACE = re.compile(r"(https?://)api\.([^/]+)/repos/(.+)")


class GHArchive(Feed):
    """Hours of GH Archive. An hour never changes, so it is looked up once."""

    name = "gharchive"
    tables = ("gharchive_event",)
    at_once = 4

    def parse(self, text: str) -> str:
        """An hour, or where the file of one is."""
        if hour := _HOUR.fullmatch(text):
            return f"{strict.day(hour[1], f'the day of gharchive:{text}')}-{int(hour[2])}"
        if not _FILE.fullmatch(name_of(refuse_credentials(text, "gharchive"))):
            raise UsageError(f"gharchive:{text} is no hour; write gharchive:2025-01-31-0, or the path of a file of that name")
        return place(text)

    def is_local(self, text: str) -> bool:
        """See ``Source.is_local``; an hour is got from where the owner of this machine says."""
        return not _HOUR.fullmatch(text) and is_local(text)

    def place(self, item: str, settings: Settings) -> str:
        """See ``Feed.place``."""
        if not _HOUR.fullmatch(item):
            return item
        if not settings.gharchive:
            raise ItemError(
                "not-configured",
                f"nobody has said where GH Archive is; set CODECOMMONS_GHARCHIVE to the folder or URL that has {item}.json.gz",
            )
        return f"{settings.gharchive.rstrip('/')}/{item}.json.gz"

    def records(self, file: FeedFile, left_out: LeftOut) -> Iterator[tuple[int, bytes]]:
        """One event a line."""
        return numbered_lines(unpacked(file.path, file.settings), left_out)

    def row(self, item: str, record: dict[str, Any], raw: bytes) -> tuple[Any, ...]:
        """See ``Feed.row``."""
        identifier, kind = record.get("id"), record.get("type")
        if not identifier or not isinstance(identifier, (str, int)) or not isinstance(kind, str):
            raise ItemError("no-id", "it has no id and type, as events have since 2015")
        actor, repo, payload = (typed(record.get(name), dict, name) or {} for name in ("actor", "repo", "payload"))
        login = typed(actor.get("login"), str, "actor.login")
        repo_id = typed(repo.get("id"), int, "repo.id")
        if repo_id is not None and not -(1 << 63) <= repo_id < 1 << 63:
            raise ItemError("wrong-type", "repo.id is no whole number of 64 bits")
        url = typed(repo.get("url"), str, "repo.url")
        address = _INTERFACE.fullmatch(url) if url else None
        return (
            name_of(item).partition(".")[0],
            str(identifier),
            kind,
            hashlib.sha256(login.encode()).digest() if login is not None else None,
            repo_id,
            typed(repo.get("name"), str, "repo.name"),
            f"{address[1]}{address[2]}/{address[3]}" if address else None,
            moment(record.get("created_at"), "created_at"),
            typed(record.get("public"), bool, "public"),
            _is_complete(kind, payload),
            raw.decode(),
        )

    def key(self, values: tuple[Any, ...]) -> str:
        """The event's id."""
        return str(values[1])


def _is_complete(kind: str, payload: dict[str, Any]) -> bool:
    """Whether the payload has what the forge leaves out since October 2025: commits of a push, what a pull request says."""
    if kind == "PushEvent":
        return "commits" in payload
    pull_request = payload.get("pull_request")
    return not isinstance(pull_request, dict) or "title" in pull_request


SOURCE = GHArchive()
