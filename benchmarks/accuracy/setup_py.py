# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""setup.py, of which we read the literals, against what running it wrote: the PKG-INFO of the same archive.

The archives are those of the demo. A field that setup.py computes is not told, which is no mistake; the figures say how many are
told of those that PKG-INFO has. Versions are compared as versions, names as the index compares them. Dependencies are not:
most of these PKG-INFO are of a format that had no place for them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name, canonicalize_version

from benchmarks import corpus
from benchmarks.accuracy import Accuracy
from codecommons.annotate.manifests.formats import core_metadata, setup_py
from codecommons.annotate.manifests.licenses import license_of
from codecommons.annotate.manifests.project import Project
from codecommons.settings import Settings

SECTION = "setup.py"
_FIELDS: dict[str, Callable[[Project], Any]] = {
    "name": lambda said: said.name and canonicalize_name(said.name),
    "version": lambda said: said.version and canonicalize_version(said.version),
    "license": lambda said: license_of(said.license, said.classifiers),
    "homepage": lambda said: said.homepage,
    "code repository": lambda said: said.code_repository,
    "issue tracker": lambda said: said.issue_tracker,
    "keywords": lambda said: sorted(said.keywords),
    "authors": lambda said: len(said.people),
}


def measure(data: Path) -> list[Accuracy]:
    """One row a field: of those that setup.py tells, how many are as PKG-INFO has them."""
    read: dict[bytes, dict[bytes, Project]] = {}
    for file in corpus.files(Settings.from_environment()):
        folder, _, name = file.path.partition(b"/")
        if name == b"setup.py":
            try:
                read.setdefault(folder, {})[name] = setup_py.read(file.data)
            except ValueError:  # a row with its reason
                continue
        elif name == b"PKG-INFO":
            read.setdefault(folder, {})[name] = core_metadata.read(file.data)
    pairs = [(folder.decode(), both[b"setup.py"], both[b"PKG-INFO"]) for folder, both in sorted(read.items()) if len(both) == 2]
    return [_row(field, [(name, get(ours), get(theirs)) for name, ours, theirs in pairs]) for field, get in _FIELDS.items()]


def _row(field: str, answers: list[tuple[str, Any, Any]]) -> Accuracy:
    told = [one for one in answers if one[1]]
    wrong = [f"`{name}` {field}: expected {theirs}, found {ours}" for name, ours, theirs in told if ours != theirs]
    known = sum(1 for one in answers if one[2])
    return Accuracy(SECTION, field, len(told), len(told) - len(wrong), wrong, {"told": f"{len(told)} of {known}"})
