# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Source packages of Debian and its kin, from ``Sources`` indexes: paths or URLs, plain or compressed.

Each version is pinned by the sha256 of its ``.dsc``, as the index has it. The packages themselves come through apt, whose
sources have to include what is listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from codecommons import strict
from codecommons.listing.lister import Context, Listed, Lister, Options, Page
from codecommons.listing.places import Found, lines, opened, place

_AT_ONCE = 2500
_FIELDS = (b"package", b"version", b"checksums-sha256")


def _places(value: Any, where: str) -> tuple[str, ...]:
    return tuple(place(one, where) for one in strict.texts(value, where))


@dataclass(frozen=True, kw_only=True)
class DebianOptions(Options):
    """The indexes: paths or URLs of ``Sources`` files."""

    index: tuple[str, ...] = strict.rule(_places)


class Debian(Lister[DebianOptions]):
    """Versions of source packages, by the last change of the index they are in."""

    options = DebianOptions

    def pages(self, options: DebianOptions, cursor: Mapping[str, Any], context: Context) -> Iterator[Page]:
        """See ``Lister.pages``. Cursor: ``marks`` of the indexes that were read to their end."""
        marks = {name: mark for name, mark in cursor.get("marks", {}).items() if name in options.index}
        for name in options.index:
            with opened(name, marks.get(name, {}), context) as found:
                if found is None:
                    continue
                entries: list[Listed] = []
                for package in _packages(found, name, context):
                    entries.append(Listed(package, found.modified))
                    if len(entries) == _AT_ONCE:
                        yield Page(tuple(entries), {"marks": dict(marks)})
                        entries = []
                marks[name] = dict(found.mark)
            yield Page(tuple(entries), {"marks": dict(marks)})


LISTER = Debian()


def _packages(found: Found, name: str, context: Context) -> Iterator[str]:
    """One request a paragraph."""
    fields: dict[bytes, bytes] = {}
    field = b""
    for line in lines(found, name, context):
        if not line.strip():
            yield from _request(fields)
            fields, field = {}, b""
        elif line[:1] in b" \t":
            if field == b"checksums-sha256" and line.endswith(b".dsc"):
                fields[field] = line.split()[0]
        else:
            field, _, value = line.partition(b":")
            field = field.lower()
            if field in _FIELDS:
                fields[field] = value.strip()
    yield from _request(fields)


def _request(fields: Mapping[bytes, bytes]) -> Iterator[str]:
    if b"package" in fields and b"version" in fields:
        package, version, sha256 = (fields.get(name, b"").decode(errors="replace") for name in _FIELDS)
        yield f"deb:{package}={version}" + (f" sha256:{sha256}" if sha256 else "")
