# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Rust's Cargo.toml; what a member takes from its workspace is not there."""

from __future__ import annotations

import re
from typing import Any

from codecommons.annotate.manifests.project import Format, Project, limited, purl, text, texts, url
from codecommons.annotate.manifests.reading import mapping, toml

_EXACT = re.compile(r"=\s*(\d+\.\d+\.\d+\S*)")


def read(data: bytes) -> Project:
    """Read a TOML document."""
    content = toml(data)
    package = mapping(content.get("package")) or mapping(content.get("project"))
    said = text(package.get("license"))
    targets = [content, *map(mapping, mapping(content.get("target")).values())]
    return Project(
        "cargo",
        text(package.get("name")),
        text(package.get("version")),
        said.replace("/", " OR ") if said else None,  # Cargo's old way to write a choice
        description=text(package.get("description")),
        authors=texts(package.get("authors")) if isinstance(package.get("authors"), list) else (),
        code_repository=url(package.get("repository")),
        homepage=url(package.get("homepage")),
        keywords=limited([*_listed(package.get("keywords")), *_listed(package.get("categories"))]),
        languages=("Rust",),
        requires=limited(_packages(targets, "dependencies")),
        suggests=limited([*_packages(targets, "dev-dependencies"), *_packages(targets, "build-dependencies")]),
    )


def _listed(value: Any) -> tuple[str, ...]:
    return texts(value) if isinstance(value, list) else ()


def _packages(targets: list[dict[str, Any]], kind: str) -> list[str | None]:
    found: list[str | None] = []
    for target in targets:
        for name, wanted in mapping(target.get(kind) or target.get(kind.replace("-", "_"))).items():
            table = mapping(wanted)
            exact = _EXACT.fullmatch(text(table.get("version") if table else wanted) or "")
            found.append(purl("cargo", text(table.get("package")) or name, exact[1] if exact else None))
    return found


FORMAT = Format(r"Cargo\.toml", read, most_bytes=1 << 20)
