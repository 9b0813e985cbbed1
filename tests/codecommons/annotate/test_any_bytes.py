# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Every annotator on whatever bytes there are: a row for every input, the same row every time, in bounded time."""

from __future__ import annotations

import random
import resource
import time
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from codecommons.annotate import current
from codecommons.annotate.annotators.normalized_text import normalized
from codecommons.settings import Settings

OPTIONAL = [name for name, module in (("content_model", "magika"), ("syntax", "tree_sitter")) if find_spec(module)]
ANNOTATORS = current(Settings.from_environment({"CODECOMMONS_ANNOTATORS": ",".join(OPTIONAL)}))
NAMES = [
    b"LICENSE", b"a.v", b"\xff\xfe.py", b"", b"x.min.js", b"Cargo.lock", b"README.md", b"a.h", b"a\nb", b"notebook.ipynb",
    b"a.py", b"a.html", b"a.sql",
]  # fmt: skip
MANIFESTS = [
    b"PKG-INFO",
    b"METADATA",
    b"package.json",
    b"Cargo.toml",
    b"pyproject.toml",
    b"setup.cfg",
    b"setup.py",
    b"pom.xml",
    b"a.gemspec",
    b"composer.json",
    b"CITATION.cff",
    b"codemeta.json",
    b"pubspec.yaml",
    b"DESCRIPTION",
    b"a.nuspec",
    b"go.mod",
]
LISTS = [b"REUSE.toml", b"dep5", b"copyright"]  # fmt: skip
FRAGMENTS = [
    b"SPDX-License-Identifier: ", b"MIT", b" OR ", b"(", b"\n", b"\r\n", b"\0", b"\xff", "é".encode(), "日".encode(),
    b"{", b"[", b'"', b"[metadata]\n", b"license = ", b"Name: ", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1b$B",
    b"Permission is hereby granted, free of charge, to any person obtaining a copy ",
    b"under the terms of the GNU General Public License ", b"#!/usr/bin/env python\n",
    b"<project>", b"</project>", b"<version>${x}", b"&amp;", b"<!DOCTYPE p [", b"Gem::Specification.new do |s|\n", b"s.name = ",
    b"%q(", b"<<A\n", b"A\n", b"- a: &b *b\n", b"authors:\n", b"module x\n", b"require (\n", b"License: GPL (>= 2)\n",
    b'{"cells": [', b'"outputs": [{}]', b"def f(x):\n", b"if (x) {", b"/* ", b" */", b'"""', b"<p>", b"0x41,",
    b"password = 'hunter2", b"[[annotations]]\npath = 'a*'\n", b"Format: https://x/copyright-format/1.0/\n\nFiles: *\n",
    b"AKIA", b"-----BEGIN PRIVATE KEY-----\n", b"a@example.org", b"192.168.0.1", b"eyJhbGciOi.",
]  # fmt: skip
DATA = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=40)), max_size=20).map(b"".join)
FAILING = {
    "file_licenses",
    "notebook",
    "project_metadata",
}  # what can't be read is a row that says why; of the others nothing fails on any bytes


@pytest.mark.parametrize("name", ANNOTATORS)
@given(files=st.lists(st.tuples(st.sampled_from([*NAMES, *MANIFESTS, *LISTS]), DATA), min_size=1, max_size=6))
@hypothesis_settings(max_examples=25, deadline=None)
def test_any_bytes_give_one_row_each_and_the_same_one_every_time(batch, name, files):
    annotator = ANNOTATORS[name]
    wanted = [file for file in files if annotator.wants(file[0])]
    if not wanted:
        return
    rows = annotator.run(batch(wanted, path=b"dir/" + wanted[0][0])).to_pylist()
    assert len(rows) == len(wanted)
    assert annotator.run(batch(wanted, path=b"dir/" + wanted[0][0])).to_pylist() == rows
    alone = [annotator.run(batch([file], path=b"dir/" + wanted[0][0])).to_pylist()[0] for file in wanted]
    assert alone == rows
    for row in rows:
        answer = [row[field.name] for field in annotator.fields]
        if row["error"] is not None:
            assert name in FAILING
            assert set(answer) == {None}


def repeated(text, size):
    return text * (size // len(text))


@pytest.mark.parametrize("name", ANNOTATORS)
@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 10_000,
        b"x" * 8_000_000,
        repeated(b"Permission is hereby granted ", 1_500_000),
        repeated(b"SPDX-License-Identifier: MIT AND (", 200_000),
        repeated(b"mit ", 1_200_000),
        repeated(b"a@a.", 1_000_000),
        repeated(b"password='", 1_000_000),
        repeated(b"1.1.1.", 1_000_000),
        bytes(5_000_000),
        random.Random(1).randbytes(3_000_000),
        repeated(b"\xe2\x82", 1_000_000),
    ],
    ids=(
        "nested", "objects", "line", "notice-words", "tags", "mentions", "mailboxes", "passwords", "addresses", "nul", "noise",
        "cut",
    ),
)  # fmt: skip
def test_hostile_contents_take_bounded_time(batch, name, data):
    annotator = ANNOTATORS[name]
    asked, start = 0, time.process_time()
    for file in (b"LICENSE", *MANIFESTS, *LISTS, b"a.ipynb", b"a.v"):
        if annotator.wants(file) and (annotator.names or file == b"LICENSE"):
            asked += 1
            row = annotator.run(batch([(file, data)])).to_pylist()[0]
            assert row["error"] is None or name in FAILING
    assert time.process_time() - start < 5
    assert asked


@pytest.mark.parametrize("data", [b"\n" * (16 << 20), b" \n" * (8 << 20), b"a \r\n" * (4 << 20)], ids=("empty", "blank", "short"))
def test_normalising_millions_of_lines_takes_no_list_of_them(data):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    normalized(data)
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000
    )  # KiB; a list of all of them took 100 bytes a line


def test_manifests_are_read_or_say_why_not(batch):
    for file in MANIFESTS:
        row = ANNOTATORS["project_metadata"].run(batch([(file, b"")])).to_pylist()[0]
        assert (row["error"] is None) == (row["ecosystem"] is not None)
