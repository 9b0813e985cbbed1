# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""``codecommons``: the researcher's door.

Commands that change the lake run as recorded Dagster runs, so the UI shows them; the others import no Dagster, and `identify`
and `--help` nothing heavy at all. A command body reads its arguments, calls one library function and prints: logic here is a
defect.

Exit codes: 0 is ok, 1 is a failure (one line says which), 2 is a request that makes no sense.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import io
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codecommons.errors import CodeCommonsError, LakeError, UsageError, no_panic
from codecommons_dagster import lines

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from codecommons.datasets import Specification
    from codecommons.lake import Lake
    from codecommons.optout.standing import Standing
    from codecommons.report import StageReport
    from codecommons_dagster.instance import Finished

FORMATS = ("table", "csv", "json", "parquet")


class Door(click.Group):
    """A group whose errors are one clear line; tracebacks are for our own defects, and only with ``--debug``."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the options before the command; ``--help`` and ``--version`` print here."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise click.ClickException(f"{info_name}: {error.strerror or error}") from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            with no_panic():
                return super().invoke(ctx)
        except UsageError as error:
            raise click.UsageError(str(error)) from error
        except CodeCommonsError as error:
            raise click.ClickException(str(error)) from error
        except (click.exceptions.Exit, click.Abort, click.ClickException, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise click.ClickException(_in_one_line(error, ctx)) from error


def _in_one_line(error: Exception, ctx: click.Context) -> str:
    """What a person can do about an error that is none of ours: most come from a damaged table of the lake, or from a file."""
    if ctx.obj is not None:
        error = ctx.obj.told(error)
    if isinstance(error, CodeCommonsError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or ctx.command_path}: {error.strerror or error}"
    return f"unexpected {type(error).__name__}: {error}. This is a defect of ours; `codecommons --debug …` shows where"


def _example(text: str) -> str:
    """An epilog that keeps its lines."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in text.splitlines())


def _print_version(ctx: click.Context, option: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        click.echo(f"codecommons {version('codecommons')}")
        ctx.exit()


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")


@click.group(cls=Door, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, envvar="CODECOMMONS_DEBUG", help="Show the traceback of an unexpected error.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version.")
def main(debug: bool) -> None:
    """One shared harvest of source code: identified, qualified, and turned into training sets one can account for.

    Everything lives under CODECOMMONS_HOME (default: .codecommons in the current folder).
    """


@main.command(epilog=_example("codecommons identify README.md\ncodecommons identify --type dir src"))
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option(
    "--type", "kind", default="auto", show_default=True, metavar="auto|cnt|dir|rev|rel|snp", help="What to identify each path as."
)
@json_option
def identify(paths: tuple[str, ...], kind: str, as_json: bool) -> None:
    """Print the SWHID of files, directories and git repositories, one line each: SWHID, tab, path."""
    from codecommons.swhid.tree import identify_paths

    errors: list[str] = []

    def on_error(line: str) -> None:
        errors.append(line)
        _say(f"Error: {line}", err=True)

    for swhid, path in identify_paths(paths, kind, on_error):
        _say(json.dumps({"swhid": swhid, "path": path}) if as_json else f"{swhid}\t{path}")
    if errors:
        raise click.exceptions.Exit(1)


@main.command(
    epilog=_example(
        "codecommons ingest pypi:six==1.16.0 npm:left-pad@1.3.0\ncodecommons ingest git:.\ncodecommons ingest --day 2026-01-31"
    )
)
@click.argument("sources", nargs=-1, metavar="[SOURCE]…")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="The slice; today (UTC) unless given.")
@click.option("--from-file", type=click.Path(dir_okay=False, path_type=Path), help="Read more sources from a file, one a line.")
@click.option("--accept-terms", is_flag=True, help="Accept the terms of use of what is ingested, where a source has some.")
@json_option
def ingest(sources: tuple[str, ...], day: dt.datetime | None, from_file: Path | None, accept_terms: bool, as_json: bool) -> None:
    """Bring packages and repositories into a slice, and through every stage up to near-duplicates, as a Dagster run.

    SOURCE is pypi:NAME==VERSION, npm:NAME@VERSION, git:URL-or-path, swh:EXPORT, or a local path. Without any, the slice is made
    again from its recorded input: what is there already costs nothing, what failed is tried again. Exit code 1 when a stage
    failed, or nothing of what was asked for came in; one item of several that can't be had is told of, and no failure.
    """
    from codecommons import archive
    from codecommons.lake import Lake
    from codecommons.settings import Settings

    if not sources and from_file is None and day is None:
        raise click.UsageError("say what to ingest, such as pypi:six==1.16.0, or name the --day to make again")
    settings = Settings.from_environment()
    today = dt.datetime.now(dt.UTC).date()
    chosen = day.date() if day else today
    if not settings.first_day <= chosen <= today:
        raise click.UsageError(f"{chosen} is no slice of this lake: its slices go from {settings.first_day} to {today}")
    texts = [*sources, *(archive.read_package_list(from_file) if from_file else ())]
    requests = [archive.parse_request(text, settings) for text in texts]
    archive.settle_terms(requests, settings, accept_terms, _accepts if sys.stdin.isatty() else None)
    lake, slice_ = _watched(Lake.open(settings)), chosen.isoformat()
    asked = {f"{row.source}:{row.item}" for row in archive.add_inputs(lake, requests, slice_)} if requests else set()
    if not requests and not lake.log.sources(slice_):
        raise click.UsageError(f"nothing is recorded for {slice_}; say what to ingest")
    from codecommons_dagster.instance import run_job

    before = lake.runs()
    finished = run_job(settings, "ingest", slice_)
    reports = _reports(lake, slice_, before)
    nothing = bool(asked) and asked.issubset(one for report in reports for one in report.details.get("failed", ()))
    if as_json:
        done = {"slice": slice_, "run": finished.run_id, "ok": bool(finished) and not nothing}
        _say(_json({**done, "reports": [vars(report) for report in reports]}))
    else:
        _tell(reports)
    _finish(finished)
    if nothing:
        raise LakeError("nothing of what was asked for came in; `codecommons forget SOURCE…` takes back what was mistyped")


