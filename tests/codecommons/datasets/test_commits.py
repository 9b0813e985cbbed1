# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Datasets of commits, from a real repository through the real stages."""

import hashlib
import importlib.metadata
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.archive.views import visited_trees
from codecommons.datasets import build, plan, reproduce, specification, verify
from codecommons.datasets.commits import MESSAGES, VERSION, failed, message_of
from codecommons.datasets.specification import ROWS, parse
from codecommons.dedup import compare_slice
from codecommons.engine.local import InlineEngine
from codecommons.errors import GateError, UsageError
from codecommons.lake import Lake
from codecommons.license import qualify_slice
from codecommons.optout import desk
from codecommons.optout.requests import Request, Submission
from codecommons.settings import Settings
from codecommons.swhid import content_id
from codecommons_dagster.lines import of_plan

DAY = "2026-01-31"
ADA, BOB = "Ada <ada@example.org>", "Bob <bob@example.org>"
KEY = "AKIA" + "Z7QX3WJ5M2K9LVTB"
ONE = "def total(values):\n    return sum(values)\n"
TWO = "def total(values):\n    return sum(values) if values else 0\n"
SECRET = f"key = '{KEY}'\n"
GPL = "# SPDX-License-Identifier: GPL-3.0-only\nx = 1\n"
# Author, message, path -> text (None: removed).
HISTORY = [
    (BOB, b"Start", {"LICENSE": None, "a.py": ONE, "gone.py": "y = 0\n", "key.py": SECRET, "was_gpl.py": GPL}),
    (ADA, b"Return zero for an empty list\n\nSigned-off-by: Ada <ada@example.org>\n", {"a.py": TWO}),
    (BOB, b"Change two files at once", {"a.py": TWO + "\n", "gone.py": "y = 1\n"}),
    (
        BOB,
        b"Read the key from the environment, as ada.byron@engines.io asked",
        {"key.py": "import os\n\nkey = os.environ['KEY']\n"},
    ),
    (BOB, b"Relicense", {"was_gpl.py": "x = 1\n"}),
    (ADA, b"\xff\xfe", {"a.py": TWO + "\n\n"}),
    (BOB, b"Undo", {"a.py": TWO + "\n"}),
    (BOB, b"Count the rest", {"gone.py": "y = 2\n"}),
    (BOB, b"Remove it", {"gone.py": ""}),
    (BOB, "Größer".encode("latin-1"), {"a.py": TWO + "\n\n"}),
    (ADA, b"And undo again", {"a.py": TWO + "\n"}),
]
# In what a message is, where the commit says so.
ENCODINGS = {10: "ISO-8859-1"}


@pytest.fixture(scope="module")
def repository(tmp_path_factory, license_text):
    path = tmp_path_factory.mktemp("commits") / "total"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
    stream = []
    for number, (who, message, files) in enumerate(HISTORY):
        stream += [b"commit refs/heads/main", f"mark :{number + 1}".encode()]
        stream += [f"committer {who} {1_700_000_000 + number} +0000".encode()]
        stream += [f"encoding {ENCODINGS[number + 1]}".encode()] if number + 1 in ENCODINGS else []
        stream += [f"data {len(message)}".encode(), message]
        stream += [f"from :{number}".encode()] if number else []
        for name, text in files.items():
            data = (license_text if text is None else text).encode()
            stream += [f"M 100644 inline {name}".encode(), f"data {len(data)}".encode(), data] if data else [f"D {name}".encode()]
    subprocess.run(["git", "-C", str(path), "fast-import", "--quiet"], input=b"\n".join(stream) + b"\n", check=True)
    return path


@pytest.fixture(scope="module")
def license_text():
    files = importlib.metadata.files("pytest")
    text = next(file for file in files if file.name == "LICENSE").locate().read_text()
    assert "MIT" in text
    return text


def through_all_stages(home, repository, **more):
    settings = Settings(home=home, lake=str(home / "lake"), workers=0, bucket_bits=0, **more)
    lake, engine = Lake.open(settings), InlineEngine()
    add_inputs(lake, [f"git:{repository}"], DAY)
    for stage in (ingest_slice, annotate_slice, qualify_slice, compare_slice):
        stage(lake, engine, DAY, "git")
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / "changes.yaml").write_text("{rows: commits, redact: {secrets: 0.7, personal_data: 0.6}}")
    return lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory, repository):
    return through_all_stages(tmp_path_factory.mktemp("lake"), repository, commits=1)


def ask(lake, scope, value):
    [one] = desk.submit(
        lake, Submission((Request(scope, (value,), None),), {"contact": "a@example.org"}), f"{DAY}T12:00:00+00:00"
    )
    desk.verify(lake, one.id, visited_trees(lake), "checked by a test")


