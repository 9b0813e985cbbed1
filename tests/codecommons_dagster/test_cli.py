# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The command line, in process; what must be light is looked at in a process of its own."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import polars as pl
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from deltalake import write_deltalake

from codecommons import archive
from codecommons.engine import local_engine
from codecommons.errors import LakeError, ReaderPanicError, no_panic
from codecommons.lake import Lake
from codecommons.lake.schemas import TABLES
from codecommons.lake.storage import lake_errors
from codecommons.optout import desk
from codecommons.optout.reach import Copy
from codecommons.optout.requests import Request, Submission
from codecommons.report import STAGES
from codecommons.settings import Settings
from codecommons.swhid import content_id, directory_id, swhid_text
from codecommons.upkeep import vacuum
from codecommons_dagster.alerts import SETTLES
from codecommons_dagster.build import build_stages
from codecommons_dagster.cli import main
from codecommons_dagster.instance import instance
from codecommons_dagster.lines import of_copy
from codecommons_dagster.opt_out_commands import _tell_idle

HELLO = b"print('hello')\n"
HEAVY = {"dagster", "polars", "pyarrow", "duckdb", "deltalake", "numpy", "pandas", "dbt"}
GIT = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A"), ("EMAIL", "a@example.org"), ("DATE", "2020-01-02T03:04:05+0000"))
}


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=stdin)


def commands(group: click.Group = main, name: str = "") -> Iterator[tuple[str, click.Command]]:
    for own, command in group.commands.items():
        yield f"{name}{own}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{name}{own} ")


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home that commands use; there is no lake in it yet."""
    monkeypatch.setenv("CODECOMMONS_HOME", str(settings.home))
    monkeypatch.setenv("CODECOMMONS_WORKERS", "0")
    return settings.home


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "project"
    folder.mkdir()
    (folder / "hello.py").write_bytes(HELLO)
    (folder / "LICENSE").write_text("SPDX-License-Identifier: MIT\n")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "First"]):
        subprocess.run(["git", *command], cwd=folder, check=True, env={**os.environ, **GIT})
    return folder


@pytest.fixture
def repository(committed: Path) -> Iterator[Path]:
    """A repository of two files; what a test writes into the first is undone after it."""
    yield committed
    (committed / "hello.py").write_bytes(HELLO)


@pytest.fixture(scope="module")
def brought_in(committed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a lake that the repository was brought into; tests work on copies."""
    home = tmp_path_factory.mktemp("brought") / "home"
    lake = Lake.open(Settings(home=home, lake=str(home / "lake"), workers=0))
    archive.add_inputs(lake, [f"git:{committed}"], "2026-01-31")
    archive.ingest_slice(lake, local_engine(lake.settings), "2026-01-31", "git")
    return home


@pytest.fixture
def filled(home: Path, brought_in: Path, settings: Settings) -> Lake:
    """A lake of its own that the repository was brought into."""
    shutil.copytree(brought_in, home, symlinks=True)
    return Lake.open(settings)


@pytest.mark.parametrize("arguments", [["--help"], ["identify", __file__], ["sql", "--help"], ["dataset", "build", "--help"]])
def test_help_and_identify_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom codecommons_dagster.cli import main\n"
        f"try: main({arguments!r})\nfinally: print({HEAVY!r} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n"), done.stdout


def test_sql_explain_and_status_import_no_dagster(filled: Lake, repository: Path) -> None:
    code = (
        "import sys\nfrom codecommons_dagster.cli import main\n"
        "for command in (['sql', 'from origin'], ['explain', sys.argv[1]], ['status']):\n"
        "    main(command, standalone_mode=False)\n"
        "print({'dagster', 'dbt'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(repository)], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n"), done.stdout


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_shows_an_example(name: str) -> None:
    shown = run(*name.split(), "--help")
    assert shown.exit_code == 0
    assert f"codecommons {name}" in shown.output.partition("Example:")[2]