@main.command(epilog=_example("codecommons forget git:https://example.org/mistyped.git"))
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="The slice; today (UTC) unless given.")
def forget(sources: tuple[str, ...], day: dt.datetime | None) -> None:
    """Take items out of a slice that never came in, such as a mistyped one; else each run of the slice tries them again."""
    from codecommons import archive

    lake, slice_ = _lake(), (day.date() if day else dt.datetime.now(dt.UTC).date()).isoformat()
    for item in archive.forget_inputs(lake, sources, slice_):
        _say(f"forgotten  {item}")
    if lake.log.sources(slice_):
        _say(f"next: codecommons ingest --day {slice_}")


def _reports(lake: Lake, slice_: str, before: pl.DataFrame) -> list[StageReport]:
    """What the stages did for a slice since their runs were counted, stage by stage; not those that nothing came to."""
    from codecommons.report import STAGES

    # A dataset as of the day is told of where it is built.
    found = (one for one in lake.reports(before) if one.slice == slice_ and one.stage != STAGES[-1])
    told = (one for one in found if one.rows_in or one.stage == STAGES[0])
    return sorted(told, key=lambda one: (STAGES.index(one.stage), one.source))


def _tell(reports: list[StageReport]) -> None:
    """Print what stages did, and on standard error what they left out and what is worth a look."""
    for report in reports:
        _say(lines.of_report(report))
    for left_out in (line for report in reports for line in report.details.get("quarantined", ())):
        _say(f"left out  {left_out}", err=True)
    for remark in (line for report in reports for line in report.details.get("remarks", ())):
        _say(f"remark    {remark}", err=True)


