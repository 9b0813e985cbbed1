# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a slice consists of: requests of people, lists of packages, and the rows of ``slice_input`` they become."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from codecommons.archive.fetching import local_path
from codecommons.archive.source import Source, base_item, first_state, rank_of, sources, unexpected
from codecommons.archive.states import is_cut_off
from codecommons.credentials import without_credentials
from codecommons.errors import ItemError, UsageError
from codecommons.lake import Lake, SliceInput
from codecommons.report import STAGES
from codecommons.settings import Settings
from codecommons.swhid import git

_COMMENT = re.compile(r"(?:^|\s)#.*")
_SHA256 = re.compile(r"(?:--hash=)?sha256[:=]([0-9a-f]{64})")


@dataclass(frozen=True)
class Request:
    """Something to ingest: a source, its item, and the hash its archive must have."""

    source: str
    item: str
    sha256: str | None = None


def parse_request(text: str, settings: Settings, known: Mapping[str, Source] | None = None, foreign: bool = False) -> Request:
    """Read ``pypi:NAME==VERSION``, ``npm:NAME@VERSION``, ``git:.``, ``path:src`` or a plain path; ``sha256:HEX`` may follow.

    A plain path that is a git repository is taken as one; ``path:`` takes it as a folder, ``.git`` included.

    Args:
        text: what somebody wrote.
        settings: of the process.
        known: the sources by name; looked for unless given.
        foreign: somebody else wrote it, who can name what is on the web and in registries and nothing of this machine.

    Raises:
        UsageError: it is none of these; the message shows how to write it. Or it is foreign and names something else.
    """
    words = text.split()
    hashes = [match[1] for match in map(_SHA256.fullmatch, words[1:]) if match]
    if words and len(words) == 1 + len(hashes) <= 2:
        text, sha256 = words[0], next(iter(hashes), None)
    else:
        sha256 = None
    known = sources(settings) if known is None else known
    name, colon, rest = text.partition(":")
    if foreign and (not colon or name not in known or known[name].is_local(rest)):
        raise UsageError(
            "what comes from elsewhere can name packages and what is behind http(s), written as pypi:requests==2.31.0 or "
            "osv:https://…, and nothing of this machine or read with its keys"
        )
    if colon and name in known:
        return Request(name, known[name].parse(rest), sha256)
    if text and local_path(text).exists():
        name = "git" if git.is_repository(local_path(text)) else "path"
        return Request(name, known[name].parse(text), sha256)
    names = ", ".join(f"{name}:" for name in known)
    raise UsageError(f"{without_credentials(text)!r} is neither a path nor one of {names}; write pypi:requests==2.31.0")


def read_package_list(path: Path | str) -> list[str]:
    """The requests of a file, one a line; ``#`` starts a comment, at the beginning or after a blank.

    Raises:
        UsageError: it can't be read.
    """
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the list {path} can't be read: {error}") from error
    return [request for line in lines if (request := _COMMENT.sub("", line).strip())]


def add_inputs(lake: Lake, requests: Iterable[str | Request], day: str) -> list[SliceInput]:
    """Record what a slice consists of, before anything is fetched.

    Each item is looked up and pinned: its version, the hash of its archive, when it was uploaded, a repository's references.
    What can't be looked up is recorded all the same, so that loading the slice says so in ``quarantine``. An item that the
    slice has already stays as it was recorded; a repository or folder that has changed since becomes another state of the day.

    Args:
        lake: the lake.
        requests: what to ingest, as ``parse_request`` reads it.
        day: the slice.

    Returns:
        The slice's rows for the requests, in their order.

    Raises:
        UsageError: a request can't be understood, or asks for another hash than the slice has; nothing is recorded then.
    """
    settings = lake.settings
    known = sources(settings)
    wanted = list(dict.fromkeys(one if isinstance(one, Request) else parse_request(one, settings) for one in requests))
    there = {(row.source, row.item): row for name in sorted({one.source for one in wanted}) for row in lake.log.inputs(day, name)}
    seen_before = _recorded(lake, wanted)

    def pin(request: Request) -> SliceInput:
        source = known[request.source]
        row = there.get((request.source, request.item))
        if not source.changes:
            if row is not None:
                return _same_hash(row, request)
            row = seen_before.get((request.source, request.item))
            if row is not None and request.sha256 in (None, row.sha256):
                return replace(row, slice=day)
        item = first_state(request.item) if source.changes else request.item
        return _looked_up(source, SliceInput(day, request.source, item, sha256=request.sha256), settings)

    rows: list[SliceInput] = []
    for name in sorted({one.source for one in wanted}):
        mine = [one for one in wanted if one.source == name]
        with ThreadPoolExecutor(known[name].at_once) as pool:
            pinned = dict(zip(mine, pool.map(pin, mine), strict=True))
        if known[name].changes:
            rows += [_add_state(lake, row) for row in pinned.values()]
        else:
            lake.log.add_input(list(pinned.values()))
            rows += pinned.values()
    order = {(one.source, one.item): at for at, one in enumerate(wanted)}
    return sorted(rows, key=lambda row: order[row.source, base_item(row.item) if known[row.source].changes else row.item])


