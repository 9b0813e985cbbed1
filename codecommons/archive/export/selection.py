# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is taken of an export, written as a URI with a query: ``s3://bucket/export?origin=https://example.org/*&since=2024-01-01``."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote

from codecommons.archive.fetching import check_bucket, local_path, refuse_credentials
from codecommons.errors import UsageError
from codecommons.strict import nearest
from codecommons.swhid import Swhid

Visits = Literal["latest-full", "all", "day"]

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
# What may stand in a value as it is; it reads well, and ``&``, ``%`` and blanks are what must not.
_SAFE = "/:*?@,;=+~!$'()[]|"


@dataclass(frozen=True)
class Selection:
    """A part of an export.

    Attributes:
        uri: folder of the export, or of its ``orc`` or ``parquet`` tables: absolute path or ``s3://bucket/prefix``.
        origin: patterns of origin URLs, in which ``*`` stands for any text; none means all.
        origins: a file of origin URLs, one a line, instead of patterns.
        swhids: a file of SWHIDs, one a line: these objects and what is below them, whatever visit saw them.
        list: hex sha256 of that file, so that the item names what was in it; written by ``parse_selection``.
        since: first day of the window of visits, UTC.
        until: the day after the last.
        visits: the ``latest-full`` of each origin in the window; ``all`` in the window; or those of the slice's ``day``.
        branch: follow the ``head`` of a snapshot, or ``all`` its branches.
        history: follow parents of revisions, too.
        contents: where the objects by sha1 are, ``none`` for not at all, or None for the place next to the export.
        verify: whether identifiers can be true; they aren't in an export that was made up, such as an example.
        endpoint: of the S3 server, when it is not that of ``AWS_ENDPOINT_URL``.
        anonymous: ask S3 without credentials although there are some.
    """

    uri: str
    origin: tuple[str, ...] = ()
    origins: str | None = None
    swhids: str | None = None
    list: str | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    visits: Visits = "latest-full"
    branch: Literal["head", "all"] = "head"
    history: bool = False
    contents: str | None = None
    verify: bool = True
    endpoint: str | None = None
    anonymous: bool = False

    def __str__(self) -> str:
        """The canonical text, which ``read_selection`` reads: only what differs from the defaults, by name."""
        words = []
        for name in sorted(_READERS):
            value, default = getattr(self, name), getattr(type(self), name, None)
            if value != default:
                values = value if isinstance(value, tuple) else (value,)
                words += [f"{name}={quote(_text(one), safe=_SAFE)}" for one in values]
        return "?".join([self.uri, "&".join(words)]) if words else self.uri


def parse_selection(text: str) -> Selection:
    """Read what a person wrote after ``swh:``; lists are read, and their hash becomes part of the selection.

    Raises:
        UsageError: something in it is unknown, contradicts something else, or can't be read; the message says what was meant.
    """
    selection = read_selection(text)
    if not _SCHEME.match(selection.uri):
        path = local_path(selection.uri)
        if not path.is_dir():
            raise UsageError(f"there is no folder {path}; name that of an export, or a bucket such as s3://bucket/prefix")
        selection = _with(selection, uri=str(path))
    name = "origins" if selection.origins else "swhids"
    file = selection.origins or selection.swhids
    if file:
        path = local_path(file)
        data = read_list(path)
        if name == "swhids":
            parse_swhids(data, str(path))
        else:
            parse_origins(data, str(path))
        found = hashlib.sha256(data).hexdigest()
        if selection.list not in (None, found):
            raise UsageError(f"{path} has sha256 {found}, not {selection.list}; leave list= out to take it as it is now")
        selection = _with(selection, **{name: str(path), "list": found})
    if selection.contents not in (None, "none") and not _SCHEME.match(selection.contents or ""):
        path = local_path(selection.contents or "")
        if not path.is_dir():
            raise UsageError(f"contents={selection.contents}: there is no folder {path}")
        selection = _with(selection, contents=str(path))
    return selection


def read_selection(text: str) -> Selection:
    """Read the text of a selection without looking at any file.

    Raises:
        UsageError: as ``parse_selection``.
    """
    uri, _, query = text.partition("?")
    refuse_credentials(uri, "swh")
    if not uri or (_SCHEME.match(uri) and not uri.startswith(("s3://", "file:///"))):
        raise UsageError(f"swh:{uri} names no export; write swh:s3://bucket/graph/2024-05-16?origin=https://github.com/owner/*")
    check_bucket(uri)
    found: dict[str, Any] = {}
    for word in query.split("&") if query else []:
        name, equals, value = word.partition("=")
        if name not in _READERS:
            raise UsageError(f"swh:{uri}: unknown parameter {name!r}; {nearest(name, _READERS)}")
        value = unquote(value, errors="strict")
        if not equals or not value:
            raise UsageError(f"swh:{uri}: {name} needs a value, as in {name}={_EXAMPLES[name]}")
        read = _READERS[name](name, value)
        if name == "origin":
            found[name] = (*found.get(name, ()), read)
        elif name in found:
            raise UsageError(f"swh:{uri}: {name} is written twice")
        else:
            found[name] = read
    if "origin" in found:
        found["origin"] = tuple(sorted(set(found["origin"])))
    selection = Selection(uri.removeprefix("file://").rstrip("/") or "/", **found)
    _refuse_contradictions(selection)
    return selection


