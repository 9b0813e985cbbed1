# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""``sources.yaml`` in the home: what is followed, how often, and within which limits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict

from codecommons import strict
from codecommons.errors import UsageError
from codecommons.lake.stages import digest
from codecommons.listing.lister import Options, listers
from codecommons.settings import Settings

NAME = "sources.yaml"
_MOST_BYTES = 4 << 20
# What may change without another beginning.
_PACE = {"every", "max_items", "max_pages", "token", "page_size", "own_network"}


def followed(settings: Settings, names: Collection[str] = ()) -> dict[str, Options]:
    """What is followed, by name, in the order of the file; nothing where there is none.

    Args:
        settings: whose home it is in.
        names: only these; all of it unless given.

    Raises:
        UsageError: the file can't be read, or says something that makes no sense; the message names the entry and the key. Or
            there is nothing of a name.
    """
    found = _read(settings)
    for name in names:
        if name not in found:
            raise UsageError(f"{name!r} is not in {settings.home / NAME}; {strict.nearest(name, found)}")
    return {name: options for name, options in found.items() if not names or name in names}


def _read(settings: Settings) -> dict[str, Options]:
    path = settings.home / NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from error
    values = strict.load(content, str(path), _MOST_BYTES)
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise UsageError(f"{path} must be lines such as 'my-forge: {{lister: gitlab, url: …}}', each a name and what is followed")
    known = listers(settings)
    found = {}
    for name, entry in values.items():
        where = f"{path}: {strict.slug(name, f'{path}: the name')}"
        chosen = entry.get("lister") if isinstance(entry, Mapping) else None
        if isinstance(chosen, str) and chosen not in known:
            raise UsageError(f"{where}: there is no lister {chosen!r}; {strict.nearest(chosen, known)}")
        found[name] = strict.read(known[chosen].options if isinstance(chosen, str) else Options, entry, where)
    return found


def configuration(options: Options) -> str:
    """Digest of what is listed: with another one, a cursor means nothing."""
    return digest({name: value for name, value in asdict(options).items() if name not in _PACE})
