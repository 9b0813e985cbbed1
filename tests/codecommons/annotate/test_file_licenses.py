# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Lists of licences, read beside the tools of those who made the formats: ``reuse`` and ``python-debian``."""

import time
import tomllib

import polars as pl
import pytest
from debian.copyright import Copyright
from hypothesis import given, settings
from hypothesis import strategies as st
from reuse.global_licensing import AnnotationsItem

from codecommons.annotate.annotators.file_licenses import MOST_WILDCARDS, debian_license
from codecommons.annotate.manifests.places import toml_tables
from codecommons.license.lists import UNREADABLE, listed
from codecommons.swhid import content_id

PATHS = [
    *(
        "a",
        "b",
        "ab",
        "ba",
        "a/b",
        "a/a",
        "a/b/a",
        "b/a",
        "a*b",
        "a*",
        "a?",
        "a.b",
        "aXb",
        "a/.b",
        "b/ab/a",
        "a/ab",
        "a\\b",
        "[a]",
    ),
    *("a b", "é", "a/é"),
]
PIECES = st.lists(st.sampled_from(["a", "b", "/", "*", "**", "**/", "?", ".", "[a]", "é"]), min_size=1, max_size=6)
MANY = [f"{number}*" for number in range(MOST_WILDCARDS + 1)]
HEADER = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
KINDS = {"root": pl.Binary, "path": pl.Binary, "content": pl.Binary, "name": pl.Binary, "own": pl.String, "lines": pl.String}
NONE = (None, None)


def matched(say, name, text, paths=PATHS):
    """Those paths of which a list in the root (or where it has to lie) says something."""
    places = {"dep5": b".reuse/dep5", "copyright": b"debian/copyright"}
    where = places.get(name, name.encode())
    told = say("file_licenses", text.encode(), name=name.encode())
    assert told["error"] is None
    files = [(b"r" * 20, path.encode(), content_id(path.encode()), path.rpartition("/")[2].encode(), *NONE) for path in paths]
    files.append((b"r" * 20, where, content_id(text.encode()), name.encode(), *NONE))
    frame = pl.DataFrame(files, schema=KINDS, orient="row")
    told_of = {"files": pl.Series([told["files"]]), "lines": pl.Series([told["lines"]])}
    lists = frame.filter(pl.col("path") == where).select("content", "name").with_columns(**told_of)
    rows = listed(frame, lists if told["files"] else lists.clear())
    return {row["path"].decode(): row["listed"] for row in rows.filter(pl.col("listed").is_not_null()).to_dicts()}


@pytest.mark.parametrize(("pattern", "wanted"), [(r"a\*", {"a*"}), (r"a\*b", {"a*b"}), (r"a\\b", {r"a\b"}), ("a?", {"a?"})])
def test_a_backslash_makes_a_star_of_reuse_a_letter(say, pattern, wanted):
    # The tool (6.2.0) matches a*b by a\*, which its specification does not.
    toml = f"version = 1\n[[annotations]]\npath = '{pattern}'\nSPDX-License-Identifier = 'MIT'\n"
    assert set(matched(say, "REUSE.toml", toml)) == wanted


