# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import replace

import pytest

from codecommons.annotate import current
from codecommons.errors import UsageError
from codecommons.settings import Settings

RULES = """
rule planted { strings: $text = "evil payload" $bytes = { DE AD BE EF } condition: any of them }
rule large { condition: filesize > 1KB }
"""


@pytest.fixture
def rules(tmp_path, settings):
    pytest.importorskip("yara_x", reason="the extra yara is not installed")
    path = tmp_path / "mine.yar"
    path.write_text(RULES)
    return replace(settings, yara=(path,))


def test_rules_are_those_that_the_environment_names(tmp_path):
    environment = {"CODECOMMONS_YARA": f"{tmp_path}/a.yar:{tmp_path}/b.yar"}
    assert Settings.from_environment(environment).yara == (tmp_path / "a.yar", tmp_path / "b.yar")


def test_without_rules_there_is_no_annotator(settings):
    assert "yara" not in current(settings)


def test_a_match_says_where(rules, batch):
    contents = [(b"a", b"the evil payload"), (b"b", b"\xde\xad\xbe\xef" + b"x" * 2000), (b"c", b"")]
    rows = current(rules)["yara"].run(batch(contents)).to_pylist()
    assert [row["rules"] for row in rows] == [["mine/planted"], ["mine/large", "mine/planted"], []]
    assert rows[0]["matches"] == [{"rule": "mine/planted", "pattern": "$text", "start": 4, "end": 16}]
    assert (rows[1]["matches"][0]["start"], rows[1]["matches"][0]["end"]) == (0, 4)


def test_other_rules_are_another_annotator(rules):
    before = current(rules)["yara"].digest
    rules.yara[0].write_text(RULES.replace("evil", "wicked"))
    assert current(rules)["yara"].digest != before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "which can't be read: No such file"),
        ("rule x { condition: nothing }", "can't be compiled: .*unknown identifier"),
        ('include "other.yar"', "can't be compiled"),
    ],
)
def test_rules_that_are_none_are_one_clear_line(rules, text, message):
    rules.yara[0].unlink()
    if text:
        rules.yara[0].write_text(text)
    with pytest.raises(UsageError, match=message) as told:
        current(rules)
    assert "\n" not in str(told.value)
