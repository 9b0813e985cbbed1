# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""``codecommons dataset``: training sets, from the plan to the proof."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codecommons.errors import UsageError
from codecommons_dagster import lines
from codecommons_dagster.terminal import example, finish, json_option, open_lake, say, to_json

if TYPE_CHECKING:
    from codecommons.datasets import Specification

release_option = click.option(
    "--release", "fingerprint", help="Fingerprint of the release, or how it begins; the last one unless given."
)


@click.group(epilog=example("codecommons dataset plan ./mine.yaml\ncodecommons dataset build ./mine.yaml"))
def dataset() -> None:
    """Training sets: size one up, build it, list and check releases.

    A dataset is a YAML file in CODECOMMONS_HOME/datasets; its name is the name of the file.
    """


@dataset.command(epilog=example("codecommons dataset plan python-permissive\ncodecommons dataset plan ./mine.yaml --json"))
@click.argument("specification", metavar="NAME|FILE")
@json_option
def plan(specification: str, as_json: bool) -> None:
    """Say what a dataset would be, before building it: its size, languages and licences, and what each rule leaves out."""
    from codecommons import datasets

    planned = datasets.plan(open_lake(), _specification(specification))
    say(to_json(dataclasses.asdict(planned)) if as_json else "\n".join(lines.of_plan(planned)))


@dataset.command(epilog=example("codecommons dataset build python-permissive\ncodecommons dataset build ./mine.yaml"))
@click.argument("specification", metavar="NAME|FILE")
@json_option
def build(specification: str, as_json: bool) -> None:
    """Build a dataset as a Dagster run. A FILE is taken into CODECOMMONS_HOME/datasets first."""
    from codecommons import datasets
    from codecommons.datasets.inputs import resolve

    lake = open_lake()
    asked = _specification(specification)
    if Path(specification).suffix == ".yaml":
        datasets.keep_specification(lake.settings, Path(specification))
    from codecommons_dagster.instance import run_job

    finished = run_job(lake.settings, "dataset", asked.name)
    if finished:
        release = datasets.release(lake, asked.name, as_of=resolve(lake, asked).as_of)
        say(to_json(release.document) if as_json else lines.of_release(release, lake))
    finish(finished)


@dataset.command("list", epilog=example("codecommons dataset list --json"))
@json_option
def list_(as_json: bool) -> None:
    """List datasets and their releases."""
    from codecommons import datasets

    lake = open_lake()
    releases = datasets.list_releases(lake)
    unreadable = datasets.unreadable(lake.settings)
    built = {one.name for one in releases}
    described = [name for name in datasets.names(lake.settings) if name not in {*built, *unreadable}]
    if as_json:
        waiting: list[dict[str, Any]] = [{"name": name, "fingerprint": None} for name in described]
        waiting += [{"name": name, "fingerprint": None, "error": why} for name, why in unreadable.items()]
        say(to_json([one.document for one in releases] + waiting))
        return
    if not releases and not described and not unreadable:
        say(f"no datasets; describe one in {lake.settings.home / 'datasets'}/NAME.yaml (see examples/datasets)")
    for one in releases:
        say(lines.of_release(one, lake))
    for name in described:
        say(f"{name}  not built; next: codecommons dataset build {name}")
    for name, why in unreadable.items():
        say(f"{name}  can't be built: {why}")


@dataset.command(
    epilog=example("codecommons dataset verify python-permissive\ncodecommons dataset verify python-permissive --release 0a1b2c")
)
@click.argument("name")
@release_option
@json_option
def verify(name: str, fingerprint: str | None, as_json: bool) -> None:
    """Prove that a release is what its fingerprint says, down to the bytes behind every row. Exit code 1 when it is not."""
    from codecommons import datasets

    found = datasets.verify(open_lake(), name, fingerprint)
    if as_json:
        say(to_json({**dataclasses.asdict(found), "passed": found.passed}))
    else:
        for problem in found.problems:
            row = "" if problem.row is None else f" row {problem.row} ({problem.swhid})"
            say(f"{problem.file}{row}: {problem.what}")
        say(f"{found.name} {found.fingerprint[:12]}: {found.rows:,} rows, {len(found.problems) or 'no'} problems")
        say(f"attestation: {found.signature}")
    if not found.passed:
        raise click.exceptions.Exit(1)


@dataset.command(
    epilog=example("codecommons dataset reproduce python-permissive\ncodecommons dataset reproduce mine --release 0a1b2c --json")
)
@click.argument("name")
@release_option
@json_option
def reproduce(name: str, fingerprint: str | None, as_json: bool) -> None:
    """Make a release again and compare it byte for byte; only what was opted out since may differ. Exit code 1 when more does."""
    from codecommons import datasets
    from codecommons.engine import chosen_engine

    lake = open_lake()
    with contextlib.closing(chosen_engine(lake.settings)) as engine:
        found = datasets.reproduce(lake, engine, name, fingerprint)
    say(to_json({**dataclasses.asdict(found), "passed": found.passed}) if as_json else "\n".join(lines.of_reproduction(found)))
    if not found.passed:
        raise click.exceptions.Exit(1)


@dataset.command(epilog=example("codecommons dataset diff mine\ncodecommons dataset diff mine@0a1b2c mine@3d4e5f --json"))
@click.argument("older", metavar="NAME[@RELEASE]")
@click.argument("newer", metavar="[NAME[@RELEASE]]", required=False)
@json_option
def diff(older: str, newer: str | None, as_json: bool) -> None:
    """Say what came and what went between two releases, and why; of one dataset its last two, unless they are named."""
    from codecommons import datasets

    lake = open_lake()
    if newer is None:
        releases = datasets.list_releases(lake, older.partition("@")[0])
        if "@" in older or len(releases) < 2:
            raise UsageError(f"{older} has no two releases to compare; name another one too, such as NAME@RELEASE")
        first, second = releases[-2:]
    else:
        first, second = (datasets.release(lake, *one.split("@", 1)) for one in (older, newer))
    found = datasets.releases_differ(lake, first, second)
    say(to_json(dataclasses.asdict(found)) if as_json else "\n".join(lines.of_difference(found, first, second)))


def _specification(name: str) -> Specification:
    """The specification of that name, or in that file."""
    from codecommons import datasets
    from codecommons.datasets.specification import parse
    from codecommons.settings import Settings

    if Path(name).suffix == ".yaml":
        return parse(Path(name).read_bytes(), Path(name).stem)
    if Path(name).name != name:
        raise UsageError(f"{name} is neither a dataset's name nor a file NAME.yaml")
    return datasets.specification(Settings.from_environment(), name)
