# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What was there first goes by the commit that had it first, as far as it was known on a dataset's day."""

import datetime as dt
import shutil
import subprocess

import polars as pl

from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.datasets import build, plan, reproduce, specification
from codecommons.datasets.candidates import first_occurrences
from codecommons.datasets.inputs import resolve
from codecommons.dedup import compare_slice
from codecommons.engine.local import InlineEngine
from codecommons.explain import explain, render
from codecommons.lake import Lake
from codecommons.license import qualify_slice
from codecommons.settings import Settings
from codecommons.swhid import Swhid, content_id, origin_id, swhid_text

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


def bring(lake, day, *paths):
    add_inputs(lake, [f"git:{path}" for path in paths], day)
    for stage in (ingest_slice, annotate_slice, qualify_slice, compare_slice):
        stage(lake, ENGINE, day, "git")


def specified(lake, name, text="{}"):
    folder = lake.settings.home / "datasets"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)
    return name


def made(lake, name, text="{}"):
    """The rows of a dataset (path and origin), and why others went, by path."""
    report = build(lake, ENGINE, specified(lake, name, text))
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


def history(world, *urls):
    """Let the heads of repositories follow a commit of 2011 that brought ``t.c``."""
    heads, first = list(world.rows["revision"]), b"f" * 20
    world.rows["revision"].append({**heads[0], "id": first, "date": {"seconds": 1_300_000_000, "microseconds": 0}})
    world.rows["introduced"] = [
        {"revision": first, "parents": 0, "path": b"t.c", "content": content_id(TRANSPOSED.encode())},
        *({"revision": head["id"], "parents": 1, "path": None, "content": None} for head in heads),
    ]
    world.rows["revision_history"] = [{"id": head["id"], "parent_id": first, "parent_rank": 0} for head in heads]
    held = (first, *(head["id"] for head in heads))
    world.rows["origin_revision"] = [{"revision": one, "origin": origin_id(url)} for url in urls for one in held]


def test_of_forks_that_a_dataset_takes_both_the_one_whose_licence_holds_is_the_earliest(world):
    fork, library = (f"https://forge.example/{name}/library" for name in ("ann", "eve"))
    world.add(fork, {"t.c": TRANSPOSED.encode()}, source="git", date=1_500_000_000)
    more = {"t.c": TRANSPOSED.encode(), "more": b"more\n"}
    world.add(library, more, source="git", date=1_700_000_000, verdict="copyleft", license="LGPL-2.1-only")
    history(world, fork, library)
    world.passed()
    asked = "names: ['*.c'], license: {accept: [permissive, copyleft]}, deduplicate: {order: [%s]}"
    assert made(world.lake, "earliest", f"{{{asked % 'earliest'}}}")[0] == {"t.c": library}
    assert made(world.lake, "permissive", f"{{{asked % 'permissive, earliest'}}}")[0] == {"t.c": fork}


def test_a_repository_that_was_visited_before_it_changed_its_licence_is_judged_by_what_it_has_now(world):
    url = "https://forge.example/eve/library"
    for day, license, verdict in ((DAYS[0], "LGPL-2.1-only", "copyleft"), (DAYS[1], "MIT", "permissive")):
        files = {"t.c": TRANSPOSED.encode(), "LICENSE": license.encode()}
        date = 1_500_000_000 if day == DAYS[0] else 1_600_000_000
        world.add(url, files, source="git", date=date, day=day, version=day, verdict=verdict, license=license)
    world.add("pkg:pypi/copy", {"copied.c": TRANSPOSED.encode()}, date=1_400_000_000)
    history(world, url)
    world.passed()
    both = "names: ['*.c'], deduplicate: {order: [earliest]}"
    assert made(world.lake, "now", f"{{{both}}}")[0] == {"t.c": url}
    report = build(world.lake, ENGINE, world.specify("then", f"{{{both}, as_of: {DAYS[0]}}}"))
    assert {rule: count.rows for rule, count in report.dropped.items()} == {"name": 1, "license": 1, "conflict": 1}


