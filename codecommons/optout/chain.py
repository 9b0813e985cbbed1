# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The chain of the ledger: every entry names the digest of the one before, so that none can be changed or taken out unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

# What the first entry names as the one before, and the head of an empty ledger.
GENESIS = "0" * 64


def canonical(value: Any) -> bytes:
    """One JSON text per value: keys sorted, no spaces, UTF-8.

    Raises:
        TypeError: something has no JSON form.
        ValueError: a number is not finite, or a text is no Unicode.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_of(entry: Any) -> str:
    """sha256 of an entry's canonical JSON, 64 hex digits. The entry holds the digest of the one before."""
    return hashlib.sha256(canonical(entry)).hexdigest()


def fault(entries: Iterable[tuple[int, str, str]]) -> str | None:
    """The first thing that is wrong with a chain.

    Args:
        entries: (sequence, digest, JSON text) of each entry, by sequence, from 1.

    Returns:
        What is wrong, as the end of a sentence; None when the chain holds.
    """
    head = GENESIS
    for expected, (sequence, digest, text) in enumerate(entries, start=1):
        if sequence != expected:
            return f"entry {expected} is missing" if sequence > expected else f"entry {sequence} is there twice"
        try:
            entry = json.loads(text)
            stated = (entry["sequence"], entry["previous"], digest_of(entry))
        except (ValueError, KeyError, TypeError):
            return f"entry {sequence} is no entry"
        if stated != (sequence, head, digest):
            return f"entry {sequence} is not what was written"
        head = digest
    return None
