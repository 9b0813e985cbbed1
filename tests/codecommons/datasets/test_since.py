# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What was there first goes by the commit that had it first, as far as it was known on a dataset's day."""

import datetime as dt
import subprocess

import polars as pl

from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.datasets import build, plan, reproduce, specification
from codecommons.dedup import compare_slice
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.license import qualify_slice
from codecommons.settings import Settings
from codecommons.swhid import Swhid, origin_id

DAYS = ("2026-01-29", "2026-01-30", "2026-01-31")
TRANSPOSED = "int *transposed(int *row, int *column)\n{\n    int *kept = column;\n    column = row;\n    return kept;\n}\n"
DOS = TRANSPOSED.replace("\n", "\r\n")
ENGINE = InlineEngine()


def commit(path, branch, year, files):
    """One more commit on a branch; a text of None takes a file away."""
    known = subprocess.run(["git", "-C", str(path), "rev-parse", "-q", "--verify", branch], capture_output=True)
    seconds = int(dt.datetime(year, 6, 1, tzinfo=dt.UTC).timestamp())
    stream = [f"commit {branch}", f"committer A <a@example.org> {seconds} +0000", "data 0"]
    stream += [f"from {branch}^0"] if known.returncode == 0 else []
    for name, text in files.items():
        stream += [f"D {name}"] if text is None else [f"M 100644 inline {name}", f"data {len(text)}", text]
    subprocess.run(["git", "-C", str(path), "fast-import", "--quiet"], input=("\n".join(stream) + "\n").encode(), check=True)
    return subprocess.run(
        ["git", "-C", str(path), "rev-parse", branch], capture_output=True, check=True, text=True
    ).stdout.strip()


def repository(path):
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
    return path


def bring(lake, day, path):
    add_inputs(lake, [f"git:{path}"], day)
    for stage in (ingest_slice, annotate_slice, qualify_slice, compare_slice):
        stage(lake, ENGINE, day, "git")


def made(lake, name, text="{}"):
    """The rows of a dataset (path and origin), and why others went, by path."""
    folder = lake.settings.home / "datasets"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)
    report = build(lake, ENGINE, name)
    assert [check.description for check in report.checks if not check.passed] == []
    assert plan(lake, specification(lake.settings, name)).rows == report.rows_kept
    rows = pl.read_parquet(f"{lake.settings.lake}/{report.details['folder']}/data/*.parquet")
    drops = lake.scan("dataset_drop").filter(dataset=name, fingerprint=report.details["fingerprint"]).collect()
    return (
        dict(rows.select("path", "origin").rows()),
        {path: (rule, evidence) for path, rule, evidence in drops.select("path", "rule", "evidence").rows()},
    )


def test_a_repository_that_goes_on_had_a_file_first_and_what_comes_later_changes_no_earlier_dataset(tmp_path):
    lake = Lake.open(Settings(home=tmp_path / "home", lake=str(tmp_path / "lake"), workers=0, bucket_bits=0))
    library, copy = repository(tmp_path / "library"), repository(tmp_path / "copy")
    commit(library, "refs/heads/main", 2009, {"LICENSE": "SPDX-License-Identifier: LGPL-2.1-or-later\n"})
    first = commit(library, "refs/heads/main", 2010, {"transpose.c": TRANSPOSED})
    commit(library, "refs/heads/main", 2012, {"transpose.c": None})
    head = commit(library, "refs/heads/main", 2024, {"Source/transpose.c": TRANSPOSED})
    commit(copy, "refs/heads/main", 2015, {"LICENSE": "SPDX-License-Identifier: MIT\n", "copied.c": TRANSPOSED, "dos.c": DOS})

    bring(lake, DAYS[0], copy)
    then, _ = made(lake, "then", f"{{as_of: {DAYS[0]}}}")
    assert then["copied.c"] == copy.as_uri()

    bring(lake, DAYS[1], library)
    now, gone = made(lake, "now")
    assert "copied.c" not in now
    rule, [where, decision, brought] = gone[b"copied.c"]
    assert gone[b"dos.c"] == gone[b"copied.c"]
    assert (rule, decision.partition(":")[0]) == ("conflict", "copyleft")
    assert Swhid.parse(where) == Swhid.parse(
        f"{where.partition(';')[0]};origin={library.as_uri()};anchor=swh:1:rev:{head};path=/Source/transpose.c"
    )
    assert brought == f"brought by swh:1:rev:{first} of 2010-06-01"
    both = "{license: {accept: [permissive, copyleft]}, names: ['*.c'], deduplicate: {order: [earliest]}}"
    assert made(lake, "both", both)[0] == {"Source/transpose.c": library.as_uri()}

    # An older history of the copy, which nobody had seen before.
    commit(copy, "refs/heads/older", 2005, {"old.c": TRANSPOSED})
    commit(copy, "refs/heads/main", 2025, {"more.c": "int more;\n"})
    bring(lake, DAYS[2], copy)
    for name in ("then", "both"):
        assert reproduce(lake, ENGINE, name).problems == (), name
    assert made(lake, "after", both)[0] == {"copied.c": copy.as_uri(), "more.c": copy.as_uri()}


def test_a_package_that_came_between_the_first_commit_and_the_head_is_the_copy(world):
    url, package = "https://forge.example/eve/library", "pkg:pypi/copy"
    world.add(url, {"t.c": TRANSPOSED.encode()}, source="git", date=1_700_000_000, verdict="copyleft", license="LGPL-2.1-only")
    world.add(package, {"copied.c": TRANSPOSED.encode()}, date=1_400_000_000)
    [head], first, content = world.rows["revision"], b"f" * 20, world.rows["content"][0]["sha1_git"]
    world.rows["revision"].append({**head, "id": first, "date": {"seconds": 1_300_000_000, "microseconds": 0}})
    world.rows["revision_history"] = [{"id": head["id"], "parent_id": first, "parent_rank": 0}]
    world.rows["introduced"] = [
        {"revision": first, "parents": 0, "path": b"t.c", "content": content},
        {"revision": head["id"], "parents": 1, "path": None, "content": None},
    ]
    world.rows["origin_revision"] = [{"revision": one, "origin": origin_id(url)} for one in (first, head["id"])]
    world.passed()
    asked = "license: {accept: [permissive, copyleft]}, deduplicate: {order: [%s]}"
    assert made(world.lake, "first", f"{{{asked % 'earliest'}}}")[0] == {"t.c": url}
    assert made(world.lake, "permissive", f"{{{asked % 'permissive, earliest'}}}")[0] == {"copied.c": package}
    report = build(world.lake, ENGINE, world.specify("default", "{}"))
    assert {rule: count.rows for rule, count in report.dropped.items()} == {"license": 1, "conflict": 1}
