# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@given(st.text(alphabet="aZ1_é日\n\r \t\U0001d49c٣\x0b\x85\u2028;", max_size=40))
@settings(max_examples=200, deadline=None)
def test_counts_are_those_of_the_decoded_text(say, text):
    row = say("line_statistics", text.encode())
    lines = re.split("\r\n|\r|\n", text)
    lines = lines[:-1] if lines[-1] == "" else lines
    total = max(1, len(text))
    assert row["characters"] == len(text)
    assert row["lines"] == len(lines)
    assert row["blank_lines"] == sum(not line.strip() for line in lines)
    assert row["max_line"] == max(map(len, lines), default=0)
    assert row["mean_line"] == pytest.approx(sum(map(len, lines)) / max(1, len(lines)))
    assert row["alphabetic"] == pytest.approx(sum(c.isalpha() for c in text) / total)
    assert row["alphanumeric"] == pytest.approx(sum(c.isalnum() for c in text) / total)
    assert row["whitespace"] == pytest.approx(sum(c.isspace() for c in text) / total)


@given(st.binary(max_size=30))
@settings(max_examples=200, deadline=None)
def test_bytes_outside_utf_8_are_single_characters(say, data):
    characters = len(data.decode("utf-8", "surrogateescape"))
    assert say("line_statistics", data)["characters"] == characters


def test_invalid_bytes_count_one_each(say):
    row = say("line_statistics", b"a\xff\xe2\x82b\xed\xa0\x80\n")
    assert row["characters"] == 9
    assert row["alphabetic"] == pytest.approx(2 / 9)


def test_an_empty_content_has_no_lines_and_no_shares(say):
    row = say("line_statistics", b"")
    assert (row["lines"], row["max_line"], row["mean_line"], row["alphabetic"]) == (0, 0, 0.0, 0.0)


def test_a_slice_of_a_batch_gives_the_rows_of_the_whole(annotators, batch):
    whole = batch([(b"x", bytes([65 + i]) * i + b"\n") for i in range(9)])
    statistics = annotators["line_statistics"]
    assert statistics.run(whole.slice(3, 4)).to_pylist() == statistics.run(whole).to_pylist()[3:7]
