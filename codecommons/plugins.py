# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Things that are found by name: one file adds a source, an annotator or a format, and there is no list to edit."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from codecommons.errors import UsageError

T = TypeVar("T")


def discover(package: str, attribute: str, kind: type[T], folders: Iterable[Path] = ()) -> dict[str, T]:
    """Find one object per module of a package and of the folders of the same name under the users' plug-in folders.

    Args:
        package: dotted name, such as ``codecommons.annotate.annotators``.
        attribute: the module attribute to read, such as ``ANNOTATOR``.
        kind: what it must be an instance of.
        folders: plug-in folders; ``<folder>/annotators/*.py`` belong to the package named above.

    Returns:
        Module name -> object, sorted by name.

    Raises:
        UsageError: a plug-in can't be imported, has no such attribute, or takes a name that is already there.
    """
    found = {name: _read(module, attribute, kind) for name, module in _ours(package).items()}
    for folder in folders:
        for path in sorted((folder / package.rpartition(".")[2]).glob("[!_]*.py")):
            if path.stem in found:
                raise UsageError(f"{path} takes the name {path.stem!r}, which {package} already has; rename the file")
            found[path.stem] = _read(_load(f"{package}.{path.stem}", path), attribute, kind)
    return dict(sorted(found.items()))


def names(package: str, folders: Iterable[Path] = ()) -> list[str]:
    """The names under which ``discover`` would find something, sorted; nothing is imported but the package."""
    ours = {info.name for info in pkgutil.iter_modules(importlib.import_module(package).__path__)}
    theirs = {path.stem for folder in folders for path in (folder / package.rpartition(".")[2]).glob("[!_]*.py")}
    return sorted(ours | theirs)


@cache
def _ours(package: str) -> dict[str, ModuleType]:
    names = [info.name for info in pkgutil.iter_modules(importlib.import_module(package).__path__)]
    return {name: importlib.import_module(f"{package}.{name}") for name in names}


def _load(name: str, path: Path) -> ModuleType:
    module = sys.modules.get(name)
    if module is not None and module.__file__ == str(path):
        return module
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} can't be imported as a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise UsageError(f"the plug-in {path} can't be imported: {type(error).__name__}: {error}") from error
    return module


def _read(module: ModuleType, attribute: str, kind: type[T]) -> T:
    value = getattr(module, attribute, None)
    if not isinstance(value, kind):
        raise UsageError(f"{module.__file__} must define {attribute}, of type {kind.__name__}; it has {type(value).__name__}")
    return value
