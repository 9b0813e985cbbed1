# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Texts that go with a release, all made from the same numbers: its fingerprint's account, its manifest, its licence files.

Belongs here: one module a document, found by its ``DOCUMENT`` (see ``document``), and what they say alike (``figures``).
Does not belong here: selecting rows, writing shards and manifest, looking things up in the lake (``datasets.attribution``), and
the attestation, which is about documents, too (``datasets.attestation``).
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass

from codecommons.datasets.documents.document import Document, Facts
from codecommons.datasets.documents.figures import rollup
from codecommons.datasets.shards import put, sealed
from codecommons.lake import Lake
from codecommons.lake.storage import lake_errors

__all__ = ["Document", "Facts", "Written", "documents", "rollup", "write"]


@dataclass(frozen=True)
class Written:
    """Documents that were written.

    Attributes:
        sha256: path in the release -> digest of the file, hex.
        rows: path -> how many rows the text says there are, of those that say it; None where it should and does not.
    """

    sha256: dict[str, str]
    rows: dict[str, int | None]


def documents() -> list[Document]:
    """Every document, by the name of its module."""
    modules = sorted(info.name for info in pkgutil.iter_modules(__path__))
    found = [getattr(importlib.import_module(f"{__name__}.{name}"), "DOCUMENT", None) for name in modules]
    return [one for one in found if isinstance(one, Document)]


def write(lake: Lake, facts: Facts, folder: str) -> Written:
    """Write every document of a release.

    Args:
        lake: the lake.
        facts: what they are made from.
        folder: where they go, on the lake's file system.

    Raises:
        LakeError: the lake can't be written.
    """
    written = Written({}, {})
    for one in documents():
        for path, pieces in one.files.items():
            told: int | None = None
            with lake_errors(f"writing {folder}/{path}"), lake.scratch_file() as file:
                for piece in pieces(facts):
                    if one.rows and told is None and (found := one.rows.search(piece)):
                        told = int(found[1].replace(",", ""))
                    file.write(piece.encode())
                written.sha256[path], _ = sealed(file)
                if not lake.storage.remote:
                    lake.fs.makedirs(f"{folder}/{path}".rpartition("/")[0], exist_ok=True)
                put(lake, file, f"{folder}/{path}")
            if one.rows:
                written.rows[path] = told
    return written