def _looked_up(source: Source, row: SliceInput, settings: Settings) -> SliceInput:
    try:
        with unexpected(f"{row.source}:{row.item}"):
            return source.resolve(row, settings)
    except ItemError as error:
        if source.changes:
            return replace(row, detail=json.dumps({"unresolved": [error.reason, error.detail]}))
        return row


def _same_hash(row: SliceInput, request: Request) -> SliceInput:
    if request.sha256 and row.sha256 and request.sha256 != row.sha256:
        raise UsageError(
            f"{request.source}:{request.item} is in slice {row.slice} with sha256 {row.sha256}, not {request.sha256}; "
            "leave the hash out, or put it into another slice with --day"
        )
    return row


def _recorded(lake: Lake, wanted: Iterable[Request]) -> dict[tuple[str, str], SliceInput]:
    """Rows of other slices for the same items: what was looked up once is not looked up again."""
    items = sorted({one.item for one in wanted})
    rows = lake.scan("slice_input").filter(pl.col("item").is_in(items) & pl.col("version").is_not_null()).sort("slice").collect()
    return {(row["source"], row["item"]): SliceInput(**row) for row in rows.to_dicts()}


def _add_state(lake: Lake, row: SliceInput) -> SliceInput:
    """Record the state of something that changes, unless it is the newest of the day; somebody else may be doing the same."""
    while True:
        states = sorted(_states(lake, row), key=lambda state: rank_of(state.item))
        if states and (states[-1].version, is_cut_off(states[-1])) == (row.version, is_cut_off(row)):
            return states[-1]
        mine = replace(row, item=f"{base_item(row.item)}#{rank_of(states[-1].item) + 2}") if states else row
        if lake.log.add_input([mine]):
            return mine


def _states(lake: Lake, row: SliceInput) -> Iterator[SliceInput]:
    return (state for state in lake.log.inputs(row.slice, row.source) if base_item(state.item) == base_item(row.item))


def forget_inputs(lake: Lake, requests: Iterable[str | Request], day: str) -> list[str]:
    """Take items out of a slice that never came in, such as a mistyped one, which would be tried again for ever.

    Args:
        lake: the lake.
        requests: what to forget, as it is recorded or as ``parse_request`` reads it; all states that the slice has of it.
        day: the slice.

    Returns:
        The items, with their source. The rest of the slice is as it was; loading it again makes its verdict anew.

    Raises:
        UsageError: the slice has no such item, or it has come in on a day that has come; nothing is forgotten then.
    """
    found: dict[str, list[str]] = {}
    for one in (one if isinstance(one, Request) else _as_recorded(lake, one, day) for one in requests):
        changes = sources(lake.settings)[one.source].changes
        mine = [
            row.item for row in lake.log.inputs(day, one.source) if one.item == (base_item(row.item) if changes else row.item)
        ]
        if not mine:
            raise UsageError(
                f'slice {day} has no {one.source}:{one.item}; `codecommons sql "from slice_input"` lists what it has'
            )
        verdict = lake.log.verdict(day, one.source, STAGES[0])
        here = (pl.col("slice") == day) & (pl.col("source") == one.source) & ~pl.col("kept").fill_null(value=False)
        left_out = set(lake.scan("quarantine").filter(here).select("item").collect()["item"])
        # What a machine whose clock was wrong has brought into a day to come would be the newest visit until then.
        past = day <= dt.datetime.now(dt.UTC).date().isoformat()
        if past and verdict and verdict["verdict"] == "passed" and not left_out.issuperset(mine):
            raise UsageError(
                f"{one.source}:{one.item} has come into slice {day}: what is in the lake stays there; "
                "a dataset's specification may leave it out, and its authors may opt out"
            )
        found.setdefault(one.source, []).extend(mine)
    for source, items in sorted(found.items()):
        lake.log.remove_input(day, source, items)
    return [f"{source}:{item}" for source, items in sorted(found.items()) for item in sorted(items)]


def _as_recorded(lake: Lake, text: str, day: str) -> Request:
    """An item as the slice has it, which may be a path where nothing is any more, or what a person would write to ingest it."""
    source, _, item = text.partition(":")
    recorded = {base_item(row.item) for row in lake.log.inputs(day, source)}
    return Request(source, item) if item in recorded else parse_request(text, lake.settings)
