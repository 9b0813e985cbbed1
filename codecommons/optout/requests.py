# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What people may ask to be left out, read strictly: a request is understood whole, or refused with one clear line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from codecommons import strict
from codecommons.errors import UsageError
from codecommons.swhid import Swhid

SCOPES = ("origin", "owner", "path", "content", "directory", "author")
REASONS = ("opt-out", "license", "personal-data", "secret", "illegal")
MAX_FILE_BYTES = 1 << 18
MAX_VALUES = 1000
MAX_CHARACTERS = 2048
MAX_WILDCARDS = 50
# Every empty file and every empty folder of the world.
EMPTY = {"swh:1:cnt:e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", "swh:1:dir:4b825dc642cb6eb9a060e54bf8d69288fbee4904"}
# Forges on which a name is the same however it is capitalised.
_CASELESS = ("github.com", "gitlab.com", "codeberg.org", "bitbucket.org")
_CASELESS_PURLS = ("pypi", "github", "gitlab", "bitbucket", "composer", "deb", "hex")
# What may stand in a part of a path as it is (RFC 3986), without @: purls have it escaped in names.
_PLAIN = "!$&'()*+,;=:"
_PORTS = {"https": 443, "http": 80, "ssh": 22, "git+ssh": 22, "git": 9418, "svn": 3690}
# How git calls a place behind ssh, too: git@forge.example:me/tool.
_SHORT = re.compile(r"[\w.-]+@([\w.-]+):/*")
# The forge of the issue form, whose lines name accounts and repositories without it.
FORM_FORGE = "https://github.com"


@dataclass(frozen=True)
class Request:
    """What is to be left out.

    Attributes:
        scope: one of ``SCOPES``.
        values: of the scope: origins; beginnings of origins that end in ``/``; patterns over paths; SWHIDs of contents or of
            directories; sha256 of an author's full name, hex.
        within: the origin, or beginning of origins, that patterns are about; None for other scopes.
        reason: one of ``REASONS``.
    """

    scope: str
    values: tuple[str, ...]
    within: str | None = None
    reason: str = "opt-out"

    def to_mapping(self) -> dict[str, Any]:
        """As the ledger holds it."""
        return {**asdict(self), "values": list(self.values)}

    @classmethod
    def from_mapping(cls, values: dict[str, Any]) -> Request:
        """From the ledger."""
        return cls(values["scope"], tuple(values["values"]), values["within"], values["reason"])


@dataclass(frozen=True)
class Submission:
    """Requests as somebody sent them, with what nobody but the operator may see.

    Attributes:
        requests: at least one.
        claimant: who asks, as they wrote it: name, contact, account, relationship, proof, notes.
    """

    requests: tuple[Request, ...]
    claimant: dict[str, str] = field(default_factory=dict)


