# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What all commands of ``codecommons`` share: how the lake is opened, how things are said, and how a run ends a command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from codecommons.errors import LakeError

if TYPE_CHECKING:
    from codecommons.lake import Lake
    from codecommons_dagster.instance import Finished

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")


def example(text: str) -> str:
    """An epilog that keeps its lines."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in text.splitlines())


def open_lake() -> Lake:
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
    return watched(Lake.open(settings))


def tell_unreadable(lake: Lake) -> None:
    """Say which licence policies decide nothing for now, a line each, beside what was asked for."""
    from codecommons.license import unreadable

    for name, why in unreadable(lake.settings).items():
        say(f"left out  policy {name}: {why}", err=True)


def watched(lake: Lake) -> Lake:
    """The lake, which an error is looked up in if the command ends with one."""
    click.get_current_context().find_root().obj = lake
    return lake


def say(text: str, err: bool = False) -> None:
    """Print text that may hold names of files, which need not be UTF-8: such bytes go out as they came in."""
    click.echo(text.encode("utf-8", "surrogateescape"), err=err)


def to_json(value: Any) -> str:
    """JSON for a program, indented."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def finish(finished: Finished) -> None:
    """End with what made a run fail."""
    if not finished:
        said = "\n".join(finished.failures)
        raise click.ClickException(f"{said}\nThe run is {finished.run_id}; `codecommons status` says how to go on")
