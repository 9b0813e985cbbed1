# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import re
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codecommons.dedup.configuration import STACK_V2, WORDS, configured
from codecommons.dedup.signatures import sign
from codecommons.dedup.similarity import jaccard, shingle_sets
from codecommons.errors import UsageError
from codecommons.settings import Settings

WORD = re.compile(r"\w+")
# A final sigma is the one character whose lower case depends on its neighbours; we take it for a sigma.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="Σ"), max_size=60) | st.text("aB _é.İ\n", max_size=60)


def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def shingles(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[at : at + 5]) for at in range(len(found) - 4)}


def arrow(*texts: str | bytes) -> pa.BinaryArray:
    return pa.array([text if isinstance(text, bytes) else text.encode() for text in texts], pa.binary())


@given(TEXTS)
@example("İstanbul'da İ")
@example("Straße ÀÉ_1 Ⅷ ² a\u0307b")
@settings(max_examples=300, deadline=None)
def test_words_are_those_of_python(text):
    counted, _ = sign(arrow(text), WORDS)
    assert counted[0] == len(words(text))


def test_every_character_of_unicode_is_a_word_character_exactly_where_python_says_so():
    text = "".join(f"{chr(point)} a " for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000)
    counted, _ = sign(arrow(text), WORDS)
    assert counted[0] == len(words(text))


def test_lower_case_makes_equal_and_nothing_else_does():
    sets, ends = shingle_sets(
        arrow("ΛΟΓΙΑ Été ПРИВЕТ Straße Ab", "λογια été привет straße aB", "λογια ete привет straße ab"), WORDS
    )
    assert np.diff(ends).tolist() == [1, 1, 1]
    assert sets[0] == sets[1] != sets[2]


@given(st.lists(st.sampled_from("abcdefgh"), max_size=60), st.lists(st.sampled_from("abcd"), max_size=60))
@settings(max_examples=200, deadline=None)
def test_similarity_is_the_exact_jaccard_of_the_sets_of_shingles(left, right):
    left, right = " ".join(left), " ".join(right)
    a, b = shingles(left), shingles(right)
    sets, ends = shingle_sets(arrow(left, right), WORDS)
    assert np.diff(ends).tolist() == [len(a), len(b)]
    found = jaccard(sets, ends, np.array([0]), np.array([1]), 0.0)[0]
    assert found == (len(a & b) / len(a | b) if a | b else 0.0)


@given(
    st.lists(st.sampled_from("ab"), min_size=5, max_size=40),
    st.lists(st.sampled_from("ab"), min_size=5, max_size=40),
)
@settings(max_examples=200, deadline=None)
def test_a_floor_changes_nothing_at_or_above_it(left, right):
    sets, ends = shingle_sets(arrow(" ".join(left), " ".join(right)), WORDS)
    pair = np.array([0]), np.array([1])
    exact, floored = (jaccard(sets, ends, *pair, floor)[0] for floor in (0.0, 0.5))
    assert floored in ((exact,) if exact >= 0.5 else (exact, 0.0))


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_can_be_read_and_bytes_that_are_no_text_separate_words(data):
    valid = re.sub("[^\x00-\x7f]", ".", data.decode("latin-1"))
    counted, _ = sign(arrow(data, valid), WORDS)
    assert counted[0] >= 0
    if data.isascii():
        assert counted[0] == counted[1]


def test_a_cut_character_separates_words():
    counted, _ = sign(arrow(b"caf\xc3", b"a\xe2\x82b", b"a\xf0\x9f\x98", b"\xff\xfea b"), WORDS)
    assert counted.tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize("text", ["", "one", "one two three four"])
def test_a_text_with_fewer_words_than_a_shingle_has_no_shingle(text):
    _, ends = shingle_sets(arrow(text), WORDS)
    assert ends.tolist() == [0, 0]


def test_bands_do_not_depend_on_the_neighbours_in_a_batch():
    texts = [" ".join(f"w{n % 7 * k}" for n in range(30 + k)) for k in range(20)]
    together = sign(arrow(*texts), WORDS)[1]
    alone = [sign(arrow(text), WORDS)[1][0] for text in texts]
    assert (together == np.array(alone)).all()
    assert (sign(arrow("x", *texts).slice(1), WORDS)[1] == together).all()


def test_one_shingle_repeated_for_megabytes_is_one_shingle():
    _, ends = shingle_sets(arrow("a " * (2 << 20)), WORDS)
    assert ends.tolist() == [0, 1]


SPLIT = re.compile(r"\W")


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab Z_.,\n\tßéİ言", max_size=60), st.text(alphabet="ab Z_.,\n\tßéİ言", max_size=60))
def test_the_stack_v2_counts_what_lies_between_separators_if_only_nothing(left, right):
    def shingled(text):
        words = SPLIT.split("".join(one.lower() for one in text))
        return {tuple(words[at : at + 5]) for at in range(len(words) - 4)}, len(words)

    (one, counted), (other, counted_too) = shingled(left), shingled(right)
    assert sign(arrow(left, right), STACK_V2)[0].tolist() == [counted, counted_too]
    sets, ends = shingle_sets(arrow(left, right), STACK_V2)
    assert np.diff(ends).tolist() == [len(one), len(other)]
    wanted = len(one & other) / len(one | other) if one and other else 0.0
    assert jaccard(sets, ends, np.array([0]), np.array([1]), 0.0)[0] == pytest.approx(wanted)


def test_a_configuration_that_is_not_there_is_answered_with_the_nearest(tmp_path):
    own = Settings(home=tmp_path, lake=str(tmp_path), near_duplicates="stack-v3")
    with pytest.raises(UsageError, match=r"CODECOMMONS_NEAR_DUPLICATES.*did you mean 'stack-v2'"):
        configured(own)
    assert STACK_V2.key(own) != WORDS.key(own)
