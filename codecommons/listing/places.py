# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Lists that stand in one file, on this machine or behind a URL, compressed or not, and may be the same as last time."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codecommons.archive.cache import sha256_of
from codecommons.archive.fetching import refuse_credentials
from codecommons.archive.unpack import unpacked
from codecommons.errors import ItemError, UsageError
from codecommons.listing.lister import Context, ListingError
from codecommons.listing.web import Web, http_date

_MOST_BYTES = 512 << 20
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Found:
    """A list that is there.

    Attributes:
        path: a local copy, or the file itself.
        modified: when it changed, as a server says.
        mark: what to hand in next time, so that an unchanged list is not read again (JSON values).
    """

    path: Path
    modified: dt.datetime | None
    mark: Mapping[str, str]


def place(value: Any, where: str) -> str:
    """A path of this machine or an http(s) URL without credentials.

    Raises:
        UsageError: it is neither.
    """
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise UsageError(f"{where} is {value!r}; it must be a path or a URL")
    refuse_credentials(value, where, "name a copy of the list, as none is read with a password")
    return value if is_url(value) else str(own_path(value, where))


def own_path(text: str, where: str) -> Path:
    """A path in which ``~`` is a home.

    Raises:
        UsageError: of nobody.
    """
    try:
        return Path(text).expanduser()
    except (RuntimeError, ValueError) as error:
        raise UsageError(f"{where} is {text!r}: {error}; write the path in full") from error


def is_url(text: str) -> bool:
    """Whether a place is behind a URL."""
    return text.startswith(("http://", "https://"))


@contextmanager
def opened(
    name: str, mark: Mapping[str, str], context: Context, headers: Mapping[str, str] | None = None
) -> Iterator[Found | None]:
    """Get a list; None when it is the one that ``mark`` was made of.

    Args:
        name: a path or a URL.
        mark: of the last time; empty the first time.
        context: how to wait.
        headers: to send to a server.

    Raises:
        ListingError: it can't be had.
    """
    if not is_url(name):
        path = Path(name)
        try:
            found = {"sha256": sha256_of(path)}
        except OSError as error:
            raise ListingError(f"{name} can't be read: {error.strerror}") from error
        yield None if found == mark else Found(path, None, found)
        return
    known = {"If-None-Match": mark.get("etag", ""), "If-Modified-Since": mark.get("last-modified", "")}
    # The file is read as it was sent: undoing a compression on the way would count against nothing.
    asked = {**(headers or {}), "Accept-Encoding": "identity", **{header: value for header, value in known.items() if value}}
    with Web(name, context.wait) as web, tempfile.NamedTemporaryFile(prefix="codecommons-") as file:
        answer = web.get(name, file, asked, _MOST_BYTES)
        file.flush()
        kept = {key: answer.headers[key] for key in ("etag", "last-modified") if key in answer.headers}
        if answer.status == 304:
            yield None
        else:
            yield Found(Path(file.name), http_date(answer.headers.get("last-modified")), kept)


def lines(found: Found, name: str, context: Context) -> Iterator[bytes]:
    """Lines of a list, without their ends.

    Raises:
        ListingError: it is damaged, or has a line of more than a megabyte.
    """
    rest = b""
    try:
        for chunk in unpacked(found.path, context.settings):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (line.rstrip(b"\r") for line in whole)
            if len(rest) > _LONGEST_LINE:
                raise ListingError(f"{name} has a line of more than a megabyte; is it a list?")
    except ItemError as error:
        raise ListingError(f"{name} can't be read: {error}") from error
    if rest:
        yield rest