def plain(value: Any, where: str) -> str:
    """Text of one line without anything that can't be seen.

    Raises:
        UsageError: it is too long, or holds control or direction characters.
    """
    found = strict.text(value, where)
    if len(found) > MAX_CHARACTERS:
        raise UsageError(f"{where} has {len(found)} characters; at most {MAX_CHARACTERS} are read")
    hidden = next((sign for sign in str(value) if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")), None)
    if hidden:
        raise UsageError(f"{where} holds the invisible character U+{ord(hidden):04X}; write it without")
    return found


def key_of(origin: str) -> str:
    """The same for every way of writing one origin.

    In a URL, and in what git takes for one: protocol, user, usual port, case and script of the host, repeated and final slashes,
    ``.git``. In a purl: its type's case, and of registries and forges that don't tell them apart the name's. In both: what is
    written as ``%41``.
    """
    if origin.startswith("pkg:"):
        kind, _, name = origin.removeprefix("pkg:").rstrip("/").partition("/")
        kind, name = kind.lower(), _spelt(name, kind.lower() in _CASELESS_PURLS)
        return f"pkg:{kind}/{re.sub(r'[-_.]+', '-', name) if kind == 'pypi' else name}"
    short = _SHORT.match(origin)
    parts = urlsplit(f"ssh://{short[1]}/{origin[short.end() :]}" if short else origin)
    host = parts.netloc.rpartition("@")[2].lower().removeprefix("www.")
    host = _ascii(re.sub(rf":(?:{_PORTS.get(parts.scheme, 0)})?$", "", host).rstrip("."))
    path = _spelt(re.sub(r"/+", "/", parts.path).rstrip("/"), host in _CASELESS)
    return f"{host}{path.removesuffix('.git')}"


def _spelt(path: str, caseless: bool) -> str:
    """A path with nothing escaped that need not be."""
    parts = [unquote(part, errors="surrogateescape") for part in path.split("/")]
    return "/".join(quote(part.lower() if caseless else part, _PLAIN, errors="surrogateescape") for part in parts)


def _ascii(host: str) -> str:
    """A host as it is asked for; one that no resolver would take stays as it is."""
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _origin(value: Any, where: str) -> str:
    text = _located(value, where)
    parts = urlsplit(text)
    if (parts.hostname or "").removeprefix("www.") in _CASELESS and len([part for part in parts.path.split("/") if part]) < 2:
        raise UsageError(
            f"{where} is {text!r}: that is an account; write {text + '/'!r} under the scope owner, or name a repository"
        )
    return text


def _located(value: Any, where: str) -> str:
    text = plain(value, where)
    text = text if text.startswith("pkg:") else text.rstrip("/")
    if re.fullmatch(r"pkg:[a-z0-9.+-]+(/@?[^\s*?@/]+)+", text) and not text.endswith("/"):
        return text
    try:
        parts = urlsplit(text)
        named = [part for part in parts.path.split("/") if part]
        good = parts.scheme in ("https", "http", "git", "ssh", "svn", "file") and (parts.netloc or parts.scheme == "file")
        good = good and not (parts.query or parts.fragment or parts.password) and not re.search(r"[*?\s\\]", text)
    except ValueError:
        named, good = [], False
    if not good or ".." in named or "." in named:
        raise UsageError(f"{where} is {text!r}; it must be one origin, such as https://forge.example/me/tool or pkg:pypi/tool")
    if not named:
        raise UsageError(f"{where} is {text!r}: that is a whole forge; name a repository")
    return text


def _owner(value: Any, where: str) -> str:
    text = plain(value, where)
    if not text.endswith("/"):
        raise UsageError(f"{where} is {text!r}; an owner ends in '/', such as https://forge.example/me/")
    try:
        found = _located(text.rstrip("/"), where)
    except UsageError as error:
        raise UsageError(f"{where} is {text!r}: too broad, or no owner; write it such as https://forge.example/me/") from error
    if found.startswith("pkg:") and "/" not in found.split(":", 1)[1]:
        raise UsageError(f"{where} is {text!r}: that is a whole registry; name a namespace, such as pkg:npm/@me/")
    return found + "/"


def _place(value: Any, where: str) -> str:
    return _owner(value, where) if plain(value, where).endswith("/") else _origin(value, where)


def _pattern(value: Any, where: str) -> str:
    text = plain(value, where)
    if not re.search(r"[^*?./\s]", text):
        raise UsageError(f"{where} is {text!r}: that is every path; use the scope origin instead")
    if len(re.findall(r"[*?]+", text)) > MAX_WILDCARDS or text.count("?") > MAX_WILDCARDS:
        raise UsageError(f"{where} is {strict.shown(text)}; a path has at most {MAX_WILDCARDS} of * and ?")
    if text.startswith("/") or ".." in text.split("/"):
        raise UsageError(f"{where} is {text!r}; a path starts at the root of the tree, without '/' before it and without '..'")
    return text


def _object(kind: str) -> Callable[[Any, str], str]:
    def parse(value: Any, where: str) -> str:
        text = plain(value, where)
        try:
            found = Swhid.parse(text)
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from None
        core = found.core
        if found.kind != kind:
            raise UsageError(f"{where} is {text!r}; this scope takes swh:1:{kind}:…")
        if core in EMPTY:
            raise UsageError(f"{where} is {core}: that is empty, and the same everywhere; it is nobody's")
        return core

    return parse


def _author(value: Any, where: str) -> str:
    text = plain(value, where)
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        # The value isn't repeated: it may well be somebody's name.
        raise UsageError(
            f"{where} must be the sha256 of the full name as commits have it, 64 of 0-9 and a-f, never the name itself"
        )
    return text


_VALUES: dict[str, Callable[[Any, str], str]] = {
    "origin": _origin,
    "owner": _owner,
    "path": _pattern,
    "content": _object("cnt"),
    "directory": _object("dir"),
    "author": _author,
}
_CLAIMANT = ("name", "contact", "account", "relationship", "proof", "notes")


def _one_of(known: tuple[str, ...]) -> Callable[[Any, str], str]:
    def parse(value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in known:
            raise UsageError(f"{where} is {strict.shown(value)}; {strict.nearest(str(value), known)}")
        return value

    return parse


def _request(values: Any, where: str) -> Request:
    if not isinstance(values, dict):
        raise UsageError(f"{where} must be lines such as 'scope: origin'; it is {strict.shown(values)}")
    allowed = ("scope", "values", "within", "reason")
    for key in values:
        if key not in allowed:
            raise UsageError(f"{where}: unknown key {key!r}; {strict.nearest(str(key), allowed)}")
    for key in ("scope", "values"):
        if key not in values:
            raise UsageError(f"{where}: the key {key!r} is missing")
    scope = _one_of(SCOPES)(values["scope"], f"{where}: scope")
    listed = values["values"]
    if not isinstance(listed, list) or not listed:
        raise UsageError(f"{where}: values is {strict.shown(listed)}; it must be a list of at least one")
    if len(listed) > MAX_VALUES:
        raise UsageError(f"{where}: values has {len(listed)} of them; at most {MAX_VALUES} in one request")
    found = tuple(sorted({_VALUES[scope](one, f"{where}: values") for one in listed}))
    within = values.get("within")
    if (scope == "path") != (within is not None):
        raise UsageError(
            f"{where}: the scope path needs 'within', the origin that the paths are in"
            if scope == "path"
            else f"{where}: 'within' belongs to the scope path, and this one is {scope}; say which is meant"
        )
    reason = _one_of(REASONS)(values.get("reason", "opt-out"), f"{where}: reason")
    return Request(scope, found, None if within is None else _place(within, f"{where}: within"), reason)


def parse(source: bytes, where: str) -> Submission:
    """Read a YAML or JSON file of requests: one request, or several under ``requests``, and who asks under ``claimant``.

    Raises:
        UsageError: something in it is unknown, malformed or too broad; then nothing of it is taken.
    """
    values = strict.load(source, where, MAX_FILE_BYTES)
    if not isinstance(values, dict):
        raise UsageError(f"{where} must be lines such as 'scope: origin'; it is {strict.shown(values)}")
    claimant = values.pop("claimant", None) or {}
    if not isinstance(claimant, dict):
        raise UsageError(f"{where}: claimant must be lines such as 'contact: me@example.org'")
    for key, value in claimant.items():
        if key not in _CLAIMANT:
            raise UsageError(f"{where}: claimant: unknown key {key!r}; {strict.nearest(str(key), _CLAIMANT)}")
        claimant[key] = plain(" ".join(strict.text(value, f"{where}: claimant: {key}").split()), f"{where}: claimant: {key}")
    if "requests" in values:
        if len(values) > 1:
            raise UsageError(
                f"{where}: has 'requests' and {sorted(values.keys() - {'requests'})} beside it; put all of it under 'requests'"
            )
        listed = values["requests"]
        if not isinstance(listed, list) or not listed:
            raise UsageError(f"{where}: requests is {strict.shown(listed)}; it must be a list of at least one")
        found = [_request(one, f"{where}: request {at}") for at, one in enumerate(listed, 1)]
    else:
        found = [_request(values, where)]
    return Submission(tuple(dict.fromkeys(found)), dict(claimant))


# The headings that the form of bigcode-project/opt-out-v2 gives an issue (template of 2026-07-31).
_ACCOUNTS = "Accounts and organizations to remove ENTIRELY"
_REPOSITORIES = "Specific repositories to remove"
_PRIVATE = {
    "Optional - your relationship to what you listed": "relationship",
    "Optional - a link that helps confirm this is you/yours": "proof",
    "Anything else? (optional)": "notes",
}
_NO_RESPONSE = "_No response_"
_ACCOUNT = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})"


def is_form(source: bytes) -> bool:
    """Whether a file is the text of an issue that was made with the form."""
    return f"### {_REPOSITORIES}".encode() in source or f"### {_ACCOUNTS}".encode() in source


def parse_form(source: bytes, where: str, account: str | None = None) -> Submission:
    """Read the text of an issue that was made with bigcode's form: accounts, repositories, and what is for the operator only.

    Args:
        source: the issue's Markdown.
        where: how an error names it.
        account: the forge account that filed the issue.

    Raises:
        UsageError: a line is no account or repository, a heading is unknown or twice, or nothing is listed.
    """
    if len(source) > MAX_FILE_BYTES:
        raise UsageError(f"{where} has {len(source)} bytes; an issue has at most {MAX_FILE_BYTES}")
    try:
        text = source.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise UsageError(f"{where} is not UTF-8 text") from None
    sections: dict[str, str] = {}
    before, *parts = re.split(r"^### ", text, flags=re.MULTILINE)
    if before.strip():
        raise UsageError(f"{where}: there is text before the form's first heading; fill in the form only")
    known = (_ACCOUNTS, _REPOSITORIES, *_PRIVATE)
    for part in parts:
        heading, _, body = part.partition("\n")
        heading = heading.strip()
        if heading not in known or heading in sections:
            raise UsageError(
                f"{where}: the heading {heading!r} is {'there twice' if heading in sections else 'not one of the form'}"
            )
        sections[heading] = "" if body.strip() == _NO_RESPONSE else body.strip()
    accounts = _lines(sections.get(_ACCOUNTS, ""), _ACCOUNT, f"{where}: {_ACCOUNTS}", "an account, such as my-name")
    repositories = _lines(
        sections.get(_REPOSITORIES, ""),
        rf"{_ACCOUNT}/(?!\.\.?$)[A-Za-z0-9._-]{{1,100}}",
        f"{where}: {_REPOSITORIES}",
        "OWNER/REPOSITORY",
    )
    found = [Request("owner", (f"{FORM_FORGE}/{name}/",)) for name in accounts]
    found += [Request("origin", (f"{FORM_FORGE}/{name}",)) for name in repositories]
    if not found:
        raise UsageError(f"{where}: neither an account nor a repository is listed; fill in at least one of the two")
    claimant = {name: " ".join(sections[heading].split()) for heading, name in _PRIVATE.items() if sections.get(heading)}
    return Submission(tuple(found), {**claimant, **({"account": account} if account else {})})


def _lines(text: str, pattern: str, where: str, expected: str) -> list[str]:
    found = []
    for line in text.split("\n"):
        if name := plain(line, where).removeprefix(f"{FORM_FORGE}/").removeprefix("@") if line.strip() else "":
            if not re.fullmatch(pattern, name):
                raise UsageError(f"{where}: {name!r} is not {expected}")
            found.append(name)
    return sorted(dict.fromkeys(found))
