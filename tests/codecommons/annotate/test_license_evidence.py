# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import tarfile

import pytest

from codecommons.annotate.annotators.license_evidence import evidence_of, is_license_file, stated_of
from codecommons.license.expressions import licenses
from codecommons.license.texts import texts

AGPL = (
    "/* This program is free software: you can redistribute it and/or modify it under the terms of the GNU Affero General\n"
    "Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any\n"
    "later version. */"
)
APACHE = b"""# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""
MIT = texts(["MIT"])["MIT"].encode()


@pytest.mark.parametrize(
    ("line", "expression"),
    [
        ("# SPDX-License-Identifier: MIT", "MIT"),
        ("/* SPDX-License-Identifier: GPL-2.0 */", "GPL-2.0-only"),
        ("<!-- SPDX-License-Identifier: Apache-2.0 -->", "Apache-2.0"),
        ("// SPDX-License-Identifier: (GPL-2.0+ OR BSD-3-Clause)", "GPL-2.0-or-later OR BSD-3-Clause"),
        ("// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note", "GPL-2.0-only WITH Linux-syscall-note"),
        ("SPDX-License-Identifier: MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("SPDX-License-Identifier: MIT (see LICENSE)", "MIT"),
        ("SPDX-License-Identifier: GPL-2.0 or later", "GPL-2.0-or-later"),
        ("SPDX-License-Identifier: MIT, GPL-3.0-only", "MIT AND GPL-3.0-only"),
        ("SPDX-License-Identifier: MIT, GPLv3", "MIT AND LicenseRef-scancode-unknown-spdx"),
        ("SPDX-License-Identifier: MIT und GPL", "MIT AND LicenseRef-scancode-unknown-spdx"),
        ("SPDX-License-Identifier: MIT/ACME", "MIT AND LicenseRef-scancode-unknown-spdx"),
        ("SPDX-License-Identifier: MIT/Expat", "MIT"),
        ("SPDX-License-Identifier: MIT, Copyright (c) 2020 ACME", "MIT"),
        ("SPDX-License-Identifier: MIT AND LicenseRef-Ours", "MIT AND LicenseRef-Ours"),
        ("SPDX-License-Identifier: MIT AND Ours-1.0", "MIT AND LicenseRef-scancode-unknown-spdx"),
        ("SPDX-License-Identifier: MIT AND (GPL-3.0-only", "LicenseRef-scancode-unknown-spdx"),
        ("SPDX-License-Identifier: MIT AND", "LicenseRef-scancode-unknown-spdx"),
        ("SPDX-License-Identifier: MIT (but see EULA)", "LicenseRef-scancode-unknown-spdx"),
        ("SPDX-License-Identifier: MIT until 2024", "LicenseRef-scancode-unknown-spdx"),
        ("SPDX-License-Identifier: MIT GPL-3.0-only", "MIT AND GPL-3.0-only"),
        ("SPDX-License-Identifier: MIT only for academic use", "LicenseRef-scancode-unknown-spdx"),
        ("SPDX-License-Identifier: MIT, with additional terms", "LicenseRef-scancode-unknown-spdx"),
        ("// SPDX-License-Identifier: MIT // not generated", "MIT"),
        ("# SPDX-License-Identifier: MIT # not generated", "MIT"),
        ("// SPDX-License-Identifier: GPL-2.0-only // or MIT", "GPL-2.0-only"),
        ('"SPDX-License-Identifier: MIT\\npragma solidity; // not safe"', "MIT"),
        ("SPDX-License-Identifier: MIT - Copyright (c) 2020 Commercial Bank", "MIT"),
        ("SPDX-License-Identifier: Nobody-Knows-1.0", "LicenseRef-scancode-unknown-spdx"),
        ('"SPDX-License-Identifier: {license}"', None),
        ("SPDX-License-Identifier:", None),
    ],
)
def test_a_tag_is_read_and_checked(say, line, expression):
    row = say("license_evidence", f"first\n\n{line}\nlast\n".encode(), name=b"a.c")
    assert row["expression"] == expression
    if expression:
        assert row["evidence"] == [
            {"start_line": 3, "end_line": 3, "expression": expression, "detector": "spdx-tag", "stated": True}
        ]


def test_a_notice_is_evidence_with_its_exact_lines(say):
    row = say("license_evidence", b"#!/usr/bin/python\n# Copyright 2026 Somebody\n#\n" + APACHE + b"import os\n", name=b"a.py")
    assert row["expression"] == "Apache-2.0"
    assert [(e["start_line"], e["end_line"], e["detector"]) for e in row["evidence"]] == [(4, 14, "license-notice")]


def test_a_mention_is_evidence_anywhere_and_a_statement_in_a_licence_file_only(say):
    text = b"We like the MIT license.\n"
    for name, stated in ((b"LICENSE", "MIT"), (b"main.c", None)):
        row = say("license_evidence", text, name=name)
        assert (row["expression"], row["stated"]) == ("MIT", stated)
        assert [one["stated"] for one in row["evidence"]] == [stated is not None]


@pytest.mark.parametrize(
    ("line", "stated"),
    [
        ("# license: public domain", "LicenseRef-scancode-public-domain"),
        ('__license__ = "MIT"', "MIT"),
        ("we like the MIT license", None),
    ],
)
def test_a_short_tag_is_a_statement_and_as_short_a_mention_is_none(say, line, stated):
    text = f"{line}\nimport os\n".encode()
    assert say("license_evidence", text, name=b"main.py")["stated"] == stated
    for name in (b"setup.cfg", b".cargo-checksum.json"):  # there it is about the package, or the name of a file
        assert say("license_evidence", text, name=name)["stated"] is None


def test_what_reuse_s_markers_say_is_not_about_the_file_is_evidence_and_no_statement(say):
    own, other = b"SPDX-License-Identifier: " + b"MIT", b"SPDX-License-Identifier: " + b"GPL-3.0-only"
    block = b"REUSE-IgnoreStart\n" + other + b"\nREUSE-IgnoreEnd\n"
    row = say("license_evidence", own + b"\n" + block + block, name=b"README.md")
    assert (row["expression"], row["stated"]) == ("MIT AND GPL-3.0-only", "MIT")
    assert [(one["start_line"], one["stated"]) for one in row["evidence"]] == [(1, True), (3, False), (6, False)]
    unended = say("license_evidence", b"REUSE-IgnoreStart\n" + other + b"\n", name=b"main.c")
    assert unended["stated"] == "GPL-3.0-only"
    beside = say("license_evidence", b"REUSE-IgnoreStart REUSE-IgnoreEnd " + other, name=b"main.min.js")
    assert beside["stated"] == "GPL-3.0-only"
    behind = say("license_evidence", block + other + b"\n" + other + b"\n", name=b"main.c")
    assert [one["stated"] for one in behind["evidence"]] == [False, True, True]


def test_what_names_no_licence_is_evidence_and_states_nothing(say):
    row = say("license_evidence", b"See the license agreement at the end of this file for the terms.\n", name=b"LICENSE")
    assert row["expression"] == "LicenseRef-scancode-unknown-license-reference"
    assert row["stated"] is None


def spdx_ids():
    return [
        one.identifier for one in licenses().values() if not one.identifier.startswith("LicenseRef") and "-" in one.identifier
    ]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("licensed under the GPL version 2", "GPL-2.0-only"),
        ("licensed under the GPL version 2 or later", "GPL-2.0-or-later"),
        ("licensed under the GPL version 2,\n# or (at your option) any later version", "GPL-2.0-or-later"),
        ("released under the GPL version 2", "GPL-2.0-only"),  # "released under the GPL" is a rule, and longer than the other
        ("released under the terms of the GPL, version 3\n# or later", "GPL-3.0-or-later"),
        ("released under the LGPL version 2.1", "LGPL-2.1-only"),
        ("released under the AGPL version 3", "AGPL-3.0-only"),
        ("released under the terms of the GPL, or the BSD license version 2", "GPL-1.0-or-later"),  # another's version
        ("GPL", None),  # one word may mean anything
        ("the\njson\n\n\n\n\nlicense", None),  # words that merely follow each other
        (", ".join(spdx_ids()), None),  # a list of all there are
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_stands_around_words_decides_what_they_say(say, text, expression):
    assert say("license_evidence", f"# {text}\n".encode(), name=b"main.c")["stated"] == expression


def test_a_notice_with_a_name_of_its_own_in_it_is_one_statement(say):
    notice = b"""GLPK is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License
