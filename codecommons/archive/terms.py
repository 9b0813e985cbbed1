# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Terms of use that come with a source: shown once, and what was accepted is recorded in ``CODECOMMONS_HOME``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from codecommons.archive.inputs import Request
from codecommons.archive.source import sources
from codecommons.errors import UsageError
from codecommons.lake.storage import lake_errors
from codecommons.settings import Settings


def settle_terms(
    requests: Iterable[Request], settings: Settings, accepted: bool, ask: Callable[[str], bool] | None = None
) -> list[str]:
    """See to it that the terms of every source that is asked for are accepted.

    Args:
        requests: what is to be ingested.
        settings: where acceptance is recorded.
        accepted: the user has said so unattended.
        ask: shows a text to a person and returns whether they accept it; None where nobody can be asked.

    Returns:
        Names of the sources whose terms were accepted now.

    Raises:
        UsageError: they were not; the message is the text, and what to run.
    """
    known, new = sources(settings), []
    for name in sorted({one.source for one in requests}):
        text = known[name].terms
        if text is None or has_accepted(name, text, settings):
            continue
        if not accepted and not (ask and ask(text)):
            raise UsageError(f"{text}\nNothing was ingested. If you accept, run the same command with --accept-terms")
        new.append(name)
        _record(name, text, settings)
    return new


def require_accepted(name: str, text: str, settings: Settings) -> None:
    """Refuse to go on where the terms of a source were not accepted.

    Raises:
        UsageError: they were not.
    """
    if not has_accepted(name, text, settings):
        raise UsageError(f"the terms of use of {name} are not accepted in {settings.home}; run: codecommons ingest {name}:…")


def has_accepted(name: str, text: str, settings: Settings) -> bool:
    """Whether this very text was accepted in this home."""
    return _recorded(settings).get(name) == text


def _recorded(settings: Settings) -> dict[str, str]:
    path = settings.home / "terms.json"
    with lake_errors(f"reading {path}"):
        if not path.exists():
            return {}
        try:
            return dict(json.loads(path.read_text()))
        except ValueError:
            return {}


def _record(name: str, text: str, settings: Settings) -> None:
    path = settings.home / "terms.json"
    with lake_errors(f"writing {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps({**_recorded(settings), name: text}, indent=1, sort_keys=True))
        new.replace(path)
