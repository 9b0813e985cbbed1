# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The archive: how software comes in as Software Heritage's objects.

Belongs here: reading archives, repositories and folders without trusting them (``unpack``, ``tree``, ``repository``), writing
their objects as rows (``objects``), the sources that find them (``sources``, one file each, found by name) and the first
stage (``ingest``). Does not belong here: how rows get into the lake (``lake``), what identifiers are hashes of (``swhid``), what
the contents say (``annotate``).
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
