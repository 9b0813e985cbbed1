# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Identity: SWHIDs and Software Heritage's hashes, computed from bytes.

Belongs here: identifiers as text (``identifier``), what they are hashes of, written (``manifests``) and read (``parsing``),
hashing contents one by one and by column (``hashing``, ``blake2s``), and identifying what lies on a disk (``tree``, ``git``).
Does not belong here: anything that knows the lake, an archive format or a source. Importing this costs milliseconds: no Arrow,
no Polars (the form for columns imports Arrow when it is called).
"""

from __future__ import annotations

from codecommons.swhid.hashing import ContentHashes, blake2s_column, content_id, hash_content, spread
from codecommons.swhid.identifier import KINDS, Span, Swhid, swhid_text
from codecommons.swhid.manifests import (
    DIRECTORY_PERMS,
    EXECUTABLE_PERMS,
    FILE_PERMS,
    GIT_KINDS,
    SYMLINK_PERMS,
    Date,
    Release,
    Revision,
    directory_id,
    directory_manifest,
    git_object,
    git_object_id,
    offset_minutes,
    origin_id,
    release_id,
    release_manifest,
    revision_id,
    revision_manifest,
    snapshot_id,
    snapshot_manifest,
)

__all__ = [
    "DIRECTORY_PERMS",
    "EXECUTABLE_PERMS",
    "FILE_PERMS",
    "GIT_KINDS",
    "KINDS",
    "SYMLINK_PERMS",
    "ContentHashes",
    "Date",
    "Release",
    "Revision",
    "Span",
    "Swhid",
    "blake2s_column",
    "content_id",
    "directory_id",
    "directory_manifest",
    "git_object",
    "git_object_id",
    "hash_content",
    "offset_minutes",
    "origin_id",
    "release_id",
    "release_manifest",
    "revision_id",
    "revision_manifest",
    "snapshot_id",
    "snapshot_manifest",
    "spread",
    "swhid_text",
]
