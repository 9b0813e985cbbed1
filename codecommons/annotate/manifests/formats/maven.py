# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Maven's pom.xml. What it inherits is taken from ``parent`` where that is in the file itself; other properties stay unknown."""

from __future__ import annotations

import re

from codecommons.annotate.manifests.project import LONGEST, MOST, Format, Project, fullname, limited, purl, text, url
from codecommons.annotate.manifests.reading import Element, xml

_PROPERTY = re.compile(r"\$\{([^{}]*)\}")
_TEST = ("test", "provided", "system")


def read(data: bytes) -> Project:
    """Read an XML document."""
    project = xml(data, "project")
    properties = {child.name: child.text[:LONGEST] for child in (project.all("properties") or [Element("")])[0].children}
    for name in ("groupId", "artifactId", "version", "packaging", "name"):
        said = project.get(name) or (project.get("parent", name) if name in ("groupId", "version") else None)
        for known in (name, f"project.{name}", f"pom.{name}"):
            properties.setdefault(known, (said or "")[:LONGEST])
        properties.setdefault(f"project.parent.{name}", (project.get("parent", name) or "")[:LONGEST])

    def filled(said: str | None) -> str | None:
        """The first ``LONGEST`` characters of a text with its properties, and theirs; None where one is unknown."""
        value = said or ""
        for _ in range(3):
            value = _PROPERTY.sub(lambda found: properties.get(found[1]) or found[0], value[:LONGEST])
        return None if "${" in value[:LONGEST] else text(value[:LONGEST])

    group, artifact, version = (filled(properties[name]) for name in ("groupId", "artifactId", "version"))
    needed: list[str | None] = []
    extra: list[str | None] = []
    for one in project.all("dependencies", "dependency")[:MOST]:
        names = filled(one.get("groupId")), filled(one.get("artifactId"))
        if all(names):
            wanted = filled(one.get("version"))
            exact = wanted if wanted and not re.search(r"[\[\](),]", wanted) else None
            suggested = one.get("scope") in _TEST or one.get("optional") == "true"
            (extra if suggested else needed).append(purl("maven", "/".join(map(str, names)), exact))
    licenses = [filled(one.get("name")) or filled(one.get("url")) for one in project.all("licenses", "license")]
    scm = [filled(project.get("scm", name)) for name in ("url", "connection", "developerConnection")]
    return Project(
        "maven",
        f"{group}:{artifact}" if group and artifact else artifact,
        version,
        "\n".join(one for one in licenses if one) or None,
        description=filled(project.get("description")),
        authors=limited(
            fullname(one.get("name") or one.get("id"), one.get("email")) for one in project.all("developers", "developer")
        ),
        code_repository=next((found for one in scm if (found := url(one))), None),
        issue_tracker=url(filled(project.get("issueManagement", "url"))),
        homepage=url(filled(project.get("url"))),
        languages=("Java",),
        requires=limited(needed),
        suggests=limited(extra),
        title=filled(project.get("name")) or artifact,
        identifier=purl("maven", f"{group}/{artifact}", version) if group and artifact else None,
    )


FORMAT = Format(r"pom\.xml|.+\.pom", read)
