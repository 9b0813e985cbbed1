# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Downloaded archives, by sha256: got once, verified whenever they are read. Safe to delete."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from codecommons.archive.scratch import scratch_folder
from codecommons.errors import ItemError
from codecommons.lake.storage import lake_errors
from codecommons.settings import Settings


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_archive(sha256: str | None, settings: Settings) -> Path | None:
    """The cached archive of this hash; one that was damaged since is removed and not found."""
    if not sha256:
        return None
    path = _place(sha256, settings)
    if not path.is_file():
        return None
    if sha256_of(path) == sha256:
        return path
    path.unlink()
    return None


def keep_archive(path: Path, wanted: str | None, settings: Settings) -> tuple[Path, str]:
    """Move a downloaded file into the cache.

    Args:
        path: the file, in a ``scratch_folder``.
        wanted: the hex sha256 it must have; None takes what came.
        settings: where the cache is.

    Returns:
        Where it is now, and its sha256.

    Raises:
        ItemError: ``wrong-hash``; the file is not kept.
    """
    found = sha256_of(path)
    if wanted and found != wanted:
        raise ItemError("wrong-hash", f"the archive's sha256 is {found}, expected {wanted}; nothing of it was taken")
    place = _place(found, settings)
    with lake_errors(f"writing {place}"):
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)
    return place, found


def copy_archive(file: Path, settings: Settings) -> tuple[Path, str]:
    """Copy a local file into the cache, so that loading it again needs no luck."""
    with scratch_folder("download", settings) as folder:
        target = folder / "archive"
        with lake_errors(f"writing {target}"):
            shutil.copyfile(file, target)
        return keep_archive(target, None, settings)


def _place(sha256: str, settings: Settings) -> Path:
    return settings.cache / "archives" / sha256[:2] / sha256
