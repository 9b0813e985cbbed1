# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest

from codecommons.annotate.expressions import leading, together, whole


@pytest.mark.parametrize(
    ("statements", "expression"),
    [
        ((), None),
        (("MIT",), "MIT"),
        (("MIT", "MIT"), "MIT"),
        (("MIT", "ISC"), "MIT AND ISC"),
        (("MIT OR ISC", "MIT"), "MIT OR ISC"),
        (("MIT OR ISC", "Zlib"), "(MIT OR ISC) AND Zlib"),
        (("MIT", "OFL-1.1 AND MIT"), "MIT AND OFL-1.1"),
        (("GPL-3.0-or-later", "GPL-1.0-or-later"), "GPL-3.0-or-later"),
        (("GPL-1.0-or-later",), "GPL-1.0-or-later"),
        (("LGPL-2.1-only", "GPL-1.0-or-later"), "LGPL-2.1-only AND GPL-1.0-or-later"),
        (("LicenseRef-scancode-public-domain", "MIT"), "LicenseRef-scancode-public-domain AND MIT"),
    ],
)
def test_statements_of_one_file_add_up(statements, expression):
    assert together(statements) == expression


@pytest.mark.parametrize(
    ("text", "first", "all_of_it"),
    [
        ("MIT", "MIT", "MIT"),
        ("mit or isc", "MIT OR ISC", "MIT OR ISC"),
        ("MIT and more words", "MIT AND LicenseRef-scancode-unknown-spdx", None),
        ("GPL-2.0+", "GPL-2.0-or-later", "GPL-2.0-or-later"),
        ("nothing known", None, None),
        ("MIT OR", None, None),
        ("(MIT", None, None),
        ("", None, None),
        ("zlib/libpng", "Zlib OR Libpng", None),
        ("MIT/ACME", None, None),
        ("MIT, GPLv3", "MIT AND LicenseRef-scancode-unknown-spdx", None),
        ("MIT und GPL", "MIT AND LicenseRef-scancode-unknown-spdx", None),
        ("MIT OR ISC; ACME", "(MIT OR ISC) AND LicenseRef-scancode-unknown-spdx", None),
        ("MIT, see LICENSE", "MIT", None),
        ("GPL-2.0-only (GNU GPL, version 2)", "GPL-2.0-only", None),
    ],
)
def test_expressions_are_read_whole_or_from_the_start(text, first, all_of_it):
    assert (leading(text), whole(text)) == (first, all_of_it)