as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version.

GLPK is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied warranty of
MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See the GNU General Public License for more details.

You should have received a copy of the GNU General Public License along with GLPK. If not, see <http://www.gnu.org/licenses/>.
"""
    row = say("license_evidence", notice, name=b"main.c")
    assert row["expression"] == "GPL-3.0-or-later"
    assert [(one["start_line"], one["end_line"], one["detector"]) for one in row["evidence"]] == [
        (1, 7, "changed-license-notice")
    ]


def test_a_choice_swallows_the_texts_it_offers(say):
    choice = b"SPDX-License-Identifier: MIT OR Apache-2.0\n\n" + APACHE
    assert say("license_evidence", choice, name=b"LICENSE")["expression"] == "MIT OR Apache-2.0"
    both = b"SPDX-License-Identifier: ISC\n\n" + APACHE
    assert say("license_evidence", both, name=b"LICENSE")["expression"] == "ISC AND Apache-2.0"


def test_utf_16_is_read_and_binary_is_not(say):
    assert say("license_evidence", APACHE.decode().encode("utf-16"), name=b"LICENSE")["expression"] == "Apache-2.0"
    assert say("license_evidence", b"\0" + APACHE, name=b"LICENSE")["evidence"] == []
    assert say("license_evidence", APACHE + b"\0", name=b"LICENSE")["expression"] == "Apache-2.0"  # the end of a C string


@pytest.mark.parametrize(
    "name", [b"LICENSE", b"license.txt", b"COPYING.LESSER", b"LICENCE-MIT", b"UNLICENSE", b"README.md", b"gpl-3.0.txt"]
)
def test_the_stack_s_names_of_licence_files(name):
    assert is_license_file(name)


@pytest.mark.parametrize("name", [b"main.c", b"licensing.py", b"setup.py", b"\xff", b"", b"salmon"])
def test_other_names_are_no_licence_files(name):
    assert not is_license_file(name)


@pytest.mark.parametrize(
    ("package", "member", "expression"),
    [
        ("pypi:six==1.16.0", "six-1.16.0/LICENSE", "MIT"),
        ("pypi:requests==2.31.0", "requests-2.31.0/LICENSE", "Apache-2.0"),
        ("pypi:Jinja2==2.10", "Jinja2-2.10/LICENSE", "BSD-3-Clause"),
        ("pypi:certifi==2024.7.4", "certifi-2024.7.4/LICENSE", "MPL-2.0"),
        ("pypi:chardet==5.2.0", "chardet-5.2.0/LICENSE", "LGPL-2.1-only"),
        ("pypi:cryptography==41.0.0", "cryptography-41.0.0/LICENSE", "Apache-2.0 OR BSD-3-Clause"),
    ],
)
def test_licence_files_of_real_packages(say, corpus_archive, package, member, expression):
    with tarfile.open(corpus_archive(package)) as archive:
        data = archive.extractfile(member).read()
    assert say("license_evidence", data, name=b"LICENSE")["expression"] == expression


def test_a_notice_of_one_line_is_known_though_a_version_stands_in_it():
    """Of 1,278 files of an icon font in one of the demo's packages it is the only word on their licence."""
    said = b"/*!\n * Font Awesome Free 5.1.0 by @fontawesome - https://fontawesome.com\n"
    said += b" * License - https://fontawesome.com/license (Icons: CC BY 4.0, Fonts: SIL OFL 1.1, Code: MIT License)\n */\n"
    stated = stated_of(evidence_of(said), license_file=False)
    assert [one.expression for one in stated] == ["CC-BY-4.0 AND OFL-1.1 AND MIT"]


