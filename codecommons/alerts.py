# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is broken, told to people: each trouble once to each place, and once more when it is gone.

Where alerts go is said by environment variables alone, as some of them hold credentials:

- ``CODECOMMONS_ALERT_WEBHOOK``: a URL that takes JSON (``text``, ``environment``, ``lake``, ``broken``, ``green``);
- ``CODECOMMONS_ALERT_SLACK``: a URL that takes what Slack's incoming webhooks take, as Mattermost's and others' do;
- ``CODECOMMONS_ALERT_MAIL``: addresses, separated by commas, by way of ``CODECOMMONS_SMTP`` (``smtp://user@host:587`` or
  ``smtps://user@host``, the password being ``CODECOMMONS_SMTP_PASSWORD``), from ``CODECOMMONS_ALERT_FROM``;
- ``CODECOMMONS_ALERT_LEVEL``: ``error`` (unless given) or ``warning``; ``CODECOMMONS_UI``: where the web interface is, for links.

A message carries an identifier (``Idempotency-Key``, ``Message-ID``) that is the same when it is sent again because nobody could
say whether it had arrived.
"""

from __future__ import annotations

import hashlib
import json
import smtplib
import ssl
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from codecommons.credentials import redacted
from codecommons.errors import CodeCommonsError, UsageError
from codecommons.settings import Settings

ERROR, WARNING = "error", "warning"
# A sensor has a minute for all of them.
_TIMEOUT = 10
# Of one message; a backfill of a month may fail day by day.
_MOST_SHOWN, _LONGEST_CAUSE = 20, 500


@dataclass(frozen=True)
class Trouble:
    """One thing that is broken.

    Attributes:
        key: the same as long as it is the same trouble.
        severity: ``error`` or ``warning``.
        slice: the day or the dataset; empty where it is about none.
        stage: the stage, the job or the check.
        source: the source; empty where it is about none.
        cause: what was wrong, in one line.
        next: the command to run next, or what else to do.
        link: where the web interface shows it; empty when nobody has said where that is.
    """

    key: str
    severity: str
    slice: str
    stage: str
    source: str
    cause: str
    next: str
    link: str = ""

    @property
    def subject(self) -> str:
        """What it is about, as a line begins."""
        about = f"{self.slice} {self.stage}".strip()
        return f"{about} of {self.source}" if self.source else about


class AlertError(CodeCommonsError):
    """A place for alerts can't be reached, or takes none; what was to be told is told next time."""

    passing = True


class Target(ABC):
    """A place that alerts go to."""

    name: str

    @abstractmethod
    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            AlertError: it may not have arrived; the text names no credential.
        """


@dataclass(frozen=True)
class Message:
    """What is told at once.

    Attributes:
        id: the same when the same is told again.
        environment: where from.
        lake: which lake.
        broken: what is broken and was not told before.
        green: what was told and is broken no more.
    """

    id: str
    environment: str
    lake: str
    broken: tuple[Trouble, ...]
    green: tuple[Trouble, ...]

    @property
    def title(self) -> str:
        """How much of what."""
        counts = {"broken": len(self.broken), "green again": len(self.green)}
        said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        return f"CodeCommons {self.environment}: {said}"

    @property
    def text(self) -> str:
        """For people."""
        lines = [f"{self.title} ({self.lake})"]
        for one in self.broken[:_MOST_SHOWN]:
            lines += [
                f"{'broken' if one.severity == ERROR else 'warning'}  {one.subject}: {one.cause}",
                f"        next: {one.next}",
            ]
            lines += [f"        see: {one.link}"] if one.link else []
        lines += [f"green again  {one.subject}" for one in self.green[:_MOST_SHOWN]]
        left = max(0, len(self.broken) - _MOST_SHOWN) + max(0, len(self.green) - _MOST_SHOWN)
        lines += [f"and {left} more: `codecommons status` has all of it"] if left else []
        return "\n".join(lines)


class Webhook(Target):
    """A URL that takes JSON by POST; its errors never repeat the URL, which is a credential itself."""

    def __init__(self, name: str, url: str) -> None:
        """Nothing is sent yet.

        Raises:
            UsageError: it is no URL of http(s).
        """
        self.name, self._url = name, url
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise UsageError(f"{name} must be a URL of http or https")

    def body(self, message: Message) -> dict[str, Any]:
        """What is sent: all there is to say."""
        rows = {kind: [asdict(one) for one in getattr(message, kind)] for kind in ("broken", "green")}
        return {"text": message.text, "environment": message.environment, "lake": message.lake, **rows}

    def send(self, message: Message) -> None:
        """POST it; anything but a 2xx is a failure, and a redirection is one."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.id, "User-Agent": "codecommons"}
        request = urllib.request.Request(self._url, json.dumps(self.body(message)).encode(), headers)
        try:
            with urllib.request.build_opener(_Straight).open(request, timeout=_TIMEOUT):
                return
        except urllib.error.HTTPError as error:
            raise AlertError(f"{self.name}: the server answered {error.code}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise AlertError(f"{self.name}: {_reason(error)}") from None


class _Straight(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: it would turn a POST into a GET, and say that all is well."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Nowhere."""


class Slack(Webhook):
    """A URL that takes what Slack's incoming webhooks take."""

    def body(self, message: Message) -> dict[str, Any]:
        """Text alone, in which three characters mean something."""
        return {"text": message.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}


class Mail(Target):
    """Addresses, by way of a mail server."""

    name = "CODECOMMONS_ALERT_MAIL"

    def __init__(self, to: str, server: str, password: str, sender: str) -> None:
        """Nothing is sent yet.

        Raises:
            UsageError: the server is no URL of smtp(s), or has its password in it.
        """
        parts = urlsplit(server)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or port == -1:
            raise UsageError("CODECOMMONS_SMTP must be smtp://user@host:587 or smtps://user@host")
        if parts.password:
            raise UsageError("CODECOMMONS_SMTP has a password in it; give it as CODECOMMONS_SMTP_PASSWORD")
        self._to = [address.strip() for address in to.split(",") if address.strip()]
        self._host, self._port, self._secure, self._user = parts.hostname, port, parts.scheme == "smtps", parts.username
        self._password, self._sender = password, sender or self._to[0]

    def send(self, message: Message) -> None:
        """Hand it to the server, encrypted where the server can; a password only so, or to this machine."""
        mail = EmailMessage()
        first = (*message.broken, *message.green)[0]
        mail["Subject"] = " ".join(f"{message.title}: {first.subject}".split())[:200]
        mail["From"], mail["To"] = self._sender, ", ".join(self._to)
        mail["Message-ID"] = f"<{message.id}@codecommons>"
        mail.set_content(message.text)
        context = ssl.create_default_context()
        try:
            if self._secure:
                server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port or 465, timeout=_TIMEOUT, context=context)
            else:
                server = smtplib.SMTP(self._host, self._port or 25, timeout=_TIMEOUT)
            with server:
                secure = self._secure
                server.ehlo()
                if not secure and server.has_extn("starttls"):
                    server.starttls(context=context)
                    secure = True
                if self._user and self._password:
                    if not secure and self._host not in ("localhost", "127.0.0.1", "::1"):
                        raise AlertError(f"{self.name}: {self._host} offers no encryption, and gets no password without")
                    server.login(self._user, self._password)
                server.send_message(mail)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise AlertError(f"{self.name}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    """Why something could not be sent, without any address: the class of the error, and what the system calls it."""
    inner = getattr(error, "reason", error)
    said = getattr(inner, "strerror", None) or getattr(inner, "smtp_code", None)
    return f"{type(inner).__name__}{f' ({said})' if said else ''}"


def targets(settings: Settings) -> list[Target]:
    """Where alerts go.

    Raises:
        UsageError: a variable makes no sense; the message names it and never repeats it.
    """
    levels(settings)
    said = dict(settings.alert_options)
    found: list[Target] = []
    for name, kind in (("CODECOMMONS_ALERT_WEBHOOK", Webhook), ("CODECOMMONS_ALERT_SLACK", Slack)):
        if name in said:
            found.append(kind(name, said[name]))
    if "CODECOMMONS_ALERT_MAIL" in said:
        server = said.get("CODECOMMONS_SMTP", "smtp://localhost")
        password, sender = said.get("CODECOMMONS_SMTP_PASSWORD", ""), said.get("CODECOMMONS_ALERT_FROM", "")
        found.append(Mail(said["CODECOMMONS_ALERT_MAIL"], server, password, sender))
    return found


def levels(settings: Settings) -> frozenset[str]:
    """Which severities are told.

    Raises:
        UsageError: ``CODECOMMONS_ALERT_LEVEL`` is neither.
    """
    level = dict(settings.alert_options).get("CODECOMMONS_ALERT_LEVEL", ERROR)
    if level not in (ERROR, WARNING):
        raise UsageError(f"CODECOMMONS_ALERT_LEVEL is {level!r}; it must be {ERROR} or {WARNING}")
    return frozenset((ERROR, level))


def tidy(trouble: Trouble) -> Trouble:
    """A trouble as it may be shown to anybody: in short lines, without credentials."""
    fields = {name: " ".join(redacted(value).split()) for name, value in asdict(trouble).items()}
    if len(fields["cause"]) > _LONGEST_CAUSE:
        fields["cause"] = f"{fields['cause'][: _LONGEST_CAUSE - 1]}…"
    return Trouble(**fields)


def tell(
    settings: Settings, now: Mapping[str, Trouble], told: Mapping[str, Mapping[str, Any]], places: Sequence[Target]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Tell every place what it hasn't been told yet.

    Args:
        settings: of the process.
        now: what is broken, by key.
        told: what this function returned the last time.
        places: where to.

    Returns:
        What each place has been told by now (by its name: how many messages it got, and the troubles, by key), and why a place
        could not be told; that one is told the next time.
    """
    wanted, after, problems = levels(settings), dict[str, dict[str, Any]](), []
    for place in places:
        before = dict(told.get(place.name, {"sent": 0, "troubles": {}}))
        known: dict[str, Any] = before["troubles"]
        broken = tuple(tidy(one) for key, one in now.items() if key not in known and one.severity in wanted)
        green = tuple(Trouble(**one) for key, one in known.items() if key not in now)
        after[place.name] = before
        if not broken and not green:
            continue
        names = [f"+{one.key}" for one in broken] + [f"-{one.key}" for one in green]
        identifier = hashlib.sha256(json.dumps([place.name, before["sent"], sorted(names)]).encode()).hexdigest()[:32]
        message = Message(identifier, settings.environment, redacted(settings.lake), broken, green)
        try:
            place.send(message)
        except AlertError as error:
            problems.append(str(error))
            continue
        gone = {one.key for one in green}
        kept = {key: one for key, one in known.items() if key not in gone} | {one.key: asdict(one) for one in broken}
        after[place.name] = {"sent": before["sent"] + 1, "troubles": kept}
    return after, problems