def test_identify_prints_a_line_for_each_path_and_goes_on_after_one_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_bytes(HELLO)
    cnt, directory = (
        swhid_text("cnt", content_id(HELLO)),
        swhid_text("dir", directory_id([(b"hello.py", 0o100644, content_id(HELLO))])),
    )
    found = run("identify", str(tmp_path / "nonesuch"), str(tmp_path / "hello.py"), str(tmp_path))
    assert found.exit_code == 1
    assert found.stdout == f"{cnt}\t{tmp_path}/hello.py\n{directory}\t{tmp_path}\n"
    assert found.stderr == f"Error: {tmp_path}/nonesuch: No such file or directory\n"
    assert json.loads(run("identify", "--json", str(tmp_path)).output) == {"swhid": directory, "path": str(tmp_path)}
    assert run("identify", "--type", "xyz", str(tmp_path)).exit_code == 2


def test_identify_prints_what_software_heritages_own_command_prints(tmp_path: Path) -> None:
    from swh.model.cli import identify

    tree = tmp_path / "tree"
    (tree / "sub" / "empty").mkdir(parents=True)
    for name, data in (
        ("a", b"one\r\n"),
        ("a.b", b""),
        ("a-b", b"\0\xff"),
        ("sub/run.sh", b"#!/bin/sh\n"),
        ("sub/d\u00e9j\u00e0", b"x"),
    ):
        (tree / name).write_bytes(data)
    (tree / "sub" / "run.sh").chmod(0o744)
    (tree / "a.link").symlink_to("a")
    (tree / "sub" / "nowhere").symlink_to("../../nothing")
    paths = [str(tree), *(str(tree / name) for name in ("sub", "sub/empty", "a", "a.link", "sub/run.sh"))]
    theirs = CliRunner().invoke(identify, paths)
    assert len(theirs.stdout.splitlines()) == len(paths)
    assert run("identify", *paths).stdout == theirs.stdout