@pytest.mark.parametrize(
    ("line", "stated"),
    [
        ("# License: MIT", "MIT"),
        ("# License: MIT (see the file LICENSE)", "MIT"),
        ("# License: MIT until 2024", "LicenseRef-scancode-unknown-spdx"),
        ("# License: MIT AND GPL-3.0-only AND (", "MIT AND GPL-3.0-only AND LicenseRef-scancode-unknown-spdx"),
        ('__license__ = "MIT and our own terms"', "MIT AND LicenseRef-scancode-unknown-spdx"),
    ],
)
def test_a_short_tag_says_all_that_stands_on_its_line(say, line, stated):
    assert say("license_evidence", f"{line}\nx = 1\n".encode(), name=b"a.py")["stated"] == stated


def test_what_stands_below_hundreds_of_tags_is_not_hidden_by_them(say):
    tags = "/*! @license\n SPDX-License-Identifier: MIT */\n" * 250
    row = say("license_evidence", f"{tags}{AGPL}".encode(), name=b"bundle.js")
    assert row["stated"] == "MIT AND AGPL-3.0-or-later"
    assert row["evidence"][-1]["start_line"] == 501


def test_a_denial_is_no_licence(say):
    row = say("license_evidence", b"# This file is NOT licensed under the MIT License.\nx = 1\n", name=b"a.py")
    assert row["stated"] == "LicenseRef-scancode-unknown-spdx"
    for text in (
        b"# This file is not\n# licensed under the MIT License.\n",
        b"/* This file is NOT distributed under\n * the MIT License. */\n",
        b"# It isn't licensed under the MIT License.\n",
    ):
        assert say("license_evidence", text, name=b"a.py")["stated"] != "MIT"
    assert say("license_evidence", b"# This file is licensed under the MIT License.\n", name=b"a.py")["stated"] == "MIT"


