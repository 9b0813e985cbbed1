# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = [b"LICENSE", b"a.v", b"\xff\xfe.py", b"", b"x.min.js", b"Cargo.lock", b"README.md", b"a.h", b"package.json", b"PKG-INFO"]
MANIFESTS = [b"PKG-INFO", b"METADATA", b"package.json", b"Cargo.toml", b"pyproject.toml", b"setup.cfg"]
FRAGMENTS = [
    b"SPDX-License-Identifier: ", b"MIT", b" OR ", b"(", b"\n", b"\r\n", b"\0", b"\xff", "é".encode(), "日".encode(),
    b"{", b"[", b'"', b"[metadata]\n", b"license = ", b"Name: ", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1b$B",
    b"Permission is hereby granted, free of charge, to any person obtaining a copy ",
    b"under the terms of the GNU General Public License ", b"#!/usr/bin/env python\n",
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=40)), max_size=30), st.sampled_from(NAMES))
@settings(max_examples=40, deadline=None)
def test_no_content_makes_an_annotator_fail(annotators, batch, parts, name):
    for annotator in annotators.values():
        if annotator.wants(name) and annotator.name != "project_metadata":
            row = annotator.run(batch([(name, b"".join(parts))], path=b"dir/" + name)).to_pylist()[0]
            assert row["error"] is None


@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=40)), max_size=12), st.sampled_from(MANIFESTS))
@settings(max_examples=60, deadline=None)
def test_a_manifest_is_read_or_says_why_not(annotators, batch, parts, name):
    row = annotators["project_metadata"].run(batch([(name, b"".join(parts))])).to_pylist()[0]
    assert row["error"] or row["ecosystem"]


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b"x" * 8_000_000,
        b"Permission is hereby granted " * 50_000,
        b"SPDX-License-Identifier: MIT AND (" * 5_000,
        b"mit " * 300_000,
        bytes(5_000_000),
        random.Random(1).randbytes(3_000_000),
    ],
    ids=["nested", "one-line", "notice-words", "tags", "mentions", "nul", "noise"],
)
def test_hostile_contents_take_bounded_time(annotators, batch, data):
    for annotator in annotators.values():
        for name in (b"LICENSE", b"package.json"):
            if annotator.wants(name):
                row = annotator.run(batch([(name, data)])).to_pylist()[0]
                assert row["error"] is None or annotator.name == "project_metadata"