@given(PIECES)
@settings(max_examples=200, deadline=None)
def test_patterns_of_reuse_match_what_the_reuse_tool_matches(say, pieces):
    pattern = "".join(pieces).removeprefix("./")
    # Three stars in a row are read from the left by us, and one by one by the tool, which also drops all slashes behind two.
    if not pattern or any(odd in pattern for odd in ("***", "//", "**/*/")):
        return
    theirs = AnnotationsItem(paths=[pattern])
    toml = f"version = 1\n[[annotations]]\npath = '{pattern}'\nSPDX-License-Identifier = 'MIT'\n"
    found = set(matched(say, "REUSE.toml", toml)) - {"REUSE.toml"}
    assert found == {path for path in PATHS if theirs.matches(path)}


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "b", "/", "*", "?", "\\*", ".", "[a]", "é"]), min_size=1, max_size=6),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=150, deadline=None)
def test_of_the_paragraphs_of_dep5_the_last_that_matches_speaks_as_python_debian_reads_it(say, patterns):
    licenses = ["Expat", "GPL-2+", "ISC", "Apache-2.0"]
    text = HEADER + "".join(
        f"\nFiles: {''.join(pieces)}\nCopyright: x\nLicense: {license}\n"
        for pieces, license in zip(patterns, licenses, strict=False)
    )
    theirs = Copyright(text.splitlines(), strict=False)
    spdx = {"Expat": "MIT", "GPL-2+": "GPL-2.0-or-later", "ISC": "ISC", "Apache-2.0": "Apache-2.0"}
    paragraphs = {path: theirs.find_files_paragraph(path) for path in PATHS if " " not in path}
    wanted = {path: spdx[one.license.synopsis] for path, one in paragraphs.items() if one}
    found = matched(say, "copyright", text, [path for path in PATHS if " " not in path])
    assert {path: license for path, license in found.items() if path != "debian/copyright"} == wanted


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("GPL-2+", "GPL-2.0-or-later"),
        ("LGPL-2.1", "LGPL-2.1-only"),
        ("Expat and BSD-3-clause", "MIT AND BSD-3-Clause"),
        ("Artistic or GPL-1+", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
        ("GPL-2+ or Artistic-2.0, and BSD-3-clause", "(GPL-2.0-or-later OR Artistic-2.0) AND BSD-3-Clause"),
        ("GPL-3+, GPL-2+ and LGPL-3", "GPL-3.0-or-later AND GPL-2.0-or-later AND LGPL-3.0-only"),
        ("GPL-2 with Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("GPL-2+ with some exception", "GPL-2.0-or-later"),
        ("GFDL-NIV-1.3+", None),
        ("our own words", None),
        ("MIT and our-own", None),
    ],
)
def test_short_names_of_dep5_mean_what_its_specification_says(said, meaning):
    assert debian_license(said, {}) == meaning


def test_a_name_of_the_packages_own_means_what_its_text_says(say):
    text = "This program is free software; you can redistribute it and/or modify it\n under the terms of the GNU General Public "
    text += "License as published\n by the Free Software Foundation;\n .\n either version 2 of the License, or (at your option) "
    text += "any later version."
    dep5 = f"{HEADER}\nFiles: a\nCopyright: x\nLicense: theirs\n\nFiles: b\nLicense: unknown\n\nLicense: theirs\n {text}\n"
    assert matched(say, "copyright", dep5) == {"a": "GPL-2.0-or-later", "b": UNREADABLE}