def stated_in(text, license_file=False):
    return {one.expression for one in stated_of(evidence_of(text.encode()), license_file)}


@pytest.mark.parametrize(
    "text",
    [
        "# This is not MIT licensed.",
        "# The MIT license does not apply to this file.",
        "# This file is exempt from\n# the MIT License.",
        "# Formerly licensed under the MIT license.",
        "# Until 2020 this was\n# released under the MIT License",
        "# Licensed under the MIT License until 2020, all rights reserved since.",
        "# You may not use this file under the terms of the MIT license.",
        "# Licensed under the MIT License for personal use only.",
        "# Unlike the rest of the project, which is licensed under the MIT License, this file is ours alone.",
        "# Released under the MIT license, except for this file.",
        "# From 2030 on licensed under the MIT License.",
        "# This file will be released under the MIT License.",
        "# Originally released under the MIT license.",
        "# Distributed under the MIT license to customers of ACME.",
        "# Available under the MIT license upon request.",
        "# All other files are licensed under the MIT license.",
        "# The original was released under the MIT license.\n# This version is ours.",
        "// Change License: Apache License, Version 2.0",
        "// Use of this software is governed by the Business Source License\n// included in the file licenses/BSL.txt.\n//\n"
        "// As of the Change Date specified in that file, in accordance with\n// the Business Source License, use of this "
        "software will be governed\n// by the Apache License, Version 2.0, included in the file\n// licenses/APL.txt.",
    ],
)
def test_words_around_a_short_notice_take_it_back(text):
    assert stated_in(f"{text}\n\nx = 1\n") == {"LicenseRef-scancode-unknown-spdx"}


@pytest.mark.parametrize(
    "text",
    [
        "# Licensed under the MIT License. Not for the faint of heart.",
        "# It is not magic.\n#\n# This file is licensed under the MIT License.\n#\n# It is not yet under test.",
        "# This is not only MIT licensed, it is fast. Licensed under the MIT License.",
    ],
)
def test_other_sentences_do_not(text):
    assert stated_in(f"{text}\nx = 1\n") == {"MIT"}


def test_what_a_licence_s_text_denies_is_its_own_affair():
    assert stated_in(APACHE.decode()) == {"Apache-2.0"}
    assert stated_in("The MIT license does not apply to this project.\n", license_file=True) == {
        "LicenseRef-scancode-unknown-spdx"
    }


def test_a_first_comment_that_says_public_domain_and_no_more_is_a_notice():
    assert stated_in("/* Public domain. */\n\n#include <a.h>\n") == {"LicenseRef-scancode-public-domain"}
    assert stated_in("/* Public domain names. */\n") == stated_in("int a; /* public domain */\n") == set()


def test_words_that_are_nearly_a_rule_s_do_not_outweigh_a_mention():
    """Debian's lbt says so; the links made of it nearly another licence's words, and of the GPL a mention."""
    said = (
        "<P>This product contains free software; you can\nredistribute it and/or modify it under the terms of the <A\n"
        'HREF="http://www.fsf.org/copyleft/gpl.html">GNU General Public\nLicense</A> as published by the <A '
        'HREF="http://www.fsf.org/">Free\nSoftware Foundation</A>; either version 2 of the License, or (at your\noption)'
    )
    assert "GPL-1.0-or-later" in stated_in(said)


