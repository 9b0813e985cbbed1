# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""PHP's composer.json."""

from __future__ import annotations

import re
from typing import Any

from codecommons.annotate.manifests.project import Format, Project, fullname, limited, purl, text, texts, url
from codecommons.annotate.manifests.reading import json_object, mapping

_EXACT = re.compile(r"v?(\d+(?:\.\d+){1,3}(?:-[\w.]+)?)")


def read(data: bytes) -> Project:
    """Read a JSON object."""
    content = json_object(data)
    choices = texts(content.get("license"))
    people = content.get("authors")
    support = mapping(content.get("support"))
    return Project(
        "composer",
        text(content.get("name")),
        text(content.get("version")),
        choices[0] if len(choices) == 1 else " OR ".join(f"({choice})" for choice in choices) or None,
        description=text(content.get("description")),
        authors=limited(
            fullname(mapping(one).get("name"), mapping(one).get("email")) for one in (people if isinstance(people, list) else ())
        ),
        code_repository=url(support.get("source")),
        issue_tracker=url(support.get("issues")),
        homepage=url(content.get("homepage")),
        keywords=texts(content.get("keywords")),
        languages=("PHP",),
        requires=_packages(content.get("require")),
        suggests=_packages(content.get("require-dev")),
    )


def _packages(wanted: Any) -> tuple[str, ...]:
    """The packages; ``php``, ``ext-…`` and the like, which have no vendor, are the platform's."""
    found = []
    for name, said in mapping(wanted).items():
        exact = _EXACT.fullmatch(text(said) or "")
        found.append(purl("composer", name, exact[1] if exact else None) if "/" in name else None)
    return limited(found)


FORMAT = Format(r"composer\.json", read)
