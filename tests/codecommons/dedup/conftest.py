# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import random

import polars as pl
import pyarrow as pa
import pytest

from codecommons.annotate.annotator import current
from codecommons.engine import local_engine
from codecommons.lake import Lake
from codecommons.settings import Settings
from codecommons.swhid import content_id


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0, batch_bytes=1 << 14)


@pytest.fixture(scope="session")
def bring():
    """Put texts into a lake as ingestion and annotation would, and say which they are."""
    return _bring


def _bring(lake: Lake, texts: list[bytes]) -> pl.DataFrame:
    texts = list(dict.fromkeys(texts))
    ids = pa.array([content_id(text) for text in texts], pa.binary())
    data = pa.array(texts, pa.binary())
    encoding = current(lake.settings)["encoding"]
    lake.register(encoding.table)
    unknown = {name: pa.nulls(len(texts), kind) for name, kind in (("binary", pa.binary()), ("string", pa.string()))}
    contents = {"sha1_git": ids, "length": pa.array([len(text) for text in texts], pa.int64())}
    contents |= dict.fromkeys(("sha1", "sha256", "blake2s256"), unknown["binary"])
    contents |= dict.fromkeys(("status", "verified", "verified_reason"), unknown["string"])
    engine = local_engine(lake.settings)
    with lake.staging("test") as area:
        writer = area.writer("test")
        writer.add("content", pa.table(contents))
        writer.add("content_data", pa.table({"sha1_git": ids, "data": data}))
        writer.add(encoding.table.name, encoding.run(pa.record_batch({"sha1_git": ids, "data": data})))
        lake.commit(area, [writer.close()], engine)
    return pl.DataFrame({"sha1_git": pl.from_arrow(ids)})


@pytest.fixture(scope="session")
def families():
    """Some sixty texts: six families of near-copies, one of them large, loners, tiny ones, and some in other alphabets."""
    chance = random.Random(20261123)
    words = [f"w{number}" for number in range(400)] + ["été", "ΛΟΓΟΣ", "слово", "言葉", "x_1", "Straße"]
    texts = []
    for size in (14, 6, 6, 5, 4, 3):
        base = chance.choices(words, k=chance.randint(40, 160))
        for _ in range(size):
            copy = [word if chance.random() > 0.012 else chance.choice(words) for word in base]
            texts.append(chance.choice([" ", ", ", "\n"]).join(copy).encode())
    texts += [" ".join(chance.choices(words, k=chance.randint(5, 90))).encode() for _ in range(16)]
    texts += [
        b"one",
        b"one two",
        b"one two three four",
        b"ONE two three four",
        b" ",
        b"five words are one shingle",
        b"\x00binary\x00",
    ]
    texts += ["l'été à la plage n'est pas fini encore".encode("latin-1"), "l'été à la plage n'est pas fini encore".encode()]
    return sorted(set(texts))