OURS = "This is the exclusive property of ACME Corporation. Nobody may copy it."


@pytest.mark.parametrize(
    ("name", "text", "unread"),
    [
        (b"LICENSE", OURS, True),
        (b"LICENSE.txt", "Queda prohibida la copia de este programa.", True),
        (b"COPYING", "All rights reserved.", True),
        (b"EULA.md", "You may not sell it, nor use it at work.", True),
        (b"LICENSE", "See the license agreement at https://example.org/eula", True),
        (b"LICENSE", "このソフトウェアは当社の所有物です。無断で複製してはならない。", True),
        (b"LICENSE", "YEAR: 2020\nCOPYRIGHT HOLDER: Ada Byron and the authors of thing\n", False),
        (b"LICENSE", f"YEAR: 2020\nCOPYRIGHT HOLDER: ACME\n{OURS}\n", True),
        (b"LICENSE", "../LICENSE", False),
        (b"LICENSE.rst", ".. include:: ../LICENSE", False),
        (b"LICENSE", "See the file COPYING.", False),
        (b"LICENSE", "", False),
        (b"LICENSE", "SPDX-License-Identifier: MIT", False),
        (b"apache.conf", OURS, False),
        (b"LICENSE", "MIT", False),
        (b"README.md", OURS, False),
    ],
)
def test_a_file_that_must_be_the_licence_and_is_none_that_is_known_says_so(say, name, text, unread):
    assert say("license_evidence", text.encode(), name=name)["unread"] is unread
    assert say("license_evidence", text.encode("utf-16"), name=name)["unread"] is unread


@pytest.mark.parametrize(
    ("text", "expressions"),
    [
        ("# Portions of this file are licensed under the MIT License.", {"LicenseRef-scancode-unknown-spdx"}),
        ("/* Some parts of this code are\n * released under the MIT license. */", {"LicenseRef-scancode-unknown-spdx"}),
        ("// Adapted from https://x.example, licensed under the MIT License.", {"LicenseRef-scancode-unknown-spdx"}),
        ("# Uses jQuery, which is released under the MIT license.", {"LicenseRef-scancode-unknown-spdx"}),
        ("# The documentation is licensed under the MIT license.", {"LicenseRef-scancode-unknown-spdx"}),
        ("# The following function is released under the MIT license.", {"LicenseRef-scancode-unknown-spdx"}),
        ("# This module is based on X and is released under the MIT License.", {"MIT"}),
        ("# Portions of it are old.\n# This file is licensed under the MIT License.", {"MIT"}),
        ("# This module is part of sqlparse and is released under the MIT License.", {"MIT"}),
        (
            "# SPDX-License-Identifier: Apache-2.0\n#\n# Portions of this file are licensed under the MIT License.",
            {"Apache-2.0", "MIT"},
        ),
    ],
)
def test_what_holds_for_parts_of_a_file_does_not_hold_for_all_of_it(text, expressions):
    assert stated_in(f"{text}\n\nx = 1\n") == expressions


@pytest.mark.parametrize(
    ("line", "expressions"),
    [
        ("    package = new_author(name='x', license='MIT')", set()),
        ('const license = "MIT";', set()),
        ("x = dict(license='MIT')", set()),
        ('LICENSES = ["MIT", "Zlib"]', set()),
        ('  "license": "MIT",', {"MIT"}),
        ("__license__ = 'MIT'", {"MIT"}),
        ("license = 'MIT'", {"MIT"}),
        ("    # License: MIT", {"MIT"}),
        (" * @license: 'MIT'", {"MIT"}),
    ],
)
def test_a_value_inside_code_is_not_about_the_file(line, expressions):
    assert stated_in(f"import x\n{line}\n") == expressions


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"without restriction", b"without commercial use"),
        (b"free of charge", b"for a fee"),
        (b"to any person", b"for personal use only, to any person"),
        (b"hereby granted", b"hereby denied"),
        (b"hereby granted", b"not granted"),
    ],
)
def test_a_text_changed_by_a_word_that_restricts_it_is_no_longer_that_licence(old, new):
    assert stated_in(MIT.decode(), license_file=True) == {"MIT"}
    assert old in MIT
    assert "MIT" not in stated_in(MIT.replace(old, new).decode(), license_file=True)


