# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Python's core metadata: PKG-INFO and METADATA."""

from __future__ import annotations

import re
from email.parser import HeaderParser

from codecommons.annotate.manifests import python
from codecommons.annotate.manifests.project import Format, Project, text, url


def read(data: bytes) -> Project:
    """Read headers; what is not ASCII in them is UTF-8."""
    headers = HeaderParser().parsestr(data.decode("utf-8-sig", "replace"))

    def one(name: str) -> str | None:
        return text(headers.get(name))

    def every(name: str) -> list[str]:
        return headers.get_all(name, [])

    requires, suggests = python.requirements(every("Requires-Dist"))
    linked = python.links([(label, address) for label, _, address in (value.partition(",") for value in every("Project-URL"))])
    return Project(
        "pypi",
        one("Name"),
        one("Version"),
        one("License-Expression") or one("License"),
        python.license_classifiers(every("Classifier")),
        description=one("Summary") or text(re.sub(r"\n(?: {8}|       \||\t)", "\n", headers.get("Description", ""))),
        authors=python.people(headers.get("Author"), headers.get("Author-email")),
        keywords=python.keywords(one("Keywords")),
        languages=python.languages(every("Classifier")),
        requires=requires,
        suggests=suggests,
        **{**linked, "homepage": url(one("Home-page")) or linked.get("homepage")},
    )


FORMAT = Format(r"PKG-INFO|METADATA", read)
