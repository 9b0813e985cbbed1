# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Folders in the cache for work that is under way: a download, an unpacked package, what DuckDB could not keep in memory.

Each has a file beside it that its process has locked. The system opens the lock when the process ends, however it ends, so that
whoever makes a folder next can tell what a killed process left, and removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from codecommons.lake.storage import lake_errors
from codecommons.settings import Settings

_LOCK = ".lock"


@contextmanager
def scratch_folder(name: str, settings: Settings) -> Iterator[Path]:
    """An empty folder that is removed afterwards, with whatever is left in it.

    Args:
        name: what it is for.
        settings: where the cache is.

    Raises:
        LakeError: the cache can't be written.
    """
    root = settings.cache / "scratch"
    with lake_errors(f"writing {root}"):
        root.mkdir(parents=True, exist_ok=True)
        remove_abandoned(settings)
        folder, lock = _locked(root, name)
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _beside(folder).unlink(missing_ok=True)
        lock.close()


def remove_abandoned(settings: Settings) -> None:
    """Remove the folders of processes that are gone."""
    for path in sorted((settings.cache / "scratch").glob(f"*{_LOCK}")):
        try:
            with path.open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.with_name(path.name.removesuffix(_LOCK)), ignore_errors=True)
                path.unlink(missing_ok=True)
        except OSError:  # it is somebody's, or nothing for us to remove
            continue


def _locked(root: Path, name: str) -> tuple[Path, IO[bytes]]:
    """Name a folder and lock the file beside it; somebody may have taken that for abandoned before it was."""
    while True:
        folder = root / f"{name}-{uuid.uuid4().hex}"
        lock = _beside(folder).open("ab")
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock.fileno()).st_nlink:
            return folder, lock
        lock.close()


def _beside(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK)
