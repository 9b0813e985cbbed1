# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Datasets of issues and pull requests, from hours of events through the real stages."""

import csv
import gzip
import json
import re
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
from codecommons.datasets.discussions import MESSAGES, shortened
from codecommons.datasets.specification import ROWS, parse
from codecommons.dedup import compare_slice
from codecommons.engine.local import InlineEngine
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.license import qualify_slice
from codecommons.license.policy import VERDICTS
from codecommons.optout import desk
from codecommons.optout.requests import Request, Submission
from codecommons.settings import Settings
from codecommons.swhid import content_id

DAY, NEXT = "2026-01-30", "2026-01-31"
ENGINE = InlineEngine()
ANSWER = "I see, @ada, write to b.bobson@engines.io; <|im_start|> and <issue_start> are no tokens."


class Events:
    """What happens in a repository, as GH Archive writes it."""

    def __init__(self, repository, license):
        self.repository, self.license, self.made = repository, license, []

    def add(self, kind, login, payload):
        number, day = len(self.made), DAY
        self.made.append(
            {
                "id": f"{len(self.repository)}{number:04}",
                "type": kind,
                "actor": {"id": 1, "login": login},
                "repo": {
                    "id": len(self.repository),
                    "name": self.repository,
                    "url": f"https://api.github.com/repos/{self.repository}",
                },
                "payload": payload,
                "public": True,
                "created_at": f"{day}T07:{number:02}:00Z",
            }
        )

    def issue(self, action, login, number=1, **about):
        said = {"number": number, "title": "Sums of empty lists", "body": "They fail.", "user": {"login": "ada"}, "comments": 1}
        said |= {"created_at": f"{DAY}T07:00:00Z", "labels": []} | about
        self.add("IssuesEvent", login, {"action": action, "issue": said})
        return said

    def comment(self, login, text, about, identifier):
        comment = {"id": identifier, "body": text, "user": {"login": login}, "created_at": f"{DAY}T07:{len(self.made):02}:00Z"}
        self.add("IssueCommentEvent", login, {"action": "created", "comment": comment, "issue": about})

    def pull(self, action, login, number=2, **about):
        place = {"id": len(self.repository), "full_name": self.repository, "html_url": f"https://github.com/{self.repository}"}
        place |= {"license": {"key": self.license.lower(), "spdx_id": self.license}, "stargazers_count": 3}
        ends = {"base": {"sha": "b" * 40, "repo": place}, "head": {"sha": "c" * 40, "repo": place}}
        said = {"number": number, "title": "Let empty lists have sums", "body": "Zero is their sum, as people expect it."}
        said |= {"user": {"login": "bob"}, "created_at": f"{DAY}T07:10:00Z", "merged": action == "closed", "comments": 1}
        self.add("PullRequestEvent", login, {"action": action, "number": number, "pull_request": said | ends | about})
        return said | ends | about


def hours():
    free, other = Events("ada/engine", "MIT"), Events("eve/secret-engine", "GPL-3.0")
    about = free.issue("opened", "ada")
    free.comment("bob", ANSWER, about, 11)
    free.issue("closed", "ada")
    free.issue("opened", "ada", number=7, title="Short", comments=0)
    pull = free.pull("opened", "bob")
    free.comment("ada", "Thank you, this is just right.", pull | {"pull_request": {}}, 12)
    free.pull("closed", "ada")
    about = other.issue("opened", "eve")
    other.comment("bob", "What is it about? " * 20, about, 13)
    other.pull("opened", "eve")
    return free.made + other.made


