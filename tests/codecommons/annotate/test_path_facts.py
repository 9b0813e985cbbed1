# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("path", "vendored", "documentation", "test"),
    [
        (b"src/main.c", False, False, False),
        (b"vendor/lib/a.go", True, False, False),
        (b"node_modules/x/index.js", True, False, False),
        (b"docs/index.rst", False, True, False),
        (b"README.md", False, True, False),
        (b"tests/data/sample.txt", False, False, True),
        (b"src/parser_test.go", False, False, True),
        (b"src/latest/a.py", False, False, False),
        (b"caf\xe9/tests/a.py", False, False, True),
    ],
)
def test_what_a_path_says(say, path, vendored, documentation, test):
    row = say("path_facts", path=path)
    assert (row["vendored"], row["documentation"], row["test"]) == (vendored, documentation, test)


@pytest.mark.parametrize(
    ("path", "made"),
    [
        (b"ios/Pods/Alamofire/Source/AF.swift", True),
        (b"Carthage/Build/iOS/x.h", True),
        (b"src/__generated__/App_user.graphql.js", True),
        (b"htmlcov/index.html", True),
        (b"src/main.c", False),
        (b"package-lock.json", False),
        (b"pods/a.c", False),
    ],
)
def test_what_a_tool_wrote_is_told_by_its_folder_too(say, path, made):
    assert say("path_facts", path=path)["generated_folder"] is made
