# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The batch form hashes as the single form does; both are quick enough for a loader's inner loop."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.swhid import ContentHashes, hash_content, hash_contents


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
@settings(deadline=None)
@given(data=st.lists(st.one_of(st.none(), st.binary(max_size=50)), max_size=10), skip=st.integers(0, 3))
def test_a_column_hashes_as_its_values_do(kind: pa.DataType, data: list[bytes | None], skip: int) -> None:
    for column in (
        pa.array(data, kind).slice(skip),
        pa.chunked_array([pa.array(data, kind), pa.array([b"x"], kind)]).slice(skip),
    ):
        hashed = hash_contents(column)
        for row, value in zip(hashed.to_pylist(), column.to_pylist(), strict=True):
            expected = dict.fromkeys(ContentHashes._fields) if value is None else hash_content(value)._asdict()
            assert row == {**expected, "length": None if value is None else len(value)}


def test_views_and_bytearrays_hash_as_bytes() -> None:
    data = bytes(range(256)) * 20
    assert hash_content(memoryview(data)) == hash_content(bytearray(data)) == hash_content(data)