def test_of_several_lists_one_speaks_in_the_order_of_reuse(say):
    def toml(path, license, precedence):
        block = f"path = '{path}'\nprecedence = '{precedence}'\nSPDX-License-Identifier = '{license}'\n"
        return f"version = 1\n[[annotations]]\n{block}".encode()

    texts = {
        b"REUSE.toml": toml("**", "MIT", "closest") + toml("x/over/**", "ISC", "override").split(b"\n", 1)[1],
        b"x/REUSE.toml": toml("**", "Zlib", "closest"),
        b"x/over/REUSE.toml": toml("**", "Zlib", "override"),
        b"debian/copyright": f"{HEADER}\nFiles: *\nLicense: GPL-2\n".encode(),
        b"x/b.png.license": b"SPDX-License-Identifier: 0BSD\n",
        b"x/over/c.png.license": b"SPDX-License-Identifier: 0BSD\n",
    }
    others = (b"a", b"x/a", b"x/b.png", b"x/over/c.png")
    rows, told = [], []
    for path in (*texts, *others):
        data, name = texts.get(path, path), path.rpartition(b"/")[2]
        rows.append((b"r" * 20, path, content_id(data), name, *(("0BSD", "1-1") if path.endswith(b".license") else NONE)))
        if name in (b"REUSE.toml", b"copyright"):
            row = say("file_licenses", data, name=name)
            told.append((content_id(data), name, row["files"], row["lines"]))
    lists = pl.DataFrame({key: [one[at] for one in told] for at, key in enumerate(("content", "name", "files", "lines"))})
    found = listed(pl.DataFrame(rows, schema=KINDS, orient="row"), lists)
    said = {row["path"]: (row["listed"], row["listed_by"].partition(";path=")[2]) for row in found.to_dicts()}
    assert [said[path] for path in others] == [
        ("MIT", "/REUSE.toml;lines=2-5"),
        ("Zlib", "/x/REUSE.toml;lines=2-5"),
        ("0BSD", "/x/b.png.license;lines=1"),
        ("ISC", "/REUSE.toml;lines=6-9"),
    ]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        (b"REUSE.toml", b"[[annotations]", "TOMLDecodeError"),
        (b"REUSE.toml", b"[[annotations]]\npath = 3\nSPDX-License-Identifier = 'MIT'\n", ""),
        (b"REUSE.toml", b"annotations = 3", ""),
        (b"REUSE.toml", b"[[annotations]]\npath = '" + b"a" * 2000 + b"'\nSPDX-License-Identifier = 'MIT'\n", "2000 characters"),
        (b"copyright", f"{HEADER}\nFiles: {' '.join(MANY)}\nLicense: MIT\n".encode(), "wildcards"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_read_is_a_row_that_says_why(say, name, data, reason):
    row = say("file_licenses", data, name=name)
    assert row["files"] is None
    assert reason in row["error"]


def test_old_forms_of_dep5_are_read_and_a_text_is_looked_through_once_for_all_paragraphs_that_name_it(say):
    old = "Format-Specification: http://svn.debian.org/wsvn/dep/web/deps/dep5.mdwn?op=file&rev=135\n"
    assert matched(say, "copyright", f"\n{old}\nFiles: a\nCopyright: M. Müller\nLicense: GPL-3\n") == {"a": "GPL-3.0-only"}
    latin = f"{HEADER}\nFiles: a\nCopyright: M. Müller\nLicense: GPL-3\n".encode("latin-1")
    assert say("file_licenses", latin, name=b"copyright")["files"][0]["license"] == "GPL-3.0-only"
    text = "words that are no licence of anybody " * 10_000
    many = "".join(f"\nFiles: f{number}\nLicense: ours\n" for number in range(5_000))
    start = time.process_time()
    row = say("file_licenses", f"{HEADER}{many}\nLicense: ours\n {text}\n".encode(), name=b"copyright")
    assert len(row["files"]) == 5_000
    assert time.process_time() - start < 10


def test_a_list_that_nobody_can_read_may_be_about_every_file_around_it():
    rows = [
        (b"r" * 20, path, content_id(path), path.rpartition(b"/")[2], *NONE)
        for path in (b"REUSE.toml", b"a.c", b"x.py", b"x.py.license")
    ]
    files = pl.DataFrame(rows, schema=KINDS, orient="row")
    kind = pl.List(
        pl.Struct({"path": pl.String, "folder": pl.String, "pattern": pl.String, "precedence": pl.String, "license": pl.String})
    )
    spans = pl.List(pl.Struct({"start_line": pl.Int64, "end_line": pl.Int64}))
    lists = files.filter(name=b"REUSE.toml").select("content", "name", files=pl.lit(None, kind), lines=pl.lit(None, spans))
    said = {row["path"]: row["listed"] for row in listed(files, lists).to_dicts()}
    assert said == dict.fromkeys(said, UNREADABLE)
    without = {row["path"]: row["listed"] for row in listed(files, lists.clear()).to_dicts()}
    assert without == {b"REUSE.toml": None, b"a.c": None, b"x.py": UNREADABLE, b"x.py.license": None}


@pytest.mark.parametrize("data", [b"", b"This package was debianized by somebody.\n\nIt is free.\n", b"\n\n\n"])
def test_a_file_called_copyright_that_is_no_list_says_nothing(say, data):
    row = say("file_licenses", data, name=b"copyright")
    assert (row["files"], row["error"]) == ([], None)


# As packages have it: a remark, a paragraph over many lines, a text of the package's own, blank lines with blanks in them.
DEP5 = f"""{HEADER}Upstream-Name: tide
Source: https://tide.example/

Files: *
Copyright: 2019-2026 A. Nobody
           2021 B. Somebody
License: Expat
\t
\n
# The pictures came later.
Files: icons/*
 img/clock.png
Copyright: 2020 C. Müller
License: theirs
 This program is free software; you can redistribute it and/or modify it under the terms of version 2 of the
 .
 GNU General Public License.

License: Expat
 Permission is hereby granted.
"""
TOML = """version = 1

[[annotations]]  # [[annotations]]
path = ["a", "b#", '[[annotations]]']
SPDX-FileComment = '''
[[annotations]]
path = "c"
'''
SPDX-License-Identifier = "MIT"
# of the next one

[[ "annotations" ]]
  path = [
    "d",
  ]
  SPDX-License-Identifier = "ISC"
[annotations.more]
x = 1
[other]
y = [
["annotations"]]
[[annotations]]
path = "e"
SPDX-License-Identifier = "0BSD" # the end
"""
ANNOTATIONS = {"a": (3, 9), "b#": (3, 9), "[[annotations]]": (3, 9), "d": (12, 18), "e": (22, 24)}
INLINE = """version = 1
annotations = [ # two
  {path = "a", SPDX-License-Identifier = "MIT"}, {path = [
    "]", "{"], SPDX-License-Identifier = "ISC"},
]
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("copyright", DEP5, {"*": (5, 8), "icons/*": (12, 19), "img/clock.png": (12, 19)}),
        ("dep5", f"\n\n{DEP5}", {"*": (7, 10), "icons/*": (14, 21), "img/clock.png": (14, 21)}),
        ("REUSE.toml", TOML, ANNOTATIONS),
        ("REUSE.toml", "\ufeff" + TOML.strip(), ANNOTATIONS),
        ("REUSE.toml", INLINE, {"a": (3, 3), "]": (3, 4), "{": (3, 4)}),
    ],
)  # fmt: skip
def test_a_list_tells_on_which_lines_it_speaks_of_a_pattern(say, name, text, ends, wanted):
    row = say("file_licenses", text.replace("\n", ends).encode(), name=name.encode())
    assert row["error"] is None
    named = [one["path"] or one["pattern"].removeprefix("(?s)^").removesuffix("$").replace(".*", "*") for one in row["files"]]
    assert dict(zip(named, map(tuple, (one.values() for one in row["lines"])), strict=True)) == wanted


TOML_VALUES = [
    *("1", "'[['", '"]] # \\""', '""""[[annotations]]\n"""', '"""\n[[annotations]]\n""\\""""""', "'''\n[x]\n'''''"),
    *("[\n['annotations']]", "[1, # ]\n {a = [2]},\n]", "{annotations = [{}]}", "1979-05-27T07:32:00Z"),
]
TOML_HEADERS = [
    *("[[annotations]]", "[[ 'annotations' ]] # [[annotations]]", "[annotations.x@]", "[[annotations.y]]", "['annotations'.z@]"),
    *("[a@]", "[[b]]", "# [[annotations]]", "", " \t"),
]
TOML_PIECES = st.sampled_from([*(f"{header}\n" for header in TOML_HEADERS), *(f"k@ = {value}\n" for value in TOML_VALUES)])


@given(st.lists(TOML_PIECES, max_size=12))
@settings(max_examples=300, deadline=None)
def test_the_lines_of_a_toml_table_hold_that_table_and_nothing_else(pieces):
    text = "".join(piece.replace("@", str(at)) for at, piece in enumerate(pieces))
    try:
        known = tomllib.loads(text).get("annotations", [])
    except tomllib.TOMLDecodeError:
        return
    if not isinstance(known, list):
        return
    found = toml_tables(text, "annotations")
    lines = text.split("\n")
    for one, table in zip(found, known, strict=True):
        alone = tomllib.loads("\n".join(lines[one.start_line - 1 : one.end_line]))
        assert list(alone) == ["annotations"]
        assert _own(alone["annotations"]) == _own([table])
        assert lines[one.end_line - 1].strip()


def _own(tables):
    """Without the tables in them, which may stand behind another one."""
    return [{key: value for key, value in one.items() if key.startswith("k")} for one in tables]
