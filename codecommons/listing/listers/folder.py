# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A folder of git repositories, bare or not: mirrors that something else keeps up to date, or a disk of clones.

Nobody says when they change, so each is looked at whenever the folder is listed; one that has not changed costs a row.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codecommons import strict
from codecommons.errors import UsageError
from codecommons.listing.lister import Context, Listed, Lister, ListingError, Options, Page
from codecommons.listing.places import own_path
from codecommons.swhid import git

_AT_ONCE = 1000


def _folder(value: Any, where: str) -> str:
    path = own_path(strict.text(value, where), where)
    if not path.is_absolute():
        raise UsageError(f"{where} is {value!r}; it must be an absolute path, as runs start in other folders")
    return str(path)


@dataclass(frozen=True, kw_only=True)
class FolderOptions(Options):
    """The folder, and how deep below it repositories may be."""

    path: str = strict.rule(_folder)
    depth: int = strict.rule(strict.whole(1, 10), 3)


class Folder(Lister[FolderOptions]):
    """Repositories of this machine."""

    options = FolderOptions

    def pages(self, options: FolderOptions, cursor: Mapping[str, Any], context: Context) -> Iterator[Page]:
        """See ``Lister.pages``. Cursor: ``after``, the repository that the listing stopped behind."""
        after, entries, last = cursor.get("after", ""), list[Listed](), ""
        for entry in _repositories(Path(options.path), options.depth):
            path = entry.request.removeprefix("git:")
            if path <= after:
                continue
            entries.append(entry)
            last = path
            if len(entries) == _AT_ONCE:
                yield Page(tuple(entries), {"after": last})
                entries = []
        yield Page(tuple(entries), {})


LISTER = Folder()


def _repositories(folder: Path, depth: int) -> Iterator[Listed]:
    """Repositories, and folders below this one that can't be listed, in order of their paths; links are not followed."""
    try:
        with os.scandir(folder) as found:
            names = sorted(entry.name for entry in found if entry.is_dir(follow_symlinks=False))
    except OSError as error:
        raise ListingError(f"{folder} can't be listed: {error.strerror}") from error
    for name in names:
        path = folder / name
        if git.is_repository(path):
            yield Listed(f"git:{path}", own=True)
        elif depth > 1 and name != ".git":
            try:
                yield from _repositories(path, depth - 1)
            except ListingError as error:
                yield Listed(f"git:{path}", problem=str(error))