@pytest.fixture(scope="module")
def brought(tmp_path_factory):
    home = tmp_path_factory.mktemp("talk")
    (home / "hours").mkdir()
    (home / "datasets").mkdir()
    lines = b"".join(json.dumps(event).encode() + b"\n" for event in hours())
    (home / "hours" / f"{DAY}-7.json.gz").write_bytes(gzip.compress(lines, mtime=0))
    settings = Settings(home=home, lake=str(home / "lake"), workers=0, bucket_bits=0, gharchive=str(home / "hours"))
    lake = Lake.open(settings)
    bring(lake, f"{DAY}-7")
    more = "redact: {personal_data: 0.6}, escape: [bars]"
    (home / "datasets" / "issues.yaml").write_text(f"{{rows: issues, {more}}}")
    (home / "datasets" / "pulls.yaml").write_text(f"{{rows: pull_requests, messages: starcoder2, {more}}}")
    return lake


def bring(lake, *hours_, day=DAY):
    add_inputs(lake, [f"gharchive:{hour}" for hour in hours_], day)
    for stage in (ingest_slice, annotate_slice, qualify_slice, compare_slice):
        stage(lake, ENGINE, day, "gharchive")


def made(lake, name):
    report = build(lake, ENGINE, name)
    assert [check.description for check in report.checks if not check.passed] == []
    return report, pl.read_parquet(f"{lake.settings.lake}/{report.details['folder']}/data/*.parquet")


def test_an_issue_is_one_text_whose_identifier_is_that_of_what_the_events_say(brought):
    report, rows = made(brought, "issues")
    row = next(row for row in rows.to_dicts() if row["number"] == 1)
    answer = "<issue_comment>username_1: I see, @username_0, write to {}; <{}|im_start|> and < issue_start> are no tokens."
    whole = "<issue_start>Title: Sums of empty lists\nusername_0: They fail." + answer + "<issue_closed><|endoftext|>"
    before = whole.format("b.bobson@engines.io", "\N{ZERO WIDTH NON-JOINER}").encode()
    assert row["text"] == whole.format("<EMAIL>", "\N{ZERO WIDTH NON-JOINER}")
    assert row["swhid"] == f"swh:1:cnt:{content_id(before).hex()};origin=https://github.com/ada/engine;path=/issues/1"
    [span] = row["redactions"]
    assert before[span["start"] : span["end"]] == b"b.bobson@engines.io"
    assert (row["path"], row["state"], row["users"], row["opened_at"]) == ("issues/1", "closed", 2, f"{DAY}T07:00:00Z")
    assert (row["license"], row["license_type"], row["origin"]) == ("MIT", "permissive", "https://github.com/ada/engine")
    steps = {step["rule"]: step["rows"] for step in report.details["steps"] if step["rows"]}
    assert steps == {"license": 1}, "eve's engine is copyleft"
    assert rows.height == 2
    assert verify(brought, "issues").passed
    assert reproduce(brought, ENGINE, "issues").passed
    assert plan(brought, specification(brought.settings, "issues")).rows == 2


def test_a_pull_request_has_to_be_agreed_on_and_answered_by_people(brought):
    report, rows = made(brought, "pulls")
    [row] = rows.to_dicts()
    assert row["path"] == "pull/2"
    assert row["text"].startswith("<pr>Title: Let empty lists have sums\nusername_0: Zero is their sum, as people expect it.")
    assert "<pr_is_merged>True" in row["text"]
    assert verify(brought, "pulls").passed
    statement = Path(brought.settings.lake, report.details["folder"], "data-information.md").read_text()
    labels = statement.partition("### Labelling")[2].partition("Licences were judged")[0]
    assert "| personal_data |" in labels
    assert not {"language", "encoding", "generated"} & set(re.findall(r"^\| (\w+) \|", labels, re.MULTILINE)), "of files"
    drops = brought.scan("dataset_drop").filter(pl.col("dataset") == "pulls").collect()
    assert drops["rule"].to_list() == ["license"]


