# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Ranges of commits: is every tag affected that a record of a vulnerability lists as a version?

``REPOSITORIES`` names a folder with clones, as ``OWNER/NAME``. Tags that a record doesn't list may be affected, too: ranges of
commits lack the fixes of old branches, and lists know only what was released.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.accuracy import Accuracy
from codecommons.annotate.vulnerabilities.descent import Question, affected
from codecommons.annotate.vulnerabilities.statements import GIT, Statement, statements
from codecommons.lake.places import place

SECTION = "Ranges of commits"


def measure(data: Path) -> list[Accuracy]:
    """Ask every range of commits of a clone about the tags that its record lists; nothing where no clones are named."""
    if not os.environ.get("REPOSITORIES"):
        return []
    folder = Path(os.environ["REPOSITORIES"])
    records = [json.loads(line)["osv"] for line in (data / "osv" / "osv.jsonl").read_text().splitlines()]
    asked: dict[Path, list[tuple[str, Statement, set[str]]]] = defaultdict(list)
    clones = {str(path.relative_to(folder)).lower(): path for path in folder.glob("*/*")}
    for record in records:
        for number, one in statements(record):
            clone = clones.get("/".join(str(one.place).split("/")[1:])) if one.kind == GIT and one.ranges else None
            listed = {_number(version) for version in record["affected"][number].get("versions") or []}
            if clone and listed:
                asked[clone].append((record["id"], one, listed))
    cases, wrong = 0, []
    for clone, said in sorted(asked.items()):
        tags = _tags_of(clone)
        questions = [Question(one.ranges[0].events, list(tags.values())) for _, one, _ in said]
        with tempfile.TemporaryDirectory() as work, _history(clone) as sql:
            for at, answers in affected(sql, Path(work), questions):
                identifier, one, listed = said[at]
                for tag, is_affected in zip(tags, answers, strict=True):
                    if _number(tag) in listed:
                        cases += 1
                        if not is_affected:
                            wrong.append(f"`{identifier}`, {place(one.name)} {tag}")
    return [Accuracy(SECTION, "tags that the record lists", cases, cases - len(wrong), wrong)]


def _number(version: str) -> str:
    return re.sub(r"^[^0-9]*", "", version)


def _git(clone: Path, *arguments: str) -> list[str]:
    done = subprocess.run(["git", "-C", str(clone), *arguments], capture_output=True, check=True)
    return done.stdout.decode(errors="replace").splitlines()


def _tags_of(clone: Path) -> dict[str, bytes]:
    lines = _git(clone, "for-each-ref", "refs/tags", "--format=%(refname:strip=2) %(objectname) %(*objectname)")
    return {tag: bytes.fromhex(hashes[-1]) for tag, *hashes in (line.split() for line in lines)}


def _history(clone: Path) -> duckdb.DuckDBPyConnection:
    """The whole history of a clone, as ``descent`` wants it."""
    commits = [line.split() for line in _git(clone, "log", "--all", "--format=%H %ct %P")]
    date = pl.Struct({"seconds": pl.Int64, "microseconds": pl.Int32})
    held = [(bytes.fromhex(one), {"seconds": int(at), "microseconds": 0}) for one, at, *_ in commits]
    history = [(bytes.fromhex(one), bytes.fromhex(parent)) for one, _, *parents in commits for parent in parents]
    sql = duckdb.connect()
    sql.register("commits", pl.DataFrame(held, schema={"id": pl.Binary, "committer_date": date}, orient="row").to_arrow())
    sql.register("parents", pl.DataFrame(history, schema={"id": pl.Binary, "parent_id": pl.Binary}, orient="row").to_arrow())
    sql.execute("create table held as from commits; create table held_history as from parents")
    return sql
