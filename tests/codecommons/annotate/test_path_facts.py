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
