# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Where a URL that somebody else wrote may lead: into the Internet, and not into the network that this machine is in.

Names are looked up as the clients that will follow them do, so that it doesn't matter how an address is written or who named
it. What a server says later, by a redirect or another answer to the same name, is beyond this; a firewall has that word.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

_HOSTS_KEPT = 4096


def host_of(url: str) -> str | None:
    """The host of a URL, in lower case; None where it is no URL or has none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def leads_inside(url: str, trusted: Iterable[str] = ()) -> bool:
    """Whether a URL leads to this machine or into a network that is not public, as far as can be told now.

    Args:
        url: http or https.
        trusted: hosts that may, wherever they are.
    """
    host = host_of(url)
    return host is not None and host not in trusted and _is_inside(host)


@lru_cache(_HOSTS_KEPT)
def _is_inside(host: str) -> bool:
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):  # nobody knows it, and nobody will get there
        return False
    return any(not _is_public(str(address)) for address in found)


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            address = inner
    return address.is_global and not address.is_multicast
