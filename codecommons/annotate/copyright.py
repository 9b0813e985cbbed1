# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Copyright statements of a content, as written.

They name people, so they are shown for files at hand and kept in no table: names live in ``person`` alone (design.md section 5).
"""

from __future__ import annotations

import re

MOST = 100
_WORD, _SIGN, _YEAR = rb"(?:[Cc]opyright|COPYRIGHT)", rb"(?:\([cC]\)|\xc2\xa9|\xa9|&copy;)", rb"(?:19|20)\d\d"
# A list of names goes on in the next line, behind what a comment has there.
_ON = (
    rb"(?:(?:(?<=,)|(?<=&)|(?<= and))[ \t]*+\r?\n[ \t#*/;%%\"'-]{0,20}"
    rb"(?!%(word)b|%(sign)b|SPDX)(?=[A-Z0-9\x80-\xff])[^\r\n]{2,300}){0,9}"
)
_STATEMENT = re.compile(
    (
        rb"(?:SPDX-FileCopyrightText:"
        rb"|%(word)b[ \t]*+%(sign)b?+[ \t,:]*+(?=%(year)b|by[ \t]+[A-Z])"
        rb"|%(word)b[ \t]++%(sign)b[ \t]*+(?=[A-Z])"
        rb"|%(sign)b[ \t]*+(?=%(year)b))[^\r\n]{2,300}" + _ON
    )
    % {b"word": _WORD, b"sign": _SIGN, b"year": _YEAR}
)
_FOLD = re.compile(r"\s*[\r\n][\s#*/;%\"'-]*")
_END = re.compile(r"\s*(?:\*/|-->|[\"'#;*%/\\])+\s*$")


def copyrights(data: bytes, encoding: str | None = None) -> list[str]:
    """Distinct statements in order: a line from the copyright sign or word on, without the end of a comment.

    Where a line ends with a comma, ``and`` or ``&``, and the next one goes on with a name or a year, that is part of it.

    Args:
        data: the content.
        encoding: what its bytes are text in; UTF-8 where nobody knows.
    """
    found = (match[0].decode(encoding or "utf-8", "replace") for match in _STATEMENT.finditer(data))
    return list(dict.fromkeys(_END.sub("", _FOLD.sub(" ", text)).strip() for text in found))[:MOST]
