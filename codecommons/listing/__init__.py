# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What exists out there and what of it is new.

Belongs here: asking forges, registries, mirrors and folders what they have (``listers``, one file each, found by name;
``lister`` says what one is, and ``forge``, ``versions``, ``days`` and ``places`` hold what several share), asking a web server
without trust (``web``, ``network``), what is followed and how often (``followed``, read from ``sources.yaml``), how far each
was listed (``store``), and turning what is new into rows of ``slice_input`` (``follow``).
Does not belong here: looking an item up and loading it (``archive``), when things run (``codecommons_dagster``).
"""

from codecommons.listing.follow import FollowReport, due, follow, overdue
from codecommons.listing.followed import followed
from codecommons.listing.lister import Context, Listed, Lister, ListingError, Options, Page

__all__ = [
    "Context",
    "FollowReport",
    "Listed",
    "Lister",
    "ListingError",
    "Options",
    "Page",
    "due",
    "follow",
    "followed",
    "overdue",
]
