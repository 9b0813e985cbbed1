# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""ScanCode itself is in an environment of its own; ``CODECOMMONS_SCANCODE`` names it to the tests that ask it."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from codecommons.annotate import current
from codecommons.annotate.annotators import scancode
from codecommons.annotate.scancode import client
from codecommons.annotate.scancode.client import Scancode
from codecommons.annotate.scancode.passages import MARGIN, MOST_BYTES, passages
from codecommons.errors import UsageError
from codecommons.settings import Settings

NOTICE = "Licensed under the Apache License, Version 2.0; you may not use this file except in compliance with the License."
# Answers every passage with one detection that is as long as the passage, and fails on "boom".
ECHO = """
import json, sys, time
print(json.dumps("1"), flush=True)
for line in sys.stdin:
    text = json.loads(line)
    if "boom" in text:
        sys.exit(1)
    if "slow" in text:
        time.sleep(60)
    print(json.dumps([[1, text.count(chr(10)) + 1, "MIT", 100.0]]), flush=True)
"""


@pytest.fixture
def echo(tmp_path):
    """An interpreter that runs ``ECHO`` instead of ScanCode."""
    script = tmp_path / "echo.py"
    script.write_text(ECHO)
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\ncase $2 in -c) echo 1;; *) exec {sys.executable} {script};; esac\n")
    python.chmod(0o755)
    asked = Scancode(python)
    yield asked
    asked.close()


def test_scancode_is_asked_only_where_somebody_wants_it(settings):
    assert "scancode" not in current(settings)
    assert "scancode" not in current(Settings.from_environment({}))
    assert Settings.from_environment({"CODECOMMONS_SCANCODE": "/a/python"}).scancode == Path("/a/python")


@pytest.mark.parametrize(
    ("python", "reason"), [(Path("/nowhere/python"), "can't be run"), (Path(sys.executable), "has no scancode-toolkit-mini")]
)
def test_a_missing_scancode_is_one_clear_line_with_what_to_do(settings, python, reason):
    with pytest.raises(UsageError, match=reason) as raised:
        current(replace(settings, scancode=python))
    assert "pip install 'scancode-toolkit-mini" in str(raised.value)


def test_the_same_notice_is_the_same_passage_in_any_file():
    first = passages(f"# {NOTICE}\nimport os\n".encode())
    second = passages(f"/*\n * {NOTICE}\n */\n{'x;' * 3}\n".encode())
    assert NOTICE.rstrip(".") in first[0].text
    assert [passage.line for passage in (*first, *second)] == [1, 1]
    long = "\n".join(["code"] * 100 + [f"// {NOTICE}"] + ["code"] * 100 + [f"/* {NOTICE} */"] + ["code"] * 100).encode()
    here, there = passages(long)
    assert here.text == there.text
    assert (here.line, there.line) == (101 - MARGIN, 202 - MARGIN)


def test_what_has_no_word_of_licences_is_not_asked_about():
    assert passages(b"int main() { return 0; }\n") == []
    assert passages(b"\0" + NOTICE.encode()) == []
    with pytest.raises(ValueError, match="ScanCode is asked about"):
        passages(NOTICE.encode() + b" " * MOST_BYTES)


def test_a_passage_is_asked_about_once_for_ever(echo, tmp_path):
    echo.folder = tmp_path / "cache"
    data = ("code\n" * 100 + NOTICE + "\n" + "code\n" * 100).encode()
    row = scancode.row_of(data, echo)
    assert row[0] == "MIT"
    assert [(one["start_line"], one["end_line"]) for one in row[1]] == [(101 - MARGIN, 101 + MARGIN)]
    assert scancode.row_of(data, echo) == row
    assert echo.asked == 1
    fresh = Scancode(echo._python)
    fresh.folder = echo.folder
    assert scancode.row_of(b"other\n" * 3 + data, fresh)[0] == "MIT"
    assert fresh.asked == 0


def test_a_passage_that_ends_scancode_is_an_error_of_that_row_alone(echo):
    with pytest.raises(ValueError, match="ended without an answer"):
        echo.detect("boom license")
    assert echo.detect("a license")[0].expression == "MIT"


def test_a_passage_that_takes_too_long_is_an_error_of_that_row_alone(echo, monkeypatch):
    echo.detect("a license")
    monkeypatch.setattr(client, "SECONDS", 0.2)
    with pytest.raises(ValueError, match="was ended after"):
        echo.detect("slow license")
    monkeypatch.undo()
    assert echo.detect("a license")[0].expression == "MIT"


def test_a_scancode_that_does_not_start_is_no_content_s_fault(settings, tmp_path, batch):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\ncase $2 in -c) echo 1;; *) exit 1;; esac\n")
    python.chmod(0o755)
    with pytest.raises(UsageError, match="does not start"):
        current(replace(settings, scancode=python))["scancode"].run(batch([(b"a.c", NOTICE.encode())]))


def test_a_long_line_costs_no_more_than_its_length():
    start = time.process_time()
    assert len(passages(f"{NOTICE}{'*' * 900_000}x\n".encode())) == 1
    assert time.process_time() - start < 2


@pytest.mark.skipif("CODECOMMONS_SCANCODE" not in os.environ, reason="CODECOMMONS_SCANCODE names no environment with ScanCode")
def test_scancode_answers(settings, batch):
    annotator = current(replace(settings, scancode=Path(os.environ["CODECOMMONS_SCANCODE"])))["scancode"]
    annotator.prepare(settings.cache)
    row = annotator.run(batch([(b"a.c", f"int x;\n/* {NOTICE} */\n".encode())])).to_pylist()[0]
    assert (row["expression"], row["error"]) == ("Apache-2.0", None)
    assert (row["evidence"][0]["start_line"], row["evidence"][0]["end_line"]) == (2, 2)
