# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Manifests: what ScanCode's tests expect of real packages' manifests, field by field, and CFF's own examples.

Where ScanCode and we mean different things by a field, the expectation is read our way: a version that a build computes is none;
what a parent pom only manages (``dependencyManagement``) and the language's own kit (``environment``) are no dependencies;
packages are compared without versions; Dart's type of package URL is ``pub``; ``git+`` and ``svn+`` are dropped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packageurl import PackageURL

from benchmarks.accuracy import Accuracy
from codecommons.annotate.manifests.licenses import license_of
from codecommons.annotate.manifests.project import Project, formats, purl, url

SECTION = "Manifests"
_FORMATS = {"m2": "maven", "cff": "citation"}
_ECOSYSTEM = {"dart": "pub", "pubspec": "pub"}
_NO_DEPENDENCY = ("dependencymanagement", "environment")


def measure(data: Path) -> list[Accuracy]:
    """Compare every field that the expectations have, also where they say that there is nothing."""
    rows = [json.loads(line) for line in (data / "package-metadata" / "manifests.jsonl").read_text().splitlines()]
    cases: dict[str, int] = {}
    wrong: dict[str, list[str]] = {}
    for row in rows:
        format_ = _format(row)
        if format_ is None or row["expected"] is None:
            continue
        project = _read(format_, row["content"].encode())
        for field, expected, got in _fields(row, project):
            cases[field] = cases.get(field, 0) + 1
            wrong.setdefault(field, [])
            if expected != got:
                wrong[field].append(f"`{row['path']}` {field}: expected {_shown(expected)}, found {_shown(got)}")
    each = [Accuracy(SECTION, field, count, count - len(wrong[field]), wrong[field]) for field, count in cases.items()]
    total = Accuracy(SECTION, "all fields", sum(cases.values()), sum(one.right for one in each))
    read = [row for row in rows if _format(row)]
    lost = [
        f"`{row['path']}`" for row in read if _must_be_read(row) and _read(_format(row) or "", row["content"].encode()) is None
    ]
    return [total, *each, Accuracy(SECTION, "read at all", len(read), len(read) - len(lost), lost)]


def _format(row: dict[str, Any]) -> str | None:
    if row["kind"] in ("pypi", "npm", "cargo"):
        return next(name for name, one in formats().items() if one.matches(row["path"].rpartition("/")[2]))
    name = _FORMATS.get(row["kind"], row["kind"])
    return name if name in formats() else None


def _must_be_read(row: dict[str, Any]) -> bool:
    return not (isinstance(row["expected"], dict) and row["expected"].get("cff_valid") is False)


def _read(name: str, data: bytes) -> Project | None:
    try:
        return formats()[name].read(data)
    except Exception:  # any error of a reader is a row with its reason
        return None


def _fields(row: dict[str, Any], project: Project | None) -> Iterator[tuple[str, Any, Any]]:
    """Name of a field, what is expected, and what we read, both in the same form."""
    expected = row["expected"][0] if isinstance(row["expected"], list) else row["expected"]
    if "cff_valid" in expected:
        return
    said = project or Project("nothing")
    kind = _ECOSYSTEM.get(expected["type"], expected["type"])
    yield "ecosystem", kind, said.ecosystem
    between = ":" if kind == "maven" else "/"
    yield "name", between.join(filter(None, (expected["namespace"], expected["name"]))) or None, said.name
    version = expected["version"]
    yield "version", None if version and version.startswith("attr:") else version, said.version
    yield "license", expected["declared_license_expression_spdx"], license_of(said.license, said.classifiers)
    yield "homepage", expected["homepage_url"], said.homepage
    yield "issue tracker", expected["bug_tracking_url"], said.issue_tracker
    places = [url(expected[name]) for name in ("vcs_url", "code_view_url") if expected[name]]
    yield (
        "code repository",
        said.code_repository if said.code_repository in places else (places or [None])[0],
        said.code_repository,
    )
    yield "keywords", sorted(expected["keywords"]), sorted(said.keywords)
    roles = ("developer",) if kind == "maven" else ("author",)
    yield "authors", len([one for one in expected["parties"] if one["role"] in roles]), len(said.people)
    packages = {_package(one["purl"]) for one in expected["dependencies"] if one["scope"] not in _NO_DEPENDENCY}
    yield "dependencies", sorted(packages), sorted({_package(one) for one in (*said.requires, *said.suggests)})


def _package(said: str) -> str:
    one = PackageURL.from_string(said)
    return purl(_ECOSYSTEM.get(one.type, one.type), "/".join(filter(None, (one.namespace, one.name)))) or said


def _shown(value: Any) -> str:
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) < 200 else f"{said[:200]} …"
