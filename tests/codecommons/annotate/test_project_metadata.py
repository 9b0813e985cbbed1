# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json

import pytest

PKG_INFO = b"""Metadata-Version: 2.1
Name: thing
Version: 1.2
License: BSD
Classifier: License :: OSI Approved :: BSD License
Classifier: Programming Language :: Python

Name: not-this
"""


@pytest.mark.parametrize(
    ("name", "data", "ecosystem", "project", "version", "raw", "expression"),
    [
        (b"PKG-INFO", PKG_INFO, "pypi", "thing", "1.2", "BSD", "BSD-3-Clause"),
        (b"METADATA", b"Name: t\nVersion: 1\nLicense-Expression: MIT OR ISC\n", "pypi", "t", "1", "MIT OR ISC", "MIT OR ISC"),
        (b"METADATA", b"Name: t\nLicense: UNKNOWN\n", "pypi", "t", None, None, None),
        (b"pyproject.toml", b'[project]\nname="t"\nversion="2"\nlicense="MIT"\n', "pypi", "t", "2", "MIT", "MIT"),
        (b"pyproject.toml", b'[tool.poetry]\nname="t"\nlicense="Apache 2.0"\n', "pypi", "t", None, "Apache 2.0", "Apache-2.0"),
        (b"pyproject.toml", b'[project]\nname="t"\nlicense={file="LICENSE"}\n', "pypi", "t", None, None, None),
        (b"setup.cfg", b"[metadata]\nname = t\nversion = attr: t.v\nlicense = MIT\n", "pypi", "t", None, "MIT", "MIT"),
        (b"setup.cfg", b"[bdist_wheel]\nuniversal = 1\n", "pypi", None, None, None, None),
        (b"package.json", b'{"name":"@a/b","version":"1.0.0","license":"ISC"}', "npm", "@a/b", "1.0.0", "ISC", "ISC"),
        (
            b"package.json",
            b'{"licenses":[{"type":"MIT"},{"type":"GPL-2.0"}]}',
            "npm",
            None,
            None,
            "(MIT) OR (GPL-2.0)",
            "MIT OR GPL-2.0-only",
        ),
        (
            b"Cargo.toml",
            b'[package]\nname="c"\nversion="0.1.0"\nlicense="MIT/Apache-2.0"\n',
            "cargo",
            "c",
            "0.1.0",
            "MIT OR Apache-2.0",
            "MIT OR Apache-2.0",
        ),
        (b"Cargo.toml", b'[workspace]\nmembers=["a"]\n', "cargo", None, None, None, None),
    ],
)
def test_a_manifest_says(say, name, data, ecosystem, project, version, raw, expression):
    row = say("project_metadata", data, name=name)
    assert row["error"] is None
    said = row["ecosystem"], row["project"], row["project_version"], row["license_raw"], row["license"]
    assert said == (ecosystem, project, version, raw, expression)


@pytest.mark.parametrize(
    ("raw", "expression"),
    [
        ("MIT License", "MIT"),
        ("Apache Software License", "Apache-2.0"),
        ("GPLv3", "GPL-3.0-only"),
        ("BSD 3-Clause", "BSD-3-Clause"),
        ("see the web site", None),
    ],
)
def test_a_licence_in_plain_words_becomes_an_expression(say, raw, expression):
    assert say("project_metadata", f"Name: t\nLicense: {raw}\n".encode(), name=b"PKG-INFO")["license"] == expression


def test_classifiers_count_where_the_licence_field_says_nothing(say):
    row = say("project_metadata", PKG_INFO.replace(b"License: BSD\n", b""), name=b"PKG-INFO")
    assert row["license_raw"] is None
    assert row["classifiers"] == ["License :: OSI Approved :: BSD License"]
    assert row["license"] == "BSD-3-Clause"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (b"package.json", b"{"),
        (b"package.json", b"[1]"),
        (b"package.json", b"[" * 50_000),
        (b"package.json", b"\xff\xfe{"),
        (b"Cargo.toml", b"[package\n"),
        (b"setup.cfg", b"no section\n"),
        (b"pyproject.toml", b"x" * (5 << 20)),
    ],
)
def test_a_broken_manifest_says_why_it_was_not_read(say, name, data):
    row = say("project_metadata", data, name=name)
    assert row["error"]
    assert row["license"] is None


def test_other_files_are_not_asked(annotators):
    wants = annotators["project_metadata"].wants
    assert wants(b"PKG-INFO")
    assert wants(b"package.json")
    assert not wants(b"my-package.json")
    assert not wants(b"\xff")


def test_the_known_answers_of_the_manifest_set(say, annotators, shared_data):
    """ScanCode's expectations for the kinds we read; setup.cfg versions that are computed are no versions for us."""
    read = 0
    for line in (shared_data / "package-metadata" / "manifests.jsonl").read_text().splitlines():
        manifest = json.loads(line)
        name = manifest["path"].rpartition("/")[2].encode()
        if not annotators["project_metadata"].wants(name):
            continue
        expected = manifest["expected"][0]
        version = expected["version"]
        row = say("project_metadata", manifest["content"].encode(), name=name)
        read += 1
        assert row["project"] == ("/".join(filter(None, (expected["namespace"], expected["name"]))) or None)
        assert row["project_version"] == (None if version and version.startswith("attr:") else version)
        assert row["license"] == expected["declared_license_expression_spdx"]
    assert read == 11
