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
import threading
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from codecommons.credentials import redacted
from codecommons.errors import CodeCommonsError, UsageError
from codecommons.settings import Settings

ERROR, WARNING = "error", "warning"
_LEVEL = "CODECOMMONS_ALERT_LEVEL"
# Seconds that a server may be silent, and that a message may take: who sends a byte now and then is never silent for long, and a
# sensor has a minute for all that it does.
_TIMEOUT, _DEADLINE = 10, 30
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
        try:
            parts = urlsplit(url)
            sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            raise UsageError(f"{name} must be a URL of http or https")
        if "@" in parts.netloc:
            raise UsageError(f"{name} has a user in it, which webhooks are not sent; take one whose path is the secret")

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
        if not self._to:
            raise UsageError(f"{self.name} names nobody; it must be addresses, separated by commas")
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


def targets(settings: Settings) -> tuple[list[Target], list[str]]:
    """Where alerts go, and which variables make no sense, never repeated: the others are told all the same."""
    said = dict(settings.alert_options)
    makes: dict[str, Callable[[], Target]] = {
        "CODECOMMONS_ALERT_WEBHOOK": lambda: Webhook("CODECOMMONS_ALERT_WEBHOOK", said["CODECOMMONS_ALERT_WEBHOOK"]),
        "CODECOMMONS_ALERT_SLACK": lambda: Slack("CODECOMMONS_ALERT_SLACK", said["CODECOMMONS_ALERT_SLACK"]),
        Mail.name: lambda: Mail(
            said[Mail.name],
            said.get("CODECOMMONS_SMTP", "smtp://localhost"),
            said.get("CODECOMMONS_SMTP_PASSWORD", ""),
            said.get("CODECOMMONS_ALERT_FROM", ""),
        ),
    }
    found, wrong = [], []
    for make in [make for name, make in makes.items() if name in said]:
        try:
            found.append(make())
        except UsageError as error:
            wrong.append(str(error))
    if (level := said.get(_LEVEL, ERROR)) not in (ERROR, WARNING):
        wrong.append(f"{_LEVEL} is {level!r}; it must be {ERROR} or {WARNING}, and stands for {WARNING} until then")
    return found, wrong


def _levels(settings: Settings) -> frozenset[str]:
    """Which severities are told; rather too many where nobody can tell which are meant."""
    return frozenset((ERROR,) if dict(settings.alert_options).get(_LEVEL, ERROR) == ERROR else (ERROR, WARNING))


def tidy(trouble: Trouble) -> Trouble:
    """A trouble as it may be shown to anybody: in short lines, without credentials, and in characters that can be sent."""
    fields = {name: " ".join(redacted(value).split()) for name, value in asdict(trouble).items()}
    fields = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}
    if len(fields["cause"]) > _LONGEST_CAUSE:
        fields["cause"] = f"{fields['cause'][: _LONGEST_CAUSE - 1]}…"
    return Trouble(**fields)


def tell(
    settings: Settings, now: Mapping[str, Trouble], told: Mapping[str, Mapping[str, Any]], places: Sequence[Target]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Tell every place what it hasn't been told yet, all at the same time, so that a slow one holds up no other.

    Args:
        settings: of the process.
        now: what is broken, by key.
        told: what this function returned the last time.
        places: where to.

    Returns:
        What each place has been told by now (by its name: how many messages it got, and the troubles, by key), and why a place
        could not be told; that one is told the next time.
    """
    wanted, after = _levels(settings), {name: dict(one) for name, one in told.items()}
    messages: list[tuple[Target, Message]] = []
    for place in places:
        before = after.setdefault(place.name, {"sent": 0, "troubles": {}})
        known: dict[str, Any] = before["troubles"]
        broken = tuple(tidy(one) for key, one in now.items() if key not in known and one.severity in wanted)
        green = tuple(Trouble(**one) for key, one in known.items() if key not in now)
        if broken or green:
            names = [f"+{one.key}" for one in broken] + [f"-{one.key}" for one in green]
            about = json.dumps([place.name, before["sent"], sorted(names)])
            identifier = hashlib.sha256(about.encode()).hexdigest()[:32]
            messages.append((place, Message(identifier, settings.environment, redacted(settings.lake), broken, green)))
    problems = _send(messages)
    for place, message in messages:
        if place.name not in problems:
            before = after[place.name]
            gone = {one.key for one in message.green}
            kept = {key: one for key, one in before["troubles"].items() if key not in gone}
            told_now = {one.key: asdict(one) for one in message.broken}
            after[place.name] = {"sent": before["sent"] + 1, "troubles": kept | told_now}
    return after, list(problems.values())


# By place: who is still at sending what nobody waited for any longer.
_late: dict[str, threading.Thread] = {}


def _send(messages: Sequence[tuple[Target, Message]]) -> dict[str, str]:
    """Send each from a thread of its own, and say by place why one may not have arrived."""
    problems = {place.name: f"{place.name}: no end of an answer within {_DEADLINE} s" for place, _ in messages}

    def send(place: Target, message: Message) -> None:
        try:
            place.send(message)
            del problems[place.name]
        except AlertError as error:
            problems[place.name] = str(error)
        except Exception as error:  # whatever it is about one place, the others are told
            problems[place.name] = f"{place.name}: {_reason(error)}"

    started: dict[str, threading.Thread] = {}
    for place, message in messages:
        if (late := _late.get(place.name)) is None or not late.is_alive():
            started[place.name] = threading.Thread(target=send, args=(place, message), daemon=True)
            started[place.name].start()
    end = time.monotonic() + _DEADLINE
    for name, thread in started.items():
        thread.join(max(0.0, end - time.monotonic()))
        _late[name] = thread
    return dict(problems)
