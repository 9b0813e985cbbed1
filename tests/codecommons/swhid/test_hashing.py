# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A column hashes as its values do, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2s

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.swhid import blake2s_column, hash_content


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
@settings(deadline=None)
@given(data=st.lists(st.binary(max_size=300), max_size=30), skip=st.integers(0, 3))
def test_a_column_hashes_as_its_values_do(kind: pa.DataType, data: list[bytes], skip: int) -> None:
    hashed = blake2s_column(pa.array(data, kind).slice(skip))
    assert hashed.to_pylist() == [hash_content(value).blake2s256 for value in data[skip:]]


@pytest.mark.parametrize(
    "lengths", [range(200), [64] * 9, [1 << 20, *range(60, 70)], [0, 0, 1 << 16], [5000] * 17, [100_000] * 8]
)
def test_contents_of_very_different_sizes_share_the_lanes(lengths: Sequence[int]) -> None:
    data = [(bytes(range(251)) * (1 + length // 251))[:length] for length in lengths]
    assert blake2s_column(pa.array(data, pa.binary())).to_pylist() == [blake2s(one).digest() for one in data]


def test_what_is_not_here_can_not_be_hashed() -> None:
    with pytest.raises(ValueError, match="1 of 2 values are null"):
        blake2s_column(pa.array([b"", None], pa.binary()))


def test_views_and_bytearrays_hash_as_bytes() -> None:
    data = bytes(range(256)) * 20
    assert hash_content(memoryview(data)) == hash_content(bytearray(data)) == hash_content(data)
