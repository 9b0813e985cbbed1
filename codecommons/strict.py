# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Strict reading of what people write: every key known, every value of its kind, and an error that says what was meant."""

from __future__ import annotations

import datetime as dt
import difflib
import re
import reprlib
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import MISSING, field, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from codecommons.errors import UsageError

T = TypeVar("T")

# What no column of whole numbers can be compared with.
BEYOND = 1 << 63
# Names that an error lists when none is close to what was written.
_LISTED = 40
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


# What somebody wrote may be long, and may be nobody else's business: an error shows the two ends of it.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 100


def shown(value: Any) -> str:
    """A value as an error shows it: one line, and not much of a long one."""
    return _SHORT.repr(value)


def is_slug(value: str) -> bool:
    """Whether a name passes ``slug``."""
    return bool(_SLUG.fullmatch(value))


def slug(value: Any, where: str) -> str:
    """A name that is safe as a folder, a partition key and a table value: 1 to 63 of a-z, 0-9 and inner hyphens.

    Raises:
        UsageError: it is anything else.
    """
    if not isinstance(value, str) or not is_slug(value):
        raise UsageError(f"{where} is {shown(value)}; it must be 1 to 63 of a-z, 0-9 and '-', such as python-permissive")
    return value


def nearest(value: str, known: Iterable[str]) -> str:
    """The end of an error message: the known value that is meant, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(value, names, 1, 0.5) or [name for name in names if name.lower() == value.lower()]
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"known are {', '.join(names[:_LISTED])}{more}" if names else "there is none yet"


def text(value: Any, where: str) -> str:
    """Text, not empty."""
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{where} is {shown(value)}; it must be text")
    return value.strip()


def texts(value: Any, where: str) -> tuple[str, ...]:
    """One text or a list of them, each once, in the order written."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(item, str) and item for item in values):
        raise UsageError(f"{where} is {shown(value)}; it must be a text or a list of texts")
    return tuple(dict.fromkeys(values))


def some_of(known: Iterable[str]) -> Callable[[Any, str], tuple[str, ...]]:
    """``texts`` that are all known."""
    names = tuple(known)

    def parse(value: Any, where: str) -> tuple[str, ...]:
        for item in (values := texts(value, where)):
            if item not in names:
                raise UsageError(f"{where} has {item!r}; {nearest(item, names)}")
        return values

    return parse


def day(value: Any, where: str) -> str:
    """A day, as ``2026-01-31``."""
    try:
        return dt.date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise UsageError(f"{where} is {shown(value)}; it must be a day such as 2026-01-31") from None


