# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a package's manifest says about the package: name, version, licence.

Read are Python's (PKG-INFO, METADATA, pyproject.toml, setup.cfg), npm's (package.json) and Rust's (Cargo.toml), by standard
parsers and without running anything. The licence as written is kept; beside it stands what it means as an SPDX expression, where
that can be told.
"""

from __future__ import annotations

import configparser
import json
import tomllib
from collections.abc import Callable
from email.parser import BytesHeaderParser
from typing import Any, NamedTuple

import pyarrow as pa

from codecommons.annotate import notices
from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values
from codecommons.annotate.expressions import together, whole

MOST_BYTES = 4 << 20
LONGEST_LICENSE = 2000  # characters; some manifests carry the whole text
LEAST_RELEVANCE = 80

FIELDS = (
    pa.field("ecosystem", pa.string()),
    pa.field("project", pa.string()),
    pa.field("project_version", pa.string()),
    pa.field("license_raw", pa.string()),
    pa.field("classifiers", pa.list_(pa.string())),
    pa.field("license", pa.string()),
)


class Manifest(NamedTuple):
    """What a manifest says, as written; None where it says nothing."""

    ecosystem: str
    project: str | None
    version: str | None
    license: str | None
    classifiers: tuple[str, ...] = ()


def _core_metadata(data: bytes) -> Manifest:
    headers = BytesHeaderParser().parsebytes(data)
    license_ = headers.get("License-Expression") or headers.get("License")
    return Manifest(
        "pypi",
        _text(headers.get("Name")),
        _text(headers.get("Version")),
        _text(license_),
        _licenses(headers.get_all("Classifier")),
    )


def _pyproject(data: bytes) -> Manifest:
    content = tomllib.loads(data.decode())
    project = _table(content, "project") or _table(_table(content, "tool"), "poetry")
    license_ = project.get("license")
    if isinstance(license_, dict):
        license_ = license_.get("text")
    return Manifest(
        "pypi", _text(project.get("name")), _text(project.get("version")), _text(license_), _licenses(project.get("classifiers"))
    )


def _setup_cfg(data: bytes) -> Manifest:
    content = configparser.RawConfigParser(strict=False)
    content.read_string(data.decode())
    metadata = content["metadata"] if content.has_section("metadata") else {}
    version = _text(metadata.get("version"))
    computed = version is not None and version.startswith(("attr:", "file:"))
    classifiers = _licenses(str(metadata.get("classifiers", "")).splitlines())
    return Manifest(
        "pypi", _text(metadata.get("name")), None if computed else version, _text(metadata.get("license")), classifiers
    )


def _package_json(data: bytes) -> Manifest:
    content = json.loads(data.decode("utf-8-sig"))
    if not isinstance(content, dict):
        raise ValueError("not an object")
    said = content.get("license") or content.get("licenses")
    parts = [part.get("type") if isinstance(part, dict) else part for part in (said if isinstance(said, list) else [said])]
    texts = [part for part in parts if _text(part)]
    license_ = texts[0] if len(texts) == 1 else " OR ".join(f"({text})" for text in texts)
    return Manifest("npm", _text(content.get("name")), _text(content.get("version")), _text(license_))


def _cargo(data: bytes) -> Manifest:
    package = _table(tomllib.loads(data.decode()), "package")
    license_ = _text(package.get("license"))
    choice = license_.replace("/", " OR ") if license_ else None  # Cargo's old way to write a choice
    return Manifest("cargo", _text(package.get("name")), _text(package.get("version")), choice)


READERS: dict[str, Callable[[bytes], Manifest]] = {
    "PKG-INFO": _core_metadata,
    "METADATA": _core_metadata,
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "package.json": _package_json,
    "Cargo.toml": _cargo,
}


def license_of(manifest: Manifest) -> str | None:
    """The SPDX expression that a manifest's licence fields mean; None when they say nothing that can be told.

    The licence field counts when it can be read, else the classifiers. Several classifiers all hold: nothing says that one may
    choose among them.
    """
    if manifest.license:
        meaning = whole(manifest.license) or _meaning("license: " + manifest.license)
        if meaning:
            return meaning
    return together(tuple(dict.fromkeys(filter(None, map(_meaning, manifest.classifiers)))))


def _meaning(text: str) -> str | None:
    found = notices.find(notices.load(), text.encode())
    sure = [m.expression for m in found if m.relevance >= LEAST_RELEVANCE and "LicenseRef-scancode-unknown" not in m.expression]
    return together(tuple(dict.fromkeys(sure)))


def _text(value: Any) -> str | None:
    """A field's text; None for what is no text, empty, or the customary ways to say nothing."""
    text = str(value).strip() if isinstance(value, (str, int, float)) or hasattr(value, "encode") else ""
    return None if text.upper() in ("", "UNKNOWN", "NONE") else text


def _table(content: dict[str, Any], name: str) -> dict[str, Any]:
    value = content.get(name)
    return value if isinstance(value, dict) else {}


def _licenses(classifiers: Any) -> tuple[str, ...]:
    lines = [str(line).strip() for line in classifiers or () if str(line).strip()]
    return tuple(line for line in lines if line.startswith("License ::"))


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``."""
    readers = {name.lower(): reader for name, reader in READERS.items()}
    rows = []
    for name, data in zip(values(batch, "name"), values(batch, "data"), strict=True):
        if len(data) > MOST_BYTES:
            raise ValueError(f"a manifest of {len(data)} bytes")
        manifest = readers[name.decode().lower()](data)
        raw = manifest.license[:LONGEST_LICENSE] if manifest.license else None
        rows.append((*manifest[:3], raw, list(manifest.classifiers), license_of(manifest)))
    return table(rows, FIELDS)


ANNOTATOR = Annotator(
    name="project_metadata",
    description="What a package's manifest says about the package; error says why one could not be read.",
    version=1,
    input="named_content",
    fields=FIELDS,
    annotate=annotate,
    tools=("licensedcode-data", "license-expression"),
    configuration={"most_bytes": MOST_BYTES, "longest_license": LONGEST_LICENSE, "least_relevance": LEAST_RELEVANCE},
    names="|".join(name.replace(".", r"\.") for name in READERS),
    prepare=notices.prepare,
)