@main.command(epilog=_example("codecommons follow --dry-run\ncodecommons follow my-group\ncodecommons follow --day 2026-01-31"))
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="The day; today (UTC) unless given.")
@click.option("--dry-run", is_flag=True, help="Say what is new, and change nothing.")
@json_option
def follow(names: tuple[str, ...], day: dt.datetime | None, dry_run: bool, as_json: bool) -> None:
    """List what sources.yaml in the home follows, and bring in what is new, as Dagster runs.

    A day that is over gets only what belongs to it, such as the versions that were uploaded on it. Exit code 1 when a source
    could not be listed to its end; what was listed before that is brought in, and the next listing goes on from there.
    """
    from codecommons import listing
    from codecommons.lake import Lake
    from codecommons.settings import Settings

    settings = Settings.from_environment()
    if not listing.followed(settings, names):
        raise click.UsageError(f"nothing is followed; say what is in {settings.home}/sources.yaml (see examples/sources.yaml)")
    lake, chosen = Lake.open(settings), (day.date() if day else dt.datetime.now(dt.UTC).date()).isoformat()
    runs: list[Finished] = []
    if dry_run:
        found = [dataclasses.asdict(one) for one in listing.follow(lake, chosen, names, dry_run=True)]
    else:
        from codecommons_dagster.instance import run_follow, run_job

        before = lake.runs()
        finished, found = run_follow(settings, chosen, names)
        slices = sorted({slice_ for one in found for slice_ in one["taken"]})
        runs = [finished, *(run_job(settings, "ingest", slice_) for slice_ in slices)]
    if as_json:
        _say(_json({"day": chosen, "runs": [run.run_id for run in runs], "ok": all(runs), "followed": found}))
    else:
        _say("\n".join(lines.of_followed(one) for one in found) or f"nothing that is followed says what belonged to {chosen}")
        for slice_ in sorted({slice_ for one in found for slice_ in one["taken"]}):
            _tell(_reports(lake, slice_, before))
    for run in runs:
        _finish(run)
    if any(one["error"] for one in found):
        raise click.exceptions.Exit(1)