@pytest.mark.parametrize(
    "more",
    [
        "The Software may not be used for commercial purposes.",
        "For non-commercial use only.",
        "Commercial users must contact us first.",
        "Users in companies must pay.",
        "You may not sell the Software.",
        "All files in src/enterprise are proprietary.",
        "It was under the MIT license until 2019, and is now closed source.",
        "This is for everybody but companies.",
        "Free for anyone except the military.",
        "Not for use by companies with more than ten employees.",
        "Except for commercial entities, who need another licence.",
        "The Software may not be used by employees of ACME.",
        "Companies may not use it.",
        "No company may use this.",
        "For individuals only.",
        "Only students may use it.",
        "It is not licensed to for-profit organizations.",
        "It shall not be used for military purposes.",
    ],
)
def test_a_restriction_beside_a_text_is_asked_for_too(more):
    unknown = "LicenseRef-scancode-unknown-spdx"
    assert unknown in stated_in(f"{MIT.decode()}\n\n{more}\n", license_file=True)
    assert unknown in stated_in(f"# Licensed under the MIT License.\n# {more}\n\nx = 1\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"to any person obtaining", b"to everybody but companies obtaining"),
        (b"the following conditions:", b"the following conditions: companies may not use it, and"),
    ],
)
def test_a_text_that_is_changed_to_shut_somebody_out_is_no_longer_that_licence(old, new):
    assert old in MIT
    assert "MIT" not in stated_in(MIT.replace(old, new).decode(), license_file=True)


@pytest.mark.parametrize(
    "more",
    [
        "This is not for sale.",
        "You may copy and sell it.",
        "It is not confidential.",
        "It is used by companies and individuals everywhere.",
        "The names of companies may not be used to endorse it.",
        "Companies are not liable for it.",
        "Everybody may use it, companies included.",
    ],
)
def test_what_restricts_nothing_does_not(more):
    assert stated_in(f"{MIT.decode()}\n\n{more}\n", license_file=True) == {"MIT"}


def test_a_clause_or_another_licence_that_is_named_beside_a_short_notice_counts():
    clause = "LicenseRef-scancode-commons-clause"
    assert clause in stated_in("# Licensed under the Apache License, Version 2.0 with Commons Clause\n")
    assert clause in stated_in(f'{MIT.decode()}\n\n"Commons Clause" License Condition v1.0\n', license_file=True)
    assert "GPL-2.0-only" in stated_in("/* Released under the MIT license; changes under the GNU GPL version 2. */\n")


@pytest.mark.parametrize(
    ("name", "text", "stated"),
    [
        (b"LICENSE", "MIT", "MIT"),
        (b"LICENSE", "MIT\n", "MIT"),
        (b"LICENSE.txt", "Apache 2.0\n", "Apache-2.0"),
        (b"LICENSE.md", "# BSD-3-Clause\n", "BSD-3-Clause"),
        (b"COPYING", "GPLv3", "GPL-3.0-only"),
        (b"LICENSE", "GPL", "GPL-1.0-or-later"),
        (b"LICENSE", "MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        (b"LICENSE", "MIT\n\nCopyright (c) 2020 Ada Byron\n", "MIT"),
        (b"LICENSE", "\ufeffISC\r\n", "ISC"),
        (b"LICENSE", "MIT and our own", "MIT AND LicenseRef-scancode-unknown-spdx"),
        (b"LICENSE", "Proprietary", "LicenseRef-scancode-proprietary-license"),
        (b"LICENSE", "ACME", None),
        (b"LICENSE", "MIT\nACME\n", None),
        (b"LICENSE", "none", None),
        (b"README", "MIT", None),
        (b"main.c", "MIT", None),
    ],
)
def test_a_licence_s_name_that_is_all_a_licence_file_says_is_that_licence(say, name, text, stated):
    row = say("license_evidence", text.encode(), name=name)
    assert (row["stated"], row["unread"]) == (stated, False)
    assert [one["start_line"] for one in row["evidence"] if one["stated"]] == ([1] if stated else [])