def test_a_package_that_came_between_the_first_commit_and_the_head_is_the_copy(world):
    url, package = "https://forge.example/eve/library", "pkg:pypi/copy"
    world.add(url, {"t.c": TRANSPOSED.encode()}, source="git", date=1_700_000_000, verdict="copyleft", license="LGPL-2.1-only")
    world.add(package, {"copied.c": TRANSPOSED.encode()}, date=1_400_000_000)
    history(world, url)
    world.passed()
    asked = "license: {accept: [permissive, copyleft]}, deduplicate: {order: [%s]}"
    assert made(world.lake, "first", f"{{{asked % 'earliest'}}}")[0] == {"t.c": url}
    assert made(world.lake, "permissive", f"{{{asked % 'permissive, earliest'}}}")[0] == {"copied.c": package}
    report = build(world.lake, ENGINE, world.specify("default", "{}"))
    assert {rule: count.rows for rule, count in report.dropped.items()} == {"license": 1, "conflict": 1}


def test_an_empty_file_is_nobodys_copy(world):
    world.add("pkg:pypi/first", {"first/__init__.py": b""}, date=1_400_000_000, verdict="copyleft", license="GPL-3.0-only")
    world.add("pkg:pypi/later", {"later/__init__.py": b"", "later/a.py": b"a = 1\n"}, date=1_500_000_000)
    world.passed()
    rows, gone = made(world.lake, "empty", "{deduplicate: {order: [earliest]}}")
    assert rows == dict.fromkeys(("later/__init__.py", "later/a.py"), "pkg:pypi/later")
    assert gone[b"first/__init__.py"][0] == "license"


