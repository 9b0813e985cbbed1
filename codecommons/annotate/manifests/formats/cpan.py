# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Perl's META.json and META.yml, by CPAN::Meta::Spec, versions 1 and 2."""

from __future__ import annotations

from typing import Any

from codecommons.annotate.manifests.project import Format, Project, limited, purl, text, texts, url
from codecommons.annotate.manifests.reading import json_object, mapping, yaml_mapping

# The specification's names of licences -> SPDX. What names a family (``open_source``) or nothing (``unknown``) stays as written.
_LICENSES = {
    "agpl_3": "AGPL-3.0-only",
    "apache": "Apache-2.0",
    "apache_1_1": "Apache-1.1",
    "apache_2_0": "Apache-2.0",
    "artistic": "Artistic-1.0-Perl",
    "artistic2": "Artistic-2.0",
    "artistic_1": "Artistic-1.0-Perl",
    "artistic_2": "Artistic-2.0",
    "bsd": "BSD-3-Clause",
    "freebsd": "BSD-2-Clause",
    "gfdl_1_2": "GFDL-1.2-only",
    "gfdl_1_3": "GFDL-1.3-only",
    "gpl": "GPL-1.0-or-later",
    "gpl_1": "GPL-1.0-only",
    "gpl_2": "GPL-2.0-only",
    "gpl_3": "GPL-3.0-only",
    "lgpl": "LGPL-2.0-or-later",
    "lgpl_2_1": "LGPL-2.1-only",
    "lgpl_3_0": "LGPL-3.0-only",
    "mit": "MIT",
    "mozilla": "MPL-1.1",
    "mozilla_1_0": "MPL-1.0",
    "mozilla_1_1": "MPL-1.1",
    "openssl": "OpenSSL",
    "perl": "Artistic-1.0-Perl OR GPL-1.0-or-later",
    "perl_5": "Artistic-1.0-Perl OR GPL-1.0-or-later",
    "qpl_1_0": "QPL-1.0",
    "sun": "SISSL",
    "zlib": "Zlib",
}


def read(data: bytes) -> Project:
    """Read a JSON object or a YAML mapping.

    Raises:
        ValueError: it is neither, or no metadata of CPAN: many other files are called so.
    """
    content = json_object(data) if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else yaml_mapping(data)
    if not {"meta-spec", "generated_by"} <= content.keys():
        raise ValueError("it lacks meta-spec or generated_by, so it is no metadata of CPAN")
    resources = mapping(content.get("resources"))
    repository, tracker = resources.get("repository"), resources.get("bugtracker")
    return Project(
        "cpan",
        text(content.get("name")),
        text(content.get("version")),
        _license(texts(content.get("license"))),
        description=text(content.get("abstract")),
        authors=limited(texts(content.get("author"))),
        code_repository=url(_address(repository, "web", "url")),
        issue_tracker=url(_address(tracker, "web")),
        homepage=url(resources.get("homepage")),
        keywords=limited([*texts(content.get("keywords")), *texts(content.get("tags"))]),
        languages=("Perl",),
        requires=_packages(content, "requires"),
        suggests=_packages(content, "recommends"),
    )


def _license(names: tuple[str, ...]) -> str | None:
    """All of them hold, for some file or other: the specification doesn't say which."""
    meant = [_LICENSES.get(name.lower(), name) for name in names]
    return meant[0] if len(meant) == 1 else " AND ".join(f"({one})" for one in meant) or None


def _address(said: Any, *names: str) -> Any:
    """An address: of version 1 it is all that is said, of version 2 one of some."""
    return next((mapping(said)[name] for name in names if name in mapping(said)), None) if isinstance(said, dict) else said


def _packages(content: dict[str, Any], kind: str) -> tuple[str, ...]:
    """What it needs to run. A version is the least one, so none is exact; ``perl`` itself is no package."""
    wanted = mapping(mapping(mapping(content.get("prereqs")).get("runtime")).get(kind)) | mapping(content.get(kind))
    return limited(purl("cpan", name.replace("::", "-")) for name in wanted if name != "perl")


FORMAT = Format(r"META\.(?:json|ya?ml)", read, most_bytes=4 << 20)
