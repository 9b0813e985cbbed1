# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""SWHIDs as text: read, check, write. Source: SWHID specification 1.2 (ISO/IEC 18670), chapters 4 and 6.

We are as strict as the specification, where Software Heritage's own swh-model is more lenient:

- hex is lower case, the version is 1, and nothing but the five core types is a SWHID (``ori`` and ``emd`` never leave
  Software Heritage);
- a qualifier is one of ``origin, visit, anchor, path, lines, bytes`` and occurs once; any order is read, the canonical
  one is written;
- ``visit`` (a snapshot) needs ``origin``; ``path`` is absolute; ``anchor`` (no content) needs ``path``;
- ``lines`` (1-based) and ``bytes`` (0-based), inclusive, go on contents only, one of the two, with first not after last;
- in ``origin`` only ``;`` and ``%`` are escaped, so a URL comes back as it went in.

``path`` on a content is allowed: the sentence in 6.3.4 that says otherwise contradicts the specification's own examples.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

from codecommons.errors import UsageError

KINDS = {"cnt": "content", "dir": "directory", "rev": "revision", "rel": "release", "snp": "snapshot"}
QUALIFIERS = ("origin", "visit", "anchor", "path", "lines", "bytes")

_CORE = re.compile(r"swh:1:(cnt|dir|rev|rel|snp):([0-9a-f]{40})")
_RANGE = re.compile(r"(0|[1-9][0-9]*)(?:-(0|[1-9][0-9]*))?")
_PATH_SAFE = "/:@!$&'()*+,="  # RFC 3987 ipath-absolute without ';'; everything else is percent-encoded
# Paths that need no escape.
PLAIN_PATH = "[A-Za-z0-9_.~/:@!$&'()*+,=-]*"
_PLAIN_PATH = re.compile(PLAIN_PATH.encode())


def swhid_text(kind: str, identifier: bytes) -> str:
    """``swh:1:<kind>:<hex>`` from a kind (cnt, dir, rev, rel, snp) and 20 raw bytes.

    Raises:
        ValueError: there is no such kind, or the identifier is not 20 bytes.
    """
    if kind not in KINDS or len(identifier) != 20:
        raise ValueError(f"no SWHID of kind {kind!r} with {len(identifier)} bytes")
    return f"swh:1:{kind}:{identifier.hex()}"


class Span(NamedTuple):
    """An inclusive range of lines (from 1) or bytes (from 0); ``last`` is ``first`` when only one is meant."""

    first: int
    last: int

    def __str__(self) -> str:
        """``first-last``, or ``first`` alone."""
        return f"{self.first}-{self.last}" if self.last != self.first else str(self.first)


@dataclass(frozen=True)
class Swhid:
    """One SWHID with its qualifiers.

    Attributes:
        kind: cnt, dir, rev, rel or snp.
        identifier: 20 raw bytes.
        origin: URL the object was found at.
        visit: core SWHID of the snapshot of the visit.
        anchor: core SWHID of the object that ``path`` starts from.
        path: absolute path, bytes.
        lines: inclusive line range, from 1.
        bytes: inclusive byte range, from 0.
    """

    kind: str
    identifier: bytes
    origin: str | None = None
    visit: str | None = None
    anchor: str | None = None
    path: bytes | None = None
    lines: Span | None = None
    bytes: Span | None = None

    @property
    def core(self) -> str:
        """The SWHID without qualifiers."""
        return swhid_text(self.kind, self.identifier)

    def __str__(self) -> str:
        """The canonical text: qualifiers in the specification's order."""
        text = swhid_text(self.kind, self.identifier)
        if self.origin is not None:
            text += f";origin={_escaped_url(self.origin)}"
        if self.visit is not None:
            text += f";visit={self.visit}"
        if self.anchor is not None:
            text += f";anchor={self.anchor}"
        if self.path is not None:
            text += f";path={escaped_path(self.path)}"
        if self.lines is not None:
            text += f";lines={self.lines}"
        if self.bytes is not None:
            text += f";bytes={self.bytes}"
        return text

    @classmethod
    def parse(cls, text: str) -> Swhid:
        """Read a SWHID, with or without qualifiers.

        Raises:
            UsageError: it isn't one; the message says which part and why.
        """
        core, *parts = text.split(";")
        match = _CORE.fullmatch(core)
        if match is None:
            raise _malformed(text, f"{core!r} is not swh:1:<cnt|dir|rev|rel|snp>:<40 lower-case hex digits>")
        values: dict[str, str] = {}
        for part in parts:
            name, equals, value = part.partition("=")
            if name not in QUALIFIERS or not equals or not value:
                raise _malformed(text, f"{part!r} is no qualifier; known ones are {', '.join(QUALIFIERS)}, each with a value")
            if name in values:
                raise _malformed(text, f"the qualifier {name!r} occurs twice")
            values[name] = value
        kind = match[1]
        _check_qualifiers(text, kind, values)
        return cls(
            kind=kind,
            identifier=bytes.fromhex(match[2]),
            origin=_unescaped_url(values["origin"]) if "origin" in values else None,
            visit=values.get("visit"),
            anchor=values.get("anchor"),
            path=unquote_to_bytes(values["path"]) if "path" in values else None,
            lines=_span(text, "lines", values["lines"], 1) if "lines" in values else None,
            bytes=_span(text, "bytes", values["bytes"], 0) if "bytes" in values else None,
        )


def _check_qualifiers(text: str, kind: str, values: dict[str, str]) -> None:
    for name, kinds in (("visit", ("snp",)), ("anchor", ("dir", "rev", "rel", "snp"))):
        match = _CORE.fullmatch(values.get(name, f"swh:1:{kinds[0]}:{'0' * 40}"))
        if match is None or match[1] not in kinds:
            raise _malformed(text, f"{name}={values[name]} must be a core SWHID of kind {' or '.join(kinds)}")
    for name, needed in (("visit", "origin"), ("anchor", "path")):
        if name in values and needed not in values:
            raise _malformed(text, f"the qualifier {name!r} needs {needed!r}")
    if "path" in values and not values["path"].startswith("/"):
        raise _malformed(text, f"path={values['path']} must start with '/'")
    if "lines" in values and "bytes" in values:
        raise _malformed(text, "'lines' and 'bytes' exclude each other")
    if kind != "cnt" and values.keys() & {"lines", "bytes"}:
        raise _malformed(text, f"'lines' and 'bytes' go on a content, not on a {KINDS[kind]}")


def _span(text: str, name: str, value: str, lowest: int) -> Span:
    match = _RANGE.fullmatch(value)
    span = Span(int(match[1]), int(match[2] or match[1])) if match else None
    if span is None or not lowest <= span.first <= span.last:
        raise _malformed(text, f"{name}={value} must be N or N-M with {lowest} <= N <= M")
    return span


def escaped_path(path: bytes) -> str:
    """A path as the qualifier has it."""
    # Most paths need no escape, and quoting takes ten times as long: a shard has as many as it has rows.
    return path.decode("ascii") if _PLAIN_PATH.fullmatch(path) else quote_from_bytes(path, safe=_PATH_SAFE)


def _escaped_url(url: str) -> str:
    return url.replace("%", "%25").replace(";", "%3B")


def _unescaped_url(value: str) -> str:
    return re.sub("%3B", ";", value, flags=re.IGNORECASE).replace("%25", "%")


def _malformed(text: str, why: str) -> UsageError:
    return UsageError(f"{text!r} is not a SWHID: {why}")
