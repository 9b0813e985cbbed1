# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The archive: how software comes in as Software Heritage's objects.

Belongs here: what a slice consists of (``inputs``, ``terms``), the first stage (``ingest``, its ``checks``), and the sources
(``sources``, one file each, found by name; ``source`` says what one is).
Getting files: wherever they lie (``fetching``), over HTTP (``download``), into the cache (``cache``, ``scratch``).
Reading them without trust: archives (``unpack``, ``tree``), repositories (``repository``), tables of texts (``collection``),
feeds (``feeds``), Software Heritage's own export (``export``). What sources have in common: registries of packages
(``packages``), items that change (``states``), what loading one came to (``tally``).
Objects as rows (``objects``), the trees that visits saw (``views``), and the history behind them (``history``, ``lineage``,
``changes``, ``since``, ``wholeness``).
Does not belong here: how rows get into the lake (``lake``), what identifiers are hashes of (``swhid``), what the contents say
(``annotate``).
"""

from codecommons.archive.ingest import ingest_slice
from codecommons.archive.inputs import Request, add_inputs, forget_inputs, parse_request, read_package_list
from codecommons.archive.source import Source
from codecommons.archive.terms import settle_terms
from codecommons.archive.views import slice_roots

__all__ = [
    "Request",
    "Source",
    "add_inputs",
    "forget_inputs",
    "ingest_slice",
    "parse_request",
    "read_package_list",
    "settle_terms",
    "slice_roots",
]