@main.command(epilog=_example("codecommons annotate src --json"))
@click.argument("paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(exists=True))
@json_option
def annotate(paths: tuple[str, ...], as_json: bool) -> None:
    """Say what the annotators make of files and trees, without touching a lake."""
    from codecommons.annotate import annotate_files
    from codecommons.settings import Settings

    for row in annotate_files(paths, Settings.from_environment()):
        _say(json.dumps(row, ensure_ascii=False) if as_json else lines.of_annotations(row))


@main.command(
    epilog=_example(
        'codecommons sql "select swhid, lower(trim(from_utf8(filename))) from popular_content_name\n'
        "                 where lower(trim(from_utf8(filename))) LIKE '%.v'\"\n"
        "codecommons sql 'from file' --format parquet -o files.parquet\n"
        "codecommons sql 'show tables'"
    )
)
@click.argument("query")
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True, help="How to write the rows."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write to a file instead.")
def sql(query: str, format_: str, output: Path | None) -> None:
    """Ask the lake in SQL (DuckDB). `show tables` lists what can be asked. QUERY may be `-`, for standard input."""
    import duckdb

    if format_ == "parquet" and output is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for a terminal; say where with -o FILE")
    lake = _lake()
    with lake.sql() as connection:
        try:
            rows = connection.sql(sys.stdin.read() if query == "-" else query)
            if rows is not None:
                _write(connection, rows, format_, output)
        except duckdb.Error as error:
            damage = lake.told(error)
            if damage is not error:
                raise damage from error
            said = " ".join(str(error).partition("\n\nLINE ")[0].split())
            asked = isinstance(error, (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError))
            raise (UsageError(said) if asked else LakeError(said)) from error


def _write(connection: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, format_: str, output: Path | None) -> None:
    """Write rows to a file, which is there whole or not at all, or to standard output."""
    if output and not output.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {output.absolute().parent} to write {output.name} into")
    with tempfile.TemporaryDirectory(dir=output.absolute().parent if output else None, prefix=".codecommons-") as folder:
        made = Path(folder, "rows")
        if format_ == "table":
            made.write_text(_as_table(rows))
        else:
            options = {
                "csv": "format csv, header",
                "json": "format json, array true",
                "parquet": "format parquet, compression zstd",
            }[format_]
            connection.execute(f"copy (from rows) to '{str(made).replace(chr(39), chr(39) * 2)}' ({options})")
        if output:
            made.replace(output)
        else:
            with made.open("rb") as source:
                shutil.copyfileobj(source, sys.stdout.buffer)


def _as_table(rows: duckdb.DuckDBPyRelation) -> str:
    """DuckDB's box: fitted to a terminal, else with everything in it."""
    text, terminal = io.StringIO(), sys.stdout.isatty()
    with contextlib.redirect_stdout(text):
        if terminal:
            rows.show(max_width=max(100, shutil.get_terminal_size().columns), max_rows=40)
        else:
            rows.show(max_width=1_000_000, max_col_width=1_000_000, max_rows=1_000_000)
    return text.getvalue()


@main.command(epilog=_example("codecommons explain README.md\ncodecommons explain pkg:pypi/six --json"))
@click.argument("target", metavar="SWHID|PATH|ORIGIN")
@click.option("--limit", default=10, show_default=True, help="Lines of one section.")
@json_option
def explain(target: str, limit: int, as_json: bool) -> None:
    """Tell the whole story of one content, tree, release or origin: where it occurs, what was said and decided of it.

    Exit code 1 when the lake doesn't have it.
    """
    from codecommons import explain as stories

    story = stories.explain(_lake(), target)
    if as_json:
        _say(_json(story))
    elif story["known"] or story.get("path_occurrences"):
        _say(stories.render(story, limit))
    if not story["known"]:
        asked = "" if target == story["swhid"] else f" ({target})"
        raise LakeError(f"{story['swhid']}{asked} is not in the lake; `codecommons ingest SOURCE…` brings things in")


@main.command(epilog=_example("codecommons whence src/area.c\npbpaste | codecommons whence - --json"))
@click.argument("target", metavar="FILE|-|SWHID")
@click.option("--places", default=5, show_default=True, type=click.IntRange(1), help="Occurrences of each match.")
@json_option
def whence(target: str, places: int, as_json: bool) -> None:
    """Say where code comes from: the same bytes, the same text, or a similar one, with origin, licence and first occurrence.

    Exit code 1 when the lake has nothing like it. Whole files only.
    """
    from codecommons import whence as origins

    answer = origins.whence(_lake(), target, places)
    _say(_json(answer) if as_json else origins.render(answer))
    if not answer["found"]:
        raise click.exceptions.Exit(1)


@main.command(epilog=_example("codecommons status --json"))
@json_option
def status(as_json: bool) -> None:
    """Say what is broken now and what to run next. Exit code 1 when a stage has failed."""
    from codecommons import status as states

    state = states.status(_lake())
    _say(_json(state) if as_json else states.render(state))
    if not state["healthy"]:
        raise click.exceptions.Exit(1)


@main.command(epilog=_example("codecommons gc --dry-run\ncodecommons gc"))
@click.option("--dry-run", is_flag=True, help="Say what could go, and change nothing.")
@json_option
def gc(dry_run: bool, as_json: bool) -> None:
    """Free what killed processes left in the lake, and files that commits have replaced, as a Dagster run.

    Only what has been untouched for a day goes, and nothing that a process at work, or a reader who began within it, may need.
    """
    from codecommons.lake.garbage import garbage

    lake = _lake()
    found = garbage(lake)
    run = None
    if found and not dry_run:
        from codecommons_dagster.instance import run_job

        run = run_job(lake.settings, "gc")
    if as_json:
        _say(_json({"run": run.run_id if run else None, "freed": [dataclasses.asdict(one) for one in found]}))
    else:
        _say("\n".join(lines.of_garbage(found, dry_run)))
    if run:
        _finish(run)


@main.group(epilog=_example("codecommons dataset plan ./mine.yaml\ncodecommons dataset build ./mine.yaml"))
def dataset() -> None:
    """Training sets: size one up, build it, list and check releases.

    A dataset is a YAML file in CODECOMMONS_HOME/datasets; its name is the name of the file.
    """


@dataset.command(epilog=_example("codecommons dataset plan python-permissive\ncodecommons dataset plan ./mine.yaml --json"))
@click.argument("specification", metavar="NAME|FILE")
@json_option
def plan(specification: str, as_json: bool) -> None:
    """Say what a dataset would be, before building it: its size, languages and licences, and what each rule leaves out."""
    from codecommons import datasets

    planned = datasets.plan(_lake(), _specification(specification))
    _say(_json(dataclasses.asdict(planned)) if as_json else "\n".join(lines.of_plan(planned)))


@dataset.command(epilog=_example("codecommons dataset build python-permissive\ncodecommons dataset build ./mine.yaml"))
@click.argument("specification", metavar="NAME|FILE")
@json_option
def build(specification: str, as_json: bool) -> None:
    """Build a dataset as a Dagster run. A FILE is taken into CODECOMMONS_HOME/datasets first."""
    from codecommons import datasets

    lake = _lake()
    asked = _specification(specification)
    if Path(specification).suffix == ".yaml":
        datasets.keep_specification(lake.settings, Path(specification))
    from codecommons_dagster.instance import run_job

    finished = run_job(lake.settings, "dataset", asked.name)
    if finished:
        release = datasets.release(lake, asked.name)
        _say(_json(release.document) if as_json else lines.of_release(release, lake))
    _finish(finished)


@dataset.command("list", epilog=_example("codecommons dataset list --json"))
@json_option
def list_(as_json: bool) -> None:
    """List datasets and their releases."""
    from codecommons import datasets

    lake = _lake()
    releases = datasets.list_releases(lake)
    unreadable = datasets.unreadable(lake.settings)
    built = {one.name for one in releases}
    described = [name for name in datasets.names(lake.settings) if name not in {*built, *unreadable}]
    if as_json:
        waiting: list[dict[str, Any]] = [{"name": name, "fingerprint": None} for name in described]
        waiting += [{"name": name, "fingerprint": None, "error": why} for name, why in unreadable.items()]
        _say(_json([one.document for one in releases] + waiting))
        return
    if not releases and not described and not unreadable:
        _say(f"no datasets; describe one in {lake.settings.home / 'datasets'}/NAME.yaml (see examples/datasets)")
    for one in releases:
        _say(lines.of_release(one, lake))
    for name in described:
        _say(f"{name}  not built; next: codecommons dataset build {name}")
    for name, why in unreadable.items():
        _say(f"{name}  can't be built: {why}")


@dataset.command(
    epilog=_example("codecommons dataset verify python-permissive\ncodecommons dataset verify python-permissive --release 0a1b2c")
)
@click.argument("name")
@click.option("--release", "fingerprint", help="Fingerprint of the release, or how it begins; the last one unless given.")
@json_option
def verify(name: str, fingerprint: str | None, as_json: bool) -> None:
    """Prove that a release is what its fingerprint says, down to the bytes behind every row. Exit code 1 when it is not."""
    from codecommons import datasets

    found = datasets.verify(_lake(), name, fingerprint)
    if as_json:
        _say(_json({**dataclasses.asdict(found), "passed": found.passed}))
    else:
        for problem in found.problems:
            row = "" if problem.row is None else f" row {problem.row} ({problem.swhid})"
            _say(f"{problem.file}{row}: {problem.what}")
        _say(f"{found.name} {found.fingerprint[:12]}: {found.rows:,} rows, {len(found.problems) or 'no'} problems")
    if not found.passed:
        raise click.exceptions.Exit(1)


@dataset.command(
    epilog=_example("codecommons dataset reproduce python-permissive\ncodecommons dataset reproduce mine --release 0a1b2c --json")
)
@click.argument("name")
@click.option("--release", "fingerprint", help="Fingerprint of the release, or how it begins; the last one unless given.")
@json_option
def reproduce(name: str, fingerprint: str | None, as_json: bool) -> None:
    """Make a release again and compare it byte for byte; only what was opted out since may differ. Exit code 1 when more does."""
    from codecommons import datasets
    from codecommons.engine import local_engine

    lake = _lake()
    found = datasets.reproduce(lake, local_engine(lake.settings), name, fingerprint)
    _say(_json({**_moves(found), "passed": found.passed}) if as_json else "\n".join(lines.of_reproduction(found)))
    if not found.passed:
        raise click.exceptions.Exit(1)


@dataset.command(epilog=_example("codecommons dataset diff mine\ncodecommons dataset diff mine@0a1b2c mine@3d4e5f --json"))
@click.argument("older", metavar="NAME[@RELEASE]")
@click.argument("newer", metavar="[NAME[@RELEASE]]", required=False)
@json_option
def diff(older: str, newer: str | None, as_json: bool) -> None:
    """Say what came and what went between two releases, and why; of one dataset its last two, unless they are named."""
    from codecommons import datasets

    lake = _lake()
    if newer is None:
        releases = datasets.list_releases(lake, older.partition("@")[0])
        if "@" in older or len(releases) < 2:
            raise UsageError(f"{older} has no two releases to compare; name another one too, such as NAME@RELEASE")
        first, second = releases[-2:]
    else:
        first, second = (datasets.release(lake, *one.split("@", 1)) for one in (older, newer))
    found = datasets.releases_differ(lake, first, second)
    _say(_json(_moves(found)) if as_json else "\n".join(lines.of_difference(found, first, second)))


def _moves(found: Any) -> dict[str, Any]:
    """A finding whose rows name contents by SWHID."""
    told = dataclasses.asdict(found)
    for rows in told.values():
        for row in rows if isinstance(rows, tuple) else ():
            if isinstance(row, dict) and row["kept"] is not None:
                row["kept"] = f"swh:1:cnt:{row['kept'].hex()}"
    return told


@main.group("opt-out", epilog=_example("codecommons opt-out submit request.yaml\ncodecommons opt-out list"))
def opt_out() -> None:
    """Leave code out of every dataset from now on, at the wish of its authors, and prove that it is gone."""


@opt_out.command(
    epilog=_example("codecommons opt-out submit request.yaml\ncodecommons opt-out submit issue.md --account octocat")
)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--account", help="The forge account that the request came from, as you have seen it: NAME or HOST/NAME.")
@json_option
def submit(file: Path | None, account: str | None, as_json: bool) -> None:
    """Take in requests from a YAML or JSON file, or from the text of an issue that was made with BigCode's form.

    All of a file is taken, or nothing of it. Without a FILE, what lies in the home's opt-out/inbox is: each file once; what
    can't be understood goes to opt-out/refused, with the reason beside it. The daemon does that by itself.
    """
    from codecommons.lake import Lake
    from codecommons.optout import desk, inbox
    from codecommons.settings import Settings

    received = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    lake = _watched(Lake.open(Settings.from_environment()))
    if file is not None:
        found = desk.submit(lake, desk.read_requests(file.read_bytes(), file.name, account), received)
        _tell_standing(lake, found, as_json)
        return
    if account:
        raise click.UsageError("--account goes with a FILE; in the inbox, put the file into HOST/ACCOUNT")
    taken = list(inbox.take_in(lake, received))
    _tell_standing(lake, [one for each in taken for one in each.standings], as_json)
    if refused := [one.digest for one in taken if one.refused]:
        raise UsageError(
            f"{len(refused)} files can't be understood: {lake.settings.opt_out / 'refused' / refused[0]}.reason.txt says why"
        )


@opt_out.command(
    "verify",
    epilog=_example('codecommons opt-out verify 0a1b2c\ncodecommons opt-out verify 0a1b2c --saw "mail of 3 May, by A. N."'),
)
@click.argument("request")
@click.option("--saw", help="What a person saw that shows it, instead of looking for the challenge in the archive.")
@click.option("--refuse", "refused", metavar="WHY", help="Refuse the request instead.")
@json_option
def verify_request(request: str, saw: str | None, refused: str | None, as_json: bool) -> None:
    """Verify a request by its identifier in the file .codecommons-opt-out of the archived code, or by what a person saw."""
    from codecommons.archive.views import visited_trees
    from codecommons.optout import desk

    if saw and refused:
        raise click.UsageError("either --saw or --refuse")
    lake = _lake()
    found = desk.refuse(lake, request, refused) if refused else desk.verify(lake, request, visited_trees(lake), saw)
    _tell_standing(lake, [found], as_json)


@opt_out.command("list", epilog=_example("codecommons opt-out list\ncodecommons opt-out list 0a1b2c --json"))
@click.argument("request", required=False)
@json_option
def list_requests(request: str | None, as_json: bool) -> None:
    """List requests, where they stand and which releases apply them; of one REQUEST, also copies elsewhere, for review."""
    from codecommons.archive.views import visited_trees
    from codecommons.datasets import list_releases
    from codecommons.optout import desk, ledger, reach
    from codecommons.optout.standing import one_of

    lake = _lake()
    book = ledger.read(lake)
    shown = [one_of(book.standings, request)] if request else list(book.standings.values())
    releases = {f"{one.name}/{one.fingerprint[:12]}": one.document["inputs"].get("opt_out") for one in list_releases(lake)}
    applied = desk.applied(book, releases)
    copies = list(reach.review(lake, shown[0], visited_trees(lake))) if request else []
    if as_json:
        rows = [{**dataclasses.asdict(one), "applied": applied[one.id]} for one in shown]
        found = {"review": [dataclasses.asdict(one) for one in copies]} if request else {}
        _say(_json({"head": book.head, "entries": len(book.entries), "requests": rows, **found}))
        return
    for one in shown:
        _say(lines.of_standing(one, applied[one.id]))
    for copy in copies:
        _say(lines.of_copy(copy))
    _say(f"{len(book.standings)} requests in {len(book.entries)} entries; head {book.head[:12]}")


@opt_out.command(epilog=_example('codecommons opt-out withdraw 0a1b2c --why "by mail of 3 May"'))
@click.argument("request")
@click.option("--why", default="withdrawn by the claimant", show_default=True)
@json_option
def withdraw(request: str, why: str, as_json: bool) -> None:
    """Take a request back: what it left out comes back with the next release."""
    from codecommons.optout import desk

    lake = _lake()
    _tell_standing(lake, [desk.withdraw(lake, request, why)], as_json)


@opt_out.command(
    epilog=_example(
        'codecommons opt-out takedown swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2 --reason secret --why "mail of 3 May"\n'
        'codecommons opt-out takedown --request 0a1b2c --reason personal-data --why "decision of 4 May" --dry-run\n'
        "codecommons opt-out takedown --others-stopped"
    )
)
@click.argument("swhids", nargs=-1, metavar="[SWHID]...")
@click.option("--request", help="Instead of SWHIDs: all that a request of the ledger is about and that is nowhere else.")
@click.option("--reason", help="personal-data, secret or illegal.")
@click.option("--why", help="A line for the ledger, where it stands for ever: not a word of what is erased.")
@click.option("--others-stopped", is_flag=True, help="Your word that nothing else works on the lake: what was staged is removed.")
@click.option("--dry-run", is_flag=True, help="Say which contents it is about, and change nothing.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@json_option
def takedown(
    swhids: tuple[str, ...],
    request: str | None,
    reason: str | None,
    why: str | None,
    others_stopped: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase contents for ever: bytes, annotations, old versions of tables, published shards, caches. They are refused then.

    For operators, and for personal data, secrets and illegal content; what authors merely want left out is an opt-out. A
    directory stands for what is nowhere but below it. Without arguments, what was begun and not finished is. Say nothing that
    gives it away: the ledger is kept.
    """
    from codecommons.archive.views import visited_trees
    from codecommons.optout import ledger
    from codecommons.optout.standing import one_of
    from codecommons.optout.takedown import covered, operation

    lake = _lake()
    begun = operation.unfinished(lake)
    if swhids or request:
        if bool(swhids) == bool(request) or not reason or not why:
            raise click.UsageError("give either SWHIDs or --request, and with them --reason and --why")
        if request:
            asked = one_of(ledger.read(lake).standings, request)
            found = covered.by_request(lake, asked, visited_trees(lake))
        else:
            found = covered.by_name(lake, swhids)
        _say("\n".join(lines.of_covered(found)), err=True)
        if dry_run:
            return
        if not yes and not click.confirm("Erase them? Nothing brings them back", err=True):
            raise click.Abort
        operation.require_quiet(lake, others_stopped)
        received = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        one = operation.begin(lake, found.swhids, reason, why, received, asked.id if request else None)
        begun = [*(other for other in begun if other.id != one.id), one]
    done = [operation.carry_out(lake, one, others_stopped, lambda place: _say(f"  {place}", err=True)) for one in begun]
    _say(_json([dataclasses.asdict(one) for one in done]) if as_json else "\n".join(lines.of_takedowns(done)))


@opt_out.command(epilog=_example("codecommons opt-out prove 0a1b2c -o receipt.json"))
@click.argument("request")
@click.option("-o", "--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write to a file instead.")
def prove(request: str, output: Path | None) -> None:
    """Make a signed receipt: the request, the releases made since, and proofs that what it is about is not in them.

    Publish CODECOMMONS_HOME/keys/receipts.pub.pem: receipts are checked with it. CODECOMMONS_SIGNING_KEY names a key of your own.
    """
    from codecommons.archive.views import visited_trees
    from codecommons.datasets.releases import published
    from codecommons.optout import receipts

    lake = _lake()
    receipt = receipts.prove(lake, request, visited_trees(lake), published(lake))
    if output:
        output.write_bytes(receipt)
    else:
        sys.stdout.buffer.write(receipt)


@opt_out.command(epilog=_example("codecommons opt-out check receipt.json --key receipts.pub.pem"))
@click.argument("receipt", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The published key, PEM."
)
@json_option
def check(receipt: Path, key: Path, as_json: bool) -> None:
    """Check a receipt against the published key; no lake is needed. Exit code 1 when it doesn't hold."""
    from codecommons.optout.check import check as checked

    found = checked(receipt.read_bytes(), key.read_bytes())
    _say(_json({**dataclasses.asdict(found), "passed": not found.problems}) if as_json else "\n".join(lines.of_receipt(found)))
    if found.problems:
        raise click.exceptions.Exit(1)


def _tell_standing(lake: Lake, found: list[Standing], as_json: bool) -> None:
    """Tell where requests stand now; a run records it for the UI and says which releases hold what is out by now."""
    from codecommons_dagster.instance import run_job

    _say(_json([dataclasses.asdict(one) for one in found]) if as_json else "\n".join(lines.of_standing(one) for one in found))
    finished = run_job(lake.settings, "opt_outs")
    for warning in finished.warnings:
        _say(warning, err=True)
    _finish(finished)


def _specification(name: str) -> Specification:
    """The specification of that name, or in that file."""
    from codecommons import datasets
    from codecommons.datasets.specification import parse
    from codecommons.settings import Settings

    if Path(name).suffix == ".yaml":
        return parse(Path(name).read_bytes(), Path(name).stem)
    return datasets.specification(Settings.from_environment(), name)


def _finish(finished: Finished) -> None:
    """End with what made a run fail."""
    if not finished:
        said = "\n".join(finished.failures)
        raise click.ClickException(f"{said}\nThe run is {finished.run_id}; `codecommons status` says how to go on")


def _accepts(terms: str) -> bool:
    """Show terms of use to a person and ask whether they accept them."""
    _say(terms, err=True)
    return click.confirm("Do you accept them?", err=True)


def _lake() -> Lake:
    """The lake, which must be there: a reader creates nothing."""
    from codecommons.lake import Lake
    from codecommons.lake.storage import Storage, lake_errors
    from codecommons.settings import Settings

    settings = Settings.from_environment()
    storage = Storage(settings)
    with lake_errors(f"opening the lake {settings.lake}"):
        if not storage.fs.exists(storage.path("lake.json")):
            raise LakeError(
                f"there is no lake at {settings.lake}; `codecommons ingest` makes one, "
                "CODECOMMONS_HOME and CODECOMMONS_LAKE say where"
            )
    return _watched(Lake.open(settings))


def _watched(lake: Lake) -> Lake:
    """The lake, which an error is looked up in if the command ends with one."""
    click.get_current_context().find_root().obj = lake
    return lake


def _say(text: str, err: bool = False) -> None:
    """Print text that may hold names of files, which need not be UTF-8: such bytes go out as they came in."""
    click.echo(text.encode("utf-8", "surrogateescape"), err=err)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
