# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""R's DESCRIPTION. ``Authors@R`` is R code: names are read from its literals, nothing is run."""

from __future__ import annotations

import re
from email.parser import HeaderParser

from codecommons.annotate.manifests.project import Format, Project, fullname, limited, purl, text, url

_LICENSES = {
    "BSD_2_clause": "BSD-2-Clause",
    "BSD_3_clause": "BSD-3-Clause",
    "CC0": "CC0-1.0",
    "Apache License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "GPL": "GPL-1.0-or-later",
    "LGPL": "LGPL-2.0-or-later",
}
_VERSIONED = re.compile(
    r"(?i)(A?L?GPL|GNU General Public License|Apache License|MPL|Artistic)\s*(?:-|\(\s*(>=|==)?|version)\s*v?([\d.]+)\s*\)?"
)
_WORDS = re.compile(r'"((?:[^"\\]|\\.){0,500})"|\'((?:[^\'\\]|\\.){0,500})\'')


MOST_CODE = 1 << 16  # characters of ``Authors@R``


def read(data: bytes) -> Project:
    """Read fields.

    Raises:
        ValueError: there is no package in it: other things are called DESCRIPTION, too.
    """
    fields = HeaderParser().parsestr(data.decode("utf-8-sig", "replace"))

    def one(name: str) -> str | None:
        return text(" ".join(fields.get(name, "").split()))

    if one("Package") is None or one("Version") is None:
        raise ValueError("no R package's DESCRIPTION")
    links = [found for said in re.split(r"[,\s]+", one("URL") or "") if (found := url(said))]
    forges = [link for link in links if re.match(r"https?://(?:git(?:hub|lab)\.|codeberg\.org/|bitbucket\.org/)", link)]
    return Project(
        "cran",
        one("Package"),
        one("Version"),
        _license(one("License")),
        description=one("Title"),
        authors=limited(_people(one("Authors@R")) or _named(one("Author"))),
        code_repository=forges[0] if forges else None,
        issue_tracker=url(one("BugReports")),
        homepage=links[0] if links else None,
        languages=("R",),
        requires=_packages(one("Depends"), one("Imports"), one("LinkingTo")),
        suggests=_packages(one("Suggests"), one("Enhances")),
    )


def _license(said: str | None) -> str | None:
    """R's own way of writing licences (``GPL (>= 2) | MIT + file LICENSE``), as SPDX where R's manual says what it means."""
    if said is None:
        return None
    choices = []
    for choice in said.split("|"):
        name = choice.partition("+")[0].strip()
        versioned = _VERSIONED.fullmatch(name)
        if name.lower().startswith("file "):
            continue
        if versioned:
            kind = versioned[1].upper().replace("GNU GENERAL PUBLIC LICENSE", "GPL").replace("APACHE LICENSE", "Apache")
            number = versioned[3] if "." in versioned[3] else f"{versioned[3]}.0"
            suffix = {">=": "-or-later"}.get(versioned[2] or "", "-only") if kind.endswith("GPL") else ""
            name = f"{kind.replace('ARTISTIC', 'Artistic')}-{number}{suffix}"
        choices.append(_LICENSES.get(name, name))
    return " OR ".join(choices) or None


def _people(code: str | None) -> list[str | None]:
    found = []
    for call in (code or "")[:MOST_CODE].split("person(")[1:]:
        words = [first or second for first, second in _WORDS.findall(call)]
        email = next((word for word in words if "@" in word), None)
        names = [word for word in words[:2] if "@" not in word and not re.fullmatch(r"[a-z]{3}", word)]
        found.append(fullname(" ".join(names), email))
    return found


def _named(said: str | None) -> list[str | None]:
    """Names of the field Author: between commas and ``and``, without roles and remarks."""
    plain = re.sub(r"\[[^\[\]]*\]|\([^()]*\)", "", said or "")
    return [text(part) for part in re.split(r",|;|\band\b", plain)]


def _packages(*fields: str | None) -> tuple[str, ...]:
    names = [re.sub(r"\s*\(.*", "", one).strip() for field in fields for one in (field or "").split(",")]
    return limited(purl("cran", name) for name in names if name and name != "R")


FORMAT = Format(r"DESCRIPTION", read, most_bytes=1 << 20)
