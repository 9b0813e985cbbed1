# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""NuGet's .nuspec; what a build would fill in (``$id$``) is not there."""

from __future__ import annotations

from codecommons.annotate.manifests.project import Format, Project, limited, purl, text, url
from codecommons.annotate.manifests.reading import xml


def read(data: bytes) -> Project:
    """Read an XML document."""
    package = xml(data, "package")

    def one(name: str) -> str | None:
        said = text(package.get("metadata", name))
        return None if said and said.startswith("$") and said.endswith("$") else said

    licenses = [element for element in package.all("metadata", "license") if element.attributes.get("type") == "expression"]
    dependencies = [
        *package.all("metadata", "dependencies", "dependency"),
        *package.all("metadata", "dependencies", "group", "dependency"),
    ]
    repositories = [element.attributes.get("url") for element in package.all("metadata", "repository")]
    return Project(
        "nuget",
        one("id"),
        one("version"),
        text(licenses[0].text) if licenses else one("licenseUrl"),
        description=one("description") or one("summary"),
        authors=limited(map(text, (one("authors") or "").split(","))),
        code_repository=url(repositories[0]) if repositories else None,
        homepage=url(one("projectUrl")),
        keywords=limited((one("tags") or "").replace(",", " ").split()),
        languages=(),
        requires=limited(purl("nuget", name) for element in dependencies if (name := element.attributes.get("id"))),
        title=one("title"),
    )


FORMAT = Format(r".+\.nuspec", read)