def whole(low: int, high: int) -> Callable[[Any, str], int]:
    """A whole number within bounds."""

    def parse(value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise UsageError(f"{where} is {shown(value)}; it must be a whole number from {low} to {high}")
        return value

    return parse


def flag(value: Any, where: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise UsageError(f"{where} is {shown(value)}; it must be true or false")
    return value


def numbers(known: Iterable[str]) -> Callable[[Any, str], tuple[tuple[str, float], ...]]:
    """A mapping of known names to numbers, in the order of the known names."""
    names = tuple(known)

    def parse(value: Any, where: str) -> tuple[tuple[str, float], ...]:
        if not isinstance(value, Mapping):
            raise UsageError(f"{where} is {shown(value)}; it must be lines such as '{names[0]}: 1000'")
        for name, number in value.items():
            if name not in names:
                raise UsageError(f"{where} has an unknown name {name!r}; {nearest(str(name), names)}")
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number < BEYOND:
                raise UsageError(f"{where}.{name} is {shown(number)}; it must be a number, not negative, and less than 2**63")
        return tuple((name, value[name]) for name in names if name in value)

    return parse


def rule(parse: Callable[[Any, str], T], default: Any = MISSING) -> Any:
    """A dataclass field that is read with ``parse``; without a default it must be written."""
    return field(default=default, metadata={"parse": parse})


def part(kind: type[T]) -> Any:
    """A dataclass field that is itself such a dataclass, with defaults throughout."""
    return field(default_factory=kind, metadata={"parse": lambda value, where: read(kind, value, where)})


def read(kind: type[T], values: Any, where: str) -> T:
    """Make a dataclass, whose fields come from ``rule`` and ``part``, from a mapping.

    Args:
        kind: the dataclass.
        values: what was written.
        where: how an error names the place.

    Raises:
        UsageError: something is unknown, missing or of the wrong kind; the message names it and the nearest valid name.
    """
    if not isinstance(values, Mapping):
        raise UsageError(f"{where} must be lines such as 'name: value'; it is {shown(values)}")
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise UsageError(f"{where}: unknown key {shown(key)}; {nearest(str(key), known)}")
    for name, item in known.items():
        if name not in values and item.default is MISSING and item.default_factory is MISSING:
            raise UsageError(f"{where}: the key {name!r} is missing")
    return kind(**{str(key): known[key].metadata["parse"](value, f"{where}: {key}") for key, value in values.items()})


_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
MAX_DEPTH = 20
# What can be written as an escape in quotes, and is no text: all but line ends and tabs.
_CONTROL = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]")


class _OnceLoader(yaml.SafeLoader):
    """YAML in which a key that is written twice is an error, not a surprise, and a date is the text it is written as."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    for at, key in enumerate(keys):
        if not isinstance(key, str) or key in keys[:at]:
            mark = node.value[at][0].start_mark
            raise UsageError(f"line {mark.line + 1}: the key {key!r} is {'written twice' if isinstance(key, str) else 'no text'}")
    return loader.construct_mapping(node, deep=True)


_OnceLoader.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_OnceLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


# Bytes that a file of policies, filters and the like has at most.
MAX_FILE_BYTES = 1 << 16


def files_of(ours: Path, theirs: Path, what: str) -> tuple[dict[str, Path], dict[str, str]]:
    """YAML files of a folder of CodeCommons and of one of the user's.

    Args:
        ours: the one folder.
        theirs: the other, which need not be there.
        what: how an error calls such a file.

    Returns:
        Files by name, sorted; and of the user's that take the name of one of ours, by name, what to do.
    """
    found = {path.stem: path for path in sorted(ours.glob("*.yaml"))}
    added = {path.stem: path for path in sorted(theirs.glob("*.yaml"))}
    taken = {
        name: f"{path} takes the name of a {what} that CodeCommons has; rename it"
        for name, path in added.items()
        if name in found
    }
    return dict(sorted((added | found).items())), taken


def source_of(path: Path, what: str) -> bytes:
    """What a file holds.

    Raises:
        UsageError: it can't be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"the {what} {path} can't be read: {error.strerror}") from error


def read_named(kind: type[T], source: bytes, path: Path) -> T:
    """Make a dataclass (``read``) from the text of a YAML file, whose name its key ``name`` must repeat.

    Raises:
        UsageError: it is none; the message says where and what was meant.
    """
    found = read(kind, load(source, str(path), MAX_FILE_BYTES), str(path))
    name = getattr(found, "name")  # noqa: B009 (every such dataclass has one)
    if name != path.stem:
        raise UsageError(f"{path}: name is {name!r}; it must be the file's name, {path.stem!r}")
    return found


def load(source: bytes, where: str, limit: int) -> Any:
    """Parse YAML of at most ``limit`` bytes: plain values only, no aliases, no key twice.

    Raises:
        UsageError: it is not that; the message says in which line.
    """
    if len(source) > limit:
        raise UsageError(f"{where} has {len(source)} bytes; a specification has at most {limit}")
    depth = 0
    try:
        for token in yaml.scan(source, yaml.SafeLoader):
            line = f"line {token.start_mark.line + 1}"
            depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
            if depth > MAX_DEPTH:
                raise UsageError(f"{line}: nested too deeply")
            if isinstance(token, yaml.AliasToken):
                raise UsageError(f"{line}: aliases ('*{token.value}') are not read; write the value out")
            if isinstance(token, yaml.ScalarToken) and any("\ud800" <= sign <= "\udfff" for sign in token.value):
                raise UsageError(f"{line}: {shown(token.value)} has half of a character (\\ud800 to \\udfff), which is no text")
            if isinstance(token, yaml.ScalarToken) and (odd := _CONTROL.search(token.value)):
                raise UsageError(f"{line}: {shown(token.value)} has the control character U+{ord(odd[0]):04X}; leave it out")
        return yaml.load(source, _OnceLoader)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        raise UsageError(f"{where}: {place}{getattr(error, 'problem', None) or 'not YAML text'}") from None
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
