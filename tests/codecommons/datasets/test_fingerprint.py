# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import datetime as dt
import random

import pytest

from codecommons.datasets.fingerprint import canonical, digest


def test_the_same_value_has_one_text():
    keys = [f"k{n}" for n in range(20)]
    values = {key: {"n": 1, "list": [True, None, "ü"]} for key in keys}
    shuffled = {key: values[key] for key in random.Random(1).sample(keys, 20)}
    assert canonical(values) == canonical(shuffled)
    assert canonical((1, 2.0, 0.5)) == canonical([1.0, 2, 0.5]) == "[1,2,0.5]"


def test_different_values_have_different_digests():
    values = [None, True, 1, "1", [1], {"1": 1}, "", [], {}, "true", 0.1]
    assert len({digest(value) for value in values}) == len(values)


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", dt.date(2026, 1, 1), {1: "key"}, object(), [{"deep": {"er": {3}}}]])
def test_what_has_no_canonical_form_is_an_error_not_a_guess(value):
    with pytest.raises(TypeError, match=r"canonical|not text"):
        digest(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_must_be_finite(value):
    with pytest.raises(ValueError, match="not finite"):
        digest([value])
