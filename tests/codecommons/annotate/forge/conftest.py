# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Events of a forge, and days that are made of hours of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine import Engine
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.report import StageReport
from codecommons.settings import Settings

DAY = "2026-01-30"


@dataclass
class Forge:
    """Makes events of one repository, a minute apart, in the layout of 2015 and later or the one without contents."""

    repository: str = "ada-example/engine"
    number: int = 9
    made: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    def event(self, kind: str, login: str | None, payload: dict[str, Any], **changes: Any) -> dict[str, Any]:
        self.made += 1
        event = {
            "id": str(1000 + self.made),
            "type": kind,
            "actor": {"id": 7, "login": login},
            "repo": {"id": self.number, "name": self.repository, "url": f"https://api.github.com/repos/{self.repository}"},
            "payload": payload,
            "public": True,
            "created_at": f"2026-01-30T07:{self.made:02}:00Z",
        } | changes
        self.events.append(event)
        return event

    def about(self, number: int, **changes: Any) -> dict[str, Any]:
        return {
            "number": number,
            "title": "It stops",
            "body": "Whenever it rains.",
            "user": {"login": "Ada-Example", "type": "User"},
            "created_at": "2026-01-30T06:00:00Z",
            "comments": 0,
            "labels": [{"name": "bug"}],
        } | changes

    def issue(self, action: str, login: str, number: int = 1, **about: Any) -> dict[str, Any]:
        return self.event("IssuesEvent", login, {"action": action, "issue": self.about(number, **about)})

    def comment(
        self, login: str, text: str, identifier: int, number: int = 1, action: str = "created", **about: Any
    ) -> dict[str, Any]:
        said = {"id": identifier, "body": text, "user": {"login": login}, "created_at": f"2026-01-30T07:{self.made + 1:02}:00Z"}
        return self.event("IssueCommentEvent", login, {"action": action, "comment": said, "issue": self.about(number, **about)})

    def pull(self, action: str, login: str, number: int = 2, repo: dict[str, Any] | None = None, **about: Any) -> dict[str, Any]:
        ends = {"base": {"sha": "b" * 40, "repo": repo or {}}, "head": {"sha": "c" * 40, "repo": repo or {}}}
        return self.event(
            "PullRequestEvent", login, {"action": action, "number": number, "pull_request": self.about(number, **ends, **about)}
        )

    def trimmed(self, action: str, login: str, number: int = 3) -> dict[str, Any]:
        """Synthetic, of the fields that are documented since 2025-10-07."""
        place = {"id": self.number, "name": "engine", "url": f"https://api.github.com/repos/{self.repository}"}
        ends = {name: {"ref": "main", "sha": letter * 40, "repo": place} for name, letter in (("base", "b"), ("head", "c"))}
        url = f"https://api.github.com/repos/{self.repository}/pulls/{number}"
        pull = {"id": 5, "number": number, "url": url, **ends}
        return self.event("PullRequestEvent", login, {"action": action, "number": number, "pull_request": pull})


@pytest.fixture(scope="session")
def new_forge() -> type[Forge]:
    """What makes repositories in which something happens."""
    return Forge


@pytest.fixture
def forge() -> Forge:
    """A repository in which something happens."""
    return Forge()


@dataclass
class Days:
    """A lake of hours."""

    lake: Lake
    folder: Path

    def hour(self, name: str, events: Iterable[Mapping[str, Any]] | bytes) -> None:
        """Write an hour, such as ``2026-01-30-7``."""
        lines = events if isinstance(events, bytes) else b"".join(json.dumps(one).encode() + b"\n" for one in events)
        (self.folder / f"{name}.json.gz").write_bytes(gzip.compress(lines, 1, mtime=0))

    def bring(self, *hours: str, day: str = DAY, engine: Engine | None = None) -> StageReport:
        """Both first stages of a day."""
        add_inputs(self.lake, [f"gharchive:{hour}" for hour in hours], day)
        ingest_slice(self.lake, engine or InlineEngine(), day, "gharchive")
        return annotate_slice(self.lake, engine or InlineEngine(), day, "gharchive")

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query."""
        with self.lake.sql() as sql:
            return sql.execute(query).to_arrow_table().to_pylist()


@pytest.fixture
def days(tmp_path: Path, fresh_days: Callable[[Path], Days]) -> Days:
    """A fresh lake, and a folder of hours that it gets."""
    return fresh_days(tmp_path)


@pytest.fixture(scope="session")
def fresh_days(fresh_lake: Callable[[Settings], Lake]) -> Callable[[Path], Days]:
    """Makes a fresh lake in a folder."""

    def days_in(folder: Path) -> Days:
        hours, home = folder / "hours", folder / "home"
        hours.mkdir(parents=True)
        return Days(
            fresh_lake(Settings(home=home, lake=str(home / "lake"), workers=0, bucket_bits=0, gharchive=str(hours))), hours
        )

    return days_in
