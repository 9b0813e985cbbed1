# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Digests of values that mean the same everywhere: canonicalise, or raise.

``str(value)`` of anything unforeseen would give two identities to one thing, or one to two, so it is an error here.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any


def canonical(value: Any) -> str:
    """One JSON text per value: keys sorted, no spaces, numbers by value (``1`` and ``1.0`` are one).

    Raises:
        TypeError: something is not text, number, boolean, None, list, tuple or a mapping with text keys.
        ValueError: a number is not finite.
    """
    return json.dumps(_plain(value, "$"), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """sha256 of the canonical text, 64 hex digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _plain(value: Any, where: str) -> Any:
    match value:
        case None | bool() | str():
            return value
        case int():
            return int(value)
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{where} is {value}: not finite")
            return int(value) if value.is_integer() else value
        case list() | tuple():
            return [_plain(item, f"{where}[{at}]") for at, item in enumerate(value)]
        case Mapping():
            for key in value:
                if not isinstance(key, str):
                    raise TypeError(f"{where} has the key {key!r}: not text")
            return {key: _plain(item, f"{where}.{key}") for key, item in value.items()}
        case _:
            raise TypeError(f"{where} is {type(value).__name__}: no canonical form")
