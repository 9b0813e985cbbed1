# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a manifest can say, in the words of CodeMeta."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

from packageurl import PackageURL

from codecommons.plugins import discover

LONGEST = 2000  # characters of one text; some manifests carry a whole licence or manual
MOST = 2000  # items of one list

_NOTHING = ("", "UNKNOWN", "NONE", "NULL", "~")  # customary ways to say nothing
_SPACE = re.compile(r"\s+")


def text(value: Any) -> str | None:
    """A field's text; None for what is no text or says nothing."""
    if isinstance(value, bool) or not (isinstance(value, (str, int, float)) or hasattr(value, "encode")):
        return None
    said = str(value).strip()
    return None if said.upper() in _NOTHING else said


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list, or the one text, each once."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return tuple(dict.fromkeys(said for said in map(text, values[:MOST]) if said))


def url(value: Any) -> str | None:
    """An address without what version control systems put in front of it and without the name and password of anybody."""
    said = text(value)
    if said is None or _SPACE.search(said):
        return None
    said = re.sub(r"^(?:scm:)?(?:git|svn|hg|bzr)(?:\+|:(?=[a-z+]+:))", "", said)
    return re.sub(r"^([a-z+]+://)[^/@]*@", r"\1", said) or None


def fullname(name: Any, email: Any = None) -> str | None:
    """A person or organisation as an author is written: ``Name <email>``."""
    who, where = text(name), text(email)
    return f"{who} <{where}>" if who and where else who or (f"<{where}>" if where else None)


def purl(kind: str, name: str, version: str | None = None) -> str | None:
    """A package URL; None where the name can't be one. The namespace is what stands before the last ``/`` of ``name``."""
    namespace, _, last = name.strip().rpartition("/")
    try:
        return PackageURL(kind, namespace or None, last, version).to_string()
    except ValueError:
        return None


@dataclass(frozen=True)
class Project:
    """What a manifest says, as written; None and empty where it says nothing.

    Attributes:
        ecosystem: the type of its package URL (``pypi``, ``npm``, ``maven``, …), or the name of a format that has none.
        name: as its ecosystem writes it; ``version`` too.
        license: as written; ``classifiers`` are Python's that speak of licences.
        authors: full names. They are persons: only their hashes leave this process (``codemeta``).
        code_repository: address; ``issue_tracker`` and ``homepage`` too.
        requires: package URLs of what it needs to run; ``suggests`` of what it needs to be built, tested or in part. A version is
            there where the manifest names exactly one.
        title: how people call it, where that differs from ``name``.
        identifier: what identifies it; the package URL unless the manifest says otherwise.
    """

    ecosystem: str
    name: str | None = None
    version: str | None = None
    license: str | None = None
    classifiers: tuple[str, ...] = ()
    description: str | None = None
    authors: tuple[str, ...] = ()
    code_repository: str | None = None
    issue_tracker: str | None = None
    homepage: str | None = None
    keywords: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    suggests: tuple[str, ...] = ()
    title: str | None = None
    identifier: str | None = None

    @property
    def people(self) -> tuple[str, ...]:
        """The authors as sha256 of their full names, as everywhere in the lake; each once, in order."""
        return tuple(dict.fromkeys(hashlib.sha256(name.encode()).hexdigest() for name in self.authors))

    def cut(self, longest: int = LONGEST) -> Project:
        """The same with no text longer than ``longest`` characters, and no character that UTF-8 can't write."""

        def short(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(map(short, value))
            return value[:longest].encode("utf-8", "replace").decode() if isinstance(value, str) else value

        return replace(self, **{one.name: short(getattr(self, one.name)) for one in fields(self)})

    def codemeta(self, expression: str | None) -> str:
        """A CodeMeta 3.0 document, as JSON with sorted keys.

        Args:
            expression: the SPDX expression that ``license`` and ``classifiers`` mean, where that can be told.
        """
        single = expression is not None and re.fullmatch(r"[A-Za-z0-9.+-]+", expression) and "LicenseRef" not in expression
        known = {
            "name": self.title or self.name,
            "identifier": self.identifier,
            "version": self.version,
            "description": self.description,
            "license": f"https://spdx.org/licenses/{expression}" if single else expression or self.license,
            "author": [{"@type": "Person", "@id": f"urn:sha256:{one}"} for one in self.people],
            "codeRepository": self.code_repository,
            "issueTracker": self.issue_tracker,
            "url": self.homepage,
            "keywords": self.keywords,
            "programmingLanguage": self.languages,
            "softwareRequirements": self.requires,
            "softwareSuggestions": self.suggests,
        }
        said = {name: value for name, value in known.items() if value}
        document = {"@context": "https://w3id.org/codemeta/3.0", "@type": "SoftwareSourceCode", **said}
        return json.dumps(document, ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True)
class Format:
    """One kind of manifest.

    Attributes:
        names: a regular expression (case ignored) that the name of such a file matches as a whole.
        read: from bytes to what they say; raises anything for what can't be read.
        most_bytes: a larger manifest is not read.
    """

    names: str
    read: Callable[[bytes], Project]
    most_bytes: int = field(default=4 << 20)

    def matches(self, name: str) -> bool:
        """Whether a file of this name is one."""
        return re.fullmatch(self.names, name, re.IGNORECASE) is not None


@cache
def formats() -> dict[str, Format]:
    """All formats, by the name of their module."""
    return discover("codecommons.annotate.manifests.formats", "FORMAT", Format)


def limited(values: Iterable[str | None]) -> tuple[str, ...]:
    """What is there, each once, in order; of more than ``MOST`` the first, and the others are not even read."""
    found: dict[str, None] = {}
    for value in values:
        if value:
            found[value] = None
        if len(found) == MOST:
            break
    return tuple(found)
