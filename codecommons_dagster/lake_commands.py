# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""``codecommons lake``: is it whole, put it right, keep it small, copy it away and back."""

from __future__ import annotations

import dataclasses
import sys
from contextlib import closing

import click

from codecommons_dagster import lines
from codecommons_dagster.terminal import example, finish, json_option, open_lake, say, to_json


@click.group(epilog=example("codecommons lake verify --all\ncodecommons lake backup s3://backups/codecommons"))
def lake() -> None:
    """Look after the lake: verify and repair it, merge small files, back it up and restore it."""


@lake.command(epilog=example("codecommons lake verify\ncodecommons lake verify --all --json\ncodecommons lake verify --seed 7"))
@click.option("--all", "everything", is_flag=True, help="Read every page, hash every content, directory and file of a release.")
@click.option("--seed", default=0, show_default=True, help="Chooses the sample: another seed looks at other files.")
@json_option
def verify(everything: bool, seed: int, as_json: bool) -> None:
    """Check that every table can be read, references lead somewhere, and bytes are what their names say.

    Without --all, pages and bytes of a sample are read (256 MB), and the log, size and footer of every file. Exit code 1 when
    anything is wrong; each line names the table and file, and the command that puts it right.
    """
    from codecommons.engine import local_engine
    from codecommons.upkeep import verify as look

    opened = open_lake()
    with closing(local_engine(opened.settings)) as engine:
        found = look(opened, engine, everything, seed)
    say(to_json({"ok": found.passed, **dataclasses.asdict(found)}) if as_json else "\n".join(lines.of_verified(found)))
    if not found.passed:
        raise click.exceptions.Exit(1)


@lake.command(epilog=example("codecommons lake repair --dry-run\ncodecommons lake repair"))
@click.option("--dry-run", is_flag=True, help="Say what is wrong, and change nothing.")
@click.option("--others-stopped", is_flag=True, help="Your word that nothing else works on the lake.")
@json_option
def repair(dry_run: bool, others_stopped: bool, as_json: bool) -> None:
    """Take out what is damaged and make it again from the raw slices, as a Dagster run.

    Everything is read first, as by `verify --all`. Nothing is deleted. What slices consist of, what was listed and the opt-out
    ledger can't be made again: restore these from a backup. Exit code 1 when something is left.
    """
    if dry_run:
        context = click.get_current_context()
        context.invoke(verify, everything=True, seed=0, as_json=as_json)
        return
    from codecommons_dagster.instance import run_upkeep

    config = {"ops": {"put_right": {"config": {"others_stopped": others_stopped}}}}
    run, told = run_upkeep(open_lake().settings, "repair", config)
    finish(run)
    made = (*told["slices"].values(), *told["releases"].values())
    whole = not told["left"] and all(said == "passed" for said in made)
    say(to_json({"run": run.run_id, "ok": whole, **told}) if as_json else "\n".join(lines.of_repaired(told)))
    if not whole:
        raise click.exceptions.Exit(1)


@lake.command(epilog=example("codecommons lake compact\ncodecommons lake compact --most 1"))
@click.option("--most", default=32, show_default=True, type=click.IntRange(1), help="Files that a bucket of a table may have.")
@json_option
def compact(most: int, as_json: bool) -> None:
    """Merge the files of buckets that have many, as a Dagster run; no row changes, and readers at the same time go on.

    It happens by itself above 32 files. The files that were merged go with the next `codecommons gc`, a day later.
    """
    from codecommons_dagster.instance import run_upkeep

    run, told = run_upkeep(open_lake().settings, "compact", {"ops": {"merge_files": {"config": {"most": most}}}})
    if as_json:
        say(to_json({"run": run.run_id, "files": told}))
    else:
        merged = [f"{name}  {before:,} files became {after:,}" for name, (before, after) in told.items()]
        say("\n".join(merged) or f"no bucket has more than {most} files")
    finish(run)


@lake.command(epilog=example("codecommons lake backup /mnt/backup/codecommons\ncodecommons lake backup s3://backups/codecommons"))
@click.argument("dest", metavar="DEST")
@click.option("--list", "listing", is_flag=True, help="Say which backups there are, and make none.")
@json_option
def backup(dest: str, listing: bool, as_json: bool) -> None:
    """Copy the lake to a folder or an S3 prefix, consistent while others write; only what is new since the last one.

    Specifications, policies and sources.yaml of the home are in it. Keys, requests to opt out and caches are not.
    """
    from codecommons.settings import Settings
    from codecommons.upkeep import backup as copy
    from codecommons.upkeep import backups

    made = backups(Settings.from_environment(), dest) if listing else [copy(open_lake(), dest, tell=_tell)]
    say(to_json([dataclasses.asdict(one) for one in made]) if as_json else "\n".join(map(lines.of_backup, made)))


@lake.command(epilog=example("codecommons lake restore /mnt/backup\ncodecommons lake restore /mnt/backup --backup 2026-01-31"))
@click.argument("dest", metavar="DEST")
@click.option("--backup", "name", metavar="NAME", help="Which one, or how it begins; the newest unless given.")
@json_option
def restore(dest: str, name: str | None, as_json: bool) -> None:
    """Make the lake that CODECOMMONS_HOME and CODECOMMONS_LAKE name from a backup; nothing is overwritten.

    Every file is checked against the digest it was copied with. What was taken down since the backup comes back with it: carry
    those takedowns out again.
    """
    from codecommons.settings import Settings
    from codecommons.upkeep import restore as bring

    settings = Settings.from_environment()
    done = bring(settings, dest, name, _tell)
    say(to_json(dataclasses.asdict(done)) if as_json else f"restored {lines.of_backup(done)} to {settings.lake}")


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        say(text, err=True)
