# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a licence asks of whoever passes the code on: facts, for people to meet or to look up, not legal advice.

They follow from ScanCode's category of a licence, with the exceptions below; a licence that nobody knows has none that we know.
"""

from __future__ import annotations

from collections.abc import Mapping

from codecommons.license.expressions import License

# Keep copyright notices; pass on the licence's text; pass on what is made of it under the same licence; offer the source to users
# over a network.
OBLIGATIONS = ("notice", "license-text", "share-alike", "network-use")
_KEEP = OBLIGATIONS[:2]
_SHARE = OBLIGATIONS[:3]

_BY_CATEGORY: Mapping[str, tuple[str, ...]] = {
    "Public Domain": (),
    "Permissive": _KEEP,
    "Copyleft Limited": _SHARE,
    "Copyleft": _SHARE,
}
# Permissive in ScanCode's eyes, and asking for nothing in their own words.
_NOTHING = frozenset({"0bsd", "mit-0", "wtfpl", "cc0-1.0", "unlicense", "fsful", "blessing"})
# Their text gives users over a network a right to the source.
_NETWORK = ("agpl-", "osl-", "nposl-", "rpl-", "cpal-", "sspl-", "apsl-", "eupl-1.1", "eupl-1.2", "parity-", "cal-1.0")


def obligations(one: License) -> tuple[str, ...]:
    """Those of a licence, in the order of ``OBLIGATIONS``."""
    name = one.identifier.lower()
    if name in _NOTHING:
        return ()
    if name.startswith(_NETWORK):
        return OBLIGATIONS
    return _BY_CATEGORY.get(one.category, _KEEP)
