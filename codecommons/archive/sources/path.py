# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What lies on a disk: a folder, a single file, or an archive, whose tree is then meant: ``path:src``, ``path:release.tar.gz``.

The visit is a snapshot whose HEAD is the root directory itself, as in Software Heritage's loaders of directories. Files and
archives are copied into the cache when they are listed; a folder is identified then, and refused later if it has changed.

A file is an archive if its name says so, and is quarantined if its bytes then say otherwise; under any other name it is one if it
can be read as one, so that a wheel is its tree and a compressed text is a file.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from codecommons.archive.cache import copy_archive, find_archive
from codecommons.archive.fetching import local_path
from codecommons.archive.objects import Branches, Rows
from codecommons.archive.source import TREES, Work, base_item, unexpected
from codecommons.archive.states import ChangingSource, State
from codecommons.archive.tally import Tally
from codecommons.archive.tree import build_tree, file_member, folder_members
from codecommons.archive.unpack import Member, is_archive, members
from codecommons.credentials import without_credentials
from codecommons.errors import ItemError, UsageError
from codecommons.lake import SliceInput, StagedFile, StagingArea
from codecommons.settings import Settings
from codecommons.swhid import EXECUTABLE_PERMS, FILE_PERMS, directory_id
from codecommons.swhid.tree import identify_directory, identify_file


class LocalPath(ChangingSource):
    """Files and folders of this machine."""

    name = "path"
    visit_type = "directory"
    tables = TREES

    def parse(self, text: str) -> str:
        """The absolute path of something that is there."""
        path = local_path(text)
        if not path.exists():
            shown = without_credentials(text)
            raise UsageError(
                f"{shown} does not exist; name a file, a folder, or one of the sources, such as pypi:requests==2.31.0"
            )
        return str(path)

    def origin(self, item: str) -> str:
        """A ``file://`` URL."""
        return Path(item).as_uri()

    def resolve(self, wanted: SliceInput, settings: Settings) -> SliceInput:
        """Identify a folder; copy a file or archive into the cache.

        Raises:
            UsageError: the lake's own home is in the folder.
        """
        path = Path(base_item(wanted.item))
        try:
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                _refuse_home(path, settings)
                return replace(wanted, version=identify_directory(path).hex(), detail=json.dumps({"kind": "folder"}))
            if not stat.S_ISREG(mode):
                raise ItemError("special-file", f"{path} is neither a file nor a folder")
            sha256 = copy_archive(path, settings)[1]
            if _is_archive(path, settings):
                return replace(wanted, version=sha256, sha256=sha256, detail=json.dumps({"kind": "archive"}))
            # The same bytes under another name are another tree.
            entry = os.fsencode(path.name), EXECUTABLE_PERMS if mode & 0o111 else FILE_PERMS, identify_file(path)
            detail = json.dumps({"kind": "file", "executable": bool(mode & 0o111)})
            return replace(wanted, version=directory_id([entry]).hex(), sha256=sha256, detail=detail)
        except OSError as error:
            raise ItemError("unreadable", f"{error.filename or path} can't be read: {error.strerror or error}") from error

    def read(self, work: Work, row: SliceInput) -> State:
        """See ``ChangingSource.read``."""
        [(root, tally, staged)] = work.engine.map(_load_tree, [_Task(row, work.area)], name=str)
        return State({b"HEAD": ("directory", root)}, tally, root, staged=[staged])

    def anchor(self, branches: Branches) -> bytes | None:
        """The root directory."""
        head = branches.get(b"HEAD")
        return head[1] if head else None


SOURCE = LocalPath()


def _refuse_home(folder: Path, settings: Settings) -> None:
    """A folder with the home in it changes by being read, and would be refused as changed for ever."""
    if settings.home.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            f"{folder} holds {settings.home}, where the lake is and what reading writes; name the folders in it that are meant, "
            "or have CODECOMMONS_HOME name a place outside"
        )


_NAMED = re.compile(r".+\.(tar|tar\.(gz|bz2|xz|zst|zstd)|tgz|tbz|tbz2|txz|tzst|zip)", re.IGNORECASE)


def _is_archive(path: Path, settings: Settings) -> bool:
    if _NAMED.fullmatch(path.name):
        return True
    if not is_archive(path):
        return False
    try:
        next(iter(members(path, settings)), None)
    except ItemError as error:
        return error.reason != "not-an-archive"
    return True


@dataclass(frozen=True)
class _Task:
    row: SliceInput
    area: StagingArea

    def __str__(self) -> str:
        return f"path:{self.row.item}"


def _load_tree(task: _Task) -> tuple[bytes, Tally, list[StagedFile]]:
    """Turn what is at a path into staged rows; runs in a worker."""
    settings = task.area.storage.settings
    rows = Rows(task.area, str(task))
    with unexpected(str(task)):
        tree = build_tree(_members(task.row, settings), rows)
    if task.row.sha256 is None and tree.root.hex() != task.row.version:
        raise ItemError(
            "changed", f"{base_item(task.row.item)} has changed since it was listed; ingest it again to have it as it is now"
        )
    return tree.root, tree.tally, rows.close()


def _members(row: SliceInput, settings: Settings) -> Iterable[Member]:
    detail = json.loads(row.detail or "{}")
    path = Path(base_item(row.item))
    if detail["kind"] == "folder":
        return folder_members(path, settings)
    cached = find_archive(row.sha256, settings)
    if cached is None and path.is_file():
        copied, sha256 = copy_archive(path, settings)
        cached = copied if sha256 == row.sha256 else None
    if cached is None:
        raise ItemError("changed", f"{path} is gone or has changed since it was listed; ingest it again to have it as it is now")
    if detail["kind"] == "archive":
        return members(cached, settings)
    return [file_member(cached, path.name.encode(), detail["executable"], settings)]
