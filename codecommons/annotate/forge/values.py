# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Values out of a payload: what is of another type than it should be is left out, as if it was not there."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from codecommons.archive.feeds import moment
from codecommons.errors import ItemError

_URL = re.compile(r"https?://[^\s@]{1,2000}")


def part(record: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """An object within objects; an empty one where there is none."""
    for name in names:
        inner = record.get(name)
        if not isinstance(inner, dict):
            return {}
        record = inner
    return record


def text(record: Mapping[str, Any], name: str) -> str | None:
    """A text."""
    value = record.get(name)
    return value if isinstance(value, str) else None


def whole(record: Mapping[str, Any], name: str) -> int | None:
    """A whole number from 0 on that 64 bits can hold."""
    value = record.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63 else None


def truth(record: Mapping[str, Any], name: str) -> bool | None:
    """Whether; None where nobody says."""
    value = record.get(name)
    return value if isinstance(value, bool) else None


def time(record: Mapping[str, Any], name: str) -> dt.datetime | None:
    """A time in UTC."""
    try:
        return moment(record.get(name), name)
    except ItemError:
        return None


def url(record: Mapping[str, Any], name: str) -> str | None:
    """An address of the web that names nobody's account or password."""
    value = record.get(name)
    return value if isinstance(value, str) and _URL.fullmatch(value) else None


def names(record: Mapping[str, Any], name: str, inner: str | None = None) -> list[str] | None:
    """Distinct texts of a list, sorted, or what they are called (``inner``) where it is a list of objects."""
    value = record.get(name)
    if not isinstance(value, list):
        return None
    found = (one.get(inner) if isinstance(one, dict) and inner else one for one in value)
    return sorted({one for one in found if isinstance(one, str)})
