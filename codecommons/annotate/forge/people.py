# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""People in the texts of a thread: whom a text calls becomes a token, and who is quoted from a mail is left out.

A login is hashed in lower case, as the forge takes ``@Ada`` and ``@ada`` for the same. In code a text calls nobody: there ``@``
is a decorator, an annotation or a scope. A team (``@owner/team``) is nobody, either.
"""

from __future__ import annotations

import hashlib
import re

# Whoever is called after so many others in one text gets no token of his own.
MOST = 100
NOBODY = "@someone"
_CALL = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|(?<![\w/.@{-])@([A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}(?:\[bot\])?)(?![\w/@.-]*/)(?!\w)",
    re.DOTALL,
)
_MARKS = "> \t"
# What looks like one of our tokens, in the text of somebody who has seen them.
_FORGED = re.compile(r"@\{(?=[0-9a-f]{64}\})")
# How mail programs begin the line that says whose mail follows, and the verb in it; it may be broken in two and ends with ":".
_QUOTES = (
    ("On ", "wrote:"),
    ("Am ", "schrieb"),
    ("Le ", "a écrit"),
    ("El ", "escribió"),
    ("Il ", "ha scritto"),
    ("Em ", "escreveu"),
    ("Op ", "schreef"),
    ("Den ", "skrev"),
)


def person(login: str) -> bytes:
    """What stands for a login."""
    return hashlib.sha256(login.lower().encode()).digest()


def without_names(text: str) -> str:
    """A text with ``@{sha256}`` for whom it calls, and ``On … wrote:`` where a mail program names whose mail it quotes."""
    called: set[str] = set()

    def token(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        digest = person(match[1]).hex()
        if digest not in called and len(called) == MOST:
            return NOBODY
        called.add(digest)
        return f"@{{{digest}}}"

    text = _FORGED.sub("@ {", text)
    return _CALL.sub(token, _quoted(text) if any(verb in text for _, verb in _QUOTES) else text)


def _quoted(text: str) -> str:
    lines = text.split("\n")
    kept: list[str] = []
    for line in lines:
        if line.rstrip().endswith(":"):
            start = next((back for back in (0, 1) if back <= len(kept) and _introduces([*kept[len(kept) - back :], line])), None)
            if start is not None:
                first = line if start == 0 else kept.pop()
                marks = first[: len(first) - len(first.lstrip(_MARKS))]
                kept.append(f"{marks}On … wrote:")
                continue
        kept.append(line)
    return "\n".join(kept)


def _introduces(lines: list[str]) -> bool:
    """Whether a line, or one broken in two, says whose mail is quoted."""
    first, both = lines[0].lstrip(_MARKS), " ".join(lines)
    return any(first.startswith(start) and verb in both for start, verb in _QUOTES)