def test_names_that_are_no_utf_8_come_out_as_they_went_in(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9")
    path.write_bytes(HELLO)
    assert (
        run("identify", str(path)).stdout_bytes
        == f"{swhid_text('cnt', content_id(HELLO))}\t".encode() + os.fsencode(path) + b"\n"
    )
    assert run("identify", f"{path}-nonesuch").stderr_bytes.startswith(b"Error: " + os.fsencode(path))


def test_annotate_says_what_a_file_is_without_a_lake(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "code" / "hello.py"
    file.parent.mkdir()
    file.write_bytes(b"# SPDX-License-Identifier: MIT\n" + HELLO)
    row = json.loads(run("annotate", str(file.parent), "--json").output)
    assert (row["path"], row["language"], row["license"]) == (str(file), "Python", "MIT")
    assert "Python, MIT" in run("annotate", str(file)).output
    odd = tmp_path / "\x1b[31m\nred.py"
    odd.write_bytes(HELLO)
    [line] = run("annotate", str(odd)).output.splitlines()
    assert "/\\x1b[31m\\nred.py\tPython" in line
    assert not (home / "lake").exists()
    assert run("annotate", str(tmp_path / "nonesuch")).exit_code == 2


def test_annotate_says_what_it_makes_of_a_folder_and_of_a_file_that_it_does_not_look_into(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tree_sitter")
    monkeypatch.setenv("CODECOMMONS_ANNOTATORS", "syntax,in_edges")
    monkeypatch.setenv("CODECOMMONS_MAX_CONTENT_BYTES", "100")
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "a.py").write_bytes(HELLO)
    (folder / "b.bin").write_bytes(b"x" * 200)
    file, large, whole = run("annotate", str(folder)).output.splitlines()
    assert file.endswith(f"{folder / 'a.py'}\tPython, no licence, ascii")
    assert large.endswith(f"{folder / 'b.bin'}\ta file of 200 bytes; at most 100 are looked at (CODECOMMONS_MAX_CONTENT_BYTES)")
    assert whole == f"{folder}\tin_edges"


def test_sql_writes_every_format_to_the_terminal_and_to_files(filled: Lake, tmp_path: Path) -> None:
    query = "select path, content from file order by path"
    rows = [
        ("LICENSE", swhid_text("cnt", content_id(b"SPDX-License-Identifier: MIT\n"))),
        ("hello.py", swhid_text("cnt", content_id(HELLO))),
    ]
    assert [tuple(row) for row in csv.reader(io.StringIO(run("sql", query, "--format", "csv").output))] == [
        ("path", "content"),
        *rows,
    ]
    assert [tuple(row.values()) for row in json.loads(run("sql", query, "--format", "json").output)] == rows
    assert pl.read_parquet(io.BytesIO(run("sql", query, "--format", "parquet").stdout_bytes)).rows() == rows
    table = run("sql", "-", stdin=query).output
    assert all(cell in table for row in rows for cell in row), "nothing is cut when the output is no terminal"
    target = tmp_path / "rows.parquet"
    assert run("sql", query, "--format", "parquet", "-o", str(target)).output == ""
    assert pl.read_parquet(target).rows() == rows
    assert list(tmp_path.glob(".codecommons-*")) == []


def test_a_broken_ledger_is_told_in_the_same_words_by_sql_as_by_every_other_command(filled: Lake) -> None:
    request = Request("origin", ("https://forge.example/me/it",))
    desk.submit(filled, Submission((request,), {"contact": "me@example.org"}), "2026-01-03T12:00:00+00:00")
    rows = filled.scan("opt_out_ledger").collect()
    write_deltalake(filled.path("opt_out_ledger"), rows.to_arrow(), mode="append")
    listed = run("opt-out", "list")
    assert listed.stderr.startswith("Error: the opt-out ledger is broken: ")
    for asked in (["sql", "from file"], ["sql", "select count(*) from content"], ["explain", "LICENSE"]):
        told = run(*asked)
        assert (told.exit_code, told.stderr) == (listed.exit_code, listed.stderr) == (1, listed.stderr), asked
    assert run("sql", "select error('mine')").exit_code == 2


def test_software_heritages_query_runs_as_it_is_in_the_help(filled: Lake) -> None:
    query = """select swhid, lower(trim(from_utf8(filename))) from popular_content_name
        where lower(trim(from_utf8(filename))) LIKE '%.py'"""
    assert run("sql", query, "--format", "csv").output.splitlines()[1:] == [f"{swhid_text('cnt', content_id(HELLO))},hello.py"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["sql", "selct 1"], 2, 'syntax error at or near "selct"'),
        (["sql", "select nonesuch from file"], 2, 'Referenced column "nonesuch" not found'),
        (["sql", "from stage_cost"], 2, "stage_cost is a mart, and not made yet: the job `marts` does that"),
        (["sql", "from read_csv('/nonexistent')"], 1, "No files found"),
        (["sql", "from file", "-o", "/nonexistent/x"], 2, "there is no folder /nonexistent"),
        (["sql", "from file", "--nonesuch"], 2, "No such option"),
        (["explain", ""], 2, "neither a SWHID, nor a path here, nor an origin"),
        (["explain", "nonesuch"], 2, "neither a SWHID, nor a path here, nor an origin"),
        (["explain", "swh:1:cnt:XYZ"], 2, "is not a SWHID"),
        (["ingest"], 2, "say what to ingest"),
        (["ingest", "nonesuch:x"], 2, "neither a path nor one of"),
        (["ingest", "--day", "1999-01-01"], 2, "is no slice of this lake"),
        (["ingest", "--day", "2026-02-01"], 2, "nothing is recorded for 2026-02-01"),
        (["ingest", "--day", "yesterday"], 2, "does not match the format"),
        (["ingest", "--from-file", "/nonexistent"], 2, "can't be read"),
        (["dataset", "plan", "nonesuch"], 2, "no dataset 'nonesuch'"),
        (["dataset", "plan", "odd-source"], 2, "sources has 'gti'; did you mean 'git'?"),
        (["dataset", "plan", "odd-policy"], 2, "there is no licence policy 'permisive'; did you mean 'permissive'?"),
        (["dataset", "plan", "/nonexistent.yaml"], 1, "No such file"),
        (["dataset", "verify", "nonesuch"], 2, "there is no release"),
        (["dataset", "reproduce", "nonesuch"], 2, "there is no release"),
        (["dataset", "diff", "nonesuch"], 2, "has no two releases to compare"),
        (["nonesuch"], 2, "No such command"),
    ],
)
def test_an_error_is_one_clear_line_with_its_exit_code(filled: Lake, arguments: list[str], code: int, said: str) -> None:
    folder = filled.settings.home / "datasets"
    folder.mkdir()
    (folder / "odd-source.yaml").write_text("sources: [gti]\n")
    (folder / "odd-policy.yaml").write_text("license: {policy: permisive}\n")
    failed = run(*arguments)
    assert failed.exit_code == code
    *_, last = failed.stderr.splitlines()
    assert last.startswith("Error: ")
    assert said in last
    assert "Traceback" not in failed.output


