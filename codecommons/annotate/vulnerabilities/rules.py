# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What verdicts are a function of, beside a statement and what it is asked about: a digest of rules and tools."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version

# Raised when the same statement may get another verdict.
VERSION = 1


@cache
def digest() -> str:
    """16 hex digits over the version of the rules and of the packages that know the order of versions."""
    tools = [f"{name} {version(name)}" for name in ("packaging", "semantic-version", "univers")]
    return hashlib.sha256("\n".join([str(VERSION), *tools]).encode()).hexdigest()[:16]
