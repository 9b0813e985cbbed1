# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""setup.cfg, as setuptools reads it; what it would compute (``attr:``, ``file:``) is not there."""

from __future__ import annotations

import configparser
import re

from codecommons.annotate.manifests import python
from codecommons.annotate.manifests.project import Format, Project, text, url

_INSIDE = re.compile(r"(?<=\S)[^\S\n]{2,}")


def read(data: bytes) -> Project:
    """Read an INI file. White space inside a line is made one blank first: the parser's time is the square of its length."""
    content = configparser.RawConfigParser(strict=False)
    content.read_string(_INSIDE.sub(" ", data.decode("utf-8-sig")))

    def section(name: str) -> dict[str, str]:
        return {key: value for key, value in content.items(name) if value is not None} if content.has_section(name) else {}

    metadata = {key.replace("-", "_"): value for key, value in section("metadata").items()}
    options = section("options")

    def one(*names: str) -> str | None:
        said = next((found for name in names if (found := text(metadata.get(name)))), None)
        return None if said and said.startswith(("attr:", "file:")) else said

    def lines(value: str | None) -> list[str]:
        return [line.strip() for line in (value or "").replace(";\n", "\n").splitlines() if line.strip()]

    classifiers = lines(metadata.get("classifiers"))
    linked = python.links([(label, address.strip()) for label, _, address in _pairs(lines(metadata.get("project_urls")))])
    requires, _ = python.requirements(lines(options.get("install_requires")))
    extras = [line for value in section("options.extras_require").values() for line in lines(value)]
    suggests, _ = python.requirements([*lines(options.get("setup_requires")), *lines(options.get("tests_require")), *extras])
    return Project(
        "pypi",
        one("name"),
        one("version"),
        one("license"),
        python.license_classifiers(classifiers),
        description=one("description", "summary"),
        authors=python.people(one("author"), one("author_email")),
        keywords=python.keywords(" ".join(lines(metadata.get("keywords")))),
        languages=python.languages(classifiers),
        requires=requires,
        suggests=suggests,
        **{**linked, "homepage": url(one("url", "home_page")) or linked.get("homepage")},
    )


def _pairs(lines: list[str]) -> list[tuple[str, str, str]]:
    return [line.partition("=") for line in lines]


FORMAT = Format(r"setup\.cfg", read, most_bytes=1 << 20)
