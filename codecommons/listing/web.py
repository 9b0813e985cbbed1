# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Asking a web server politely and without trust: retries, waits as it is told, limits on size, time and where it leads."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import urljoin, urlsplit

import httpx2

from codecommons.archive.fetching import refuse_credentials
from codecommons.credentials import without_credentials
from codecommons.errors import UsageError
from codecommons.listing.lister import ListingError

PAGE_BYTES = 32 << 20
_TRIES = 5
_REDIRECTS = 3
# A server that asks for more patience is asked again by the next listing.
_LONGEST_WAIT = 120.0
_MOST_SECONDS = 1800.0
_TIMEOUT = httpx2.Timeout(30.0, read=60.0)
_AGENT = "codecommons"


class StatusError(ListingError):
    """The server answered, but not with what was asked for."""

    def __init__(self, status: int, line: str) -> None:
        """``status`` is HTTP's; ``line`` is what a person reads."""
        super().__init__(line)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """An answer's body is where it was asked to be put.

    Attributes:
        status: 200, or 304 when nothing has changed.
        headers: of the answer.
        following: URL of the next page, on the same server.
    """

    status: int
    headers: Mapping[str, str]
    following: str | None

    @property
    def date(self) -> dt.datetime | None:
        """The server's own clock when it answered, UTC."""
        return http_date(self.headers.get("date"))


def http_url(value: Any, where: str) -> str:
    """An http or https URL without credentials, query and final slash."""
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        shown = without_credentials(repr(value))
        raise UsageError(f"{where} is {shown}; it must be a URL such as https://gitlab.example.org")
    refuse_credentials(value, where, "name an environment variable with 'token'")
    return str(value).rstrip("/")


def http_date(text: str | None) -> dt.datetime | None:
    """Read the date of an HTTP header; nonsense is None."""
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        return parsedate_to_datetime(text or "").astimezone(dt.UTC)
    return None


class Web:
    """One server. A token is sent to it and to no other."""

    def __init__(self, base: str, wait: Callable[[float], None], headers: Mapping[str, str] | None = None) -> None:
        """Nothing is asked yet.

        Args:
            base: any URL of the server.
            wait: how to wait some seconds.
            headers: to send with every request.
        """
        self._home = _place(base)
        self._wait = wait
        self._client = httpx2.Client(headers={"User-Agent": _AGENT, **(headers or {})}, timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        """Connections are made when they are needed."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close them."""
        self._client.close()

    def json(self, url: str) -> tuple[Any, Answer]:
        """Get JSON.

        Raises:
            ListingError: it can't be had, or is none.
        """
        body = io.BytesIO()
        answer = self.get(url, body)
        try:
            return json.loads(body.getvalue()), answer
        except (ValueError, RecursionError):
            raise ListingError(f"{url} answers with something else than JSON; is it the address of the API's server?") from None

    def get(self, url: str, sink: IO[bytes], headers: Mapping[str, str] | None = None, limit: int = PAGE_BYTES) -> Answer:
        """Write what is at a URL into ``sink``, trying again where that may help.

        Raises:
            StatusError: the server refuses, for good or for too long.
            ListingError: it can't be reached, sends more than ``limit`` bytes, or leads elsewhere.
        """
        start = sink.tell()
        for attempt in range(1, _TRIES + 1):
            sink.seek(start)
            sink.truncate()
            pause, why = 2.0 ** (attempt - 1), ""
            try:
                answer, wanted = self._ask(url, sink, headers or {}, limit)
                if answer.status in (200, 304):
                    return answer
                why = f"status {answer.status}"
                if not _may_pass(answer):
                    raise StatusError(answer.status, f"{url} answers with status {answer.status}{_advice(answer.status)}")
                pause = pause if wanted is None else wanted
            except httpx2.TransportError as error:
                why = str(error) or type(error).__name__
            except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
                raise ListingError(f"{url} can't be read: {error}") from error
            if pause > _LONGEST_WAIT:
                raise StatusError(429, f"{url} asks to wait for {pause:.0f} seconds ({why}); the next listing goes on there")
            if attempt < _TRIES:
                self._wait(pause)
        status = int(why.removeprefix("status ")) if why.startswith("status ") else 0
        raise StatusError(status, f"{url} can't be had after {_TRIES} tries: {why}")

    def _ask(self, url: str, sink: IO[bytes], headers: Mapping[str, str], limit: int) -> tuple[Answer, float | None]:
        for _ in range(_REDIRECTS + 1):
            self._at_home(url)
            with self._client.stream("GET", url, headers=dict(headers)) as response:
                if response.status_code in (301, 302, 303, 307, 308):
                    url = _joined(url, response.headers.get("location", ""))
                    continue
                if response.status_code == 200:
                    _copy(response, sink, url, limit)
                following = response.links.get("next", {}).get("url")
                answer = Answer(response.status_code, response.headers, _joined(url, following) if following else None)
                if answer.following:
                    self._at_home(answer.following)
                return answer, _asked_to_wait(response.headers)
        raise ListingError(f"{url} redirects again and again")

    def _at_home(self, url: str) -> None:
        if _place(url) != self._home:
            raise ListingError(f"{self._home[1]} leads to another server ({url}), which is not asked; name that one instead")


def token_header(name: str | None, template: Mapping[str, str]) -> dict[str, str]:
    """Headers with the token that an environment variable holds; none without a variable.

    Args:
        name: of the variable.
        template: header -> text with ``{}`` in the token's place.

    Raises:
        UsageError: the variable is not set.
    """
    if name is None:
        return {}
    token = os.environ.get(name, "").strip()
    if not token or not token.isprintable() or not token.isascii():
        raise UsageError(
            f"the token is to be in the environment variable {name}, which is {'not set' if not token else 'no token'}"
        )
    return {header: text.format(token) for header, text in template.items()}


def _copy(response: httpx2.Response, sink: IO[bytes], url: str, limit: int) -> None:
    until, size = time.monotonic() + _MOST_SECONDS, 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > limit:
            raise ListingError(f"{url} sends more than {limit:,} bytes, which is too much for a listing")
        if time.monotonic() > until:
            raise ListingError(f"{url} takes more than {_MOST_SECONDS:.0f} seconds")
        sink.write(chunk)


def _may_pass(answer: Answer) -> bool:
    """Whether the refusal is one of load: GitLab says 403 with nothing remaining, as some do instead of 429."""
    remaining = answer.headers.get("ratelimit-remaining") or answer.headers.get("x-ratelimit-remaining")
    return answer.status == 429 or answer.status >= 500 or (answer.status == 403 and remaining == "0")


def _asked_to_wait(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    until, now = http_date(text), http_date(headers.get("date"))
    return max(0.0, (until - now).total_seconds()) if until and now else None


def _advice(status: int) -> str:
    match status:
        case 401 | 403:
            return "; name an environment variable that holds a token with 'token: NAME'"
        case 404:
            return "; is the address right, and does what it names exist?"
        case _:
            return ""


def _joined(url: str, said: str) -> str:
    """Where a server leads to."""
    try:
        return urljoin(url, said)
    except ValueError as error:
        raise ListingError(f"{url} leads to what is no URL: {error}") from None


def _place(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or {"http": 80}.get(parts.scheme, 443)
    except ValueError as error:
        raise ListingError(f"{url} is no URL: {error}") from None
