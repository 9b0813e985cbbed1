# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Rules: what a kind of secret or personal data looks like, as data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from codecommons.annotate.spans import filters

# Files of rules, and the annotators that go by them.
NAMES = ("secrets", "personal_data")
FOLDER = files("codecommons.annotate.spans")
LONGEST = 512  # bytes from a trigger that a rule looks at, unless it says more

# What stands before and after a token that has a form of its own.
_BEFORE, _AFTER = r"(?<![A-Za-z0-9_])", r"(?![A-Za-z0-9_])"


@dataclass(frozen=True)
class Rule:
    """One thing to look for.

    Attributes:
        id: its name, a slug; it is in every span.
        kind: what a span of it is, such as ``api-key`` or ``email``.
        confidence: how sure a span is, 0 to 1: the judgement of the rule's author, not a measured share.
        trigger: an expression of Hyperscan for the part that is always there. Every rule's trigger is looked for in one pass.
        pattern: Python's expression for all of it, tried at the trigger only. The span is its group ``quoted``, ``bare`` or
            ``value``, else all of the match.
        each: if given, every match of it inside that group is a span.
        before: bytes before the trigger at which the pattern may begin.
        reach: bytes after the trigger's start that the pattern sees.
        entropy: bits per byte that a value needs at least.
        refused: functions of ``filters``, any of which calls a value a false alarm.
    """

    id: str
    kind: str
    confidence: float
    trigger: bytes
    pattern: re.Pattern[bytes]
    each: re.Pattern[bytes] | None
    before: int
    reach: int
    entropy: float
    refused: tuple[Callable[[filters.Candidate], bool], ...]


def read(name: str) -> list[Rule]:
    """The rules of ``<name>.yaml``, in its order.

    Raises:
        KeyError: a rule lacks a field or names an unknown filter.
        re.PatternError: a pattern is none.
    """
    document = yaml.load(_source(name), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return [_rule(one, document["parts"]) for one in document["rules"]]


@cache
def kinds() -> tuple[str, ...]:
    """What a span may be, by any rule, sorted."""
    return tuple(sorted({rule.kind for name in NAMES for rule in read(name)}))


def rules_digest(name: str, folder: Traversable = FOLDER) -> str:
    """sha256 of all that makes the spans of ``<name>.yaml``: the rules, and every module here, so that none can be forgotten."""
    modules = (file for file in folder.iterdir() if file.name.endswith(".py"))
    sources = (folder / f"{name}.yaml", *sorted(modules, key=lambda file: file.name))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in sources)).hexdigest()


def _source(name: str) -> bytes:
    return (FOLDER / f"{name}.yaml").read_bytes()


def _rule(one: dict[str, Any], parts: dict[str, str]) -> Rule:
    def expression(text: str) -> re.Pattern[bytes]:
        for part, meaning in reversed(parts.items()):  # a part may use those above it
            text = text.replace(f"<<{part}>>", meaning)
        return re.compile(text.encode("latin-1"))

    trigger = one["trigger"]
    pattern = one.get("pattern") or _BEFORE + trigger + one.get("more", "") + _AFTER
    return Rule(
        id=one["id"],
        kind=one["kind"],
        confidence=float(one["confidence"]),
        trigger=trigger.encode("latin-1"),
        pattern=expression(pattern),
        each=expression(one["each"]) if "each" in one else None,
        before=one.get("before", 0),
        reach=one.get("reach", LONGEST),
        entropy=float(one.get("entropy", 0)),
        refused=tuple(filters.ALL[name] for name in one.get("refused", ())),
    )
