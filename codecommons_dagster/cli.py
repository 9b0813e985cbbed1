"""``codecommons``: the researcher's door.

Commands that change the lake run as recorded Dagster runs, so the UI shows them; the others import no Dagster, and `identify`
and `--help` nothing heavy at all. A command body reads its arguments, calls one library function and prints: logic here is a
defect.

Exit codes: 0 is ok, 1 is a failure (one line says which), 2 is a request that makes no sense.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codecommons.errors import CodeCommonsError, LakeError, UsageError

if TYPE_CHECKING:
    import duckdb

    from codecommons.lake import Lake

FORMATS = ("table", "csv", "json", "parquet")


class Door(click.Group):
    """A group whose errors are one clear line; tracebacks are for our own defects, and only with ``--debug``."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise click.UsageError(str(error)) from error
        except CodeCommonsError as error:
            raise click.ClickException(str(error)) from error
        except (click.exceptions.Exit, click.Abort, click.ClickException, BrokenPipeError):
            raise
        except OSError as error:
            raise click.ClickException(f"{error.filename or ctx.command_path}: {error.strerror or error}") from error
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise click.ClickException(
                f"unexpected {type(error).__name__}: {error}. This is a defect of ours; `codecommons --debug …` shows where"
            ) from error


def _example(text: str) -> str:
    """An epilog that keeps its lines."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in text.splitlines())


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")


@click.group(cls=Door, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, envvar="CODECOMMONS_DEBUG", help="Show the traceback of an unexpected error.")
@click.version_option(package_name="codecommons", prog_name="codecommons")
def main(debug: bool) -> None:
    """One shared harvest of source code: identified, qualified, and turned into training sets one can account for.

    Everything lives under CODECOMMONS_HOME (default: .codecommons in the current folder).
    """


@main.command(epilog=_example("codecommons identify README.md\ncodecommons identify --type dir src"))
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--type", "kind", default="auto", show_default=True, metavar="auto|cnt|dir|rev|rel|snp", help="What to identify each path as.")
@json_option
def identify(paths: tuple[str, ...], kind: str, as_json: bool) -> None:
    """Print the SWHID of files, directories and git repositories, one line each: SWHID, tab, path."""
    from codecommons.swhid.tree import identify_paths

    errors: list[str] = []

    def on_error(line: str) -> None:
        errors.append(line)
        click.echo(f"Error: {line}", err=True)

    for swhid, path in identify_paths(paths, kind, on_error):
        click.echo(json.dumps({"swhid": swhid, "path": path}) if as_json else f"{swhid}\t{path}")
    if errors:
        raise click.exceptions.Exit(1)


@main.command(
    epilog=_example("codecommons ingest pypi:six==1.16.0 npm:left-pad@1.3.0\ncodecommons ingest git:.\ncodecommons ingest --day 2026-01-31")
)
@click.argument("sources", nargs=-1, metavar="[SOURCE]…")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The slice; today (UTC) unless given.")
@click.option("--from-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Read more sources from a file, one a line.")
@json_option
def ingest(sources: tuple[str, ...], day: dt.datetime | None, from_file: Path | None, as_json: bool) -> None:
    """Bring packages and repositories into a slice, and through every stage up to near-duplicates, as a Dagster run.

    SOURCE is pypi:NAME==VERSION, npm:NAME@VERSION, git:URL-or-path, or a local path. Without any, the slice is made again from
    its recorded input: what is there already costs nothing, what failed is tried again.
    """
    from codecommons import archive
    from codecommons.lake import Lake
    from codecommons.settings import Settings

    if not sources and from_file is None and day is None:
        raise click.UsageError("say what to ingest, such as pypi:six==1.16.0, or name the --day to make again")
    settings = Settings.from_environment()
    slice_ = (day.date() if day else dt.datetime.now(dt.UTC).date()).isoformat()
    lake = Lake.open(settings)
    if sources or from_file:
        archive.add_inputs(lake, slice_, sources, from_file)
    elif not lake.log.sources(slice_):
        raise click.UsageError(f"nothing is recorded for {slice_}; say what to ingest")
    from codecommons_dagster.instance import run_job

    ok = run_job(settings, "ingest", slice_)
    reports = [report for report in lake.reports() if report.slice == slice_]
    _print_reports(reports, as_json)
    if not ok:
        raise click.ClickException(f"the run of {slice_} failed; `codecommons status` says what and how to go on")


@main.command(epilog=_example("codecommons annotate src --json"))
@click.argument("paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(exists=True))
@json_option
def annotate(paths: tuple[str, ...], as_json: bool) -> None:
    """Say what the annotators make of files and trees, without touching a lake."""
    from codecommons.annotate import annotate_files
    from codecommons.settings import Settings

    for row in annotate_files(paths, Settings.from_environment()):
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else _annotated_line(row))


@main.command(
    epilog=_example(
        "codecommons sql \"select swhid, lower(trim(from_utf8(filename))) from popular_content_name\n"
        "                 where lower(trim(from_utf8(filename))) LIKE '%.v'\"\n"
        "codecommons sql 'from file' --format parquet -o files.parquet\n"
        "codecommons sql 'show tables'"
    )
)
@click.argument("query")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True, help="How to write the rows.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write to a file instead.")
def sql(query: str, format_: str, output: Path | None) -> None:
    """Ask the lake in SQL (DuckDB). `show tables` lists what can be asked. QUERY may be `-`, for standard input."""
    import duckdb

    if format_ == "parquet" and output is None and click.get_binary_stream("stdout").isatty():
        raise click.UsageError("Parquet is not for a terminal; say where with -o FILE")
    with _lake().sql() as connection:
        try:
            rows = connection.sql(click.get_text_stream("stdin").read() if query == "-" else query)
            if rows is not None:
                _write(connection, rows, format_, output)
        except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError) as error:
            raise UsageError(" ".join(str(error).partition("\n\nLINE ")[0].split())) from error


def _write(connection: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, format_: str, output: Path | None) -> None:
    """Write rows to a file, which is there whole or not at all, or to standard output."""
    suffix = f".{format_}"
    with tempfile.TemporaryDirectory(dir=output.absolute().parent if output else None, prefix=".codecommons-") as folder:
        made = Path(folder, f"rows{suffix}")
        if format_ == "table":
            made.write_text(_as_table(rows))
        else:
            options = {"csv": "format csv, header", "json": "format json, array true", "parquet": "format parquet, compression zstd"}[format_]
            connection.execute(f"copy (from rows) to '{str(made).replace(chr(39), chr(39) * 2)}' ({options})")
        if output:
            made.replace(output)
        else:
            with made.open("rb") as source:
                shutil.copyfileobj(source, click.get_binary_stream("stdout"))


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
    """Tell the whole story of one content, tree, release, snapshot or origin: where it occurs, what was said and decided of it."""
    from codecommons import explain as stories

    story = stories.explain(_lake(), target)
    click.echo(_json(story) if as_json else stories.render(story, limit))


@main.command(epilog=_example("codecommons status --json"))
@json_option
def status(as_json: bool) -> None:
    """Say what is broken now and what to run next. Exit code 1 when a stage has failed."""
    from codecommons import status as states

    state = states.status(_lake())
    click.echo(_json(state) if as_json else states.render(state))
    if not state["healthy"]:
        raise click.exceptions.Exit(1)


@main.group()
def dataset() -> None:
    """Describe, size up, build and check training sets."""


def _lake() -> Lake:
    """The lake, which must be there: a reader creates nothing."""
    from codecommons.lake import Lake
    from codecommons.lake.storage import Storage, lake_errors
    from codecommons.settings import Settings

    settings = Settings.from_environment()
    storage = Storage(settings)
    with lake_errors(f"opening the lake {settings.lake}"):
        if not storage.fs.exists(storage.path("lake.json")):
            raise LakeError(f"there is no lake at {settings.lake}; `codecommons ingest` makes one, CODECOMMONS_HOME and CODECOMMONS_LAKE say where")
    return Lake.open(settings)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
