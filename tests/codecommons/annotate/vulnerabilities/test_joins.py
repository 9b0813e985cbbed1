# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Records, packages and repositories come in any order, and the same join is there."""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import tarfile
from dataclasses import replace

import pytest

from codecommons.annotate import annotate_slice
from codecommons.annotate.vulnerabilities.resolve import resolve
from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine import local_engine
from codecommons.explain import explain, render
from codecommons.lake import Lake
from codecommons.swhid import swhid_text

DAYS = ["2026-01-29", "2026-01-30", "2026-01-31", "2026-02-01"]
WHO = {"NAME": "Ada", "EMAIL": "ada@example.org", "DATE": "1700000000 +0100"}


@pytest.fixture
def index(index):
    """Three versions of a package are all pip knows of."""
    for version in ("1.0", "1.1", "2.0"):
        with tarfile.open(index / f"some_thing-{version}.tar.gz", "w:gz") as tar:
            data = f"Metadata-Version: 2.1\nName: some-thing\nVersion: {version}\n".encode()
            info = tarfile.TarInfo(f"some_thing-{version}/PKG-INFO")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return index


class Repository:
    def __init__(self, path):
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments):
        env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        env |= {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in WHO.items()}
        done = subprocess.run(["git", "-C", str(self.path), *arguments], capture_output=True, env=env, check=True)
        return done.stdout.decode().strip()

    def commit(self, message):
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    """v1.0 (good), v1.1 (bad), v2.0 (fixed); a branch off v1.1 that never got the fix; and what only was proposed."""
    made = Repository(tmp_path / "thing")
    made.commits = {"v1.0": made.commit("good")}
    made.git("tag", "v1.0")
    made.commits["v1.1"] = made.commit("bad")
    made.git("tag", "-a", "v1.1", "-m", "released")
    made.git("branch", "1.x")
    made.commits["v2.0"] = made.commit("fixed")
    made.git("tag", "v2.0")
    made.git("checkout", "-q", "1.x")
    made.commits["1.x"] = made.commit("more on 1.x")
    made.git("update-ref", "refs/pull/1/head", made.commits["v1.1"])
    made.git("checkout", "-q", "main")
    return made


def record(identifier, modified="2026-01-01T00:00:00Z", **said):
    return {"id": identifier, "modified": modified, "aliases": [f"CVE-{identifier}"], **said}


def package(name, *events, ecosystem="PyPI", **more):
    ranges = [{"type": "ECOSYSTEM", "events": [dict([event]) for event in events]}]
    return {"package": {"ecosystem": ecosystem, "name": name}, "ranges": ranges, **more}


def commits(repo, *events):
    return {"ranges": [{"type": "GIT", "repo": repo, "events": [dict([event]) for event in events]}]}


def write(path, *records):
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return f"osv:{path}"


def bring(lake, day, source, *items, annotated=False):
    """A day's input through the first two stages; of the second, unless ``annotated``, only what is about vulnerabilities."""
    add_inputs(lake, list(items), day)
    ingest_slice(lake, local_engine(lake.settings), day, source)
    if annotated or source in ("osv", "mentions"):
        report = annotate_slice(lake, local_engine(lake.settings), day, source)
        assert [check.description for check in report.checks if not check.passed] == []
    else:
        resolve(lake, local_engine(lake.settings), day, source)


def told(lake, columns="id, origin, anchor, version, state, rule"):
    with lake.sql() as sql:
        return sql.execute(f"select {columns} from vulnerability order by all").fetchall()


def fresh(lake, tmp_path, name):
    home = tmp_path / f"home-{name}"
    return Lake.open(replace(lake.settings, home=home, lake=str(home / "lake")))


def rows_of(lake, name):
    return sorted(lake.scan(name).drop("bucket", "slice", "source", "attempt", strict=False).collect().rows(), key=repr)


def test_whichever_comes_last_the_same_is_affected(lake, tmp_path, index, repository):
    bad, fix = repository.commits["v1.1"], repository.commits["v2.0"]
    old = write(tmp_path / "old.jsonl", record("A-1", affected=[package("some.thing", ("introduced", "0"))]))
    new = write(
        tmp_path / "new.jsonl",
        record("A-1", "2026-01-02T00:00:00Z", affected=[package("some.thing", ("introduced", "1.1"), ("fixed", "2.0"))]),
        record("A-2", affected=[commits("https://example.org/ada/thing.git", ("introduced", bad), ("fixed", fix))]),
        record("A-3", affected=[package("another", ("introduced", "0"))]),
    )
    parts = [
        ("osv", [new]),
        ("osv", [old]),
        ("pypi", [f"pypi:some-thing=={version}" for version in ("1.0", "1.1", "2.0")]),
        ("git", [f"git:{repository.path}"]),
    ]
    orders = [(0, 1, 2, 3), (3, 1, 2, 0)]
    results = []
    for order in orders:
        one = fresh(lake, tmp_path, "".join(map(str, order)))
        for day, part in zip(DAYS, order, strict=True):
            bring(one, day, parts[part][0], *parts[part][1])
        last, *_ = parts[order[-1]]
        if last != "osv":  # a second run asks nothing again
            assert resolve(one, local_engine(one.settings), DAYS[-1], last) == 0
        results.append([told(one), rows_of(one, "vulnerability_statement"), rows_of(one, "vulnerability_verdict")])
    assert all(one == other for one, other in itertools.pairwise(results))
    [(identifier, origin, _, version, state, rule), *git] = results[0][0]
    assert (identifier, origin, version, state, rule) == ("A-1", "pkg:pypi/some-thing", "1.1", "affected", "ecosystem-range")
    tag = repository.git("rev-parse", "v1.1")
    assert [(row[0], row[2], row[3], row[4], row[5]) for row in git] == [
        ("A-2", swhid_text("rel", bytes.fromhex(tag)), "v1.1", "affected", "git-range"),
        ("A-2", swhid_text("rev", bytes.fromhex(repository.commits["1.x"])), None, "affected", "git-range"),
    ]


