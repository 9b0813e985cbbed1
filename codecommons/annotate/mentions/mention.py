# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""One mention of software, and the forms in which it is compared with origins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from packageurl import PackageURL
from packageurl.contrib.url2purl import get_purl
from packaging.utils import canonicalize_name

from codecommons.lake.places import place

# A longer name or address is none; a document with more mentions is no paper.
LONGEST = 2_000
MOST_MENTIONS = 100_000
PURPOSES = ("used", "created", "shared")
_SPACE = re.compile(r"\s+")
_DOI = re.compile(r"\b10\.[0-9]{4,9}/[^\s\"<>]+")
_HOST = re.compile(r"[^/?#\s.]+(?:\.[^/?#\s.]+)+(?:/|$)")
# What a forge shows of a repository, behind its address.
_INSIDE = re.compile(
    r"^([^/]+/[^/]+/[^/]+)/(?:-|actions|archive|blob|branches|commits?|issues|pulls?|raw|releases|src|tags|tree|wiki)(?:/.*)?$"
)
_package_of: Callable[[str], PackageURL | None] = get_purl
_REPOSITORIES = ("bitbucket", "generic", "github", "gitlab")
_FORGES = ("bitbucket.org/", "github.com/", "gitlab.com/")
_LONGEST_PAGE = 500


@dataclass(frozen=True)
class Mention:
    """One mention, as it is written; None and empty where nothing is said.

    Attributes:
        name: of the software.
        normalized: its name as a recogniser normalises it.
        type: ``software``, ``environment``, ``component``, ``implicit`` (a phrase stands for the name), or ``announced``.
        versions: versions that are named with it; ``urls``, ``publishers`` and ``languages`` too.
        swhid: what it is identified by.
        purpose: ``used``, ``created``, ``shared`` -> whether the text at this place says so, and how sure the recogniser is.
        document_purpose: the same over the whole document.
        relationship: what an announcement calls it, an IRI.
        start: where the name begins, in characters; ``end`` where it ends.
        within: what the offsets count in: ``text`` (all characters of the document's text) or ``context`` (the sentence).
    """

    name: str | None
    normalized: str | None = None
    type: str = "software"
    versions: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    swhid: str | None = None
    purpose: dict[str, tuple[bool, float | None]] = field(default_factory=dict)
    document_purpose: dict[str, tuple[bool, float | None]] = field(default_factory=dict)
    relationship: str | None = None
    start: int | None = None
    end: int | None = None
    within: str | None = None


def rows(mentions: Iterable[Mention]) -> list[dict[str, Any]]:
    """The columns of table ``mention`` that a document's mentions give, in their order, numbered from 0."""
    return [_row(number, one) for number, one in enumerate(mentions)]


def _row(number: int, said: Mention) -> dict[str, Any]:
    urls = [clean for url in said.urls if (clean := address(url))]
    name = said.normalized or said.name
    return {
        "number": number,
        "name": said.name,
        "normalized": said.normalized,
        "type": said.type,
        "versions": list(said.versions),
        "urls": urls,
        "publishers": list(said.publishers),
        "languages": list(said.languages),
        "swhid": said.swhid,
        "relationship": said.relationship,
        **_purposes("", said.purpose),
        **_purposes("document_", said.document_purpose),
        "start_offset": said.start,
        "end_offset": said.end,
        "offsets_in": said.within,
        # A phrase that stands for a name is no name; what is hardly one character is none that anything could be told by.
        "name_form": canonicalize_name(name) if name and said.type != "implicit" and len(name) > 1 else None,
        "places": list(dict.fromkeys(form for url in urls if (form := mentioned_place(url)))),
    }


def _purposes(prefix: str, said: dict[str, tuple[bool, float | None]]) -> dict[str, Any]:
    found = {purpose: said.get(purpose, (None, None)) for purpose in PURPOSES}
    return {
        f"{prefix}{purpose}{suffix}": one
        for purpose, both in found.items()
        for suffix, one in zip(("", "_score"), both, strict=True)
    }


def mentioned_place(url: str) -> str | None:
    """The form of the place that a clean address in a paper means; None where it is no address of the net.

    A page about a package means its purl, a page in a repository the repository.
    """
    if url.startswith("pkg:"):
        return place(url)
    form = place(url)
    if not _HOST.match(form):
        return None
    if package := _package(url, form):
        return package
    inside = _INSIDE.match(form)
    return inside[1] if inside else form


def _package(url: str, form: str) -> str | None:
    """The purl of the package that a page is about; None for pages about anything else.

    The parsers of these pages take time that grows with the square of an address; and on whatever no page is called they fail.
    """
    if form.startswith(_FORGES) or len(form) > _LONGEST_PAGE:
        return None
    try:
        package = _package_of(url if "://" in url else f"https://{url}")
        if package is None or package.type in _REPOSITORIES:
            return None
        name = canonicalize_name(package.name) if package.type == "pypi" else package.name
        return PackageURL(package.type, package.namespace, name).to_string()
    except Exception:  # reads strangers' addresses with many parsers
        return None


def address(said: str) -> str | None:
    """An address as it was before it was set: without the spaces of broken lines and the punctuation behind it."""
    clean = _SPACE.sub("", said)
    while clean and (
        clean[-1] in ".,;:'\"" or (clean[-1] in ")]>" and clean.count(clean[-1]) > clean.count(_OPENING[clean[-1]]))
    ):
        clean = clean[:-1]
    return clean if 0 < len(clean) <= LONGEST else None


_OPENING = {")": "(", "]": "[", ">": "<"}


def text(value: Any) -> str | None:
    """Text in one line; None for nothing, for what is no text, and for what is too long to be a name."""
    if not isinstance(value, str):
        return None
    said = _SPACE.sub(" ", value).strip()
    return said if 0 < len(said) <= LONGEST else None


def doi(*said: Any) -> str | None:
    """The first DOI in some texts, in lower case."""
    found = (_DOI.search(one) for one in said if isinstance(one, str))
    return next((one[0].rstrip(".,;)").lower() for one in found if one), None)
