# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What strings inside code say is about what the code writes; what comments and docstrings say is about the file."""

from __future__ import annotations

import time

import pytest

from codecommons.annotate.annotators.license_evidence import evidence_of, stated_of
from codecommons.annotate.notices import literals

TAG = "SPDX-License-Identifier: " + "GPL-3.0-only"
NOTICE = (
    "This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License\n"
    "as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version.\n"
)


def stated(text):
    return {one.expression for one in stated_of(evidence_of(text.encode()), license_file=False)}


@pytest.mark.parametrize(
    "code",
    [
        f'HEADER = "// {TAG}"\n',
        f"const header = '/* {TAG} */';\n",
        f"const header = `\n// {TAG}\n`;\n",
        f'def header():\n    return f"# {TAG}"\n',
        f'HEADER = """\\\n# {TAG}\n# more\n"""\n',
        f'write(\n    """\n# {TAG}\n"""\n)\n',
        f"lines = [\n    '# {TAG}',\n    '',\n]\n",
        f'assert tag("x") == "{TAG}"\n',
        f'static const char *header =\n    "/*\\n"\n    " * {TAG}\\n"\n    " */\\n";\n',
        f"cat > out.c <<EOF\n// {TAG}\nEOF\n",
        f"text = <<~'RUBY'\n  # {TAG}\nRUBY\n",
        f'let header = r#"\n// {TAG}\n"#;\n',
        f'$header = "\n# {TAG}\n";\n',
        f'echo "# {TAG}" >> "$file"\n',
        f"# Every file has a line such as `{TAG}`.\nx = 1\n",
        f'// adds "{TAG}" where it is missing\n',
        f'raise Error(\n    # why\n    "{TAG}, it says")\n',
        f'd = {{\n  "a": "{TAG}",\n}}\n',
    ],
)
def test_a_tag_in_a_string_is_not_about_the_file(code):
    assert stated(code) == set()
    assert {(one.expression, one.detector) for one in evidence_of(code.encode())} == {("GPL-3.0-only", "license-clue")}
    assert stated(f"# SPDX-License-Identifier: {'MIT'}\n{code}") == {"MIT"}


@pytest.mark.parametrize(
    "code",
    [
        f"# {TAG}\nx = 'a'\n",
        f"#!/bin/sh\n# don't touch\n# {TAG}\n",
        f'"""{TAG}"""\nimport x\n',
        f"'''\nA module.\n\n{TAG}\n'''\n",
        f'# -*- coding: utf-8 -*-\nr"""A module.\n\n{TAG}\n"""\n',
        f'" {TAG}\nset nocompatible\n',
        f"' {TAG}\nDim a\n",
        f"#' {TAG}\nf <- function() 1\n",
        f"'use strict'; // {TAG}\n",
        f'#include "a.h"\n/* {TAG} */\n',
        f'<!-- "quoted" {TAG} -->\n',
        f'{{\n  "$comment": "{TAG}",\n  "a": 1\n}}\n',
        f'{{"cells": [{{"source": ["# {TAG}\\n"]}}]}}',
        f'<svg>\n<desc id="x">{TAG}</desc></svg>\n',
        f'__license__ = "{TAG}"\n',
        f"-- it's\n-- {TAG}\n",
        f"(* {TAG} *)\n",
        f"fn f<'a>(x: &'a str) {{}}\n// {TAG}\n",
        f"x = '\"'\n# {TAG}\n",
        f'/* a " in a comment */\n/* {TAG} */\n',
        f'class A:\n    """It is so.\n\n    {TAG}\n    """\n',
        f"{TAG}\n",
    ],
)
def test_a_tag_in_a_comment_or_a_docstring_is(code):
    assert stated(code) == {"GPL-3.0-only"}
    assert {one.detector for one in evidence_of(code.encode())} == {"spdx-tag"}


@pytest.mark.parametrize(
    "code",
    [
        f'GPL = """\n{NOTICE}"""\n',
        'print("This file is released under the MIT license.")\n',
        f"const notice = `{NOTICE}`;\n",
        'msgid ""\n' + "".join(f'"{line}\\n"\n' for line in NOTICE.splitlines()),
    ],
)
def test_nor_is_a_notice_in_a_string(code):
    assert stated(code) == set()
    assert "license-clue" in {one.detector for one in evidence_of(code.encode())}


@pytest.mark.parametrize(
    ("code", "expression"),
    [
        (f'"""\n{NOTICE}"""\n', "GPL-3.0-or-later"),
        ("# This file is released under the MIT license. See 'LICENSE'.\n", "MIT"),
        ('Released under the terms of the "MIT License" by all of us.\n', "MIT"),
        (f'__copyright__ = """Copyright (c) 2001 Ada Byron\n\n{NOTICE}"""\n', "GPL-3.0-or-later"),
        ("It is distributed under the `MIT License <http://opensource.org/licenses/MIT>`_.\n", "MIT"),
        ("It is distributed under the terms of `MIT license`.\n", "MIT"),
        (f'/*\n * "It"\n{NOTICE} */\nchar *x = "y";\n', "GPL-3.0-or-later"),
    ],
)
def test_a_notice_with_quotes_in_it_or_in_a_docstring_is(code, expression):
    assert stated(code) == {expression}


def test_where_strings_stand():
    code = b'a = \'b\' # it\'s\nf("c", `d`)\n"doc"\n'
    assert [code[start:end] for start, end in literals.values(code, len(code))] == [b"'b'", b'"c"', b"`d`"]
    assert literals.only(code, literals.values(code, len(code))).count(b"\n") == 1


PIECES = [
    b'"',
    b"'",
    b"`",
    b'"""',
    b"/*",
    b'\\"',
    b'= "',
    b"<<EOF\n",
    b"= `",
    b'x"\n',
    b"x'\n",
    b"\\",
    b"#'\"",
    b"`SPDX-License-Identifier: MIT`",
]


@pytest.mark.parametrize("piece", PIECES)
def test_hostile_quotes_cost_no_more_than_others(piece):
    code = piece * ((1 << 20) // len(piece)) + b"\n# SPDX-License-Identifier: MIT\n"
    evidence_of(b"")  # the rules are loaded
    start = time.process_time()
    literals.values(code, len(code))
    evidence_of(code)
    assert time.process_time() - start < 20
