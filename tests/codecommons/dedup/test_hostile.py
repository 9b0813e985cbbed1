# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Texts made to be taken for each other, and texts in which words are not what they are in most."""

from __future__ import annotations

import base64
import random
import time
from dataclasses import replace
from itertools import combinations

import numpy as np
import polars as pl
import pyarrow as pa

from codecommons.annotate.columns import buffers
from codecommons.dedup import WORDS, compare_texts, index, pairs
from codecommons.dedup.signatures import sign
from codecommons.dedup.similarity import shingle_sets
from codecommons.dedup.texts import select_texts
from codecommons.engine import local_engine
from codecommons.lake import Lake
from codecommons.shingles import shingle_hashes, word_table
from codecommons.swhid import content_id

TEXTS = 300


def compare(lake, bring, texts):
    bring(lake, texts)
    ids = pl.DataFrame({"sha1_git": [content_id(text) for text in texts]}, schema={"sha1_git": pl.Binary})
    compared = compare_texts(lake, local_engine(lake.settings), select_texts(lake, ids, WORDS), WORDS)
    found = pairs(lake, WORDS).select("a", "b", "similarity").collect()
    return compared, {(a, b): similarity for a, b, similarity in found.iter_rows()}


def passages(chance: random.Random) -> list[str]:
    """Five words for each bin of the first band, of the smallest hash among very many: nearly every text's would be larger."""
    words = [f"{chance.getrandbits(40):x}" for _ in range(200_000)]
    offsets, data = buffers(pa.array([" ".join(words).encode()], pa.binary()))
    hashes = np.empty(len(data) + 1, np.uint64)
    count = shingle_hashes(data, offsets[0], offsets[1], word_table(), False, hashes) - 4
    bins = hashes[:count] >> np.uint64(64 - int(np.log2(WORDS.bins)))
    best = [int(np.flatnonzero(bins == one)[np.argmin(hashes[:count][bins == one])]) for one in range(WORDS.rows)]
    return [" ".join(words[at : at + 5]) for at in best]


def test_texts_that_are_crafted_to_share_a_band_are_compared_with_its_anchors_and_found_to_be_unlike(settings, bring):
    settings = replace(settings, batch_bytes=1 << 17)
    chance = random.Random(20261125)
    bait = ". ".join(passages(chance))
    texts = [f"{bait}. {' '.join(f'{chance.getrandbits(40):x}' for _ in range(120))}".encode() for _ in range(TEXTS)]
    _, bands = sign(pa.array(texts, pa.binary()), WORDS)
    sharing = int((bands[:, 0] == bands[0, 0]).sum())
    assert sharing > 0.9 * TEXTS > WORDS.anchors
    compared, found = compare(Lake.open(settings), bring, texts)
    assert compared.crowded >= 1
    assert WORDS.anchors * (sharing - WORDS.anchors) < compared.candidates <= WORDS.anchors * TEXTS
    assert found == {}


def test_one_passage_repeated_for_megabytes_is_a_handful_of_shingles_and_costs_no_more_than_its_length(settings, bring):
    settings = replace(settings, batch_bytes=1 << 22)
    passage = b"all work and no play makes jack a dull boy\n"
    texts = [passage * 150_000, passage * 150_001, passage * 3, b"all work and " * 400_000]
    assert len(texts[0]) > 6 << 20
    start = time.process_time()
    compared, found = compare(Lake.open(settings), bring, texts)
    assert time.process_time() - start < 30
    assert compared.new == len(texts)
    ids = [content_id(text) for text in texts]
    # Whatever their length, the first three are the same set of shingles.
    assert {tuple(sorted(pair)) for pair in combinations(ids[:3], 2)} == set(found)
    assert set(found.values()) == {1.0}


def test_large_texts_that_are_all_alike_are_cut_into_shingles_twice_and_not_once_a_pair(settings, bring, monkeypatch):
    settings = replace(settings, batch_bytes=1 << 16)
    words = [f"word{number}" for number in range(6000)]
    texts = [" ".join([*words, f"end{number}"]).encode() for number in range(20)]
    assert len(texts[0]) > settings.batch_bytes / 2
    cut = []

    def counted(data, configuration):
        cut.extend(data.to_pylist())
        return shingle_sets(data, configuration)

    monkeypatch.setattr(index, "shingle_sets", counted)
    _, found = compare(Lake.open(settings), bring, texts)
    assert len(found) == 20 * 19 / 2
    assert sorted(cut) == sorted(texts)  # once to sign them, which is not counted here, and once to compare them


def test_prose_without_spaces_has_too_few_words_and_minified_code_and_lines_of_base64_have_enough(settings, bring):
    chance = random.Random(7)
    prose = "".join(chr(chance.randrange(0x4E00, 0x9FA5)) for _ in range(4000))
    chinese = [f"{prose[:2000]}。{prose[2000:]}".encode(), f"{prose[:2000]}。{prose[2001:]}".encode()]
    code = ";".join(f"var a{n}=f(b[{chance.randrange(99)}],{chance.randrange(99)})" for n in range(300))
    minified = [code.encode(), code.replace("a77=", "z77=").encode()]
    blob = bytearray(chance.randbytes(6000))
    wrapped = [base64.encodebytes(blob)]
    blob[3000] ^= 1
    wrapped.append(base64.encodebytes(blob))
    one_line = [text.replace(b"\n", b"").replace(b"+", b"0").replace(b"/", b"1").rstrip(b"=") for text in wrapped]
    compared, found = compare(Lake.open(settings), bring, [*chinese, *minified, *wrapped, *one_line])
    expected = {tuple(sorted(map(content_id, texts))) for texts in (minified, wrapped)}
    assert set(found) == expected
    assert min(found.values()) > 0.9
    # Each of them is a handful of words, and only ever the same as itself.
    assert compared.short == len(chinese) + len(one_line)


def test_a_pair_that_is_just_at_the_threshold_is_accepted_and_one_that_misses_it_is_kept_and_rejected(settings, bring):
    common = [f"c{number}" for number in range(11)]
    # Seven shingles in common, of ten and of eleven.
    first, second = ([*common, *more] for more in (["x"], ["y1", "y2"]))
    third = [*common, "z1", "z2", "z3"]
    texts = [" ".join(words).encode() for words in (first, second, third)]
    _, found = compare(Lake.open(settings), bring, texts)
    ids = [content_id(text) for text in texts]
    assert found[tuple(sorted(ids[:2]))] == 7 / 10
    assert found[tuple(sorted((ids[0], ids[2])))] == 7 / 11
    accepted = pairs(Lake.open(settings), WORDS).filter("accepted").select("a", "b").collect().rows()
    assert accepted == [tuple(sorted(ids[:2]))]
