# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""pyproject.toml: the standard's table ``project``, or else Poetry's."""

from __future__ import annotations

from typing import Any

from codecommons.annotate.manifests import python
from codecommons.annotate.manifests.project import Format, Project, fullname, limited, purl, text, texts, url
from codecommons.annotate.manifests.reading import mapping, toml


def read(data: bytes) -> Project:
    """Read a TOML document."""
    content = toml(data)
    project = mapping(content.get("project"))
    return _standard(project) if project else _poetry(mapping(mapping(content.get("tool")).get("poetry")))


def _standard(project: dict[str, Any]) -> Project:
    said = project.get("license")
    requires, _ = python.requirements(texts(project.get("dependencies")))
    extras = mapping(project.get("optional-dependencies")).values()
    suggests, _ = python.requirements(one for extra in extras for one in texts(extra))
    people = project.get("authors")
    return Project(
        "pypi",
        text(project.get("name")),
        text(project.get("version")),
        text(mapping(said).get("text") if isinstance(said, dict) else said),
        python.license_classifiers(project.get("classifiers")),
        description=text(project.get("description")),
        authors=limited(
            fullname(mapping(one).get("name"), mapping(one).get("email")) for one in (people if isinstance(people, list) else ())
        ),
        keywords=python.keywords(project.get("keywords")),
        languages=python.languages(project.get("classifiers")),
        requires=requires,
        suggests=suggests,
        **python.links(mapping(project.get("urls"))),
    )


def _poetry(project: dict[str, Any]) -> Project:
    groups = [mapping(mapping(group).get("dependencies")) for group in mapping(project.get("group")).values()]
    linked = python.links(mapping(project.get("urls")))
    return Project(
        "pypi",
        text(project.get("name")),
        text(project.get("version")),
        text(project.get("license")),
        python.license_classifiers(project.get("classifiers")),
        description=text(project.get("description")),
        authors=texts(project.get("authors")),
        keywords=python.keywords(project.get("keywords")),
        languages=python.languages(project.get("classifiers")),
        requires=_packages(mapping(project.get("dependencies"))),
        suggests=limited(one for group in (mapping(project.get("dev-dependencies")), *groups) for one in _packages(group)),
        code_repository=url(project.get("repository")) or linked.get("code_repository"),
        homepage=url(project.get("homepage")) or linked.get("homepage"),
        issue_tracker=linked.get("issue_tracker"),
    )


def _packages(dependencies: dict[str, Any]) -> tuple[str, ...]:
    return limited(purl("pypi", python.canonicalize_name(name)) for name in dependencies if name.lower() != "python")


FORMAT = Format(r"pyproject\.toml", read, most_bytes=1 << 20)
