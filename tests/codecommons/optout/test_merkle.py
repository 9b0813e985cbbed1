# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Proofs that something is not in a set."""

import copy
import hashlib
import random

import pytest

from codecommons.optout.merkle import Tree, absent


def test_the_root_is_that_of_rfc_6962_sealed_with_the_number_of_leaves():
    def leaf(text):
        return hashlib.sha256(b"\0" + text).digest()

    def node(left, right):
        return hashlib.sha256(b"\1" + left + right).digest()

    top = node(node(leaf(b"a"), leaf(b"b")), leaf(b"c"))
    assert Tree(["c", "a", "b", "a"]).root == hashlib.sha256(b"\2" + (3).to_bytes(8) + top).hexdigest()
    assert Tree([]).to_mapping() == {"root": hashlib.sha256(b"\2" + bytes(8)).hexdigest(), "leaves": 0}


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 33])
def test_what_is_absent_can_be_shown_and_what_is_there_can_not(size):
    texts = [f"{at * 7 % 101:03}" for at in range(1, size + 1)]
    tree = Tree(texts)
    stated = tree.to_mapping()
    for at in range(102):
        text = f"{at:03}"
        assert tree.holds(text) == (text in texts)
        if text in texts:
            with pytest.raises(ValueError, match="has"):
                tree.absence(text)
            continue
        proof = tree.absence(text)
        assert absent(**stated, proof=proof)
        assert not any(absent(**stated, proof={**proof, "text": there}) for there in texts)
    assert tree.holds("0") == any(text.startswith("0") for text in texts)


def test_beginnings_and_whole_texts_are_told_apart():
    tree = Tree(["https://a.example/me/tool2", "https://a.example/you/x"])
    assert absent(**tree.to_mapping(), proof=tree.absence("https://a.example/me/tool", exact=True))
    with pytest.raises(ValueError, match="tool"):
        tree.absence("https://a.example/me/tool")
    forged = tree.absence("https://a.example/me/tool", exact=True) | {"exact": False}
    assert not absent(**tree.to_mapping(), proof=forged)


def test_no_changed_proof_is_accepted():
    tree = Tree(map(str, range(100, 150, 2)))
    stated, proof = tree.to_mapping(), tree.absence("121")
    chance = random.Random(6)
    for _ in range(300):
        wrong = copy.deepcopy(proof)
        side = chance.choice(["before", "after"])
        match chance.randrange(5):
            case 0:
                wrong[side]["index"] += chance.choice([-1, 1, 25])
            case 1:
                wrong[side]["path"].pop()
            case 2:
                wrong[side]["path"].append("00" * 32)
            case 3:
                wrong[side]["text"] += "0"
            case _:
                wrong[side] = None
        assert not absent(**stated, proof=wrong)
    assert not absent(stated["root"], 24, proof)
    assert not any(absent(**stated, proof=junk) for junk in ({}, {"text": ""}, {**proof, "before": 1}, {**proof, "text": ""}))