def _refuse_contradictions(one: Selection) -> None:
    chosen = [name for name in ("origin", "origins", "swhids") if getattr(one, name)]
    if len(chosen) > 1:
        raise UsageError(f"swh:{one.uri}: {' and '.join(chosen)} exclude each other")
    if one.list and not (one.origins or one.swhids):
        raise UsageError(f"swh:{one.uri}: list is the sha256 of a file of origins or swhids, and neither is given")
    if one.since and one.until and one.since >= one.until:
        raise UsageError(f"swh:{one.uri}: no day is from {one.since} on and before {one.until}")
    if one.visits == "day" and (one.since or one.until):
        raise UsageError(f"swh:{one.uri}: visits=day takes those of the slice's day; leave since and until out")
    if not one.verify and one.contents not in (None, "none"):
        raise UsageError(f"swh:{one.uri}: verify=no is for identifiers that are made up, and no contents have these")


def read_list(path: Path) -> bytes:
    """The bytes of a file of origins or SWHIDs.

    Raises:
        UsageError: it can't be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"the list {path} can't be read: {error.strerror or error}") from error


def parse_origins(data: bytes, where: str) -> list[str]:
    """URLs, one a line, each once; ``#`` at the start of a line makes it a comment."""
    found = _lines(data, where)
    if not found:
        raise UsageError(f"{where} lists no origin")
    return found


def parse_swhids(data: bytes, where: str) -> list[Swhid]:
    """SWHIDs, one a line; qualifiers are read and have no effect.

    Raises:
        UsageError: a line is none; it is named.
    """
    found = []
    for line in _lines(data, where):
        try:
            found.append(Swhid.parse(line))
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from None
    if not found:
        raise UsageError(f"{where} lists no SWHID")
    return found


def _lines(data: bytes, where: str) -> list[str]:
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError:
        raise UsageError(f"{where} is not UTF-8 text") from None
    return list(dict.fromkeys(line.strip() for line in lines if line.strip() and not line.startswith("#")))


def _with(selection: Selection, **changes: Any) -> Selection:
    return Selection(**{**vars(selection), **changes})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _word(*known: str) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in known:
            raise UsageError(f"{name} is {value!r}; {nearest(value, known)}")
        return value

    return read


def _plain(name: str, value: str) -> str:
    return value


def _yes_or_no(name: str, value: str) -> bool:
    return _word("no", "yes")(name, value) == "yes"


def _day(name: str, value: str) -> dt.date:
    try:
        if _DAY.fullmatch(value):
            return dt.date.fromisoformat(value)
    except ValueError:
        pass
    raise UsageError(f"{name} is {value!r}; it must be a day such as 2024-01-31")


def _hash(name: str, value: str) -> str:
    if not _SHA256.fullmatch(value):
        raise UsageError(f"{name} is {value!r}; it must be the hex sha256 of the file")
    return value


def _url(name: str, value: str) -> str:
    return refuse_credentials(value, f"swh: {name}")


def _place(name: str, value: str) -> str:
    refuse_credentials(value, f"swh: {name}")
    if _SCHEME.match(value) and not value.startswith(("s3://", "http://", "https://", "file:///")):
        raise UsageError(f"{name} is {value!r}; it must be s3://bucket/prefix, an http(s) URL, a folder, or none")
    check_bucket(value)
    return value.removeprefix("file://").rstrip("/")


_READERS: dict[str, Callable[[str, str], Any]] = {
    "origin": _plain,
    "origins": _plain,
    "swhids": _plain,
    "list": _hash,
    "since": _day,
    "until": _day,
    "visits": _word("latest-full", "all", "day"),
    "branch": _word("head", "all"),
    "history": _yes_or_no,
    "contents": _place,
    "verify": _yes_or_no,
    "endpoint": _url,
    "anonymous": _yes_or_no,
}
_EXAMPLES = {
    "origin": "https://github.com/owner/*",
    "origins": "origins.txt",
    "swhids": "swhids.txt",
    "list": "(sha256 of the file)",
    "since": "2024-01-01",
    "until": "2024-02-01",
    "visits": "latest-full",
    "branch": "head",
    "history": "yes",
    "contents": "none",
    "verify": "no",
    "endpoint": "https://s3.example.org",
    "anonymous": "yes",
}
