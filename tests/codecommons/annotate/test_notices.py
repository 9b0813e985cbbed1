# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.annotate import notices
from codecommons.annotate.annotators.license_evidence import evidence_of, expression_of
from codecommons.annotate.expressions import licensing
from codecommons.annotate.notices import denials, matching
from codecommons.annotate.notices import index as indexing
from codecommons.annotate.notices.clues import Clues
from codecommons.annotate.notices.matching import find
from codecommons.annotate.notices.rules import Rule
from codecommons.annotate.notices.words import Splitter

GRANT = (
    "Permission is given to anyone to use this thing for any purpose whatever, provided that the origin is named "
    "in all copies of it"
)


@pytest.fixture(scope="module")
def small():
    """An index of four made-up rules."""
    rules = [
        Rule(GRANT, "MIT", "text", 0, 100),
        Rule("the thing license", "ISC", "reference", 0, 100),
        Rule(GRANT + " and that nobody is sued over it by anyone who holds a copy", "Zlib", "text", 0, 100),
        Rule("this is no thing license at all", "", "false_positive", 0, 100),
    ]
    return indexing.build(rules)


def test_words_are_lower_case_runs_of_letters_and_digits():
    def words(text):
        return [int(value) for value in Splitter(100).words(text.encode())[0]]

    assert words("The GPL-2.0+ (c) License") == words('the gpl 2 0+ © C "license"')
    assert words("café") != words("cafe")
    assert words("<br>text</li>") == words("text")
    assert len(words("a_b")) == 2
    assert list(Splitter(100).words(b"a\n\nb c\r\nd")[1]) == [1, 3, 3, 4]


def test_a_rule_is_found_word_for_word_in_any_layout(small):
    text = "/*\n * " + GRANT.replace(" ", "\n * ", 4).upper() + "\n */\nint x;"
    (match,) = find(small, text.encode())
    assert (match.expression, match.share, match.start_line, match.end_line) == ("MIT", 1.0, 2, 6)


def test_the_longer_of_two_rules_counts(small):
    (match,) = find(small, (GRANT + " and that nobody is sued over it by anyone who holds a copy").encode())
    assert match.expression == "Zlib"


def test_a_text_with_some_words_changed_is_still_known(small):
    changed = GRANT.replace("this thing", "the widget")
    (match,) = find(small, f"intro\n{changed}\nend".encode())
    assert match.expression == "MIT"
    assert 0.8 <= match.share < 1
    assert find(small, changed.encode(), changed=False) == []


def test_of_many_near_licences_the_best_are_candidates_as_counting_all_of_them_tells():
    chosen = random.Random(5)
    words = [f"word{number}" for number in range(400)]
    whole = [chosen.choice(words) for _ in range(120)]
    texts = []
    for _ in range(300):  # parts of one text, some words changed
        start = chosen.randrange(60)
        text = whole[start : start + chosen.randrange(20, 100)]
        for at in chosen.sample(range(len(text)), chosen.randrange(4)):
            text[at] = chosen.choice(words)
        texts.append(" ".join(text))
    index = indexing.build([Rule(text, "MIT", "text", chosen.choice([0, 0, 90]), 100) for text in texts])
    content = Splitter(1000).words(" ".join(whole).encode())[0]
    slots = matching._slots(content, index)
    distinct = np.unique(slots[slots >= 0])
    held = np.zeros(len(index.gram_keys) // 8, np.uint8)
    rules, scores = matching._candidates(distinct, index, held)
    wanted = []
    for rule, size in enumerate(index.grams.tolist()):
        stop = int(index.gram_ends[rule])
        hits = len(set(index.rule_grams[stop - size : stop].tolist()) & set(distinct.tolist()))
        if size and hits >= indexing.LEAST_GRAMS and hits / size >= max(indexing.LEAST_SHARE, index.coverage[rule] / 100):
            wanted.append((-hits * (hits / size), rule))
    assert len(wanted) > matching.CANDIDATES
    assert list(zip((-scores).tolist(), rules.tolist(), strict=True)) == sorted(wanted)[: matching.CANDIDATES]
    assert not held.any()


PHRASES = """
not|no longer|n't|never|licensed|Distributed|under|by|the|MIT|license|does not apply|was revoked|This|is|are|formerly|until|
will be|released|once|originally|except|for|to|companies|everybody but|individuals|only|commercial|non-commercial|use|
requires|may not|sell|must pay|proprietary|military|purposes|in|2030|and|portions of|some|the documentation|based on|which is|
, |.|; |\n# | * |exempt from|on request|rest of""".split("|")  # noqa: SIM905
SOUGHT = [*denials._DENIALS, denials._TAKES_BACK.pattern, denials._OF_A_PART.pattern]
SOUGHT += [*denials._RESTRICTS.values(), *denials._EXCLUDES.values()]
CLUES = Clues(SOUGHT)


@given(st.lists(st.sampled_from(PHRASES), min_size=1, max_size=9))
@settings(max_examples=300, deadline=None)
def test_no_text_that_an_expression_finds_is_without_its_clue(phrases):
    text = " ".join(phrases)
    there = {number for number, one in enumerate(SOUGHT) if re.search(one, text, re.IGNORECASE)}
    assert there <= set(CLUES.found(text.encode()))


def test_two_copies_are_two_matches(small):
    assert [match.start_line for match in find(small, f"{GRANT}\n{GRANT}\n".encode())] == [1, 2]


def test_what_is_known_to_mean_nothing_hides_what_is_inside(small):
    assert find(small, b"We say: this is no thing license at all!") == []
    assert [match.expression for match in find(small, b"see the thing license.")] == ["ISC"]


def test_short_rules_can_be_left_out(small):
    assert find(small, b"see the thing license.", least_words=4) == []


@pytest.mark.parametrize("data", [b"", b"\n\n", b"one", b"\xff\xfe\xe2", b"the thing"])
def test_little_or_nothing_to_read_finds_nothing(small, data):
    assert find(small, data) == []


def test_the_known_answers_of_the_licence_set(shared_data):
    """ScanCode's expectations: the licences named for a text are the ones found; docs/accuracy.md names the others."""
    lines = (shared_data / "license-tests" / "license_tests.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    right = sum(_keys(row["spdx_expressions"]) == _keys(_said(row["text"])) for row in rows)
    assert right / len(rows) >= 0.97


def _said(text):
    return [expression] if (expression := expression_of(evidence_of(text.encode()))) else []


def test_the_known_texts_of_spdx(shared_data):
    import gzip

    with gzip.open(shared_data / "license-data" / "spdx-license-texts.jsonl.gz", "rt") as lines:
        texts = {row["spdx_id"]: row["text"] for row in map(json.loads, lines)}
    wanted = [
        "MIT",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "Zlib",
        "0BSD",
        "BSL-1.0",
        "MPL-2.0",
        "Apache-2.0",
        "EPL-2.0",
        "Unlicense",
        "CC0-1.0",
    ]
    found = {name: _keys(match.expression for match in find(notices.load(), texts[name].encode())) for name in wanted}
    assert found == {name: {name} for name in wanted}


def _keys(expressions):
    return {key for expression in expressions for key in licensing().license_keys(expression)}
