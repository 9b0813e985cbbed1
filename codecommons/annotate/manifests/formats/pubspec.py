# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Dart's pubspec.yaml."""

from __future__ import annotations

import re
from typing import Any

from codecommons.annotate.manifests.project import Format, Project, limited, purl, text, texts, url
from codecommons.annotate.manifests.reading import mapping, yaml_mapping

_EXACT = re.compile(r"\d+\.\d+\.\d+(?:[-+][\w.+-]+)?")


def read(data: bytes) -> Project:
    """Read a YAML mapping."""
    content = yaml_mapping(data)
    return Project(
        "pub",
        text(content.get("name")),
        text(content.get("version")),
        text(content.get("license")),
        description=text(content.get("description")),
        authors=limited([*texts(content.get("authors")), *texts(content.get("author"))]),
        code_repository=url(content.get("repository")),
        issue_tracker=url(content.get("issue_tracker")),
        homepage=url(content.get("homepage")),
        keywords=limited([*texts(content.get("keywords")), *texts(content.get("topics"))]),
        languages=("Dart",),
        requires=_packages(content.get("dependencies")),
        suggests=_packages(content.get("dev_dependencies")),
    )


def _packages(wanted: Any) -> tuple[str, ...]:
    found = []
    for name, said in mapping(wanted).items():
        exact = text(mapping(said).get("version") if isinstance(said, dict) else said) or ""
        found.append(purl("pub", name, exact if _EXACT.fullmatch(exact) else None))
    return limited(found)


FORMAT = Format(r"pubspec\.ya?ml", read, most_bytes=1 << 20)
