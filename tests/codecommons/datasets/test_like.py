# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codecommons.datasets.like import of_glob, of_like
from codecommons.errors import UsageError

TEXTS = st.text("abAB-]\\\n.é", max_size=8)


def fits(text, pattern):
    return duckdb.execute("select regexp_full_match(?, ?)", [text, pattern]).fetchone()[0]


@given(TEXTS, st.text("abAB%_.*[(\\\n|é-", max_size=8), st.booleans())
def test_a_pattern_of_like_fits_what_it_fits_in_duckdb(text, pattern, exact):
    expected = duckdb.execute(f"select ? {'like' if exact else 'ilike'} ?", [text, pattern]).fetchone()[0]
    assert fits(text, of_like(pattern, exact=exact)) == expected


@given(TEXTS, st.text("ab%_!.", max_size=8).filter(lambda pattern: len(pattern.replace("!!", "")) == len(pattern.rstrip("!"))))
def test_an_escaped_sign_stands_for_itself_as_in_duckdb(text, pattern):
    expected = duckdb.execute("select ? like ? escape '!'", [text, pattern]).fetchone()[0]
    assert fits(text, of_like(pattern, "!")) == expected


@given(st.text("abcAB-]!\\\n.", max_size=8), st.text("abcA*?[]!-\\.", max_size=8))
def test_a_pattern_of_glob_fits_what_it_fits_in_duckdb(text, pattern):
    assert fits(text, of_glob(pattern)) == duckdb.execute("select ? glob ?", [text, pattern]).fetchone()[0]


def test_what_escapes_nothing_is_refused():
    with pytest.raises(UsageError, match="ends with"):
        of_like("a!", "!")
    with pytest.raises(UsageError, match="one character"):
        of_like("a", "!!")