@pytest.mark.parametrize("arguments", [["sql", "from file"], ["explain", "x"], ["status"], ["dataset", "list"]])
def test_a_reader_without_a_lake_says_so_and_creates_none(home: Path, arguments: list[str]) -> None:
    failed = run(*arguments)
    assert failed.exit_code == 1
    assert "there is no lake at" in failed.stderr
    assert not home.exists()


@pytest.mark.parametrize("how", ["log", "file", "pages"])
def test_damage_is_one_line_that_names_the_table_wherever_it_shows(filled: Lake, how: str) -> None:
    for path in Path(filled.path("content")).rglob("*.json" if how == "log" else "*.parquet"):
        data = path.read_bytes()
        path.write_bytes(b"garbage" if how != "pages" else data[:24] + bytes(len(data) // 2) + data[24 + len(data) // 2 :])
    assert run("sql", "select count(*) from origin", "--format", "csv").output.splitlines() == ["count_star()", "1"]
    for arguments in (["sql", "from content"], ["explain", swhid_text("cnt", content_id(HELLO))]):
        failed = run(*arguments)
        assert failed.exit_code == 1
        [line] = failed.stderr.splitlines()
        assert line.startswith(f"Error: table content in {filled.settings.lake}"), line
        assert "restore its folder from a backup" in line
    if how != "pages":
        assert f"damaged table content in {filled.settings.lake}" in run("status").stdout


def test_a_file_that_is_cut_short_is_one_line_wherever_it_is_cut(filled: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    """Polars' reader panics over such a file: what it raises is no ``Exception``, and it prints on its own."""
    [path] = Path(filled.path("tree_file")).rglob("*.parquet")
    data = path.read_bytes()
    for length in (0, 4, 12, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        failed = run("explain", swhid_text("cnt", content_id(HELLO)))
        assert failed.exit_code == 1
        assert f"table tree_file in {filled.settings.lake}" in failed.stderr.splitlines()[-1]
        with pytest.raises(LakeError, match=rf"tree_file .* has {length:,} bytes, not {len(data):,}"):
            filled.scan("tree_file")
    assert "panicked" not in capfd.readouterr().err


def test_a_reader_that_breaks_down_is_an_error_like_any_other(filled: Lake) -> None:
    [path] = Path(filled.path("tree_file")).rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ReaderPanicError), no_panic():
        pl.scan_delta(filled.storage.uri("tree_file")).collect()
    with pytest.raises(LakeError, match=r"reading it: .*; `codecommons lake repair` puts it right"), lake_errors("reading it"):
        pl.scan_delta(filled.storage.uri("tree_file")).collect()
    with pytest.raises(KeyboardInterrupt), no_panic():
        raise KeyboardInterrupt


def test_a_damaged_account_of_the_lake_is_one_line(filled: Lake) -> None:
    Path(filled.path("lake.json")).write_text('{"bucket_bits": ')
    failed = run("status")
    assert failed.exit_code == 1
    assert "lake.json is damaged" in failed.stderr


def test_a_defect_is_one_line_too_and_debug_shows_where(filled: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codecommons.status.status", lambda lake: 1 // 0)
    failed = run("status")
    assert failed.exit_code == 1
    assert failed.stderr.startswith("Error: unexpected ZeroDivisionError")
    assert "codecommons --debug" in failed.stderr
    assert isinstance(run("--debug", "status").exception, ZeroDivisionError)


def test_status_ends_with_1_when_a_stage_has_failed(filled: Lake) -> None:
    assert run("status").exit_code == 0
    filled.log.record("2026-01-31", "git", "enriched_context", "failed", failing_check="completed", detail="a reason")
    failed = run("status", "--json")
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)["failed"][0]["detail"] == "a reason"


def test_status_tells_of_runs_when_it_is_asked_to(filled: Lake) -> None:
    assert run("status", "--runs").exit_code == 0
    with instance(filled.settings) as recorder:
        from codecommons_dagster.maintenance import gc_job

        died = recorder.create_run_for_job(build_stages().resolve_job_def(gc_job.name))
        recorder.report_run_failed(died, "its process is gone")
    assert run("status").exit_code == 0
    # It waits a moment with runs that have just ended, as somebody may run them again.
    time.sleep(SETTLES.total_seconds() + 0.5)
    told = run("status", "--runs")
    assert told.exit_code == 1
    assert "failed  run of gc: its process is gone" in told.stdout
    [one] = json.loads(run("status", "--runs", "--json").stdout)["runs"]
    assert one["next"] == "codecommons gc"


def test_a_policy_that_can_not_be_read_is_one_line_beside_what_was_asked_for(filled: Lake, repository: Path) -> None:
    (filled.settings.home / "policies").mkdir()
    (filled.settings.home / "policies" / "mine.yaml").write_text("name: [")
    for arguments in (["sql", "select 42 as answer"], ["explain", str(repository / "hello.py"), "--json"]):
        told = run(*arguments)
        assert told.exit_code == 0
        [line] = told.stderr.splitlines()
        assert line.startswith("left out  policy mine: ")
    told = run("status")
    assert told.exit_code == 0
    assert [line for line in told.stdout.splitlines() if "policy mine" in line]


def test_explain_tells_programs_what_it_tells_people(filled: Lake, repository: Path) -> None:
    story = json.loads(run("explain", str(repository / "hello.py"), "--json").output)
    assert story["occurrences"][0]["origin"] == repository.as_uri()
    assert story["archive"] in run("explain", str(repository / "hello.py")).output


def test_a_full_or_read_only_instance_is_one_line(filled: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    database = filled.settings.dagster_home / "history" / "runs.db"
    database.mkdir(parents=True)  # a database that can't be opened, also by root
    failed = run("ingest", "--day", "2026-01-31")
    assert failed.exit_code == 1
    [line] = failed.stderr.splitlines()
    assert line.startswith(f"Error: the run can't be recorded in {filled.settings.dagster_home} (unable to open database file)")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["identify", __file__]])
def test_what_can_not_be_printed_is_one_line(arguments: list[str]) -> None:
    script = "from codecommons_dagster.cli import main; main()"
    with Path("/dev/full").open("w") as full:
        failed = subprocess.run(
            [sys.executable, "-c", script, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert failed.returncode == 1
    [line] = failed.stderr.splitlines()
    assert line.startswith("Error: ")
    assert line.endswith(": No space left on device")


def test_what_the_lake_does_not_have_is_one_line_and_a_failure(filled: Lake, repository: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text("print('nobody has this')\n")
    swhid = swhid_text("cnt", content_id(other.read_bytes()))
    for target, shown in ((str(other), f"{swhid} ({other})"), (swhid, swhid), (f"{swhid[:-1]}f", f"{swhid[:-1]}f")):
        failed = run("explain", target)
        assert (failed.exit_code, failed.stdout) == (1, "")
        [line] = failed.stderr.splitlines()
        assert line.startswith(f"Error: {shown} is not in the lake; ")
        failed = run("explain", target, "--json")
        assert failed.exit_code == 1
        assert json.loads(failed.stdout)["known"] is False
    (repository / "hello.py").write_text("print('changed since')\n")
    changed = run("explain", str(repository / "hello.py"))
    assert changed.exit_code == 1
    assert "Other bytes at this path (1)" in changed.stdout


def test_an_ingest_that_brings_nothing_of_what_was_asked_for_fails_and_says_why(home: Path, tmp_path: Path) -> None:
    for name in ("broken", "cut"):
        (tmp_path / f"{name}.tar.gz").write_bytes(b"no archive")
    failed = run("ingest", str(tmp_path / "broken.tar.gz"), str(tmp_path / "cut.tar.gz"))
    assert failed.exit_code == 1
    *reasons, last = failed.stderr.splitlines()
    assert [line.partition(": not-an-archive: ")[0] for line in reasons] == [
        f"left out  path:{tmp_path / name}.tar.gz" for name in ("broken", "cut")
    ]
    assert last.startswith("Error: nothing of what was asked for came in; ")


def test_terms_are_shown_until_they_are_accepted_unattended_and_then_no_more(home: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "export").mkdir()
    asked = ["ingest", f"swh:{tmp_path / 'export'}", "--day", "2026-01-31"]
    refused = run(*asked)
    assert refused.exit_code == 2
    assert "Ethical Charter" in refused.stderr
    assert "bulk access" in refused.stderr
    assert refused.stderr.splitlines()[-1].endswith("If you accept, run the same command with --accept-terms")
    assert not list(home.glob("*")), "nothing was ingested, and no lake made"
    (tmp_path / "no-folder").write_text("")
    monkeypatch.setenv("CODECOMMONS_LAKE", str(tmp_path / "no-folder" / "lake"))  # where every ingest ends
    for arguments in ([*asked, "--accept-terms"], asked):
        accepted = run(*arguments)
        assert accepted.exit_code == 1
        assert "Charter" not in accepted.output
    assert json.loads((home / "terms.json").read_text()).keys() == {"swh"}


def test_from_a_repository_to_a_verified_dataset_as_recorded_runs(home: Path, repository: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"no archive")
    done = run("ingest", str(repository), str(broken), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    ours = [report for report in told["reports"] if report["source"] == "git"]
    assert [(report["stage"], report["rows_in"]) for report in ours] == [(stage, 2) for stage in STAGES[:-1]]

    (tmp_path / "mine.yaml").write_text(
        "description: mine\nlanguages: [Python]\nlicense: {policy: permissive, accept: [permissive]}\n"
    )
    assert "mine as of" in run("dataset", "plan", str(tmp_path / "mine.yaml")).output
    built = run("dataset", "build", str(tmp_path / "mine.yaml"), "--json")
    assert built.exit_code == 0, built.output
    fingerprint = json.loads(built.stdout)["fingerprint"]
    assert f"mine  {fingerprint[:12]}" in run("dataset", "list").output
    card = (home / "lake" / "datasets" / "mine" / fingerprint[:12] / "README.md").read_text()
    [said] = re.findall("Check it with `codecommons (.+)`", card)
    assert "1 rows, no problems" in run(*said.split()).output
    assert "1 rows, byte for byte the same, no problems" in run("dataset", "reproduce", "mine").output
    assert "1 rows in both, 0 came, 0 went" in run("dataset", "diff", "mine", f"mine@{fingerprint[:6]}").output

    again = run("ingest", "--day", told["slice"])
    assert again.exit_code == 0, again.output
    assert "0 computed, 1 found done" in again.stdout
    assert STAGES[-1] not in again.stdout, "the dataset as of the day was not asked for"
    [line] = [line for line in again.stderr.splitlines() if str(broken) in line]
    assert line.startswith(f"left out  path:{broken}: not-an-archive: ")
    assert json.loads(run("status", "--json").output)["stale"] == []

    story = json.loads(run("explain", str(repository / "hello.py"), "--json").output)
    assert [row["value"]["language"] for row in story["annotations"] if row["annotator"] == "language"] == ["Python"]
    decided = {row["policy"].rpartition("-")[0]: (row["verdict"], row["expression"]) for row in story["license_decisions"]}
    assert decided["permissive"] == ("permissive", "MIT")
    assert len(decided) == 5
    assert [(row["dataset"], row["fingerprint"]) for row in story["datasets"]] == [("mine", fingerprint)]

    left = home / "lake" / "_staging" / "dataset-killed" / "0.arrow"
    left.parent.mkdir(parents=True)
    left.write_bytes(bytes(1000))
    assert run("gc").stdout == "nothing to free\n"
    os.utime(left, (0, 0))
    assert run("gc", "--dry-run").stdout == "_staging/dataset-killed  1 files, 1.0 kB\ncould be freed: 1.0 kB\n"
    freed = json.loads(run("gc", "--json").stdout)
    assert (freed["freed"], left.parent.exists()) == ([{"path": "_staging/dataset-killed", "bytes": 1000, "files": 1}], False)

    what_rots_is_named_and_made_again(home)
    a_backup_is_restored_elsewhere_and_nowhere_else(home, tmp_path)

    import dagster as dg

    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        jobs = [record.dagster_run.job_name for record in instance.get_run_records() if record.dagster_run.is_success]
    assert jobs == ["compact", "repair", "gc", "ingest", "dataset", "ingest"]


def rows(home: Path) -> dict[str, pl.DataFrame]:
    lake = Lake.open(Settings(home=home, lake=str(home / "lake"), workers=0))
    names = {table.name for table in lake.stored()} - {"stage_report"}
    return {name: pl.read_delta(lake.path(name)).sort(pl.all().exclude(pl.List, pl.Struct)) for name in sorted(names)}


def what_rots_is_named_and_made_again(home: Path) -> None:
    """Files of every kind at once: bytes, trees, history, annotations, pairs' signatures, a visit, and a shard."""
    before, lake = rows(home), home / "lake"
    assert run("lake", "verify", "--all").stdout.endswith("all is whole\n")
    tables = {"annotation_language", "content_data", "directory_entry", "introduced", "origin_visit", "revision", "signature"}
    for number, table in enumerate(sorted(tables)):
        file = next((lake / table).rglob("*.parquet"))
        file.write_bytes(bytes(file.stat().st_size)) if number % 2 else file.unlink()
    [shard] = (lake / "datasets").rglob("data/*.parquet")
    published = shard.read_bytes()
    shard.write_bytes(bytes(len(published)))
    named = run("lake", "verify", "--all", "--json")
    assert named.exit_code == 1
    assert {fault["table"] for fault in json.loads(named.stdout)["faults"]} == {*tables, "releases"}
    assert "next: codecommons lake repair" in run("lake", "repair", "--dry-run").stdout
    assert not shard.read_bytes().strip(bytes(1)), "a dry run changes nothing"
    done = run("lake", "repair")
    assert done.exit_code == 0, done.output
    assert shard.read_bytes() == published
    after = rows(home)
    assert [name for name in before if not after[name].equals(before[name])] == []
    assert run("lake", "verify", "--all").exit_code == 0
    assert run("status").exit_code == 0
    merged = run("lake", "compact", "--most", "1", "--json")
    assert merged.exit_code == 0, merged.output
    # A day later what was replaced goes for good, and the release can still be made again.
    opened = Lake.open(Settings(home=home, lake=str(lake), workers=0))
    assert vacuum(opened, dt.datetime.now(dt.UTC) + dt.timedelta(hours=25))
    assert run("lake", "verify", "--all").exit_code == 0
    assert "1 rows, byte for byte the same, no problems" in run("dataset", "reproduce", "mine").output


def a_backup_is_restored_elsewhere_and_nowhere_else(home: Path, folder: Path) -> None:
    where, before = str(folder / "backups"), rows(home)
    [made] = json.loads(run("lake", "backup", where, "--json").stdout)
    assert made["files"] == made["copied"] > 0
    assert made["name"] in run("lake", "backup", where, "--list").stdout
    refused = run("lake", "restore", where)
    assert (refused.exit_code, "overwrites nothing" in refused.stderr) == (2, True)
    elsewhere = {"CODECOMMONS_HOME": str(folder / "elsewhere")}
    restored = CliRunner().invoke(main, ["lake", "restore", where], env=elsewhere)
    assert restored.exit_code == 0, restored.output
    after = rows(folder / "elsewhere")
    assert [name for name in before if not after[name].equals(before[name])] == []
    verified = CliRunner().invoke(main, ["dataset", "verify", "mine"], env=elsewhere)
    assert "no problems" in verified.output


def test_a_takedown_is_a_recorded_run_that_says_what_went_and_nothing_of_what_it_said(filled: Lake, repository: Path) -> None:
    hello = f"swh:1:cnt:{content_id(HELLO).hex()}"
    for more in (["--reason", "taste", "--why", "a mail"], ["--reason", "secret", "--why", "a\x1b mail"]):
        refused = run("opt-out", "takedown", hello, *more)
        assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)  # nobody is asked whether they mean it
    with filled.staging("git-2026-01-31"):
        refused = run("opt-out", "takedown", hello, "--reason", "secret", "--why", "a mail", "--yes")
        assert refused.exit_code == 2
        assert "may be of a run at work" in refused.stderr
    done = run("opt-out", "takedown", hello, "--reason", "secret", "--why", "a mail", "--yes", "--json")
    assert done.exit_code == 0, done.output
    [one] = json.loads(done.stdout)
    assert (one["contents"], one["held"], one["erased"]["content_data"]["rows"]) == (1, 1, 1)
    with instance(filled.settings) as recorder:
        [record] = recorder.get_run_records()
        assert (record.dagster_run.job_name, record.dagster_run.status.value) == ("takedown", "SUCCESS")
        events = str(recorder.get_records_for_run(record.dagster_run.run_id).records)
    assert one["id"] in events
    assert hello not in events
    again = run("opt-out", "takedown", hello, "--reason", "secret", "--why", "a mail", "--yes")
    assert f"{one['id']}  erased: 1 contents, of which the lake had the bytes of 0" in again.stdout
    assert run("opt-out", "takedown").stdout == "nothing was begun that isn't finished\n"
    assert run("sql", f"select count(*) from content_data where swhid = '{hello}'", "--format", "csv").stdout.split()[-1] == "0"


def test_a_specification_file_can_be_planned_and_datasets_are_listed(filled: Lake, tmp_path: Path) -> None:
    assert "no datasets; describe one" in run("dataset", "list").output
    folder = filled.settings.home / "datasets"
    folder.mkdir()
    (folder / "mine.yaml").write_text("description: mine\n")
    assert "mine  not built; next: codecommons dataset build mine" in run("dataset", "list").output
    (folder / "typo.yaml").write_text("languages: [Pyhton]\n")
    (folder / "Upper.yaml").write_text("description: a name that is no slug\n")
    lines = run("dataset", "list").output.splitlines()
    assert any(line.startswith("typo  can't be built: dataset typo: languages has 'Pyhton'") for line in lines)
    assert any(line.startswith("Upper  can't be built: the name of a dataset's file") for line in lines)
    told = {row["name"]: row.get("error") for row in json.loads(run("dataset", "list", "--json").stdout)}
    assert told["mine"] is None
    assert "did you mean 'Python'?" in told["typo"]


def test_a_request_goes_through_the_door_and_its_receipt_is_checked_without_a_lake(home: Path, tmp_path: Path) -> None:
    request = tmp_path / "request.yaml"
    request.write_text("scope: origin\nvalues: [https://github.com/me/tool]\nclaimant: {contact: me@example.org}\n")
    submitted = run("opt-out", "submit", str(request), "--account", "me", "--json")
    [one] = json.loads(submitted.stdout)
    assert "nothing that the lake has now fits 'https://github.com/me/tool': look at its spelling" in submitted.stderr
    assert (one["state"], one["rung"]) == ("verified", "account")
    again = run("opt-out", "submit", str(request))
    assert again.exit_code == 2
    assert "asked for before" in again.output
    listed = json.loads(run("opt-out", "list", "--json").output)
    assert [row["id"] for row in listed["requests"]] == [one["id"]]
    assert "no release was made since" in run("opt-out", "prove", one["id"]).output
    assert run("opt-out", "withdraw", one["id"][:6]).output.split()[:2] == [one["id"], "withdrawn"]
    with instance(Settings.from_environment()) as recorder:
        assert [(made.job_name, made.status.value) for made in recorder.get_runs()] == [("opt_outs", "SUCCESS")] * 2
    junk = run("opt-out", "check", str(request), "--key", str(request))
    assert (junk.exit_code, junk.output) == (1, "refused: it is no DSSE envelope with one signature\n")


def test_a_request_that_only_discussions_fit_is_told_that_they_do(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = Lake.open(Settings.from_environment())
    origin = "https://github.com/me/talked"
    event = {"item": "2026-01-01-0", "id": "1", "repository_id": 1, "repository": "me/talked", "origin": origin, "kind": "issue"}
    table = pa.Table.from_pylist([event], pa.schema(TABLES["thread_event"].fields))
    lake.write_news({"thread_event": table}, "2026-01-01", "gharchive", "0" * 16)
    lake.log.record("2026-01-01", "gharchive", "raw_archive_slice", "passed", "0" * 16)
    asked = tuple(Request("origin", (one,)) for one in (origin, "https://github.com/me/nothing"))
    _tell_idle(lake, desk.submit(lake, Submission(asked, {"contact": "me@example.org"}), "2026-01-02T00:00:00Z"))
    talked, nothing = capsys.readouterr().err.splitlines()
    assert talked.endswith(f"no file that the lake has now fits, but discussions of {origin} do")
    assert nothing.endswith("nothing that the lake has now fits 'https://github.com/me/nothing': look at its spelling")


def test_a_copy_for_review_is_one_line_whatever_its_path_has_in_it() -> None:
    told = of_copy(Copy("same", "swh:1:cnt:a", "swh:1:cnt:a", "https://github.com/me/tool", "a\nb\x1b[31m\u202e.c", 1.0))
    assert told.endswith(r"/a\nb\x1b[31m\u202e.c: the same")
