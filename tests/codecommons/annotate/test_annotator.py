# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from codecommons.annotate.annotator import Annotator, current
from codecommons.errors import UsageError
from codecommons.settings import Settings


def first_byte(batch):
    if pc.any(pc.equal(batch.column("data"), b"boom")).as_py():
        raise ValueError("a content that nobody can read")
    return pa.table({"first": [value.as_py()[:1] for value in batch.column("data")]})


FIRST = Annotator("first", "The first byte.", 1, "content", (pa.field("first", pa.binary()),), first_byte)


def test_one_bad_content_gets_its_reason_and_the_others_their_answer(batch):
    contents = [b"a", b"b", b"boom", b"c", b"boom", b"d"]
    rows = FIRST.run(batch([(b"x", data) for data in contents])).to_pylist()
    assert [row["first"] for row in rows] == [b"a", b"b", None, b"c", None, b"d"]
    assert [row["error"] is None for row in rows] == [True, True, False, True, False, True]
    assert rows[2]["error"] == "ValueError: a content that nobody can read"


def test_an_installation_that_does_not_work_is_no_content_s_fault(batch):
    def broken(batch):
        raise UsageError("a tool is missing")

    with pytest.raises(UsageError, match="a tool is missing"):
        replace(FIRST, annotate=broken).run(batch([(b"x", b"1"), (b"x", b"2")]))


def test_too_few_answers_are_an_error_not_a_shift(batch):
    greedy = replace(FIRST, annotate=lambda batch: pa.table({"first": pa.array([b"x"], pa.binary())}))
    rows = greedy.run(batch([(b"x", b"1"), (b"x", b"2")])).to_pylist()
    assert [row["first"] for row in rows] == [b"x", b"x"]  # asked one by one it answers one each


def test_everything_an_answer_depends_on_is_in_the_digest():
    others = [
        replace(FIRST, version=2),
        replace(FIRST, configuration={"least": 1}),
        replace(FIRST, tools=("pyarrow",)),
        replace(FIRST, input="named_content"),
        replace(FIRST, names="a"),
        replace(FIRST, fields=(pa.field("first", pa.string()),)),
    ]
    digests = [FIRST.digest, *(other.digest for other in others)]
    assert len(set(digests)) == len(digests)
    assert replace(FIRST, description="Said otherwise.").digest == FIRST.digest


def test_a_missing_tool_is_one_clear_line():
    with pytest.raises(UsageError, match="annotator first needs the package no-such-tool"):
        _ = replace(FIRST, tools=("no-such-tool",)).digest


def test_a_plug_in_of_another_name_is_refused(tmp_path, settings):
    plugins = tmp_path / "plugins" / "annotators"
    plugins.mkdir(parents=True)
    (plugins / "mine.py").write_text("from codecommons.annotate.annotators.encoding import ANNOTATOR\n")
    with pytest.raises(UsageError, match=r"mine\.py calls itself 'encoding'"):
        current(replace(settings, plugins=(tmp_path / "plugins",)))


def test_every_annotator_has_a_table_of_its_own(annotators):
    assert {annotator.table.name for annotator in annotators.values()} == {f"annotation_{name}" for name in annotators}
    for annotator in annotators.values():
        names = [field.name for field in annotator.table.fields]
        assert len(set(names)) == len(names)
        assert names[0] == "digest"
        assert names[-1] == "error"


def test_annotators_are_the_same_in_every_process():
    assert {n: a.digest for n, a in current(Settings.from_environment({})).items()} == {
        n: a.digest for n, a in current(Settings.from_environment({"CODECOMMONS_WORKERS": "7"})).items()
    }


def test_a_pinned_annotator_says_nothing_new_and_its_rows_are_those_of_the_pin(batch):
    pinned = Settings.from_environment({})
    pinned = replace(pinned, pinned=(("encoding", "0123456789abcdef"),))
    known = current(pinned)
    assert known["encoding"].digest == "0123456789abcdef"
    assert known["language"].digest == current(Settings.from_environment({}))["language"].digest
    with pytest.raises(UsageError, match="the annotator encoding is pinned to rows of 0123456789abcdef"):
        known["encoding"].run(batch([(b"x", b"1")]))