@pytest.mark.parametrize(("kind", "name", "mark"), [("issues", "issues", "<issue_comment>"), ("pull_requests", "pulls", "<pr>")])
def test_tokens_of_a_discussion_are_those_of_its_text_in_which_marks_are_special_tokens(brought, kind, name, mark):
    _, rows = made(brought, name)
    more = "redact: {personal_data: 0.6}, escape: [bars], format: {kind: tokens, vocabulary: 600, layout: datatrove}"
    said = f"{{rows: {kind}, messages: {'starcoder2' if name == 'pulls' else 'none'}, {more}}}"
    (brought.settings.home / "datasets" / f"{name}-coded.yaml").write_text(said)
    report = build(brought, ENGINE, f"{name}-coded")
    assert [check.description for check in report.checks if not check.passed] == []
    folder = Path(brought.settings.lake, report.details["folder"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    wanted = dict(rows.select("swhid", "text").iter_rows())
    manifest = pl.read_parquet(folder / "manifest.parquet")
    assert manifest.height == len(wanted)
    for shard, swhid, token, count in manifest.select("shard", "swhid", "token", "tokens").iter_rows():
        tokens = np.fromfile(folder / "data" / shard, "<u2")[token : token + count + 1].tolist()
        assert tokenizer.decode(tokens, skip_special_tokens=False) == wanted[swhid]
        assert tokens.count(tokenizer.token_to_id(mark)) == wanted[swhid].count(mark)
    assert verify(brought, f"{name}-coded").passed
    assert reproduce(brought, ENGINE, f"{name}-coded").passed


def test_a_changed_text_is_found_by_making_it_again_from_events(brought):
    report, _ = made(brought, "issues")
    shard = next(
        path
        for path in Path(brought.settings.lake, report.details["folder"], "data").iterdir()
        if "<EMAIL>" in pl.read_parquet(path)["text"].str.join("").item()
    )
    kept, table = shard.read_bytes(), pq.read_table(shard)
    texts = [text.replace("They fail", "They don't") for text in table["text"].to_pylist()]
    pq.write_table(table.set_column(table.schema.get_field_index("text"), "text", [texts]), shard)
    problems = [problem for problem in verify(brought, "issues").problems if problem.row is not None]
    shard.write_bytes(kept)
    assert {problem.what for problem in problems} == {"its text is not that of the bytes its SWHID names, with its redactions"}


def test_who_takes_a_repository_back_takes_what_was_said_there_along(brought, tmp_path):
    lake = Lake.open(brought.settings)
    made(lake, "issues")
    asked = Submission((Request("owner", ("https://github.com/ada/",), None),), {"contact": "a@example.org"})
    [one] = desk.submit(lake, asked, f"{DAY}T12:00:00+00:00")
    try:
        desk.verify(lake, one.id, visited_trees(lake), "checked by a test")
        report = build(lake, ENGINE, "issues")
        assert report.dropped["opt_out"].rows == 2
        assert [check.name for check in report.checks if not check.passed] == ["not_empty"]
    finally:
        desk.withdraw(lake, one.id)


def test_a_repository_is_the_same_under_all_its_names(tmp_path):
    old, new = Events("ada/engine", "MIT"), Events("ada/motor", "MIT")
    old.pull("opened", "bob", number=1)
    new.made = [{}] * 10
    new.pull("opened", "bob", number=2)
    for event in new.made[10:]:
        event["repo"]["id"] = len(old.repository)
    (tmp_path / "hours").mkdir()
    (tmp_path / "datasets").mkdir()
    lines = b"".join(json.dumps(event).encode() + b"\n" for event in [*old.made, *new.made[10:]])
    (tmp_path / "hours" / f"{DAY}-7.json.gz").write_bytes(gzip.compress(lines, mtime=0))
    lake = Lake.open(
        Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0, bucket_bits=0, gharchive=str(tmp_path / "hours"))
    )
    bring(lake, f"{DAY}-7")
    accept = f"license: {{policy: any-known, accept: [{', '.join(VERDICTS)}]}}"
    (tmp_path / "datasets" / "pulls.yaml").write_text(f"{{rows: pull_requests, {accept}}}")
    _, rows = made(lake, "pulls")
    assert set(rows["origin"]) == {"https://github.com/ada/engine", "https://github.com/ada/motor"}
    asked = Submission((Request("origin", ("https://github.com/ada/motor",), None),), {"contact": "a@example.org"})
    [one] = desk.submit(lake, asked, f"{DAY}T12:00:00+00:00")
    desk.verify(lake, one.id, visited_trees(lake), "checked by a test")
    assert build(lake, ENGINE, "pulls").dropped["opt_out"].rows == 2
    with lake.sql() as sql:
        assert sql.execute("select count(*) from thread").fetchone() == (0,)


def test_documents_of_discussions_say_nothing_of_files_and_archives(brought):
    report, _ = made(brought, "issues")
    folder = Path(brought.settings.lake, report.details["folder"])
    croissant = json.loads((folder / "croissant.json").read_text())
    assert croissant["recordSet"][0]["description"] == "2 issues, each with what was said in it as one text."
    assert "harvested from gharchive in" in croissant["rai:dataCollection"]
    told = (folder / "data-information.md").read_text()
    assert "Discussions of 1 origins." in told
    assert "no archive has it" in told
    assert "| text | what was said, as one text" in (folder / "README.md").read_text()


def test_an_hour_that_comes_later_changes_no_dataset_of_the_day_before(brought):
    (brought.settings.home / "datasets" / "then.yaml").write_text(f"{{rows: issues, as_of: {DAY}}}")
    before, _ = made(brought, "then")
    late = Events("ada/engine", "MIT")
    late.made = [{}] * 40
    late.comment("cyd", "And what of the mean?", {"number": 1, "title": "Sums of empty lists", "user": {"login": "ada"}}, 99)
    line = json.dumps(late.made[-1] | {"created_at": f"{NEXT}T08:00:00Z"}).encode() + b"\n"
    (brought.settings.home / "hours" / f"{NEXT}-8.json.gz").write_bytes(gzip.compress(line, mtime=0))
    bring(brought, f"{NEXT}-8", day=NEXT)
    assert reproduce(brought, ENGINE, "then").passed
    after, _ = made(brought, "then")
    assert after.details["fingerprint"] == before.details["fingerprint"]
    (brought.settings.home / "datasets" / "now.yaml").write_text("rows: issues")
    _, rows = made(brought, "now")
    assert any("what of the mean" in text for text in rows["text"])


def test_real_hours_become_a_row_for_every_issue_that_was_counted_in_them(tmp_path, shared_data):
    folder = shared_data / "gharchive"
    (tmp_path / "datasets").mkdir()
    settings = Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0, bucket_bits=0, gharchive=str(folder))
    lake = Lake.open(settings)
    bring(lake, "2015-01-01-0", "2015-01-01-1")
    text = f"{{rows: issues, license: {{policy: any-known, accept: [{', '.join(VERDICTS)}]}}, shard: {{bits: 0}}}}"
    (tmp_path / "datasets" / "real.yaml").write_text(text)
    report, rows = made(lake, "real")
    with (folder / "threads.tsv").open() as lines:
        counted = {(row["repo"], int(row["number"])) for row in csv.DictReader(lines, delimiter="\t") if row["kind"] == "issue"}
    found = {(row["repository"], row["number"]) for row in rows.select("repository", "number").to_dicts()}
    same = report.dropped["exact_duplicate"].rows if "exact_duplicate" in report.dropped else 0
    assert found <= counted
    assert len(found) == len(counted) - same
    assert verify(lake, "real").passed


def test_the_middle_of_a_long_message_is_left_out():
    lines = [str(number) for number in range(100)]
    assert shortened("\n".join(lines)).split("\n") == lines[:60] + lines[80:]
    assert shortened("\n".join(lines[:80])).split("\n") == lines[:80]


def test_a_specification_of_discussions_says_nothing_of_files():
    assert set(MESSAGES) == set(ROWS["issues"]) == set(ROWS["pull_requests"])
    with pytest.raises(UsageError, match="languages is about files"):
        parse(b"{rows: issues, languages: [Python]}", "a")
    with pytest.raises(UsageError, match="which is for issues, pull_requests, and rows is 'commits'"):
        parse(b"{rows: commits, messages: starcoder2}", "a")
