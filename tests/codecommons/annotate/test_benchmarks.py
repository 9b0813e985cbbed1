# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Items of benchmarks in contents: those that were put there are named, and code of people who never saw them has none."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from codecommons.annotate import current
from codecommons.annotate.benchmarks import Matcher, read_items
from codecommons.errors import UsageError
from codecommons.settings import Settings

PROBLEM = {
    "task_id": "Mine/7",
    "prompt": "def weigh(apples):\n    '''Sort the apples of each basket by weight, heaviest first, without rotten ones'''\n",
    "entry_point": "weigh",
    "tests": ["assert weigh([3, 1, 2]) == [3, 2, 1]", "assert weigh([9, 8]) == [9, 8]"],
}


def found(matcher, *texts):
    return matcher.find(pa.array([text.encode() for text in texts], pa.binary()))


@pytest.fixture
def mine(tmp_path, settings):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(PROBLEM) + "\n")
    return replace(settings, benchmarks=(path,))


def test_a_copy_and_a_part_are_told_with_their_share_whatever_their_spaces_and_signs(mine, batch):
    copy = b"# mine\n" + PROBLEM["prompt"].upper().replace("    ", "\t").encode() + b"    return sorted(apples)\n"
    part = PROBLEM["prompt"].encode()[: len(PROBLEM["prompt"]) * 3 // 4]
    rows = (
        current(mine)["benchmark_items"]
        .run(batch([(b"copy", copy), (b"part", part), (b"none", b"x = 1\n"), (b"empty", b"")]))
        .to_pylist()
    )
    [whole], [some], none, empty = (row["items"] for row in rows)
    assert whole == {"benchmark": "mine", "item": "Mine/7", "field": "prompt", "share": 1.0}
    assert 0.5 <= some["share"] < 1
    assert none == empty == []
    assert [row["error"] for row in rows] == [None] * 4


def test_an_item_in_cells_of_a_notebook_is_found_between_the_escapes_of_its_json(mine, batch):
    lines = PROBLEM["prompt"].splitlines(keepends=True)
    cells = [{"cell_type": "markdown", "source": "Mine"}, {"cell_type": "code", "source": lines, "outputs": []}]
    rows = current(mine)["benchmark_items"].run(
        batch([(b"n", json.dumps({"cells": cells}, indent=1).encode()), (b"o", b'{"cells": 1}'), (b"p", b'{"a": "cells"}')])
    )
    [item], *others = rows["items"].to_pylist()
    assert item == {"benchmark": "mine", "item": "Mine/7", "field": "prompt", "share": 1.0}
    assert others == [[], []]


def test_other_items_are_another_annotator_and_without_any_there_is_none(mine, settings, tmp_path):
    assert "benchmark_items" not in current(settings)
    before = current(mine)["benchmark_items"].digest
    mine.benchmarks[0].write_text(json.dumps(PROBLEM | {"task_id": "Mine/8"}))
    assert current(mine)["benchmark_items"].digest != before
    assert Settings.from_environment({"CODECOMMONS_BENCHMARKS": f"{tmp_path}/a.jsonl:{tmp_path}/b.jsonl.gz"}).benchmarks == (
        tmp_path / "a.jsonl",
        tmp_path / "b.jsonl.gz",
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [(b'{"id": 1}\n[]\n', "line 2"), (b"not json\n", "line 1"), (b"[" * 100_000, "line 1"), (None, "can't be read")],
)
def test_a_file_that_is_no_benchmark_is_refused_by_name_and_line(tmp_path, data, said):
    path = tmp_path / "odd.jsonl"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError, match=said) as refused:
        read_items(path)
    assert "odd.jsonl" in str(refused.value)


def test_compressed_files_are_read_and_cut_off_ones_refused(tmp_path):
    path = tmp_path / "mine.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(PROBLEM).encode()))
    [item] = read_items(path)
    assert (item.benchmark, item.name, set(item.passages)) == ("mine", "Mine/7", {"task_id", "prompt", "entry_point", "tests"})
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(UsageError, match=r"mine\.jsonl\.gz can't be read"):
        read_items(path)


def test_a_benchmark_that_is_none_is_refused_before_anything_is_annotated(mine, tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "list.jsonl").write_text("[]\n")
    packed = bytearray(gzip.compress(os.urandom(1000)))
    packed[200] ^= 0xFF
    (tmp_path / "broken.jsonl.gz").write_bytes(packed)
    (tmp_path / "latin.jsonl").write_bytes(b'{"id": "\xe9"}\n')
    for name in ("pipe.jsonl", "folder.jsonl", "list.jsonl", "broken.jsonl.gz", "latin.jsonl", "absent.jsonl"):
        with pytest.raises(UsageError, match=name) as refused:
            current(replace(mine, benchmarks=(tmp_path / name,)))
        assert "\n" not in str(refused.value)


def test_a_bomb_is_not_unpacked_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("codecommons.annotate.benchmarks.items.MOST_BYTES", 1 << 16)
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n" * (1 << 24)))
    with pytest.raises(UsageError, match="it must be a file of problems"):
        read_items(path)


def test_halves_of_characters_in_names_and_texts_cost_no_row(mine, batch):
    odd = json.dumps(PROBLEM | {"task_id": "\ud800", "\udfff": PROBLEM["prompt"]})
    mine.benchmarks[0].write_text(odd)
    [row] = current(mine)["benchmark_items"].run(batch([(b"copy", PROBLEM["prompt"].encode())])).to_pylist()
    assert row["error"] is None
    assert [item["item"] for item in row["items"]] == ["?"]


def test_two_files_of_one_name_are_refused(mine, tmp_path):
    other = tmp_path / "other" / "mine.jsonl"
    other.parent.mkdir()
    other.write_text("{}\n")
    with pytest.raises(UsageError, match="two files of the benchmark mine"):
        current(replace(mine, benchmarks=(*mine.benchmarks, other)))


def test_every_item_of_humaneval_is_found_where_it_was_pasted_and_none_in_a_library(shared_data):
    items = read_items(shared_data / "benchmarks/HumanEval.jsonl")
    matcher = Matcher(items)
    filler = "import os\n\n\ndef unrelated():\n    return os.getcwd()\n\n\n"
    pasted = [filler + item.passages["prompt"] + item.passages["canonical_solution"] + filler for item in items]
    named = [{match.item for match in matches if match.share >= 0.7} for matches in found(matcher, *pasted)]
    missed = [item.name for item, names in zip(items, named, strict=True) if item.name not in names]
    assert len(items) == 104
    assert missed == []
    renamed = [text.replace(item.passages["entry_point"], "mine") for item, text in zip(items, pasted, strict=True)]
    named = [{match.item for match in matches if match.share >= 0.7} for matches in found(matcher, *renamed)]
    missed = [item.name for item, names in zip(items, named, strict=True) if item.name not in names]
    assert missed == ["HumanEval/28"], "without its name it is less than can be told from other code"
    library = [path.read_text(errors="replace") for path in sorted(Path(pl.__file__).parent.rglob("*.py"))]
    assert len(library) > 200
    assert [match for matches in found(matcher, *library) for match in matches] == []
