# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""When two addresses mean the same place: the form that origins are compared in.

A repository is called ``https://host/a/b.git`` by one and ``git@host:A/b`` by the other. Their form is ``host/a/b``: what comes
before the host, ``.git``, a slash at the end and upper case don't count. The form of a package is its purl without version. The
macro ``place`` of ``macros.sql`` is the same function.
"""

from __future__ import annotations

import re

_VERSION = re.compile(r"[@?#].*", re.DOTALL)
_BEFORE_HOST = re.compile(r"^(?:(?:[a-z][a-z0-9+.-]*:)?//(?:[^/@]*@)?)?(?:www\.)?")
_SHORT = re.compile(r"^[a-z0-9_.-]+@([a-z0-9.-]+):/*")
_QUERY = re.compile(r"[?#].*", re.DOTALL)
_END = re.compile(r"(?:/|\.git)+\Z")


def place(address: str) -> str:
    """The form of an address (a URL, what git takes for one, or a purl) that is compared."""
    if address.startswith("pkg:"):
        return _VERSION.sub("", address)
    said = _SHORT.sub(r"\1/", address.strip(" ").lower())
    return _END.sub("", _QUERY.sub("", _BEFORE_HOST.sub("", said)))