def made(lake, name="changes"):
    report = build(lake, InlineEngine(), name)
    assert [check.description for check in report.checks if not check.passed] == []
    return report, pl.read_parquet(f"{lake.settings.lake}/{report.details['folder']}/data/*.parquet")


def test_a_commit_of_one_file_becomes_a_row_and_every_other_is_left_out_for_a_reason(lake, repository):
    report, rows = made(lake)
    log = subprocess.run(["git", "-C", str(repository), "log", "--format=%H %s"], capture_output=True, check=True).stdout
    revisions = {b" ".join(line.split()[1:]): line.split()[0].decode() for line in log.splitlines()}
    told = {row["message"]: row for row in rows.to_dicts()}
    assert set(told) == {
        "Return zero for an empty list",
        "Read the key from the environment, as <EMAIL> asked",
        "Undo",
        "Größer",
    }
    first = told["Return zero for an empty list"]
    assert (first["before_text"], first["text"]) == (ONE, TWO)
    revision = revisions[b"Return zero for an empty list"]
    assert first["revision"] == f"swh:1:rev:{revision}"
    assert first["swhid"].startswith(f"swh:1:cnt:{content_id(TWO.encode()).hex()};")
    assert f"anchor=swh:1:rev:{revision};path=/a.py" in first["swhid"]
    assert first["before"].startswith(f"swh:1:cnt:{content_id(ONE.encode()).hex()};")
    assert f"anchor={first['parent']};path=/a.py" in first["before"]
    assert first["anchor"] == first["revision"], "the anchor is the tree that the path is in"
    notice = Path(lake.settings.lake, report.details["folder"], "NOTICE").read_text()
    assert "path=/LICENSE" in notice, "by the head's tree"
    card = Path(lake.settings.lake, report.details["folder"], "README.md").read_text()
    assert f"| {report.bytes_kept:,} |" in card
    assert (
        plan(lake, specification(lake.settings, "changes")).bytes
        == report.bytes_kept
        == sum(rows["length"] + rows["before_length"])
    )
    assert (first["license"], first["license_type"]) == ("MIT", "permissive")
    assert told["Read the key from the environment, as <EMAIL> asked"]["before_text"] == SECRET.replace(KEY, "<KEY>")
    steps = {step["rule"]: step["rows"] for step in report.details["steps"] if step["rows"]}
    assert steps == {"no_message": 1, "license": 1, "exact_duplicate": 1}, "gone.py is no file of the tree that is taken"
    assert verify(lake, "changes").passed
    assert reproduce(lake, InlineEngine(), "changes").passed
    assert plan(lake, specification(lake.settings, "changes")).rows == 4


def test_a_plan_counts_commits_and_its_condition_may_ask_of_them(lake):
    (lake.settings.home / "datasets" / "some.yaml").write_text(
        "{rows: commits, where: \"message like 'Undo%' and before_length > 0 and revision != parent\"}"
    )
    planned = plan(lake, specification(lake.settings, "some"))
    assert (planned.rows, planned.called) == (1, "commits")
    told = "\n".join(of_plan(planned))
    assert "1 of 7 commits" in told
    assert "files" not in told
    names = [step.rule for step in planned.steps]
    assert len(names) == len(set(names)), "a rule about each version of a file has a name for each"
    assert {"conflict", "before_conflict"} < set(names)


def test_what_a_commit_says_and_what_it_changed_are_verified(lake):
    report, _ = made(lake)
    [shard] = Path(lake.settings.lake, report.details["folder"], "data").glob("*.parquet")
    kept, table = shard.read_bytes(), pq.read_table(shard)
    try:
        for column, value, fault in (
            ("message", "Something else", "its message is not that of the revision"),
            ("before_text", "x = 2\n", "its text is not that of the bytes its SWHID names"),
        ):
            values = table.column(column).to_pylist()
            at = values.index(ONE if column == "before_text" else "Return zero for an empty list")
            changed = table.set_column(
                table.schema.get_field_index(column), column, [[value if one == at else old for one, old in enumerate(values)]]
            )
            pq.write_table(changed, shard)
            found = {problem.what: problem for problem in verify(lake, "changes").problems}
            named = next(problem for what, problem in found.items() if fault in what)
            assert named.row == at
    finally:
        shard.write_bytes(kept)
    assert verify(lake, "changes").passed


