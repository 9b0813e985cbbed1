# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Vulnerabilities as OSV tells them: ``osv:all.zip``, a folder of records, or JSON lines, by path or URI.

``?modified=2026-01-31`` takes only what was modified on that day (UTC). A record may stand under a key ``osv`` of its line. It is
kept whole, but for the credits: they name people and go into a column that no view shows. Which commits and versions it
affects is read by a later stage.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson
from packageurl import PackageURL

from codecommons import strict
from codecommons.archive import fetching
from codecommons.archive.feeds import Feed, moment, typed
from codecommons.errors import ItemError, UsageError
from codecommons.settings import Settings

# OSV's ecosystems and purl's types; where a namespace stands behind the type, it goes before the name.
_PURL_TYPES = {
    "Alpine": "apk/alpine",
    "Bitnami": "bitnami",
    "Chainguard": "apk/chainguard",
    "ConanCenter": "conan",
    "CRAN": "cran",
    "crates.io": "cargo",
    "Debian": "deb/debian",
    "Go": "golang",
    "Hackage": "hackage",
    "Hex": "hex",
    "Maven": "maven",
    "npm": "npm",
    "NuGet": "nuget",
    "OSS-Fuzz": "generic",
    "Packagist": "composer",
    "Pub": "pub",
    "PyPI": "pypi",
    "RubyGems": "gem",
    "SwiftURL": "swift",
    "Ubuntu": "deb/ubuntu",
    "Wolfi": "apk/wolfi",
}


class Osv(Feed):
    """Files of OSV records."""

    name = "osv"
    tables = ("osv_record",)
    changes = True

    def parse(self, text: str) -> str:
        """A path or URI, and maybe the day of modification."""
        where, mark, query = text.partition("?")
        place = fetching.place(where)
        if not mark:
            return place
        given = dict(parse_qsl(query, keep_blank_values=True))
        if set(given) != {"modified"}:
            wrong = next(iter(sorted(set(given) - {"modified"})), query)
            raise UsageError(f"osv:{text}: {wrong!r} can't be asked for; write osv:all.zip?modified=2026-01-31")
        return f"{place}?modified={strict.day(given['modified'], f'osv:{text}: modified')}"

    def is_local(self, text: str) -> bool:
        """See ``Source.is_local``."""
        return fetching.is_local(text)

    def place(self, item: str, settings: Settings) -> str:
        """See ``Feed.place``."""
        return item.partition("?modified=")[0]

    def row(self, item: str, record: dict[str, Any], raw: bytes) -> tuple[Any, ...]:
        """See ``Feed.row``."""
        inner = record.get("osv")
        said = inner if isinstance(inner, dict) and "id" not in record else record
        identifier = said.get("id")
        if not isinstance(identifier, str) or not identifier:
            raise ItemError("no-id", "it has no id, as every record of OSV has")
        modified = moment(said.get("modified"), "modified")
        if modified is None:
            raise ItemError("wrong-type", "modified is missing, which every record of OSV has")
        aliases = typed(said.get("aliases"), list, "aliases") or []
        affected = typed(said.get("affected"), list, "affected") or []
        credits = said.get("credits")
        if said is not record or credits is not None:
            try:
                raw = orjson.dumps({name: value for name, value in said.items() if name != "credits"})
            except orjson.JSONEncodeError:
                raise ItemError("not-json", "it is nested too deeply") from None
        return (
            identifier,
            modified,
            moment(said.get("published"), "published"),
            moment(said.get("withdrawn"), "withdrawn"),
            [typed(alias, str, "an alias") for alias in aliases],
            list(dict.fromkeys(filter(None, map(purl, affected)))),
            raw.decode(),
            orjson.dumps(credits).decode() if credits is not None else None,
        )

    def wanted(self, item: str, values: tuple[Any, ...]) -> bool:
        """Whether the record was modified on the day that the item asks for."""
        day = item.partition("?modified=")[2]
        return not day or values[1].date().isoformat() == day


def purl(affected: Any) -> str | None:
    """The package URL of an entry of ``affected``: as given, or made of ecosystem and name; None where that can't be told."""
    entry = typed(affected, dict, "an entry of affected") or {}
    package = typed(entry.get("package"), dict, "package") or {}
    given = typed(package.get("purl"), str, "purl")
    if given:
        return str(given)
    ecosystem, name = (typed(package.get(key), str, key) or "" for key in ("ecosystem", "name"))
    kind, _, namespace = _PURL_TYPES.get(ecosystem.partition(":")[0], "").partition("/")
    if kind == "maven":
        namespace, _, name = name.rpartition(":")
    elif not namespace:
        namespace, _, name = name.rpartition("/")
    return PackageURL(kind, namespace or None, name).to_string() if kind and name else None


SOURCE = Osv()
