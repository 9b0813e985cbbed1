# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from codecommons.annotate import current
from codecommons.annotate.annotators import content_model
from codecommons.errors import UsageError

VERILOG = b"always begin\n" + b"  q <= d; r <= #5 ~r;\n" * 9 + b"end\n"
HEADER = (
    b"#ifndef A_H\n#define A_H\n#include <stdio.h>\n"
    b"struct s { char *name; int length; };\nextern int f(struct s *s, FILE *out);\n#endif\n"
)


@pytest.fixture(scope="module")
def model(request):
    pytest.importorskip("magika", reason="the extra models is not installed")
    from codecommons.settings import Settings

    return current(Settings.from_environment({"CODECOMMONS_ANNOTATORS": "content_model"}))["content_model"]


def test_it_is_off_unless_it_is_named(settings):
    assert "content_model" not in current(settings)


def test_what_linguist_settles_is_not_asked(model, batch):
    row = model.run(batch([(b"a.h", b"#include <vector>\nnamespace a { template <typename T> class B {}; }\n")])).to_pylist()[0]
    assert (row["language"], row["label"], row["agrees"]) == ("C++", None, None)


def test_where_several_languages_are_left_both_answers_stand_side_by_side(model, batch):
    row = model.run(batch([(b"a.v", VERILOG)])).to_pylist()[0]
    assert row["candidates"] == ["Rocq Prover", "V", "Verilog"]
    assert row["language"] in row["candidates"]
    assert row["model_language"] == content_model.linguist_name(row["label"])
    assert row["agrees"] == (None if row["model_language"] is None else row["model_language"] == row["language"])
    assert 0 < row["score"] <= 1


def test_a_header_without_any_sign_is_asked_about(model, batch):
    row = model.run(batch([(b"a.h", HEADER)])).to_pylist()[0]
    assert (row["language"], row["candidates"], row["label"]) == ("C", ["C"], "c")
    assert row["agrees"] is True


def test_only_extensions_of_several_languages_have_rows(model):
    assert all(model.wants(b"x" + extension) for extension in (b".h", b".m", b".v", b".pl", b".t", b".sql", b".cls"))
    assert not any(model.wants(name) for name in (b"x.py", b"x", b"v", b"x.h.gz"))


def test_the_model_s_version_is_part_of_the_digest(model):
    assert {"magika", "onnxruntime"} <= set(model.tools)
    assert model.digest != replace(model, tools=("enry-python",)).digest


@pytest.mark.parametrize(
    ("label", "language"),
    [("cpp", "C++"), ("python", "Python"), ("objectivec", "Objective-C"), ("latex", "TeX"), ("unknown", None), ("zip", None)],
)
def test_labels_have_linguist_s_names(label, language):
    assert content_model.linguist_name(label) == language


def test_nobody_who_does_not_ask_for_it_loads_it():
    code = (
        "import sys, codecommons.annotate as a; from codecommons.settings import Settings; a.current(Settings.from_environment())"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print([m for m in ('magika', 'onnxruntime', 'tree_sitter') if m in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("nonsense",), "CODECOMMONS_ANNOTATORS names 'nonsense'; it may name content_model, in_edges, syntax"),
        (("encoding",), "names 'encoding'"),
        (("in_edges",), "names in_edges, which needs syntax"),
    ],
)
def test_a_name_that_can_t_be_switched_on_is_one_clear_line(settings, names, message):
    pytest.importorskip("tree_sitter", reason="the extra syntax is not installed")
    with pytest.raises(UsageError, match=message):
        current(replace(settings, annotators=names))


def test_a_package_that_is_missing_is_one_clear_line(settings, monkeypatch):
    monkeypatch.setattr(
        "codecommons.annotate.annotators.content_model.ANNOTATOR", replace(content_model.ANNOTATOR, tools=("none-such",))
    )
    with pytest.raises(
        UsageError, match=r"needs the package none-such, which is not installed; pip install 'codecommons\[models\]'"
    ):
        current(replace(settings, annotators=("content_model",)))
