# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A trained classifier as a plug-in: one file beside its model."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from codecommons.annotate import annotate_files, current
from codecommons.errors import UsageError

PLUGIN = """
import json
import math
from pathlib import Path

from codecommons.annotate.scorers import scorer


def load(path):
    weights = json.loads(path.read_text())

    def score(texts):
        return [1 / (1 + math.exp(-sum(weights.get(c, 0.0) for c in text) / len(text) - weights["bias"])) for text in texts]

    return score


ANNOTATOR = scorer(
    "brace_likeness_v1",
    "How alike a text's characters are to those of a dozen lines of C, against as many of prose; for this test.",
    Path(__file__).with_name("brace_likeness_v1.json"),
    load,
    characters=1000,
)
"""
CODE = ["for (i = 0; i < n; i++) { a[i] = b[i]; }", "if (x) { return f(y); }", "int g(int *p) { return *p++; }", "{ ; }"]
PROSE = ["The quick brown fox jumps over the lazy dog", "It was a bright cold day in April", "Call me Ishmael", "All is well"]


def trained():
    """Weights per character of a logistic regression, by gradient descent."""
    signs = sorted(set("".join(CODE + PROSE)))
    inputs = np.array([[text.count(sign) / len(text) for sign in signs] for text in CODE + PROSE])
    labels = np.repeat([1.0, 0.0], [len(CODE), len(PROSE)])
    weights, bias = np.zeros(len(signs)), 0.0
    for _ in range(500):
        off = 1 / (1 + np.exp(-inputs @ weights - bias)) - labels
        weights, bias = weights - 2 * inputs.T @ off, bias - 0.2 * off.sum()
    return {**dict(zip(signs, weights.tolist(), strict=True)), "bias": float(bias)}


@pytest.fixture
def plugged(tmp_path, settings):
    folder = tmp_path / "plugins" / "annotators"
    folder.mkdir(parents=True)
    (folder / "brace_likeness_v1.py").write_text(PLUGIN)
    (folder / "brace_likeness_v1.json").write_text(json.dumps(trained()))
    return replace(settings, plugins=(tmp_path / "plugins",))


def test_a_trained_classifier_is_one_file_and_its_model(plugged, batch):
    annotator = current(plugged)["brace_likeness_v1"]
    unseen = [b"while (p) { p = p->next; free(q); }", b"She sells sea shells on the sea shore", b"", b"\0\1", b"caf\xe9"]
    rows = annotator.run(batch([(b"x", data) for data in unseen])).to_pylist()
    assert rows[0]["score"] > 0.5 > rows[1]["score"]
    assert [row["score"] for row in rows[2:]] == [None] * 3
    assert [row["characters"] for row in rows] == [35, 37, None, None, None]
    assert [row["error"] for row in rows] == [None] * 5


def test_a_model_sees_the_beginning_of_a_text_cut_between_characters(plugged, batch):
    annotator = current(plugged)["brace_likeness_v1"]
    for unit in ("a", "é", "日", "𝄞"):
        assert annotator.run(batch([(b"x", (unit * 2000).encode())])).to_pylist()[0]["characters"] == 1000
        assert annotator.run(batch([(b"x", b"x" + (unit * 2000).encode())])).to_pylist()[0]["characters"] == 1000


def test_its_scores_are_shown_like_any_plug_in_s(plugged, tmp_path):
    (tmp_path / "a.c").write_text("int f(void) { return 1; }\n")
    (row,) = annotate_files([tmp_path / "a.c"], plugged)
    assert row["annotations"]["brace_likeness_v1"]["score"] > 0.5


def test_another_model_is_another_annotation(tmp_path):
    from codecommons.annotate.scorers import scorer

    def with_model(text):
        (tmp_path / "model").write_text(text)
        return scorer("mine", "What it measures.", tmp_path / "model", lambda path: lambda texts: [0.0] * len(texts)).digest

    assert with_model("a") != with_model("b")
    assert with_model("a") == with_model("a")


@pytest.mark.parametrize("answer", [[], [float("nan")], [0.1, 0.2]])
def test_scores_that_are_none_are_the_row_s_reason(tmp_path, batch, answer):
    from codecommons.annotate.scorers import scorer

    (tmp_path / "model").touch()
    row = scorer("mine", "x", tmp_path / "model", lambda path: lambda texts: answer).run(batch([(b"x", b"text")])).to_pylist()[0]
    assert "the scorer mine gave" in row["error"]
    assert row["score"] is None


def test_a_model_that_is_not_there_is_one_clear_line(tmp_path):
    from codecommons.annotate.scorers import scorer

    with pytest.raises(UsageError, match=r"the model .*none of the scorer mine can't be read: No such file"):
        scorer("mine", "x", tmp_path / "none", lambda path: lambda texts: [])