LGPL, GPL, MIT = "LGPL-2.1-or-later", "GPL-3.0-only", "MIT"
MANIFEST = '{"name": "forked", "version": "%s", "license": "%s"}\n'
REUSE = 'version = 1\n\n[[annotations]]\npath = "**"\nSPDX-FileCopyrightText = "A"\nSPDX-License-Identifier = "%s"\n'
DEP5 = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: A
License: %s
"""


def later(files):
    """The same done to the library and to the other fork of it."""
    return [(who, 2015, files) for who in ("library", "strict")]


# Of each folder: what holds of the file that came to it in 2010, and who did what to it in which year. From "library" two others
# were forked in 2012: "open", which has done nothing since 2014, and "strict", since 2016.
FORKED = {
    "made open": ("copyleft", ("library", 2009, {"LICENSE": LGPL}), ("open", 2013, {"LICENSE": MIT})),
    "made strict": ("permissive", ("library", 2009, {"LICENSE": MIT}), ("strict", 2015, {"LICENSE": GPL})),
    "both": (
        *("copyleft", ("library", 2009, {"LICENSE": LGPL})),
        *(("open", 2013, {"LICENSE": MIT}), ("strict", 2015, {"LICENSE": "Proprietary.\n"})),
    ),
    "made open by its owner": ("copyleft", ("library", 2009, {"LICENSE": GPL}), ("library", 2015, {"LICENSE": MIT})),
    "a year more": (
        *(
            "copyleft",
            ("library", 2009, {"LICENSE": LGPL}),
            ("library", 2011, {"LICENSE": f"(c) 2011\nSPDX-License-Identifier: {LGPL}\n"}),
        ),
        ("open", 2013, {"LICENSE": MIT}),
    ),
    "a year more of open terms": (
        *(
            "permissive",
            ("library", 2009, {"LICENSE": MIT}),
            ("library", 2011, {"LICENSE": f"(c) 2011\nSPDX-License-Identifier: {MIT}\n"}),
        ),
        ("strict", 2015, {"LICENSE": GPL}),
    ),
    "another version": (
        *("copyleft", ("library", 2009, {"package.json": MANIFEST % ("1", LGPL)})),
        *(("library", 2011, {"package.json": MANIFEST % ("2", LGPL)}), ("open", 2013, {"package.json": MANIFEST % ("2", MIT)})),
    ),
    "another version of open terms": (
        *("permissive", ("library", 2009, {"LICENSE": MIT, "package.json": MANIFEST % ("1", MIT)})),
        *(("library", 2011, {"package.json": MANIFEST % ("2", MIT)}), ("strict", 2015, {"package.json": MANIFEST % ("3", GPL)})),
    ),
    "said once more": (
        *("permissive", ("library", 2009, {"LICENSE": MIT}), ("library", 2011, {"package.json": MANIFEST % ("1", MIT)})),
        ("strict", 2015, {"LICENSE": GPL}),
    ),
    "another one beside it": (
        *("permissive", ("library", 2009, {"package.json": MANIFEST % ("1", MIT)})),
        *(
            ("library", 2011, {"LICENSE": f"(c) 2011\nSPDX-License-Identifier: {MIT}\n"}),
            ("strict", 2015, {"LICENSE": "Ask us.\n"}),
        ),
    ),
    "terms taken away": ("permissive", ("library", 2009, {"LICENSE": MIT}), ("strict", 2015, {"LICENSE": None})),
    "terms for what had none": ("unknown", ("open", 2013, {"LICENSE": MIT})),
    "terms that came later": (
        *("copyleft", ("library", 2013, {"LICENSE": MIT}), ("open", 2013, {"LICENSE": MIT}), ("strict", 2015, {"LICENSE": GPL})),
    ),
    "an early date": ("copyleft", ("library", 2009, {"LICENSE": LGPL}), ("open", 2005, {"LICENSE": MIT})),
    "terms of another part": (
        *("copyleft", ("library", 2009, {"LICENSE": LGPL, "part/LICENSE": MIT})),
        *(("library", 2011, {"LICENSE": f"(c) 2011\nSPDX-License-Identifier: {LGPL}\n"}), ("open", 2013, {"LICENSE": MIT})),
    ),
    "moved": (
        *("permissive", ("library", 2009, {"LICENSE": MIT}), ("library", 2011, {"f.c": None, "src/f.c": ...})),
        ("strict", 2015, {"LICENSE": GPL}),
    ),
    "copied to open terms": (
        *("copyleft", ("library", 2009, {"LICENSE": GPL}), ("library", 2011, {"a/LICENSE": MIT, "a/f.c": ...})),
    ),
    "copied to strict terms": (
        *("permissive", ("library", 2009, {"LICENSE": MIT, "a/LICENSE": GPL}), ("library", 2011, {"a/f.c": ...})),
    ),
    "a header": (
        *("permissive", ("library", 2009, {"LICENSE": LGPL})),
        *(("library", 2010, {"f.c": f"// SPDX-License-Identifier: {MIT}\nint header;\n"}), ("open", 2013, {"LICENSE": GPL})),
    ),
    "terms under another name": (
        *("permissive", ("library", 2009, {"LICENSE": MIT}), ("library", 2011, {"LICENSE": None, "COPYING": MIT})),
        ("strict", 2015, {"COPYING": GPL}),
    ),
    # Hostile forks, where nobody else has left what speaks for the library as it was.
    "terms taken from beside a manifest": (
        *("conflict", ("library", 2009, {"LICENSE": GPL, "package.json": MANIFEST % ("1", MIT)})),
        *(("open", 2013, {"LICENSE": None}), *later({"LICENSE": None, "COPYING": GPL})),
    ),
    "terms changed to those of the manifest": (
        *("conflict", ("library", 2009, {"LICENSE": GPL, "package.json": MANIFEST % ("1", MIT)})),
        *(("open", 2013, {"LICENSE": MIT}), *later({"LICENSE": LGPL})),
    ),
    "terms of a part taken away": (
        *("copyleft", ("library", 2009, {"LICENSE": MIT, "part/LICENSE": LGPL})),
        ("library", 2010, {"f.c": None, "part/f.c": ...}),
        *(("open", 2013, {"part/LICENSE": None}), *later({"part/LICENSE": GPL})),
    ),
    "moved to open terms": (
        *("copyleft", ("library", 2009, {"LICENSE": LGPL, "free/LICENSE": MIT})),
        *(("open", 2013, {"f.c": None, "free/f.c": ...}), *later({"LICENSE": GPL})),
    ),
    "terms beside it taken away": (
        *("copyleft", ("library", 2009, {"LICENSE": MIT, "f.c.license": LGPL})),
        *(("open", 2013, {"f.c.license": None}), *later({"f.c.license": GPL})),
    ),
    "a list taken away": (
        *("copyleft", ("library", 2009, {"LICENSE": MIT, "REUSE.toml": REUSE % LGPL})),
        *(("open", 2013, {"REUSE.toml": None}), *later({"REUSE.toml": REUSE % GPL})),
    ),
    "Debian's list taken away": (
        *("copyleft", ("library", 2009, {"LICENSE": MIT, "debian/copyright": DEP5 % "LGPL-2.1+"})),
        *(("open", 2013, {"debian/copyright": None}), *later({"debian/copyright": DEP5 % "GPL-3"})),
    ),
}


def verdicts(lake, texts):
    """What holds of texts (name -> text) in a dataset of everything."""
    inputs = resolve(lake, specification(lake.settings, specified(lake, "all")))
    ids = {content_id(text.encode()): name for name, text in texts.items()}
    first = first_occurrences(lake, inputs, pl.DataFrame({"content": list(ids)}, {"content": pl.Binary}))
    return {ids[one]: verdict for one, verdict in first.select("content", "first_verdict").rows()}


def test_of_forks_the_one_holds_whose_licence_stood_when_the_file_came_and_else_the_strictest(tmp_path):
    done = {"library": {2010: {}, 2024: {"more": "more\n"}}, "open": {2014: {"open": "open\n"}}, "strict": {2016: {"s": "s\n"}}}
    texts = {}
    for folder, (_, *events) in FORKED.items():
        texts[folder] = f"int {folder.replace(' ', '_')}(int a, int b);\n"
        texts[folder] = next((files["f.c"] for *_, files in events if files.get("f.c")), texts[folder])
        done["library"][2010][f"{folder}/f.c"] = texts[folder]
        for who, year, files in events:
            tagged = {
                name: f"SPDX-License-Identifier: {text}\n" if text in (LGPL, GPL, MIT) else text for name, text in files.items()
            }
            changes = {f"{folder}/{name}": texts[folder] if text is ... else text for name, text in tagged.items()}
            done[who].setdefault(year, {}).update(changes)
    paths = {"library": repository(tmp_path / "library")}
    for who, years in done.items():
        for year in sorted(years):
            if (who, year) == ("library", 2013):
                paths |= {fork: shutil.copytree(paths[who], tmp_path / fork) for fork in ("open", "strict")}
            commit(paths[who], "refs/heads/main", year, years[year])
    lake = Lake.open(Settings(home=tmp_path / "home", lake=str(tmp_path / "lake"), workers=0, bucket_bits=0))
    bring(lake, DAYS[0], *paths.values())

    assert verdicts(lake, texts) == {folder: verdict for folder, (verdict, *_) in FORKED.items()}
    story = explain(lake, swhid_text("cnt", content_id(texts["made open"].encode())))
    told = story["first_occurrence"]
    assert {told["origin"], *told["forks"]} == {path.as_uri() for path in paths.values()}
    assert f"; the same in {told['forks'][0]}, {told['forks'][1]}\n" in render(story)


def test_a_history_that_was_written_again_with_the_same_dates_changes_no_licence(tmp_path):
    lake = Lake.open(Settings(home=tmp_path / "home", lake=str(tmp_path / "lake"), workers=0, bucket_bits=0))
    library, copy = repository(tmp_path / "library"), repository(tmp_path / "copy")
    for path, license in ((library, LGPL), (copy, MIT)):
        commit(path, "refs/heads/main", 2009, {"LICENSE": f"SPDX-License-Identifier: {license}\n"})
        commit(path, "refs/heads/main", 2010, {"transpose.c": TRANSPOSED})
    commit(library, "refs/heads/main", 2015, {"LICENSE": f"SPDX-License-Identifier: {GPL}\n"})
    bring(lake, DAYS[0], library, copy)
    assert verdicts(lake, {"transpose.c": TRANSPOSED}) == {"transpose.c": "copyleft"}
