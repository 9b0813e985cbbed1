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
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codecommons.errors import CodeCommonsError, LakeError, UsageError, no_panic
from codecommons_dagster import lines
from codecommons_dagster.dataset_commands import dataset
from codecommons_dagster.lake_commands import lake
from codecommons_dagster.opt_out_commands import opt_out
from codecommons_dagster.terminal import example, finish, json_option, open_lake, say, tell_unreadable, to_json, watched

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from codecommons.lake import Lake
    from codecommons.report import StageReport
    from codecommons.settings import Settings
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


def _print_version(ctx: click.Context, option: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        click.echo(f"codecommons {version('codecommons')}")
        ctx.exit()


@click.group(cls=Door, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, envvar="CODECOMMONS_DEBUG", help="Show the traceback of an unexpected error.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version.")
def main(debug: bool) -> None:
    """One shared harvest of source code: identified, qualified, and turned into training sets one can account for.

    Everything lives under CODECOMMONS_HOME (default: .codecommons in the current folder).
    """


@main.command(epilog=example("codecommons identify README.md\ncodecommons identify --type dir src"))
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
        say(f"Error: {line}", err=True)

    for swhid, path in identify_paths(paths, kind, on_error):
        say(json.dumps({"swhid": swhid, "path": path}) if as_json else f"{swhid}\t{path}")
    if errors:
        raise click.exceptions.Exit(1)


@main.command(
    epilog=example(
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
    if today < settings.first_day:
        raise click.UsageError(f"this machine's clock says {today}, and the lake begins on {settings.first_day}: set the clock")
    if not settings.first_day <= chosen <= today:
        raise click.UsageError(f"{chosen} is no slice of this lake: its slices go from {settings.first_day} to {today}")
    texts = [*sources, *(archive.read_package_list(from_file) if from_file else ())]
    requests = [archive.parse_request(text, settings) for text in texts]
    archive.settle_terms(requests, settings, accept_terms, _accepts if sys.stdin.isatty() else None)
    lake, slice_ = watched(Lake.open(settings)), chosen.isoformat()
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
        say(to_json({**done, "reports": [vars(report) for report in reports]}))
    else:
        _tell(reports)
    finish(finished)
    if nothing:
        raise LakeError("nothing of what was asked for came in; `codecommons forget SOURCE…` takes back what was mistyped")


@main.command(epilog=example("codecommons forget git:https://example.org/mistyped.git"))
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="The slice; today (UTC) unless given.")
def forget(sources: tuple[str, ...], day: dt.datetime | None) -> None:
    """Take items out of a slice that never came in, such as a mistyped one; else each run of the slice tries them again.

    Of a day that has not come, which a wrong clock has made, everything can be taken out.
    """
    from codecommons import archive

    lake, slice_ = open_lake(), (day.date() if day else dt.datetime.now(dt.UTC).date()).isoformat()
    for item in archive.forget_inputs(lake, sources, slice_):
        say(f"forgotten  {item}")
    if lake.log.sources(slice_):
        say(f"next: codecommons ingest --day {slice_}")


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
        say(lines.of_report(report))
    for left_out in (line for report in reports for line in report.details.get("quarantined", ())):
        say(f"left out  {left_out}", err=True)
    for remark in (line for report in reports for line in report.details.get("remarks", ())):
        say(f"remark    {remark}", err=True)


@main.command(epilog=example("codecommons follow --dry-run\ncodecommons follow my-group\ncodecommons follow --day 2026-01-31"))
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
        say(to_json({"day": chosen, "runs": [run.run_id for run in runs], "ok": all(runs), "followed": found}))
    else:
        say("\n".join(lines.of_followed(one) for one in found) or f"nothing that is followed says what belonged to {chosen}")
        for slice_ in sorted({slice_ for one in found for slice_ in one["taken"]}):
            _tell(_reports(lake, slice_, before))
    for run in runs:
        finish(run)
    if any(one["error"] for one in found):
        raise click.exceptions.Exit(1)


@main.command(epilog=example("codecommons annotate src --json"))
@click.argument("paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(exists=True))
@json_option
def annotate(paths: tuple[str, ...], as_json: bool) -> None:
    """Say what the annotators make of files and trees, without touching a lake."""
    from codecommons.annotate import annotate_files
    from codecommons.settings import Settings

    for row in annotate_files(paths, Settings.from_environment()):
        say(json.dumps(row, ensure_ascii=False) if as_json else lines.of_annotations(row))


@main.command(
    epilog=example(
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
    lake = open_lake()
    tell_unreadable(lake)
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
            said = _about_marts(said, lake.settings)
            asked = isinstance(error, (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError))
            raise (UsageError(said) if asked else LakeError(said)) from error


def _about_marts(said: str, settings: Settings) -> str:
    """What DuckDB said, or what it can't know: that the table it misses is a mart which nobody has made yet."""
    from codecommons_dagster.setup import dbt_project

    missing = re.match(r"Catalog Error: Table with name (\w+) does not exist", said)
    if missing is None or not (dbt_project(settings).project / "models" / "marts" / f"{missing[1].lower()}.sql").is_file():
        return said
    how = "the job `marts` does that, every night or when it is launched in the web interface"
    return f"{missing[1]} is a mart, and not made yet: {how}"


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


@main.command(epilog=example("codecommons explain README.md\ncodecommons explain pkg:pypi/six --json"))
@click.argument("target", metavar="SWHID|PATH|ORIGIN")
@click.option("--limit", default=10, show_default=True, help="Lines of one section.")
@json_option
def explain(target: str, limit: int, as_json: bool) -> None:
    """Tell the whole story of one content, tree, release or origin: where it occurs, what was said and decided of it.

    Exit code 1 when the lake doesn't have it.
    """
    from codecommons import explain as stories

    lake = open_lake()
    tell_unreadable(lake)
    story = stories.explain(lake, target)
    if as_json:
        say(to_json(story))
    elif story["known"] or story.get("path_occurrences"):
        say(stories.render(story, limit))
    if not story["known"]:
        asked = "" if target == story["swhid"] else f" ({target})"
        raise LakeError(f"{story['swhid']}{asked} is not in the lake; `codecommons ingest SOURCE…` brings things in")


@main.command(epilog=example("codecommons whence src/area.c\npbpaste | codecommons whence - --json"))
@click.argument("target", metavar="FILE|-|SWHID")
@click.option("--places", default=5, show_default=True, type=click.IntRange(1), help="Occurrences of each match.")
@json_option
def whence(target: str, places: int, as_json: bool) -> None:
    """Say where code comes from: the same bytes, the same text, or a similar one, with origin, licence and first occurrence.

    Exit code 1 when the lake has nothing like it. Whole files only.
    """
    from codecommons import whence as origins

    lake = open_lake()
    tell_unreadable(lake)
    answer = origins.whence(lake, target, places)
    say(to_json(answer) if as_json else origins.render(answer))
    if not answer["found"]:
        raise click.exceptions.Exit(1)


@main.command(epilog=example("codecommons status --runs\ncodecommons status --json"))
@click.option("--runs", is_flag=True, help="Runs, too, that broke without a word in the lake. It takes Dagster's time to start.")
@json_option
def status(runs: bool, as_json: bool) -> None:
    """Say what is broken now and what to run next. Exit code 1 when a stage or, with --runs, a run has failed."""
    from codecommons import status as states

    lake = open_lake()
    state = states.status(lake)
    if runs:
        from codecommons_dagster.alerts import broken_runs
        from codecommons_dagster.instance import instance

        with instance(lake.settings) as recorder:
            state["runs"] = [dataclasses.asdict(one) for one in broken_runs(recorder, lake.settings)]
        state["healthy"] = state["healthy"] and not state["runs"]
    say(to_json(state) if as_json else states.render(state))
    if not state["healthy"]:
        raise click.exceptions.Exit(1)


@main.command(epilog=example("codecommons estimate 2026-01-01 2026-01-31"))
@click.argument("first", type=click.DateTime(["%Y-%m-%d"]), metavar="FIRST")
@click.argument("last", type=click.DateTime(["%Y-%m-%d"]), required=False, metavar="[LAST]")
@json_option
def estimate(first: dt.datetime, last: dt.datetime | None, as_json: bool) -> None:
    """Say what a backfill of some days will take, stage by stage: time, disk and money, by what earlier slices took.

    Prices are CODECOMMONS_CORE_HOUR and CODECOMMONS_GIGABYTE_MONTH.
    """
    from codecommons import costs

    days = [day.date().isoformat() for day in (first, last or first)]
    found = costs.estimate(open_lake(), *days)
    say(to_json({**dataclasses.asdict(found), "total": vars(found.total)}) if as_json else "\n".join(lines.of_estimate(found)))


@main.command(epilog=example("codecommons gc --dry-run\ncodecommons gc"))
@click.option("--dry-run", is_flag=True, help="Say what could go, and change nothing.")
@json_option
def gc(dry_run: bool, as_json: bool) -> None:
    """Free what killed processes left in the lake, and files and attempts that others have replaced, as a Dagster run.

    Only what has been untouched for a day goes, and nothing that a process at work, a reader who began within it, or a published
    release may need.
    """
    from codecommons.upkeep import removable

    lake = open_lake()
    found = removable(lake)
    run = None
    if found and not dry_run:
        from codecommons_dagster.instance import run_job

        run = run_job(lake.settings, "gc")
    if as_json:
        say(to_json({"run": run.run_id if run else None, "freed": [dataclasses.asdict(one) for one in found]}))
    else:
        say("\n".join(lines.of_garbage(found, dry_run)))
    if run:
        finish(run)


def _accepts(terms: str) -> bool:
    """Show terms of use to a person and ask whether they accept them."""
    say(terms, err=True)
    return click.confirm("Do you accept them?", err=True)


main.add_command(dataset)
main.add_command(lake)
main.add_command(opt_out)