def test_tokens_of_a_commit_are_both_files_and_the_message_between_three_special_tokens(lake):
    _, rows = made(lake)
    form = "{kind: tokens, vocabulary: 600}"
    (lake.settings.home / "datasets" / "coded.yaml").write_text(
        f"{{rows: commits, redact: {{secrets: 0.7, personal_data: 0.6}}, format: {form}}}"
    )
    coded = build(lake, InlineEngine(), "coded")
    assert [check.description for check in coded.checks if not check.passed] == []
    folder = Path(lake.settings.lake, coded.details["folder"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    [shard] = folder.glob("data/*.bin")
    numbers = np.fromfile(shard, "<u2")
    wanted = {
        swhid: f"<commit_before>{before}<commit_msg>{message}<commit_after>{after}"
        for swhid, before, message, after in rows.select("swhid", "before_text", "message", "text").iter_rows()
    }
    manifest = pl.read_parquet(folder / "manifest.parquet")
    assert manifest.height == len(wanted)
    for swhid, token, count in manifest.select("swhid", "token", "tokens").iter_rows():
        assert tokenizer.decode(numbers[token : token + count].tolist(), skip_special_tokens=False) == wanted[swhid]
        assert tokenizer.id_to_token(numbers[token + count]) == "<|endoftext|>"
        assert tokenizer.id_to_token(numbers[token]) == "<commit_before>"
    columns = pl.read_parquet(folder / "data" / "*.rows.parquet").columns
    assert "before" in columns
    assert not {"text", "before_text"} & set(columns)
    assert verify(lake, "coded").passed
    assert reproduce(lake, InlineEngine(), "coded").passed
    numbers[manifest["token"][1] + 1] += 1
    shard.write_bytes(numbers.tobytes())
    found = [problem for problem in verify(lake, "coded").problems if problem.row is not None]
    assert [problem.swhid for problem in found] == [manifest["swhid"][1]]
    assert "its tokens are not those" in found[0].what


def test_an_author_who_opts_out_takes_their_commits_along_and_a_content_goes_from_both_sides(tmp_path, repository):
    lake = through_all_stages(tmp_path, repository, commits=1)
    made(lake)
    ask(lake, "author", hashlib.sha256(ADA.encode()).hexdigest())
    _, rows = made(lake)
    assert set(rows["message"]) == {"Read the key from the environment, as <EMAIL> asked"}, "what Ada brought first is out, too"
    again = reproduce(lake, InlineEngine(), "changes")
    assert again.passed
    before = content_id(SECRET.encode()).hex()
    ask(lake, "content", f"swh:1:cnt:{before}")
    report = build(lake, InlineEngine(), "changes")
    assert [check.name for check in report.checks if not check.passed] == ["not_empty"]


def test_nobody_gets_commits_that_nobody_has_looked_at(tmp_path, repository):
    lake = through_all_stages(tmp_path, repository)
    with pytest.raises(GateError, match=f"CODECOMMONS_COMMITS=1 and materialize enriched_context of {DAY} again"):
        build(lake, InlineEngine(), "changes")
    later = Lake.open(replace(lake.settings, commits=1))
    report = annotate_slice(later, InlineEngine(), DAY, "git")
    assert report.details["past_versions"] > 8
    for stage in (qualify_slice, compare_slice):
        stage(later, InlineEngine(), DAY, "git")
    assert made(later)[1].height == 4


def test_commits_that_came_while_nobody_looked_are_asked_for_one_by_one(tmp_path, repository):
    path = tmp_path / "grown"
    subprocess.run(["git", "clone", "-q", "--bare", str(repository), str(path)], check=True)
    lake = through_all_stages(tmp_path, path, commits=1)
    assert made(lake)[1].height == 4
    stream = b"commit refs/heads/main\ncommitter %s 1700000100 +0000\ndata 5\nLater\nfrom refs/heads/main^0\n" % BOB.encode()
    stream += b"M 100644 inline a.py\ndata 6\nx = 9\n\n"
    subprocess.run(["git", "-C", str(path), "fast-import", "--quiet"], input=stream, check=True)
    careless = Lake.open(replace(lake.settings, commits=0))
    later = "2026-02-01"
    add_inputs(careless, [f"git:{path}"], later)
    for stage in (ingest_slice, annotate_slice, qualify_slice, compare_slice):
        stage(careless, InlineEngine(), later, "git")
    with pytest.raises(GateError, match=f"lacks 1 commits of 1 repositories.*of {later} again"):
        build(careless, InlineEngine(), "changes")
    for stage in (annotate_slice, qualify_slice, compare_slice):
        stage(lake, InlineEngine(), later, "git")
    assert "Later" in made(lake)[1]["message"].to_list()


def test_lines_that_name_people_are_in_no_message():
    raw = b"Fix it\r\n\r\nBecause.\r\n\r\nReviewed-by: Ada <ada@example.org>\r\nCc: Bob\r\nSIGNED-OFF-BY: C <c@d>\r\n"
    assert message_of(raw) == "Fix it\n\nBecause."
    assert message_of(b"Signed-off-by: Ada <ada@example.org>\n") is None
    assert message_of(b"stand-by: a mode\n\nLet stand-by work") == "Let stand-by work"
    assert message_of(b"\xff") is None
    assert message_of(b"Fix the caf\xe9", b"ISO-8859-1") == "Fix the café" == message_of("Fix the café".encode(), b"ISO-8859-1")
    assert [message_of(b"Fix the caf\xe9", odd) for odd in (b"utf-8", b"zip", b"none", b"a\0b", b"\xff", b"")] == [None] * 6
    people = """Fix it

From: Jane Doe <jane@example.org>
Thanks-to: Eve
Reviewed By: Bob
By: Bob
Authors: Eve, Bob
> Signed-off-by: Bob
* Signed-off-by: Bob Miller <bob@example.org>
Patch by Bob Miller
Signed-off-by:
 Bob Miller
git-svn-id: https://svn.example.org/trunk@1 bobm
With help of Eve Miller <eve@example.org>
"""
    assert message_of(people.encode()) == "Fix it"
    assert message_of(people.replace("\n", "\r").encode()) == "Fix it"
    assert message_of(b"Use std::vector <int> by default") == "Use std::vector <int> by default"


@pytest.mark.parametrize(
    ("filter_", "message", "rule"),
    [
        ("commitpack", "wip", "has_some_length"),
        ("commitpack", "Update README.md", "says_something"),
        ("commitpack", "Merge branch 'main' of somewhere", "is_no_merge"),
        ("commitpack", "fix a bug", None),
        ("commitpackft", "Add some more tests for empty lists", None),
        ("commitpackft", "[core] Add some more tests for empty lists", None),
        ("commitpackft", "core: Add some more tests for empty lists [skip]", None),
        ("commitpackft", "Add more tests", "is_a_sentence"),
        ("commitpackft", "core: Add some more tests", "is_a_sentence_without_labels"),
        ("commitpackft", "add some more tests for empty lists", "begins_with_a_capital"),
        ("commitpackft", "More tests are needed for empty lists", "begins_with_a_verb"),
        ("commitpackft", "Fix what was said in issue 42 about lists", "refers_to_nothing"),
        ("commitpackft", "Fix the bug that is told in #42", "refers_to_nothing"),
        ("commitpackft", "Fix the setup of all the tests", "is_not_about_the_file"),
        ("commitpackft", "Set version to be the next one", "is_no_version"),
        ("commitpackft", "Fix what I did to the lists", "is_of_nobody"),
        ("commitpackft", "Fix the lists, this is wip still", "is_not_unfinished"),
    ],
)
def test_a_filter_of_messages_names_the_rule_that_a_message_breaks(filter_, message, rule):
    rows = pl.DataFrame({"message": [message], "name": [b"setup.py"], "before_length": [10], "length": [10]})
    said = rows.select(failed(filter_)).item()
    assert said == (None if rule is None else f"{filter_}@{VERSION}: {rule}")


def test_a_specification_names_filters_that_there_are_and_asks_for_nothing_that_commits_have_not():
    assert tuple(MESSAGES) == ROWS["commits"]
    assert parse(b"rows: commits", "a").deduplicate.threshold is None
    with pytest.raises(UsageError, match="which is for commits, and rows is 'files'"):
        parse(b"messages: commitpack", "a")
    with pytest.raises(UsageError, match="compared exactly; leave threshold and repositories out"):
        parse(b"{rows: commits, deduplicate: {threshold: 0.8}}", "a")
    with pytest.raises(UsageError, match="where names message, which commits have, and rows is 'files'"):
        parse(b"where: length > 1 and message is null", "a")
    assert parse(b"where: name = 'message'", "a").where
    with pytest.raises(UsageError, match="did you mean 'commits'"):
        parse(b"rows: comits", "a")


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        *((name, "é") for name in (b"ISO-8859-1", b"cp1252")),
        *((name, None) for name in (b"", b"UTF-8", b"no such thing", b"\xff\0", b"unicode_escape", b"undefined", b"hex")),
    ],
)
def test_a_message_is_read_in_the_encoding_that_its_commit_names_or_is_none(encoding, said):
    assert message_of(b"\xe9", encoding) == said
    assert message_of("é".encode(), encoding) == "é"
    assert message_of(b"\xe9+2AA-", b"UTF-7") is None
