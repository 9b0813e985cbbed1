# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Credentials come from the environment and go nowhere else: texts that leave this process, or stay in it, lose them here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

# Names of variables that hold one, and of ours that hold something else under such a name.
_NAMES = re.compile(r"SECRET|TOKEN|PASSW|CREDENTIAL|_KEY\b|_KEY_|DSN|WEBHOOK|SLACK|_SMTP$|PGPASS", re.IGNORECASE)
_NONE = frozenset({"CODECOMMONS_SIGNING_KEY", "CODECOMMONS_TOKENIZERS"})
# Shorter values stand in any text by chance.
_SHORTEST = 6
_USERS = re.compile(r"(?<=://)[^/?#\s]*@")
HIDDEN = "***"


def without_credentials(text: str) -> str:
    """Any text, such as an error of somebody else's, with what stands before the ``@`` of a URL hidden."""
    return _USERS.sub(f"{HIDDEN}@", text)


def redacted(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Any text without credentials of URLs, and without the values of variables that hold credentials by their names."""
    env = os.environ if environment is None else environment
    held = {value for name, value in env.items() if len(value) >= _SHORTEST and _NAMES.search(name) and name not in _NONE}
    for value in sorted(held, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return without_credentials(text)
