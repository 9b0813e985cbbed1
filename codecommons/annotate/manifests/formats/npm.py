# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""npm's package.json."""

from __future__ import annotations

import re
from typing import Any

from codecommons.annotate.manifests.project import Format, Project, fullname, limited, purl, text, texts, url
from codecommons.annotate.manifests.reading import json_object, mapping

_HOSTS = {"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}
_SHORT = re.compile(r"(?:(github|gitlab|bitbucket):)?([\w.-]+/[\w.-]+)")
_EXACT = re.compile(r"v?(\d+\.\d+\.\d+(?:[-+][\w.+-]+)?)")


def read(data: bytes) -> Project:
    """Read a JSON object."""
    content = json_object(data)
    name = text(content.get("name"))
    bugs = content.get("bugs")
    return Project(
        "npm",
        name,
        text(content.get("version")),
        _license(content.get("license") or content.get("licenses")),
        description=text(content.get("description")),
        authors=limited(map(person, _list(content.get("author")))),
        code_repository=_repository(content.get("repository")),
        issue_tracker=url(bugs.get("url") if isinstance(bugs, dict) else bugs),
        homepage=url(content.get("homepage")),
        keywords=texts(content.get("keywords")),
        languages=("JavaScript",),
        requires=_packages(content, "dependencies", "optionalDependencies"),
        suggests=_packages(content, "devDependencies", "peerDependencies"),
    )


def person(value: Any) -> str | None:
    """An author, written ``Name <email> (url)`` or as an object."""
    if isinstance(value, dict):
        return fullname(value.get("name"), value.get("email"))
    said = text(value)
    if said and said.endswith(")"):
        said = said.rpartition("(")[0] or said
    return text(said)


def _license(said: Any) -> str | None:
    parts = texts([part.get("type") or part.get("name") if isinstance(part, dict) else part for part in _list(said)])
    return parts[0] if len(parts) == 1 else " OR ".join(f"({part})" for part in parts) or None


def _repository(value: Any) -> str | None:
    said = text(value.get("url") if isinstance(value, dict) else value)
    short = _SHORT.fullmatch(said) if said else None
    return f"https://{_HOSTS[short[1] or 'github']}/{short[2]}" if short else url(said)


def _packages(content: dict[str, Any], *names: str) -> tuple[str, ...]:
    return limited(_package(name, wanted) for one in names for name, wanted in mapping(content.get(one)).items())


def _package(name: str, wanted: Any) -> str | None:
    said = text(wanted) or ""
    if said.startswith("npm:"):  # another package under this name
        name, _, said = said.removeprefix("npm:").rpartition("@")
    exact = _EXACT.fullmatch(said)
    return purl("npm", name, exact[1] if exact else None)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


FORMAT = Format(r"package\.json", read)
