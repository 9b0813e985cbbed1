# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Pairs of real files whose similarity others have measured (../shared/data/near-duplicates)."""

from __future__ import annotations

import csv
import tarfile
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from codecommons.dedup import WORDS, compare_texts, pairs
from codecommons.dedup.similarity import jaccard, shingle_sets
from codecommons.dedup.texts import select_texts
from codecommons.engine import local_engine
from codecommons.lake import Lake
from codecommons.swhid import content_id

ARCHIVES = {
    "requests-2.30.0.tar.gz": "pypi:requests==2.30.0",
    "requests-2.31.0.tar.gz": "pypi:requests==2.31.0",
    "requests-2.32.3.tar.gz": "pypi:requests==2.32.3",
    "urllib3-1.24.1.tar.gz": "pypi:urllib3==1.24.1",
    "urllib3-1.26.18.tar.gz": "pypi:urllib3==1.26.18",
    "zstandard-0.22.0.tar.gz": "pypi:zstandard==0.22.0",
    "zstandard-0.23.0.tar.gz": "pypi:zstandard==0.23.0",
    "pycparser-2.22.tar.gz": "pypi:pycparser==2.22",
    "sqlparse-0.4.1.tar.gz": "pypi:sqlparse==0.4.1",
}


@pytest.fixture(scope="module")
def known(shared_data):
    """The rows of pairs.tsv between our archives."""
    with (shared_data / "near-duplicates" / "pairs.tsv").open() as source:
        rows = [row for row in csv.DictReader(source, delimiter="\t") if {row["archive_a"], row["archive_b"]} <= ARCHIVES.keys()]
    assert len(rows) > 100
    return rows


@pytest.fixture(scope="module")
def texts(known, corpus_archive):
    """Every file of the archives, by identifier in hex."""
    found = {}
    for name in ARCHIVES.values():
        with tarfile.open(corpus_archive(name)) as archive:
            files = (archive.extractfile(member) for member in archive if member.isfile())
            found |= {content_id(data).hex(): data for data in (file.read() for file in files if file)}
    return found


def test_our_similarity_is_the_known_one_to_four_decimals(known, texts):
    ids = sorted(texts)
    place = {identifier: at for at, identifier in enumerate(ids)}
    sets, ends = shingle_sets(pa.array([texts[identifier] for identifier in ids], pa.binary()), WORDS)
    left, right = (np.array([place[row[column]] for row in known]) for column in ("git_blob_a", "git_blob_b"))
    ours = jaccard(sets, ends, left, right, 0.0)
    assert [f"{value:.4f}" for value in ours] == [row["jaccard_words"] for row in known]


def test_near_duplicates_are_found_with_their_known_similarity(known, texts, settings, bring):
    lake = Lake.open(replace(settings, batch_bytes=4 << 20))
    ids = bring(lake, list(texts.values()))
    compare_texts(lake, local_engine(settings), select_texts(lake, ids, WORDS))
    found = {(a.hex(), b.hex()): (s, accepted) for a, b, s, accepted, _ in pairs(lake).collect().iter_rows()}
    for (a, b), (similarity, accepted) in found.items():
        assert a < b
        assert accepted == (similarity >= WORDS.threshold)
    truth = {
        tuple(sorted((row["git_blob_a"], row["git_blob_b"]))): row["jaccard_words"] for row in known if row["label"] != "exact"
    }
    for pair in truth.keys() & found.keys():
        assert f"{found[pair][0]:.4f}" == truth[pair]
    near = {pair for pair, similarity in truth.items() if float(similarity) >= WORDS.threshold}
    assert len(near) > 30
    assert len(near & found.keys()) >= 0.97 * len(near)


def test_every_pair_of_the_archives_is_exact_and_nearly_all_are_found(texts, settings, bring):
    lake = Lake.open(replace(settings, batch_bytes=4 << 20))
    ids = bring(lake, list(texts.values()))
    chosen = select_texts(lake, ids, WORDS)
    compare_texts(lake, local_engine(settings), chosen)
    keys = chosen["sha1_git"].to_list()
    sets, ends = shingle_sets(pa.array([texts[key.hex()] for key in keys], pa.binary()), WORDS)
    left, right = np.triu_indices(len(keys), 1)
    every = jaccard(sets, ends, left, right, WORDS.threshold)
    hits = np.flatnonzero(every >= WORDS.threshold)
    truth = {(keys[left[at]], keys[right[at]]): every[at] for at in hits}
    found = {(a, b): s for a, b, s in pairs(lake).filter(pl.col("accepted")).select("a", "b", "similarity").collect().iter_rows()}
    assert found.items() <= truth.items()
    assert len(found) >= 0.97 * len(truth)