def test_what_was_withdrawn_affects_nothing_and_newer_words_replace_older_ones(lake, tmp_path, index):
    bring(lake, DAYS[0], "pypi", "pypi:some-thing==1.0")
    first = record("A-1", affected=[package("some-thing", ("introduced", "0"))])
    bring(lake, DAYS[1], "osv", write(tmp_path / "a.jsonl", first))
    assert [row[0] for row in told(lake)] == ["A-1"]
    withdrawn = {**first, "modified": "2026-01-03T00:00:00Z", "withdrawn": "2026-01-03T00:00:00Z"}
    bring(lake, DAYS[2], "osv", write(tmp_path / "b.jsonl", withdrawn))
    assert told(lake) == []


def test_what_the_lake_can_not_tell_is_stated_with_its_reason(lake, tmp_path, index, repository):
    where = repository.path.as_uri()
    nowhere = "ab" * 20
    clone = tmp_path / "shallow"
    repository.git("clone", "-q", "--depth", "1", where, str(clone))
    subprocess.run(["git", "-C", str(clone), "remote", "remove", "origin"], check=True)
    bring(lake, DAYS[0], "git", f"git:{clone}")
    bring(lake, DAYS[1], "pypi", "pypi:some-thing==1.0")
    bring(
        lake,
        DAYS[2],
        "osv",
        write(
            tmp_path / "said.jsonl",
            record("A-1", affected=[commits(clone.as_uri(), ("introduced", repository.commits["v1.0"]), ("fixed", nowhere))]),
            record("A-2", affected=[commits(clone.as_uri(), ("introduced", "0"))]),
            record("A-3", affected=[commits(clone.as_uri(), ("introduced", "not a commit"))]),
            record("A-4", affected=[package("some-thing", ("introduced", "0"), ("fixed", "one"))]),
        ),
    )
    rows = [(row[0], row[1], row[2]) for row in told(lake, "id, state, detail, version")]
    assert {(one, state) for one, state, _ in rows} == {
        ("A-1", "not-resolvable"),
        ("A-2", "affected"),
        ("A-3", "not-resolvable"),
        ("A-4", "not-resolvable"),
    }
    why = {one: detail for one, _, detail in rows}
    assert "has not all of its history" in why["A-1"]
    assert why["A-3"] == "'not a commit' is no full commit hash"
    assert why["A-4"] == "'one' is no version of this ecosystem"


def test_a_story_tells_what_affects_it_and_who_mentions_it(lake, tmp_path, index, repository):
    bad, fix = repository.commits["v1.1"], repository.commits["v2.0"]
    bring(lake, DAYS[0], "pypi", "pypi:some-thing==1.0", "pypi:some-thing==2.0", annotated=True)
    bring(lake, DAYS[0], "git", f"git:{repository.path}")
    said = [
        record("A-1", affected=[package("some-thing", ("introduced", "0"), ("fixed", "2.0"))]),
        record("A-2", affected=[commits("https://example.org/ada/thing.git", ("introduced", bad), ("fixed", fix))]),
    ]
    bring(lake, DAYS[1], "osv", write(tmp_path / "said.jsonl", *said))
    paper = {
        "id": "p",
        "doi": "10.1234/p",
        "mentions": [{"software-name": {"rawForm": "Some Thing"}, "version": {"rawForm": "2.0"}}],
    }
    (tmp_path / "paper.json").write_text(json.dumps(paper).replace("Some Thing", "some_thing"))
    bring(lake, DAYS[1], "mentions", f"mentions:{tmp_path / 'paper.json'}")
    text = render(explain(lake, "pkg:pypi/some-thing"))
    assert "A-1 (CVE-A-1): affects 1.0 swh:1:rel:" in text
    assert "by ecosystem-range; fixed in 2.0" in text
    assert "10.1234/p: some_thing 2.0 (by name-and-version, confidence medium)" in text
    assert "A-2 (CVE-A-2): affects v1.1 swh:1:rel:" in render(explain(lake, repository.path.as_uri()))
    release = next(row[2] for row in told(lake) if row[0] == "A-1")
    assert [row["id"] for row in explain(lake, release)["vulnerabilities"]] == ["A-1"]
    clean = swhid_text("rev", bytes.fromhex(fix))
    assert explain(lake, clean)["vulnerabilities"] == []
