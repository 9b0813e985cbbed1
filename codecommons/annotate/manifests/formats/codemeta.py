# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""codemeta.json, of any version of CodeMeta."""

from __future__ import annotations

import re
from typing import Any

from codecommons.annotate.manifests.project import Format, Project, fullname, limited, text, texts, url
from codecommons.annotate.manifests.reading import json_object

_SPDX = re.compile(r"https?://spdx\.org/licenses/([^/]+?)(?:\.html|\.json)?/?")


def read(data: bytes) -> Project:
    """Read a JSON object; terms may carry a prefix, values may be objects with a name."""
    content = {key.rpartition(":")[2]: value for key, value in json_object(data).items()}
    identifiers = texts(_values(content.get("identifier"), "@id", "value"))
    licenses = limited(map(_license, _values(content.get("license"), "@id", "url", "name")))
    return Project(
        "codemeta",
        text(content.get("name")),
        text(content.get("version")) or text(content.get("softwareVersion")),
        " AND ".join(licenses) or None,
        description=text(content.get("description")),
        authors=limited(map(_author, [*_list(content.get("author")), *_list(content.get("agents"))])),
        code_repository=next(iter(map(url, _values(content.get("codeRepository"), "@id", "url"))), None),
        issue_tracker=next(iter(map(url, _values(content.get("issueTracker"), "@id", "url"))), None),
        homepage=next(iter(map(url, _values(content.get("url"), "@id"))), None),
        keywords=_keywords(content.get("keywords")),
        languages=texts(_values(content.get("programmingLanguage"), "name")),
        requires=_packages(content.get("softwareRequirements")),
        suggests=_packages(content.get("softwareSuggestions")),
        identifier=identifiers[0] if identifiers else None,
    )


def _list(value: Any) -> list[Any]:
    if isinstance(value, dict) and isinstance(value.get("@list"), list):
        value = value["@list"]
    return value if isinstance(value, list) else [value]


def _values(value: Any, *names: str) -> list[Any]:
    """Plain values; of an object the first of ``names`` it has."""
    found = []
    for one in _list(value):
        found.append(next((one[name] for name in names if one.get(name)), None) if isinstance(one, dict) else one)
    return [one for one in found if one is not None]


def _license(value: Any) -> str | None:
    said = text(value)
    spdx = _SPDX.fullmatch(said) if said else None
    return spdx[1] if spdx else said


def _author(value: Any) -> str | None:
    if not isinstance(value, dict):
        return text(value)
    parts = [text(value.get(name)) for name in ("givenName", "familyName")]
    return fullname(" ".join(part for part in parts if part) or value.get("name"), value.get("email"))


def _keywords(value: Any) -> tuple[str, ...]:
    said = _list(value)
    return limited(map(text, str(said[0]).split(","))) if len(said) == 1 and isinstance(said[0], str) else texts(said)


def _packages(value: Any) -> tuple[str, ...]:
    """Those that are given by a package URL."""
    return limited(
        one for one in texts(_values(value, "identifier", "@id", "codeRepository")) if re.match(r"pkg:[a-z0-9.+-]+/", one)
    )


FORMAT = Format(r"(?:.+-)?codemeta(?:-.+)?\.json", read)
