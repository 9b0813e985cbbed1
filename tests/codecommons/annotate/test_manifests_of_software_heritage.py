# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Software Heritage's indexer: its tests hold manifests and the CodeMeta it makes of them. Read at test time, never copied."""

from __future__ import annotations

import ast
import json
import os

import pytest

from codecommons.annotate.annotators.project_metadata import row_of
from codecommons.annotate.expressions import licensing
from codecommons.annotate.manifests.licenses import license_of
from codecommons.archive.source import sources
from codecommons.archive.unpack import members
from codecommons.errors import ItemError
from codecommons.lake import SliceInput
from codecommons.settings import Settings

INDEXER = "swh-indexer==4.12.1"
SHA256 = "77ffc577b3bf2f37ead21865e3420314052df1d4c1fb69a925f4189d50e94e22"
SPDX = "https://spdx.org/licenses/"
TERMS = {"name", "version", "description", "license", "codeRepository", "issueTracker", "url", "keywords", "author"}
# What we say otherwise: an address in a registry of packages is no code repository, a gem's homepage neither; what a project
# wants cited in its place is not the project.
OTHERWISE = {
    "test_maven.py": {"codeRepository"},
    "test_ruby.py": {"codeRepository"},
    "test_cff_preferred_citation": {"name", "url", "author"},
}
LEAST = {
    "test_npm.py": 5, "test_maven.py": 10, "test_python.py": 9, "test_ruby.py": 6, "test_composer.py": 5, "test_dart.py": 5,
    "test_nuget.py": 6, "test_cff.py": 10, "test_codemeta.py": 5,
}  # fmt: skip
FILES = {
    "test_npm.py": "package.json",
    "test_maven.py": "pom.xml",
    "test_python.py": "PKG-INFO",
    "test_ruby.py": "x.gemspec",
    "test_composer.py": "composer.json",
    "test_dart.py": "pubspec.yaml",
    "test_nuget.py": "x.nuspec",
    "test_cff.py": "CITATION.cff",
    "test_codemeta.py": "codemeta.json",
}


@pytest.fixture(scope="module")
def cases(request):
    """File of tests -> test -> manifest, and what the indexer makes of it (None: it refuses)."""
    home = os.environ.get("CODECOMMONS_TEST_CACHE") or str(request.config.cache.mkdir("codecommons"))
    settings = Settings.from_environment({"CODECOMMONS_HOME": home})
    try:
        path = sources(settings)["pypi"].fetch(SliceInput("2026-01-31", "pypi", INDEXER, sha256=SHA256), settings)
    except ItemError as error:
        if error.reason != "unreachable" or os.environ.get("CI"):
            raise
        pytest.skip(f"{INDEXER} can't be downloaded here: {error}")
    found = {}
    for member in members(path, settings):
        name = member.path.rpartition(b"/")[2].decode()
        if b"/metadata_mapping/" in member.path and name in FILES:
            tests = (node for node in ast.parse(member.data).body if isinstance(node, ast.FunctionDef))
            found[name] = {test.name: case for test in tests if (case := case_of(test))}
    return found


def case_of(test):
    """The first manifest of a test, and what is asserted of it: key -> value, or a set for a value that is any of some."""
    manifest, expected, seen = None, {}, False
    for node in ast.walk(test):
        match node:
            case ast.Assign(targets=[ast.Name(id="raw_content" | "content")], value=value) if manifest is None:
                if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "encode":
                    value = value.func.value
                if isinstance(value, ast.Constant):
                    manifest = value.value if isinstance(value.value, bytes) else value.value.encode()
            case ast.Assign(targets=[ast.Name(id="expected" | "declared_metadata" | "expected_dir_entries")], value=value):
                expected.update(literal(value) or {})
                seen = True
            case ast.Compare(left=ast.Name(id="result"), comparators=[ast.Dict() as value]) if not seen:
                expected.update(literal(value) or {})
                seen = True
            case ast.Compare(
                left=ast.Call(func=ast.Name(id="set"), args=[ast.Call(args=[key])]), comparators=[ast.Set() as value]
            ):
                expected[literal(key)] = literal(value)
    return (manifest, expected) if manifest is not None and (seen or expected) else None


def literal(node):
    """The value of a literal; None for an expression."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def keys(expressions):
    return {key for expression in expressions for key in licensing().license_keys(expression)}


def same(key, wanted, found):
    """Whether the value of a CodeMeta term is what the indexer says; it gives several values in any order."""
    wanted = wanted if isinstance(wanted, (list, set)) else [wanted]
    match key:
        case "author":
            return len(found or ()) == len(wanted)
        case "keywords":
            return set(found or ()) == set(wanted)
        case "license":
            named = [license_of(one.removeprefix(SPDX)) for one in wanted if one.startswith(SPDX)]
            return not named or keys([found.removeprefix(SPDX)] if found else []) == keys(named)
    return (found[0] if isinstance(found, list) else found) in {one.removeprefix("git+") for one in wanted}


@pytest.mark.parametrize("file", FILES)
def test_what_the_indexer_makes_of_its_manifests_we_make_too(cases, file):
    compared, different = 0, []
    for test, (manifest, expected) in cases[file].items():
        try:
            said = json.loads(row_of(FILES[file], manifest)[-1])
        except Exception:
            said = None
        if said is None or not expected:
            compared += 1
            assert (not expected, said is None) == (True, True), test
            continue
        for key in TERMS & expected.keys() - OTHERWISE.get(file, set()) - OTHERWISE.get(test, set()):
            compared += 1
            if not same(key, expected[key], said.get(key)):
                different.append((test, key, expected[key], said.get(key)))
    assert different == []
    assert compared >= LEAST[file]
