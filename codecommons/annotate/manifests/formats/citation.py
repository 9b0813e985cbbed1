# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Citation File Format: CITATION.cff. Of what it cites (``references``) nothing is read."""

from __future__ import annotations

from typing import Any

from codecommons.annotate.manifests.project import Format, Project, fullname, limited, text, texts, url
from codecommons.annotate.manifests.reading import mapping, yaml_mapping


def read(data: bytes) -> Project:
    """Read a YAML mapping. Several licences are a choice, as the format defines."""
    content = yaml_mapping(data)
    choices = texts(content.get("license"))
    people = content.get("authors")
    doi = text(content.get("doi"))
    return Project(
        "cff",
        text(content.get("title")),
        text(content.get("version")),
        " OR ".join(choices) or None,
        description=text(content.get("abstract")),
        authors=limited(_author(mapping(one)) for one in (people if isinstance(people, list) else ())),
        code_repository=url(content.get("repository-code")),
        homepage=url(content.get("url")),
        keywords=texts(content.get("keywords")),
        identifier=f"https://doi.org/{doi}" if doi and doi.startswith("10.") else url(doi),
    )


def _author(person: dict[str, Any]) -> str | None:
    parts = [text(person.get(name)) for name in ("given-names", "name-particle", "family-names", "name-suffix")]
    return fullname(" ".join(part for part in parts if part) or person.get("name") or person.get("alias"), person.get("email"))


FORMAT = Format(r"CITATION\.cff", read, most_bytes=1 << 20)
