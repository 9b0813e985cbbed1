# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Tarballs of the npm registry, through npm itself and the user's configuration of it: ``npm:lodash@4.17.15``.

No script of a package is run. Releases are those of Software Heritage's npm loader. A machine without npm quarantines the
items, fails nothing, and gets them the next time it has one.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from codecommons.archive.cache import find_archive, keep_archive
from codecommons.archive.packages import NO_METADATA, PackageSource, parse_time, resolved
from codecommons.archive.scratch import scratch_folder
from codecommons.archive.tree import Tree
from codecommons.errors import ItemError, UsageError
from codecommons.lake import SliceInput
from codecommons.settings import Settings

_ITEM = re.compile(r"((?:@[a-z0-9~_-][\w.~-]*/)?[A-Za-z0-9~_][\w.~-]*)@(\d[0-9A-Za-z.+-]*)", re.ASCII)
_NUMBERS = re.compile(r"\d+")


class Npm(PackageSource):
    """The registry that npm is configured for."""

    name = visit_type = "npm"
    document = b"package.json"
    at_once = 2  # each is a Node process of about 80 MB

    def parse(self, text: str) -> str:
        """``NAME@VERSION`` or ``@SCOPE/NAME@VERSION``."""
        if not _ITEM.fullmatch(text):
            raise UsageError(f"npm:{text} names no version of a package; write npm:lodash@4.17.15")
        return text

    def split(self, item: str) -> tuple[str, str]:
        """See ``PackageSource.split``."""
        name, _, version = item.rpartition("@")
        return name, version

    def origin(self, name: str) -> str:
        """The purl; the ``@`` of a scope is escaped."""
        return f"pkg:npm/{name.replace('@', '%40')}"

    def version_key(self, version: str) -> Any:
        """The order of Semantic Versioning 2.0."""
        release, _, extra = version.partition("+")[0].partition("-")
        numbers = tuple(int(number) for number in _NUMBERS.findall(release))
        words = tuple((0, int(word), "") if word.isdecimal() else (1, 0, word) for word in extra.split("."))
        return (numbers, not extra, words)

    def is_stable(self, version: str) -> bool:
        """Semantic Versioning again: nothing after a dash."""
        return "-" not in version.partition("+")[0]

    def resolve(self, wanted: SliceInput, settings: Settings) -> SliceInput:
        """Ask npm when the version was published; without a pinned hash, get it to have one."""
        version = self.split(wanted.item)[1]
        time = _time(_npm("view", wanted.item, "time", "mtime", "--json"), version)
        sha256 = wanted.sha256 or _download(wanted, settings)[1]
        return resolved(wanted, version, sha256, parse_time(time) if time else None)

    def fetch(self, wanted: SliceInput, settings: Settings) -> Path:
        """See ``PackageSource.fetch``."""
        return find_archive(wanted.sha256, settings) or _download(wanted, settings)[0]

    def release(self, row: SliceInput, tree: Tree) -> tuple[bytes, bytes]:
        """Author and message, from ``package.json`` in ``package/``, or the first folder of an archive without it."""
        name, version = self.split(row.item)
        folder = b"package" if b"package" in tree.names else tree.names[0]
        document = tree.documents.get(folder + b"/package.json")
        if document is None:
            raise ItemError(
                NO_METADATA, f"there is no package.json in the first folder of {name} {version}; without it there is no release"
            )
        try:
            fields = json.loads(document.decode("utf-8-sig", "replace"))
        except (ValueError, RecursionError):
            fields = {}
        message = f"Synthetic release for NPM source package {name} version {version}\n"
        return _author(fields).encode("utf-8", "replace"), message.encode()


SOURCE = Npm()


def versions(name: str) -> list[tuple[str, dt.datetime | None]]:
    """Every version of a package that was published, as items, and when.

    Raises:
        ItemError: ``missing-package``, ``unreachable`` or ``npm-missing``.
    """
    said = _npm("view", name, "time", "--json")
    times = said.get("time", said) if isinstance(said, dict) else {}
    found = ((f"{name}@{version}", time) for version, time in times.items() if isinstance(time, str))
    return sorted((item, parse_time(time)) for item, time in found if _ITEM.fullmatch(item))


def _time(said: Any, version: str) -> str | None:
    """When a version was published: as the package's times have it, or else as the version's own record does.

    Of several fields npm prints those that are there, and a single one without its name.
    """
    if isinstance(said, str):
        return said
    times = said.get("time", said)
    time = times.get(version) if isinstance(times, dict) else None
    return time if isinstance(time, str) else None


def _author(fields: Any) -> str:
    """``author``, or the first of ``authors``, as one line; empty when there is none."""
    if not isinstance(fields, dict):
        return ""
    return _person(fields["author"] if "author" in fields else fields.get("authors"))


def _person(value: Any) -> str:
    match value:
        case str():
            return value
        case [first, *_]:
            return _person(first)
        case dict():
            name = value.get("name")
            shown = name if isinstance(name, str) else _person(name) if isinstance(name, list) else ""
            return f"{shown} <{value['email']}>" if value.get("email") is not None else shown
        case _:
            return ""


def _download(wanted: SliceInput, settings: Settings) -> tuple[Path, str]:
    with scratch_folder("download", settings) as folder:
        _npm("pack", wanted.item, "--json", "--pack-destination", str(folder))
        found = sorted(folder.glob("*.tgz"))
        if not found:
            raise ItemError("missing-package", f"npm has no tarball of {wanted.item}")
        return keep_archive(found[0], wanted.sha256, settings)


def _npm(*arguments: str) -> Any:
    """Run npm and return what it answered.

    Raises:
        ItemError: ``npm-missing``, ``missing-package`` or ``unreachable``.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise ItemError("npm-missing", "npm is not installed; install it and run the slice again to get its packages")
    done = subprocess.run([npm, *arguments, "--silent", "--ignore-scripts"], capture_output=True, check=False)
    try:
        said = json.loads(done.stdout or b"{}")
    except ValueError:
        said = {}
    if done.returncode:
        error = said.get("error", {}) if isinstance(said, dict) else {}
        reason = "missing-package" if error.get("code") in ("E404", "ETARGET", "ENOVERSIONS") else "unreachable"
        line = (error.get("summary") or done.stderr.decode(errors="replace")).strip().partition("\n")[0]
        raise ItemError(reason, f"npm can't get {arguments[1]}: {line or f'it ended with code {done.returncode}'}")
    return said
